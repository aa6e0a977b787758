"""Verbs of the root key: what is sealed under which version, a new key, and the end of an old one."""

import typer

from pipelines import rotation
from pipelines.console import Verbs, next_verb, print_json, say
from pipelines.settings import load_settings
from pipelines.verbs.options import Home, Json, workspace

verbs = typer.Typer(
    cls=Verbs, name="keys", help="The root key: look at its versions, make a new one, and retire old ones.", no_args_is_help=True
)


@verbs.command("list")
def list_keys(home: Home = None, as_json: Json = False) -> None:
    """Print which key versions there are and how many fields are sealed under each; never a key."""
    with workspace(home) as ws:
        found = rotation.state(ws)
    if as_json:
        print_json(found)
        return
    for version in range(1, found.newest + 1):
        held = "retired" if version in found.retired else f"{found.rows.get(version, 0):,} fields"
        say(f"Version {version}  {held}{'  newest' if version == found.newest else ''}")


@verbs.command()
def rotate(home: Home = None, as_json: Json = False) -> None:
    """Add a new root key to the key file and move everything sealed under it; people and scores stay as they are."""
    rotation.add_version(load_settings(home))
    _rewrap(home, as_json)


@verbs.command()
def rewrap(home: Home = None, as_json: Json = False) -> None:
    """Move everything sealed under the newest key; safe to repeat, and what finishes an interrupted ona keys rotate."""
    _rewrap(home, as_json)


@verbs.command()
def retire(home: Home = None, as_json: Json = False) -> None:
    """Take all older root keys out of the key file: what was sealed under them, in old backups too, opens no more."""
    with workspace(home) as ws:
        gone = rotation.retire(ws)
    if as_json:
        print_json({"retired": gone})
    elif gone:
        say(f"Retired: version {', '.join(map(str, gone))}. Older backups open only with the key file of their time.")
    else:
        say("There is no older key to retire.")


def _rewrap(home: Home, as_json: bool) -> None:
    with workspace(home) as ws:
        found = rotation.rewrap(ws)
    if as_json:
        print_json(found)
        return
    say(f"Version {found.version}: {found.aliases:,} addresses, {found.names:,} names and {found.reasons:,} reasons moved.")
    say("Copy the key file to where you keep the other copy, and start ona serve and ona worker again.")
    next_verb("ona keys retire, once no backup of before is needed")
