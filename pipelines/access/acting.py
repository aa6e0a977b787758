"""As whom the local operator may look: a person by the id on their page, or whoever leads a team."""

from collections import Counter

from ona.errors import NotFoundError
from pipelines.access.policy import LOCAL_ANALYST, Readable, look
from pipelines.storage.workspace import Workspace


def person_behind(ws: Workspace, scan: Readable, code: str) -> int:
    """Person of a view id that the local analyst reads."""
    sight = look(ws, scan, LOCAL_ANALYST)
    return int(sight.scan.persons[sight.row_of(code)])


def leader_of(ws: Workspace, scan: Readable, team: int) -> int:
    """Whoever most people of a team report to.

    Raises NotFoundError when nobody of them has a manager who is known.
    """
    sight = look(ws, scan, LOCAL_ANALYST)
    people = sight.scan.sealed.people  # not its pandas twin: a column of ids with gaps becomes floats there, which are not exact
    manager_of = dict(zip(people["person"].to_pylist(), people["manager"].to_pylist(), strict=True))
    managers: list[int | None] = [manager_of[person] for person in sight.scan.persons[sight.members("team", team)].tolist()]
    known = Counter(manager for manager in managers if manager is not None)
    if not known:
        raise NotFoundError("Nobody leads this team as far as the directory says. Look as a person instead.")
    return min(known, key=lambda person: (-known[person], person))
