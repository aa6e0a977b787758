"""The verbs of ``ona``: each calls one pipeline function and prints what was made, where it is, and the next verb."""

import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from ona.errors import (
    AccessError,
    ConnectorError,
    NotEnoughDataError,
    NotFoundError,
    OnaError,
    RateLimitError,
    SettingsError,
    SuppressedError,
    TableError,
    TryLaterError,
)
from ona.rules import Rules
from pipelines import access, admission, custody, key_verbs, keys, policy_verbs, pulls, scans, settings, skill_verbs, source_verbs
from pipelines import doctor as examination
from pipelines.checks import Wanted
from pipelines.console import err, next_verb, out, print_json, progress_bars, say, table
from pipelines.credential_verbs import verbs as credential_verbs
from pipelines.mail_verbs import verbs as mail_verbs
from pipelines.options import DryRun, Home, Json, Scan, workspace
from pipelines.settings import Settings, load_settings

app = typer.Typer(
    name="ona",
    help="Hidden soft-skill influencers from collaboration metadata: never content, always with uncertainty.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.add_typer(custody.verbs)
app.add_typer(policy_verbs.verbs)
app.add_typer(admission.verbs)
app.add_typer(key_verbs.verbs, name="keys")
app.add_typer(skill_verbs.verbs, name="skills")
app.add_typer(credential_verbs, name="credentials")
app.add_typer(mail_verbs, name="mail")
app.add_typer(source_verbs.verbs)

EXIT_CODES: tuple[tuple[type[OnaError], int], ...] = (
    (SettingsError, 2),
    (TableError, 65),
    (NotFoundError, 65),
    (NotEnoughDataError, 65),
    (RateLimitError, 75),
    (TryLaterError, 75),
    (AccessError, 77),
    (SuppressedError, 77),
    (ConnectorError, 69),
)
"""Exit code by kind of error: 2 fix the input, 65 bad data, 69 system away, 75 try again, 77 refused."""

Facet = Annotated[str, typer.Option(help="helper, broker or reach.")]


def main() -> None:
    """Run the command line; errors become one line and a stable exit code."""
    verbose = "-v" in sys.argv
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        app([argument for argument in sys.argv[1:] if argument != "-v"], standalone_mode=True)
    except KeyboardInterrupt:
        _leave("Stopped. What was committed is kept; run the same command to go on.", 130)
    except (OnaError, OSError) as error:
        if verbose:
            raise
        text = str(error) if isinstance(error, OnaError) else f"{error.strerror}: {error.filename or ''}"
        _leave(text, next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 75 if isinstance(error, OSError) else 2))


@app.command()
def init(home: Home = None) -> None:
    """Make a folder with commented settings and a key of its own."""
    place = (home or settings.DEFAULT_HOME).resolve()
    settings.write_template(place)
    made = keys.create_key(place / "key")
    say(f"Settings  {place / 'ona.toml'}", f"Key       {made} (keep a copy elsewhere: without it nobody can be named again)")
    next_verb("add your connectors to ona.toml, then: ona doctor")


@app.command()
def doctor(home: Home = None, as_json: Json = False) -> None:
    """Check the machine, the key, the databases and the connectors; one fix per red line."""
    checks = examination.examine(home)
    if as_json:
        print_json(checks)
    else:
        table("Check State What_to_do", [(c.name, "ok" if c.ok else "FAULT", c.found if c.ok else c.fix) for c in checks])
    if not all(check.ok for check in checks):
        raise typer.Exit(2)


@app.command()
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
    _print_pulls(outcomes, as_json)
    if any(outcome.error for outcome in outcomes):
        raise typer.Exit(69)


