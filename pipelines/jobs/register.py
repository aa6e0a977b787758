"""Jobs as rows of the service database, which are the truth about them: asked for, claimed by a worker, how far, how they ended."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from ona.errors import NotFoundError, OnaError
from pipelines.schema import JOBS, WORKERS
from pipelines.storage.service import put
from pipelines.storage.workspace import Workspace

SILENT = timedelta(seconds=60)
"""A worker that was not heard of for so long is dead."""

MOST_ATTEMPTS = 3
"""A job whose worker died this often is not tried again."""

KEPT = timedelta(days=400)

UNEXPECTED = "The job failed for a reason that nobody foresaw; nothing was published. The log of the worker names the kind of fault."
DIED = f"The worker died {MOST_ATTEMPTS} times on this job. Look at the memory and disk of the worker's machine, then ask for it again."


class State(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = (State.DONE, State.FAILED, State.CANCELLED)


class JobStoppedError(OnaError):
    """Somebody cancelled the job, or another worker took it over."""


@dataclass(frozen=True)
class Job:
    """One piece of long work."""

    id: str
    kind: str
    state: State
    body: Mapping[str, Any]
    phase: str
    done: int
    total: int | None
    attempts: int
    cancelling: bool
    created: datetime  # naive UTC, as every time here
    started: datetime | None
    finished: datetime | None
    result: Mapping[str, Any] | None
    error_code: str | None
    error: str | None

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in ENDED


def add(ws: Workspace, connection: sa.Connection, kind: str, body: Mapping[str, Any], asker: tuple[str, str]) -> Job:
    """Note a job inside the caller's transaction; ``asker`` is the subject and the role of who asked."""
    row: dict[str, Any] = dict.fromkeys(column.name for column in JOBS.columns)
    row |= {"id": secrets.token_hex(8), "kind": kind, "state": State.QUEUED, "body": dict(body), "created": ws.now()}
    row |= {"actor": asker[0], "role": asker[1], "phase": "waiting", "done": 0, "attempts": 0}
    connection.execute(sa.insert(JOBS).values(**row))
    return _job(row)


def find(ws: Workspace, identity: str) -> Job:
    """Return a job by its id."""
    rows = ws.service.rows(sa.select(JOBS).where(JOBS.c.id == identity))
    if not rows:
        raise NotFoundError("There is no job of this id. Start from the list of jobs.")
    return _job(rows[0]._mapping)


def latest(ws: Workspace, limit: int = 50) -> list[Job]:
    """Return the jobs, the newest first."""
    return [_job(row._mapping) for row in ws.service.rows(sa.select(JOBS).order_by(JOBS.c.created.desc(), JOBS.c.id).limit(limit))]


def cancel(ws: Workspace, identity: str) -> Job:
    """Cancel a waiting job at once and ask a running one to stop before its next step; an ended one stays as it is."""
    with ws.service.begin() as connection:
        waiting = sa.update(JOBS).where(JOBS.c.id == identity, JOBS.c.state == State.QUEUED)
        if not connection.execute(waiting.values(state=State.CANCELLED, finished=ws.now(), phase="cancelled")).rowcount:
            running = sa.update(JOBS).where(JOBS.c.id == identity, JOBS.c.state == State.RUNNING, JOBS.c.cancel_asked.is_(None))
            connection.execute(running.values(cancel_asked=ws.now()))
    return find(ws, identity)


def claim(ws: Workspace, identity: str, worker: str) -> Job | None:
    """Take a waiting job; None when somebody else has it, or nobody wants it any more."""
    now = ws.now()
    with ws.service.begin() as connection:
        waiting = sa.update(JOBS).where(JOBS.c.id == identity, JOBS.c.state == State.QUEUED)
        values = {"state": State.RUNNING, "worker": worker, "beat": now, "started": now, "phase": "starting"}
        if not connection.execute(waiting.values(attempts=JOBS.c.attempts + 1, **values)).rowcount:
            return None
    return find(ws, identity)


def tell(ws: Workspace, job: Job, phase: str, done: int, total: int | None) -> None:
    """Store how far a job is.

    Raises JobStoppedError when somebody cancelled it, or another worker has it by now.
    """
    values = {"phase": phase[:100], "done": done, "total": total, "beat": ws.now()}
    with ws.service.begin() as connection:
        if not connection.execute(sa.update(JOBS).where(_mine(job)).values(**values)).rowcount:
            raise JobStoppedError("Another worker has taken this job over.")
        if connection.execute(sa.select(JOBS.c.cancel_asked).where(JOBS.c.id == job.id)).scalar() is not None:
            raise JobStoppedError("The job was cancelled. What was committed before is kept; the last scan is as it was.")


