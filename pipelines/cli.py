"""The command line ``ona``: its verbs by name, the one that is called, and exit codes for what goes wrong.

A verb lives in a module of its area in ``pipelines.verbs``, imported at the top as everywhere. That takes seconds for some, so a
module is imported when one of its verbs is called, and only then: the list of all verbs is printed from the table below.
"""

import signal
import sys
from importlib import import_module
from typing import NamedTuple, NoReturn

import typer
from typer._click.core import Command, Context  # as the class below takes them; typer keeps them under no other name
from typer.core import TyperGroup

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
from pipelines.console import Verbs, err


class Verb(NamedTuple):
    """A verb, or a group of verbs, before its module is loaded."""

    name: str
    module: str
    help: str


VERBS = (
    Verb("init", "setup", "Make a folder with commented settings and a key of its own."),
    Verb("doctor", "doctor", "Check the machine, the key, the databases and the connectors; one fix per red line."),
    Verb("pull", "pull", "Read people, events, ties, badges and evidence from the connectors; safe to repeat, safe to stop."),
    Verb("connect", "pull", "Say how to connect a source; with --check hold what its token may do against what is needed."),
    Verb(
        "fake-vendors",
        "demo",
        "Serve Slack and others over a simulated company on this machine, to try a network pull without an account.",
    ),
    Verb("scan", "scans", "Analyse the last whole weeks and seal the result."),
    Verb("check", "scans", "Try how far the latest scan holds: chance, other rules, groups of people; seal it anew with what was found."),
    Verb("scans", "scans", "List the sealed scans."),
    Verb("people", "reading", "List who stands out, with intervals, beside badges."),
    Verb("person", "reading", "Say why one person stands out, or why nothing can be said."),
    Verb("key-people", "company", "Say which few people together know most, are nearest to everybody, or hold the company together."),
    Verb("company", "company", "Print every measure of the company, and how far departments lie from chance."),
    Verb("quality", "doctor", "Print what was seen, missed, dropped and why, with a verdict per connector."),
    Verb("metrics", "glossary", "Explain the measures: what a high value means, formula, range, cost and source."),
    Verb("serve", "serving", "Serve the pages and the API on this machine; prints a link that opens them once."),
    Verb("worker", "serving", "Work off jobs, and pull and scan on the schedule of the settings, until stopped."),
    Verb("demo", "demo", "Simulate a company in vendor files, pull it, scan it and serve its pages: the whole road in one command."),
    Verb("erase", "custody", "Erase one person everywhere: names, aliases, events, ties, scores; later data about them is refused."),
    Verb("export", "custody", "Write the people table (.csv, .parquet) or a graph (.graphml, .gexf)."),
    Verb("backup", "custody", "Write databases, lake and scans into one file with checksums; the key is not in it, keep that elsewhere."),
    Verb("restore", "custody", "Bring a backup back into a new folder, check every file, and repeat the erasures made since."),
    Verb("retain", "custody", "Delete events, weekly tables and scans that were kept long enough; the worker does it every night."),
    Verb("audit", "audit", "Who did what to whose data: list the audit log, or verify that nobody changed it."),
    Verb(
        "publish",
        "policy",
        "Release a sealed scan to managers, HR and employees, under the thresholds of today; nobody but analysts sees it before.",
    ),
    Verb("withdraw", "policy", "Take a publication back: these audiences do not see the scan from their next request on."),
    Verb("policy", "policy", "Why somebody may or may not see something."),
    Verb("viewers", "admission", "Who may sign in, and in which roles: invite the first, list, grant, approve, disable."),
    Verb("token", "admission", "API tokens: make one, list them, revoke one."),
    Verb("keys", "keys", "The root key: look at its versions, make a new one, and retire old ones."),
    Verb("skills", "skills", "Skills beside influence: load tables, see what is most pressing, choose nudges."),
    Verb("credentials", "credentials", "Credentials that people ask for: the key that signs them, how many there are, revoke one."),
    Verb("mail", "mail", "Mail to people who agreed to it."),
    Verb("badges", "sources", "Badges and certificates."),
    Verb("joins", "sources", "Accounts of several systems that were taken for one person."),
)
"""In the order of the list; ``help`` is what the verb itself says first."""

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


WRONG_PATH = (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError, PermissionError)
"""What another path or its rights mend; trying again does not."""

MODULE_OF = {verb.name: verb.module for verb in VERBS}


class OnDemand(Verbs):
    """Verbs of which each is loaded when it is called."""

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        """Return the verb that the first word names, itself in place of what stands for it in the list."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, load(name) if name else None, rest


def load(name: str) -> Command:
    """Import the module of a verb and return the verb."""
    return area(MODULE_OF[name]).commands[name]


def area(module: str) -> TyperGroup:
    """Import a module of verbs and return them as one group."""
    found = typer.Typer(rich_markup_mode=None)
    found.add_typer(import_module(f"pipelines.verbs.{module}").verbs)
    return typer.main.get_group(found)


app = typer.Typer(
    name="ona",
    cls=OnDemand,
    help="Hidden soft-skill influencers from collaboration metadata: never content, always with uncertainty.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _placeholder() -> None:
    """Stand in the list for a verb that is not loaded."""


for one in VERBS:
    app.command(one.name, help=one.help)(_placeholder)


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
        other = 75 if isinstance(error, OSError) and not isinstance(error, WRONG_PATH) else 2
        _leave(text, next((code for kind, code in EXIT_CODES if isinstance(error, kind)), other))


def _leave(text: str, code: int) -> NoReturn:
    err.print(text, markup=False, highlight=False, soft_wrap=True)
    raise SystemExit(code)


def _interrupted(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt
