"""Credly's feed of an issuing organisation over a simulated company, with canaries in descriptions, evidence and names."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from connectors.simulated.identities import canary
from connectors.simulated.vendors import deployments
from connectors.simulated.vendors.stock import Stock
from connectors.simulated.world import Call, Reply, Route, World, page_of

TOKEN = "credly-fake-token"
ORGANIZATION = "0a1b2c3d-fake"
STATES = ("accepted", "accepted", "accepted", "accepted", "accepted", "accepted", "pending", "rejected", "revoked", "accepted")

Item = dict[str, object]


@dataclass
class Credly:
    """One organisation; what it has issued follows from the company."""

    page: int = 50
    withdrawn: set[str] = field(default_factory=set)
    """Ids of badges revoked since."""
    twist: Callable[[Item], Item] | None = None
    """Changes a page before it is sent: for answers that no service should give."""

    def routes(self, world: World) -> Sequence[Route]:
        """Return the methods."""
        stock = Stock(world)
        world.tokens.accept("Basic " + base64.b64encode(f"{TOKEN}:".encode()).decode(), ["badges"])
        path = f"/credly/v1/organizations/{ORGANIZATION}/badges"
        return [Route(path, lambda _, call: self._badges(stock, call), "credly.badges", ("GET",), 60.0)]

    def refusal(self, code: str) -> Reply:
        """Return an error as Credly words it."""
        status = {"no_token": 401, "dead_token": 401, "limited": 429}.get(code, 503)
        return Reply({"data": {"message": canary("error", status), "errors": []}}, status)

    def section(self, address: str, home: Path, pace: float) -> str:
        """Write the token and return the settings of a deployment that pulls from here."""
        token = deployments.secret(home / "credly_token", TOKEN)
        settings = {"url": f"{address}/credly/v1", "organization": ORGANIZATION, "token_file": token}
        return deployments.section("badges_credly", pace, settings)

    def _badges(self, stock: Stock, call: Call) -> Reply:
        rows = stock.company.badges.to_pylist()
        number, pages = int(call.given.get("page", 1)), -(-len(rows) // self.page)
        some, after = page_of([self._badge(stock, row) for row in rows], (number - 1) * self.page, self.page)
        here = f"{call.address}{call.path}?page={number + 1}"
        places = {"count": len(some), "current_page": number, "total_pages": pages, "total_count": len(rows)}
        body: Item = {"data": stock.world.faults.mangle(some), "metadata": {**places, "next_page_url": here if after is not None else None}}
        return Reply(self.twist(body) if self.twist else body)

    def _badge(self, stock: Stock, row: dict[str, object]) -> Item:
        number = int(str(row["badge"]))
        id, holder = f"{number & 0xFFFFFFFFFFFFFFFF:016x}", stock.identities.of(int(str(row["person"])))
        skills = row["skills"] if isinstance(row["skills"], list) else []
        expires = row["expires_on"]
        return {
            "id": id,
            "state": "revoked" if id in self.withdrawn else STATES[number % len(STATES)],
            "issued_at": f"{row['issued_on']}T00:00:00.000Z",
            "expires_at": f"{expires}T00:00:00.000Z" if expires else None,
            "recipient_email": holder.aliases[0] if holder.aliases and number % 2 else holder.email,
            "issued_to_first_name": canary("name", number),
            "evidence": [{"type": "UrlEvidence", "value": f"https://evidence.example/{canary('evidence', number)}"}],
            "badge_template": {
                "id": f"template-{id}",
                "name": row["name"],
                "level": row["level"],
                "description": canary("description", number),
                "skills": [{"id": str(place), "name": skill} for place, skill in enumerate(skills)] if number % 3 else skills,
            },
            "issuer": {"summary": canary("summary", number), "entities": [{"primary": True, "entity": {"name": row["issuer"]}}]},
        }
