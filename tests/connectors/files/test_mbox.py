"""Mail archives: where one mail ends, who sent it to whom, and what is automatic."""

import gzip
import mailbox
from contextlib import closing

import pytest

from connectors.archive import FileError
from connectors.base import Coverage, Cursor
from connectors.files.mbox import Config, Connector
from ona.tables import Flag, Role

HEAD = {"Message-ID": "<1@x.example>", "Date": "Wed, 01 Jul 2026 10:00:05 +0200", "From": "ada@x.example", "To": "bo@x.example"}


def mail(body="text\n", separator="From x Wed Jul  1 10:00:05 2026", **headers):
    lines = {**HEAD, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return separator + "\n" + "".join(f"{name}: {value}\n" for name, value in lines.items() if value is not None) + "\n" + body + "\n"


@pytest.fixture
def read(tmp_path):
    """Read a text as an mbox and check its account."""

    def events(text, **options):
        path = tmp_path / "a.mbox"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        coverage = Coverage()
        found = list(Connector(Config(path=path, **options)).events(coverage, Cursor()))
        coverage.accepted = len(found)
        assert coverage.balanced
        return found, coverage

    return events


def numbered(n, **headers):
    return mail(Message_ID=f"<{n}@x.example>", **headers)


def test_each_mail_is_one_event_as_the_standard_library_counts_them(read, tmp_path):
    events, _ = read("".join(numbered(n, body=f"hello\n>From the start\n{'x' * n}\n") for n in range(200)))
    with closing(mailbox.mbox(tmp_path / "a.mbox", create=False)) as box:
        assert len(events) == len(box) == 200
    assert events[7].id == "mail:7@x.example"
    assert events[7].sent == 1782892805 * 10**6


@pytest.mark.parametrize(
    "separator",
    [
        "From jürgen Mi Jul  1 10:00:05 2026",
        "From MAILER-DAEMON Wed Jul  1 10:00:05 2026",
        "From - Wed Jul 01 10:00:05 2026",
        "From 17@xxx Wed Jul 01 10:00:05 +0000 2026",
        "From ",
    ],
)
def test_a_separator_of_any_bytes_is_found(read, separator):
    latin = (numbered(1, separator=separator) + numbered(2, separator=separator)).encode("latin-1")
    assert [event.id for event in read(latin)[0]] == ["mail:1@x.example", "mail:2@x.example"]


def test_an_unquoted_from_in_a_body_does_not_cut_the_mail(read):
    for words in ("hi\nFrom Bo at noon\nTopic: lunch\n", "hi\n\nFrom now on all is well\nand quiet\n"):
        assert read(numbered(1, body=words) + numbered(2))[1].read == 2


def test_a_true_content_length_hides_a_quoted_mail_in_the_body_and_a_false_one_is_ignored(read):
    body = "forwarded:\n\n" + numbered(9)
    inner = len(body.encode())
    assert [e.id for e in read(numbered(1, body=body, Content_Length=inner) + numbered(2))[0]] == ["mail:1@x.example", "mail:2@x.example"]
    assert len(read(numbered(1, body=body, Content_Length=inner + 40) + numbered(2))[0]) == 3


def test_bodies_far_larger_than_the_window_are_passed_over(read):
    text = "".join(numbered(n, body="x" * 3_000_000 + "\n" + "y\n" * 100_000) for n in range(3))
    assert len(read(text)[0]) == 3


def test_windows_line_ends_and_gzip_are_read(read, tmp_path):
    text = (numbered(1) + numbered(2)).replace("\n", "\r\n").encode()
    assert len(read(text)[0]) == 2
    (tmp_path / "b.mbox.gz").write_bytes(gzip.compress(text))
    assert len(list(Connector(Config(path=tmp_path / "b.mbox.gz")).events(Coverage(), Cursor()))) == 2


def test_a_folder_is_read_whole(tmp_path):
    for n, name in enumerate(("a.mbox", "sub/b.mbox", "c.pdf")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(numbered(n))
    coverage = Coverage()
    assert len(list(Connector(Config(path=tmp_path)).events(coverage, Cursor()))) == 2
    assert coverage.notes["file_ignored"] == 1


@pytest.mark.parametrize("body", ["x\n", "long\n" * 3_000], ids=["short mails", "mails of 15 kB"])
def test_a_forecast_counts_about_as_many_mails_as_are_read(read, tmp_path, body):
    found, _ = read("".join(mail(body, Message_ID=f"<{n}@x.example>") for n in range(300)))
    assert 270 <= Connector(Config(path=tmp_path / "a.mbox")).size() <= 330  # 300 were written
    assert len(found) == 300


def test_what_is_no_mbox_is_refused_and_an_empty_one_is_empty(read):
    assert read("")[0] == []
    with pytest.raises(FileError) as caught:
        read("Dear all,\n\nFrom here on.\n")
    assert caught.value.code == "not_mbox"


def test_a_header_over_one_mebibyte_is_quarantined_and_the_next_mail_read(read):
    events, coverage = read(numbered(1, X_Long="y" * 1_100_000) + numbered(2, X_Long="y" * 900_000))
    assert [event.id for event in events] == ["mail:2@x.example"]
    assert coverage.quarantined == {"header_too_long": 1}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "date_missing"),
        ("", "date_missing"),
        ("yesterday", "date_unreadable"),
        ("Wed, 41 Jul 2026 10:00:05 +0200", "date_unreadable"),
        ("Wed, 01 Jul 1960 10:00:05 +0200", "time_not_positive"),
        ("Wed, 01 Jul 2099 10:00:05 +0200", "time_in_future"),
    ],
)
def test_a_bad_or_missing_date_is_quarantined(read, value, code):
    assert read(mail(Date=value))[1].quarantined == {code: 1}