@app.command()
def connect(
    source: Annotated[str, typer.Argument(help="A connector of ona.toml, for instance slack_web_api.")],
    check: Annotated[bool, typer.Option("--check", help="Ask the service what the token may do.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Say how to connect a source; with --check hold what its token may do against what is needed."""
    from pipelines import connecting

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


@app.command("fake-vendors")
def fake_vendors(
    home: Annotated[Path, typer.Option("--home", help="Folder for settings, key, token and certificate.")] = Path("fake"),
    people: Annotated[int, typer.Option(help="Size of the company.")] = 60,
    weeks: int = 8,
    faults: Annotated[float, typer.Option(min=0.0, max=0.5, help="Share of calls that fail.")] = 0.0,
    port: int = 8443,
) -> None:
    """Serve Slack and others over a simulated company on this machine, to try a network pull without an account."""
    from pipelines import fake_vendors as fake

    def tell(address: str) -> None:
        say(f"Fake vendors at {address}, settings in {home}; Ctrl-C stops. In another terminal:")
        say(f"  ona connect slack_web_api --check --home {home}", f"  ona pull --dry-run --home {home}", f"  ona pull --home {home}")

    fake.run(home, fake.Wanted(people, weeks, faults=faults, port=port), tell)


@app.command()
def scan(
    weeks: Annotated[int, typer.Option(help="Length of the window.")] = 13,
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
        if as_json:
            print_json({"scan": sealed.id, "score_hash": scans.score_hash(sealed), "folder": sealed.folder, **scans.headline(sealed)})
            return
    say(f"Scan {sealed.id}: {_sentence(sealed)}", f"Place {sealed.folder}")
    next_verb("ona people, ona quality, or: ona serve")


@app.command()
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


@app.command(name="scans")
def list_(home: Home = None, as_json: Json = False) -> None:
    """List the sealed scans."""
    with workspace(home) as ws:
        found = scans.list_scans(ws)
    if as_json:
        print_json(found)
    else:
        table("Scan From Until People Verdict", [(s.id + (" *" if s.latest else ""), s.start, s.end, s.people, s.verdict) for s in found])


@app.command()
def people(
    facet: Facet = "helper",
    hidden: Annotated[bool, typer.Option(help="Only hidden influencers.")] = False,
    limit: int = 20,
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
        table("Id Person Team Score Interval Tier Stands_out Hidden Badges", [_person_row(row, facet) for row in rows])
    else:
        say("Nobody fits. With few people or little data that is an honest answer.")


@app.command()
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


@app.command()
def quality(scan: Scan = "latest", home: Home = None, as_json: Json = False) -> None:
    """Print what was seen, missed, dropped and why, with a verdict per connector."""
    with workspace(home) as ws:
        sealed = scans.open_scan(ws, scan)
        technical = examination.technical_accounts(ws, sealed)
    if as_json:
        print_json({**sealed.quality, "technical_accounts": technical})
        return
    for line in examination.quality_in_words(sealed.quality, technical):
        out.print(line, highlight=False, markup=False)


@app.command()
def metrics(
    name: Annotated[str | None, typer.Argument(help="One measure; default: the list of all.")] = None, as_json: Json = False
) -> None:
    """Explain the measures: what a high value means, formula, range, cost and source."""
    from ona import glossary

    found = glossary.look_up(name)
    if as_json:
        print_json(found)
    elif name:
        say(*glossary.in_words(found[0]))
    else:
        table("Measure Family Graph A_high_value_means", [(one.name, one.family, one.layer, one.reading) for one in found])


@app.command()
def serve(home: Home = None, host: str | None = None, port: int | None = None) -> None:
    """Serve the pages and the API on this machine; prints a link that opens them once."""
    _serve(load_settings(home), host, port)


@app.command()
def worker(home: Home = None) -> None:
    """Work off jobs, and pull and scan on the schedule of the settings, until stopped."""
    from pipelines.jobs.worker import work

    work(load_settings(home))


@app.command()
def demo(
    home: Annotated[Path, typer.Option("--home", help="Folder of the demo company.")] = Path("demo"),
    people: Annotated[int, typer.Option(help="Size of the company.")] = 300,
    seed: Annotated[int, typer.Option(help="Another seed, another company.")] = 7,
    serve: Annotated[bool, typer.Option(help="Serve the pages afterwards.")] = True,
    port: int | None = None,
    as_json: Json = False,
) -> None:
    """Simulate a company in vendor files, pull it, scan it and serve its pages: the whole road in one command."""
    from pipelines import demo as demo_company

    with progress_bars(as_json) as progress:
        made = demo_company.build(home, people=people, seed=seed, progress=progress)
    if as_json:
        print_json(made)
    else:
        say(*demo_company.in_words(made))
    if serve:
        _serve(load_settings(home), None, port)


def _serve(found: Settings, host: str | None, port: int | None) -> None:
    from pipelines import serving

    serving.serve(found, host, port)


def _person_row(row: Mapping[str, object], facet: str) -> tuple[object, ...]:
    value, low, high = (row[name] for name in (facet, f"{facet}_low", f"{facet}_high"))
    interval = "" if value is None else f"{low:.0f}-{high:.0f}"
    score = row[f"{facet}_reason"] if value is None else f"{value:.0f}"
    names = ("team", f"{facet}_tier", "stands_out", "hidden", "badges")
    team, tier, marks, hidden, badges = (row[name] for name in names)
    return (row["person"], row["label"], team, score, interval, tier, marks, hidden, badges)


def _overrides(pairs: Sequence[str]) -> dict[str, object]:
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        raise SettingsError("--set takes key=value, for instance --set path=export.zip.")
    return {key: value for key, _, value in (pair.partition("=") for pair in pairs)}


def _print_forecast(forecasts: Sequence[pulls.Forecast], as_json: bool) -> None:
    if as_json:
        print_json(forecasts)
        return
    from pipelines import connecting

    sizes = ["" if one.plan else "unknown" if one.size is None else f"{one.size:,}" for one in forecasts]
    table("Connector Gives About_rows", [(one.connector, ", ".join(one.gives), size) for one, size in zip(forecasts, sizes, strict=True)])
    say(*(line for one in forecasts if one.plan for line in connecting.plan_in_words(one.connector, one.plan)))
    say(f"Not read: {pulls.NEVER}.")


def _print_pulls(outcomes: Sequence[pulls.Outcome], as_json: bool) -> None:
    if as_json:
        print_json(outcomes)
        return
    from pipelines import connecting

    table("Connector Stream Read New Duplicate Dropped Quarantined", [_pull_row(outcome) for outcome in outcomes])
    say(*connecting.asked_in_words(outcomes))
    for outcome in outcomes:
        if outcome.error:
            err.print(f"{outcome.connector}: {outcome.error}", markup=False, highlight=False)
    next_verb("ona scan")


def _pull_row(outcome: pulls.Outcome) -> tuple[object, ...]:
    if outcome.report is None:
        return (outcome.connector, outcome.gives, "failed", "", "", "", "")
    report = outcome.report
    counts = (report.read, report.accepted, report.duplicate, sum(report.dropped.values()), sum(report.quarantined.values()))
    return (outcome.connector, outcome.gives, *(f"{count:,}" for count in counts))


def _sentence(sealed: scans.SealedScan) -> str:
    counts = scans.headline(sealed)
    return f"{counts['people']} people, {counts['flagged']} stand out, {counts['hidden']} of them hidden; data {counts['verdict']}."


def _leave(text: str, code: int) -> NoReturn:
    err.print(text, markup=False, highlight=False, soft_wrap=True)
    raise SystemExit(code)


def _interrupted(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt
