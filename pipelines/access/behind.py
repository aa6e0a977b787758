"""The person behind a view id, for steps that act on somebody without showing who it is."""

from ona.errors import ForbiddenError, NotFoundError
from pipelines.access.policy import Readable, Viewer, view_id
from pipelines.access.readable import ReadableScan
from pipelines.intake import people
from pipelines.storage.workspace import Workspace


def member_behind(ws: Workspace, scan: Readable, viewer: Viewer, code: str) -> int:
    """Return the member of a scan behind a whole view id of the viewer's role.

    Raises NotFoundError alike for an id of another scan or role, for nobody, and for somebody who objected.
    """
    opened = scan if isinstance(scan, ReadableScan) else ReadableScan(scan)
    wanted, hidden = code.upper(), people.withheld(ws)
    for person in opened.persons.tolist():
        if view_id(ws.keys, viewer.role, opened.id, person) == wanted and person not in hidden:
            return int(person)
    raise NotFoundError("There is nobody of this id in this scan for you. Ids change from scan to scan: start from the newest list.")


def refuse_acting(viewer: Viewer) -> None:
    """Raise ForbiddenError when the local operator only looks as this viewer: looking as somebody changes nothing in their name."""
    if viewer.acting:
        raise ForbiddenError("You only look as somebody else. Nothing is changed in their name; go back to your own view first.")
