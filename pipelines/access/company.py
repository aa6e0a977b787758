"""Readings about the company as a whole: its working groups, how closed departments are, and what it hangs on.

Whoever reads single people anyway is told exact figures. Everybody else is told of people in steps of five and of shares in steps of
five points: between two scans a few people join, leave or move, and an exact figure of a department less that of the scan before would
be theirs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ona.graph import Graph
from ona.organisation import Unit, units
from pipelines.access import words
from pipelines.access.answers import Company, Department, Statement
from pipelines.access.disclosed import COMPANY, GROUP
from pipelines.access.figures import closed_by_chance, figures, silo_grid
from pipelines.access.overview import contact_grid
from pipelines.access.policy import Readable, Sight, Viewer, demand, look
from pipelines.access.readable import NO_UNIT
from pipelines.access.rights import Right
from pipelines.access.steps import about, is_exact, share_in_steps
from pipelines.phrases import Phrase, say
from pipelines.storage.workspace import Workspace

Notes = Mapping[str, Any]  # plain JSON values of a sealed scan


class Telling(NamedTuple):
    """How figures are written for a viewer."""

    share: Callable[[float], Phrase]
    number: Callable[[int], Phrase]


def read_company(ws: Workspace, scan: Readable, viewer: Viewer) -> Company:
    """Return the company in a few sentences, and departments of at least the minimum group beside each other."""
    demand(ws, viewer, Right.SEE_GROUPS)
    sight = look(ws, scan, viewer)
    notes = sight.scan.sealed.manifest.get("notes")
    found = notes.get("company") if isinstance(notes, Mapping) else None
    exact = is_exact(sight)
    told = exact or sight.pattern.has_figures(COMPANY, 0)
    sealed: Notes = found if isinstance(found, Mapping) and int(sight.audience.counted.sum()) >= sight.minimum and told else {}
    said = [statement(sealed, EXACT if exact else IN_STEPS) for statement in STATEMENTS]
    return Company(
        scan_id=sight.scan.id,
        minimum_group=sight.minimum,
        in_steps=not exact,
        statements=tuple(one for one in said if one is not None),
        departments=departments(sight, closed_by_chance(sealed) if exact else {}),
        contact=contact_grid(sight),
        silo=silo_grid(sight, sealed) if exact else None,
        figures=figures(sealed) if exact else (),
    )


def percent(share: float) -> Phrase:
    """Write a share as whole points."""
    return say("{points}\u00a0%", points=round(100 * share))


def rough_percent(share: float) -> Phrase:
    """Write a share in steps of five points."""
    return say("about {points}\u00a0%", points=round(100 * (share_in_steps(share) or 0)))


EXACT = Telling(percent, lambda number: say("{number}", number=number))
IN_STEPS = Telling(rough_percent, lambda number: say("about {number}", number=about(number)))


def departments(sight: Sight, closed_z: Mapping[int, float]) -> tuple[Department, ...]:
    """Describe departments by the contact among those that are shown; people of the others are left out on both sides."""
    shown = sorted(code for attribute, code in sight.pattern.cells if attribute == GROUP and sight.pattern.has_figures(attribute, code))
    if len(shown) < 2:
        return ()
    found = units(_graph(sight, "attention", shown), _graph(sight, "ask", shown))
    rows = [_department(sight, unit, closed_z.get(unit.unit)) for unit in found]
    rows = rows if is_exact(sight) else [_in_steps(one, sight.minimum) for one in rows]
    return tuple(sorted(rows, key=lambda one: one.name.casefold()))


def _graph(sight: Sight, name: str, shown: Sequence[int]) -> Graph:
    """Return the sealed graph among the people of these departments who count, by member rows."""
    rows = np.flatnonzero(sight.counted & np.isin(sight.scan.units("group"), shown))
    source, target, weight = sight.scan.ties(name)
    kept = np.isin(source, rows) & np.isin(target, rows) & (weight > 0)
    table = pa.table({"source": source[kept], "target": target[kept], "weight": weight[kept]})
    codes = sight.scan.units("group")[rows]
    return Graph.from_ties(table, people=rows, layer="attention", teams=np.where(codes == NO_UNIT, -1, codes))


def _department(sight: Sight, unit: Unit, closed_z: float | None) -> Department:
    return Department(
        name=sight.scan.unit_name("group", unit.unit),
        people=unit.people,
        inside=_number((1 - unit.e_i) / 2),
        closed=_number(unit.homophily),
        closed_z=closed_z,
        carriers=unit.carriers if unit.carriers >= words.SMALLEST_COUNT else None,
        ask_gini=_number(unit.ask_gini),
    )


def _in_steps(one: Department, minimum: int) -> Department:
    return replace(
        one,
        people=about(one.people),
        inside=share_in_steps(one.inside),
        closed=share_in_steps(one.closed),
        carriers=about(one.carriers) if one.carriers is not None and one.carriers >= minimum else None,
        ask_gini=share_in_steps(one.ask_gini),
    )


def _number(value: float) -> float | None:
    return round(value, 3) if np.isfinite(value) else None


def _groups(notes: Notes, tell: Telling) -> Statement | None:
    found = notes.get("communities") or {}
    agreement = found.get("agreement", {}).get("departments", {}).get("ami")
    if not found.get("number"):
        return None
    said = say("Found from ties alone, without the org chart.")
    if agreement is not None:
        share = tell.share(max(agreement, 0))
        said = say("Found from ties alone, without the org chart. Departments and groups agree to {share} beyond chance.", share=share)
    return Statement(say("Working groups"), tell.number(found["number"]), said)


def _closed(notes: Notes, tell: Telling) -> Statement | None:
    found = notes.get("e_i") or {}
    if found.get("observed") is None or found.get("mean") is None:
        return None
    inside, chance = ((1 - found[name]) / 2 for name in ("observed", "mean"))
    said = say("Of all attention. Departments of these sizes would have {share} by chance.", share=tell.share(chance))
    return Statement(say("Inside departments"), tell.share(inside), said)


def _returned(notes: Notes, tell: Telling) -> Statement | None:
    found = notes.get("reciprocity")
    if found is None:
        return None
    return Statement(say("Returned"), tell.share(found), say("Of all attention is returned by whom it went to."))


def _covered(notes: Notes, tell: Telling) -> Statement | None:
    found = notes.get("cover")
    if not found:
        return None
    said = say(
        "With the 3 in 100 who together know most people; as many people at random reach {chance}, the best connected {degree}.",
        chance=tell.share(found["by_chance"]),
        degree=tell.share(found["by_degree"]),
    )
    return Statement(say("In direct contact with 3 in 100"), tell.share(found["covered"]), said)


def _breaking(notes: Notes, tell: Telling) -> Statement | None:
    found = notes.get("fragility") or {}
    if not found.get("attack") or not found.get("chance"):
        return None
    share = tell.share(min(found["attack"] / found["chance"], 1))
    said = say("Of the cohesion that is left when as many people leave at random.")
    return Statement(say("Holds without the best connected"), share, said)


def _concentrated(notes: Notes, tell: Telling) -> Statement | None:
    found = (notes.get("asks") or {}).get("top_share")
    if found is None:
        return None
    return Statement(say("Help by 5 in 100"), tell.share(found), say("Of all help comes from the busiest five in a hundred people."))


STATEMENTS: Sequence[Callable[[Notes, Telling], Statement | None]] = (_groups, _closed, _returned, _covered, _breaking, _concentrated)
