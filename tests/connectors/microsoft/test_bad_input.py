"""What services send that they should not: one record never stops the others, and nothing of it is repeated."""

import base64
import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Coverage
from connectors.cells import CellError
from connectors.identity import COMMON_RULES
from connectors.microsoft import meetings, people, sent
from connectors.pages import MAX_RESYNCS, Page, PageError, ResyncError, changes, walk
from connectors.records import Raw, read, timestamp
from ona.tables import Flag, Role

ADDRESS = sent.addresses(COMMON_RULES)
NOW = 1_800_000_000_000_000  # 2027-01-15
TENANT = "6fbb1a2e-7c1b-4d6a-9a40-0f2f2f6d1c11"
HEAD = bytes(22)


def raw(record) -> Raw:
    return Raw(json.dumps(record).encode())


def someone(address):
    return {"emailAddress": {"address": address, "name": "CANARY"}}


def mail(**more):
    base = {"id": "1", "internetMessageId": "<m1@a.example>", "sentDateTime": "2026-07-01T10:00:07Z", "sender": someone("ann@a.example")}
    return base | {"toRecipients": [someone("bob@a.example")]} | more


def meeting(**more):
    base = {
        "id": "1",
        "iCalUId": "U1",
        "type": "singleInstance",
        "organizer": someone("ann@a.example"),
        "attendees": [someone("bob@a.example")],
    }
    times = {"start": {"dateTime": "2026-07-01T10:00:00.0000000", "timeZone": "UTC"}, "end": {"dateTime": "2026-07-01T10:30:00.0000000"}}
    return base | times | more


def mails(*records, headers=lambda _: sent.ALONE):
    coverage = Coverage()
    reader = sent.Reader(coverage, NOW, ADDRESS, headers)
    events = [event for record in records if (event := reader.event(raw(record))) is not None]
    coverage.accepted = len(events)
    assert coverage.balanced
    return events, coverage


def meeting_events(*records, master=lambda _: None):
    coverage = Coverage()
    reader = meetings.Reader(coverage, NOW, ADDRESS, master)
    events = [event for record in records if (event := reader.event(raw(record))) is not None]
    events += list(reader.rest())
    coverage.accepted = len(events)
    assert coverage.balanced
    return events, coverage


@pytest.mark.parametrize(
    ("record", "where", "code"),
    [
        (mail(isDraft=True), "dropped", "draft"),
        (mail(isDraft="true"), "dropped", "draft"),
        ({"id": "1", "@removed": {"reason": "deleted"}}, "dropped", "removed"),
        (mail(**{"@odata.type": "#microsoft.graph.eventMessageRequest"}), "dropped", "meeting_message"),
        (mail(toRecipients=[]), "dropped", "nobody"),
        (mail(toRecipients=[someone("ann@a.example")]), "dropped", "nobody"),
        (mail(sender=None), "quarantined", "sender_unreadable"),
        (mail(sender=someone("")), "quarantined", "sender_unreadable"),
        (mail(sentDateTime="yesterday"), "quarantined", "time_unreadable"),
        (mail(sentDateTime="2099-01-01T00:00:00Z"), "quarantined", "time_in_future"),
        (mail(sentDateTime=None), "quarantined", "time_unreadable"),
        (mail(toRecipients="CANARY"), "quarantined", "record_malformed"),
        (mail(id=["CANARY"]), "quarantined", "record_malformed"),
        ([1, 2], "quarantined", "record_malformed"),
    ],
)
def test_a_mail_that_cannot_be_used_is_counted_by_its_reason(record, where, code):
    events, coverage = mails(record, mail())
    assert len(events) == 1
    assert getattr(coverage, where) == {code: 1}


def test_legacy_addresses_become_handles_that_the_directory_knows():
    dn = "/o=ExchangeLabs/ou=Exchange/cn=Recipients/cn=ABC123-Bob"
    (event,), _ = mails(mail(toRecipients=[someone(dn)]))
    bob = {
        "id": "0d2a7f9c-55aa-4a8e-b7a1-1f0c6a1f9e77",
        "mail": "bob@a.example",
        "proxyAddresses": [f"X500:{dn.upper()}", "SIP:bob@a.example"],
    }
    (person,) = people.people([read(raw(bob), people.User)], TENANT, Coverage(), ADDRESS, {}, "hr")
    assert event.recipients[0][0] in person.handles


