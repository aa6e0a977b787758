"""Connectors → EVENTS in the buffer, one part per UTC week: each event once, every row accounted for."""

import gc
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from connectors.base import Coverage, Cursor, EventConnector, RawEvent, RawTable, TableConnector
from ona.tables import EVENTS, Kind, Table
from pipelines.intake import people
from pipelines.intake.merging import Merged, Places, merge, moved
from pipelines.intake.pseudonyms import ROWS, Longs, Pseudonyms, batches
from pipelines.intake.spool import Spool, of_bucket
from pipelines.schema import PULLS, STALE
from pipelines.storage.accounting import Progress, PullReport, report_of, store
from pipelines.storage.cursors import put_cursor, read_cursor
from pipelines.storage.lake import File, Lake, plain_errors
from pipelines.storage.service import put
from pipelines.storage.workspace import Workspace

DIGESTS = Table("event_digests", pa.schema([("event", pa.int64())]), ("event",))
"""What stays of a week whose events are gone: their ids alone, so that late copies are still recognised."""

FUTURE = timedelta(hours=24)
"""A record later than this is quarantined: one of 2099 must not silence a system."""

EARLIEST = datetime(1990, 1, 1)
"""A time before this is a broken clock, not a message."""

MERGED_ROWS = 300_000
"""Rows of a week merged at once; a longer week is merged in as many pieces, by event, with the same result."""

COPY = ["event", "revision", "audience", "sent"]
"""Columns that decide between copies of one meeting in different weeks."""

NONE: Longs = np.empty(0, np.int64)

SORTED_BY = ("sent", "event")


@dataclass(frozen=True)
class Week:
    """One week to be merged."""

    start: int  # its Monday in days since 1970-01-01
    put_off: Longs  # events that stand in another week in a better copy
    places: Places


@dataclass
class Pull:
    """One pull in the making."""

    ws: Workspace
    name: str
    connector: EventConnector
    dry_run: bool
    coverage: Coverage = field(default_factory=Coverage)
    files: list[File] = field(default_factory=list)
    late: dict[str, int] = field(default_factory=dict)  # part → rows


def pull_events(
    ws: Workspace, name: str, connector: EventConnector, *, progress: Progress | None = None, dry_run: bool = False, batch: int = 5000
) -> PullReport:
    """Read a connector from its cursor on and merge its events into the buffer; all of it is committed, or nothing.

    The same events twice, shuffled or in batches of any size give the same bytes. A dry run reads and counts, and stores nothing.
    """
    started, pull = ws.now(), Pull(ws, name, connector, dry_run)
    with ws.exclusive():
        if not dry_run:
            people.settle(ws)
        spool = Spool(ws.lake.temporary() / f"pull-{secrets.token_hex(8)}")
        with plain_errors(), _young_garbage():
            spool.folder.mkdir(mode=0o700)
            try:
                _read(pull, spool, batch, progress)
                _merge(pull, spool)
            finally:
                shutil.rmtree(spool.folder, ignore_errors=True)
        report = report_of(name, pull.coverage, tuple(sorted(file.part for file in pull.files)), dry_run=dry_run)
        if not dry_run:
            _commit(pull, report, started)
            people.adopt(ws)
    return report


def retire(ws: Workspace, keep_days: int | None = None) -> list[str]:
    """Drop the events of weeks that ended more than ``keep_days`` ago, keeping their ids; return the weeks."""
    limit = ws.now().date() - timedelta(days=ws.settings.buffer_days if keep_days is None else keep_days)
    with ws.exclusive():
        old = [part for part in ws.lake.parts("events") if monday(part) + timedelta(days=7) <= limit]
        kept = [ws.lake.stage(DIGESTS.name, part, ws.lake.read("events", [part]).select(["event"]), sort=DIGESTS.key) for part in old]
        with ws.service.begin() as connection:
            ws.lake.commit(connection, kept)
            ws.lake.drop(connection, "events", old)
        ws.lake.sweep_table("events", old)
    return old


