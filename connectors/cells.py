"""Rows of text tables within bounds, and what their cells mean: dates, instants, truth, numbers."""

import csv
import io
import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from types import TracebackType
from typing import IO, Annotated, Self
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.csv
from pydantic import AfterValidator

from connectors.archive import CHUNK, FileError
from ona.tables import Flag

MAX_COLUMNS = 512
MAX_FIELD_CHARACTERS = 64 * 2**10
MAX_ROW_CHARACTERS = 2**20
MAX_ROW_LINES = 64
"""A quote that is still open after so many lines was never meant to be closed."""
DELIMITERS = ",;\t|"
MICROSECONDS = 1_000_000
MICROSECONDS_A_DAY = 86_400 * MICROSECONDS
MAX_LEAD_HOURS = 32_767
FUTURE_MICROSECONDS = 24 * 3600 * MICROSECONDS
"""Records further ahead than this are quarantined (trust, watermarks)."""

_ORDER = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})")
_EXCEL_EPOCH = date(1899, 12, 30)
_YEARS = range(1900, 2200)
_TRUE = frozenset({"1", "true", "yes", "y", "x", "t", "wahr", "ja"})
_FALSE = frozenset({"", "0", "false", "no", "n", "f", "falsch", "nein"})


class CellError(ValueError):
    """A cell that cannot be read; ``code`` is stable and goes into the account, the cell is not repeated."""

    def __init__(self, code: str) -> None:
        """Keep the code only."""
        super().__init__(code)
        self.code = code


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("not a time zone; use an Olson name such as Europe/Berlin") from None
    return name


ZoneName = Annotated[str, AfterValidator(_known_zone)]
"""A setting that names a time zone."""


@dataclass(frozen=True)
class Row:
    """One row: its cells by column, or the code of what is wrong with it."""

    cells: Sequence[str]
    fault: str | None = None


