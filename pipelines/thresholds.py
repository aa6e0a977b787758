"""The minimum group of a company: it rises with the settings at once, and falls only when the privacy steward signs for that."""

from dataclasses import dataclass

import sqlalchemy as sa

from ona.errors import ConflictError
from pipelines import audit
from pipelines.audit import Act
from pipelines.schema import THRESHOLDS
from pipelines.settings import MINIMUM_GROUP
from pipelines.storage.workspace import Workspace

SETTINGS = "settings"
"""Who raises: whoever may edit the settings."""


@dataclass(frozen=True)
class Minimum:
    """What holds, and what the settings ask for; a lower wish waits for a signature."""

    holds: int
    wanted: int

    @property
    def waits(self) -> bool:
        """Whether the settings ask for less than holds."""
        return self.wanted < self.holds


def minimum(ws: Workspace) -> Minimum:
    """Return the minimum group; for one person alone on a machine, who could not be signed for, the settings decide."""
    wanted = max(MINIMUM_GROUP, ws.settings.minimum_group)
    return Minimum(wanted if ws.settings.sign_in is None else max(wanted, _kept(ws)), wanted)


def keep_minimum(ws: Workspace) -> int:
    """Return the minimum group that holds and keep it, so that it does not fall with the settings."""
    holds = minimum(ws).holds
    if ws.settings.sign_in is not None and holds > _kept(ws):
        _store(ws, holds, Act(SETTINGS, "operator", "change_minimum", object=str(holds)))
    return holds


def lower_minimum(ws: Workspace, by: str, to: int) -> int:
    """Let the lower minimum of the settings hold, for what is scanned and released from now on.

    Raises ConflictError when the settings do not ask for just that.
    """
    found = minimum(ws)
    if not found.waits or to != found.wanted:
        raise ConflictError(f"Nothing lower waits for a signature: {found.holds} holds and the settings ask for {found.wanted}.")
    _store(ws, to, Act(by, "steward", "change_minimum", object=str(to), purpose=f"from {found.holds}"))
    return to


def _kept(ws: Workspace) -> int:
    rows = ws.service.rows(sa.select(THRESHOLDS.c.minimum_group).order_by(THRESHOLDS.c.id.desc()).limit(1))
    return int(rows[0].minimum_group) if rows else MINIMUM_GROUP


def _store(ws: Workspace, number: int, act: Act) -> None:
    with audit.recorded(ws, act) as connection:
        connection.execute(sa.insert(THRESHOLDS).values(minimum_group=number, at=ws.now(), by=act.actor))
