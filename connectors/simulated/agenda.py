"""The meetings of a simulated company as one calendar file: single meetings, series, exceptions and cancellations."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import IO
from zoneinfo import ZoneInfo

from connectors.simulated.identities import DOMAIN, Identities, canary
from connectors.simulated.records import Record
from ona.tables import AccountKind, Flag, Kind, Role

PARTSTAT = {Role.ACCEPTED: "ACCEPTED", Role.TENTATIVE: "TENTATIVE", Role.DECLINED: "DECLINED", Role.NO_ANSWER: "NEEDS-ACTION"}
WINDOWS = {
    "Europe/Berlin": "W. Europe Standard Time",
    "Europe/Dublin": "GMT Standard Time",
    "America/New_York": "Eastern Standard Time",
    "Asia/Kolkata": "India Standard Time",
}
ZONES = {
    "Europe/Berlin": ("+0100", "+0200", "1SU", "3"),
    "Europe/Dublin": ("+0000", "+0100", "1SU", "3"),
    "America/New_York": ("-0500", "-0400", "2SU", "3"),
    "Asia/Kolkata": ("+0530", "+0530", "", ""),
}
WEEK = timedelta(days=7)


class Agenda:
    """Writes meetings into an open file; series wait for the end, because their rule names their exceptions."""

    def __init__(self, identities: Identities, stream: IO[bytes]) -> None:
        """Begin a calendar."""
        self._identities, self._stream = identities, stream
        self._series: dict[int, list[Record]] = {}
        self._put(["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:-//Acme//{canary('product', 0)}//EN", "CALSCALE:GREGORIAN", "METHOD:PUBLISH"])
        for zone in ZONES:
            self._put(_zone(zone))

    def week(self, records: Iterable[Record]) -> None:
        """Write the single meetings of one batch and keep those of series."""
        for row in records:
            if row.kind == Kind.MEETING and row.series is None:
                self._put(self._event(row, f"{row.event:016x}", []))
            elif row.kind == Kind.MEETING and row.series is not None:
                self._series.setdefault(row.series, []).append(row)

    def close(self) -> None:
        """Write the series and the end of the calendar."""
        for number, rows in sorted(self._series.items()):
            for lines in self._recurring(number, sorted(rows, key=lambda row: row.sent)):
                self._put(lines)
        self._put(["END:VCALENDAR"])

    def _recurring(self, number: int, rows: list[Record]) -> Iterator[list[str]]:
        """Yield a series: its rule with the weeks left out, and an exception for each meeting that differs from the first."""
        first, uid = rows[0]._replace(flags=rows[0].flags & ~Flag.CANCELLED), f"{number:016x}"  # a cancelled rule would cancel all
        zone = ZoneInfo(self._zone(first))
        begin = _local(first, zone)
        step = min((_weeks(begin, _local(row, zone)) for row in rows[1:]), default=1)
        slots = {_weeks(begin, _local(row, zone)): row for row in rows}
        step = step if all(week % step == 0 for week in slots) else 1
        last = max(slots)
        rule = [f"RRULE:FREQ=WEEKLY;INTERVAL={step};COUNT={last // step + 1}"]
        skipped = [begin + week * WEEK for week in range(0, last + 1, step) if week not in slots]
        rule += [f"EXDATE;TZID={zone.key}:{_wall(moment)}" for moment in skipped]
        yield self._event(first, uid, rule)
        for week, row in sorted(slots.items()):
            slot = begin + week * WEEK
            if row.recipients != first.recipients or row.flags != first.flags or _local(row, zone) != slot:
                yield self._event(row, uid, [f"RECURRENCE-ID;TZID={zone.key}:{_wall(slot)}", "SEQUENCE:1"])

    def _event(self, row: Record, uid: str, rule: list[str]) -> list[str]:
        zone = ZoneInfo(self._zone(row))
        begin, organizer = _local(row, zone), self._identities.of(row.sender)
        written = WINDOWS.get(zone.key, zone.key) if not rule and row.event % 19 == 0 else zone.key
        created = datetime.fromtimestamp(row.sent // 1_000_000, UTC) - timedelta(hours=row.lead_hours or 0)
        return [
            "BEGIN:VEVENT",
            f"UID:{uid}@calendar.{DOMAIN}",
            f"DTSTAMP:{created:%Y%m%dT%H%M%SZ}",
            f"CREATED:{created:%Y%m%dT%H%M%SZ}",
            f"DTSTART;TZID={written}:{_wall(begin)}",
            f"DTEND;TZID={written}:{_wall(begin + timedelta(minutes=row.minutes or 30.0))}",
            *rule,
            f"ORGANIZER;CN={_quoted(organizer.name)}:mailto:{organizer.email}",
            f"ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=CHAIR;PARTSTAT=ACCEPTED;CN={_quoted(organizer.name)}:mailto:{organizer.email}",
            *(self._attendee(account, role) for account, role in row.recipients),
            f"SUMMARY:{canary('summary', row.event)}",
            f"DESCRIPTION:{canary('description', row.event)}\\nSecond line",
            f"LOCATION:{canary('location', row.event)}",
            f"STATUS:{'CANCELLED' if row.flags & Flag.CANCELLED else 'CONFIRMED'}",
            "TRANSP:OPAQUE",
            "END:VEVENT",
        ]

    def _attendee(self, account: int, role: int) -> str:
        identity = self._identities.of(account)
        kind = "ROOM" if identity.kind == AccountKind.ROOM else "INDIVIDUAL"
        state = PARTSTAT[Role(role)]
        answer = "" if state != "NEEDS-ACTION" else ";RSVP=TRUE"
        return f"ATTENDEE;CUTYPE={kind};ROLE=REQ-PARTICIPANT;PARTSTAT={state}{answer};CN={_quoted(identity.name)}:MAILTO:{identity.email}"

    def _zone(self, row: Record) -> str:
        return self._identities.of(row.sender).zone

    def _put(self, lines: list[str]) -> None:
        self._stream.write("".join(_folded(line) + "\r\n" for line in lines).encode("utf-8"))


def _local(row: Record, zone: ZoneInfo) -> datetime:
    """Return the wall clock of the organizer, without its zone, so that a series keeps its hour over the change of the clocks."""
    return datetime.fromtimestamp(row.sent // 1_000_000, zone).replace(tzinfo=None)


def _weeks(begin: datetime, moment: datetime) -> int:
    return round((moment - begin) / WEEK)


def _wall(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%S}"


def _quoted(name: str) -> str:
    return f'"{name}"'


def _folded(line: str) -> str:
    """Fold a line at 75 octets, never inside a character (RFC 5545, 3.1)."""
    if len(line) < 60 or len(line.encode()) <= 75:
        return line
    parts, rest = [], line
    while rest:
        part = rest[:73]
        while len(part.encode()) > 74:
            part = part[:-1]
        parts.append(part)
        rest = rest[len(part) :]
    return "\r\n ".join(parts)


def _zone(name: str) -> list[str]:
    winter, summer, week, month = ZONES[name]
    rule = f"RRULE:FREQ=YEARLY;BYMONTH={month};BYDAY={week.replace('1SU', '-1SU')}"
    back = (
        f"RRULE:FREQ=YEARLY;BYMONTH={'11' if name.startswith('America') else '10'};BYDAY={'1SU' if name.startswith('America') else '-1SU'}"
    )
    standard = [
        "BEGIN:STANDARD",
        "DTSTART:19701025T030000",
        f"TZOFFSETFROM:{summer}",
        f"TZOFFSETTO:{winter}",
        *([back] if week else []),
        "END:STANDARD",
    ]
    daylight = ["BEGIN:DAYLIGHT", "DTSTART:19700329T020000", f"TZOFFSETFROM:{winter}", f"TZOFFSETTO:{summer}", rule, "END:DAYLIGHT"]
    return ["BEGIN:VTIMEZONE", f"TZID:{name}", *standard, *(daylight if week else []), "END:VTIMEZONE"]
