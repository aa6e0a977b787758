"""The demo company: simulated, written in vendor formats, then taken down the same road as real files."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from connectors.simulated.files import write_company
from ona.rules import Rules
from ona.simulate import company
from pipelines import keys, pulls, scans
from pipelines.settings import load_settings
from pipelines.workspace import open_workspace

Progress = Callable[[str, int, int | None], None]

SETTINGS = """\
# The demo company: everything here is simulated.
deterministic_ids = true
company_domains = ["acme.example"]

[connectors.people]
path = "inbox/hr.csv"

[connectors.slack_export]
path = "inbox/slack.zip"
direct = true  # off by default: this company agreed to count direct messages, never to read them

[connectors.mbox]
path = "inbox/mail.mbox"

[connectors.ics]
path = "inbox/calendar.ics"
window_start = {start}
window_end = {end}

[connectors.badges_table]
path = "inbox/badges.csv"

[connectors.badges_open_badges]
path = "inbox/open_badges"
"""


@dataclass(frozen=True)
class Demo:
    """What the demo made."""

    home: Path
    scan: str
    headline: dict[str, object]
    outcomes: tuple[pulls.Outcome, ...]


def build(home: Path, *, people: int, seed: int, progress: Progress) -> Demo:
    """Make the company once, pull its files, scan them; a second call finds its work done."""
    home.mkdir(parents=True, exist_ok=True)
    simulated = company(people=people, seed=seed)
    stamp = home / "inbox" / f".{people}-{seed}"
    if not stamp.exists():
        progress("simulate", 0, 1)
        write_company(simulated, home / "inbox")
        stamp.touch()
        progress("simulate", 1, 1)
    if not (home / "ona.toml").exists():
        start, end = simulated.plan.start, simulated.plan.start + timedelta(weeks=simulated.plan.weeks)
        (home / "ona.toml").write_text(SETTINGS.format(start=start, end=end), encoding="utf-8")
    if not (home / "key").exists():
        keys.create_key(home / "key")
    with open_workspace(load_settings(home)) as ws:
        outcomes = pulls.pull(ws, progress=progress)
        sealed = scans.run(ws, Rules(seed=ws.settings.seed), progress=progress)
    return Demo(home, sealed.id, scans.headline(sealed), tuple(outcomes))


def in_words(made: Demo) -> list[str]:
    """Say what the demo made, in a few lines."""
    found = made.headline
    read = sum(outcome.report.read for outcome in made.outcomes if outcome.report)
    return [
        f"Read {read:,} records of a simulated company: Slack export, mbox, ICS, HR table, badges. No content was kept.",
        f"Scan {made.scan}: {found['people']} people, {found['flagged']} stand out as helper or broker, {found['hidden']} of them hidden.",
        f"Settings, key and data: {made.home}",
    ]
