"""Events of a Google calendar → meetings: one per series and planned start, the organizer's copy before all others."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import msgspec

from connectors.addressees import Members, addressed, nobody_is_a_list
from connectors.base import Coverage, RawEvent
from connectors.cells import MICROSECONDS, CellError, lead_hours, plausible
from connectors.identity import HandleError
from connectors.records import Model, Raw, Text, read, timestamp
from ona.tables import Flag, Kind, Role, SpaceKind

FIELDS = (
    "nextPageToken,nextSyncToken,timeZone,items(id,iCalUID,status,eventType,start,end,created,updated,organizer/email,"
    "attendees(email,responseStatus,resource,organizer,self,additionalGuests),attendeesOmitted,recurringEventId,originalStartTime,"
    "visibility,guestsCanSeeOtherGuests)"
)
"""Mask of a page, so that Google sends no title, text, place or link."""

KINDS = ("default", "fromGmail", "")
"""Types of events that are meetings; focus time, absences, work places and birthdays are none."""
RESOURCE = "@resource.calendar.google.com"

_ANSWERS = {"accepted": Role.ACCEPTED, "tentative": Role.TENTATIVE, "declined": Role.DECLINED}


class Moment(Model, frozen=True):
    """A day, or a time with its offset or zone."""

    date: Text | None = None
    date_time: Text | None = None
    time_zone: Text | None = None


class _Organizer(Model, frozen=True):
    email: Text | None = None


class Attendee(Model, frozen=True):
    """Somebody invited."""

    email: Text | None = None
    response_status: Text | None = None
    resource: bool | None = None
    additional_guests: int | None = None


class Meeting(Model, frozen=True):
    """What is read of an event."""

    id: Text | None = None
    uid: Text | None = msgspec.field(default=None, name="iCalUID")
    status: Text | None = None
    event_type: Text | None = None
    start: Moment | None = None
    end: Moment | None = None
    created: Text | None = None
    updated: Text | None = None
    organizer: _Organizer | None = None
    attendees: list[Attendee] | None = None
    attendees_omitted: bool | None = None
    recurring_event_id: Text | None = None
    original_start_time: Moment | None = None
    visibility: Text | None = None
    guests_can_see_other_guests: bool | None = None


@dataclass
class Reader:
    """Turns the events of one calendar into meetings and counts what it cannot use."""

    coverage: Coverage
    now: int
    address: Callable[[str], str]
    owner: str
    """Handle of the calendar's owner."""
    members: Members = nobody_is_a_list
    removed: int = 0
    """Deletions named so far that do not say which meeting they are about."""

    def event(self, raw: Raw) -> RawEvent | None:
        """Return the meeting, or count the row where it belongs."""
        self.coverage.read += 1
        try:
            meeting = read(raw, Meeting)
            if (code := _dropped(meeting)) is None:
                return self._event(meeting)
            self.removed += code == "removed"
            self.coverage.dropped[code] += 1
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
        sender = self.address((meeting.organizer.email if meeting.organizer else None) or "")
        named, refused, guests = self._named(meeting)
        whom = addressed(named, sender, self.members, refused + guests)
        if not whom.audience:
            self.coverage.dropped["nobody"] += 1
            return None
        id, series = _identity(meeting, start)
        created = timestamp(meeting.created) if meeting.created else None
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
            flags=Flag.CANCELLED if meeting.status == "cancelled" else 0,
            revision=self._revision(meeting, sender),
        )

    def _named(self, meeting: Meeting) -> tuple[list[tuple[str, Role]], int, int]:
        """Return the people invited by their answer, how many could not be read, and guests without a name."""
        named, refused, guests = [], 0, 0
        for attendee in meeting.attendees or ():
            if attendee.resource or (attendee.email or "").lower().endswith(RESOURCE):
                continue
            guests += max(attendee.additional_guests or 0, 0)
            try:
                named.append((self.address(attendee.email or ""), _ANSWERS.get(attendee.response_status or "", Role.NO_ANSWER)))
            except HandleError:
                refused += 1
        if refused:
            self.coverage.notes["recipient_refused"] += refused
        return named, refused, guests

    def _revision(self, meeting: Meeting, sender: str) -> int:
        """Rank copies: the organizer's first, for its answers alone are complete, then the later change (seconds)."""
        changed = timestamp(meeting.updated) if meeting.updated else 0
        return (int(sender == self.owner) << 57) + min(max(changed, 0) // MICROSECONDS, 2**34 - 1)


def start_of(raw: Raw) -> int | None:
    """Return when an event begins; None when it does not say."""
    try:
        return _instant(read(raw, Meeting).start)
    except CellError:
        return None


def _identity(meeting: Meeting, start: int) -> tuple[str, str | None]:
    """Return the event id and the series: the same in every calendar."""
    if not meeting.uid:
        raise CellError("uid_missing")
    if not meeting.recurring_event_id:
        return f"meeting:{meeting.uid}/", None
    planned = start if meeting.original_start_time is None else _instant(meeting.original_start_time)
    return f"meeting:{meeting.uid}/{datetime.fromtimestamp(planned // MICROSECONDS, UTC):%Y%m%dT%H%M%SZ}", f"meeting:{meeting.uid}"


def _dropped(meeting: Meeting) -> str | None:
    if meeting.status == "cancelled" and (meeting.organizer is None or meeting.start is None):
        return "removed"
    if (meeting.event_type or "") not in KINDS:
        return "not_a_meeting"
    if meeting.start is not None and meeting.start.date:
        return "all_day"
    if meeting.attendees_omitted or meeting.guests_can_see_other_guests is False:
        return "attendees_hidden"
    if meeting.visibility in ("private", "confidential"):
        return "private"
    return "no_organizer" if meeting.organizer is None else None


def _instant(moment: Moment | None) -> int:
    if moment is None or not moment.date_time:
        raise CellError("time_missing")
    return timestamp(moment.date_time, _zone(moment.time_zone) if moment.time_zone else None)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise CellError("zone_unknown") from None