def test_who_sends_for_a_shared_mailbox_is_the_one_who_acts():
    (event,), coverage = mails(mail(**{"from": someone("info@a.example")}))
    assert event.sender == "email:ann@a.example"
    assert coverage.notes["sent_on_behalf"] == 1


def test_a_recipient_counts_once_in_the_strongest_role_and_an_unreadable_one_counts_in_the_audience():
    (event,), coverage = mails(mail(ccRecipients=[someone("BOB@A.example"), someone("@@")], bccRecipients=[someone("cem@a.example")]))
    assert event.recipients == (("email:bob@a.example", Role.TO), ("email:cem@a.example", Role.BCC))
    assert event.audience == 3
    assert coverage.notes["recipient_refused"] == 1


def test_a_reply_finds_its_parent_by_the_thread_index_and_else_by_its_headers():
    asked = []
    first = mail(conversationIndex=base64.b64encode(HEAD).decode())
    reply = mail(internetMessageId="<m2@a.example>", conversationIndex=base64.b64encode(HEAD + bytes(5)).decode())
    stray = mail(id="9", internetMessageId="<m3@a.example>", conversationIndex=base64.b64encode(b"x" * 22 + bytes(10)).decode())
    events, _ = mails(first, reply, stray, headers=lambda id: asked.append(id) or sent.Thread("mail:p", "mail:r"))
    assert [(one.reply_to, one.root) for one in events] == [(None, None), ("mail:m1@a.example",) * 2, ("mail:p", "mail:r")]
    assert asked == ["9"]


@pytest.mark.parametrize(
    ("record", "where", "code"),
    [
        (meeting(isAllDay=True), "dropped", "all_day"),
        (meeting(hideAttendees=True), "dropped", "attendees_hidden"),
        (meeting(sensitivity="private"), "dropped", "private"),
        (meeting(attendees=[]), "dropped", "nobody"),
        (meeting(attendees=None), "dropped", "nobody"),
        (meeting(attendees=[someone("room@a.example") | {"type": "resource"}]), "dropped", "nobody"),
        (meeting(organizer=None), "dropped", "no_organizer"),
        (meeting(start={"dateTime": "2027-02-01T10:00:00"}, end={"dateTime": "2027-02-01T10:30:00"}), "dropped", "not_yet"),
        ({"id": "1", "@removed": {"reason": "deleted"}}, "dropped", "removed"),
        (meeting(type="seriesMaster"), "dropped", "series_master"),
        (meeting(end={"dateTime": "2026-07-01T09:00:00"}), "quarantined", "ends_before_start"),
        (meeting(start={"dateTime": "2026-03-29T02:30:00", "timeZone": "Europe/Berlin"}), "quarantined", "time_in_dst_gap"),
        (meeting(start={"dateTime": "2026-07-01T10:00:00", "timeZone": "Mars/Base"}), "quarantined", "zone_unknown"),
        (meeting(iCalUId=None), "quarantined", "uid_missing"),
        (meeting(type="occurrence", attendees=None, seriesMasterId="gone"), "quarantined", "master_missing"),
    ],
)
def test_a_meeting_that_cannot_be_used_is_counted_by_its_reason(record, where, code):
    events, coverage = meeting_events(record, meeting())
    assert len(events) == 1
    assert getattr(coverage, where) == {code: 1}


def test_an_occurrence_without_attendees_has_those_of_its_master_and_every_master_is_fetched_once():
    fetched = []
    uid = meetings._EXCHANGE + "00000000" + "AB" * 20
    master = read(raw(meeting(iCalUId=uid, type="seriesMaster", isOrganizer=True)), meetings.Meeting)

    def skeleton(day):
        times = {name: {"dateTime": f"2026-07-0{day}T{hour}:00:00", "timeZone": "UTC"} for name, hour in (("start", "08"), ("end", "09"))}
        return {"id": f"o{day}", "type": "occurrence", "seriesMasterId": "m", **times}

    events, _ = meeting_events(skeleton(1), skeleton(2), master=lambda id: fetched.append(id) or master)
    assert [event.id for event in events] == [f"meeting:{uid}/2026070{day}T080000Z" for day in (1, 2)]
    assert {event.series for event in events} == {f"meeting:{uid}"}
    assert all(event.recipients == (("email:bob@a.example", Role.NO_ANSWER),) for event in events)
    assert fetched == ["m"]


