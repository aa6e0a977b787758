"""The account of one pull: what became of every row read, stored with the data that it is about."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from connectors.base import Coverage
from pipelines.schema import PULL_COUNTS, PULLS

Progress = Callable[[str, int, int | None], None]
"""Takes what is read, how many rows so far, and how many there are if known."""

AHEAD = timedelta(minutes=5)
"""A watermark is never later than this after the pull, whatever the records say."""


@dataclass(frozen=True)
class PullReport:
    """Counts of one pull, in vendor rows; accepted + duplicate + dropped + quarantined = read."""

    connector: str
    read: int = 0
    accepted: int = 0
    duplicate: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)  # by rule
    quarantined: Mapping[str, int] = field(default_factory=dict)  # by error code
    notes: Mapping[str, int] = field(default_factory=dict)  # facts that are not rows
    first: datetime | None = None  # naive UTC, of accepted rows
    last: datetime | None = None
    parts: tuple[str, ...] = ()  # weeks that changed
    dry_run: bool = False

    @property
    def balanced(self) -> bool:
        """Return whether every row read has found its place."""
        return self.read == self.accepted + self.duplicate + sum(self.dropped.values()) + sum(self.quarantined.values())

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        times = {"first": self.first and self.first.isoformat(), "last": self.last and self.last.isoformat()}
        return asdict(self) | times | {"parts": list(self.parts), "balanced": self.balanced}


def report_of(connector: str, coverage: Coverage, parts: tuple[str, ...] = (), *, dry_run: bool = False) -> PullReport:
    """Return the frozen report of a coverage."""
    return PullReport(
        connector,
        read=coverage.read,
        accepted=coverage.accepted,
        duplicate=coverage.duplicate,
        dropped=_sorted(coverage.dropped),
        quarantined=_sorted(coverage.quarantined),
        notes=_sorted(coverage.notes),
        first=_naive(coverage.first),
        last=_naive(coverage.last),
        parts=parts,
        dry_run=dry_run,
    )


def store(connection: sa.Connection, report: PullReport, started: datetime, finished: datetime) -> None:
    """Write the report into the service database, inside the caller's transaction."""
    watermark = report.last and min(report.last, finished + AHEAD)
    counts = {name: getattr(report, name) for name in ("connector", "read", "accepted", "duplicate", "first", "last")}
    values = counts | {"started": started, "finished": finished, "watermark": watermark}
    pull = connection.execute(sa.insert(PULLS).values(**values).returning(PULLS.c.id)).scalar_one()
    fates = {"dropped": report.dropped, "quarantined": report.quarantined, "note": report.notes}
    rows = [{"pull": pull, "fate": fate, "code": code, "rows": n} for fate, codes in fates.items() for code, n in codes.items()]
    if rows:
        connection.execute(sa.insert(PULL_COUNTS), rows)


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return {code: counts[code] for code in sorted(counts) if counts[code]}


def _naive(at: int | None) -> datetime | None:
    return None if at is None else datetime(1970, 1, 1) + timedelta(microseconds=at)
