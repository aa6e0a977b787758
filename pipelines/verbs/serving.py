"""Verbs that run until they are stopped: the pages and the API, and the worker of long work."""

import typer

from pipelines.jobs.worker import work
from pipelines.serving import serve as serve_pages
from pipelines.settings import load_settings
from pipelines.verbs.options import Home

verbs = typer.Typer()


@verbs.command()
def serve(home: Home = None, host: str | None = None, port: int | None = None) -> None:
    """Serve the pages and the API on this machine; prints a link that opens them once."""
    serve_pages(load_settings(home), host, port)


@verbs.command()
def worker(home: Home = None) -> None:
    """Work off jobs, and pull and scan on the schedule of the settings, until stopped."""
    work(load_settings(home))
