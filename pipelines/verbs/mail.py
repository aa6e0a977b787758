"""Verbs of mail: send this quarter's steps to those who agreed, or count what would be sent."""

import typer

from pipelines.console import Verbs, print_json, progress_bars, say
from pipelines.growth import mailing
from pipelines.verbs.options import DryRun, Home, Json, workspace

verbs = typer.Typer(cls=Verbs, name="mail", help="Mail to people who agreed to it.", no_args_is_help=True)


@verbs.command("nudges")
def mail_nudges(dry_run: DryRun = False, home: Home = None, as_json: Json = False) -> None:
    """Mail this quarter's steps that were not mailed yet, one message each; the worker does it on its schedule."""
    with workspace(home) as ws, progress_bars(as_json) as progress:
        found = mailing.mail_nudges(ws, dry_run=dry_run, progress=progress)
    if as_json:
        print_json(found)
    elif dry_run:
        say(f"{found.quarter}: would send {found.due - found.without_address:,} messages; {found.without_address:,} have no address.")
    else:
        said = f"{found.sent:,} sent, {found.waiting:,} put off, {found.failed:,} refused, {found.unsure:,} unsure"
        say(f"{found.quarter}: {said}, {found.without_address:,} without an address.")


@verbs.callback()
def mail() -> None:
    """Mail to people who agreed to it."""
