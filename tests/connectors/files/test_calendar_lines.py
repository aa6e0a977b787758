"""Calendars are read the quick way where they are written as usual; however else they are written, they say the same."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from icalendar import vDDDTypes

from connectors.base import Coverage, Cursor
from connectors.cells import CellError
from connectors.files.calendar_blocks import CHUNK, MAX_LINE_BYTES, meeting_blocks
from connectors.files.calendar_lines import Line
from connectors.files.ics import Config, Connector

OTHER_DIGITS = str.maketrans("0123456789", "".join(chr(0xFF10 + digit) for digit in range(10)))
"""Full-width digits: numbers to icalendar, and to nothing that is quick."""
TIMES = ("DTSTART", "DTEND", "DTSTAMP", "CREATED", "EXDATE", "RECURRENCE-ID")

MOMENT = st.builds("2026{:02}{:02}T{:02}{:02}00{}".format, *(st.integers(0, n) for n in (7, 32, 24, 60)), st.sampled_from(["", "Z"]))
PERSON = st.builds("mailto:{}@x.example".format, st.sampled_from(["ada", "bo", "Cy", "no one", "dee+x"]))
ANSWER = st.sampled_from(
    ["", ";PARTSTAT=ACCEPTED", ';PARTSTAT=DECLINED;CN="Bo: a; b"', ";CUTYPE=ROOM", ";CUTYPE=GROUP", ";ROLE=NON-PARTICIPANT"]
)
LINES = st.tuples(
    st.builds("UID:{}".format, st.sampled_from(["u1", "u:2", ""])),
    st.builds("DTSTART{}:{}".format, st.sampled_from(["", ";TZID=Europe/Berlin", ";TZID=Nowhere"]), MOMENT | st.just("20260601")),
    st.builds("ORGANIZER:{}".format, PERSON),
    st.lists(st.builds("ATTENDEE{}:{}".format, ANSWER, PERSON), max_size=4).map("\r\n".join),
    st.sampled_from(["", "STATUS:CANCELLED", "SEQUENCE:3", "DESCRIPTION:DTSTART:1", "ATTENDEE broken"]),
    st.sampled_from(["", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=3"]) | st.builds("DTEND:{}".format, MOMENT),
    st.just("") | st.builds("{}:{}".format, st.sampled_from(["EXDATE", "RECURRENCE-ID", "DTSTAMP", "CREATED"]), MOMENT),
).map(lambda lines: [one for line in lines for one in line.split("\r\n") if one])


def careful(line: str) -> str:
    """Write a line as nobody does: in small letters, with a parameter, folded, times in other digits."""
    head, colon, value = line.partition(":")
    name, semicolon, params = head.partition(";")
    if not colon:
        return line
    value = value.translate(OTHER_DIGITS) if name in TIMES and "T" in value else value
    return f"{name.lower()};X-A=1{semicolon}{params}{colon}\r\n {value}"


def told(path, text):
    path.write_text(text, encoding="utf-8", newline="")
    coverage = Coverage()
    config = Config.model_validate({"path": path, "window_start": "2025-11-01", "window_end": "2026-09-01"})
    return list(Connector(config).events(coverage, Cursor())), coverage


def calendar(meetings, end="\r\n"):
    blocks = (["BEGIN:VEVENT", *lines, "END:VEVENT"] for lines in meetings)
    return end.join(["BEGIN:VCALENDAR", *(line for block in blocks for line in block), "END:VCALENDAR", ""])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.lists(LINES, min_size=1, max_size=4))
def test_usual_and_unusual_spelling_give_the_same_meetings(tmp_path, meetings):
    usual = told(tmp_path / "a.ics", calendar(meetings))
    assert told(tmp_path / "a.ics", calendar([list(map(careful, lines)) for lines in meetings])) == usual
    assert told(tmp_path / "a.ics", "\ufeff" + calendar(meetings, end="\n")) == usual


def read(value):
    try:
        return Line(value).moment()
    except CellError:
        return None


def by_icalendar(value):
    try:
        return vDDDTypes.from_ical(value)
    except (ValueError, TypeError):
        return None


@settings(max_examples=300, deadline=None)
@given(st.from_regex(r"(19|20)\d\d[01]\d[0-3]\dT[0-2]\d[0-6]\d[0-6]\dZ?", fullmatch=True) | st.text("0129TZ:-W", min_size=15, max_size=16))
def test_a_usual_time_is_what_icalendar_reads(value):
    found = read(value)
    assert found == by_icalendar(value)
    assert (found is None or found.tzinfo is None) == (found is None or not value.endswith("Z"))


@pytest.mark.parametrize("value", ["20260601T240000", "20260601T090060Z", "2026-06-01T09:00", "2026-W23-1T0900", "20260631T090000Z"])
def test_a_time_that_iso_allows_and_calendars_do_not_is_refused(value):
    assert read(value) is None


def test_lines_are_cut_alike_wherever_a_chunk_ends(tmp_path):
    """The first line that matters lies over the end of the first chunk, at each of its places."""
    lines = "UID:a\r\nSEQUENCE:7\r\n"
    for shift in range(len(lines)):
        filler = CHUNK - len("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n") - shift
        words = "\r\n".join("X" * 998 for _ in range(filler // 1000)) + "\r\n" + "X" * (filler % 1000 + 1) + "\r\n"
        path = tmp_path / "a.ics"
        path.write_bytes(f"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n{words}{lines}END:VEVENT\r\n".encode())
        with path.open("rb") as stream:
            assert [block.lines for block in meeting_blocks(stream)] == [((b"UID", b"UID:a"), (b"SEQUENCE", b"SEQUENCE:7"))]


def test_an_endless_line_is_let_go_and_never_held_whole(tmp_path):
    path = tmp_path / "a.ics"
    path.write_bytes(
        b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nUID:" + b"x" * (3 * CHUNK) + b"\nUID:" + b"y" * MAX_LINE_BYTES + b"\nEND:VEVENT\n"
    )
    with path.open("rb") as stream:
        assert [block.lines for block in meeting_blocks(stream)] == [((b"UID", b"UID:a"),)]
