"""Appointments as Microsoft Graph gives them → meetings: one per series and start, the organizer's copy before all others."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import msgspec

from connectors.addressees import Members, addressed, nobody_is_a_list
from connectors.base import Coverage, RawEvent
from connectors.cells import MICROSECONDS, CellError, lead_hours, plausible
from connectors.identity import HandleError
from connectors.microsoft.sent import Recipient
from connectors.records import NOTHING, Model, Raw, Text, present, read, timestamp
from ona.tables import Flag, Kind, Role, SpaceKind

SELECT = (
    "id,iCalUId,type,seriesMasterId,originalStart,start,end,isAllDay,isCancelled,isOrganizer,organizer,attendees,"
    "sensitivity,hideAttendees,createdDateTime,lastModifiedDateTime"
)
"""Columns asked for, so that a view sends no subject; a delta takes no such list and its subjects end in the decoder."""

MAX_HELD = 50_000
"""Occurrences of one calendar that wait for the master of their series."""

_EXCHANGE = "040000008200E00074C5B7101A82E008"
"""Begins the global object ids that Exchange makes ([MS-OXOCAL] 2.2.1.27); the day of an occurrence follows in eight digits."""
_DAY = slice(len(_EXCHANGE), len(_EXCHANGE) + 8)

_ANSWERS = {"accepted": Role.ACCEPTED, "tentativelyAccepted": Role.TENTATIVE, "declined": Role.DECLINED, "organizer": Role.ACCEPTED}
_UTC = ("", "UTC", "tzone://Microsoft/Utc")


class Moment(Model, frozen=True):
    """A wall time and the zone beside it."""

    date_time: Text | None = None
    time_zone: Text | None = None


class _Status(Model, frozen=True):
    response: Text | None = None


class Attendee(Recipient, frozen=True):
    """Somebody invited."""

    type: Text | None = None
    status: _Status | None = None


class Meeting(Model, frozen=True):
    """What is read of an appointment."""

    id: Text | None = None
    uid: Text | None = msgspec.field(default=None, name="iCalUId")
    type: Text | None = None
    series_master_id: Text | None = None
    original_start: Text | None = None
    start: Moment | None = None
    end: Moment | None = None
    is_all_day: bool | None = None
    is_cancelled: bool | None = None
    is_organizer: bool | None = None
    organizer: Recipient | None = None
    attendees: list[Attendee] | None = None
    sensitivity: Text | None = None
    hide_attendees: bool | None = None
    created_date_time: Text | None = None
    last_modified_date_time: Text | None = None
    removed: Raw = msgspec.field(default=NOTHING, name="@removed")

    @property
    def is_skeleton(self) -> bool:
        """Whether this is an occurrence of which a delta gave only the time."""
        return self.type in ("occurrence", "exception") and (self.attendees is None or self.organizer is None)


@dataclass
class Reader:
    """Turns the appointments of one calendar into meetings and counts what it cannot use."""

    coverage: Coverage
    now: int
    address: Callable[[str], str]
    master: Callable[[str], Meeting | None]
    """Fetches the master of a series by its id: one call."""
    members: Members = nobody_is_a_list
    masters: dict[str, Meeting | None] = field(default_factory=dict)
    held: list[Meeting] = field(default_factory=list)
    own: set[str] = field(default_factory=set)
    """Handles under which the calendar's owner calls meetings."""
    removed: int = 0
    """Deletions that a delta named so far."""

    def called_by(self, address: str) -> None:
        """Know the owner's main address."""
        try:
            self.own |= {self.address(address)} if address else set()
        except HandleError:
            self.coverage.notes["owner_without_address"] += 1

    def event(self, raw: Raw) -> RawEvent | None:
        """Return the meeting, or hold it until ``rest`` when only its master knows who is in it, or count it where it belongs."""
        self.coverage.read += 1
        try:
            meeting = read(raw, Meeting)
        except CellError as error:
            self.coverage.quarantined[error.code] += 1
            return None
        if meeting.type == "seriesMaster" and not present(meeting.removed):
            self.masters[meeting.id or ""] = meeting
            self.coverage.dropped["series_master"] += 1
            return None
        if not present(meeting.removed) and meeting.is_skeleton and len(self.held) < MAX_HELD:
            self.held.append(meeting)
            self.coverage.read -= 1  # counted when its fate is known
            return None
        return self._counted(meeting)

    def rest(self) -> Iterator[RawEvent]:
        """Yield the occurrences that waited for their masters."""
        held, self.held = self.held, []
        for meeting in held:
            self.coverage.read += 1
            master = self._master(meeting.series_master_id or "")
            if master is None:
                self.coverage.quarantined["master_missing"] += 1
            elif (event := self._counted(_filled(meeting, master))) is not None:
                yield event

    def _master(self, id: str) -> Meeting | None:
        if id not in self.masters:
            self.masters[id] = self.master(id) if id else None
        return self.masters[id]

    def _counted(self, meeting: Meeting) -> RawEvent | None:
        if (code := _dropped(meeting)) is not None:
            self.removed += code == "removed"
            self.coverage.dropped[code] += 1
            return None
        try:
            return self._event(meeting)
        except (CellError, HandleError) as error:
            self.coverage.quarantined[error.code] += 1
        return None

    def _event(self, meeting: Meeting) -> RawEvent | None:
        start, end = _instant(meeting.start), _instant(meeting.end)
        if end < start:
            raise CellError("ends_before_start")
        if start > self.now:
            self.coverage.dropped["not_yet"] += 1
            return None
        sender = self.address(meeting.organizer.raw if meeting.organizer else "")
        self.own |= {sender} if meeting.is_organizer else set()
        named, refused = self._named(meeting)
        whom = addressed(named, sender, self.members, refused)
        if not whom.audience:
            self.coverage.dropped["nobody"] += 1
            return None
        id, series = _identity(meeting, start)
        created = timestamp(meeting.created_date_time) if meeting.created_date_time else None
        return RawEvent(
            id=id,
            kind=Kind.MEETING,
            sent=plausible(start, self.now),
            sender=sender,
            recipients=whom.recipients,
            audience=whom.audience,
            space_kind=SpaceKind.CALENDAR,
            series=series,
            lead_hours=lead_hours(created, start),
            minutes=(end - start) / (60 * MICROSECONDS),
            flags=Flag.CANCELLED if meeting.is_cancelled else 0,
            revision=_revision(meeting),
        )

    def _named(self, meeting: Meeting) -> tuple[list[tuple[str, Role]], int]:
        """Return the people invited by their answer; rooms and things are left out."""
        named, refused = [], 0
        for attendee in meeting.attendees or ():
            if attendee.type == "resource":
                continue
            answer = attendee.status.response if attendee.status else None
            try:
                named.append((self.address(attendee.raw), _ANSWERS.get(answer or "", Role.NO_ANSWER)))
            except HandleError:
                refused += 1
        if refused:
            self.coverage.notes["recipient_refused"] += refused
        return named, refused


