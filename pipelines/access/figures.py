"""Every measure of the company that a scan holds, by its name in the glossary and beside chance, for whoever reads exact figures."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ona.glossary import OF_COMPANY
from pipelines.access.answers import Figure, SiloGrid
from pipelines.access.disclosed import GROUP
from pipelines.access.overview import cells_hidden, departments_compared
from pipelines.access.policy import Sight
from pipelines.access.readable import Bools, Floats

Notes = Mapping[str, Any]  # plain JSON values of a sealed scan
Number = float | None
Row = tuple[str, str | None, Number, Number]  # entry of the glossary, which part of it, value, by chance

DIGITS = 3


def figures(notes: Notes) -> tuple[Figure, ...]:
    """Return what the numbers of a scan say about the company, one row a number; what is undefined is left out."""
    return tuple(
        Figure(
            name, OF_COMPANY[name][1], part, round(value, DIGITS), None if chance is None else round(chance, DIGITS), OF_COMPANY[name][3]
        )
        for name, part, value, chance in _rows(notes)
        if value is not None
    )


def silo_grid(sight: Sight, notes: Notes) -> SiloGrid | None:
    """Return contact between departments beside chance; a cell needs the minimum group at both ends, as in the contact grid."""
    found = _part(notes, "silo")
    shown = departments_compared(sight)
    at = {int(code): place for place, code in enumerate(found.get("units", ()))}
    if "z" not in found or len(shown) < 2 or any(code not in at for code in shown):
        return None
    rows = [at[code] for code in shown]
    hidden = cells_hidden(sight, shown, "attention")
    names = tuple(sight.scan.unit_name(GROUP, code) for code in shown)
    ratio, z = (_cells(np.array(found[name], dtype=np.float64)[np.ix_(rows, rows)], hidden) for name in ("ratio", "z"))
    return SiloGrid(names, ratio, z, int(found["draws"]))


def closed_by_chance(notes: Notes) -> dict[int, float]:
    """Return the silo index of each department that has one."""
    found = _part(notes, "silo")
    known = zip(found.get("units", ()), found.get("closed", ()), strict=True)
    return {int(code): round(float(z), 1) for code, z in known if z is not None}


def _rows(notes: Notes) -> Iterator[Row]:
    mixing, groups, chart = _part(notes, "e_i"), _part(notes, "communities"), _part(notes, "communities", "agreement")
    near, asks, fragile, cover = (_part(notes, name) for name in ("small_world", "asks", "fragility", "cover"))
    yield "ei_index", None, mixing.get("observed"), mixing.get("mean")
    yield "reciprocity", None, notes.get("reciprocity"), None
    yield "modularity", "working groups", groups.get("modularity"), None
    for name in ("departments", "teams"):
        found = chart.get(name) or {}
        yield "agreement", name, found.get("ami"), 0.0
        yield "pairs_agreed", name, found.get("ari"), 0.0
    yield "degree_centralisation", None, notes.get("degree_centralisation"), None
    for name, part in (("clustering", "clustering"), ("transitivity", "transitivity"), ("path", "hops")):
        yield "small_world", part, near.get(name), None
    for measure in ("gini", "top_share", "herfindahl"):
        yield measure, None, asks.get(measure), None
    yield "robustness", None, fragile.get("attack"), fragile.get("chance")
    yield "cover_set", "3 in 100 people", cover.get("covered"), cover.get("by_chance")


def _part(notes: Notes, *path: str) -> dict[str, Any]:
    found: object = notes
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return dict(found) if isinstance(found, Mapping) else {}


def _cells(values: Floats, hidden: Bools) -> tuple[tuple[float | None, ...], ...]:
    told = np.isfinite(values) & ~hidden
    return tuple(
        tuple(round(float(value), 2) if seen else None for value, seen in zip(row, one, strict=True))
        for row, one in zip(values, told, strict=True)
    )
