"""What is connected: each connector's last pull, what came of its rows, and whether that is enough."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from pipelines.access.policy import Viewer, demand
from pipelines.access.rights import Right
from pipelines.intake.coverage import principals
from pipelines.intake.quality import connector_accounts
from pipelines.schema import FAILURES, PULLS
from pipelines.storage.workspace import Workspace


@dataclass(frozen=True)
class Connection:
    """One connector as it stands."""

    name: str
    configured: bool
    pulled: datetime | None  # end of the last pull, naive UTC
    read: int
    accepted: int
    verdict: str | None  # None before the first pull
    reasons: tuple[str, ...]
    first: str | None  # day of the first and last event
    last: str | None
    coverage: float | None  # share of channels or mailboxes that the last pull read; None for files
    failed: datetime | None  # last time that it could not be read, when that is newer than the last pull


def read_connections(ws: Workspace, viewer: Viewer) -> tuple[Connection, ...]:
    """Return every connector that is configured or was ever pulled, by name."""
    demand(ws, viewer, Right.SEE_QUALITY)
    accounts = {one.connector: one for one in connector_accounts(ws)}
    shares = {one.connector: one.share for one in principals(ws)}
    pulled = _latest(ws, PULLS.c.connector, PULLS.c.finished)
    failed = _latest(ws, FAILURES.c.connector, FAILURES.c.at)
    return tuple(
        Connection(
            name=name,
            configured=name in ws.settings.connectors,
            pulled=pulled.get(name),
            read=accounts[name].read if name in accounts else 0,
            accepted=accounts[name].accepted if name in accounts else 0,
            verdict=accounts[name].verdict if name in accounts else None,
            reasons=tuple(accounts[name].reasons) if name in accounts else (),
            first=accounts[name].first if name in accounts else None,
            last=accounts[name].last if name in accounts else None,
            coverage=shares.get(name),
            failed=_newer(failed.get(name), pulled.get(name)),
        )
        for name in sorted({*ws.settings.connectors, *accounts, *failed})
    )


def _latest(ws: Workspace, name: sa.Column[str], at: sa.Column[datetime]) -> dict[str, datetime]:
    return {row[0]: row[1] for row in ws.service.rows(sa.select(name, sa.func.max(at)).group_by(name))}


def _newer(one: datetime | None, other: datetime | None) -> datetime | None:
    return one if one and (other is None or one > other) else None
