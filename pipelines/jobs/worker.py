"""The worker: one job after the other at low priority, signs of life, the plans of the schedule, and the revival of what died."""

import logging
import os
import secrets
import signal
import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

from huey.signals import SIGNAL_INTERRUPTED

from ona.errors import OnaError, TryLaterError
from pipelines import logs
from pipelines.jobs import bodies, dispatch, register
from pipelines.jobs.register import Job, JobStoppedError, State
from pipelines.settings import Settings
from pipelines.storage.leases import HOST
from pipelines.storage.workspace import Workspace, open_workspace

BEAT = 10.0
"""Seconds between two signs of life."""

LOOK = 0.5
"""Seconds between two looks at whether a running job was cancelled, and between two notes of its progress."""

NICENESS = 10
"""A scan takes what the pages leave of the processor."""

WAIT = 1.0
"""Longest pause, in seconds, between two looks into the queue."""

PATIENCE = 5.0
"""Seconds that a running job gets to come to its end after Ctrl-C; SIGTERM gives none."""

RETENTION_SCHEDULE = "30 4 * * *"

log = logging.getLogger(__name__)


class Worker:
    """One process that works off the queue of one deployment."""

    def __init__(self, ws: Workspace, run: Callable[[Job, bodies.Progress], Any] | None = None) -> None:
        """Take a name."""
        self.ws = ws
        self.name = f"{HOST}:{os.getpid()}:{secrets.token_hex(4)}"
        self.started = ws.now()
        self.running: list[str] = []
        self._run = run or self._body

    def take(self, identity: str) -> None:
        """Work off a job, if nobody else does."""
        job = register.claim(self.ws, identity, self.name)
        if job is None:
            return
        self.running.append(job.id)
        try:
            result = self._run(job, Telling(self.ws, job))
        except JobStoppedError as stopped:
            register.end(self.ws, job, State.CANCELLED, fault=stopped)
        except TryLaterError as busy:
            self._try_later(job, busy)
        except OnaError as fault:
            log.warning("job failed", extra={"job": job.id, "kind": job.kind, "code": type(fault).__name__})
            register.end(self.ws, job, State.FAILED, fault=fault)
        except Exception as fault:  # noqa: BLE001 - the outermost door of a job: the worker goes on with the next one
            log.error("job failed", extra={"job": job.id, "kind": job.kind, "code": type(fault).__name__})
            register.end(self.ws, job, State.FAILED, fault=fault)
        else:
            log.info("job done", extra={"job": job.id, "kind": job.kind})
            register.end(self.ws, job, State.DONE, result=result)
        finally:
            self.running.remove(job.id)

    def beat(self) -> None:
        """Say that this worker lives, and put jobs of dead ones into the queue again."""
        register.beat(self.ws, self.name, self.started, self.running)
        lost = [identity for identity in register.revive(self.ws) if identity not in self.running]
        if lost:
            dispatch.wake(self.ws, *lost)

    def plan(self, kind: str, body: Callable[[], Any]) -> None:
        """Ask for a job on behalf of the schedule, unless one of its kind waits or runs."""
        if register.is_planned(self.ws, kind):
            return
        with self.ws.service.begin() as connection:
            job = register.add(self.ws, connection, kind, body(), ("schedule", "schedule"))
        dispatch.wake(self.ws, job.id)

    def _body(self, job: Job, progress: bodies.Progress) -> Any:
        return bodies.BODIES[job.kind](self.ws, job.body, progress)

    def _try_later(self, job: Job, busy: TryLaterError) -> None:
        """Wait among the others while another process writes, as long as attempts are left."""
        if job.attempts >= register.MOST_ATTEMPTS:
            register.end(self.ws, job, State.FAILED, fault=busy)
        else:
            register.give_back(self.ws, job.id)


class Telling:
    """Progress of one job: stored twice a second at most, and the place where a cancelled job stops."""

    def __init__(self, ws: Workspace, job: Job) -> None:
        """Start with nothing told."""
        self._ws, self._job = ws, job
        self._phase, self._told = "", 0.0

    def __call__(self, phase: str, done: int, total: int | None) -> None:
        """Tell how far the job is."""
        now = time.monotonic()
        if phase != self._phase or now - self._told >= LOOK:
            register.tell(self._ws, self._job, phase, done, total)
            self._phase, self._told = phase, now


def work(settings: Settings, *, schedule: bool = True, beside: int | None = None) -> None:
    """Work until SIGINT or SIGTERM; a job that is interrupted waits for the next worker, and the last scan stays as it was.

    With ``beside``, the id of the process that started this one, the worker ends when that process does.
    """
    os.nice(NICENESS)
    logs.configure(settings.log_level)
    with open_workspace(settings) as ws:
        worker = Worker(ws)
        queue = dispatch.open_queue(settings, ws.keys)
        dispatch.attach(queue, worker.take)
        queue.signal(SIGNAL_INTERRUPTED)(lambda _signal, task, *_rest: register.give_back(ws, task.args[0]) if task.args else None)
        if schedule:
            _plan(queue, worker)
        over = Event()
        worker.beat()
        beating = Thread(target=_beat, args=(worker, over, beside), name="beat", daemon=True)
        beating.start()
        try:
            queue.create_consumer(workers=1, periodic=schedule, check_worker_health=True, max_delay=WAIT, shutdown_timeout=PATIENCE).run()
        finally:
            over.set()
            beating.join()
            register.leave(ws, worker.name)
        if worker.running:
            _leave_it()


def _leave_it() -> None:
    """End the process under a job that is still at work: a thread inside DuckDB cannot be unwound, so an orderly end would be an abort."""
    logging.shutdown()
    os._exit(0)


def _plan(queue: Any, worker: Worker) -> None:
    settings = worker.ws.settings
    dispatch.every(queue, settings.pull_schedule, "plan_pull", lambda: worker.plan("pull", dict))
    dispatch.every(queue, settings.scan_schedule, "plan_scan", lambda: worker.plan("scan", dict))
    dispatch.every(queue, settings.quarter_schedule, "plan_quarter", lambda: worker.plan("scan", lambda: bodies.last_quarter(worker.ws)))
    if settings.connectors:
        dispatch.every(queue, settings.badge_schedule, "plan_badges", lambda: worker.plan("badges", dict))
    if settings.mail is not None:
        dispatch.every(queue, settings.mail_schedule, "plan_mail", lambda: worker.plan("mail", dict))
    dispatch.every(queue, RETENTION_SCHEDULE, "plan_retention", lambda: worker.plan("retention", dict))


def _beat(worker: Worker, over: Event, beside: int | None) -> None:
    while not over.wait(min(BEAT, 2.0) if beside else BEAT):
        if beside and os.getppid() != beside:
            os.kill(os.getpid(), signal.SIGTERM)
            return
        try:
            worker.beat()
        except TryLaterError:
            log.warning("no sign of life could be stored", extra={"code": "TryLaterError"})
