"""Pseudonymous rows on their way: temporary files by week, and a long week's merged rows by the hour, in bounded memory."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ona.tables import EVENTS
from pipelines.intake.merging import week_starts
from pipelines.intake.pseudonyms import MICROSECONDS_A_DAY, ROWS, Longs

SPOOLED_ROWS = 100_000
"""Rows held in memory before they are cut by week and written to temporary files."""

SLICE = MICROSECONDS_A_DAY // 12
"""Two hours: what is sorted at once of a long week."""


@dataclass
class Spool:
    """Rows by week; nothing else ever touches the disk before the merge."""

    folder: Path
    pending: list[pa.Table] = field(default_factory=list)
    waiting: int = 0
    flushed: int = 0
    rows: Counter[int] = field(default_factory=Counter)  # written, by week

    def add(self, rows: pa.Table) -> None:
        """Take rows in and write them out once there are many."""
        self.pending.append(rows)
        self.waiting += rows.num_rows
        if self.waiting >= SPOOLED_ROWS:
            self.flush()

    def flush(self) -> None:
        """Cut the rows in memory by week and write each piece."""
        if not self.waiting:
            return
        rows = pa.concat_tables(self.pending).combine_chunks()
        for week, piece in _cut(rows, week_starts(rows["sent"].cast(pa.int64()).to_numpy())):
            self._write(week, piece)
        self.pending, self.waiting, self.flushed = [], 0, self.flushed + 1

    def weeks(self) -> list[int]:
        """Return the weeks that have rows, as days since 1970-01-01 of their Mondays."""
        return sorted(self.rows)

    def read(self, week: int) -> pa.Table:
        """Return all rows of a week."""
        return pa.concat_tables([ROWS.empty_table(), *self.pieces(week)])

    def pieces(self, week: int) -> Iterator[pa.Table]:
        """Yield the rows of a week file by file."""
        for path in sorted((self.folder / str(week)).glob("*")):
            yield _load(path)

    def slices(self, week: int) -> "Slices":
        """Begin the merged rows of a long week."""
        return Slices(self.folder / f"{week}-merged")

    def _write(self, week: int, rows: pa.Table) -> None:
        _store(self.folder / str(week) / f"{self.flushed:06}", rows)
        self.rows[week] += rows.num_rows


@dataclass
class Slices:
    """Merged rows of one week in files by the time of day, so that they can be sorted bit by bit."""

    folder: Path
    added: int = 0

    def add(self, rows: pa.Table) -> None:
        """Take merged rows in."""
        for one, piece in _cut(rows, rows["sent"].cast(pa.int64()).to_numpy() // SLICE):
            _store(self.folder / f"{one:012}" / f"{self.added:06}", piece)
        self.added += 1

    def sorted(self, keys: Sequence[str]) -> Iterator[pa.Table]:
        """Yield all rows in order; the first key has to be the time."""
        yield EVENTS.empty()
        for folder in sorted(self.folder.glob("*")):
            rows = pa.concat_tables([_load(path) for path in sorted(folder.glob("*"))])
            yield rows.sort_by([(key, "ascending") for key in keys])


def of_bucket(rows: pa.Table, bucket: int, buckets: int) -> pa.Table:
    """Return the rows whose event falls into a bucket: ids are digests, so buckets are about equal and copies stay together."""
    event = rows["event"].to_numpy().view(np.uint64) >> np.uint64(32)
    return rows.filter(pc.equal(pa.array(event % np.uint64(buckets)), bucket))


def _cut(rows: pa.Table, keys: Longs) -> Iterator[tuple[int, pa.Table]]:
    """Yield the rows of each key in their order; sorted once, since a week has 84 slices and each filter would read it whole."""
    order = np.argsort(keys, kind="stable")
    rows = rows.take(pa.array(order))
    found = np.unique(keys[order], return_index=True, return_counts=True)
    for key, start, count in zip(*(part.tolist() for part in found), strict=True):
        yield key, rows.slice(start, count)


def _store(path: Path, rows: pa.Table) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, rows.schema) as writer:
        writer.write_table(rows)


def _load(path: Path) -> pa.Table:
    with pa.OSFile(str(path)) as file:
        return pa.ipc.open_file(file).read_all()
