"""The generic event table: CSV or Parquet with a column map, one row per message or per recipient, becomes events."""

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Literal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

import connectors.base
from connectors.archive import FileError, read_bytes, regular
from connectors.base import Coverage, Cursor, RawEvent
from connectors.cells import MICROSECONDS, CellError, Csv, Row, ZoneName, instant, normal_header, plausible, positions, second_zero
from connectors.identity import AddressRules, HandleError, address_reader, handle
from ona.tables import Kind, Role, SpaceKind

OPEN_MESSAGES = 100_000
"""Messages kept open for further rows; rows of one message that lie further apart become two records of one id."""
MAX_RECIPIENTS = 1_000
MAX_AUDIENCE = 65_535
MAX_ID_CHARACTERS = 998
BATCH_ROWS = 10_000
BYTES_PER_ROW = 50
CACHED_CELLS = 65_536

_KINDS = {kind.name.lower(): kind for kind in Kind}
_ROLES = {role.name.lower(): role for role in Role}
_COLUMNS = ("sender", "time", "recipient", "id", "reply_to", "root", "role", "space", "minutes")
_NUMERIC_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}")
_EPOCH = re.compile(r"(-?\d{1,17})(?:\.(\d{0,9}))?")
_SPACE_KINDS = {Kind.MAIL: SpaceKind.MAIL, Kind.MEETING: SpaceKind.CALENDAR}


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
    """Reads an event table."""

    gives: ClassVar[str] = "events"

    def __init__(self, config: Config) -> None:
        """Take the file and its column map."""
        self._config = config

    def events(self, coverage: Coverage, cursor: Cursor) -> Iterator[RawEvent]:
        """Yield messages in the order of their first row.

        Every row is in the account: rows of one message are its ``rows``, those that repeat a recipient or name the sender
        as one too (notes ``row_repeated``, ``row_to_oneself``); the others are dropped or quarantined by code.
        """
        with closing(_table(self._config)) as table:
            reader = _Reader(self._config, positions(table.header, _wanted(self._config)), coverage, time.time_ns() // 1_000)
            for row in table.rows():
                yield from reader.row(row)
            yield from reader.rest()

    def size(self) -> int | None:
        """Return about how many rows there are; None for compressed files."""
        path = self._config.path
        if path.suffix.lower() == ".parquet":
            with closing(_Parquet(path, {})) as table:
                return table.size()
        return None if path.suffix.lower() == ".gz" else regular(path).stat().st_size // BYTES_PER_ROW


def _wanted(config: Config) -> dict[str, str]:
    named = {role: getattr(config, role) for role in _COLUMNS}
    named["kind"] = config.kind if config.kind not in _KINDS else None
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

    def rows(self) -> Iterator[Row]:
        try:
            for batch in self._file.iter_batches(BATCH_ROWS, columns=self._names):
                columns = [[cell or "" for cell in column.cast(pa.string()).to_pylist()] for column in batch.columns]
                yield from (Row(cells) for cells in zip(*columns, strict=True))
        except (pa.ArrowException, OSError, UnicodeDecodeError):
            raise FileError(
                "parquet_broken", "The file is damaged or a mapped column is nested", "Write it again with plain columns."
            ) from None

    def close(self) -> None:
        self._file.close()


@dataclass(slots=True)
class _Message:
    """A message that may get further rows."""

    event: RawEvent
    recipients: dict[str, Role] = field(default_factory=dict)
    rows: int = 1

    def closed(self) -> RawEvent:
        """Return the event with everything its rows said."""
        e = self.event
        people = tuple(self.recipients.items())
        return RawEvent(
            id=e.id,
            kind=e.kind,
            sent=e.sent,
            sender=e.sender,
            recipients=people[:MAX_RECIPIENTS],
            audience=min(len(people), MAX_AUDIENCE),
            space=e.space,
            space_kind=e.space_kind,
            root=e.root,
            reply_to=e.reply_to,
            minutes=e.minutes,
            flags=e.flags,
            rows=self.rows,
        )


class _Reader:
    """Turns rows into messages, a bounded number of them open at a time."""

    def __init__(self, config: Config, at: dict[str, int], coverage: Coverage, now: int) -> None:
        self._config, self._at, self._coverage, self._now = config, at, coverage, now
        address = address_reader(config.addresses)
        self._handle: Callable[[str], str] = lru_cache(CACHED_CELLS)(lambda cell: handle(cell, config.namespace, address))
        self._sent: Callable[[str], int] = lru_cache(CACHED_CELLS)(_clock(config))
        self._open: dict[str, _Message] = {}
        self._checked = False

    def row(self, row: Row) -> Iterator[RawEvent]:
        """Take one row and yield the message that had to be closed for it, if any."""
        self._coverage.read += 1
        if row.fault is not None:
            self._coverage.quarantined[row.fault] += 1
            return
        if not self._checked:
            self._check_first(row)
        try:
            self._take(row)
        except (CellError, HandleError) as error:
            self._coverage.quarantined[error.code] += 1
        if len(self._open) > OPEN_MESSAGES:
            yield from self._close(next(iter(self._open)))

    def rest(self) -> Iterator[RawEvent]:
        """Yield the messages still open."""
        for id in list(self._open):
            yield from self._close(id)

    def _check_first(self, row: Row) -> None:
        """Refuse a file whose column map cannot be right, before its rows fill the quarantine one by one."""
        self._checked = True
        if self._config.namespace is None and "@" not in self._cell(row, "sender"):
            raise FileError(
                "namespace_missing", "The sender of the first row is no mail address", "Set `namespace`, or map another column."
            )
        try:
            self._sent(self._cell(row, "time"))
        except CellError as error:
            if error.code == "zone_missing":
                raise FileError(error.code, "Times carry no offset from UTC", "Set `zone`, such as Europe/Berlin.") from None
            if error.code == "time_ambiguous":
                raise FileError(
                    error.code, "Times are written as numbers between dots, dashes or slashes", "Set `time_format`, such as %d/%m/%Y %H:%M."
                ) from None
            if error.code == "time_unreadable" and self._config.time_format is None:
                raise FileError(
                    error.code, "The time of the first row is not ISO 8601", "Set `time_format`, or map another column."
                ) from None

    def _take(self, row: Row) -> None:
        moment = self._cell(row, "time")
        sender, sent, kind = self._handle(self._cell(row, "sender")), plausible(self._sent(moment), self._now), self._kind(row)
        recipients = self._recipients(row)
        id = self._id(row, sender, sent, kind, recipients)
        message = self._open.get(id)
        if message is None:
            event = self._event(row, id, sender, sent, kind)
            if "recipient" in self._at and not (recipients or event.space or event.reply_to or event.root):
                self._coverage.dropped["nobody"] += 1
                return
            message = self._open[id] = _Message(event)
        elif message.event.sender != sender:
            raise CellError("id_conflict")
        else:
            message.rows += 1
        self._add(message, recipients)

    def _add(self, message: _Message, recipients: list[tuple[str, Role]]) -> None:
        for recipient, role in recipients:
            if recipient == message.event.sender:
                self._coverage.notes["row_to_oneself"] += 1
            elif recipient in message.recipients:
                self._coverage.notes["row_repeated"] += 1
            else:
                message.recipients[recipient] = role

    def _event(self, row: Row, id: str, sender: str, sent: int, kind: Kind) -> RawEvent:
        space, minutes = self._cell(row, "space"), self._cell(row, "minutes")
        default = SpaceKind.CHANNEL if space else None
        to_second = self._config.time_format == "epoch" or self._cell(row, "time").count(":", 0, 19) >= 2
        return RawEvent(
            id=id,
            kind=kind,
            sent=sent,
            sender=sender,
            space=f"space:{hashlib.sha256(space.encode()).hexdigest()[:32]}" if space else None,
            space_kind=_SPACE_KINDS.get(kind, default),
            root=self._thread(row, "root"),
            reply_to=self._thread(row, "reply_to"),
            minutes=_minutes(minutes) if minutes else None,
            flags=second_zero(sent) if to_second and kind is not Kind.MEETING else 0,
        )

    def _id(self, row: Row, sender: str, sent: int, kind: Kind, recipients: list[tuple[str, Role]]) -> str:
        if "id" in self._at:
            found = _native_id(self._cell(row, "id"), kind, self._config.id_prefix)
            if found is None:
                raise CellError("id_missing")
            return found
        each = "".join(f"/{recipient}" for recipient, _ in recipients) if self._config.group_by == "row" else ""
        return f"{self._config.id_prefix}:{sender}/{sent}/{kind.value}{each}"

    def _thread(self, row: Row, role: str) -> str | None:
        prefix = self._config.thread_prefix or self._config.id_prefix
        return _native_id(self._cell(row, role), self._kind(row), prefix)

    def _kind(self, row: Row) -> Kind:
        if "kind" not in self._at:
            return _KINDS[self._config.kind]
        kind = _KINDS.get(self._cell(row, "kind").lower())
        if kind is None:
            raise CellError("kind_unknown")
        return kind

    def _recipients(self, row: Row) -> list[tuple[str, Role]]:
        cell, role = self._cell(row, "recipient"), _ROLES.get(self._cell(row, "role").lower() or "to")
        if role is None:
            raise CellError("role_unknown")
        separator = self._config.recipient_separator
        cells = cell.split(separator) if separator else [cell]
        return [(self._handle(part.strip()), role) for part in cells if part.strip()]

    def _cell(self, row: Row, role: str) -> str:
        return row.cells[self._at[role]].strip() if role in self._at else ""

    def _close(self, id: str) -> Iterator[RawEvent]:
        yield self._open.pop(id).closed()


def _native_id(cell: str, kind: Kind, prefix: str) -> str | None:
    """Return the namespaced id of a cell; a Message-ID is the same in every system that saw the mail."""
    text = cell.strip("<> ")
    if not text:
        return None
    if len(text) > MAX_ID_CHARACTERS:
        raise CellError("id_too_long")
    return f"mail:{text}" if kind is Kind.MAIL and "@" in text else f"{prefix}:{text}"


def _minutes(cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        raise CellError("minutes_unreadable") from None
    if not 0 <= value < 7 * 24 * 60:
        raise CellError("minutes_out_of_range")
    return value


def _clock(config: Config) -> Callable[[str], int]:
    """Return the reader of time cells: microseconds since 1970 UTC, or CellError."""
    zone, pattern = ZoneInfo(config.zone) if config.zone else None, config.time_format or "iso"
    if pattern == "epoch":
        return _epoch
    if pattern == "iso":
        return lambda cell: instant(_iso(cell), zone)
    return lambda cell: instant(_by_pattern(cell, pattern), zone)


def _iso(cell: str) -> datetime:
    if not cell[:4].isdigit() or len(cell) < 10:
        raise CellError("time_ambiguous" if _NUMERIC_DATE.match(cell) else "time_unreadable")
    try:
        return datetime.fromisoformat(cell.removesuffix(" UTC"))
    except ValueError:
        raise CellError("time_unreadable") from None


def _by_pattern(cell: str, pattern: str) -> datetime:
    try:
        return datetime.strptime(cell, pattern)
    except ValueError:
        raise CellError("time_unreadable") from None


def _epoch(cell: str) -> int:
    """Read seconds, milliseconds or microseconds since 1970, told apart by size; digits are never rounded through a float."""
    match = _EPOCH.fullmatch(cell)
    if match is None:
        raise CellError("time_unreadable")
    whole, decimals = int(match[1]), int((match[2] or "").ljust(6, "0")[:6] or 0)
    scale = MICROSECONDS if abs(whole) < 10**11 else 1_000 if abs(whole) < 10**14 else 1
    return whole * scale + (decimals if scale == MICROSECONDS else 0)
