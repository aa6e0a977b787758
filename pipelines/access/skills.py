"""Readings about skills: badges, the certification grid, spider charts of people and teams, heat maps of units."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from ona.errors import NotFoundError
from ona.skill_map import SkillTag, skills_of, tag
from pipelines.access import words
from pipelines.access.answers import Axis
from pipelines.access.axes import MOST_AXES
from pipelines.access.disclosed import COMPANY, GROUP, TEAM
from pipelines.access.holdings import Skills, columns_of, skills
from pipelines.access.ledgers import states_of
from pipelines.access.policy import Readable, Sight, Viewer, demand, look
from pipelines.access.readable import Bools, Ids
from pipelines.access.readings import MARKED_FACETS, marks, score
from pipelines.access.rights import Right, Role
from pipelines.access.shares import share_of
from pipelines.access.skill_answers import (
    BadgeList,
    CoverBand,
    Grid,
    GridRow,
    Heat,
    HeatCell,
    HeatRow,
    HeldBadge,
    Priority,
    Skill,
    TeamSkills,
)
from pipelines.access.steps import is_exact
from pipelines.intake import badges, skill_tables
from pipelines.phrases import say
from pipelines.storage.workspace import Workspace

MOST_COLUMNS = 14
"""Skills on a grid; more cannot be read."""

ARCHETYPES = ("go-to helper", "connector", "both")

CONFIDENCE = 0.90

RINGS: dict[CoverBand, tuple[float, float]] = {"few": (0.0, 1 / 3), "some": (1 / 3, 2 / 3), "many": (2 / 3, 1.0)}
"""Where a band is drawn when the share itself may not be told."""


def read_badges(ws: Workspace, scan: Readable, viewer: Viewer, *, limit: int = 100, cursor: str | None = None) -> BadgeList:
    """Badges of the people this viewer may see, private ones left out but for the viewer's own."""
    sight = look(ws, scan, viewer)
    sight.read_names(sight.rows)
    rows = {int(sight.scan.persons[row]): int(row) for row in sight.rows}
    known, loaded = badges.checks(ws, set(rows)), skill_tables.skill_tags(ws)
    held = badges.badges(ws, set(rows), own=viewer.person).to_pylist()
    ordered = sorted(held, key=lambda one: (sight.codes[rows[one["person"]]], one["name"], one["badge"]))
    ids = [f"{one['badge'] & (2**64 - 1):016X}" for one in ordered]
    start = _after(ids, cursor)
    found = []
    for code, one in list(zip(ids, ordered, strict=True))[start : start + limit]:
        row, check = rows[one["person"]], known[one["badge"]]
        same = {name: one[name] for name in ("name", "issuer", "standard", "level", "issued_on", "expires_on", "status")}
        tags = tuple(_skill(tag(skill, loaded)) for skill in skills_of(one["skills"] or (), loaded))
        found.append(
            HeldBadge(code, sight.codes[row], sight.label(row)[0], **same, method=check.method, checked=check.checked, skills=tags)
        )
    more = start + limit < len(ids)
    return BadgeList(sight.scan.id, tuple(found), len(ids), ids[start + limit - 1] if more else None)


def read_grid(
    ws: Workspace, scan: Readable, viewer: Viewer, *, team: int | None = None, limit: int = 50, cursor: str | None = None
) -> Grid:
    """People × skills by name, the influence column left of the cells; never in the order of a score."""
    sight = look(ws, scan, viewer)
    found = skills(sight)
    columns = columns_of(found, MOST_COLUMNS)
    rows = sight.rows
    note = None
    if team is not None:
        rows = rows[sight.scan.units("team")[rows] == team] if sight.is_shown("team", team) else rows[:0]
        note = None if len(rows) else say("Hidden to protect people: this team is too small, or does not exist.")
    sight.read_names(rows)
    ordered = sorted((int(row) for row in rows), key=lambda row: _by_name(sight, row))
    start = _after([sight.codes[row] for row in ordered], cursor)
    shown = ordered[start : start + limit]
    more = start + limit < len(ordered)
    return Grid(
        scan_id=sight.scan.id,
        skills=tuple(_skill(found.tags[column]) for column in columns),
        rows=tuple(_grid_row(sight, found, row, columns) for row in shown),
        total=len(ordered),
        next_cursor=sight.codes[shown[-1]] if more else None,
        note=note or (None if ordered else say("Nobody is shown to you here. People appear when they agree to it.")),
    )


def read_team_skills(ws: Workspace, scan: Readable, viewer: Viewer, team: str = "company") -> TeamSkills:
    """Spider chart of a team or of the company: shares for analysts, bands for everybody else."""
    sight = look(ws, scan, viewer)
    code = None if team == "company" else _unit_code(sight, team)
    name = "Whole company" if code is None else sight.scan.unit_name("team", code)
    rows = np.flatnonzero(sight.counted & sight.within) if code is None else sight.members("team", code)
    cell = (COMPANY, 0) if code is None else (TEAM, code)
    if not sight.pattern.has_figures(*cell):  # nor where all but a few are read one by one: the rest would be theirs
        return TeamSkills(sight.scan.id, team, name, True, _too_small(sight), False, ())
    found = skills(sight)
    soft = [_share_axis(sight, words.FACETS[facet].title, "soft", rows, _flagged(sight, facet)) for facet in MARKED_FACETS]
    hard = [
        _share_axis(sight, found.holding.skills[column], "hard", rows, found.holding.held[:, column] >= 1)
        for column in columns_of(found, MOST_AXES)
    ]
    return TeamSkills(sight.scan.id, team, name, False, None, not is_exact(sight), (*soft, *hard))


