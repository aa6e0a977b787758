"""Verbs of the audit log: who did what to whose data, whether the log is whole, and who may add to it."""

from typing import Annotated

import typer

from pipelines import audit, audit_grants, scans
from pipelines.console import Verbs, print_json, say, table
from pipelines.verbs.options import Home, Json, workspace

Limit = Annotated[int, typer.Option(help="Entries at most, the latest first.")]

verbs = typer.Typer(
    cls=Verbs, name="audit", help="Who did what to whose data: list the audit log, or verify that nobody changed it.", no_args_is_help=True
)


@verbs.command("list")
def list_log(limit: Limit = 50, home: Home = None, as_json: Json = False) -> None:
    """Print the latest entries: who did what to whose data, people by their vault id."""
    with workspace(home) as ws:
        entries = audit.entries(ws, limit)
    if as_json:
        print_json(entries)
    else:
        rows = ((e.seq, f"{e.at:%Y-%m-%d %H:%M:%S}", e.act.actor, e.act.action, e.act.object, e.act.purpose, e.act.result) for e in entries)
        table("entry time who did to_what purpose result", rows)


@verbs.command("verify")
def verify_log(home: Home = None, as_json: Json = False) -> None:
    """Walk the log's chain of hashes and hold it against its checkpoints; exit code 65 when an entry is not what was written."""
    with workspace(home) as ws:
        found = audit.verify(ws, scans.audit_marks(ws))
    if as_json:
        print_json(found)
    elif found.bad is None:
        say(f"The audit log is whole: {found.entries:,} entries.")
    else:
        say(f"The audit log is not what was written, from entry {found.bad:,} on: {found.why}.")
    if found.bad is not None:
        raise typer.Exit(65)


@verbs.command("grants")
def print_grants(
    owner: Annotated[str, typer.Option(help="Role of the database that shall own the log; nobody signs in as it.")] = "ona_audit",
    home: Home = None,
) -> None:
    """Print what PostgreSQL's administrator runs once, so that the service's own role can add entries and change none."""
    with workspace(home) as ws:
        for statement in audit_grants.statements(ws, owner):
            say(statement)
