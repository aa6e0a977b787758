"""Who was asked, read, refused and skipped at the last pull of each network connector, and whether that is enough to rank people."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta

import pyarrow.compute as pc
import sqlalchemy as sa

from ona.errors import NotEnoughDataError
from pipelines.intake.events import monday
from pipelines.schema import PULL_COUNTS, PULLS
from pipelines.storage.workspace import Workspace

LEAST_READ = 0.8
"""Share of channels or mailboxes that the last pull must have read before anybody is ranked."""

SKIPPED_ON_PURPOSE = frozenset({"objected", "excluded", "not_wanted"})
"""Reasons to leave somebody out that make nothing missing."""


@dataclass(frozen=True)
class Principals:
    """What became of the channels, mailboxes or calendars of one connector."""

    connector: str
    kind: str
    asked: int
    read: int
    refused: Mapping[str, int] = field(default_factory=dict)  # by the service's code
    skipped: Mapping[str, int] = field(default_factory=dict)
    first: datetime | None = None  # naive UTC, over all pulls
    last: datetime | None = None
    gaps: tuple[date, ...] = ()  # Mondays of weeks between first and last without any event

    @property
    def share(self) -> float:
        """Return the share that was read of those that should have been."""
        wanted = self.asked - sum(count for code, count in self.skipped.items() if code in SKIPPED_ON_PURPOSE)
        return self.read / wanted if wanted > 0 else 1.0

    def to_json(self) -> dict[str, object]:
        """Return plain values."""
        times = {"first": self.first and self.first.isoformat(), "last": self.last and self.last.isoformat()}
        return asdict(self) | times | {"gaps": [week.isoformat() for week in self.gaps], "share": round(self.share, 4)}

    def in_words(self) -> str:
        """Say it in one line."""
        parts = [f"{self.read:,} of {self.asked:,} {self.kind} read"]
        for word, codes in (("refused", self.refused), ("skipped", self.skipped)):
            parts += [f"{count:,} {word} ({code})" for code, count in codes.items()]
        parts += [f"weeks without any event: {', '.join(week.isoformat() for week in self.gaps)}"] if self.gaps else []
        return f"{self.connector}: {'; '.join(parts)}"


def principals(ws: Workspace) -> list[Principals]:
    """Return the account of the last whole pull of each network connector."""
    notes = ws.service.rows(
        sa.select(PULLS.c.connector, PULL_COUNTS.c.pull, PULL_COUNTS.c.code, PULL_COUNTS.c.rows)
        .join(PULLS, PULLS.c.id == PULL_COUNTS.c.pull)
        .where(PULL_COUNTS.c.fate == "note")
        .order_by(PULL_COUNTS.c.pull)
    )
    last = {row.connector: row.pull for row in notes if row.code.endswith("_asked")}
    found = []
    for connector, pull in sorted(last.items()):
        (first, latest), gaps = _span(ws, connector), _gaps(ws, connector)
        counts = {row.code: int(row.rows) for row in notes if row.pull == pull}
        found += [replace(one, first=first, last=latest, gaps=gaps) for one in counted(connector, counts)]
    return found


def counted(connector: str, notes: Mapping[str, int]) -> list[Principals]:
    """Return what the notes of one pull say about who was asked."""
    kinds = sorted(code.removesuffix("_asked") for code in notes if code.endswith("_asked"))
    return [
        Principals(
            connector,
            kind,
            notes[f"{kind}_asked"],
            notes.get(f"{kind}_read", 0),
            _codes(notes, f"{kind}_refused_"),
            _codes(notes, f"{kind}_skipped_"),
        )
        for kind in kinds
    ]


def require(ws: Workspace) -> None:
    """Raise NotEnoughDataError when the last pull of a connector read too few of those it should have."""
    poor = [one for one in principals(ws) if one.share < LEAST_READ]
    if poor:
        seen = "; ".join(one.in_words() for one in poor)
        raise NotEnoughDataError(
            f"Nobody is ranked on partial data: {seen}. At least {LEAST_READ:.0%} have to be read. "
            "Give the app access or wait for the limit, pull again, then: ona scan"
        )


def _span(ws: Workspace, connector: str) -> tuple[datetime | None, datetime | None]:
    found = ws.service.rows(sa.select(sa.func.min(PULLS.c.first), sa.func.max(PULLS.c.last)).where(PULLS.c.connector == connector))
    return found[0][0], found[0][1]


def _codes(counts: Mapping[str, int], start: str) -> dict[str, int]:
    return {code.removeprefix(start): count for code, count in sorted(counts.items()) if code.startswith(start)}


def _gaps(ws: Workspace, connector: str) -> tuple[date, ...]:
    """Return the weeks of the buffer, between the first and the last with an event of this connector, that have none."""
    weeks = Counter[date]()
    for part in ws.lake.parts("events"):
        weeks[monday(part)] += int(pc.sum(pc.equal(ws.lake.read("events", [part], columns=["source"])["source"], connector)).as_py() or 0)
    seen = [week for week, count in weeks.items() if count]
    if not seen:
        return ()
    between = (max(seen) - min(seen)).days // 7
    return tuple(week for number in range(between) if not weeks[week := min(seen) + timedelta(weeks=number)])
