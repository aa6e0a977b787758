"""Event tables: rows become messages, every row is accounted for, doubtful files are refused."""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

import connectors.cells
import connectors.files.event_groups
from connectors.archive import FileError
from connectors.base import Coverage, Cursor
from connectors.files.events import Config, Connector
from ona.tables import Flag, Kind, Role, SpaceKind

DATA = Path(__file__).parents[4] / "shared" / "data" / "manufacturing_email" / "communication.csv.gz"
MAP = {"sender": "from", "recipient": "to", "time": "at"}


@pytest.fixture
def read(tmp_path):
    """Read a CSV text with a column map and check the account."""

    def events(text, **options):
        path = tmp_path / "a.csv"
        path.write_text(text)
        coverage = Coverage()
        found = list(Connector(Config(path=path, **(MAP | options))).events(coverage, Cursor()))
        coverage.accepted = sum(event.rows for event in found)
        assert coverage.balanced
        return found, coverage

    return events


def rows(*lines, header="from,to,at"):
    return "\n".join((header, *lines)) + "\n"


def test_rows_of_equal_sender_and_time_are_one_message(read):
    text = rows(
        "a@x.example,b@x.example,2026-07-01T10:00:05Z",
        "a@x.example,c@x.example,2026-07-01T10:00:05Z",
        "b@x.example,a@x.example,2026-07-01T10:00:05Z",
    )
    events, _ = read(text)
    assert [event.rows for event in events] == [2, 1]
    assert events[0].recipients == (("email:b@x.example", Role.TO), ("email:c@x.example", Role.TO))
    assert (events[0].kind, events[0].space_kind, events[0].audience) == (Kind.MAIL, SpaceKind.MAIL, 2)


def test_repeated_rows_and_mails_to_oneself_stay_in_the_account(read):
    line = "a@x.example,b@x.example,2026-07-01T10:00:05Z"
    (event,), coverage = read(rows(line, line, line.replace("b@", "a@")))
    assert (event.rows, event.audience) == (3, 1)
    assert coverage.notes == {"row_repeated": 1, "row_to_oneself": 1}


def test_rows_may_be_kept_apart(read):
    text = rows("a@x.example,b@x.example,2026-07-01T10:00:05Z", "a@x.example,c@x.example,2026-07-01T10:00:05Z")
    assert len(read(text, group_by="row")[0]) == 2


def test_ids_threads_spaces_and_kinds_come_from_their_columns(read):
    header = "id,parent,root,what,room,from,to,at,role,length"
    text = rows(
        "1,,,message,r,7,,2026-07-01 10:00:05,,",
        "2,1,1,Message,r,8,7,2026-07-01 10:01:05,mentioned,",
        "3,1,1,meeting,,8,7,2026-07-01 10:02:00,accepted,30",
        header=header,
    )
    events, _ = read(
        text, id="id", reply_to="parent", root="root", kind="what", space="room", role="role", minutes="length", zone="UTC", namespace="q"
    )
    assert [event.id for event in events] == ["event:1", "event:2", "event:3"]
    assert (events[1].reply_to, events[1].root) == ("event:1", "event:1")
    assert events[0].space == events[1].space != "r"
    assert [event.space_kind for event in events] == [SpaceKind.CHANNEL, SpaceKind.CHANNEL, SpaceKind.CALENDAR]
    assert [event.recipients for event in events] == [(), (("id:q/7", Role.MENTIONED),), (("id:q/7", Role.ACCEPTED),)]
    assert events[2].minutes == 30


def test_a_message_id_is_the_same_as_in_a_mail_archive(read):
    (event,), _ = read(rows("<m1@x.example>,a@x.example,b@x.example,2026-07-01T10:00:05Z", header="id,from,to,at"), id="id")
    assert event.id == "mail:m1@x.example"


def test_one_cell_may_hold_several_recipients(read):
    assert (
        len(
            read(rows("a@x.example,b@x.example;c@x.example; ,2026-07-01T10:00:05Z"), recipient_separator=";", delimiter=",")[0][
                0
            ].recipients
        )
        == 2
    )


