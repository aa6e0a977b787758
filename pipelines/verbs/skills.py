"""Verbs of skills: load tables, show gaps and needs, keep what a debrief found, choose this quarter's nudges."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ona.gaps import FINDINGS
from pipelines import scans
from pipelines.access import LOCAL_ANALYST
from pipelines.access.need_answers import Need
from pipelines.access.needs import read_needs
from pipelines.access.skills import read_priorities
from pipelines.console import Verbs, next_verb, print_json, say, table
from pipelines.growth import nudges
from pipelines.growth.needs import record_finding
from pipelines.intake import skill_tables
from pipelines.verbs.options import Home, Json, Scan, workspace

verbs = typer.Typer(
    cls=Verbs, name="skills", help="Skills beside influence: load tables, see what is most pressing, choose nudges.", no_args_is_help=True
)

KindArgument = Annotated[str, typer.Argument(help=f"What the table holds: {', '.join(skill_tables.SHEETS)}.")]
PathArgument = Annotated[Path, typer.Argument(help="CSV file with a header row.")]


@verbs.command("load")
def load_table(kind: KindArgument, path: PathArgument, home: Home = None, as_json: Json = False) -> None:
    """Load a table of targets, catalogue, units or skills in place of the one before."""
    with workspace(home) as ws:
        found = skill_tables.load(ws, kind, path)
    if as_json:
        print_json(asdict(found))
        return
    say(f"Kept {found.kept:,} rows of {kind}; {found.duplicate:,} came twice, {sum(found.quarantined.values()):,} could not be read.")
    for code, rows in found.quarantined.items():
        say(f"  {code}: {rows:,}")
    next_verb("ona skills gaps", home)


@verbs.command()
def gaps(scan: Scan = "latest", home: Home = None, as_json: Json = False) -> None:
    """Print the skills that roles ask for by risk, gap and business value."""
    with workspace(home) as ws:
        found = read_priorities(ws, scans.open_scan(ws, scan), LOCAL_ANALYST)
    if as_json:
        print_json([asdict(one) for one in found])
    elif not found:
        say("No role asks for any skill yet. Load a table with: ona skills load targets targets.csv")
    else:
        shown = [[one.skill, f"{one.priority:.2f}", str(one.needed), str(one.holders), f"{one.gap:.0%}", f"{one.value:g}"] for one in found]
        table("skill priority asked_of held_by gap value", shown)


@verbs.command()
def needs(scan: Scan = "latest", home: Home = None, as_json: Json = False) -> None:
    """Print what units need, the most pressing first, with the target of each and what became of earlier targets."""
    with workspace(home) as ws:
        found = read_needs(ws, scans.open_scan(ws, scan), LOCAL_ANALYST)
    if as_json:
        print_json(found)
        return
    if not found.rows:
        say("Nothing is needed, as far as is known. Load role targets and unit figures: ona skills load targets|units FILE")
    table("unit skill priority without_a_gap target finding figures", [_line(one) for one in found.rows])
    for one in found.follow_ups:
        say(f"{one.unit}, {one.skill}: {one.then} then, {one.now} now, target {one.aim}: {one.outcome}")


@verbs.command("debrief")
def debrief(
    unit: Annotated[str, typer.Argument(help="Department, as the list of needs names it.")],
    skill: Annotated[str, typer.Argument(help="Skill.")],
    finding: Annotated[str, typer.Argument(help=f"What is behind it: {', '.join(FINDINGS)}.")],
    target: Annotated[
        float | None, typer.Option(help="Share without a gap to be reached by the next scan; else half of what is missing.")
    ] = None,
    scan: Scan = "latest",
    home: Home = None,
) -> None:
    """Keep what a debrief found about a unit and a skill; the next scan is held against the target."""
    with workspace(home) as ws:
        wanted = record_finding(ws, LOCAL_ANALYST, scans.open_scan(ws, scan), (unit, skill), finding, target)
    say(f"Kept. Target at the next scan: {wanted:.0%} without a gap.")
    next_verb("ona skills needs", home)


def _line(one: Need) -> list[str]:
    share = "" if one.covered.share is None else f"{one.covered.share:.0%}"
    target = "" if one.target is None else f"{one.target:.0%}"
    return [one.unit, one.skill, f"{one.priority or 0:.2f}", share, target, one.finding, "; ".join(figure.said for figure in one.figures)]


@verbs.command()
def nudge(scan: Scan = "latest", home: Home = None, as_json: Json = False) -> None:
    """Choose this quarter's step for everybody who agreed to it and has none yet; a share is held out."""
    with workspace(home) as ws:
        chosen = nudges.make_nudges(ws, LOCAL_ANALYST, scans.open_scan(ws, scan))
    if as_json:
        print_json({"chosen": chosen})
    else:
        say(f"Chose {chosen:,} steps. People find theirs on their own page; nobody else sees whose they are.")
