"""Verbs that run until they are stopped: the pages and the API, and the worker of long work."""

from typing import Annotated

import typer

from pipelines.jobs.worker import work
from pipelines.serving import serve as serve_pages
from pipelines.settings import load_settings
from pipelines.verbs.options import Home

verbs = typer.Typer()


@verbs.command()
def serve(
    home: Home = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: the settings'.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on, 0 for a free one; default: the settings'.")] = None,
) -> None:
    """Serve the pages and the API on this machine; prints a link that opens them once."""
    serve_pages(load_settings(home), host, port)


@verbs.command()
def worker(home: Home = None) -> None:
    """Work off jobs, and pull and scan on the schedule of the settings, until stopped."""
    work(load_settings(home))
