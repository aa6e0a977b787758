"""Verbs of sources: say how to connect one, read from all."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ona.errors import SettingsError
from pipelines import connecting
from pipelines.console import err, next_verb, print_json, progress_bars, say, table
from pipelines.intake import pulls
from pipelines.verbs.options import DryRun, Home, Json, workspace

verbs = typer.Typer()


@verbs.command()
def pull(
    names: Annotated[list[str] | None, typer.Argument(help="Connectors; default: all that are configured.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="key=value of the connector's settings, for this run only.")] = None,
    dry_run: DryRun = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Read people, events, ties, badges and evidence from the connectors; safe to repeat, safe to stop."""
    with workspace(home) as ws:
        overrides = _overrides(set_ or [])
        if dry_run:
            with progress_bars(as_json) as progress:
                plans = pulls.forecast(ws, names or [], overrides, progress=progress)
            _print_forecast(plans, as_json)
            return
        with progress_bars(as_json) as progress:
            outcomes = pulls.pull(ws, names or [], overrides, progress=progress)
    _print_pulls(outcomes, home, as_json)
    if any(outcome.error for outcome in outcomes):
        raise typer.Exit(69)


@verbs.command()
def connect(
    source: Annotated[str, typer.Argument(help="A connector of ona.toml, for instance slack_web_api.")],
    check: Annotated[bool, typer.Option("--check", help="Ask the service what the token may do.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Say how to connect a source; with --check hold what its token may do against what is needed."""
    if not check:
        say(*connecting.how_to(source))
        return
    with workspace(home) as ws:
        found = connecting.checked(ws, source)
    if as_json:
        print_json(found)
    else:
        say(*connecting.in_words(found))
    if found.missing or found.too_wide:
        raise typer.Exit(77)


def _overrides(pairs: Sequence[str]) -> dict[str, object]:
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        raise SettingsError("--set takes key=value, for instance --set path=export.zip.")
    return {key: value for key, _, value in (pair.partition("=") for pair in pairs)}


def _print_forecast(forecasts: Sequence[pulls.Forecast], as_json: bool) -> None:
    if as_json:
        print_json(forecasts)
        return
    sizes = ["" if one.plan else "unknown" if one.size is None else f"{one.size:,}" for one in forecasts]
    table("Connector Gives About_rows", [(one.connector, ", ".join(one.gives), size) for one, size in zip(forecasts, sizes, strict=True)])
    say(*(line for one in forecasts if one.plan for line in connecting.plan_in_words(one.connector, one.plan)))
    say(f"Not read: {pulls.NEVER}.")


def _print_pulls(outcomes: Sequence[pulls.Outcome], home: Path | None, as_json: bool) -> None:
    if as_json:
        print_json(outcomes)
        return
    table("Connector Stream Read New Duplicate Dropped Quarantined", [_pull_row(outcome) for outcome in outcomes])
    say(*connecting.asked_in_words(outcomes), *connecting.refused_in_words(outcomes))
    for outcome in outcomes:
        if outcome.error:
            err.print(f"{outcome.connector}: {outcome.error}", markup=False, highlight=False)
    failed = any(outcome.error for outcome in outcomes)
    next_verb("mend what failed, then: ona pull" if failed else "ona scan", home)


def _pull_row(outcome: pulls.Outcome) -> tuple[object, ...]:
    if outcome.report is None:
        return (outcome.connector, outcome.gives, "failed", "", "", "", "")
    report = outcome.report
    counts = (report.read, report.accepted, report.duplicate, sum(report.dropped.values()), sum(report.quarantined.values()))
    return (outcome.connector, outcome.gives, *(f"{count:,}" for count in counts))