def series_uid(uid: str) -> str:
    """Return the id of the whole series: Exchange writes the day of an occurrence into its id, others do not."""
    known = uid.upper()
    return f"{known[: _DAY.start]}00000000{known[_DAY.stop :]}" if known.startswith(_EXCHANGE) and len(known) > _DAY.stop else uid


def _identity(meeting: Meeting, start: int) -> tuple[str, str | None]:
    """Return the event id and the series: the same in every mailbox, in a view and in a delta."""
    if not meeting.uid:
        raise CellError("uid_missing")
    if meeting.type not in ("occurrence", "exception"):
        return f"meeting:{meeting.uid}/", None
    planned = timestamp(meeting.original_start) if meeting.original_start else start
    series = f"meeting:{series_uid(meeting.uid)}"
    return f"{series}/{datetime.fromtimestamp(planned // MICROSECONDS, UTC):%Y%m%dT%H%M%SZ}", series


def _dropped(meeting: Meeting) -> str | None:
    if present(meeting.removed):
        return "removed"
    if meeting.is_all_day:
        return "all_day"
    if meeting.hide_attendees:
        return "attendees_hidden"
    if meeting.sensitivity in ("private", "confidential"):
        return "private"
    return "no_organizer" if meeting.organizer is None else None


def _filled(occurrence: Meeting, master: Meeting) -> Meeting:
    """Return an occurrence with what its master knows where it is silent itself."""
    known = {name: getattr(occurrence, name) for name in occurrence.__struct_fields__}
    return Meeting(**{name: getattr(master, name) if value is None and name in _SHARED else value for name, value in known.items()})


_SHARED = frozenset(
    (
        *("uid", "is_all_day", "is_cancelled", "is_organizer", "organizer", "attendees", "sensitivity", "hide_attendees"),
        *("created_date_time", "last_modified_date_time"),
    )
)


def _instant(moment: Moment | None) -> int:
    if moment is None:
        raise CellError("time_missing")
    return timestamp(moment.date_time, _zone(moment.time_zone or ""))


def _zone(name: str) -> tzinfo:
    if name in _UTC:
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise CellError("zone_unknown") from None


def _revision(meeting: Meeting) -> int:
    """Rank copies: the organizer's first, for its answers alone are complete, then the later change (seconds)."""
    changed = timestamp(meeting.last_modified_date_time) if meeting.last_modified_date_time else 0
    return (int(bool(meeting.is_organizer)) << 57) + min(max(changed, 0) // MICROSECONDS, 2**34 - 1)
