"""A SCIM 2.0 service over a simulated company, paged by number or by cursor, with canaries in names and notes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from connectors.scim import ENTERPRISE
from connectors.simulated.identities import Identity, canary
from connectors.simulated.vendors import deployments
from connectors.simulated.vendors.stock import Stock, guid
from connectors.simulated.world import Call, Reply, Route, World, opened, page_of, sealed
from ona.tables import AccountKind

TOKEN = "scim-fake-token"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"

Item = dict[str, object]


@dataclass
class Scim:
    """One service; whom it knows follows from the company."""

    page: int = 25
    cursors: bool = False
    """Whether pages are asked for by cursor (RFC 9865) instead of by number."""
    twist: Callable[[Item], Item] | None = None
    """Changes a page before it is sent: for answers that no service should give."""

    def routes(self, world: World) -> Sequence[Route]:
        """Return the methods."""
        stock = Stock(world)
        world.tokens.accept(TOKEN, ["users"])
        return [Route("/scim/v2/Users", lambda _, call: self._users(stock, call), "scim.users", ("GET",), 120.0)]

    def section(self, address: str, folder: Path, pace: float) -> str:
        """Return the settings of a deployment in the folder that pulls from here, and leave the token there."""
        token = deployments.secret(folder / "scim_token", TOKEN)
        return deployments.section("scim", pace, {"url": f"{address}/scim/v2", "token_file": token})

    def refusal(self, code: str) -> Reply:
        """Return an error as SCIM words it: the status is text."""
        status = {"no_token": 401, "dead_token": 401, "limited": 429}.get(code, 503)
        error = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": str(status), "detail": canary("detail", status)}
        return Reply(error, status)

    def _users(self, stock: Stock, call: Call) -> Reply:
        everybody = [user(stock, one) for one in stock.everybody]
        place = (opened(call.given["cursor"]) or {}).get("at", 0) if "cursor" in call.given else int(call.given.get("startIndex", 1)) - 1
        some, after = page_of(everybody, place, min(int(call.given.get("count", self.page)), self.page))
        body: Item = {
            "schemas": [LIST],
            "totalResults": len(everybody),
            "itemsPerPage": len(some),
            "Resources": stock.world.faults.mangle(some),
        }
        if self.cursors and after is not None:
            body["nextCursor"] = sealed({"at": after})
        elif not self.cursors:
            body["startIndex"] = place + 1
        return Reply(self.twist(body) if self.twist else body)


def user(stock: Stock, identity: Identity) -> Item:
    """Return a user; booleans and managers in the dress of less careful services."""
    manager = stock.managers.get(identity.account)
    careless = identity.account % 3 == 0
    enterprise: Item = {"employeeNumber": stock.identities.employees[identity.account], "department": "Sales"}
    if manager is not None:
        enterprise["manager"] = guid(manager) if careless else {"value": guid(manager), "displayName": canary("manager", manager)}
    return {
        "id": guid(identity.account),
        "userName": identity.email,
        "active": str(not identity.left) if careless else not identity.left,
        "userType": "Guest" if identity.kind == AccountKind.GUEST else "Employee",
        "emails": [
            {"value": identity.email, "type": "work", "primary": True},
            *({"value": alias, "type": "work"} for alias in identity.aliases),
            {"value": f"{identity.account}@private.example", "type": "home"},
        ],
        "timezone": identity.zone,
        "meta": {"lastModified": f"{stock.left[identity.account]}T08:00:00Z"} if identity.account in stock.left else {},
        "name": {"formatted": canary("name", identity.account)},
        "title": canary("title", identity.account),
        ENTERPRISE: enterprise,
    }
