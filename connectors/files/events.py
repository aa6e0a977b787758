"""The generic event table: CSV or Parquet with a column map, one row per message or per recipient, becomes events."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import ClassVar, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

import connectors.base
from connectors.archive import FileError, read_bytes, regular
from connectors.base import Coverage, Cursor, RawEvent, RawTable
from connectors.cells import Csv, ZoneName, normal_header, positions
from connectors.files.event_cells import KINDS, Handles, Meaning, Reading
from connectors.files.event_groups import Groups
from connectors.identity import AddressRules, address_reader

BATCH_ROWS = 50_000
BYTES_PER_ROW = 50
MAX_HANDLES = 500_000
"""Handles remembered; beyond that the open messages are closed and the memory begins anew."""

_COLUMNS = ("sender", "time", "recipient", "id", "reply_to", "root", "role", "space", "minutes")


class Config(connectors.base.Config):
    """Which column is what, and what times and ids mean in this file."""

    path: Path
    sender: str
    time: str
    recipient: str | None = None
    id: str | None = None
    reply_to: str | None = None
    root: str | None = None
    kind: str = "mail"
    """message, reaction, mail or meeting for the whole file, else the column that says so."""
    role: str | None = None
    space: str | None = None
    minutes: str | None = None
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    encoding: str = "utf-8-sig"
    time_format: str | None = None
    """``iso`` (the default), ``epoch`` (seconds, or milli- or microseconds by size) or a strptime pattern."""
    zone: ZoneName | None = None
    """Required when times carry no offset."""
    namespace: str | None = None
    """Required when people appear by other ids than mail addresses."""
    id_prefix: str = "event"
    """Set apart ids of files that number their rows alike."""
    thread_prefix: str | None = None
    """The ``id_prefix`` of the file that ``reply_to`` and ``root`` point to, when it is another one."""
    recipient_separator: str | None = Field(default=None, min_length=1)
    """When one cell holds several recipients."""
    group_by: Literal["message", "row"] = "message"
    """Without ids, rows of equal sender, time and kind are one message; ``row`` makes each row one."""
    addresses: AddressRules = AddressRules()


class Connector:
    """Reads an event table, many rows at a time."""

    gives: ClassVar[str] = "events"

    def __init__(self, config: Config) -> None:
        """Take the file and its column map."""
        self._config = config

    def events(self, coverage: Coverage, cursor: Cursor) -> Iterator[RawEvent]:
        """Yield messages in the order of their first row."""
        for table in self.tables(coverage, cursor):
            yield from table.records()

    def tables(self, coverage: Coverage, cursor: Cursor) -> Iterator[RawTable]:
        """Yield tables of messages.

        Every row is in the account: rows of one message are its ``rows``, those that repeat a recipient or name the sender
        as one too (notes ``row_repeated``, ``row_to_oneself``); the others are dropped or quarantined by code.
        """
        config = self._config
        with closing(_table(config)) as table:
            roles = positions(table.header, _wanted(config))
            reading, groups = self._begin(frozenset(roles), coverage)
            for columns, faults in table.columns(tuple(roles.values())):
                if len(reading.handles) > MAX_HANDLES:
                    yield from groups.rest()
                    reading, groups = self._begin(frozenset(roles), coverage)
                coverage.read += len(columns[0]) + faults.total()
                coverage.quarantined.update(faults)
                yield from groups.take(reading.rows(dict(zip(roles, columns, strict=True)), coverage))
            yield from groups.rest()

    def _begin(self, roles: frozenset[str], coverage: Coverage) -> tuple[Reading, Groups]:
        handles = Handles(self._config.namespace, address_reader(self._config.addresses))
        return Reading(_meaning(self._config, roles), handles, time.time_ns() // 1_000), Groups(coverage, handles)

    def size(self) -> int | None:
        """Return about how many rows there are; None for compressed files."""
        path = self._config.path
        if path.suffix.lower() == ".parquet":
            with closing(_Parquet(path, {})) as table:
                return table.size()
        return None if path.suffix.lower() == ".gz" else regular(path).stat().st_size // BYTES_PER_ROW


def _meaning(config: Config, roles: frozenset[str]) -> Meaning:
    return Meaning(
        roles=roles,
        kind=KINDS.get(config.kind),
        time_format=config.time_format or "iso",
        zone=config.zone,
        namespace=config.namespace,
        id_prefix=config.id_prefix,
        thread_prefix=config.thread_prefix or config.id_prefix,
        separator=config.recipient_separator,
        by_row=config.group_by == "row",
    )


def _wanted(config: Config) -> dict[str, str]:
    named = {role: getattr(config, role) for role in _COLUMNS}
    named["kind"] = config.kind if config.kind not in KINDS else None
    return {role: column for role, column in named.items() if column}


def _table(config: Config) -> "Csv | _Parquet":
    wanted = _wanted(config)
    parquet = config.path.suffix.lower() == ".parquet"
    table = _Parquet(config.path, wanted) if parquet else Csv(read_bytes(config.path), config.delimiter, config.encoding)
    missing = [role for role, column in wanted.items() if normal_header(column) not in table.header]
    if missing:
        table.close()
        raise FileError(
            "columns_missing", f"The columns mapped to {', '.join(missing)} are not in the header row", "Correct the column map."
        )
    return table


class _Parquet:
    """The mapped columns of a Parquet file as text rows."""

    def __init__(self, path: Path, wanted: dict[str, str]) -> None:
        try:
            self._file = pq.ParquetFile(regular(path))
        except (pa.ArrowException, OSError):
            raise FileError("parquet_broken", "The file is not readable Parquet", "Write it again.") from None
        mapped = {normal_header(column) for column in wanted.values()}
        self._names = [name for name in self._file.schema_arrow.names if normal_header(name) in mapped]
        self.header = tuple(map(normal_header, self._names))

    def size(self) -> int:
        return int(self._file.metadata.num_rows)

    def columns(self, places: Sequence[int]) -> Iterator[tuple[list[pa.Array], Counter[str]]]:
        """Yield the columns as text; a damaged file is refused."""
        try:
            for batch in self._file.iter_batches(BATCH_ROWS, columns=self._names, use_threads=False):
                texts = [batch.column(self._names[place]).cast(pa.string()).fill_null("") for place in places]
                yield texts, Counter()
        except (pa.ArrowException, OSError, UnicodeDecodeError):
            raise FileError(
                "parquet_broken", "The file is damaged or a mapped column is nested", "Write it again with plain columns."
            ) from None

    def close(self) -> None:
        self._file.close()