class Csv:
    """A bounded CSV reader: finds the delimiter, keeps good rows, gives damaged ones as faults."""

    def __init__(self, stream: IO[bytes], delimiter: str | None = None, encoding: str = "utf-8-sig") -> None:
        """Read the header row."""
        self._text = io.TextIOWrapper(stream, encoding=encoding, errors="surrogateescape", newline="")
        self._pending: deque[str] = deque()
        try:
            self._read_header(delimiter)
        except FileError:
            self._text.close()
            raise

    def _read_header(self, delimiter: str | None) -> None:
        first = self._line()
        if not first.strip():
            raise _bad_csv("csv_empty", "it has no header row")
        if "\0" in first:
            raise _bad_csv("csv_encoding", "it holds NUL bytes, as UTF-16 does")
        self.delimiter = delimiter or max(DELIMITERS, key=lambda d: len(_cells(first, d)))
        header = _cells(first, self.delimiter)
        if len(header) > MAX_COLUMNS:
            raise _bad_csv("csv_columns", f"it has more than {MAX_COLUMNS} columns")
        self.header = tuple(normal_header(cell) for cell in header)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._text.close()

    def rows(self) -> Iterator[Row]:
        """Yield every row after the header; empty lines are no rows."""
        while line := self._line():
            yield from self._row(line)

    def _row(self, line: str) -> Iterator[Row]:
        if '"' in line or len(line) > MAX_FIELD_CHARACTERS or "\0" in line or not line.isascii():
            yield from self._careful(line)
        elif line.strip("\r\n"):
            cells = line.rstrip("\r\n").split(self.delimiter)
            yield Row(cells) if len(cells) == len(self.header) else Row((), "column_count")

    def columns(self, places: Sequence[int]) -> Iterator[tuple[list[pa.Array], Counter[str]]]:
        """Yield some columns of many rows at a time as text, with the count of damaged rows by code.

        Lines that hold nothing unusual are cut in one step; a piece with an open quote, a NUL or broken text goes row by row.
        """
        while text := "".join(self._pending) or self._text.read(CHUNK):
            self._pending.clear()
            text += self._text.readline(MAX_ROW_CHARACTERS)
            faults: Counter[str] = Counter()
            columns = self._cut(text, places, faults)
            if columns is None:
                faults.clear()
                columns = self._gathered(text, places, faults)
            yield columns, faults

    def _cut(self, text: str, places: Sequence[int], faults: Counter[str]) -> list[pa.Array] | None:
        lines = text.split("\n")
        quoted = '"' in text
        bare_returns = quoted and text.count("\r") != text.count("\r\n")
        open_quote = quoted and any(line.count('"') % 2 for line in lines)
        if "\0" in text or max(map(len, lines)) > MAX_FIELD_CHARACTERS or bare_returns or open_quote:
            return None

        def skip(_: object) -> str:
            faults["column_count"] += 1
            return "skip"

        names = [f"c{place}" for place in range(len(self.header))]
        wanted = [names[place] for place in dict.fromkeys(places)]
        try:
            table = pa.csv.read_csv(
                pa.BufferReader(text.encode()),
                read_options=pa.csv.ReadOptions(use_threads=False, block_size=max(len(text) * 4, 1024), column_names=names),
                parse_options=pa.csv.ParseOptions(delimiter=self.delimiter, quote_char='"' if quoted else False, invalid_row_handler=skip),
                convert_options=pa.csv.ConvertOptions(
                    include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()), strings_can_be_null=False
                ),
            )
        except (pa.ArrowException, UnicodeEncodeError):
            return None
        return [table[names[place]].combine_chunks() for place in places]

    def _gathered(self, text: str, places: Sequence[int], faults: Counter[str]) -> list[pa.Array]:
        self._pending.extend(io.StringIO(text, newline=""))
        kept: list[Sequence[str]] = []
        while self._pending:
            for row in self._row(self._line()):
                if row.fault is None:
                    kept.append(row.cells)
                else:
                    faults[row.fault] += 1
        return [pa.array([cells[place] for cells in kept], pa.string()) for place in places]

    def _line(self) -> str:
        return self._pending.popleft() if self._pending else self._text.readline(MAX_ROW_CHARACTERS)

    def _careful(self, line: str) -> Iterator[Row]:
        if len(line) >= MAX_ROW_CHARACTERS:
            self._skip_line(line)
            yield Row((), "row_too_long")
            return
        try:
            records = list(csv.reader(self._record(line), delimiter=self.delimiter, strict=True))
        except csv.Error:
            yield Row((), "unbalanced_quote")
            return
        yield from (self._checked(cells) for cells in records if cells)

    def _checked(self, cells: list[str]) -> Row:
        if len(cells) != len(self.header):
            return Row((), "column_count")
        if any("\0" in cell for cell in cells):
            return Row((), "nul_byte")
        if any(len(cell) > MAX_FIELD_CHARACTERS for cell in cells):
            return Row((), "field_too_long")
        if any("\udc80" <= c <= "\udcff" for cell in cells if not cell.isascii() for c in cell):
            return Row((), "encoding")
        return Row(cells)

    def _record(self, line: str) -> list[str]:
        """Return the lines of one record; a quote that never closes gives the first line alone, the others are read again."""
        lines, length, quotes = [line], len(line), line.count('"')
        while quotes % 2 and len(lines) < MAX_ROW_LINES and length < MAX_ROW_CHARACTERS and (more := self._line()):
            lines.append(more)
            length, quotes = length + len(more), quotes + more.count('"')
        if quotes % 2:
            self._pending.extendleft(reversed(lines[1:]))
            return lines[:1]
        return lines

    def _skip_line(self, line: str) -> None:
        while line and not line.endswith(("\n", "\r")):
            line = self._text.readline(MAX_ROW_CHARACTERS)


def _bad_csv(code: str, seen: str) -> FileError:
    return FileError(code, f"A CSV file was refused: {seen}", "Save it as UTF-8 with one header row.")


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter))
    except csv.Error:
        return line.split(delimiter)


