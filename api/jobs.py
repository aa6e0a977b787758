"""Long work: ask for a pull or a scan, see what it would read first, follow it, cancel it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.concurrency import run_in_threadpool

from api.access import Place, may
from api.models import Answer
from pipelines import jobs
from pipelines.access import Viewer
from pipelines.access.rights import Right
from pipelines.jobs import Job, Kept
from pipelines.storage.workspace import Workspace

router = APIRouter(prefix="/api/v1", tags=["jobs"])

LOOK = 0.5
"""Seconds between two looks at a job that somebody follows."""

LONGEST = 600.0
"""Seconds after which a reader of events has to ask again; it names the last event it saw by nothing, as each holds all."""

Runner = Annotated[Viewer, Depends(may(Right.RUN))]
"""Somebody who may pull and scan."""

Watcher = Annotated[Viewer, Depends(may(Right.SEE_QUALITY))]
"""Somebody who may see how jobs go; they name nobody."""

JobId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", description="Id of a job.", examples=["5f0c2b9d8a7e6f41"])]

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,128}$",
        description="Makes sending a request twice safe: within a day the same key and request get the same answer.",
        examples=["8e03978e-40d5-43dd-bc93-6894a57f9324"],
    ),
]


class ScanWish(BaseModel):
    """Which weeks to analyse: a quarter, or the last whole weeks before a day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quarter: str | None = Field(None, pattern=r"^20[0-9]{2}-Q[1-4]$", description="Calendar quarter in whole weeks.", examples=["2026-Q3"])
    weeks: int = Field(13, ge=1, le=60, description="Length of the window when no quarter is named.")
    end: date | None = Field(None, description="First day after the window, a Monday; default: after the last whole week.")
    pull: bool = Field(False, description="Pull every connector first.")
    dry_run: bool = Field(False, description="Only say what would be done.")

    @model_validator(mode="after")
    def _one_window(self) -> "ScanWish":
        if self.quarter is not None and self.end is not None:
            raise ValueError("a quarter has its own end: name one of the two")
        if self.end is not None and self.end.weekday():
            raise ValueError("the end of a window is a Monday")
        return self


