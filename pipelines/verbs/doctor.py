"""Verbs of an operator who looks whether all is well: with the machine, and with the data of a scan."""

import typer

from pipelines import doctor as examination
from pipelines import scans
from pipelines.console import out, print_json, table
from pipelines.verbs.options import Home, Json, Scan, workspace

verbs = typer.Typer()


@verbs.command()
def doctor(home: Home = None, as_json: Json = False) -> None:
    """Check the machine, the key, the databases and the connectors; one fix per red line."""
    checks = examination.examine(home)
    if as_json:
        print_json(checks)
    else:
        table("Check State What_to_do", [(c.name, "ok" if c.ok else "FAULT", c.found if c.ok else c.fix) for c in checks])
    if not all(check.ok for check in checks):
        raise typer.Exit(2)


@verbs.command()
def quality(scan: Scan = "latest", home: Home = None, as_json: Json = False) -> None:
    """Print what was seen, missed, dropped and why, with a verdict per connector."""
    with workspace(home) as ws:
        sealed = scans.open_scan(ws, scan)
        technical = examination.technical_accounts(ws, sealed)
    if as_json:
        print_json({**sealed.quality, "technical_accounts": technical})
        return
    for line in examination.quality_in_words(sealed.quality, technical):
        out.print(line, highlight=False, markup=False)
