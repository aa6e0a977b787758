"""Calendars in iCalendar form: each meeting inside a window becomes an event; titles, texts and places are never decoded."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import IO, ClassVar
from zoneinfo import ZoneInfo

import connectors.base
from connectors.archive import open_archive, read_bytes, regular
from connectors.base import Coverage, Cursor, RawEvent
from connectors.cells import FUTURE_MICROSECONDS, MAX_LEAD_HOURS, MICROSECONDS, CellError, ZoneName, instant
from connectors.files.calendar_blocks import Block, Calendar, meeting_blocks
from connectors.files.calendar_lines import REMEMBERED, Line, Parts, parts_reader, zone_named
from connectors.files.recurrence import defined_zone, expanded
from connectors.identity import AddressRules, HandleError, address_reader
from ona.tables import Flag, Kind, Role, SpaceKind

MAX_INSTANCES = 1_000
"""Instances of one rule inside the window (trust, uploads)."""
DEFAULT_WINDOW_DAYS = 400
MAX_RECIPIENTS = 1_000
BYTES_PER_MEETING = 1_000

_PARTSTAT = {"ACCEPTED": Role.ACCEPTED, "TENTATIVE": Role.TENTATIVE, "DECLINED": Role.DECLINED, "DELEGATED": Role.DECLINED}
_NOT_PEOPLE = ("ROOM", "RESOURCE")


class Config(connectors.base.Config):
    """Which calendars to read and over what time."""

    path: Path
    """One ``.ics`` file, plain or ``.gz``, or a folder of them."""
    window_start: date | None = None
    """First day; by default 400 days before the end."""
    window_end: date | None = None
    """The day after the last; by default now, since a meeting to come has not brought anybody together yet."""
    zone: ZoneName = "UTC"
    """Zone of floating times, where the calendar names none."""
    addresses: AddressRules = AddressRules()


class Connector:
    """Reads calendars, one meeting in memory at a time."""

    gives: ClassVar[str] = "events"

    def __init__(self, config: Config) -> None:
        """Take where the calendars lie."""
        self._config = config

    def events(self, coverage: Coverage, cursor: Cursor) -> Iterator[RawEvent]:
        """Yield one event per instance; an instance counts as one row, a meeting without one in the window too."""
        reader = _Reader(self._config, coverage, time.time_ns() // 1_000)
        for stream in self._streams():
            with stream:
                for block in meeting_blocks(stream):
                    yield from reader.events(block)

    def size(self) -> int | None:
        """Return about how many meetings there are, from the bytes; None for compressed files."""
        path = self._config.path
        files = [file for file in path.rglob("*.ics") if file.is_file()] if path.is_dir() else [regular(path)]
        return None if path.suffix.lower() == ".gz" else sum(file.stat().st_size for file in files) // BYTES_PER_MEETING

    def _streams(self) -> Iterator[IO[bytes]]:
        path = self._config.path
        if not path.is_dir():
            yield read_bytes(path)
            return
        with open_archive(path) as folder:
            yield from (read_bytes(path / name) for name in folder.names if name.lower().endswith((".ics", ".ics.gz")))


@dataclass(frozen=True)
class _Meeting:
    """What the instances of one VEVENT share."""

    uid: str
    wall: datetime
    zone: tzinfo
    minutes: float | None
    sender: str
    recipients: tuple[tuple[str, Role], ...]
    audience: int
    flags: int
    sequence: int
    stamp: int | None
    created: int | None


class _Reader:
    """Turns blocks into events and counts what it cannot use."""

    def __init__(self, config: Config, coverage: Coverage, now: int) -> None:
        self._coverage, self._zone = coverage, ZoneInfo(config.zone)
        self._address = address_reader(config.addresses)
        self._parts, self._guest = parts_reader(), lru_cache(REMEMBERED)(self._invited)
        end = min(_midnight(config.window_end), now + FUTURE_MICROSECONDS) if config.window_end else now
        span = DEFAULT_WINDOW_DAYS * 86_400 * MICROSECONDS
        self._start, self._end = _midnight(config.window_start) if config.window_start else end - span, end

    def events(self, block: Block) -> Iterator[RawEvent]:
        """Yield the instances of one meeting that lie in the window."""
        try:
            parts = self._parts(block)
            code = _dropped(parts)
            if code is None:
                meeting = self._meeting(parts, block.calendar)
                code = None if meeting.audience else "nobody"
            instances = [] if code else self._instances(parts, meeting)
        except (CellError, HandleError) as error:
            self._coverage.read += 1
            self._coverage.quarantined[error.code] += 1
            return
        if not instances:
            self._coverage.read += 1
            self._coverage.dropped[code or "outside_window"] += 1
        for recurrence, start in instances:
            self._coverage.read += 1
            if start is None:
                self._coverage.quarantined["time_in_dst_gap"] += 1
            else:
                yield _event(meeting, recurrence, start, override="RECURRENCE-ID" in parts, series=_is_series(parts))

    def _meeting(self, parts: Parts, calendar: Calendar) -> _Meeting:
        wall, zone = self._local(parts, "DTSTART", calendar)
        sender = self._address(parts.one("ORGANIZER").mail())
        recipients, flags = self._recipients(parts, sender)
        stamps = {name: self._moment(parts, name) for name in ("CREATED", "DTSTAMP")}
        return _Meeting(
            uid=parts.text("UID"),
            wall=wall,
            zone=zone,
            minutes=self._minutes(parts, wall, zone, calendar),
            sender=sender,
            recipients=recipients[:MAX_RECIPIENTS],
            audience=len(recipients),
            flags=flags | (Flag.CANCELLED if parts.text("STATUS").upper() == "CANCELLED" or calendar.method == "CANCEL" else 0),
            sequence=parts.number("SEQUENCE"),
            stamp=stamps["DTSTAMP"],
            created=stamps["CREATED"] or stamps["DTSTAMP"],
        )

    def _local(self, parts: Parts, name: str, calendar: Calendar) -> tuple[datetime, tzinfo]:
        """Return a property's wall time and its zone: UTC, its TZID, else the calendar's or the configured one."""
        value = parts.moment(name)
        if value.tzinfo is not None:
            return value.astimezone(UTC).replace(tzinfo=None), UTC
        return value, self._zone_of(parts.zone(name), calendar)

    def _zone_of(self, named: str | None, calendar: Calendar) -> tzinfo:
        if named:
            zone = zone_named(calendar.zones.get(named, "")) or zone_named(named) or defined_zone(calendar.rules.get(named, b""))
            if zone is None:
                raise CellError("zone_unknown")
            return zone
        return zone_named(calendar.zone) or self._zone

    def _moment(self, parts: Parts, name: str) -> int | None:
        if name not in parts:
            return None
        value = parts.moment(name)
        return instant(value, None if value.tzinfo else self._zone)

    def _minutes(self, parts: Parts, wall: datetime, zone: tzinfo, calendar: Calendar) -> float | None:
        if "DTEND" in parts:
            end, end_zone = self._local(parts, "DTEND", calendar)
            length = (end.replace(tzinfo=end_zone).astimezone(UTC) - wall.replace(tzinfo=zone).astimezone(UTC)).total_seconds()
        elif "DURATION" in parts:
            length = parts.length("DURATION")
        else:
            return None
        if length < 0:
            raise CellError("ends_before_start")
        return length / 60

    def _recipients(self, parts: Parts, sender: str) -> tuple[tuple[tuple[str, Role], ...], int]:
        """Return the invited people by their answer; rooms and things are left out, a group only sets a flag."""
        roles: dict[str, Role] = {}
        flags = 0
        for attendee in parts.all("ATTENDEE"):
            try:
                address, role, flag = self._guest(attendee)
            except HandleError:
                self._coverage.notes["recipient_refused"] += 1
                continue
            flags |= flag
            if address:
                roles.setdefault(address, role)
        roles.pop(sender, None)
        return tuple(roles.items()), flags

    def _invited(self, attendee: Line) -> tuple[str, Role, int]:
        """Return a person's address and answer and no flag; what is no person has no address."""
        kind = attendee.params.get("CUTYPE", "INDIVIDUAL").upper()
        if kind in _NOT_PEOPLE or attendee.params.get("ROLE", "").upper() == "NON-PARTICIPANT":
            return "", Role.NO_ANSWER, 0
        if kind == "GROUP":
            return "", Role.NO_ANSWER, Flag.LIST
        return self._address(attendee.mail()), _PARTSTAT.get(attendee.params.get("PARTSTAT", "").upper(), Role.NO_ANSWER), 0

    def _instances(self, parts: Parts, meeting: _Meeting) -> list[tuple[str, int | None]]:
        """Return recurrence name and start of each instance in the window; the start is None in the gap of a clock change."""
        if "RECURRENCE-ID" in parts:
            if parts.one("RECURRENCE-ID").params.get("RANGE"):
                self._coverage.notes["range_read_as_one"] += 1
            walls, named = [meeting.wall], self._recurrence(parts, meeting)
        elif _is_series(parts):
            walls, named = self._series(parts, meeting), None
        else:
            walls, named = [meeting.wall], ""
        starts = [_start(wall, meeting.zone) for wall in walls]
        kept = [start for start in starts if start is None or self._start <= start < self._end]
        if len(kept) > MAX_INSTANCES:
            self._coverage.notes["instances_cut"] += len(kept) - MAX_INSTANCES
        return [(_utc_name(start) if named is None else named, start) for start in kept[:MAX_INSTANCES]]

    def _series(self, parts: Parts, meeting: _Meeting) -> list[datetime]:
        """Return the wall times of a series up to the window's end, without its exceptions."""
        last = datetime.fromtimestamp(self._end / MICROSECONDS, UTC).astimezone(meeting.zone).replace(tzinfo=None)
        walls = {meeting.wall, *parts.dates("RDATE", meeting.zone)}
        if "RRULE" in parts:
            walls.update(expanded(parts.text("RRULE").upper(), meeting.wall, meeting.zone, last))
        excepted = parts.dates("EXDATE", meeting.zone)
        days = parts.days("EXDATE")
        first = datetime.fromtimestamp(self._start / MICROSECONDS, UTC).astimezone(meeting.zone).replace(tzinfo=None)
        return sorted(wall for wall in walls - excepted if wall.date() not in days and first - timedelta(days=1) <= wall <= last)

    def _recurrence(self, parts: Parts, meeting: _Meeting) -> str:
        value = parts.one("RECURRENCE-ID").moment()
        if type(value) is date:
            return f"{value:%Y%m%d}"
        if not isinstance(value, datetime):
            raise CellError("time_unreadable")
        named = parts.zone("RECURRENCE-ID")
        zone = meeting.zone if not named else zone_named(named) or meeting.zone
        return _utc_name(instant(value, None if value.tzinfo else zone))