class PullWish(BaseModel):
    """Which connectors to read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    connectors: list[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]] = Field(
        [], max_length=20, description="Names as in the settings; none means all.", examples=[["slack_export"]]
    )
    dry_run: bool = Field(False, description="Only say what would be read.")


class JobAnswer(Answer):
    """One piece of long work."""

    id: str
    kind: str = Field(description="scan, pull, export or retention.")
    state: str = Field(description="queued, running, done, failed or cancelled.")
    cancelling: bool = Field(description="Whether it was asked to stop and has not stopped yet.")
    phase: str = Field(description="What is being done, as: load, scan, checks, seal.")
    done: int
    total: int | None = Field(description="Null when nobody knows.")
    attempts: int = Field(description="How often a worker took it; more than once after a worker died.")
    created: datetime = Field(description="UTC.")
    started: datetime | None
    finished: datetime | None
    result: dict[str, Any] | None = Field(description="Of a scan its id and counts, of a pull the counts of each stream.")
    error_code: str | None
    error: str | None = Field(description="What was seen and what to do; null unless it failed.")


class JobList(Answer):
    """Jobs, the newest first."""

    jobs: list[JobAnswer]
    attended: bool = Field(description="Whether a worker lives; if not, jobs wait.")


class AskedAnswer(Answer):
    """One connector of a pull."""

    connector: str
    gives: list[str]
    rows: int | None = Field(description="Null when only reading would tell.")
    people: int | None
    channels: int | None = Field(description="Channels or mailboxes.")
    calls: int | None
    minutes: float | None


class ForecastAnswer(Answer):
    """What would be done; nothing was read or changed."""

    start: date | None
    end: date | None = Field(description="First day after the window.")
    weeks: int | None
    people: int | None
    channels: list[str]
    rows: int | None = Field(description="About; null when only reading would tell.")
    minutes: float = Field(description="About.")
    connectors: list[AskedAnswer]
    not_read: list[str] = Field(description="What stays unread.")


ACCEPTED: dict[int | str, dict[str, Any]] = {
    200: {"model": ForecastAnswer, "description": "Dry run: what would be done."},
    202: {
        "model": JobAnswer,
        "description": "The job waits for a worker.",
        "headers": {"Location": {"description": "Where to follow the job.", "schema": {"type": "string"}}},
    },
}

EVENT = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {"event": {"enum": ["progress", "end"]}, "data": {"type": "string", "contentMediaType": "application/json"}},
}
"""What one event of a stream is: OpenAPI 3.1 has no word of its own for the items of a stream."""

EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events `progress` and `end`, each with the whole job as JSON.",
        "content": {"text/event-stream": {"schema": EVENT}},
    }
}


@router.post("/scans", operation_id="start_scan", status_code=202, response_model=None, responses=ACCEPTED)
def start_scan(request: Request, ws: Place, viewer: Runner, wish: ScanWish, key: Key = None) -> Response:
    """Ask for a scan, or with ``dry_run`` for what it would analyse."""
    body = wish.model_dump(mode="json", exclude={"dry_run"}, exclude_defaults=True)
    if wish.dry_run:
        return _drawn(ForecastAnswer.model_validate(jobs.forecast_scan(ws, body)))
    return _accepted(request, viewer, "scan", body, key)


@router.post("/pulls", operation_id="start_pull", status_code=202, response_model=None, responses=ACCEPTED)
def start_pull(request: Request, ws: Place, viewer: Runner, wish: PullWish, key: Key = None) -> Response:
    """Ask for a pull, or with ``dry_run`` for what it would read."""
    if wish.dry_run:
        return _drawn(ForecastAnswer.model_validate(jobs.forecast_pull(ws, wish.connectors)))
    return _accepted(request, viewer, "pull", {"connectors": wish.connectors}, key)


@router.get("/jobs", operation_id="list_jobs")
def list_jobs(ws: Place, viewer: Watcher, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> JobList:
    """Jobs, the newest first."""
    del viewer
    return JobList(jobs=[JobAnswer.model_validate(job) for job in jobs.latest(ws, limit)], attended=jobs.is_attended(ws))


@router.get("/jobs/{job_id}", operation_id="read_job")
def read_job(ws: Place, viewer: Watcher, job_id: JobId) -> JobAnswer:
    """How far a job is."""
    del viewer
    return JobAnswer.model_validate(jobs.find(ws, job_id))


@router.delete("/jobs/{job_id}", operation_id="cancel_job")
def cancel_job(ws: Place, viewer: Runner, job_id: JobId) -> JobAnswer:
    """Cancel a job: a waiting one at once, a running one before its next step; an ended one stays as it is."""
    del viewer
    return JobAnswer.model_validate(jobs.cancel(ws, job_id))


@router.get("/jobs/{job_id}/events", operation_id="follow_job", response_class=StreamingResponse, responses=EVENTS)
def follow_job(ws: Place, viewer: Watcher, job_id: JobId) -> StreamingResponse:
    """Follow a job by server-sent events until it has ended."""
    del viewer
    first = jobs.find(ws, job_id)
    return StreamingResponse(_events(ws, first), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


def ask(request: Request, viewer: Viewer, kind: str, body: Mapping[str, Any], key: str | None = None) -> Kept:
    """Ask for a job from a route or a page, and see to it that somebody takes it; ``place`` of the answer is where to follow it."""
    ws: Workspace = request.app.state.ws
    found = jobs.ask_once(ws, viewer, kind, body, key, _kept)
    if ws.settings.sign_in is None:
        request.app.state.beside.attend()
    return found


def _accepted(request: Request, viewer: Viewer, kind: str, body: Mapping[str, Any], key: str | None) -> Response:
    found = ask(request, viewer, kind, body, key)
    return Response(found.body, found.status, headers={"Location": found.place, "Retry-After": "1"}, media_type="application/json")


def _kept(job: Job) -> Kept:
    return Kept(202, f"/api/v1/jobs/{job.id}", JobAnswer.model_validate(job).model_dump_json())


def _drawn(found: BaseModel) -> Response:
    return Response(found.model_dump_json(), media_type="application/json")


async def _events(ws: Workspace, job: Job) -> AsyncIterator[str]:
    """Each change of a job; a comment now and then keeps proxies from closing the line."""
    yield f"retry: 2000\n\n{_event(job)}"
    for round_ in range(int(LONGEST / LOOK)):
        if job.ended:
            return
        await asyncio.sleep(LOOK)
        now = await run_in_threadpool(jobs.find, ws, job.id)
        if now != job:
            job = now
            yield _event(job)
        elif round_ % 20 == 19:
            yield ": still there\n\n"


def _event(job: Job) -> str:
    return f"event: {'end' if job.ended else 'progress'}\ndata: {JobAnswer.model_validate(job).model_dump_json()}\n\n"