def test_the_day_in_an_exchange_id_does_not_split_a_series():
    base = meetings._EXCHANGE
    assert meetings.series_uid(f"{base}07EA0701{'CD' * 20}") == f"{base}00000000{'CD' * 20}"
    assert meetings.series_uid("abc@google.com") == "abc@google.com"


def test_the_organizers_copy_outranks_one_that_was_changed_later():
    own = meeting(isOrganizer=True, lastModifiedDateTime="2026-07-01T00:00:00Z")
    (mine, theirs), _ = meeting_events(own, meeting(isOrganizer=False, lastModifiedDateTime="2026-08-01T00:00:00Z"))
    assert mine.id == theirs.id
    assert mine.revision > theirs.revision


def test_a_cancelled_meeting_is_marked():
    (event,), _ = meeting_events(meeting(isCancelled=True))
    assert event.flags & Flag.CANCELLED


def test_a_user_with_500_aliases_keeps_them_and_one_with_far_more_is_cut():
    def user(count):
        return read(
            raw({"id": TENANT, "mail": "a@a.example", "proxyAddresses": [f"smtp:a{n}@a.example" for n in range(count)]}), people.User
        )

    coverage = Coverage()
    (person,) = people.people([user(500)], TENANT, coverage, ADDRESS, {}, "hr")
    assert len(person.handles) == 502
    (person,) = people.people([user(5_000)], TENANT, coverage, ADDRESS, {}, "hr")
    assert len(person.handles) == 1_002
    assert coverage.notes["aliases_cut"] == 4_000


def test_aliases_that_point_at_each_other_leave_everybody_the_own_address():
    ids = "0d2a7f9c-55aa-4a8e-b7a1-1f0c6a1f9e7"
    users = [
        {"id": f"{ids}{n}", "mail": f"{me}@a.example", "proxyAddresses": [f"smtp:{you}@a.example"]}
        for n, me, you in ((1, "ann", "bob"), (2, "bob", "ann"))
    ]
    coverage = Coverage()
    ann, bob = people.people([read(raw(one), people.User) for one in users], TENANT, coverage, ADDRESS, {}, "hr")
    assert (ann.handles[1:], bob.handles[1:]) == (("email:ann@a.example",), ("email:bob@a.example",))
    assert coverage.notes["alias_of_another"] == 2


def test_paging_that_never_ends_or_goes_round_is_an_error():
    with pytest.raises(PageError, match="endless_paging"):
        list(walk("0", lambda place: Page([], str(int(place) + 1)), limit=50))
    with pytest.raises(PageError, match="cursor_loop"):
        list(walk("a", lambda place: Page([], {"a": "b", "b": "c", "c": "b"}[place])))


def test_a_service_that_forgets_every_position_is_left_alone():
    calls = []

    def forgetful(place):
        calls.append(place)
        raise ResyncError("gone")
        yield

    with pytest.raises(PageError, match="resync_loop"):
        list(changes("kept", "fresh", forgetful))
    assert calls == ["kept"] + ["fresh"] * (MAX_RESYNCS - 1)


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("2017-08-29T04:00:00.0000000Z", 1_503_979_200_000_000),
        ("2017-08-29T06:00:00.1234567+02:00", 1_503_979_200_123_456),
        ("2017-08-29T04:00:00.125014Z", 1_503_979_200_125_014),  # one less when it goes through a float
        ("2016-12-31T23:59:60Z", 1_483_228_799_000_000),  # a leap second counts as the one before
    ],
)
def test_times_are_read_exactly_and_never_through_a_float(text, microseconds):
    assert timestamp(text) == microseconds


@given(st.text(max_size=40) | st.binary(max_size=40).map(lambda data: data.decode("latin-1")))
def test_no_text_makes_a_time_reader_fail_otherwise_than_by_name(text):
    with contextlib.suppress(CellError):
        assert timestamp(text) > -(10**17)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_no_record_makes_a_reader_fail_otherwise_than_by_a_count(record):
    mails(record, {**mail(), "toRecipients": record}, {**mail(), "conversationIndex": record})
    meeting_events(record, {**meeting(), "start": record}, {**meeting(), "attendees": record})