def _dropped(parts: Parts) -> str | None:
    if "DTSTART" in parts and type(parts.one("DTSTART").moment()) is date:
        return "all_day"
    if "ATTENDEE" not in parts:
        return "nobody"
    return None if "ORGANIZER" in parts else "no_organizer"


def _is_series(parts: Parts) -> bool:
    return any(name in parts for name in ("RRULE", "RDATE", "RECURRENCE-ID"))


def _start(wall: datetime, zone: tzinfo) -> int | None:
    try:
        return instant(wall, zone)
    except CellError:
        return None


def _midnight(day: date) -> int:
    return instant(datetime(day.year, day.month, day.day, tzinfo=UTC), None)


def _utc_name(start: int | None) -> str:
    return "" if start is None else f"{datetime.fromtimestamp(start // MICROSECONDS, UTC):%Y%m%dT%H%M%SZ}"


def _event(meeting: _Meeting, recurrence: str, start: int, *, override: bool, series: bool) -> RawEvent:
    lead = None if meeting.created is None else (start - meeting.created) // (3600 * MICROSECONDS)
    return RawEvent(
        id=f"meeting:{meeting.uid}/{recurrence}",
        kind=Kind.MEETING,
        sent=start,
        sender=meeting.sender,
        recipients=meeting.recipients,
        audience=meeting.audience,
        space_kind=SpaceKind.CALENDAR,
        series=f"meeting:{meeting.uid}" if series else None,
        lead_hours=None if lead is None else max(0, min(lead, MAX_LEAD_HOURS)),
        minutes=meeting.minutes,
        flags=meeting.flags,
        revision=_revision(meeting, override),
    )


def _revision(meeting: _Meeting, override: bool) -> int:
    """Rank copies: an override before its series, then the higher sequence, then the later stamp (seconds)."""
    stamp = max(0, meeting.stamp or 0) // MICROSECONDS
    return (int(override) << 56) + (min(meeting.sequence, 2**20 - 1) << 34) + min(stamp, 2**34 - 1)
