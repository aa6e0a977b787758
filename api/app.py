"""The web application: wiring, nothing else."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from api import health, maps, pages, people, problems, scans, teams
from api.access import Shelf
from api.auth import Gate
from pipelines.settings import Settings, load_settings
from pipelines.workspace import open_workspace

RESOURCES = (health.router, scans.router, people.router, teams.router, pages.router)


def create_app(settings: Settings) -> FastAPI:
    """Return the application that serves one deployment."""
    app = FastAPI(
        title="Soft-skill influence from collaboration metadata",
        version=version("ona-influence"),
        description="Who is asked, who connects groups, how sure that is, and which badges they hold. Not for pay, rating or dismissal.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        lifespan=_deployment(settings),
    )
    for router in RESOURCES:
        app.include_router(router)
    app.mount("/static/vis", maps.vis_files(), name="vis")
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    app.add_middleware(Gate)
    app.state.error_page = pages.error_page
    problems.install(app)
    generate = app.openapi
    app.openapi = lambda: app.openapi_schema or problems.describe(generate())  # type: ignore[method-assign]  # FastAPI's documented way
    return app


def app_from_environment() -> FastAPI:
    """Return the application of the deployment that ONA_HOME names."""
    return create_app(load_settings())


def _deployment(settings: Settings) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def opened(app: FastAPI) -> AsyncIterator[None]:
        with open_workspace(settings) as ws:
            app.state.ws = ws
            app.state.shelf = Shelf(ws)
            app.state.layouts = maps.Layouts()
            yield

    return opened