@pytest.mark.parametrize(
    ("cell", "options", "second"),
    [
        ("2026-07-01T10:00:05+02:00", {}, 1782892805),
        ("2026-07-01 10:00:05", {"zone": "Europe/Berlin"}, 1782892805),
        ("2026-07-01 08:00:05 UTC", {"zone": "UTC"}, 1782892805),
        ("1782892805", {"time_format": "epoch"}, 1782892805),
        ("1782892805000", {"time_format": "epoch"}, 1782892805),
        ("1782892805000000", {"time_format": "epoch"}, 1782892805),
        ("01/07/2026 10:00:05", {"time_format": "%d/%m/%Y %H:%M:%S", "zone": "Europe/Berlin"}, 1782892805),
    ],
)
def test_times_are_read_in_the_configured_form(read, cell, options, second):
    assert read(rows(f"a@x.example,b@x.example,{cell}"), **options)[0][0].sent == second * 10**6


@pytest.mark.parametrize(
    ("line", "options", "code"),
    [
        ("a@x.example,b@x.example,03/04/2026 10:00", {"zone": "UTC"}, "time_ambiguous"),
        ("a@x.example,b@x.example,2026-07-01 10:00:05", {}, "zone_missing"),
        ("17,18,2026-07-01T10:00:05Z", {}, "namespace_missing"),
        ("2026-07-01T10:00:05Z,a@x.example,b@x.example", {}, "namespace_missing"),  # swapped columns
        ("17,2026-07-01T10:00:05Z,18", {"namespace": "n"}, "time_unreadable"),  # swapped columns
        ("a@x.example,b@x.example,1782892805", {}, "time_unreadable"),
    ],
)
def test_a_column_map_that_cannot_be_right_is_refused_at_the_first_row(read, line, options, code):
    with pytest.raises(FileError) as caught:
        read(rows(line), **options)
    assert caught.value.code == code
    assert "x.example" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("a@x.example,b@x.example,1970-01-01T00:00:00Z", "time_not_positive"),
        ("a@x.example,b@x.example,1960-01-01T00:00:00Z", "time_not_positive"),
        ("a@x.example,b@x.example,2099-01-01T00:00:00Z", "time_in_future"),
        ("a@x.example,b@x.example,2026-03-29 02:30:00", "time_in_dst_gap"),
        ("a@x.example,b@x.example,soon", "time_unreadable"),
        ("nobody,b@x.example,2026-07-01T10:00:05Z", "address_at"),
        ("a@x.example,b@@x.example,2026-07-01T10:00:05Z", "address_at"),
        ("a@x.example,b@x.example", "column_count"),
    ],
)
def test_a_bad_row_is_quarantined_and_the_others_are_kept(read, line, code):
    good = "a@x.example,c@x.example,2026-07-01T10:00:05Z"
    events, coverage = read(rows(good, line, good), zone="Europe/Berlin")
    assert len(events) == 1
    assert coverage.quarantined == {code: 1}


def test_a_row_to_nobody_is_dropped_unless_it_stands_in_a_thread_or_space(read):
    text = rows("a@x.example,,2026-07-01T10:00:05Z,", "a@x.example,,2026-07-01T10:00:06Z,room", header="from,to,at,room")
    events, coverage = read(text, space="room")
    assert len(events) == 1
    assert coverage.dropped == {"nobody": 1}


def test_unknown_kinds_and_roles_and_conflicting_ids_are_quarantined(read):
    header = "id,what,role,from,to,at"
    line = "{},{},{},{},b@x.example,2026-07-01T10:00:05Z"
    text = rows(
        line.format(1, "mail", "to", "a@x.example"),
        line.format(2, "fax", "to", "a@x.example"),
        line.format(3, "mail", "chief", "a@x.example"),
        line.format(1, "mail", "to", "c@x.example"),
        line.format("", "mail", "to", "c@x.example"),
        header=header,
    )
    _, coverage = read(text, id="id", kind="what", role="role")
    assert coverage.quarantined == {"kind_unknown": 1, "role_unknown": 1, "id_conflict": 1, "id_missing": 1}


