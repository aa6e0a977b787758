"""Verbs that read the company as a whole: its measures beside chance, and the few people who are key together."""

from collections.abc import Sequence
from typing import Annotated

import typer

from pipelines import scans
from pipelines.access import LOCAL_ANALYST
from pipelines.access.answers import Company, Department, SiloGrid
from pipelines.access.company import read_company
from pipelines.access.key_answers import LARGEST_SIZE, SIZE, KeySet
from pipelines.access.key_people import read_key_people
from pipelines.console import print_json, say, table
from pipelines.verbs.options import Home, Json, Scan, workspace

verbs = typer.Typer()

FAR_FROM_CHANCE = 2.0
"""Deviations beyond which chance is no explanation."""


@verbs.command()
def company(scan: Scan = "latest", home: Home = None, as_json: Json = False) -> None:
    """Print every measure of the company, and how far departments lie from chance."""
    with workspace(home) as ws:
        found = read_company(ws, scans.open_scan(ws, scan), LOCAL_ANALYST)
    if as_json:
        print_json(found)
    elif found.figures:
        _print_company(found)
    else:
        say("The scan holds no measures of the company. Scan again with: ona scan")


@verbs.command("key-people")
def key_people(
    size: Annotated[int, typer.Option(min=1, max=LARGEST_SIZE, help="People of a set.")] = SIZE,
    scan: Scan = "latest",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Say which few people together know most, are nearest to everybody, or hold the company together."""
    with workspace(home) as ws:
        found = read_key_people(ws, scans.open_scan(ws, scan), LOCAL_ANALYST, size)
    if as_json:
        print_json(found)
        return
    for one in found.sets:
        say(f"{one.title}: {one.reason or _beside(one)}", f"  {one.reading}")
        for person in one.members:
            say(f"  {person.label} ({person.id}), {person.team or 'team not shown'}: {person.so_far:.0%} up to here")


def _print_company(found: Company) -> None:
    names = [f"{one.title} ({one.part})" if one.part else one.title for one in found.figures]
    rows = [(name, f"{one.value:.3f}", _number(one.by_chance, ".3f"), one.reading) for name, one in zip(names, found.figures, strict=True)]
    table("Measure Value By_chance A_high_value_means", rows)
    if found.departments:
        say("")
        table("Department People Beyond_chance Silo_index", [_department(one) for one in found.departments])
    if found.silo:
        say("", "Pairs of departments beyond chance, the furthest first (contact over what is expected, deviations):", *_far(found.silo))


def _department(one: Department) -> tuple[object, ...]:
    return (one.name, one.people, _number(one.closed, "+.2f"), _number(one.closed_z, "+.1f"))


def _far(grid: SiloGrid) -> Sequence[str]:
    """Return the pairs beyond chance, the furthest first."""
    cells = [
        (abs(z), f"  {grid.departments[a]} and {grid.departments[b]}: {grid.ratio[a][b]:.1f}, z {z:+.1f}")
        for a, row in enumerate(grid.z)
        for b, z in enumerate(row)
        if a < b and z is not None and abs(z) > FAR_FROM_CHANCE
    ]
    return [said for _, said in sorted(cells, reverse=True)] or ["  none"]


def _beside(one: KeySet) -> str:
    proved = "nothing proved" if one.bound is None else f"proved at most {one.bound:.0%}"
    return f"{one.value:.0%}; the people with most contacts {one.by_degree:.0%}, people at random {one.by_chance:.0%}, {proved}."


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
