"""The web application: wiring, nothing else."""

import atexit
import gc
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import Depends, FastAPI
from fastapi.staticfiles import StaticFiles

from api import (
    audits,
    badges,
    connections,
    contests,
    credentials,
    document,
    exclusions,
    exports,
    health,
    invitations,
    jobs,
    links,
    maps,
    me,
    measuring,
    mentoring,
    needs,
    nudges,
    pages,
    people,
    problems,
    profiles,
    publications,
    reveals,
    scans,
    sign_in,
    skill_files,
    skills,
    surveys,
    teams,
    thresholds,
    tokens,
    viewers,
)
from api.access import Shelf
from api.auth import Gate, check_csrf
from api.guests import Guests
from api.layouts import Layouts
from api.limiter import Limiter
from api.measuring import Figures, Measuring
from api.memory import Memory
from api.strict import check_parameters
from pipelines.jobs import Beside
from pipelines.settings import Settings, load_settings
from pipelines.storage.workspace import open_workspace
from pipelines.thresholds import keep_minimum

RESOURCES = (
    health.router,
    jobs.router,
    measuring.router,
    document.router,
    scans.router,
    publications.router,
    people.router,
    teams.router,
    badges.router,
    skills.router,
    skill_files.router,
    needs.router,
    pages.skills.router,
    pages.needs.router,
    pages.own_growth.router,
    mentoring.router,
    pages.exclusions.router,  # before the boards, whose addresses take an id in the same place
    pages.mentoring.router,
    surveys.router,
    nudges.router,
    pages.growth.router,
    pages.reading.router,
    pages.map.router,
    pages.analysis.router,
    pages.candidates.router,
    connections.router,
    sign_in.router,
    me.router,
    profiles.router,
    exclusions.router,
    audits.router,
    reveals.router,
    exports.router,
    invitations.router,
    contests.router,
    credentials.router,
    credentials.public,
    pages.me.router,
    pages.rights.router,
    pages.credentials.router,
    pages.exports.router,
    pages.viewers.router,
    tokens.router,
    thresholds.router,
    viewers.router,
)


SWITCH_SECONDS = 0.001
"""How long a handler in a thread waits for a busy event loop to let it go on, each time it comes back from the database; usual: 5 ms."""


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
        dependencies=[Depends(check_csrf), Depends(check_parameters)],
    )
    for router in RESOURCES:
        app.include_router(router)
    app.mount("/static/vis", maps.vis_files(), name="vis")
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    app.add_middleware(Memory)
    app.add_middleware(Gate)
    app.add_middleware(Measuring)  # the last one added stands outermost
    app.state.figures = Figures()
    app.state.error_page = pages.reading.error_page
    problems.install(app)
    generate = app.openapi
    app.openapi = lambda: app.openapi_schema or links.join(problems.describe(generate()))  # type: ignore[method-assign]  # FastAPI's documented way
    return app


def app_from_environment() -> FastAPI:
    """Return the application of the deployment that ONA_HOME names; what is loaded by now stays for good."""
    app = create_app(load_settings())
    gc.collect()
    gc.freeze()  # no later round of the collector walks through hundreds of thousands of objects of the libraries while readers wait
    sys.setswitchinterval(SWITCH_SECONDS)
    atexit.register(gc.unfreeze)  # at the end all of them are given back as ever
    return app


def _deployment(settings: Settings) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def opened(app: FastAPI) -> AsyncIterator[None]:
        with open_workspace(settings) as ws:
            keep_minimum(ws)
            app.state.ws = ws
            app.state.shelf = Shelf(ws)
            app.state.guests = Guests(ws)
            app.state.limiter = Limiter(ws, settings.reads_per_minute)
            app.state.provider = sign_in.provider_of(settings)
            app.state.layouts = Layouts()
            app.state.beside = Beside(ws)
            try:
                yield
            finally:
                app.state.beside.stop()

    return opened
