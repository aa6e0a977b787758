"""Who leads which team, by view id, for an analyst who wants to see what a manager will see."""

from dataclasses import dataclass

import numpy as np

from ona.errors import NotFoundError
from pipelines.access.acting import leader_of
from pipelines.access.policy import Readable, Viewer, demand, look
from pipelines.access.rights import Right
from pipelines.storage.workspace import Workspace


@dataclass(frozen=True)
class Leader:
    """Whoever leads a team."""

    id: str  # view id for the one who asks
    code: int  # of the team
    team: str


def read_leaders(ws: Workspace, scan: Readable, viewer: Viewer) -> tuple[Leader, ...]:
    """Leaders of the teams that are shown, by team."""
    demand(ws, viewer, Right.PUBLISH)
    sight = look(ws, scan, viewer)
    place = {int(sight.scan.persons[row]): int(row) for row in sight.rows}
    found = []
    for code in np.unique(sight.scan.units("team")[sight.rows]).tolist():
        if not sight.is_shown("team", code):
            continue
        try:
            row = place.get(leader_of(ws, scan, code))
        except NotFoundError:
            continue
        if row is not None:
            found.append(Leader(sight.codes[row], code, sight.scan.unit_name("team", code)))
    return tuple(sorted(found, key=lambda one: one.team.casefold()))
