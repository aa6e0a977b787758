"""How the service does: answers counted and timed by route, jobs by state, age of the last scan; no label holds a person or an address."""

import hmac
import logging
import time
from datetime import datetime

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import SignInNeededError
from pipelines import jobs
from pipelines.settings import LOOPBACK
from pipelines.storage.workspace import Workspace

router = APIRouter(include_in_schema=False)

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Upper ends in seconds."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

ELSEWHERE = "elsewhere"
"""Route of what no route answered."""

FORWARDED = ("x-forwarded-for", "forwarded")
"""Whoever sends one of these did not ask from this machine."""

GUARD = "The figures are for this machine, or for who brings the token of metrics_token_file."

log = logging.getLogger(__name__)


class Figures:
    """The figures of one application."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.registry = CollectorRegistry()
        self.answers = Histogram(
            "ona_answer_seconds", "Time to an answer.", ("method", "route", "status"), buckets=BUCKETS, registry=self.registry
        )
        self.refused = Counter("ona_refusals_total", "Answers that refuse, by kind.", ("status",), registry=self.registry)
        self.jobs = Gauge("ona_jobs", "Jobs by kind and state.", ("kind", "state"), registry=self.registry)
        self.beat = Gauge("ona_worker_silent_seconds", "Since a worker was last heard of; -1 when never.", registry=self.registry)
        self.age = Gauge("ona_scan_age_seconds", "Since the newest scan was sealed; -1 when there is none.", registry=self.registry)

    def look(self, ws: Workspace) -> None:
        """Read what only the database knows."""
        self.jobs.clear()
        for one in jobs.latest(ws, 1_000):
            self.jobs.labels(one.kind, one.state).inc()
        self.beat.set(_since(ws, jobs.last_beat(ws)))
        self.age.set(_since(ws, max((row.created for row in ws.service.list_scans()), default=None)))

    def note(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one answer."""
        route = route_of(scope)
        method = scope["method"] if scope["method"] in METHODS else "other"
        self.answers.labels(method, route, str(status)).observe(seconds)
        if status >= 400:
            self.refused.labels(str(status)).inc()
        state = scope.get("state", {})
        role = getattr(state.get("viewer"), "role", None)
        fields = {"request": state.get("request_id"), "method": method, "route": route, "status": status, "role": role}
        log.info("answered", extra={**fields, "ms": round(1000 * seconds, 1)})


class Measuring:
    """Outermost of all: counts and times every answer."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before ``app``."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request pass."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 0

        async def listen(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, receive, listen)
        finally:
            figures: Figures = scope["app"].state.figures
            figures.note(scope, status, time.perf_counter() - begun)


def route_of(scope: Scope) -> str:
    """Return the template of the route that answered, never the address itself."""
    path = getattr(scope.get("route"), "path", None)
    return str(path) if path else "/static" if scope["path"].startswith("/static/") else ELSEWHERE


@router.get("/metrics")
async def read_metrics(request: Request) -> Response:
    """Return the figures in Prometheus' text form."""
    if not _is_permitted(request):
        raise SignInNeededError(GUARD)
    figures: Figures = request.app.state.figures
    await run_in_threadpool(figures.look, request.app.state.ws)
    return Response(generate_latest(figures.registry), media_type=CONTENT_TYPE_LATEST)


def _is_permitted(request: Request) -> bool:
    """Whether the reader brings the token; without one, in the single-user mode only, whether they ask from this machine."""
    ws: Workspace = request.app.state.ws
    token = ws.settings.metrics_token()
    if token is not None:
        return hmac.compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {token}".encode())
    is_near = request.client is not None and request.client.host in LOOPBACK and not any(name in request.headers for name in FORWARDED)
    return is_near and ws.settings.sign_in is None


def _since(ws: Workspace, at: datetime | None) -> float:
    return -1.0 if at is None else (ws.now() - at).total_seconds()
