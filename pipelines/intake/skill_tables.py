"""What the company says about skills: role targets, learning catalogue, unit figures and skill lists, from tables into the database."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from connectors.archive import read_bytes
from connectors.cells import CellError, Csv, Row, number, positions
from ona.errors import SettingsError, TableError
from ona.gaps import UNIT_SOURCES, UnitFigure
from ona.skill_map import CODES, ESCO, LABELS, ONET, Course, Found, SkillTag, canonical, tag
from ona.tables import EVIDENCE
from pipelines.intake import people
from pipelines.schema import CATALOGUE, EVIDENCE_ROWS, SKILL_TAGS, TARGETS, UNIT_EVIDENCE_ROWS
from pipelines.storage.service import put
from pipelines.storage.workspace import Workspace

EVERYBODY = "*"
"""Function of a target that holds for every role."""

PEOPLE, FEWEST_PEOPLE = "lms_completion", 5
"""The kind of unit figure that counts people, and of how many at least."""

MAX_TEXT = 200
MOST_MINUTES = 24 * 60
MOST_WORDS = 100  # beside the label of one skill

ESCO_ADDRESS = "http://data.europa.eu/esco/"
ONET_CODE = re.compile(r"[1-6](\.[A-Za-z0-9]+)+")
"""How the full lists write their codes; the list is known by them, for its files do not name it."""

Cells = Mapping[str, str]


@dataclass(frozen=True)
class Loaded:
    """What became of a table's rows."""

    kept: int
    duplicate: int = 0
    quarantined: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """How far one role asks for one skill, and what it is worth to the business."""

    function: str
    skill: str
    level: float
    value: float


@dataclass(frozen=True)
class Sheet:
    """One kind of table: where it goes, its columns, and how a row becomes values."""

    table: sa.Table
    columns: Mapping[str, tuple[str, ...]]
    needed: frozenset[str]
    values: Callable[[Cells], dict[str, object]]
    part: str | None = None  # column: only rows of the same parts are replaced, so that several lists can stand side by side


def load(ws: Workspace, kind: str, path: Path) -> Loaded:
    """Read a table in place of what was known of its kind; rows that cannot be read are counted by reason and left out.

    Raises SettingsError for an unknown kind, and FileError when a needed column is missing.
    """
    if kind not in SHEETS:
        raise SettingsError(f"There is no table of this kind. Kinds are: {', '.join(SHEETS)}.")
    sheet, wrong = SHEETS[kind], Counter[str]()
    rows: dict[tuple[object, ...], dict[str, object]] = {}
    read = 0
    with Csv(read_bytes(path)) as table:
        at = _positions(sheet, table.header)
        for row in table.rows():
            read += 1
            try:
                values = sheet.values(_cells(row, at))
            except CellError as error:
                wrong[error.code] += 1
            else:
                rows[tuple(values[column.name] for column in sheet.table.primary_key)] = values
    with ws.service.begin() as connection:
        connection.execute(_replaced(sheet, rows.values()))
        put(connection, sheet.table, list(rows.values()))
    return Loaded(len(rows), read - wrong.total() - len(rows), dict(wrong))


def targets(ws: Workspace) -> tuple[Target, ...]:
    """Return what roles ask for, by role and skill."""
    rows = ws.service.rows(sa.select(TARGETS).order_by(TARGETS.c.function, TARGETS.c.skill))
    return tuple(Target(row.function, row.skill, row.level, row.value) for row in rows)


def catalogue(ws: Workspace) -> tuple[tuple[Course, str, str | None], ...]:
    """Return courses with title and address."""
    rows = ws.service.rows(sa.select(CATALOGUE).order_by(CATALOGUE.c.item))
    return tuple((Course(row.item, row.skill, row.minutes), row.title, row.url) for row in rows)


def offered(ws: Workspace) -> tuple[str, ...]:
    """Return the skills to choose from: those that roles ask for, and those of the map."""
    return tuple(sorted({*LABELS, *(one.skill for one in targets(ws))}))


def unit_figures(ws: Workspace) -> tuple[UnitFigure, ...]:
    """Return figures about units, never about persons."""
    rows = ws.service.rows(sa.select(UNIT_EVIDENCE_ROWS))
    return tuple(sorted((UnitFigure(row.kind, row.unit, row.skill, row.some, row.total) for row in rows), key=str))


def skill_tags(ws: Workspace) -> dict[str, SkillTag]:
    """Return the skills of the lists that an operator loaded, by word and by code."""
    rows = ws.service.rows(sa.select(SKILL_TAGS).order_by(SKILL_TAGS.c.framework, SKILL_TAGS.c.code))
    found = {canonical(word): _meaning(row, "close") for row in rows for word in row.words}
    return found | {key: _meaning(row, "exact") for row in rows for key in (canonical(row.code), canonical(row.label))}


def evidence(ws: Workspace) -> pa.Table:
    """Return EVIDENCE of everybody who has not objected; a rating by somebody who objected stays, without its rater's name anywhere."""
    hidden = people.withheld(ws)
    rows = [row for row in ws.service.rows(sa.select(EVIDENCE_ROWS).order_by(EVIDENCE_ROWS.c.row)) if row.person not in hidden]
    codes = {label: code for code, label in people.labels(ws)["team"].items()}
    made = [
        {
            **{name: getattr(row, name) for name in EVIDENCE.schema.names if name not in ("evidence", "team")},
            "evidence": row.row,
            "team": codes.get(row.team),
        }
        for row in rows
    ]
    return pa.Table.from_pylist(made, schema=EVIDENCE.schema)


def put_targets(ws: Workspace, wanted: tuple[Target, ...]) -> None:
    """Keep these targets in place of all others."""
    with ws.service.begin() as connection:
        connection.execute(sa.delete(TARGETS))
        put(connection, TARGETS, [{"function": one.function, "skill": one.skill, "level": one.level, "value": one.value} for one in wanted])


