"""Verbs of who may come in: the first invitation, viewers and their roles, and API tokens."""

from datetime import datetime
from typing import Annotated

import typer

from ona.errors import SettingsError
from pipelines.access.rights import Right, Role
from pipelines.access.sessions import LOCAL
from pipelines.console import Verbs, next_verb, print_json, say, table
from pipelines.entrance import tokens, viewers
from pipelines.entrance.tokens import Scope
from pipelines.entrance.viewers import Grant, Wish
from pipelines.storage.workspace import Workspace
from pipelines.verbs.options import Home, Json, workspace

verbs = typer.Typer()

people = typer.Typer(
    cls=Verbs, help="Who may sign in, and in which roles: invite the first, list, grant, approve, disable.", no_args_is_help=True
)
keys = typer.Typer(cls=Verbs, help="API tokens: make one, list them, revoke one.", no_args_is_help=True)
verbs.add_typer(people, name="viewers")
verbs.add_typer(keys, name="token")

ViewerId = Annotated[str, typer.Argument(help="As printed by ona viewers list.")]


@people.command()
def invite(
    role: Annotated[Role, typer.Option(metavar="role", help="admin or steward.")] = Role.ADMIN, home: Home = None, as_json: Json = False
) -> None:
    """Print a link that gives the first administrator, or the first privacy steward, their role; it works once, for three days."""
    with workspace(home) as ws:
        _in_company(ws)
        link = f"{ws.settings.public_url}{viewers.invite(ws, role)}"
    if as_json:
        print_json({"link": link, "role": role})
    else:
        say(link, f"Whoever opens it first and signs in with the company holds the role {role}. Send it to that person only.")


@people.command("list")
def list_(home: Home = None, as_json: Json = False) -> None:
    """List who has signed in, with their roles, and the roles that were asked for."""
    with workspace(home) as ws:
        found, grants = viewers.list_viewers(ws), viewers.list_grants(ws)
    if as_json:
        print_json({"viewers": found, "grants": grants})
        return
    rows = [(row.id, row.state, ", ".join(row.roles) or "none", f"{row.seen:%Y-%m-%d %H:%M}") for row in found]
    table("Viewer State Roles Last_sign_in", rows)
    if grants:
        table("Grant Viewer Role From Until State Asked_by", [_grant_row(one) for one in grants])


@people.command()
def grant(
    viewer: ViewerId,
    role: Annotated[Role, typer.Argument(metavar="role", help=", ".join(Role) + ".")],
    start: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day with it; default: today.")] = None,
    end: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day without it; default: none.")] = None,
    stands_for: Annotated[str | None, typer.Option("--for", help="Viewer id of the manager whom an acting manager stands in for.")] = None,
    home: Home = None,
) -> None:
    """Ask that a viewer gets a role, from one day to another; the privacy steward has to approve."""
    with workspace(home) as ws:
        _in_company(ws)
        wish = Wish(viewer, role, start.date() if start else None, end.date() if end else None, stands_for)
        made = viewers.ask_grant(ws, LOCAL, wish)
    say(f"Asked: grant {made.id}.")
    next_verb(f"the privacy steward approves; as long as there is none: ona viewers approve {made.id}", home)


@people.command()
def approve(
    number: Annotated[int, typer.Argument(help="Grant, as printed by ona viewers list.")],
    decline: Annotated[bool, typer.Option("--decline", help="Decline it instead.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Approve a role that an administrator asked for; refused as soon as there is a privacy steward to do it."""
    with workspace(home) as ws:
        _in_company(ws)
        decided = viewers.operator_decides(ws, number, approve=not decline)
    if as_json:
        print_json(decided)
    else:
        say(f"Grant {decided.id} is {decided.state}.")


@people.command()
def disable(
    viewer: ViewerId, enable: Annotated[bool, typer.Option("--enable", help="Let them in again.")] = False, home: Home = None
) -> None:
    """Keep a viewer out; their sessions and tokens end at once."""
    with workspace(home) as ws:
        viewers.disable(ws, LOCAL, viewer, disabled=not enable)
    say(f"{viewer} is {'let in again' if enable else 'disabled'}.")


@keys.command("new")
def new(
    right: Annotated[
        list[Right] | None,
        typer.Option(metavar="right", help="Only this right, as see_groups; repeat for more. Default: all that a token may have."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=90, help="How long it is good.")] = 90,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Make a token for the API on this machine and print it once; in a company every viewer makes their own after signing in."""
    with workspace(home) as ws:
        if ws.settings.sign_in is not None:
            raise SettingsError("In a company everybody makes their own tokens, signed in: POST /api/v1/tokens.")
        made, token = tokens.new_token(ws, LOCAL, Scope(Role.ANALYST, right or (), days))
    if as_json:
        print_json({"token": token, "id": made.id, "role": made.role, "expires": made.expires})
    else:
        say(token, f"Shown this once; good until {made.expires:%Y-%m-%d}. Send it as: Authorization: Bearer …")


@keys.command("list")
def list_tokens(home: Home = None, as_json: Json = False) -> None:
    """List the tokens that were made: whose, for what, until when, last used; never the tokens themselves."""
    with workspace(home) as ws:
        found = tokens.list_tokens(ws)
    if as_json:
        print_json(found)
    else:
        table("Token Viewer Role Rights Until Last_use State", [_token_row(one) for one in found])


@keys.command("revoke")
def revoke(token: Annotated[str, typer.Argument(help="As printed by ona token list.")], home: Home = None) -> None:
    """Make a token worthless."""
    with workspace(home) as ws:
        tokens.revoke(ws, LOCAL, token)
    say(f"{token} is revoked.")


def _in_company(ws: Workspace) -> None:
    if ws.settings.sign_in is None:
        raise SettingsError("Nobody signs in to this deployment. Set [sign_in] and public_url in ona.toml first.")


def _grant_row(one: Grant) -> tuple[object, ...]:
    role = f"{one.role} (acting)" if one.acting else one.role
    return (one.id, one.viewer, role, one.start, one.end or "", one.state, one.requested_by)


def _token_row(one: tokens.Token) -> tuple[object, ...]:
    used = f"{one.used:%Y-%m-%d %H:%M}" if one.used else "never"
    return (one.id, one.viewer, one.role, len(one.rights), f"{one.expires:%Y-%m-%d}", used, "revoked" if one.revoked else "good")