def normal_header(name: str) -> str:
    """Return a column name in lower case with underscores, so that ``Employee ID`` and ``employee_id`` are one."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip().strip("\ufeff"))
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")


def positions(header: Sequence[str], wanted: Mapping[str, str]) -> dict[str, int]:
    """Return role → column index for the roles whose column (by normal name) is there; a column named twice is an error."""
    found = {role: normal_header(name) for role, name in wanted.items() if normal_header(name) in header}
    if any(header.count(name) > 1 for name in found.values()):
        raise FileError("column_twice", "A mapped column stands twice in the header row", "Rename one of them.")
    return {role: header.index(name) for role, name in found.items()}


def day(cell: str, order: str | None = None) -> date | None:
    """Return the date of an HR cell: ISO, Excel serial or dotted; None when empty, CellError when it could be two dates."""
    text = cell.strip().lstrip("'")
    if not text:
        return None
    if text[0] != "0" and text.replace(".", "", 1).isdigit() and 1 <= float(text) < 80_000:
        return _EXCEL_EPOCH + timedelta(days=int(float(text)))
    if match := _ORDER.match(text):
        return _ordered(match, order)
    try:
        found = date.fromisoformat(text) if len(text) <= 10 else datetime.fromisoformat(text).date()
    except ValueError:
        raise CellError("date_unreadable") from None
    return found if found.year in _YEARS else _refuse("date_out_of_range")


def _ordered(match: re.Match[str], order: str | None) -> date:
    """Read a dotted date: the order is configured, or only one order makes a date."""
    first, second, year = int(match[1]), int(match[2]), int(match[3])
    candidates = {"dmy": (second, first), "mdy": (first, second)}
    fits = {name: date(year, m, d) for name, (m, d) in candidates.items() if 1 <= m <= 12 and _exists(year, m, d)}
    if order:
        return fits[order] if order in fits else _refuse("date_unreadable")
    if len(set(fits.values())) == 1:
        return next(iter(fits.values()))
    return _refuse("date_ambiguous" if fits else "date_unreadable")


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _refuse(code: str) -> date:
    raise CellError(code)


def truth(cell: str) -> bool:
    """Return whether a cell says yes."""
    word = cell.strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise CellError("truth_unreadable")


def instant(naive_or_aware: datetime, zone: tzinfo | None) -> int:
    """Return microseconds since 1970 UTC; a wall time that its zone skips (DST gap) or that has no zone is a CellError."""
    moment = naive_or_aware
    if moment.tzinfo is None:
        if zone is None:
            raise CellError("zone_missing")
        moment = moment.replace(tzinfo=zone)
        if moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != naive_or_aware.replace(fold=0):
            raise CellError("time_in_dst_gap")
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * MICROSECONDS + delta.microseconds


def plausible(microseconds: int, now: int) -> int:
    """Return the instant if it is after 1970 and at most a day ahead of now, else raise CellError with its code."""
    if microseconds <= 0:
        raise CellError("time_not_positive")
    if microseconds > now + FUTURE_MICROSECONDS:
        raise CellError("time_in_future")
    return microseconds


_SECOND_ZERO = Flag.SECOND_ZERO.value


def second_zero(microseconds: int) -> int:
    """Return the flag of an event on the first second of a minute, as timers send them."""
    return _SECOND_ZERO if microseconds // MICROSECONDS % 60 == 0 else 0


def number(cell: str, low: float, high: float) -> float | None:
    """Return a number in [low, high], None when the cell is empty; a decimal comma is read as a point."""
    text = cell.strip().replace(",", ".")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise CellError("number_unreadable") from None
    if not low <= value <= high:
        raise CellError("number_out_of_range")
    return value


def lead_hours(created: int | None, start: int) -> int | None:
    """Return how long before its start a meeting was booked, from two times in microseconds; None when that is not known."""
    return None if created is None else max(0, min((start - created) // (3600 * MICROSECONDS), MAX_LEAD_HOURS))