def _replaced(sheet: Sheet, rows: Iterable[Mapping[str, object]]) -> sa.Delete:
    """Return what goes before these rows come: all of the table, or what is of the same parts."""
    whole = sa.delete(sheet.table)
    return whole if sheet.part is None else whole.where(sheet.table.c[sheet.part].in_({row[sheet.part] for row in rows}))


def _meaning(row: sa.Row[*tuple[Any, ...]], match: Found) -> SkillTag:
    return SkillTag(canonical(row.label), row.kind, row.framework, row.code, match, 1.0 if match == "exact" else 0.9)


def _positions(sheet: Sheet, header: tuple[str, ...]) -> dict[str, int]:
    usual = {role: next((name for name in names if name in header), names[0]) for role, names in sheet.columns.items()}
    at = positions(header, usual)
    missing = sorted(sheet.needed - at.keys())
    if missing:
        raise TableError(f"The table has no column {', '.join(missing)}. It needs: {', '.join(sorted(sheet.needed))}.")
    return at


def _cells(row: Row, at: Mapping[str, int]) -> Cells:
    if row.fault is not None:
        raise CellError(row.fault)
    return {role: row.cells[place].strip() for role, place in at.items()}


def _label(cells: Cells, name: str, code: str) -> str:
    found = cells.get(name, "").removeprefix("'")
    if not found or len(found) > MAX_TEXT or not found.isprintable():
        raise CellError(code)
    return found


def _skill(cells: Cells) -> str:
    return tag(_label(cells, "skill", "skill_missing")).label


def _within(cells: Cells, name: str, usual: float, low: float, high: float) -> float:
    found = number(cells.get(name, ""), low, high)
    return usual if found is None else found


def _target(cells: Cells) -> dict[str, object]:
    level, value = _within(cells, "level", 1.0, 0.0, 1.0), _within(cells, "value", 1.0, 0.0, 1000.0)
    return {"function": cells.get("function") or EVERYBODY, "skill": _skill(cells), "level": level, "value": value}


def _course(cells: Cells) -> dict[str, object]:
    url = cells.get("url") or None
    if url and not url.startswith("https://"):
        raise CellError("bad_url")  # a javascript: address, or one that is read over an open line
    minutes = int(_within(cells, "minutes", 30, 1, MOST_MINUTES))
    title = _label(cells, "title", "title_missing")
    return {"item": _label(cells, "item", "item_missing"), "skill": _skill(cells), "title": title, "minutes": minutes, "url": url}


def _figure(cells: Cells) -> dict[str, object]:
    kind = cells.get("kind", "").lower().replace(" ", "_")
    if kind not in UNIT_SOURCES:
        raise CellError("unknown_kind")
    count, of = _within(cells, "count", -1, 0, 1e9), _within(cells, "of", -1, 0, 1e9)
    if count < 0 or of <= 0 or count > of:
        raise CellError("count_outside_total")
    if kind == PEOPLE and of < FEWEST_PEOPLE:
        raise CellError("too_few_people")  # a figure about fewer is one about persons
    return {
        "connector": "table",
        "kind": kind,
        "unit": _label(cells, "unit", "unit_missing"),
        "skill": _skill(cells),
        "some": count,
        "total": of,
    }


def _tag(cells: Cells) -> dict[str, object]:
    names: dict[str, object] = {name: _label(cells, name, f"{name}_missing") for name in ("code", "label")}
    code = str(names["code"])
    framework = cells.get("framework") or (ESCO if code.startswith(ESCO_ADDRESS) else ONET if ONET_CODE.fullmatch(code) else "")
    if not framework or len(framework) > MAX_TEXT or not framework.isprintable():
        raise CellError("framework_missing")
    own = CODES.get(code.casefold())
    kind = cells.get("kind") or (own.kind if own else "soft" if cells.get("reuse") == "transversal" else "hard")
    if kind not in ("hard", "soft"):
        raise CellError("unknown_kind")
    return names | {"framework": framework, "kind": kind, "words": _words(cells.get("words", ""))}


def _words(text: str) -> list[str]:
    """Return other words for a skill: one a line, as ESCO writes them, or between strokes."""
    found = (word.strip() for word in text.replace("|", "\n").splitlines())
    return list(dict.fromkeys(word for word in found if word and len(word) <= MAX_TEXT and word.isprintable()))[:MOST_WORDS]


SHEETS: Mapping[str, Sheet] = {
    "targets": Sheet(
        TARGETS,
        {"function": ("function", "role"), "skill": ("skill",), "level": ("level",), "value": ("value", "business_value")},
        frozenset({"skill"}),
        _target,
    ),
    "catalogue": Sheet(
        CATALOGUE,
        {"item": ("item", "id"), "skill": ("skill",), "title": ("title",), "minutes": ("minutes",), "url": ("url",)},
        frozenset({"item", "skill", "title"}),
        _course,
    ),
    "units": Sheet(
        UNIT_EVIDENCE_ROWS,
        {"kind": ("kind",), "unit": ("unit", "department"), "skill": ("skill",), "count": ("count",), "of": ("of", "total")},
        frozenset({"kind", "unit", "skill", "count", "of"}),
        _figure,
    ),
    "skills": Sheet(
        SKILL_TAGS,
        {
            "framework": ("framework",),
            "code": ("code", "uri", "concept_uri", "element_id"),
            "label": ("label", "preferred_label", "name", "element_name"),
            "kind": ("kind",),
            "words": ("words", "alt_labels"),
            "reuse": ("reuse_level",),
        },
        frozenset({"code", "label"}),
        _tag,
        part="framework",
    ),
}
"""Tables that can be loaded, by kind."""