def last_events(ws: Workspace) -> dict[str, datetime]:
    """Return the watermark of every connector: naive UTC, never later than five minutes after the pull that set it."""
    rows = ws.service.rows(
        sa.select(PULLS.c.connector, sa.func.max(PULLS.c.watermark)).where(PULLS.c.watermark.is_not(None)).group_by(PULLS.c.connector)
    )
    return {row[0]: row[1] for row in rows}


def part_of(week: int) -> str:
    """Return the part of a week: 2026-W27."""
    year, number, _ = (date(1970, 1, 1) + timedelta(days=week)).isocalendar()
    return f"{year:04}-W{number:02}"


def monday(part: str) -> date:
    """Return the first day of a part."""
    year, number = part.split("-W")
    return date.fromisocalendar(int(year), int(number), 1)


@contextmanager
def _young_garbage() -> Iterator[None]:
    """Let the collector look only at what is made meanwhile; walking over all modules again and again took a twelfth of a pull."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _read(pull: Pull, spool: Spool, size: int, progress: Progress | None) -> None:
    ws, coverage = pull.ws, pull.coverage
    pseudonyms = Pseudonyms(ws.vault, ws.keys, pull.name, create=not pull.dry_run)
    total = pull.connector.size()
    latest = _microseconds(ws.now() + FUTURE)
    for rows in _rows(pull, pseudonyms, latest, size):
        spool.add(rows)
        if progress:
            progress(pull.name, coverage.read, total)
    spool.flush()


def _rows(pull: Pull, pseudonyms: Pseudonyms, latest: int, size: int) -> Iterator[pa.Table]:
    """Yield pseudonymous rows: of whole tables where the connector gives them, else of events one by one."""
    connector, coverage, cursor = pull.connector, pull.coverage, read_cursor(pull.ws, pull.name)
    if isinstance(connector, TableConnector):
        for raw in connector.tables(coverage, cursor):
            yield pseudonyms.table(RawTable(raw.handles, _plausible_rows(raw.events, latest, coverage)), coverage)
        return
    for batch in batches(connector.events(coverage, cursor), size):
        likely = [event for event in batch if EARLIEST_MICROSECONDS <= event.sent <= latest]
        if len(likely) < len(batch):
            _count_implausible(batch, latest, coverage)
        yield pseudonyms.rows(likely, coverage)


def _plausible_rows(events: pa.Table, latest: int, coverage: Coverage) -> pa.Table:
    sent, rows = events["sent"].to_numpy(), events["rows"].to_numpy()
    late, early = sent > latest, sent < EARLIEST_MICROSECONDS
    coverage.quarantined["future"] += int(rows[late].sum())
    coverage.quarantined["implausible_time"] += int(rows[early].sum())
    return events.filter(pa.array(~(late | early))) if late.any() or early.any() else events


def _count_implausible(events: Iterable[RawEvent], latest: int, coverage: Coverage) -> None:
    for event in events:
        if not EARLIEST_MICROSECONDS <= event.sent <= latest:
            coverage.quarantined["future" if event.sent > latest else "implausible_time"] += event.rows


def _merge(pull: Pull, spool: Spool) -> None:
    places = people.places(pull.ws)
    put_off = _put_off(pull.ws.lake, spool)
    for week in sorted({*spool.weeks(), *put_off}):
        _merge_week(pull, Week(week, put_off.get(week, NONE), places), spool)
        pa.default_memory_pool().release_unused()


def _merge_week(pull: Pull, week: Week, spool: Spool) -> None:
    lake, part = pull.ws.lake, part_of(week.start)
    held = lake.files("events", [part])
    if not held and lake.files(DIGESTS.name, [part]):
        _count_late(pull, part, spool.pieces(week.start))
        return
    rows = spool.rows.get(week.start, 0) + sum(file.rows for file in held)
    buckets = -(-rows // MERGED_ROWS)
    if buckets <= 1:
        merged = _merged(pull, week, lake.read("events", [part]), spool.read(week.start))
        if not pull.dry_run and (held or merged.num_rows):
            _keep(pull, held, lake.stage("events", part, merged, sort=SORTED_BY))
        return
    slices = spool.slices(week.start)
    for bucket in range(buckets):
        old = [of_bucket(piece, bucket, buckets) for piece in lake.pieces("events", part)]
        new = [of_bucket(piece, bucket, buckets) for piece in spool.pieces(week.start)]
        slices.add(_merged(pull, week, pa.concat_tables([EVENTS.empty(), *old]), pa.concat_tables([ROWS.empty_table(), *new])))
    if not pull.dry_run:
        _keep(pull, held, lake.stage_sorted("events", part, slices.sorted(SORTED_BY)))


def _merged(pull: Pull, week: Week, old: pa.Table, new: pa.Table) -> pa.Table:
    """Return the merged rows of a week, or of those events of it that were given, and count what became of the new ones."""
    stays, left = (rows.filter(pc.invert(pc.is_in(rows["event"], value_set=pa.array(week.put_off)))) for rows in (old, new))
    pull.coverage.duplicate += int(pc.sum(new["rows"]).as_py() or 0) - int(pc.sum(left["rows"]).as_py() or 0)
    merged = merge(stays, left, week.places)
    _count(merged, pull.coverage)
    return merged.week


def _keep(pull: Pull, held: list[File], file: File) -> None:
    pull.files += [file] if [file] != held else []


def _put_off(lake: Lake, spool: Spool) -> dict[int, Longs]:
    """Return the meetings of each week that stand in another week in a better copy, here or in the buffer."""
    found = [(week, pa.concat_tables([_meetings(piece) for piece in spool.pieces(week)])) for week in spool.weeks()]
    if not any(copies.num_rows for _, copies in found):
        return {}
    found += [(_days(monday(part)), _meetings(lake.read("events", [part], columns=[*COPY, "kind"]))) for part in lake.parts("events")]
    weeks = np.repeat([week for week, _ in found], [copies.num_rows for _, copies in found])
    return moved(weeks, pa.concat_tables([copies for _, copies in found]))


def _meetings(rows: pa.Table) -> pa.Table:
    return rows.filter(pc.equal(rows["kind"], int(Kind.MEETING))).select(COPY)


def _days(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _count(merged: Merged, coverage: Coverage) -> None:
    coverage.accepted += merged.accepted
    coverage.duplicate += merged.duplicate
    for name, choose, value in (("first", min, merged.first), ("last", max, merged.last)):
        before = getattr(coverage, name)
        if value is not None:
            setattr(coverage, name, value if before is None else choose(before, value))


def _count_late(pull: Pull, part: str, pieces: Iterable[pa.Table]) -> None:
    """Count rows whose week is gone: copies of known events, and late ones that only a new pull of the week can repair."""
    digests = pull.ws.lake.read(DIGESTS, [part])["event"].combine_chunks()
    for new in pieces:
        known = pc.is_in(new["event"], value_set=digests)
        duplicate = int(pc.sum(new["rows"].filter(known)).as_py() or 0)
        late = int(pc.sum(new["rows"]).as_py() or 0) - duplicate
        pull.coverage.duplicate += duplicate
        if late:
            pull.coverage.dropped["late"] += late
            pull.late[part] = pull.late.get(part, 0) + late


def _commit(pull: Pull, report: PullReport, started: datetime) -> None:
    """Name the files, move the cursor and keep the counts in one transaction; what they replace goes afterwards."""
    ws, position = pull.ws, getattr(pull.connector, "cursor", None)
    streams = position.streams if isinstance(position, Cursor) else {}
    with ws.service.begin() as connection:
        ws.lake.commit(connection, pull.files)
        put_cursor(connection, ws.keys, pull.name, streams)
        put(connection, STALE, [{"table": "events", "part": part, "late": late} for part, late in pull.late.items()])
        store(connection, report, started, ws.now())
    ws.lake.sweep_table("events", [file.part for file in pull.files])


def _microseconds(at: datetime) -> int:
    return int((at - datetime(1970, 1, 1)) / timedelta(microseconds=1))


EARLIEST_MICROSECONDS = _microseconds(EARLIEST)