def read_skill_heat(ws: Workspace, scan: Readable, viewer: Viewer) -> Heat:
    """Units × skills that roles ask for; units that may not be shown keep their name alone."""
    sight = look(ws, scan, viewer)
    found = skills(sight)
    columns = columns_of(found, MOST_COLUMNS)
    held = [found.holding.held[:, column] >= 1 for column in columns]
    return _heat(sight, tuple(found.holding.skills[column] for column in columns), held)


def read_archetype_heat(ws: Workspace, scan: Readable, viewer: Viewer) -> Heat:
    """Units × archetypes: who is asked by many, who connects groups, who does both."""
    sight = look(ws, scan, viewer)
    helper, broker = (_flagged(sight, facet) for facet in MARKED_FACETS)
    return _heat(sight, ARCHETYPES, [helper & ~broker, broker & ~helper, helper & broker])


def read_priorities(ws: Workspace, scan: Readable, viewer: Viewer) -> tuple[Priority, ...]:
    """Skills by risk and business value, for analysts: how few hold one is a number about fewer people than any minimum."""
    demand(ws, viewer, Right.RANK)
    same = ("skill", "needed", "holders", "scarcity", "centrality", "expiry", "gap", "value", "priority")
    sight = look(ws, scan, viewer)
    return tuple(Priority(**{name: getattr(one, name) for name in same}) for one in skills(sight).risks(sight.counted))


def _share_axis(sight: Sight, name: str, kind: str, rows: Ids, marked: Bools) -> Axis:
    cell = _heat_cell(sight, rows, marked)
    if cell.share is not None:
        interval = stats.binomtest(int(marked[rows].sum()), len(rows)).proportion_ci(CONFIDENCE, method="wilson")
        return Axis(name, kind, cell.share, round(float(interval.low), 3), round(float(interval.high), 3), cell.said)  # type: ignore[arg-type]
    low, high = RINGS[cell.band or "few"]
    return Axis(name, kind, (low + high) / 2, low, high, cell.said)  # type: ignore[arg-type]  # soft or hard, as the caller says


def _heat(sight: Sight, columns: tuple[str, ...], marked: Sequence[Bools]) -> Heat:
    attribute = TEAM if sight.viewer.role is Role.MANAGER else GROUP
    name = "team" if attribute == TEAM else "group"
    codes = sorted({code for kind, code in sight.pattern.cells if kind == attribute}, key=lambda code: sight.scan.unit_name(name, code))
    rows = []
    for code in codes:
        label, shown = sight.scan.unit_name(name, code), sight.pattern.has_figures(attribute, code)
        members = sight.members(name, code)
        cells = tuple(_heat_cell(sight, members, one) for one in marked) if shown else ()
        rows.append(HeatRow(f"{'' if attribute == TEAM else 'd'}{code}", label, not shown, None if shown else _too_small(sight), cells))
    return Heat(sight.scan.id, sight.minimum, columns, tuple(rows))


def _heat_cell(sight: Sight, rows: Ids, marked: Bools) -> HeatCell:
    return share_of(sight, int(marked[rows].sum()), len(rows))


def _flagged(sight: Sight, facet: str) -> Bools:
    flags = sight.scan.flags.get(facet)
    return np.zeros(len(sight.scan.persons), dtype=np.bool_) if flags is None else flags.flagged


def _unit_code(sight: Sight, team: str) -> int:
    if team.isdecimal() and int(team) in {code for kind, code in sight.pattern.cells if kind == TEAM}:
        return int(team)
    raise NotFoundError("There is no team of this id in this scan for you. Start from the list of teams.")


def _too_small(sight: Sight) -> str:
    return say("Hidden to protect people: fewer than {k} people, or a difference would tell of fewer.", k=sight.minimum)


def _grid_row(sight: Sight, found: Skills, row: int, columns: Sequence[int]) -> GridRow:
    label, named = sight.label(row)
    return GridRow(
        id=sight.codes[row],
        label=label,
        named=named,
        team=sight.unit_name("team", row),
        marks=marks(sight, row, "flagged"),
        hidden=marks(sight, row, "hidden"),
        score=score(sight, row, "overall"),
        evidence=states_of(sight, row),
        cells=tuple(found.cell(row, column) for column in columns),
    )


def _by_name(sight: Sight, row: int) -> tuple[bool, str, str]:
    label, named = sight.label(row)
    return (not named, label.casefold(), sight.codes[row])


def _after(ids: Sequence[str], cursor: str | None) -> int:
    if cursor is None:
        return 0
    if cursor.upper() in ids:
        return ids.index(cursor.upper()) + 1
    raise NotFoundError("This page of the list no longer exists. Start from the first page.")


def _skill(one: SkillTag) -> Skill:
    return Skill(one.label, one.kind, one.framework, one.code)
