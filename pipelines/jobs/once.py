"""Requests that may arrive twice and count once: the answer to an Idempotency-Key is stored with what it did, for a day."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from ona.errors import OnaError
from pipelines.schema import KEPT_ANSWERS
from pipelines.storage.workspace import Workspace

KEPT = timedelta(hours=24)


class KeyReusedError(OnaError):
    """The same key came with another request."""


@dataclass(frozen=True)
class Kept:
    """An answer that is given again as it was."""

    status: int
    place: str  # of what was made, for the Location header
    body: str


Do = Callable[[sa.Connection], Kept]


def answer(ws: Workspace, viewer: str, key: str | None, asked: object, do: Do) -> tuple[Kept, bool]:
    """Do what was asked inside one transaction with the note of its answer, or return the answer of the first time; True when new."""
    if key is None:
        with ws.service.begin() as connection:
            return do(connection), True
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()
    for _ in range(2):
        before = _look_up(ws, viewer, key, digest)
        if before is not None:
            return before, False
        try:
            return _first(ws, (viewer, key, digest), do), True
        except sa.exc.IntegrityError:
            continue  # the same request was faster by another way
    raise KeyReusedError("Two requests came with this key at one time. Send the request again.")


def forget(ws: Workspace) -> int:
    """Delete answers that are older than a day; return how many."""
    with ws.service.begin() as connection:
        return connection.execute(sa.delete(KEPT_ANSWERS).where(KEPT_ANSWERS.c.created < ws.now() - KEPT)).rowcount


def _first(ws: Workspace, names: tuple[str, str, str], do: Do) -> Kept:
    viewer, key, digest = names
    old = sa.delete(KEPT_ANSWERS).where(KEPT_ANSWERS.c.viewer == viewer, KEPT_ANSWERS.c.key == key)
    with ws.service.begin() as connection:
        connection.execute(old.where(KEPT_ANSWERS.c.created < ws.now() - KEPT))
        found = do(connection)
        row = {"viewer": viewer, "key": key, "digest": digest, "created": ws.now()}
        connection.execute(sa.insert(KEPT_ANSWERS).values(**row, status=found.status, place=found.place, body=found.body))
    return found


def _look_up(ws: Workspace, viewer: str, key: str, digest: str) -> Kept | None:
    mine = sa.select(KEPT_ANSWERS).where(KEPT_ANSWERS.c.viewer == viewer, KEPT_ANSWERS.c.key == key)
    rows = ws.service.rows(mine.where(KEPT_ANSWERS.c.created >= ws.now() - KEPT))
    if not rows:
        return None
    if rows[0].digest != digest:
        raise KeyReusedError("This Idempotency-Key came with another request before. Use a new key for a new request.")
    return Kept(rows[0].status, rows[0].place, rows[0].body)
