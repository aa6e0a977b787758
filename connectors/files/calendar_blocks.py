"""A calendar stream becomes one block of allowed lines per meeting; titles, texts, places and extensions never leave the line reader."""

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import IO

from connectors.archive import FileError

MAX_LINE_BYTES = 64 * 2**10
MAX_BLOCK_BYTES = 2**20
MAX_ZONES = 500
MAX_ZONE_LINES = 2_000
CHUNK = 2**18
"""Bytes that are read and cut into lines at once."""

_ALLOWED = frozenset(
    (
        *(b"UID", b"DTSTART", b"DTEND", b"DURATION", b"RRULE", b"RDATE", b"EXDATE", b"RECURRENCE-ID", b"SEQUENCE", b"STATUS"),
        *(b"ORGANIZER", b"ATTENDEE", b"CREATED", b"DTSTAMP"),
    )
)
_CALENDAR = re.compile(rb"(METHOD|X-WR-TIMEZONE)(?:;[^:]*)?:[ \t]*(.*)", re.IGNORECASE)
_ZONE = re.compile(rb"(TZID|X-LIC-LOCATION)(?:;[^:]*)?:[ \t]*(.*)", re.IGNORECASE)
_RULE = re.compile(
    rb"(?:DTSTART(?:;VALUE=DATE-TIME)?:\d{8}T\d{6}|TZOFFSET(?:FROM|TO):[+-]\d{4}(?:\d\d)?|RDATE(?:;VALUE=DATE-TIME)?:[\dT,]{1,4000}"
    rb"|RRULE:FREQ=YEARLY(?:;(?:BYMONTH|BYDAY|BYMONTHDAY|UNTIL|COUNT|INTERVAL|WKST)=[A-Z0-9,+-]{1,40})*Z?)",
    re.IGNORECASE,
)
"""What a zone's own definition may say; a rule finer than a year is not one of a zone."""
_BOUNDARIES = frozenset((b"BEGIN", b"END"))
_MATTERS = _ALLOWED | _BOUNDARIES | {b"METHOD", b"X-WR-TIMEZONE", b"TZID", b"TZOFFSETFROM", b"TZOFFSETTO", b"X-LIC-LOCATION"}
_NAME = re.compile(rb"([A-Za-z-]+)[;:]")
_BOUNDARY = re.compile(rb"(BEGIN|END):[ \t]*([A-Za-z0-9-]{1,64})[ \t]*", re.IGNORECASE)


Named = tuple[bytes, bytes]
"""The name of a property in capitals, and its line."""


@dataclass
class Calendar:
    """What stands above the meetings of the calendar that is being read."""

    method: str = ""
    zone: str = ""
    zones: dict[str, str] = field(default_factory=dict)
    """The calendar's own zone name → the Olson name it gives for it."""
    rules: dict[str, bytes] = field(default_factory=dict)
    """The calendar's own zone name → how it defines it, as allowed lines."""


@dataclass(frozen=True)
class Block:
    """The allowed lines of one meeting, or None when it is longer than 1 MiB or breaks off."""

    lines: tuple[Named, ...] | None
    calendar: Calendar


def meeting_blocks(stream: IO[bytes]) -> Iterator[Block]:
    """Yield each meeting of one or more calendars; holds one meeting."""
    reader = _Reader()
    for name, line in _lines(stream):
        if (block := reader.take(name, line)) is not None:
            yield block
    if not reader.calendars:
        raise FileError("not_ics", "No BEGIN:VCALENDAR was found", "Give an iCalendar (.ics) file.")
    if reader.inside:
        yield Block(None, reader.calendar)