def end(ws: Workspace, job: Job, state: State, *, result: Mapping[str, Any] | None = None, fault: Exception | None = None) -> None:
    """Store how a job ended, unless another worker has it by now; a fault nobody foresaw is named by kind only."""
    said = None if fault is None else str(fault)[:1000] if isinstance(fault, OnaError) else UNEXPECTED
    values = {"state": state, "finished": ws.now(), "result": None if result is None else dict(result)}
    with ws.service.begin() as connection:
        connection.execute(
            sa.update(JOBS)
            .where(_mine(job))
            .values(**values, phase=str(state), error_code=None if fault is None else type(fault).__name__, error=said)
        )


def give_back(ws: Workspace, identity: str) -> None:
    """Put a running job among the waiting ones again: its worker has to leave."""
    with ws.service.begin() as connection:
        running = sa.update(JOBS).where(JOBS.c.id == identity, JOBS.c.state == State.RUNNING)
        connection.execute(running.values(state=State.QUEUED, phase="waiting"))


def revive(ws: Workspace) -> list[str]:
    """Put jobs whose worker died among the waiting ones again, or give them up; return everybody who waits for a worker."""
    dead = sa.and_(JOBS.c.state == State.RUNNING, JOBS.c.beat < ws.now() - SILENT)
    with ws.service.begin() as connection:
        hopeless = sa.update(JOBS).where(dead, JOBS.c.attempts >= MOST_ATTEMPTS)
        fault = {"error_code": "WorkerDied", "error": DIED, "finished": ws.now()}
        connection.execute(hopeless.values(state=State.FAILED, phase="failed", **fault))
        unwanted = sa.update(JOBS).where(dead, JOBS.c.cancel_asked.is_not(None))
        connection.execute(unwanted.values(state=State.CANCELLED, phase="cancelled", finished=ws.now()))
        connection.execute(sa.update(JOBS).where(dead).values(state=State.QUEUED, phase="waiting"))
        waiting = sa.select(JOBS.c.id).where(JOBS.c.state == State.QUEUED).order_by(JOBS.c.created)
        return list(connection.execute(waiting).scalars())


def is_planned(ws: Workspace, kind: str) -> bool:
    """Whether a job of this kind waits or runs already."""
    return bool(ws.service.rows(sa.select(JOBS.c.id).where(JOBS.c.kind == kind, JOBS.c.state.in_((State.QUEUED, State.RUNNING))).limit(1)))


def beat(ws: Workspace, worker: str, started: datetime, running: Sequence[str]) -> None:
    """Say that a worker lives, and with it the jobs that it runs."""
    now = ws.now()
    with ws.service.begin() as connection:
        put(connection, WORKERS, [{"name": worker, "started": started, "beat": now}])
        connection.execute(sa.update(JOBS).where(JOBS.c.id.in_(running), JOBS.c.worker == worker).values(beat=now))
        connection.execute(sa.delete(WORKERS).where(WORKERS.c.beat < now - timedelta(days=1)))


def leave(ws: Workspace, worker: str) -> None:
    """Say that a worker is gone."""
    with ws.service.begin() as connection:
        connection.execute(sa.delete(WORKERS).where(WORKERS.c.name == worker))


def last_beat(ws: Workspace) -> datetime | None:
    """When any worker was last heard of, None when never within a day."""
    found: datetime | None = ws.service.rows(sa.select(sa.func.max(WORKERS.c.beat)))[0][0]
    return found


def is_attended(ws: Workspace) -> bool:
    """Whether a worker lives."""
    heard = last_beat(ws)
    return heard is not None and ws.now() - heard < SILENT


def forget(ws: Workspace) -> int:
    """Delete jobs that ended long ago; return how many."""
    old = sa.delete(JOBS).where(JOBS.c.state.in_(ENDED), JOBS.c.finished < ws.now() - KEPT)
    with ws.service.begin() as connection:
        return connection.execute(old).rowcount


def _mine(job: Job) -> sa.ColumnElement[bool]:
    return sa.and_(JOBS.c.id == job.id, JOBS.c.state == State.RUNNING, JOBS.c.attempts == job.attempts)


def _job(row: Mapping[Any, Any]) -> Job:
    plain = {name: row[name] for name in Job.__dataclass_fields__ if name not in ("cancelling", "state")}
    return Job(**plain, state=State(row["state"]), cancelling=row["cancel_asked"] is not None and State(row["state"]) not in ENDED)
