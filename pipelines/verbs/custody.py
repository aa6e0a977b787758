"""Verbs that let data out, bring them back or take them away: export, backup, restore, erase, retain."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines import access, erasure, reports, retention, scans
from pipelines import backup as copies
from pipelines.console import next_verb, print_json, progress_bars, say
from pipelines.purposes import Purpose
from pipelines.verbs.options import DryRun, Home, Json, Scan, workspace

verbs = typer.Typer()


@verbs.command()
def erase(
    id: Annotated[str, typer.Argument(help="As printed by ona people.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: DryRun = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Erase one person everywhere: names, aliases, events, ties, scores; later data about them is refused."""
    with workspace(home) as ws:
        who = access.person_of(ws, scans.open_scan(ws), access.LOCAL_ANALYST, id)
        if dry_run:
            say("Would erase one person from the vault, the buffer, the weekly tables and every scan.")
            return
        if not yes and not typer.confirm("Erase this person? This cannot be undone."):
            raise typer.Exit(2)
        report = erasure.erase(ws, who, reseal=scans.reseal_without)
    if as_json:
        print_json(report)
    else:
        say("Erased. The scans that held the person were sealed anew without them.")


@verbs.command()
def export(
    path: Annotated[Path, typer.Argument(help="File to write; its ending says the form.")],
    layer: Annotated[str, typer.Option(help="For graphs: attention, relationship, ask or formal.")] = "relationship",
    purpose: Annotated[Purpose, typer.Option(help="What the file is for; it says so itself.")] = Purpose.NETWORK_HEALTH,
    scan: Scan = "latest",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Write the people table (.csv, .parquet) or a graph (.graphml, .gexf)."""
    with workspace(home) as ws:
        rows = reports.export(ws, scans.open_scan(ws, scan), access.LOCAL_ANALYST, path, reports.Wish(purpose, layer))
    if as_json:
        print_json({"path": path, "rows": rows})
    else:
        say(f"{rows} rows  {path}", "Pseudonyms do not anonymise a network: keep this file as safe as the data it came from.")


@verbs.command()
def backup(path: Annotated[Path, typer.Argument(help="File to write.")], home: Home = None, as_json: Json = False) -> None:
    """Write databases, lake and scans into one file with checksums; the key is not in it, keep that elsewhere."""
    with workspace(home) as ws, progress_bars(as_json) as progress:
        size = copies.backup(ws, path, progress)
    if as_json:
        print_json({"path": path, "bytes": size})
    else:
        say(f"{path}  {size:,} bytes", "The key is not in it: keep a copy of the key file somewhere else.")


@verbs.command()
def restore(
    path: Annotated[Path, typer.Argument(help="File that ona backup wrote.")],
    home: Annotated[Path, typer.Option("--home", help="New folder of the deployment.")],
    key: Annotated[Path, typer.Option("--key", help="Key file that the backup was made under.")],
    checkpoints: Annotated[Path | None, typer.Option(help="Checkpoints of the audit log: who was erased since is erased again.")] = None,
    as_json: Json = False,
) -> None:
    """Bring a backup back into a new folder, check every file, and repeat the erasures made since."""
    with progress_bars(as_json) as progress:
        found = copies.restore(path, home.absolute(), key, checkpoints, progress)
    if as_json:
        print_json(found)
        return
    say(f"{home}  {found.files:,} files, each as its checksum says; {found.erased_again:,} people erased again.")
    if checkpoints is None:
        say("Without --checkpoints nobody could be erased again: whoever was erased after this backup is back in it.")
    next_verb("ona scans", home)


@verbs.command()
def retain(dry_run: DryRun = False, home: Home = None, as_json: Json = False) -> None:
    """Delete events, weekly tables and scans that were kept long enough; the worker does it every night."""
    with workspace(home) as ws:
        found = retention.retain(ws, dry_run=dry_run)
    if as_json:
        print_json(found)
        return
    would = "Would delete" if dry_run else "Deleted"
    say(f"{would} what is before {found.before}: {found.event_weeks:,} weeks of events, {found.weekly_parts:,} weekly parts,")
    say(f"{len(found.scans):,} scans, {found.rows:,} requests and invitations.")
