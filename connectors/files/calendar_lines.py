"""The allowed lines of one meeting as properties with their parameters, times and zones; anything malformed is a CellError."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import vDDDTypes
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from connectors.cells import CellError
from connectors.files.calendar_blocks import Block

REMEMBERED = 20_000
"""Lines of people kept in memory: the same people with the same answer stand in one meeting after another."""

PEOPLE = (b"ATTENDEE", b"ORGANIZER")

_LINE = re.compile(r'([A-Za-z-]+)((?:;[^;:="]+=(?:"[^"]*"|[^;:"])*)*):(.*)', re.DOTALL)
_PARAM = re.compile(r';([^;:="]+)=("[^"]*"|[^;:"]*)')
_USUAL_TIME = re.compile(r"\d{8}T(?:[01]\d|2[0-3])\d{4}Z?", re.ASCII)


@dataclass(frozen=True, eq=False)
class Line:
    """One property: its parameters by upper-case name and its value as written; equal to itself alone, so that it is quick to remember."""

    value: str
    params: dict[str, str] = field(default_factory=dict)

    def moment(self) -> Any:
        """Return the date, time, duration or period: a usual time at once, all others as icalendar reads them, ten times as slowly."""
        text = self.value.strip()
        try:
            if _USUAL_TIME.fullmatch(text):
                return datetime.fromisoformat(text)
            return vDDDTypes.from_ical(text)  # type: ignore[no-untyped-call]  # icalendar leaves it untyped
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError):
            raise CellError("time_unreadable") from None

    def mail(self) -> str:
        """Return the address of a calendar user: the mailto value, else the EMAIL parameter of a URN."""
        text = self.value.strip()
        return text if text[:7].lower() == "mailto:" else self.params.get("EMAIL", text)


class Parts:
    """The allowed properties of one meeting."""

    def __init__(self, lines: dict[str, list[Line]]) -> None:
        """Take the lines by the name of their property, in capitals."""
        self._lines = lines

    def __contains__(self, name: str) -> bool:
        """Return whether there is such a property."""
        return name in self._lines

    def all(self, name: str) -> list[Line]:
        """Return every line of a property."""
        return self._lines.get(name, [])

    def one(self, name: str) -> Line:
        """Return the first line of a property."""
        if name not in self._lines:
            raise CellError(f"{name.lower().replace('-', '_')}_missing")
        return self._lines[name][0]

    def text(self, name: str) -> str:
        """Return the value as written, empty when there is none."""
        return self._lines[name][0].value.strip() if name in self._lines else ""

    def zone(self, name: str) -> str:
        """Return the name of the zone that a time is given in, empty when there is none."""
        return self._lines[name][0].params.get("TZID", "") if name in self._lines else ""

    def number(self, name: str) -> int:
        """Return a whole number, 0 when there is none."""
        text = self.text(name)
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0

    def moment(self, name: str) -> datetime:
        """Return a time."""
        value = self.one(name).moment()
        if not isinstance(value, datetime):
            raise CellError("time_unreadable")
        return value

    def length(self, name: str) -> float:
        """Return a duration in seconds."""
        value = self.one(name).moment()
        if not isinstance(value, timedelta):
            raise CellError("time_unreadable")
        return value.total_seconds()

    def days(self, name: str) -> set[date]:
        """Return the plain dates of an EXDATE."""
        return {value for value, _ in self._listed(name) if isinstance(value, date) and not isinstance(value, datetime)}

    def dates(self, name: str, zone: tzinfo) -> set[datetime]:
        """Return the wall times of an EXDATE or RDATE in the meeting's zone."""
        found = set()
        for value, named in self._listed(name):
            start = value[0] if isinstance(value, tuple) else value
            if isinstance(start, datetime):
                moment = start if start.tzinfo else start.replace(tzinfo=zone_named(named) or zone)
                found.add(moment.astimezone(zone).replace(tzinfo=None))
        return found

    def _listed(self, name: str) -> Iterator[tuple[Any, str]]:
        for line in self.all(name):
            for value in line.value.split(","):
                yield Line(value).moment(), line.params.get("TZID", "")


def parts_reader() -> Callable[[Block], Parts]:
    """Return what reads meetings line by line, with its own bounded memory of the lines of people, for one reader of calendars."""
    remembered = lru_cache(REMEMBERED)(_line)

    def parts(block: Block) -> Parts:
        if block.lines is None:
            raise CellError("meeting_too_long")
        if not block.lines:
            raise CellError("meeting_malformed")
        lines: dict[str, list[Line]] = {}
        for name, line in block.lines:
            lines.setdefault(name.decode(), []).append(remembered(line) if name in PEOPLE else _line(line))
        if "UID" not in lines or not lines["UID"][0].value.strip():
            raise CellError("uid_missing")
        return Parts(lines)

    return parts


def _line(line: bytes) -> Line:
    """Return a property; one without parameters, as most are, is cut at its colon."""
    text = line.decode("utf-8", "replace")
    name, colon, value = text.partition(":")
    if colon and ";" not in name:
        return Line(value)
    match = _LINE.fullmatch(text)
    if match is None:
        raise CellError("meeting_malformed")
    return Line(match[3], {name.upper(): value.strip('"').strip() for name, value in _PARAM.findall(match[2])})


@lru_cache(1024)
def zone_named(name: str) -> tzinfo | None:
    """Return the zone of an Olson, Windows or vendor name (``/vendor/…/Europe/Berlin``), None when there is no such zone."""
    parts = name.strip("/").split("/")
    for candidate in (name, WINDOWS_TO_OLSON.get(name, ""), "/".join(parts[-2:]), "/".join(parts[-3:]), parts[-1]):
        try:
            if candidate:
                return ZoneInfo(candidate)
        except (KeyError, ValueError, OSError):
            continue
    return None
