"""Readings about teams: the list, and the map of one team or of the company, small groups hidden with the reason."""

from collections.abc import Sequence
from functools import reduce

import numpy as np

from ona.errors import NotFoundError
from pipelines.access import words
from pipelines.access.answers import MapNode, MapTie, TeamMap, TeamRow, Teams
from pipelines.access.policy import Readable, Sight, Viewer, demand, look
from pipelines.access.readable import NO_UNIT, Bools, Floats, Ids
from pipelines.access.readings import MARKED_FACETS, facet_reading, marks
from pipelines.access.rights import Right
from pipelines.phrases import Phrase, say, say_count
from pipelines.storage.workspace import Workspace

COMPANY = "company"

WHOLE = say("Whole company")

MOST_PEOPLE = 60
"""Above this the company map draws teams as nodes: more people than that are a hairball."""

MOST_TIES = 2_000
"""Lines on a map; the strongest are kept, and the page says so."""

Edges = tuple[Ids, Ids, Floats]


def read_teams(ws: Workspace, scan: Readable, viewer: Viewer) -> Teams:
    """All teams by name; a team under the minimum group keeps its name and nothing else."""
    demand(ws, viewer, Right.RANK)
    sight = look(ws, scan, viewer)
    outside = _outside(sight)
    rows = [_team_row(sight, code, outside.get(code)) for code in sight.sizes("team")]
    return Teams(sight.scan.id, sight.minimum, tuple(sorted(rows, key=lambda row: row.name.casefold())))


def read_team_map(ws: Workspace, scan: Readable, viewer: Viewer, team: int | str = COMPANY) -> TeamMap:
    """Map of one team among its neighbours, or of the company."""
    demand(ws, viewer, Right.RANK)
    sight = look(ws, scan, viewer)
    if str(team) == COMPANY:
        return _units_map(sight) if len(sight.rows) > MOST_PEOPLE else _people_map(sight, COMPANY, WHOLE, sight.rows)
    code = _code(sight, team)
    name = sight.scan.unit_name("team", code)
    if not sight.is_shown("team", code):
        return TeamMap(sight.scan.id, str(code), name, True, _too_small(sight), False, (), (), ())
    return _people_map(sight, str(code), name, sight.members("team", code))


def _code(sight: Sight, team: int | str) -> int:
    if str(team).isdecimal() and int(team) in sight.sizes("team"):
        return int(team)
    raise NotFoundError("There is no team of this id in this scan for you. Start from the list of teams.")


def _too_small(sight: Sight) -> Phrase:
    return say("Hidden to protect people: the team has fewer than {minimum} people.", minimum=sight.minimum)


def _team_row(sight: Sight, code: int, outside: float | None) -> TeamRow:
    name = sight.scan.unit_name("team", code)
    if not sight.is_shown("team", code):
        return TeamRow(code, name, True, _too_small(sight))
    rows = sight.members("team", code)
    counts: dict[str, int] = {facet: sum(facet in marks(sight, int(row), "flagged") for row in rows) for facet in MARKED_FACETS}
    groups = {sight.unit_name("group", int(row)) for row in rows}
    return TeamRow(code, name, False, None, groups.pop() if len(groups) == 1 else None, len(rows), counts, outside)


def _outside(sight: Sight) -> dict[int, float]:
    """Share of each team's contact that goes to other teams."""
    source, target, weight = _visible_ties(sight)
    unit = sight.scan.units("team")
    ends = np.concatenate([unit[source], unit[target]])
    crossing = np.tile(unit[source] != unit[target], 2)
    weights = np.tile(weight, 2)
    codes, place = np.unique(ends, return_inverse=True)
    total = np.bincount(place, weights, len(codes))
    across = np.bincount(place, weights * crossing, len(codes))
    return {int(code): round(float(part / whole), 2) for code, part, whole in zip(codes, across, total, strict=True) if whole > 0}


def _visible_ties(sight: Sight) -> Edges:
    source, target, weight = sight.scan.ties("relationship")
    seen = sight.visible[source] & sight.visible[target]
    return source[seen], target[seen], weight[seen]


def _people_map(sight: Sight, team: str, name: str, rows: Ids) -> TeamMap:
    """People as nodes; for a team also the other teams that its people are in contact with."""
    inside = np.zeros(len(sight.visible), dtype=np.bool_)
    inside[rows] = True
    source, target, weight = _visible_ties(sight)
    both = inside[source] & inside[target]
    drawn = _strongest((source[both], target[both], weight[both]))
    lines = [(sight.codes[a], sight.codes[b], float(w)) for a, b, w in zip(*drawn, strict=True)]
    neighbours = [] if team == COMPANY else _neighbours(sight, inside, (source, target, weight))
    lines += neighbours
    sight.read_names(rows)
    degree = _degrees(lines)
    nodes = [_person_node(sight, int(row), degree) for row in rows]
    units = sorted({int(end.removeprefix("unit-")) for _, end, _ in neighbours})
    nodes += [_unit_node(sight, code, degree) for code in units]
    return TeamMap(
        sight.scan.id, team, name, False, None, False, tuple(nodes), _lines(lines), _notes(sight, int(both.sum()), len(drawn[0]))
    )


