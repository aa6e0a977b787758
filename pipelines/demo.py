"""The demo company: simulated, written in vendor formats, then taken down the same road as real files."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from connectors.simulated.files import write_company
from ona.rules import Rules
from ona.simulate.company import Company, company
from pipelines import demo_skills, keys, publishing, scans, ties
from pipelines.access import LOCAL_ANALYST
from pipelines.growth import needs
from pipelines.intake import pulls
from pipelines.intake.simulated import stream
from pipelines.settings import load_settings
from pipelines.storage.workspace import open_workspace

Progress = Callable[[str, int, int | None], None]

SETTINGS = """\
# The demo company: everything here is simulated.
deterministic_ids = true
company_domains = ["acme.example"]
"""

CONNECTORS = """
[connectors.people]
path = "inbox/hr.csv"

[connectors.slack_export]
path = "inbox/slack.zip"
private = true  # off by default, as is the next line: this company agreed to count private messages, never to read them
direct = true

[connectors.mbox]
path = "inbox/mail.mbox"

[connectors.ics]
path = "inbox/calendar.ics"
window_start = {start}
window_end = {end}

[connectors.badges_table]
path = "inbox/badges.csv"
status = "issuer-asserted"  # the academy that wrote this table issued most of them; the others say so themselves

[connectors.badges_open_badges]
path = "inbox/open_badges"

[connectors.evidence]
path = "inbox/evidence"
"""


MOST_IN_FILES = 2_000
"""People up to whom the company is written in vendor files; a larger one streams into the buffer, or it would take hours."""


@dataclass(frozen=True)
class Demo:
    """What the demo made."""

    home: Path
    scan: str
    headline: dict[str, object]
    outcomes: tuple[pulls.Outcome, ...]
    streamed: int  # events of a company too large for vendor files


def build(home: Path, *, people: int, seed: int, progress: Progress) -> Demo:
    """Make the company once, pull its files, scan them; a second call finds its work done."""
    home.mkdir(parents=True, exist_ok=True)
    simulated = company(people=people, seed=seed)
    in_files = people <= MOST_IN_FILES
    if in_files:
        _write_files(simulated, home, f".{people}-{seed}", progress)
    _write_settings(simulated, home, in_files)
    with open_workspace(load_settings(home)) as ws:
        outcomes = pulls.pull(ws, progress=progress) if in_files else []
        streamed = 0 if in_files or ties.weeks_seen(ws) else stream(ws, simulated, progress)
        sealed = scans.run(ws, Rules(seed=ws.settings.seed), progress=progress)
        publishing.publish_everywhere(ws, sealed.id, LOCAL_ANALYST)
        demo_skills.fill(ws, sealed)
        needs.keep_readings(ws, sealed)
    return Demo(home, sealed.id, scans.headline(sealed), tuple(outcomes), streamed)


def in_words(made: Demo) -> list[str]:
    """Say what the demo made, in a few lines."""
    found = made.headline
    read = sum(outcome.report.read for outcome in made.outcomes if outcome.report)
    files = f"Read {read:,} records of a simulated company: Slack export, mbox, ICS, HR table, badges, feedback. No content was kept."
    return [
        files if made.outcomes else f"Streamed {made.streamed:,} events of a simulated company.",
        f"Scan {made.scan}: {found['people']} people, {found['flagged']} stand out as helper or broker, {found['hidden']} of them hidden.",
        f"Settings, key and data: {made.home}",
    ]


def _write_files(simulated: Company, home: Path, stamp: str, progress: Progress) -> None:
    done = home / "inbox" / stamp
    if not done.exists():
        progress("simulate", 0, 1)
        write_company(simulated, home / "inbox")
        done.touch()
        progress("simulate", 1, 1)


def _write_settings(simulated: Company, home: Path, in_files: bool) -> None:
    if not (home / "ona.toml").exists():
        start, weeks = simulated.plan.start, simulated.plan.weeks
        sections = CONNECTORS.format(start=start, end=start + timedelta(weeks=weeks)) if in_files else ""
        (home / "ona.toml").write_text(SETTINGS + sections, encoding="utf-8")
    if not (home / "key").exists():
        keys.create_key(home / "key")
