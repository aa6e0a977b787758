"""Readings about the company as a whole: its working groups, how closed departments are, and what it hangs on."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ona.graph import Graph
from ona.organisation import Unit, units
from pipelines.access import words
from pipelines.access.answers import Company, Department, Statement
from pipelines.access.disclosed import GROUP
from pipelines.access.policy import Readable, Sight, Viewer, demand, look
from pipelines.access.readable import NO_UNIT
from pipelines.access.rights import Right
from pipelines.workspace import Workspace

Notes = Mapping[str, Any]  # plain JSON values of a sealed scan


def read_company(ws: Workspace, scan: Readable, viewer: Viewer) -> Company:
    """Return the company in a few sentences, and departments of at least the minimum group beside each other."""
    demand(ws, viewer, Right.SEE_GROUPS)
    sight = look(ws, scan, viewer)
    notes = sight.scan.sealed.manifest.get("notes")
    sealed = notes.get("company") if isinstance(notes, Mapping) else None
    enough = int(sight.audience.counted.sum()) >= sight.minimum
    said = [statement(sealed) for statement in STATEMENTS] if isinstance(sealed, Mapping) and enough else []
    return Company(sight.scan.id, sight.minimum, tuple(one for one in said if one is not None), departments(sight))


def departments(sight: Sight) -> tuple[Department, ...]:
    """Describe departments by the contact among those that are shown; people of the others are left out on both sides."""
    shown = sorted(code for attribute, code in sight.pattern.cells if attribute == GROUP and sight.pattern.has_figures(attribute, code))
    if len(shown) < 2:
        return ()
    found = units(_graph(sight, "attention", shown), _graph(sight, "ask", shown))
    rows = [_department(sight, unit) for unit in found]
    return tuple(sorted(rows, key=lambda one: one.name.casefold()))


def _graph(sight: Sight, name: str, shown: Sequence[int]) -> Graph:
    """Return the sealed graph among the people of these departments who count, by member rows."""
    rows = np.flatnonzero(sight.counted & np.isin(sight.scan.units("group"), shown))
    source, target, weight = sight.scan.ties(name)
    kept = np.isin(source, rows) & np.isin(target, rows) & (weight > 0)
    table = pa.table({"source": source[kept], "target": target[kept], "weight": weight[kept]})
    codes = sight.scan.units("group")[rows]
    return Graph.from_ties(table, people=rows, layer="attention", teams=np.where(codes == NO_UNIT, -1, codes))


def _department(sight: Sight, unit: Unit) -> Department:
    return Department(
        name=sight.scan.unit_name("group", unit.unit),
        people=unit.people,
        inside=_number((1 - unit.e_i) / 2),
        closed=_number(unit.homophily),
        carriers=unit.carriers if unit.carriers >= words.SMALLEST_COUNT else None,
        ask_gini=_number(unit.ask_gini),
    )


def _number(value: float) -> float | None:
    return round(value, 3) if np.isfinite(value) else None


def _groups(notes: Notes) -> Statement | None:
    found = notes.get("communities") or {}
    agreement = found.get("agreement", {}).get("departments", {}).get("ami")
    if not found.get("number"):
        return None
    chart = "" if agreement is None else f" Departments and groups agree to {_percent(max(agreement, 0))} beyond chance."
    return Statement("Working groups", f"{found['number']:,}", f"Found from ties alone, without the org chart.{chart}")


def _closed(notes: Notes) -> Statement | None:
    found = notes.get("e_i") or {}
    if found.get("observed") is None or found.get("mean") is None:
        return None
    inside, chance = ((1 - found[name]) / 2 for name in ("observed", "mean"))
    return Statement(
        "Inside departments", _percent(inside), f"Of all attention. Departments of these sizes would have {_percent(chance)} by chance."
    )


def _returned(notes: Notes) -> Statement | None:
    found = notes.get("reciprocity")
    return None if found is None else Statement("Returned", _percent(found), "Of all attention is returned by whom it went to.")


def _covered(notes: Notes) -> Statement | None:
    found = notes.get("cover")
    if not found:
        return None
    beside = f"as many people at random reach {_percent(found['by_chance'])}, the best connected {_percent(found['by_degree'])}"
    return Statement(
        "In direct contact with 3 in 100", _percent(found["covered"]), f"With the 3 in 100 who together know most people; {beside}."
    )


def _breaking(notes: Notes) -> Statement | None:
    found = notes.get("fragility") or {}
    if not found.get("attack") or not found.get("chance"):
        return None
    share = _percent(min(found["attack"] / found["chance"], 1))
    return Statement("Holds without the best connected", share, "Of the cohesion that is left when as many people leave at random.")


def _concentrated(notes: Notes) -> Statement | None:
    found = (notes.get("asks") or {}).get("top_share")
    return (
        None
        if found is None
        else Statement("Help by 5 in 100", _percent(found), "Of all help comes from the busiest five in a hundred people.")
    )


STATEMENTS: Sequence[Callable[[Notes], Statement | None]] = (_groups, _closed, _returned, _covered, _breaking, _concentrated)


def _percent(share: float) -> str:
    return f"{100 * share:.0f}\u00a0%"