class _Reader:
    """Where in the calendar the reader is."""

    def __init__(self) -> None:
        self.calendar, self.calendars, self.inside = Calendar(), 0, False
        self._nested: list[str] = []
        self._lines: list[Named] = []
        self._size, self._zone, self._name = 0, "", ""
        self._rules: list[bytes] = []

    def take(self, name: bytes, line: bytes) -> Block | None:
        """Take one unfolded line; return the meeting that it closes."""
        if name in _BOUNDARIES and (boundary := _BOUNDARY.fullmatch(line)):
            return self._boundary(name == b"BEGIN", boundary[2].decode().upper())
        if self.inside:
            if name in _ALLOWED and not self._nested and self._size <= MAX_BLOCK_BYTES:
                self._lines.append((name, line))
                self._size += len(line)
        elif self._zone == "VTIMEZONE":
            self._zone_line(line)
        elif match := _CALENDAR.fullmatch(line):
            value = match[2].decode("utf-8", "replace").strip()
            if match[1].upper() == b"METHOD":
                self.calendar.method = value.upper()
            else:
                self.calendar.zone = value
        return None

    def _boundary(self, begins: bool, name: str) -> Block | None:
        if self.inside:
            return self._inner_boundary(begins, name)
        if begins and name == "VCALENDAR":
            self.calendar, self.calendars = Calendar(), self.calendars + 1
        elif begins and name == "VEVENT":
            self.inside, self._lines, self._size, self._nested = True, [], 0, []
        elif name == "VTIMEZONE":
            self._end_of_zone()
            self._zone, self._name, self._rules = (name if begins else ""), "", []
        elif self._zone and name in ("STANDARD", "DAYLIGHT"):
            self._rules.append(b"BEGIN:" + name.encode() if begins else b"END:" + name.encode())
        return None

    def _end_of_zone(self) -> None:
        if self._name and self._rules and len(self.calendar.rules) < MAX_ZONES:
            self.calendar.rules[self._name] = b"\r\n".join(self._rules)

    def _inner_boundary(self, begins: bool, name: str) -> Block | None:
        """Alarms and the like inside a meeting are passed over; a meeting that never ends gives up its place."""
        if begins and name == "VEVENT":
            broken = Block(None, self.calendar)
            self._lines, self._size, self._nested = [], 0, []
            return broken
        if begins:
            self._nested = [*self._nested[:64], name]
        elif name in ("VEVENT", "VCALENDAR"):
            self.inside = False
            complete = name == "VEVENT" and self._size <= MAX_BLOCK_BYTES
            return Block(tuple(self._lines) if complete else None, self.calendar)
        elif self._nested:
            self._nested.pop()
        return None

    def _zone_line(self, line: bytes) -> None:
        match = _ZONE.fullmatch(line)
        if match is None:
            if len(self._rules) < MAX_ZONE_LINES:
                self._rules.append(line if _RULE.fullmatch(line) else b"X-REFUSED:1")
            return
        value = match[2].decode("utf-8", "replace").strip()
        if match[1].upper() == b"TZID":
            self._name = value
        elif self._name and len(self.calendar.zones) < MAX_ZONES:
            self.calendar.zones[self._name] = value


def _lines(stream: IO[bytes]) -> Iterator[Named]:
    """Yield the lines that matter, unfolded and bounded; all others are let go as they are read."""
    name, held = b"", b""
    for line in chain.from_iterable(_bounded(stream)):
        if line[:1] in (b" ", b"\t"):
            held = held + line[1:] if held and len(held) < MAX_LINE_BYTES else held
            continue
        if held:
            yield name, held
        begins = _NAME.match(line)
        name = begins[1].upper() if begins else b""
        held = line if name in _MATTERS else b""
    if held:
        yield name, held


def _bounded(stream: IO[bytes]) -> Iterator[list[bytes]]:
    """Yield physical lines without their ends, thousands at once; one longer than may be comes out empty."""
    rest = stream.read(len(BOM_UTF8)).removeprefix(BOM_UTF8)
    while chunk := stream.read(CHUNK):
        *lines, rest = (rest[:MAX_LINE_BYTES] + chunk).split(b"\n")
        yield _without_ends(lines)
    yield _without_ends([rest])


def _without_ends(lines: list[bytes]) -> list[bytes]:
    return [line.rstrip(b"\r") if len(line) < MAX_LINE_BYTES else b"" for line in lines]