def _units_map(sight: Sight) -> TeamMap:
    """Teams as nodes; a line needs the minimum group of distinct people at both ends."""
    source, target, weight = _visible_ties(sight)
    unit = sight.scan.units("team")
    shown = np.array([sight.is_shown("team", int(code)) for code in unit])
    crossing = shown[source] & shown[target] & (unit[source] != unit[target])
    lines = _unit_lines(sight, unit, (source[crossing], target[crossing], weight[crossing]))
    degree = _degrees(lines)
    nodes = [_unit_node(sight, code, degree) for code in sorted(sight.sizes("team")) if sight.is_shown("team", code)]
    hidden = sum(not sight.is_shown("team", code) for code in sight.sizes("team"))
    least = {"minimum": sight.minimum}
    notes = [
        say("Above {most} people the map draws teams. A line needs at least {minimum} people at both ends.", most=MOST_PEOPLE, **least)
    ]
    notes += [say("Teams of fewer than {minimum} people are not drawn.", **least)] if hidden else []
    return TeamMap(sight.scan.id, COMPANY, WHOLE, False, None, True, tuple(nodes), _lines(lines), tuple(notes))


def _unit_lines(sight: Sight, unit: Ids, edges: Edges) -> list[tuple[str, str, float]]:
    weights: dict[tuple[int, int], float] = {}
    people: dict[tuple[int, int], tuple[set[int], set[int]]] = {}
    for a, b, w in zip(*edges, strict=True):
        near, far = (a, b) if unit[a] < unit[b] else (b, a)
        pair = (int(unit[near]), int(unit[far]))
        weights[pair] = weights.get(pair, 0.0) + float(w)
        ends = people.setdefault(pair, (set(), set()))
        ends[0].add(int(near))
        ends[1].add(int(far))
    kept = [pair for pair, ends in people.items() if min(map(len, ends)) >= sight.minimum]
    kept.sort(key=lambda pair: -weights[pair])
    return [(f"unit-{a}", f"unit-{b}", weights[a, b]) for a, b in kept[:MOST_TIES]]


def _neighbours(sight: Sight, inside: Bools, edges: Edges) -> list[tuple[str, str, float]]:
    """Contact of each person inside with each other team, from three colleagues there on."""
    source, target, weight = edges
    unit = sight.scan.units("team")
    found: dict[tuple[int, int], list[float]] = {}
    for near, far, w in zip(np.concatenate([source, target]), np.concatenate([target, source]), np.tile(weight, 2), strict=True):
        if inside[near] and not inside[far] and unit[far] != NO_UNIT and sight.is_shown("team", int(unit[far])):
            found.setdefault((int(near), int(unit[far])), []).append(float(w))
    return [(sight.codes[row], f"unit-{code}", sum(some)) for (row, code), some in found.items() if len(some) >= words.SMALLEST_COUNT]


def _strongest(edges: Edges) -> Edges:
    order = np.argsort(-edges[2], kind="stable")[:MOST_TIES]
    return edges[0][order], edges[1][order], edges[2][order]


def _degrees(lines: Sequence[tuple[str, str, float]]) -> dict[str, int]:
    ends, counts = np.unique([end for line in lines for end in line[:2]], return_counts=True)
    return dict(zip(ends.tolist(), counts.tolist(), strict=True))


def _person_node(sight: Sight, row: int, degree: dict[str, int]) -> MapNode:
    label, _ = sight.label(row)
    flagged = marks(sight, row, "flagged")
    readings = [facet_reading(sight, row, facet) for facet in MARKED_FACETS if facet in flagged]
    said = [reading.sentence for reading in readings if reading.sentence]
    code = sight.codes[row]
    return MapNode(
        id=code,
        kind="person",
        label=label,
        group=sight.unit_name("group", row),
        size=1,
        marks=flagged,
        hidden=bool(marks(sight, row, "hidden")),
        sureness=readings[0].score.sureness if readings else None,
        sentence=reduce(_both, said) if said else say("No mark in this window."),
        contacts=degree.get(code, 0),
    )


def _both(first: str, second: str) -> str:
    return say("{first}; {second}", first=first, second=second)


def _unit_node(sight: Sight, code: int, degree: dict[str, int]) -> MapNode:
    rows = sight.members("team", code)
    groups = {sight.unit_name("group", int(row)) for row in rows}
    flagged = sum(bool(marks(sight, int(row), "flagged")) for row in rows)
    standing = say_count("{number} stands out", "{number} stand out", flagged) if flagged else say("nobody stands out")
    people = say_count("{number} person", "{number} people", len(rows))
    identity = f"unit-{code}"
    return MapNode(
        id=identity,
        kind="unit",
        label=sight.scan.unit_name("team", code),
        group=groups.pop() if len(groups) == 1 else None,
        size=len(rows),
        marks=(),
        hidden=False,
        sureness=None,
        sentence=say("{people}, {standing}.", people=people, standing=standing),
        contacts=degree.get(identity, 0),
    )


def _lines(lines: Sequence[tuple[str, str, float]]) -> tuple[MapTie, ...]:
    strongest = max((weight for _, _, weight in lines), default=1.0)
    return tuple(MapTie(a, b, round(weight / strongest, 4)) for a, b, weight in lines)


def _notes(sight: Sight, ties: int, drawn: int) -> tuple[str, ...]:
    least = words.SMALLEST_COUNT
    found = say("A line between people is a lasting working relationship; a line to a team needs {least} colleagues there.", least=least)
    return (found, say("The {drawn} strongest of {ties} ties are drawn.", drawn=drawn, ties=ties)) if drawn < ties else (found,)
