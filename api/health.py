"""Health of the process, readiness of what it needs, and what is served here."""

from importlib.metadata import version

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response

from api.access import Place, ScoreReader
from api.models import Health, Meta
from ona.errors import OnaError
from pipelines.access.words import STANDING_LINE
from pipelines.workspace import Workspace

router = APIRouter(tags=["service"])


@router.get("/healthz", operation_id="read_health")
def read_health() -> Health:
    """Whether the process answers."""
    return Health(status="ok", checks={})


@router.get("/readyz", operation_id="read_readiness")
def read_readiness(request: Request, response: Response) -> Health:
    """Whether the database answers and the key is loaded; 503 when not."""
    ws: Workspace = request.app.state.ws
    checks = {"database": _answers(ws), "key": bool(ws.keys.view)}
    ready = all(checks.values())
    response.status_code = 200 if ready else 503
    return Health(status="ok" if ready else "not ready", checks=checks)


@router.get("/api/v1/meta", operation_id="read_meta")
def read_meta(ws: Place, viewer: ScoreReader) -> Meta:
    """Version, mode and thresholds of this service."""
    return Meta(
        name="ona-influence",
        version=version("ona-influence"),
        minimum_group=ws.settings.minimum_group,
        mode=f"single user, {viewer.role}",
        standing=STANDING_LINE,
    )


def _answers(ws: Workspace) -> bool:
    try:
        return bool(ws.service.rows(sa.select(sa.literal(1))))
    except OnaError:
        return False
