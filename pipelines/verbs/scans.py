"""Verbs of scans: make one, try how far it holds, list them."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ona.rules import Rules
from pipelines import scans
from pipelines.checks import Wanted
from pipelines.console import next_verb, print_json, progress_bars, say, table
from pipelines.growth import needs
from pipelines.verbs.options import DryRun, Home, Json, workspace

verbs = typer.Typer()


@verbs.command()
def scan(
    weeks: Annotated[int, typer.Option(min=1, max=60, help="Length of the window.")] = 13,
    end: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day after the window, a Monday.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of every random draw; default: the settings'.")] = None,
    dry_run: DryRun = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Analyse the last whole weeks and seal the result."""
    with workspace(home) as ws:
        stop = end.date() if end else None
        if dry_run:
            window = scans.plan(ws, weeks, stop)
            if as_json:
                print_json(window)
            else:
                say(f"Would analyse {window.start} to {window.end} ({len(window.weeks)} weeks).")
            return
        rules = replace(Rules(), weeks=weeks, seed=ws.settings.seed if seed is None else seed)
        with progress_bars(as_json) as progress:
            sealed = scans.run(ws, rules, end=stop, progress=progress)
        needs.keep_readings(ws, sealed)
        if as_json:
            print_json({"scan": sealed.id, "score_hash": scans.score_hash(sealed), "folder": sealed.folder, **scans.headline(sealed)})
            return
    span = f"from {sealed.quality['start']} until {sealed.quality['end']}"
    say(f"Scan {sealed.id}: {_sentence(sealed)}", f"Weeks {span}, in {sealed.folder}")
    next_verb(f"ona quality, ona people, ona serve{', each with' if home else ''}", home)


@verbs.command()
def check(
    nulls: Annotated[int, typer.Option(min=1, help="Networks to deal anew for each null model.")] = 20,
    fairness: Annotated[Path | None, typer.Option(help="CSV of confidential groups (email, attributes); read once, never stored.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Try how far the latest scan holds: chance, other rules, groups of people; seal it anew with what was found."""
    with workspace(home) as ws, progress_bars(as_json) as progress:
        sealed = scans.check(ws, Wanted(nulls, fairness), progress=progress)
    if as_json:
        print_json({"scan": sealed.id, **sealed.quality["checks"]})
    else:
        say(f"Scan {sealed.id}", *(f"  {one}" for one in sealed.quality["checks"]["says"]))


@verbs.command(name="scans")
def list_(home: Home = None, as_json: Json = False) -> None:
    """List the sealed scans."""
    with workspace(home) as ws:
        found = scans.list_scans(ws)
    if as_json:
        print_json(found)
    else:
        table("Scan From Until People Verdict", [(s.id + (" *" if s.latest else ""), s.start, s.end, s.people, s.verdict) for s in found])


def _sentence(sealed: scans.SealedScan) -> str:
    counts = scans.headline(sealed)
    return f"{counts['people']} people, {counts['flagged']} stand out, {counts['hidden']} of them hidden; data {counts['verdict']}."
