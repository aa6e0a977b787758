"""What has been kept long enough is deleted: weekly tables, scans, and what people asked of each other."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

import sqlalchemy as sa

from ona.tables import AGGREGATES
from pipelines import audit, scans
from pipelines.audit import Act
from pipelines.dates import months_before
from pipelines.intake import events
from pipelines.intake.events import DIGESTS, monday
from pipelines.schema import CONTESTS, CREDENTIALS, EXPORTS, NAME_INVITATIONS, NUDGE_MAILS, NUDGES, REVEALS
from pipelines.storage.workspace import Workspace
from pipelines.ties import MADE, WEEKLY

WEEK_TABLES = tuple(table.name for table in (*WEEKLY, AGGREGATES, DIGESTS, MADE))
"""Tables cut by week that outlive the events."""


@dataclass(frozen=True)
class Retained:
    """What was deleted, or would be."""

    before: date  # first day that is kept
    event_weeks: int
    weekly_parts: int
    scans: tuple[str, ...]
    rows: int  # requests for names and files, invitations, contested results, steps and their mails, credentials
    dry_run: bool


def retain(ws: Workspace, *, dry_run: bool = False) -> Retained:
    """Delete what is older than the settings allow; the audit log is never shortened, so its entries outlive the least time anyhow.

    The newest scan goes too when it is too old: a result of last year is nobody's present.
    """
    today = ws.now().date()
    first = months_before(today, ws.settings.keep_months)
    with ws.exclusive():
        parts = {table: [part for part in ws.lake.parts(table) if _is_over(part, first)] for table in WEEK_TABLES}
        old = tuple(one.id for one in scans.list_scans(ws) if one.end <= first)
        report = Retained(first, _event_weeks(ws, today), sum(map(len, parts.values())), old, _rows(ws, _count), dry_run)
        if not dry_run:
            events.retire(ws, ws.settings.buffer_days)
            _drop_parts(ws, parts)
            for identity in old:
                ws.service.drop_scan(identity)
                shutil.rmtree(ws.home / "scans" / identity, ignore_errors=True)
            _rows(ws, _delete)
            if report.rows:
                ws.service.compact()
            audit.record(ws, Act("local", "operator", "retain", purpose=f"before {first}"))
    return report


def _is_over(part: str, first: date) -> bool:
    """Whether a week ended before the first day that is kept; parts that are no weeks stay."""
    try:
        return (first - monday(part)).days >= 7
    except ValueError:
        return False


def _event_weeks(ws: Workspace, today: date) -> int:
    """Weeks of single events that are over their days."""
    return sum((today - monday(part)).days - 7 >= ws.settings.buffer_days for part in ws.lake.parts("events"))


def _drop_parts(ws: Workspace, parts: dict[str, list[str]]) -> None:
    with ws.service.begin() as connection:
        for table, names in parts.items():
            ws.lake.drop(connection, table, names)
    for table, names in parts.items():
        ws.lake.sweep_table(table, names)


Step = Callable[[sa.Connection, sa.Table, sa.ColumnElement[bool]], int]


def _rows(ws: Workspace, step: Step) -> int:
    """Do something with the rows that are over: what was signed stays as long as the log must, invitations as long as scans."""
    signed, asked = (
        datetime.combine(months_before(ws.now().date(), months), time()) for months in (ws.settings.audit_months, ws.settings.keep_months)
    )
    over: Sequence[tuple[sa.Table, datetime]] = ((REVEALS, signed), (EXPORTS, signed), (CONTESTS, signed), (NAME_INVITATIONS, asked))
    gone = CREDENTIALS.c.state != "signed"  # a valid one stays until it is over; then its place in the status list reads as revoked
    ended = (
        (CREDENTIALS, sa.or_(CREDENTIALS.c.valid_until < asked, sa.and_(gone, CREDENTIALS.c.created < asked))),
        (NUDGES, NUDGES.c.made < asked),
        (NUDGE_MAILS, NUDGE_MAILS.c.at < asked),
    )
    with ws.service.begin() as connection:
        rows = sum(step(connection, table, table.c.created < limit) for table, limit in over)
        return rows + sum(step(connection, table, condition) for table, condition in ended)


def _count(connection: sa.Connection, table: sa.Table, over: sa.ColumnElement[bool]) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(table).where(over)).scalar_one())


def _delete(connection: sa.Connection, table: sa.Table, over: sa.ColumnElement[bool]) -> int:
    return connection.execute(sa.delete(table).where(over)).rowcount
