"""Verbs about what systems said: check badges again, take back a wrong join of two accounts."""

from typing import Annotated

import typer

from connectors.identity import HandleError, canonical
from ona.errors import NotFoundError, SettingsError
from pipelines import audit
from pipelines.console import Verbs, print_json, progress_bars, say, table
from pipelines.intake import people, pulls
from pipelines.verbs.options import Home, Json, workspace

verbs = typer.Typer()

badge_verbs = typer.Typer(cls=Verbs, help="Badges and certificates.", no_args_is_help=True)
join_verbs = typer.Typer(cls=Verbs, help="Accounts of several systems that were taken for one person.", no_args_is_help=True)
verbs.add_typer(badge_verbs, name="badges")
verbs.add_typer(join_verbs, name="joins")


@badge_verbs.command("check")
def check_badges(home: Home = None, as_json: Json = False) -> None:
    """Read all badge connectors again: signatures, expiry, and hosted copies and status lists of listed issuers."""
    with workspace(home) as ws, progress_bars(as_json) as progress:
        found = pulls.check_badges(ws, progress)
    if as_json:
        print_json(found)
        return
    table("Status Badges", sorted(found.by_status.items()))
    moved = [f"{one['badges']} badges: {one['before']} before, {one['now']} now" for one in found.changed]
    say(*moved or ["No badge has another status than before."], *found.errors)


@join_verbs.command("undo")
def undo_join(
    handle: Annotated[str, typer.Argument(help="Address, or account as slack:TEAM/USER, entra:TENANT/USER or id:NAMESPACE/ID.")],
    source: Annotated[str, typer.Option(help="Connector whose statement was wrong.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Take back the last join of an account; mend the source, pull it again and scan to get the scores of a fresh run."""
    with workspace(home) as ws:
        known = _known(handle)
        if known not in ws.vault.persons_of([known]):
            raise NotFoundError("Nobody is known by this account. Give it as its system writes it, for instance slack:T012/U345.")
        person = people.undo_join(ws, known, source)
        audit.record(ws, audit.Act("local", "analyst", "undo_join", str(person or ""), "correction"))
    if as_json:
        print_json({"stands_alone": person is None})
        return
    say("The account stands alone now." if person is None else "The account belongs to the person that it belonged to before.")
    say(f"Next: mend {source} at its source, then: ona pull {source}, ona scan")


def _known(handle: str) -> str:
    """Return the canonical form of what an operator typed; it is never repeated."""
    if ":" in handle.partition("/")[0] and not handle.startswith(("mailto:", "email:")):
        return handle
    try:
        return canonical(handle)
    except HandleError as error:
        raise SettingsError(str(error)) from None