def test_five_thousand_recipients_are_counted_but_not_kept(read):
    text = rows(*(f"a@x.example,p{n}@x.example,2026-07-01T10:00:05Z" for n in range(5000)))
    (event,), _ = read(text)
    assert (event.audience, len(event.recipients), event.rows) == (5000, 1000, 5000)


def test_memory_is_bounded_by_closing_the_oldest_message(read, monkeypatch):
    monkeypatch.setattr(connectors.cells, "CHUNK", 10)  # one line at a time
    monkeypatch.setattr(connectors.files.event_groups, "HELD_ROWS", 2)
    text = rows(*(f"a@x.example,b@x.example,2026-07-01T10:00:0{n}Z" for n in (1, 2, 3, 4, 1)))
    events, _ = read(text)
    assert [event.sent // 10**6 % 60 for event in events] == [1, 2, 3, 4, 1]
    assert events[0].id == events[-1].id


def test_seconds_on_zero_are_flagged_only_where_the_file_tells_seconds(read):
    assert read(rows("a@x.example,b@x.example,2026-07-01T10:00:00Z"))[0][0].flags == Flag.SECOND_ZERO
    assert read(rows("a@x.example,b@x.example,2026-07-01T10:00"), zone="UTC")[0][0].flags == 0


def test_parquet_and_csv_give_the_same_events(tmp_path, read):
    text = rows(
        "a@x.example,b@x.example,2026-07-01T10:00:05", "a@x.example,c@x.example,2026-07-01T10:00:05", "17,c@x.example,2026-07-01T10:00:05"
    )
    events, _ = read(text, zone="Europe/Berlin", namespace="n")
    table = pa.table(
        {
            "from": ["a@x.example", "a@x.example", "17"],
            "to": ["b@x.example", "c@x.example", "c@x.example"],
            "at": pa.array([1782900005] * 3, pa.timestamp("s")),
            "text": ["CANARY"] * 3,
        }
    )
    path = tmp_path / "a.parquet"
    pq.write_table(table, path)
    connector = Connector(Config(path=path, zone="Europe/Berlin", namespace="n", **MAP))
    assert list(connector.events(Coverage(), Cursor())) == events
    assert connector.size() == 3


def test_a_damaged_parquet_file_is_a_typed_error(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    with pytest.raises(FileError) as caught:
        list(Connector(Config(path=path, **MAP)).events(Coverage(), Cursor()))
    assert caught.value.code == "parquet_broken"


def test_a_mapped_column_that_is_missing_is_named_by_its_role(read):
    with pytest.raises(FileError, match="recipient"):
        read("from,at\n")


def test_unknown_settings_are_refused():
    with pytest.raises(ValidationError):
        Config(path=Path("x"), sender="a", time="b", subject="c")


def test_the_manufacturing_company_is_read_whole():
    """82,927 rows and 58,463 messages: the counts that the data set's own notes give, checked with the standard library."""
    if not DATA.exists():
        pytest.skip("the manufacturing e-mail data set is not beside the repository")
    with gzip.open(DATA, "rt") as file:
        lines = [line.rstrip("\n").split(";") for line in file][1:]
    coverage = Coverage()
    config = Config(path=DATA, sender="Sender", recipient="Recipient", time="EventDate", zone="Europe/Warsaw", namespace="firm")
    events = list(Connector(config).events(coverage, Cursor()))
    assert coverage.read == len(lines) == 82_927
    assert len(events) == len({(sender, at) for sender, _, at in lines}) == 58_463
    assert sum(event.rows for event in events) == 82_927
    assert coverage.notes == {"row_repeated": 313, "row_to_oneself": 51}
    assert {event.sender for event in events} == {f"id:firm/{sender}" for sender, _, _ in lines}
