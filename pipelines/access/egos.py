"""One person's ties to people of the same manager, in three bands: in the open mode alone, for that manager alone."""

import numpy as np

from ona.errors import NotFoundError
from pipelines.access import words
from pipelines.access.named import badge_chips, named_people, named_person
from pipelines.access.opening import open_record
from pipelines.access.policy import Readable, Sight, Viewer, demand, look
from pipelines.access.readable import Bools, Floats, Ids
from pipelines.access.rights import Right, Role
from pipelines.access.unit_answers import Ego, PersonTie
from pipelines.access.units import weight_band
from pipelines.phrases import say
from pipelines.settings import Mode
from pipelines.storage.workspace import Workspace

GRAPH = "relationship"

MOST_ALTERS = 40
"""Above this many a map draws those with most contact."""

CLOSED = "Ties of single people are shown to their manager alone, and only where the company chose the open mode."

NOTES = (
    say("Lasting contact in three bands. It shows who works with whom, not how well."),
    say("People outside your teams, and those who objected, are not drawn; contact with them may be most of somebody's work."),
)


def may_see_ties(ws: Workspace, scan: Readable, viewer: Viewer) -> bool:
    """Whether this viewer is shown single people's ties in this scan: not when it was published in a narrower mode."""
    return viewer.role is Role.MANAGER and look(ws, scan, viewer).mode is Mode.OPEN


def read_ego(ws: Workspace, scan: Readable, viewer: Viewer, code: str) -> Ego:
    """Return whom somebody works with, among the people below this manager.

    Raises NotFoundError where the policy does not allow it, alike for everybody, and for whoever is not below this manager.
    """
    demand(ws, viewer, Right.SEE_NAMED)
    if not may_see_ties(ws, scan, viewer):
        raise NotFoundError(CLOSED)
    sight = look(ws, scan, viewer)
    return ego_of(sight, open_record(sight, code))


def ego_of(sight: Sight, row: int) -> Ego:
    """Describe the ties of a member whose record was opened."""
    source, target, weight = sight.scan.ties(GRAPH)
    both = sight.visible[source] & sight.visible[target] & (source != target)
    source, target, weight = source[both], target[both], weight[both]
    near = _near(row, (source, target), weight)
    drawn = np.isin(source, near) & np.isin(target, near)
    strongest = float(weight[drawn].max()) if drawn.any() else 1.0
    ends = zip(source[drawn].tolist(), target[drawn].tolist(), weight[drawn].tolist(), strict=True)
    ties = [PersonTie(sight.codes[a], sight.codes[b], weight_band(size / strongest)) for a, b, size in ends]
    held = badge_chips(sight, np.array([row]))
    return Ego(
        scan_id=sight.scan.id,
        mode=sight.mode,
        person=named_person(sight, row, (), held.get(int(sight.scan.persons[row]), ())),
        people=named_people(sight, near[near != row], ()),
        ties=tuple(sorted(ties, key=lambda tie: (tie.a, tie.b))),
        notes=NOTES,
        standing=(words.STANDING_LINE, words.ABSENCE_LINE),
    )


def _near(row: int, ends: tuple[Ids, Ids], weight: Floats) -> Ids:
    """Rows of somebody and of those whom they have most contact with."""
    source, target = ends
    mine: Bools = (source == row) | (target == row)
    alters = np.where(source[mine] == row, target[mine], source[mine])
    order = np.lexsort((alters, -weight[mine]))
    return np.unique(np.append(alters[order][:MOST_ALTERS], row)).astype(np.int64)
