"""Maps of groups for managers, HR and the works council: bands, never counts; people by consent alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ona.disclosure import Hidden, primary
from ona.errors import NotFoundError
from pipelines.access import words
from pipelines.access.cards import NOT_TOLD, cards_of, waits_for_more
from pipelines.access.contact import Contact, contact_of
from pipelines.access.disclosed import COMPANY, GROUP, OUTSIDE, TEAM, Cell, Pattern
from pipelines.access.named import named_people
from pipelines.access.policy import Readable, Sight, Viewer, demand, look
from pipelines.access.readable import Ids
from pipelines.access.readings import marks
from pipelines.access.rights import Right, Role
from pipelines.access.stamp import remembered
from pipelines.access.unit_answers import GroupNode, Groups, GroupTie, LoadBand, UnitMap, WeightBand
from pipelines.phrases import Phrase, say
from pipelines.storage.workspace import Workspace

MOST_NODES = 60
"""Above this many teams a map of the company draws departments."""

MOST_PEOPLE = 60
"""Above this many named people a map draws those who stand out."""

SIZES = ((100, "100 and more"), (50, "50 to 99"), (20, "20 to 49"), (10, "10 to 19"), (0, "5 to 9"))

HIGH, ABOVE = 1.5, 1.2
"""Mean load beside the company's from which a group's is called high, or above usual."""

STRONG, MEDIUM = 0.5, 0.2
"""Contact beside the strongest drawn."""

PREFIXES = {GROUP: "d", TEAM: "", OUTSIDE: "out-"}
NAMES = {GROUP: "group", TEAM: "team", OUTSIDE: "team"}  # attribute whose label a cell carries


@dataclass(frozen=True, eq=False)
class Units:
    """The groups of one scan as one viewer sees them."""

    sight: Sight

    @cached_property
    def pattern(self) -> Pattern:
        """Which groups are published."""
        return self.sight.pattern

    @cached_property
    def loads(self) -> list[LoadBand | None]:
        """Load of each cell's people beside the company's, where it tells nobody's."""
        asks = self.sight.scan.facts.get("asks")
        if asks is None:
            return [None] * len(self.pattern.cells)
        usual = float(np.nanmean(asks[self.sight.counted])) if np.isfinite(asks[self.sight.counted]).any() else 0.0
        own = np.nan_to_num(asks)
        bands = np.digitize(own, [ABOVE * usual, HIGH * usual])
        safe = primary(self.pattern.members, own, self.sight.minimum, bands=bands) == Hidden.SHOWN
        means = (self.pattern.members @ own) / np.maximum(self.pattern.members.sum(axis=1), 1)
        return [_load(float(mean), usual) if shown and usual > 0 else None for mean, shown in zip(means, safe, strict=True)]

    def rows(self, cell: Cell) -> Ids:
        """Member rows of a group."""
        members, at = self.pattern.members, self.pattern.place[cell]
        return np.asarray(members.indices[members.indptr[at] : members.indptr[at + 1]], dtype=np.int64)

    def label(self, cell: Cell) -> str:
        """Name of a group."""
        if cell[0] == COMPANY:
            return say("My teams") if self.sight.viewer.role is Role.MANAGER else say("Whole company")
        return self.sight.scan.unit_name(NAMES[cell[0]], cell[1])

    def node(self, cell: Cell) -> GroupNode:
        """Draw one group."""
        own, shown = cell[0] != OUTSIDE, self.pattern.is_shown(*cell)
        size = len(self.rows(cell))
        return GroupNode(
            kind="group",
            id=identity(cell),
            label=self.label(cell),
            own=own,
            hidden=not shown,
            reason=None if shown else too_few(self.sight.minimum),
            size_band=next(text for floor, text in SIZES if size >= floor) if shown else None,
            load_band=self.loads[self.pattern.place[cell]] if self.pattern.has_figures(*cell) else None,
        )

    def shown(self, attribute: str) -> list[Cell]:
        """Return the published groups of one kind."""
        return [cell for cell in self.pattern.cells if cell[0] == attribute and self.pattern.is_shown(*cell)]

    def contact(self, cells: Sequence[Cell]) -> Contact:
        """Contact between groups that do not overlap."""
        place = np.full(len(self.sight.scan.persons), -1, dtype=np.int64)
        for at, cell in enumerate(cells):
            place[self.rows(cell)] = at
        return contact_of(self.sight.scan.ties("relationship"), place, len(cells), self.sight.minimum)


def read_map(ws: Workspace, scan: Readable, viewer: Viewer, unit: str = COMPANY) -> UnitMap:
    """Return the map of a viewer's units, or of one unit among its neighbours.

    Raises NotFoundError for a unit that does not exist or is not in the viewer's scope.
    """
    demand(ws, viewer, Right.SEE_GROUPS)
    sight = look(ws, scan, viewer)
    whose = f"{viewer.role} {viewer.subject} {viewer.person}"
    return remembered(ws, f"map {sight.scan.id} {whose} {unit}", sight.state, lambda: _map(Units(sight), unit))


def read_groups(ws: Workspace, scan: Readable, viewer: Viewer) -> Groups:
    """Return every group that the viewer may open, and those in their scope that are hidden, by name."""
    demand(ws, viewer, Right.SEE_GROUPS)
    sight = look(ws, scan, viewer)
    units = Units(sight)
    own = [cell for cell in units.pattern.cells if cell[0] in (GROUP, TEAM)]
    nodes = sorted((units.node(cell) for cell in own), key=lambda node: (node.label.casefold(), node.id))
    return Groups(sight.scan.id, sight.mode, sight.minimum, coverage_band(sight), tuple(nodes))


