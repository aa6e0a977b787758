"""Verbs of the policy: release a scan to audiences, take it back, and explain one decision."""

import re
from collections.abc import Sequence
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from ona.errors import NotFoundError, SettingsError
from pipelines import access, publishing, scans
from pipelines.access import ReadableScan, Viewer
from pipelines.access.explain import Decision, explain_group, explain_person, explain_right
from pipelines.access.held import holder
from pipelines.access.rights import Right, Role
from pipelines.console import Verbs, next_verb, print_json, say
from pipelines.publishing import Wanted
from pipelines.storage.workspace import Workspace
from pipelines.verbs.options import Home, Json, Scan, workspace

verbs = typer.Typer()

policy = typer.Typer(cls=Verbs, help="Why somebody may or may not see something.", no_args_is_help=True)
verbs.add_typer(policy, name="policy")

UNIT = re.compile(r"company|d?\d{1,9}")


@verbs.command()
def publish(  # noqa: PLR0913, PLR0917 - one parameter for each option
    scan: Annotated[str, typer.Argument(help="Id of a scan, or latest.")] = "latest",
    to: Annotated[str, typer.Option(help="Audiences, separated by commas: manager, hr, employee.")] = "manager,hr,employee",
    units: Annotated[str, typer.Option(help="Only for people of these departments, separated by commas.")] = "",
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day without it.")] = None,
    override: Annotated[str, typer.Option(help="Why, although the data is unusable; the audit log keeps it.")] = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Release a sealed scan to managers, HR and employees, under the thresholds of today; nobody but analysts sees it before."""
    wanted = Wanted(_audiences(to), _split(units), until.date() if until else None, override)
    with workspace(home) as ws:
        sealed = scans.open_scan(ws, scan)
        found = publishing.publish(ws, sealed, access.LOCAL_ANALYST, wanted)
    _print(sealed.id, found, home, as_json)


@verbs.command()
def withdraw(
    scan: Annotated[str, typer.Argument(help="Id of a scan, or latest.")] = "latest",
    to: Annotated[str, typer.Option("--from", help="Audiences, separated by commas: manager, hr, employee.")] = "manager,hr,employee",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Take a publication back: these audiences do not see the scan from their next request on."""
    with workspace(home) as ws:
        sealed = scans.open_scan(ws, scan)
        publishing.withdraw(ws, sealed.id, access.LOCAL_ANALYST, _audiences(to))
        found = publishing.publications(ws, sealed.id)
    _print(sealed.id, found, home, as_json)


def _print(scan: str, found: Sequence[publishing.Publication], home: Path | None, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    said = ", ".join(f"{one.audience}{f' until {one.until}' if one.until else ''}" for one in found)
    say(f"Scan {scan} is published to: {said or 'nobody'}.")
    next_verb("ona serve", home)


@policy.command()
def explain(
    viewer: Annotated[str, typer.Argument(help="A role, as hr; a role and a person, as manager:7F3A; or the id of a viewer.")],
    object: Annotated[str, typer.Argument(help="A person's id as printed by ona people, a team's id, a right, or a route.")],
    scan: Scan = "latest",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Print what the policy says of one viewer and one object: verdict, rule, scope and reason."""
    with workspace(home) as ws:
        found = _explained(ws, viewer, object, scan)
    if as_json:
        print_json(found)
    else:
        say(f"Verdict  {found.verdict}", f"Rule     {found.rule}", f"Scope    {found.scope}", f"Reason   {found.reason}")


def _explained(ws: Workspace, viewer: str, asked: str, scan: str) -> Decision:
    if "/" in asked:
        right = import_module("api.routes").right_of_route(ws.settings, asked)
        return explain_right(ws, _viewer(ws, viewer, scan), right, asked)
    if asked in list(Right):
        return explain_right(ws, _viewer(ws, viewer, scan), Right(asked), asked)
    opened = ReadableScan(scans.open_scan(ws, scan))
    told = explain_group if UNIT.fullmatch(asked) and len(asked) < 10 and asked.upper() not in _labels(ws, opened) else explain_person
    return told(ws, opened, _viewer(ws, viewer, scan), asked)


def _labels(ws: Workspace, opened: ReadableScan) -> set[str]:
    """Return the shortest labels of people: four digits that are one of them mean a person, not a team."""
    sight = access.policy.look(ws, opened, access.LOCAL_ANALYST)
    return {label.removeprefix("Person ") for label in sight.pseudonyms}


def _viewer(ws: Workspace, name: str, scan: str) -> Viewer:
    role, _, code = name.partition(":")
    if role in list(Role):
        person = access.person_of(ws, scans.open_scan(ws, scan), access.LOCAL_ANALYST, code) if code else None
        return Viewer("example", Role(role), person=person)
    held = holder(ws, name)
    if held is None:
        raise NotFoundError(f"There is no viewer of this id who may come in. Roles are: {', '.join(Role)}.")
    return Viewer(name, held.first, person=held.person, roles=held.roles, stands_for=held.stands_for)


def _audiences(text: str) -> tuple[publishing.Audience, ...]:
    wanted = _split(text)
    known = tuple(one for one in publishing.AUDIENCES if one in wanted)
    if len(known) != len(wanted):
        raise SettingsError(f"A scan is published to one or more of: {', '.join(publishing.AUDIENCES)}.")
    return known


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
