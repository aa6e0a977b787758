"""Options that many verbs share, and the deployment that they open."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from pipelines.settings import load_settings
from pipelines.storage.workspace import Workspace, open_workspace

Home = Annotated[Path | None, typer.Option("--home", help="Folder of the deployment; else ONA_HOME, else ./ona-data.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")]
Scan = Annotated[str, typer.Option("--scan", help="Id of a scan.")]


@contextmanager
def workspace(home: Path | None) -> Iterator[Workspace]:
    """Open the deployment in this folder, else in ONA_HOME, else in ./ona-data."""
    with open_workspace(load_settings(home)) as ws:
        yield ws
