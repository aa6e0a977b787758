"""What a pull or a scan would read, of how many people, for how long, and what it will not read; nothing is read or changed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from ona.errors import NotEnoughDataError
from pipelines.intake.events import part_of
from pipelines.jobs import bodies
from pipelines.jobs.register import State
from pipelines.schema import JOBS
from pipelines.storage.workspace import Workspace

ROWS_A_SECOND = 20_000.0
"""Of a pull from files; two thirds of what the ingest benchmark must reach on one core."""

PEOPLE_A_SECOND = 100.0
"""Of a scan; the scale benchmark's bar of 50,000 people in ten minutes with a fifth to spare."""


@dataclass(frozen=True)
class Asked:
    """One connector of a pull."""

    connector: str
    gives: tuple[str, ...]
    rows: int | None  # None when only reading would tell
    people: int | None
    channels: int | None  # or mailboxes
    calls: int | None
    minutes: float | None


@dataclass(frozen=True)
class Forecast:
    """What would be done."""

    start: date | None
    end: date | None
    weeks: int | None
    people: int | None
    channels: tuple[str, ...]  # chat, mail, meeting of a scan; connectors of a pull
    rows: int | None
    minutes: float
    connectors: tuple[Asked, ...]
    not_read: tuple[str, ...]


def forecast_pull(ws: Workspace, names: Sequence[str] = ()) -> Forecast:
    """Say what a pull would read."""
    from pipelines.intake import pulls

    found = pulls.forecast(ws, bodies.check_connectors(ws, list(names)))
    asked = tuple(_asked(one) for one in found)
    known = [one.rows for one in asked if one.rows is not None]
    minutes = sum(one.minutes or (one.rows or 0) / ROWS_A_SECOND / 60 for one in asked)
    not_read = tuple(dict.fromkeys([pulls.NEVER, *(line for one in found if one.plan for line in one.plan.not_read)]))
    seen = [one.people for one in asked if one.people is not None]
    return Forecast(
        None,
        None,
        None,
        max(seen, default=None),
        tuple(one.connector for one in asked),
        sum(known) if known else None,
        _minutes(minutes),
        asked,
        not_read,
    )


def forecast_scan(ws: Workspace, body: Mapping[str, Any]) -> Forecast:
    """Say what a scan would analyse."""
    from pipelines import scans
    from pipelines.intake import people, pulls

    weeks, end = bodies.window(body)
    first = forecast_pull(ws) if body.get("pull") else None
    try:
        window = scans.plan(ws, weeks, end)
    except NotEnoughDataError:
        if first is None:
            raise
        return first  # nothing was read yet: which weeks there are, the pull will tell
    parts = [part_of((monday - date(1970, 1, 1)).days) for monday in window.weeks]
    rows = sum(file.rows for table in ("events", "ties") for file in ws.lake.files(table, parts))
    members = people.current_people(ws, window.end).num_rows
    minutes = _last_duration(ws) or members / PEOPLE_A_SECOND / 60
    return Forecast(
        window.start,
        window.end,
        len(window.weeks),
        members,
        ("chat", "mail", "meeting"),
        rows,
        _minutes(minutes + (first.minutes if first else 0.0)),
        first.connectors if first else (),
        first.not_read if first else (pulls.NEVER,),
    )


def _asked(one: Any) -> Asked:
    plan = one.plan
    if plan is None:
        return Asked(one.connector, one.gives, one.size, None, None, None, None)
    return Asked(one.connector, one.gives, one.size, plan.people, plan.streams, plan.calls, round(plan.seconds / 60, 1))


def _last_duration(ws: Workspace) -> float | None:
    """Minutes that the last scan took."""
    done = sa.select(JOBS.c.started, JOBS.c.finished).where(JOBS.c.kind == "scan", JOBS.c.state == State.DONE)
    rows = ws.service.rows(done.order_by(JOBS.c.finished.desc()).limit(1))
    return (rows[0].finished - rows[0].started).total_seconds() / 60 if rows else None


def _minutes(value: float) -> float:
    """Round up to a tenth: a forecast of nothing would be wrong."""
    return max(0.1, math.ceil(value * 10) / 10)
