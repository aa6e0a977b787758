"""Message traces: as many mails, senders and recipients as the standard library finds, in every encoding and language they come in."""

import csv
import io
import json
from collections import defaultdict
from pathlib import Path

import pytest

from connectors.archive import FileError
from connectors.base import Coverage, Cursor
from connectors.files.message_trace import Config, Connector

WIRE = Path(__file__).parents[4] / "shared" / "data" / "wire" / "graph_message_trace"
DETAIL = ("Received", "SenderAddress", "RecipientAddress", "Subject", "Status", "ToIP", "FromIP", "Size", "MessageId", "MessageTraceId")
GERMAN = {
    "SenderAddress": "Absenderadresse",
    "RecipientAddress": "Empf\u00e4ngeradresse",
    "Received": "Empfangen",
    "MessageId": "Nachrichten-ID",
}
ROWS = [
    ("2026-07-01T10:00:05.1234567Z", "Ada@x.example", "bo@x.example", "<1@x.example>", "Delivered"),
    ("2026-07-01T10:00:05.1234567Z", "Ada@x.example", "cy@x.example", "<1@x.example>", "Delivered"),
    ("2026-07-01T10:00:05.1234567Z", "Ada@x.example", "all@x.example", "<1@x.example>", "Expanded"),
    ("2026-07-01T10:00:05.1234567Z", "Ada@x.example", "gone@x.example", "<1@x.example>", "Failed"),
    ("2026-07-01T11:00:00Z", "bo@x.example", "ada@x.example", "<2@x.example>", "Delivered"),
]


def detail(rows=ROWS, names=DETAIL):
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    for received, sender, recipient, id, status in rows:
        writer.writerow((received, sender, recipient, 'CANARY, "subject"', status, "CANARY", "10.0.0.1", 4567, id, "trace"))
    return text.getvalue()


@pytest.fixture
def read(tmp_path):
    """Read a report and check its account."""

    def events(data, **options):
        path = tmp_path / "trace.csv"
        path.write_bytes(data)
        coverage = Coverage()
        found = list(Connector(Config(path=path, **options)).events(coverage, Cursor()))
        coverage.accepted = sum(event.rows for event in found)
        assert coverage.balanced
        return found, coverage

    return events


def plain(events):
    return [(event.id, event.sent, event.sender, sorted(handle for handle, _ in event.recipients)) for event in events]


def independent(text):
    """Return the same from the standard library: delivered rows by message."""
    to, first = defaultdict(set), {}
    for row in csv.DictReader(io.StringIO(text)):
        if row["Status"] == "Delivered":
            to[row["MessageId"]].add(f"email:{row['RecipientAddress'].lower()}")
            first.setdefault(row["MessageId"], f"email:{row['SenderAddress'].lower()}")
    return {f"mail:{id.strip('<>')}": (first[id], sorted(names)) for id, names in to.items()}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-mark"])
def test_a_trace_gives_the_mails_that_the_standard_library_finds(read, encoding):
    text = detail()
    data = b"\xff\xfe" + text.encode("utf-16-le") if encoding == "utf-16-le-mark" else text.encode(encoding)
    events, coverage = read(data)
    assert {event.id: (event.sender, sorted(handle for handle, _ in event.recipients)) for event in events} == independent(text)
    assert [event.sent for event in events] == [1782900005123456, 1782903600000000]  # 2026-07-01T10:00:05.123456Z and 11:00:00Z
    assert coverage.dropped == {"list_itself": 1, "not_delivered": 1}
    assert "CANARY" not in str(plain(events))


def test_localised_headers_are_known_or_named_by_the_settings(read):
    english = plain(read(detail().encode())[0])
    german = tuple(GERMAN.get(name, name) for name in DETAIL)
    assert plain(read(detail(names=german).encode())[0]) == english
    klingon = tuple({"SenderAddress": "ngeH", "Received": "poH"}.get(name, name) for name in DETAIL)
    with pytest.raises(FileError, match="sender, time") as caught:
        read(detail(names=klingon).encode())
    assert caught.value.code == "columns_missing"
    assert plain(read(detail(names=klingon).encode(), columns={"sender": "ngeH", "time": "poH"})[0]) == english


def test_a_historical_search_lists_recipients_with_their_status(read):
    head = "origin_timestamp_utc,sender_address,recipient_status,message_subject,total_bytes,message_id,network_message_id,directionality"
    to = "bo@x.example##Receive, Deliver;cy@x.example##Receive, Deliver;gone@x.example##Receive, Fail;Lost@x.example##Fail"
    text = f'{head}\n2026-07-01T10:00:05.0000000Z,ada@x.example,"{to}",CANARY,1,<1@x.example>,n1,1\n'
    (event,), _ = read(text.encode("utf-16"))
    assert plain([event]) == [("mail:1@x.example", 1782900005000000, "email:ada@x.example", ["email:bo@x.example", "email:cy@x.example"])]


def test_a_time_of_a_local_form_needs_its_pattern(read):
    rows = [("7/1/2026 10:00:05 AM", *ROWS[0][1:])]
    with pytest.raises(FileError) as caught:
        read(detail(rows).encode())
    assert caught.value.code == "time_ambiguous"
    assert read(detail(rows).encode(), time_format="%m/%d/%Y %I:%M:%S %p")[0][0].sent == 1782900005000000


def test_the_vendors_samples_written_as_a_report_arrive_whole(read):
    if not WIRE.exists():
        pytest.skip("the message-trace samples are not beside the repository")
    samples = [row for path in sorted(WIRE.glob("*.json")) for row in json.loads(path.read_text())["value"]]
    names = ("receivedDateTime", "senderAddress", "recipientAddress", "messageId", "status")
    rows = [tuple(row[name] for name in names) for row in samples]
    events, coverage = read(detail(rows).encode())
    delivered = [row for row in samples if row["status"] == "delivered"]
    assert sorted(event.id for event in events) == sorted({f"mail:{row['messageId'].strip('<>')}" for row in delivered})
    assert coverage.read == len(samples)


def test_a_legacy_address_is_quarantined_or_refused_and_nothing_is_echoed(read):
    legacy = "/o=ExchangeLabs/ou=CANARY/cn=Recipients/cn=bo"
    rows = [
        ("2026-07-01T10:00:05Z", legacy, "bo@x.example", "<1@x>", "Delivered"),
        ("", "a@x.example", legacy, "<2@x>", "Delivered"),
        *ROWS,
    ]
    events, coverage = read(detail(rows[::-1]).encode())
    assert len(events) == 2
    assert coverage.quarantined.total() == 2
