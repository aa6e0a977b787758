"""Verbs of credentials: make the key that signs them, see how many there are, revoke one."""

from typing import Annotated

import typer

from pipelines import audit
from pipelines.audit import Act
from pipelines.console import Verbs, next_verb, print_json, say, table
from pipelines.growth import credentials, issuer
from pipelines.verbs.options import Home, Json, workspace

verbs = typer.Typer(
    cls=Verbs,
    name="credentials",
    help="Credentials that people ask for: the key that signs them, how many there are, revoke one.",
    no_args_is_help=True,
)


@verbs.command("key")
def make_key(
    rotate: Annotated[bool, typer.Option("--rotate", help="Sign with a new key; what was signed before stays valid.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Make the key that signs credentials, readable by its owner alone; it never leaves this machine."""
    with workspace(home) as ws:
        made = issuer.create(ws.settings.issuer_key_file, again=rotate, today=ws.now().date())
        audit.record(ws, Act("local", "operator", "make_issuer_key", made))
        path = ws.settings.issuer_key_file
    if as_json:
        print_json({"path": path, "kid": made})
        return
    say(f"{path}  {made}", "Keep a copy elsewhere: without it nothing can be signed or revoked any more. Backups do not hold it.")
    next_verb("set credentials in ona.toml, then: ona serve")


@verbs.command("list")
def list_credentials(home: Home = None, as_json: Json = False) -> None:
    """Print how many credentials there are in each state; whose they are is told nowhere."""
    with workspace(home) as ws:
        found = credentials.counts(ws)
    if as_json:
        print_json(found)
    elif found:
        table("State Credentials", sorted(found.items()))
    else:
        say("Nobody asked for a credential.")


@verbs.command()
def revoke(
    id: Annotated[str, typer.Argument(help="Its id, as it stands in it: urn:uuid:…")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Revoke a credential, for somebody who left and asks for it, or because it was signed by mistake."""
    with workspace(home) as ws:
        credentials.revoke_here(ws, id)
    if as_json:
        print_json({"revoked": id})
    else:
        say("Revoked. Whoever checks it from now on is told so; copies cannot be called back.")
