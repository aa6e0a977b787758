"""Calendars: which instances there are, when, and who was invited."""

import time

import pytest

from connectors.archive import FileError
from connectors.base import Coverage, Cursor
from connectors.files.ics import Config, Connector
from ona.tables import Flag, Role

PEOPLE = ("ORGANIZER:mailto:ada@x.example", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:bo@x.example")
WINDOW = {"window_start": "2026-01-01", "window_end": "2026-07-01"}


def meeting(*lines, uid="u1", people=PEOPLE):
    return "\r\n".join(("BEGIN:VEVENT", f"UID:{uid}", *lines, *people, "END:VEVENT", ""))


@pytest.fixture
def read(tmp_path):
    """Read meetings wrapped in a calendar and check the account."""

    def events(*meetings, head="", **options):
        path = tmp_path / "a.ics"
        path.write_text(f"BEGIN:VCALENDAR\r\n{head}{''.join(meetings)}END:VCALENDAR\r\n")
        coverage = Coverage()
        found = list(Connector(Config.model_validate({"path": path} | WINDOW | options)).events(coverage, Cursor()))
        coverage.accepted = len(found)
        assert coverage.balanced
        return found, coverage

    return events


def at(events):
    return [time.strftime("%m-%dT%H:%M", time.gmtime(event.sent // 10**6)) for event in events]


@pytest.mark.parametrize(
    ("start", "utc"),
    [
        ("DTSTART:20260601T090000Z", "06-01T09:00"),
        ("DTSTART;TZID=Europe/Berlin:20260601T090000", "06-01T07:00"),
        ('DTSTART;TZID="W. Europe Standard Time":20260601T090000', "06-01T07:00"),
        ("DTSTART;TZID=Pacific Standard Time:20260601T090000", "06-01T16:00"),
        ("DTSTART;VALUE=DATE-TIME;TZID=/freeassociation.sourceforge.net/Europe/Berlin:20260601T090000", "06-01T07:00"),
        ("DTSTART;TZID=/citadel.org/20190914_1/America/Argentina/Ushuaia:20260601T090000", "06-01T12:00"),
        ("DTSTART:20260601T090000", "06-01T14:00"),  # floating, in the configured zone
    ],
)
def test_every_kind_of_zone_is_found(read, start, utc):
    assert at(read(meeting(start), zone="America/Chicago")[0]) == [utc]


def test_a_floating_time_takes_the_zone_of_the_calendar_first(read):
    assert at(read(meeting("DTSTART:20260601T090000"), head="X-WR-TIMEZONE:Asia/Tokyo\r\n", zone="America/Chicago")[0]) == ["06-01T00:00"]


def test_a_zone_that_nobody_knows_is_quarantined_and_not_guessed(read):
    assert read(meeting("DTSTART;TZID=Customized Time Zone:20260601T090000"))[1].quarantined == {"zone_unknown": 1}


def test_a_weekly_meeting_keeps_its_wall_time_over_a_clock_change(read):
    rule = meeting("DTSTART;TZID=Europe/Berlin:20260323T090000", "RRULE:FREQ=WEEKLY;COUNT=2")
    assert at(read(rule)[0]) == ["03-23T08:00", "03-30T07:00"]


def test_an_instance_in_the_gap_of_a_clock_change_is_quarantined(read):
    events, coverage = read(meeting("DTSTART;TZID=Europe/Berlin:20260328T023000", "RRULE:FREQ=DAILY;COUNT=3"))
    assert at(events) == ["03-28T01:30", "03-30T00:30"]
    assert coverage.quarantined == {"time_in_dst_gap": 1}


@pytest.mark.parametrize(
    ("until", "count"),
    [("20260608T070000Z", 2), ("20260608T065959Z", 1), ("20260608", 2), ("20260608T090000", 2)],
)
def test_until_is_read_in_utc_as_wall_time_or_as_a_day(read, until, count):
    assert len(read(meeting("DTSTART;TZID=Europe/Berlin:20260601T090000", f"RRULE:FREQ=WEEKLY;UNTIL={until}"))[0]) == count


def test_exceptions_and_extra_dates_count(read):
    lines = (
        "DTSTART:20260601T090000Z",
        "RRULE:FREQ=DAILY;COUNT=5",
        "EXDATE:20260602T090000Z,20260603T090000Z",
        "EXDATE;VALUE=DATE:20260604",
        "RDATE:20260610T120000Z",
    )
    events, _ = read(meeting(*lines))
    assert at(events) == ["06-01T09:00", "06-05T09:00", "06-10T12:00"]
    assert {event.series for event in events} == {"meeting:u1"}


def test_an_endless_rule_stays_inside_the_window_and_under_the_cap(read):
    events, coverage = read(meeting("DTSTART:20160101T090000Z", "RRULE:FREQ=DAILY"))
    assert len(events) == 181  # days from 1 January to 30 June 2026
    events, coverage = read(meeting("DTSTART:20160101T090000Z", "RRULE:FREQ=DAILY"), window_start="2016-01-01")
    assert len(events) == 1000
    assert coverage.notes["instances_cut"] == 2834  # of 3,834 days from 1 January 2016


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY",
        "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYSETPOS=5",
        "FREQ=DAILY;BYHOUR=1;BYMINUTE=2;BYSECOND=3",
        "FREQ=WEEKLY;BYEASTER=0",
        "FREQ=NEVER",
        "INTERVAL=1",
    ],
)
def test_rules_that_never_end_or_never_come_true_are_refused_at_once(read, rule):
    started = time.monotonic()
    events, coverage = read(meeting("DTSTART:20260101T090000Z", f"RRULE:{rule}"))
    assert events == []
    assert coverage.quarantined.total() == 1
    assert time.monotonic() - started < 2


def test_a_rule_with_too_many_steps_before_the_window_is_refused(read):
    assert read(meeting("DTSTART:19000101T090000Z", "RRULE:FREQ=DAILY"))[1].quarantined == {"rrule_too_long": 1}


def test_an_override_moves_one_instance_and_outranks_its_series(read):
    series = meeting("DTSTART:20260601T090000Z", "RRULE:FREQ=DAILY;COUNT=2", "SEQUENCE:5")
    moved = meeting("RECURRENCE-ID:20260602T090000Z", "DTSTART:20260602T150000Z", "SEQUENCE:0", "STATUS:CANCELLED")
    events, _ = read(series, moved)
    assert [event.id for event in events] == ["meeting:u1/20260601T090000Z", *["meeting:u1/20260602T090000Z"] * 2]
    assert events[2].revision > events[1].revision
    assert events[2].flags == Flag.CANCELLED
    assert at(events[2:]) == ["06-02T15:00"]


def test_a_cancelling_calendar_and_the_sequence_count(read):
    (one,), _ = read(meeting("DTSTART:20260601T090000Z", "SEQUENCE:1"))
    (two,), _ = read(meeting("DTSTART:20260601T100000Z", "SEQUENCE:2"), head="METHOD:CANCEL\r\n")
    assert one.id == two.id == "meeting:u1/"
    assert two.revision > one.revision
    assert two.flags == Flag.CANCELLED


def test_answers_become_roles_and_rooms_are_left_out(read):
    people = (
        "ORGANIZER;CN=\"Quill; Ada: 'head'\":MAILTO:Ada@x.example",
        "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ada@x.example",
        "ATTENDEE;PARTSTAT=TENTATIVE:MAILTO:bo@x.example",
        "ATTENDEE;PARTSTAT=DECLINED:mailto:cy@x.example",
        "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:dee@x.example",
        "ATTENDEE;PARTSTAT=DELEGATED:mailto:eve@x.example",
        "ATTENDEE;CUTYPE=ROOM:mailto:room@x.example",
        "ATTENDEE;CUTYPE=RESOURCE:mailto:beamer@x.example",
        "ATTENDEE;ROLE=NON-PARTICIPANT:mailto:fyi@x.example",
        "ATTENDEE;CUTYPE=GROUP:mailto:all@x.example",
        "ATTENDEE:urn:uuid:1",
        "ATTENDEE;EMAIL=gil@x.example:urn:uuid:2",
    )
    (event,), coverage = read(meeting("DTSTART:20260601T090000Z", "DURATION:PT1H30M", people=people))
    roles = [("bo", Role.TENTATIVE), ("cy", Role.DECLINED), ("dee", Role.NO_ANSWER), ("eve", Role.DECLINED), ("gil", Role.NO_ANSWER)]
    assert event.recipients == tuple((f"email:{name}@x.example", role) for name, role in roles)
    assert (event.audience, event.minutes, event.flags) == (5, 90, Flag.LIST)
    assert coverage.notes["recipient_refused"] == 1


@pytest.mark.parametrize(
    ("lines", "people", "where", "code"),
    [
        (("DTSTART;VALUE=DATE:20260601",), PEOPLE, "dropped", "all_day"),
        (("DTSTART:20260601T090000Z",), (), "dropped", "nobody"),
        (("DTSTART:20260601T090000Z",), PEOPLE[1:], "dropped", "no_organizer"),
        (("DTSTART:20300601T090000Z",), PEOPLE, "dropped", "outside_window"),
        ((), PEOPLE, "quarantined", "dtstart_missing"),
        (("DTSTART:tomorrow",), PEOPLE, "quarantined", "time_unreadable"),
        (("DTSTART:20260601T090000Z", "EXDATE:never", "RRULE:FREQ=DAILY;COUNT=2"), PEOPLE, "quarantined", "time_unreadable"),
        (("DTSTART:20260601T090000Z", 'ATTENDEE;CN="open:mailto:x@x.example'), PEOPLE, "quarantined", "meeting_malformed"),
        (("DTSTART:20260601T090000Z", "DTEND:20260601T080000Z"), PEOPLE, "quarantined", "ends_before_start"),
        (("DTSTART:20260601T090000Z",), ("ORGANIZER:urn:uuid:7", PEOPLE[1]), "quarantined", "address_at"),
        (("DTSTART:20260601T090000Z", "UID:"), PEOPLE, "quarantined", "uid_missing"),
    ],
)
def test_what_is_no_meeting_of_people_is_counted_by_code(read, lines, people, where, code):
    uid = () if "UID:" in lines else ("u1",)
    text = meeting(*lines, people=people) if uid else meeting(*lines, people=people).replace("UID:u1\r\n", "")
    events, coverage = read(text, meeting("DTSTART:20260605T090000Z", uid="u2"))
    assert len(events) == 1
    assert getattr(coverage, where) == {code: 1}


def test_lead_hours_run_from_creation_to_start(read):
    (event,), _ = read(
        meeting("DTSTART:20260601T090000Z", "DTEND:20260601T093000Z", "CREATED:20260530T080000Z", "DTSTAMP:20260601T000000Z")
    )
    assert (event.lead_hours, event.minutes) == (49, 30)


def test_folded_and_endless_lines_and_alarms_do_not_confuse_the_reader(read):
    text = meeting(
        "DTSTART:20260601T09\r\n 0000Z",
        "DESCRIPTION:" + "x" * 200_000,
        "SUMMARY:ORGANIZER:mailto:evil@x.example\r\n ATTENDEE:mailto:evil@x.example",
        "BEGIN:VALARM\r\nATTENDEE:mailto:alarm@x.example\r\nDTSTART:19990101T000000Z\r\nEND:VALARM",
    )
    (event,), _ = read(text)
    assert at([event]) == ["06-01T09:00"]
    assert event.recipients == (("email:bo@x.example", Role.ACCEPTED),)


def test_a_meeting_that_breaks_off_is_counted(read, tmp_path):
    path = tmp_path / "b.ics"
    path.write_text("BEGIN:VCALENDAR\r\n" + meeting("DTSTART:20260601T090000Z") + meeting("DTSTART:20260601T090000Z")[:40])
    coverage = Coverage()
    assert len(list(Connector(Config.model_validate({"path": path} | WINDOW)).events(coverage, Cursor()))) == 1
    assert coverage.quarantined == {"meeting_too_long": 1}


def test_what_is_no_calendar_is_refused(tmp_path):
    path = tmp_path / "a.ics"
    path.write_text("hello")
    with pytest.raises(FileError) as caught:
        list(Connector(Config(path=path)).events(Coverage(), Cursor()))
    assert caught.value.code == "not_ics"


def test_meetings_to_come_are_outside_the_window(read):
    assert read(meeting("DTSTART:20990601T090000Z"), window_end="2100-01-01")[1].dropped == {"outside_window": 1}


OWN_ZONE = """BEGIN:VTIMEZONE
TZID:Customized Time Zone
COMMENT:CANARY
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
TZNAME:CANARY
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
"""


def own(*starts, zone=OWN_ZONE):
    meetings = "".join(meeting(f"UID:{n}", f"DTSTART;TZID=Customized Time Zone:{start}") for n, start in enumerate(starts))
    return zone + meetings


def test_a_zone_that_the_calendar_alone_defines_is_read_by_its_rules(read):
    """The rules are those of Central Europe: two hours before UTC in summer, one in winter, a gap on 2026-03-29."""
    events, coverage = read(own("20260601T090000", "20260201T090000", "20260329T023000"))
    assert at(events) == ["06-01T07:00", "02-01T08:00"]
    assert coverage.quarantined == {"time_in_dst_gap": 1}


@pytest.mark.parametrize(
    ("line", "by"),
    [
        ("RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10", "RRULE:FREQ=SECONDLY"),
        ("TZOFFSETTO:+0100", "TZOFFSETTO:soon"),
        ("DTSTART:16010101T030000", "DTSTART:never"),
    ],
)
def test_a_zone_defined_by_rules_that_no_zone_has_is_not_believed(read, line, by):
    assert read(own("20260601T090000", zone=OWN_ZONE.replace(line, by)))[1].quarantined == {"zone_unknown": 1}
