"""How a door asks for a job: the row and the answer to an Idempotency-Key in one transaction, then a word to the queue."""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from pipelines.access import Viewer
from pipelines.jobs import bodies, dispatch, once, register
from pipelines.jobs.once import Kept
from pipelines.jobs.register import Job
from pipelines.storage.workspace import Workspace


def ask(ws: Workspace, viewer: Viewer, kind: str, body: Mapping[str, Any]) -> Job:
    """Ask for a job and return it as it waits."""
    _check(ws, kind, body)
    with ws.service.begin() as connection:
        job = register.add(ws, connection, kind, body, (viewer.subject, viewer.role))
    dispatch.wake(ws, job.id)
    return job


def ask_once(ws: Workspace, viewer: Viewer, kind: str, body: Mapping[str, Any], key: str | None, draw: Callable[[Job], Kept]) -> Kept:
    """Ask for a job by a request that may arrive twice; ``draw`` makes the answer that is kept for the second time."""
    _check(ws, kind, body)
    made: list[Job] = []

    def do(connection: sa.Connection) -> Kept:
        made.append(register.add(ws, connection, kind, body, (viewer.subject, viewer.role)))
        return draw(made[-1])

    found, is_new = once.answer(ws, f"{viewer.role}:{viewer.subject}", key, [kind, body], do)
    if is_new:
        dispatch.wake(ws, made[-1].id)
    return found


def _check(ws: Workspace, kind: str, body: Mapping[str, Any]) -> None:
    """Refuse now what the worker would refuse later."""
    if kind == "pull":
        bodies.check_connectors(ws, body.get("connectors", []))
    if kind == "scan":
        bodies.window(body)
