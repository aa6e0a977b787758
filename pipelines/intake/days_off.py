"""Stated absences and holidays of sites: matched to known persons and sites, stored as dates, and read for ties and scans."""

from collections.abc import Iterator
from datetime import date, timedelta

import pyarrow as pa
import sqlalchemy as sa

from connectors.base import Coverage, DaysOffConnector, RawDaysOff
from ona.tables import ABSENCES, HOLIDAYS
from pipelines.intake import people
from pipelines.schema import people_calendar as stored
from pipelines.storage.accounting import Progress, PullReport, report_of, store
from pipelines.storage.service import put
from pipelines.storage.workspace import Workspace

AWAY = pa.schema([("account", pa.int64()), ("day", pa.date32())])
"""Days on which the person behind an account was away: absences, and holidays of the person's site."""


def pull_days_off(
    ws: Workspace, name: str, connector: DaysOffConnector, *, progress: Progress | None = None, dry_run: bool = False
) -> PullReport:
    """Read a table whole in place of what it said before; whom and which site nobody knows is counted, never kept."""
    started, coverage = ws.now(), Coverage()
    raw = list(connector.days_off(coverage))
    if progress:
        progress(name, coverage.read, coverage.read)
    with ws.exclusive():
        away, free = _matched(ws, raw, coverage)
        report = report_of(name, coverage, dry_run=dry_run)
        if not dry_run:
            with ws.service.begin() as connection:
                for table in (stored.ABSENCES, stored.HOLIDAYS):
                    connection.execute(sa.delete(table).where(table.c.connector == name))
                put(connection, stored.ABSENCES, [{"connector": name, "person": person, "day": on} for person, on in sorted(away)])
                put(connection, stored.HOLIDAYS, [{"connector": name, "site": site, "day": on} for site, on in sorted(free)])
                store(connection, report, started, ws.now())
    return report


def absences(ws: Workspace) -> pa.Table:
    """Return ABSENCES, each day of a person once."""
    table = stored.ABSENCES
    rows = ws.service.rows(sa.select(table.c.person, table.c.day).distinct().order_by(table.c.person, table.c.day))
    return _columns(rows, ABSENCES.schema)


def holidays(ws: Workspace) -> pa.Table:
    """Return HOLIDAYS of the sites that the directory knows."""
    table, codes = stored.HOLIDAYS, {label: code for code, label in people.labels(ws)["site"].items()}
    rows = ws.service.rows(sa.select(table.c.site, table.c.day).distinct())
    return _columns(sorted((codes[site], on) for site, on in rows if site in codes), HOLIDAYS.schema)


def away(ws: Workspace, accounts: pa.Table) -> pa.Table:
    """Return AWAY of all accounts, each day once."""
    known = people.current_people(ws, ws.now().date()).select(["person", "site"])
    free = known.join(holidays(ws), "site", join_type="inner").select(["person", "day"]).cast(ABSENCES.schema)
    found = pa.concat_tables([absences(ws), free]).group_by(["person", "day"]).aggregate([])
    mapped = accounts.select(["account", "person"]).join(found, "person", join_type="inner")
    return mapped.select(AWAY.names).cast(AWAY).sort_by([("account", "ascending"), ("day", "ascending")])


def _matched(ws: Workspace, raw: list[RawDaysOff], coverage: Coverage) -> tuple[set[tuple[int, date]], set[tuple[str, date]]]:
    """Return the days of persons and of sites; each row is accepted or dropped, and nothing is kept of who objected."""
    persons, hidden = ws.vault.persons_of({span.person for span in raw if span.person}), people.withheld(ws)
    sites = set(people.labels(ws)["site"].values())
    gone: set[tuple[int, date]] = set()
    free: set[tuple[str, date]] = set()
    for span in raw:
        person = persons.get(span.person) if span.person else None
        if span.site in sites:
            free.update((str(span.site), on) for on in _days(span))
        elif person is not None and person not in hidden:
            gone.update((person, on) for on in _days(span))
        else:
            coverage.dropped["unmatched_site" if span.site else "unmatched_person" if person is None else "objected_or_protected"] += 1
            continue
        coverage.accepted += 1
    return gone, free


def _days(span: RawDaysOff) -> Iterator[date]:
    return (span.first + timedelta(days=one) for one in range((span.last - span.first).days + 1))


def _columns(rows: object, schema: pa.Schema) -> pa.Table:
    listed = [tuple(row) for row in rows]  # type: ignore[attr-defined]
    return pa.table([pa.array([row[k] for row in listed], field.type) for k, field in enumerate(schema)], schema=schema)