def identity(cell: Cell) -> str:
    """Return how a group is named in addresses."""
    return COMPANY if cell[0] == COMPANY else f"{PREFIXES[cell[0]]}{cell[1]}"


def cell_of(units: Units, unit: str) -> Cell:
    """Return the group behind an id; one out of scope, one of others and one that does not exist are one answer."""
    found = {identity(cell): cell for cell in units.pattern.cells if cell[0] != OUTSIDE}.get(unit)
    if found is None or (found[0] == COMPANY and not len(units.rows(found))):
        raise NotFoundError("There is no group of this id in this scan for you. Start from the map of your groups.")
    return found


def too_few(minimum: int) -> str:
    """Say why a group is hidden, in the same words whether it is small itself or would tell of a small one."""
    return say("Hidden to protect people: alone or beside what is shown it would tell of fewer than {minimum} people.", minimum=minimum)


def coverage_band(sight: Sight) -> str:
    """Return how much was seen, in steps of five points."""
    found = sight.scan.sealed.quality.get("coverage")
    share = found.get("share") if isinstance(found, dict) else None
    if share is None:
        return say("not known")
    low = min(int(float(share) * 20), 19) * 5
    return say("{low} % to {high} %", low=low, high=low + 5)


def untold(units: Units, cell: Cell) -> Phrase | None:
    """Say why no figure of a shown group is told, None where they are."""
    if units.pattern.has_figures(*cell):
        return None
    return waits_for_more(units.sight) if units.pattern.is_held(*cell) else NOT_TOLD


def _map(units: Units, unit: str) -> UnitMap:
    sight, cell = units.sight, cell_of(units, unit)
    if not units.pattern.is_shown(*cell):
        return _answer(units, cell, reason=too_few(sight.minimum))
    inside = _inside(units, cell)
    around = [one for one in _all_of_a_kind(units, inside) if one not in inside]
    contact = units.contact([*inside, *around])
    waits = [units.pattern.is_held(*one) for one in (*inside, *around)]
    ties = [(a, b, weight) for a, b, weight in contact.ties if a < len(inside) and not (waits[a] or waits[b])]
    met = {b for _, b, _ in ties}
    drawn = inside + [one for at, one in enumerate(around, len(inside)) if at in met]
    edges = _edges([*inside, *around], ties)
    return _answer(units, cell, nodes=tuple(units.node(one) for one in drawn), edges=edges)


def _inside(units: Units, cell: Cell) -> list[Cell]:
    """Return what a map is about: the teams of a viewer or a department, departments where teams are too many, or one team."""
    if cell[0] == TEAM:
        return [cell]
    teams = units.shown(TEAM)
    if cell[0] == GROUP:
        members = set(units.rows(cell).tolist())
        return [team for team in teams if members.issuperset(units.rows(team).tolist())]
    return teams if len(teams) <= MOST_NODES or not units.shown(GROUP) else units.shown(GROUP)


def _all_of_a_kind(units: Units, inside: Sequence[Cell]) -> list[Cell]:
    """Return groups that may stand beside those of a map without overlapping them."""
    return units.shown(GROUP) if inside and inside[0][0] == GROUP else units.shown(TEAM) + units.shown(OUTSIDE)


def _edges(cells: Sequence[Cell], ties: Sequence[tuple[int, int, float]]) -> tuple[GroupTie, ...]:
    strongest = max((weight for _, _, weight in ties), default=1.0)
    return tuple(GroupTie(identity(cells[a]), identity(cells[b]), weight_band(weight / strongest)) for a, b, weight in ties)


def _answer(
    units: Units, cell: Cell, *, nodes: tuple[GroupNode, ...] = (), edges: tuple[GroupTie, ...] = (), reason: str | None = None
) -> UnitMap:
    sight = units.sight
    return UnitMap(
        scan_id=sight.scan.id,
        mode=sight.mode,
        k=sight.minimum,
        coverage_band=coverage_band(sight),
        unit=identity(cell),
        name=units.label(cell),
        hidden=reason is not None,
        reason=reason,
        nodes=nodes,
        people=() if reason else named_people(sight, _people_rows(units, cell), {node.id for node in nodes}),
        edges=edges,
        cards=() if reason else cards_of(sight, units.rows(cell), untold=untold(units, cell)),
        notes=_notes(sight),
        standing=(words.STANDING_LINE, words.ABSENCE_LINE),
    )


def _people_rows(units: Units, cell: Cell) -> Ids:
    """Rows of a group's people who may be seen, the viewer's own not among them; of very many those who stand out."""
    rows = units.rows(cell)
    rows = rows[units.sight.visible[rows]]
    return rows if len(rows) <= MOST_PEOPLE else rows[[bool(marks(units.sight, int(row), "flagged")) for row in rows]]


def _notes(sight: Sight) -> tuple[str, ...]:
    found = [say("A line needs at least {minimum} people at both ends, and none of them may carry most of it.", minimum=sight.minimum)]
    if sight.mode == "open":
        found.append(say("Everybody below you is named here, as the works agreement of this company allows."))
    elif sight.mode == "standard":
        found.append(say("People who did not agree to be named are not drawn; they count in their group."))
    else:
        found.append(say("Single people are not shown in this company."))
    return tuple(found)


def _load(mean: float, usual: float) -> LoadBand:
    return "high" if mean >= HIGH * usual else "above usual" if mean >= ABOVE * usual else "usual"


def weight_band(share: float) -> WeightBand:
    """Return the band of a contact beside the strongest that is drawn."""
    return "strong" if share >= STRONG else "medium" if share >= MEDIUM else "weak"