@pytest.mark.parametrize(
    ("value", "second"),
    [
        ("Wed, 1 Jul 2026 08:00:05 GMT", 1782892805),
        ("1 Jul 2026 10:00:05 +0200 (CEST)", 1782892805),
        ("Wed, 01 Jul 2026 04:00:05 EDT", 1782892805),
        ("Wed Jul  1 08:00:05 2026", 1782892805),
        ("Wed, 01 Jul 26 10:00:05 +0200", 1782892805),
        ("Wed, 01 Jul 2026 08:00:60 +0000", 1782892859),  # a leap second is read as the one before
    ],
)
def test_dates_are_read_in_the_forms_that_mail_programs_write(read, value, second):
    assert read(mail(Date=value))[0][0].sent == second * 10**6


def test_a_date_without_zone_is_read_in_the_configured_zone_and_noted(read):
    (event,), coverage = read(mail(Date="Wed Jul  1 10:00:05 2026"), zone="Europe/Berlin")
    assert event.sent == 1782892805 * 10**6
    assert coverage.notes["date_without_zone"] == 1


def test_a_date_in_the_gap_of_a_clock_change_is_quarantined_where_it_names_no_zone(read):
    gap = "Sun, 29 Mar 2026 02:30:00"
    assert read(mail(Date=gap), zone="Europe/Berlin")[1].quarantined == {"time_in_dst_gap": 1}
    assert len(read(mail(Date=gap))[0]) == 1


def test_a_legacy_address_is_refused_and_not_echoed(read):
    legacy = "/o=ExchangeLabs/ou=CANARY/cn=Recipients/cn=bo"
    events, coverage = read(mail(To=f"bo@x.example, {legacy}") + mail(From=legacy, Message_ID="<2@x>"))
    assert [len(event.recipients) for event in events] == [1]
    assert coverage.quarantined == {"sender_unreadable": 1}
    assert "CANARY" not in str(coverage)


def test_without_message_id_the_same_mail_still_has_one_id(read):
    one, other = read(mail(Message_ID=None) + mail(Message_ID=None) + mail(Message_ID=None, To="cy@x.example"))[0][1:]
    events, coverage = read(mail(Message_ID=None))
    assert events[0].id == one.id != other.id
    assert coverage.notes["message_id_missing"] == 1


