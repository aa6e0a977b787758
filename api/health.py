"""Health of the process, readiness of what it needs, and what is served here."""

import hashlib
from collections.abc import Callable
from importlib.metadata import version

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response

from api.access import Place, WordReader
from api.models import Health, Meta
from ona.errors import OnaError
from pipelines import jobs
from pipelines.access.rights import MATRIX
from pipelines.access.words import STANDING_LINE
from pipelines.schema import SCHEMA
from pipelines.storage.service import SCHEMA_VERSION
from pipelines.storage.workspace import Workspace
from pipelines.thresholds import minimum

router = APIRouter(tags=["service"])

_TABLE = sorted(
    f"{mode} {right} {role} {reach}" for mode, rights in MATRIX.items() for right, roles in rights.items() for role, reach in roles.items()
)

POLICY_ID = hashlib.sha256("\n".join(_TABLE).encode()).hexdigest()[:12]
"""Digest of the table of who may do what; it changes when the policy does."""


@router.get("/healthz", operation_id="read_health")
async def read_health() -> Health:
    """Whether the process answers."""
    return Health(status="ok", checks={})


@router.get("/readyz", operation_id="read_readiness", responses={503: {"model": Health, "description": "Not ready"}})
def read_readiness(request: Request, response: Response) -> Health:
    """Whether the database answers and has this program's schema, the key is loaded and a worker lives; 503 when not."""
    ws: Workspace = request.app.state.ws
    checks = {"database": _answers(ws), "schema": _is_current(ws), "key": bool(ws.keys.view)}
    if ws.settings.sign_in is not None:  # a single-user service starts a worker when there is something to do
        checks["worker"] = _attended(ws)
    ready = all(checks.values())
    response.status_code = 200 if ready else 503
    return Health(status="ok" if ready else "not ready", checks=checks)


@router.get("/api/v1/meta", operation_id="read_meta")
def read_meta(ws: Place, viewer: WordReader) -> Meta:
    """Version, sources, mode and thresholds of this service, and the role that the viewer acts in."""
    settings = ws.settings
    return Meta(
        name="ona-influence",
        version=version("ona-influence"),
        sources=sorted(settings.connectors),
        mode=settings.mode,
        role=viewer.role,
        single_user=settings.sign_in is None,
        minimum_group=minimum(ws).holds,
        policy_id=POLICY_ID,
        standing=STANDING_LINE,
    )


def _answers(ws: Workspace) -> bool:
    return _holds(lambda: bool(ws.service.rows(sa.select(sa.literal(1)))))


def _is_current(ws: Workspace) -> bool:
    return _holds(lambda: ws.service.rows(sa.select(SCHEMA.c.version))[0].version == SCHEMA_VERSION)


def _attended(ws: Workspace) -> bool:
    return _holds(lambda: jobs.is_attended(ws))


def _holds(look: Callable[[], bool]) -> bool:
    """Whether something is so; a database that does not answer is a no."""
    try:
        return look()
    except (OnaError, sa.exc.SQLAlchemyError, IndexError):
        return False
