"""Verbs that read a sealed scan: people, and one person."""

from collections.abc import Mapping
from typing import Annotated

import typer

from pipelines import access, scans
from pipelines.access.words import NOT_ENOUGH, REASONS
from pipelines.console import next_verb, print_json, say, table
from pipelines.verbs.options import Home, Json, Scan, workspace

verbs = typer.Typer()

Facet = Annotated[str, typer.Option(help="helper, broker or reach.")]


@verbs.command()
def people(
    facet: Facet = "helper",
    hidden: Annotated[bool, typer.Option(help="Only hidden influencers.")] = False,
    limit: Annotated[int, typer.Option(help="People at most.")] = 20,
    scan: Scan = "latest",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """List who stands out, with intervals, beside badges."""
    with workspace(home) as ws:
        rows = access.table_of_people(ws, scans.open_scan(ws, scan), access.LOCAL_ANALYST, facet=facet, hidden=hidden, limit=limit)
    if as_json:
        print_json(rows)
    elif rows:
        table(
            "Id Person Team Score Interval Stands_out Badges", [_person_row(row, facet) for row in rows], cut=("Person", "Team", "Badges")
        )
        reasons = sorted({str(row[f"{facet}_reason"]) for row in rows if row[facet] is None})
        say(*(f"{code}: {REASONS.get(code, NOT_ENOUGH)}" for code in reasons))
        next_verb("ona person ID", home)
    else:
        say("Nobody fits. With few people or little data that is an honest answer.")


@verbs.command()
def person(
    id: Annotated[str, typer.Argument(help="As printed by ona people.")], scan: Scan = "latest", home: Home = None, as_json: Json = False
) -> None:
    """Say why one person stands out, or why nothing can be said."""
    with workspace(home) as ws:
        found = access.read_person(ws, scans.open_scan(ws, scan), access.LOCAL_ANALYST, id)
    if as_json:
        print_json(found)
    else:
        say(*access.in_words(found))


def _person_row(row: Mapping[str, object], facet: str) -> tuple[object, ...]:
    value, low, high = (row[name] for name in (facet, f"{facet}_low", f"{facet}_high"))
    interval = "" if value is None else f"{low:.0f}-{high:.0f}"
    score = row[f"{facet}_reason"] if value is None else f"{value:.0f}"
    marks = f"{row['stands_out']}{', hidden' if row['hidden'] else ''}"
    return (row["person"], row["label"], row["team"] or "not shown", score, interval, marks, row["badges"])
