"""The queue that wakes workers (huey): a SQLite file, or PostgreSQL beside that database; messages are signed JSON, never pickle."""

import hmac
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from huey import Huey, PostgresHuey, SqliteHuey, crontab
from huey.registry import Message
from huey.serializer import Serializer

from pipelines.keys import Keys
from pipelines.settings import Settings
from pipelines.storage.workspace import Workspace

NAME = "ona"


class SignedJson(Serializer):  # type: ignore[misc]  # huey has no types
    """Messages as JSON with a keyed signature; what was not written by this deployment is refused unread."""

    def __init__(self, key: bytes) -> None:
        """Keep the key."""
        super().__init__()
        self._key = hmac.digest(key, b"ona:jobs", "sha256")

    def _serialize(self, data: object) -> bytes:
        if not isinstance(data, Message):
            raise TypeError("Only messages go through the queue; results and errors are rows of the service database.")
        kept = {"id": data.id, "name": data.name, "args": list(data.args or ()), "retries": data.retries, "priority": data.priority}
        text = json.dumps(kept, separators=(",", ":")).encode()
        return self._signature(text) + b" " + text

    def _deserialize(self, data: bytes) -> Message:
        signature, _, text = bytes(data).partition(b" ")
        if not hmac.compare_digest(signature, self._signature(text)):
            raise ValueError("A message of the queue was not written by this deployment.")
        kept = json.loads(text)
        kept["args"] = tuple(kept["args"])
        return Message(kwargs={}, retry_delay=0, **kept)

    def _signature(self, text: bytes) -> bytes:
        return hmac.digest(self._key, text, "sha256").hex().encode()


def open_queue(settings: Settings, keys: Keys) -> Huey:
    """Return the queue of a deployment, beside its service database."""
    shared: dict[str, Any] = {"serializer": SignedJson(keys.cursor), "results": False, "store_intermediate_errors": False}
    url = sa.make_url(settings.service_url)
    if url.get_backend_name() == "postgresql":
        return PostgresHuey(NAME, dsn=url.set(drivername="postgresql").render_as_string(hide_password=False), **shared)
    path = settings.home / "jobs.sqlite"
    path.touch(mode=0o600)
    return SqliteHuey(NAME, filename=str(path), fsync=True, **shared)


def attach(queue: Huey, run: Callable[[str], None]) -> Callable[[str], object]:
    """Register what a worker does with the id of a job; return what puts one into the queue."""

    def run_job(identity: str) -> None:
        run(identity)

    wrapped: Callable[[str], object] = queue.task()(run_job)
    return wrapped


def wake(ws: Workspace, *identities: str) -> None:
    """Put the ids of waiting jobs into the queue."""
    queue = open_queue(ws.settings, ws.keys)
    try:
        send = attach(queue, _elsewhere)
        for identity in identities:
            send(identity)
    finally:
        queue.storage.close()


def next_time(line: str, now: datetime) -> datetime | None:
    """Return when a schedule comes due next, None for one that is not due within a year or runs at several minutes or hours."""
    minute, hour, day, month, day_of_week = line.split()
    if not (minute.isdigit() and hour.isdigit()):
        return None
    is_due = crontab(minute=minute, hour=hour, day=day, month=month, day_of_week=day_of_week)
    first = now.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
    days = (first + timedelta(days=ahead) for ahead in range(367))
    return next((at for at in days if at > now and is_due(at)), None)


def every(queue: Huey, line: str, name: str, plan: Callable[[], None]) -> None:
    """Call a function on a schedule: minute hour day month weekday, UTC."""
    minute, hour, day, month, day_of_week = line.split()
    queue.periodic_task(crontab(minute=minute, hour=hour, day=day, month=month, day_of_week=day_of_week), name=name)(plan)


def _elsewhere(identity: str) -> None:
    raise AssertionError(f"job {identity} belongs to a worker")