@pytest.mark.parametrize(
    ("value", "handles"),
    [
        ("Bo <BO@x.example>, cy@x.example", ["bo", "cy"]),
        ('"Reed, Bo" <bo@x.example>', ["bo"]),
        ("bo@x.example (Bo Reed), cy@x.example", ["bo", "cy"]),
        ("Friends: bo@x.example, Cy <cy@x.example>;, dee@x.example", ["bo", "cy", "dee"]),
        ("=?utf-8?q?Bo_=C3=A9?= <bo@x.example>", ["bo"]),
        ("=?utf-8?q?Bo_=3Cbo=40x=2Eexample=3E?=", ["bo"]),
        ("=?klingon-1?q?Bo?= <bo@x.example>", ["bo"]),
        ("bo@x.example,\n\tcy@x.example", ["bo", "cy"]),
        ("bo@x.example, bo+tag@x.example, ada@x.example", ["bo"]),
    ],
)
def test_address_lists_are_read_as_mail_programs_write_them(read, value, handles):
    assert [handle for handle, _ in read(mail(To=value))[0][0].recipients] == [f"email:{name}@x.example" for name in handles]


def test_a_recipient_has_their_strongest_role(read):
    (event,), _ = read(mail(To="bo@x.example", Cc="bo@x.example, cy@x.example", Bcc="dee@x.example, cy@x.example"))
    assert event.recipients == (("email:bo@x.example", Role.TO), ("email:cy@x.example", Role.CC), ("email:dee@x.example", Role.BCC))


def test_a_mail_to_nobody_or_only_to_oneself_is_dropped_by_rule(read):
    _, coverage = read(mail(To=None) + mail(To="undisclosed-recipients:;") + mail(To="Ada <ADA@x.example>"))
    assert coverage.dropped == {"nobody": 3}


def test_five_thousand_recipients_are_counted_but_not_kept(read):
    (event,), coverage = read(mail(To=", ".join(f"p{n}@x.example" for n in range(5000))))
    assert event.audience == 5000
    assert len(event.recipients) == 1000
    assert coverage.notes["recipients_cut"] == 4000


@pytest.mark.parametrize(
    ("headers", "flags"),
    [
        ({"Auto_Submitted": "auto-generated"}, Flag.AUTO_SUBMITTED),
        ({"Auto_Submitted": "no"}, 0),
        ({"X_Auto_Response_Suppress": "All"}, Flag.AUTO_SUBMITTED),
        ({"Return_Path": "<>"}, Flag.AUTO_SUBMITTED),
        ({"List_Id": "<l.x.example>"}, Flag.LIST),
        ({"Precedence": "Bulk"}, Flag.PRECEDENCE),
        ({"From": "No-Reply@x.example"}, Flag.NOREPLY),
        ({"From": "donotreply@x.example"}, Flag.NOREPLY),
        ({"Date": "Wed, 01 Jul 2026 10:00:00 +0200"}, Flag.SECOND_ZERO),
    ],
)
def test_automatic_mail_is_flagged(read, headers, flags):
    assert read(mail(**headers))[0][0].flags == flags


def test_who_sends_on_behalf_is_the_sender_but_list_software_is_not(read):
    (event,), coverage = read(mail(From="desk@x.example", Sender="cy@x.example"))
    assert event.sender == "email:cy@x.example"
    assert coverage.notes["sent_on_behalf"] == 1
    for other in ({"Sender": "list@lists.example"}, {"Sender": "list-bounces@x.example", "List_Id": "<l>"}):
        assert read(mail(From="desk@x.example", **other))[0][0].sender == "email:desk@x.example"
    assert read(mail(From="a@x.example, b@x.example", Sender="b@x.example"))[0][0].sender == "email:b@x.example"


def test_threads_come_from_references(read):
    both = mail(In_Reply_To="<b@x>", References="<a@x>\n <b@x>")
    events, _ = read(both + mail(References="<a@x> <c@x>") + mail(In_Reply_To="Your note of <b@x>") + mail())
    assert [event.root for event in events] == ["mail:a@x", "mail:a@x", "mail:b@x", None]
    assert [event.reply_to for event in events] == ["mail:b@x", "mail:c@x", "mail:b@x", None]


def test_hidden_addresses_of_list_archives_are_read_only_when_asked_for(read):
    text = mail(From="ada at x.example (Ada)", To=None)
    assert read(text)[1].quarantined == {"sender_unreadable": 1}
    (event,), _ = read(text, obfuscated=True, list_name="dev")
    assert (event.sender, event.space, event.recipients) == ("email:ada@x.example", "list:dev", ())
