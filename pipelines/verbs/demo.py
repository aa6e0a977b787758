"""Verbs over a simulated company: the whole road in one command, and vendors that serve it over the network."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines import demo as demo_company
from pipelines import fake_vendors as fake
from pipelines import serving
from pipelines.console import print_json, progress_bars, say
from pipelines.settings import load_settings
from pipelines.verbs.options import Json

verbs = typer.Typer()


@verbs.command("fake-vendors")
def fake_vendors(
    home: Annotated[Path, typer.Option("--home", help="Folder for settings, key, token and certificate.")] = Path("fake"),
    people: Annotated[int, typer.Option(help="Size of the company.")] = 60,
    weeks: Annotated[int, typer.Option(help="Weeks that its records span.")] = 8,
    faults: Annotated[float, typer.Option(min=0.0, max=0.5, help="Share of calls that fail.")] = 0.0,
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8443,
) -> None:
    """Serve Slack and others over a simulated company on this machine, to try a network pull without an account."""

    def tell(address: str) -> None:
        say(f"Fake vendors at {address}, settings in {home}; Ctrl-C stops. In another terminal:")
        say(f"  ona connect slack_web_api --check --home {home}", f"  ona pull --dry-run --home {home}", f"  ona pull --home {home}")

    fake.run(home, fake.Wanted(people, weeks, faults=faults, port=port), tell)


@verbs.command()
def demo(
    home: Annotated[Path, typer.Option("--home", help="Folder of the demo company.")] = Path("demo"),
    people: Annotated[int, typer.Option(help="Size of the company.")] = 300,
    seed: Annotated[int, typer.Option(help="Another seed, another company.")] = 7,
    serve: Annotated[bool, typer.Option(help="Serve the pages afterwards.")] = True,
    port: Annotated[int | None, typer.Option(help="Port of the pages; default: the settings'.")] = None,
    as_json: Json = False,
) -> None:
    """Simulate a company in vendor files, pull it, scan it and serve its pages: the whole road in one command."""
    with progress_bars(as_json) as progress:
        made = demo_company.build(home, people=people, seed=seed, progress=progress)
    if as_json:
        print_json(made)
    else:
        say(*demo_company.in_words(made))
    if serve:
        serving.serve(load_settings(home), port=port)
