"""Microsoft 365 over a real socket: everything arrives once, whatever goes wrong, and no content does."""

import dataclasses
import json
import logging

import msgspec
import pytest

from connectors.base import Cursor
from connectors.identity import canonical
from connectors.microsoft import login
from connectors.microsoft import mail as microsoft_mail
from connectors.simulated.faults import Faults
from connectors.simulated.identities import CANARY
from connectors.simulated.mailbox import message_id
from connectors.simulated.vendors.graph import SCOPES
from connectors.simulated.vendors.stock import guid
from ona.errors import AccessError
from ona.tables import Kind, Role

STORM = {"share": 0.05, "bursts": 0.2, "mangled": 0.3}
DAY = 86_400


def mail(event: int) -> str:
    return "mail:" + message_id(event).strip("<>")


def sent_by(tenant, account):
    return [row for row in tenant.stock.events.values() if row.kind == Kind.MAIL and row.sender == account]


def everything(pulled) -> str:
    """All that a pull gave, as text."""
    rows = [*map(msgspec.structs.astuple, pulled.events), *map(dataclasses.astuple, pulled.people)]
    return repr((rows, pulled.coverage, pulled.cursor))


def test_every_sent_mail_arrives_once_with_time_sender_recipients_and_thread(tenant):
    with tenant() as acme:
        pulled = acme.pull("mail", group=None)
        of, lists = acme.stock.identities.of, acme.stock.lists
        owners = {one.account for one in acme.stock.owners}
        expected = {mail(row.event): row for row in acme.stock.events.values() if row.kind == Kind.MAIL and row.sender in owners}
    assert len(pulled.events) == len(expected) > 100
    assert {event.id for event in pulled.events} == set(expected)
    for event in pulled.events:
        row = expected[event.id]
        assert (event.sent, event.sender) == (row.sent // 1_000_000 * 1_000_000, canonical(of(row.sender).email))
        people = {account for to in row.to for account in (lists[to] if to in lists and len(lists[to]) <= 25 else [to])}
        assert {handle for handle, _ in event.recipients} == {canonical(of(account).email) for account in people} - {event.sender}
        assert event.reply_to == (None if row.reply_to is None else mail(row.reply_to))
        assert (event.root is None) == (row.reply_to is None)
    assert pulled.coverage.balanced


def test_roles_of_recipients_are_kept(tenant):
    with tenant() as acme:
        pulled = acme.pull("mail")
        rows = {mail(row.event): row for row in acme.stock.events.values() if row.kind == Kind.MAIL}
    roles = {Role(role) for event in pulled.events for _, role in event.recipients}
    assert roles == {Role(kind) for event in pulled.events for _, kind in rows[event.id].recipients}


@pytest.mark.parametrize("what", ["mail", "calendar", "message_trace", "directory"])
def test_a_storm_of_faults_changes_nothing_and_no_limit_is_broken(tenant, what):
    more = {"directory": {"mailbox_purpose": True}, "message_trace": {"days": 9}}.get(what, {"group": None})  # everybody
    with tenant() as acme:
        calm = acme.pull(what, **more)
        assert acme.world.refused == {}
    with tenant(Faults(**STORM, seed=5)) as acme:
        stormy = acme.pull(what, **more)
        assert acme.world.refused == {}
        assert acme.world.faults.drawn > 3
    assert stormy.best == calm.best
    assert set(stormy.people) == set(calm.people)
    assert stormy.coverage.balanced


@pytest.mark.parametrize("what", ["mail", "calendar", "message_trace", "directory"])
def test_content_that_comes_although_nobody_asked_never_leaves_the_decoder(tenant, caplog, what):
    with caplog.at_level(logging.DEBUG), tenant(leaky=True) as acme:
        pulled = acme.pull(what, **({"way": "delta"} if what == "calendar" else {}))
    assert pulled.events or pulled.people
    assert CANARY not in everything(pulled)
    assert CANARY not in caplog.text


def test_a_second_pull_brings_what_was_sent_since_and_nothing_twice(tenant):
    with tenant(at=1_783_000_000.0) as acme:  # 2026-07-02, in the middle of the week
        first = acme.pull("mail")
        acme.world.clock.sleep(7 * DAY)
        second = acme.pull("mail", first.cursor)
        owners = acme.owners
        total = sum(row.kind == Kind.MAIL and row.sender in owners for row in acme.stock.events.values())
    assert len(first.events) + len(second.events) == total
    assert not {event.id for event in first.events} & {event.id for event in second.events}
    assert second.coverage.dropped["removed"] > 0  # deleted since, but sent all the same


def test_a_forgotten_position_means_reading_that_mailbox_anew(tenant):
    with tenant(at=1_783_000_000.0) as acme:
        first = acme.pull("mail")
        acme.world.clock.sleep(7 * DAY)
        acme.graph.forgotten = acme.world.now
        again = acme.pull("mail", first.cursor)
        acme.graph.forgotten = 0
        fresh = acme.pull("mail")
    assert again.best == fresh.best
    assert again.coverage.notes["mailboxes_read"] == again.coverage.notes["mailboxes_asked"]


def test_mailboxes_that_cannot_be_read_are_counted_and_stop_nobody(tenant):
    with tenant() as acme:
        ids = [guid(account) for account in sorted(acme.owners)]
        acme.graph.denied, acme.graph.no_mailbox = frozenset(ids[:2]), frozenset(ids[2:3])
        notes = acme.pull("mail").coverage.notes
    assert notes["mailboxes_refused_denied"] == 2
    assert notes["mailboxes_refused_no_mailbox"] == 1
    assert notes["mailboxes_read"] == notes["mailboxes_asked"] - 3


def test_tokens_that_die_in_the_middle_are_renewed_one_by_one(tenant):
    with tenant() as acme:
        calm = acme.pull("calendar")
    with tenant(calls=3) as acme:
        pulled = acme.pull("calendar")
        assert acme.called("token") > 3
    assert pulled.best == calm.best


def test_a_token_that_is_revoked_for_good_ends_the_pull_by_name(tenant):
    with tenant(calls=0) as acme, pytest.raises(AccessError, match="renew"):
        acme.pull("mail")


@pytest.mark.parametrize(
    "role", ["Mail.Read", "Calendars.ReadWrite", "Group.Read.All", "Files.Read.All", "Chat.Read.All", "full_access_as_app.x"]
)
def test_a_token_that_opens_content_is_refused_before_any_call(tenant, role):
    with tenant(roles=(*sorted(set(SCOPES.values())), role)) as acme:
        with pytest.raises(AccessError, match=role):
            acme.pull("mail")
        assert [name for name, _ in acme.world.calls if name not in ("graph.token", "graph.configuration")] == []
        assert role in acme.connector("mail").check().too_wide


def test_a_check_names_what_is_granted_needed_and_too_wide(tenant):
    with tenant(roles=("Mail.ReadBasic.All", "Place.Read.All", "Calendars.ReadBasic.All")) as acme:
        assert acme.connector("mail").check().missing == ("User.Read.All",)  # whose mailboxes there are
        assert acme.connector("mail").check().too_wide == ("Place.Read.All",)  # what the calendars need may be there
        assert acme.connector("directory").check().missing == ("User.Read.All", "GroupMember.ReadBasic.All")


def test_a_federated_credential_signs_in_as_well(tenant, tmp_path):
    assertion = tmp_path / "token"
    assertion.write_text("eyJhbGciOiJSUzI1NiJ9.bbb.ccc\n")
    with tenant() as acme:
        assert acme.pull("directory", assertion=assertion).people


@pytest.mark.parametrize("token", ["opaque", "a.b", "a.!!!.c", "a.W10.c"])
def test_a_token_that_cannot_be_looked_into_is_refused(token):
    with pytest.raises(AccessError, match="looked into"):
        login.permissions(token)


def twisted(tenant, change, what="mail", **more):
    """Pull with the first page of each list changed."""
    seen = []

    def twist(name, body):
        return change(body) if name in ("messages_delta", "view", "view_delta") and not seen.append(name) else body

    with tenant(twist=twist) as acme:
        return acme.pull(what, **more)


def test_a_cursor_loop_ends_that_mailbox_and_is_counted(tenant):
    def loop(body):
        return body | {"@odata.nextLink": body["@odata.context"].replace("$metadata", "users/loop")}

    def answer(name, body):
        return loop(body) if name == "messages_delta" else body

    with tenant(twist=answer) as acme:
        acme.graph.denied = frozenset(["loop"])
        notes = acme.pull("mail").coverage.notes
    assert notes["mailboxes_read"] == 0


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.example/v1.0/users",
        "http://127.0.0.1/v1.0/users",
        "https://127.0.0.1@elsewhere.example/v1.0/",
        "//elsewhere.example/v1.0/",
    ],
)
def test_a_hostile_link_is_not_followed(tenant, link):
    pulled = twisted(tenant, lambda body: body | {"@odata.nextLink": link})
    assert pulled.coverage.notes["mailboxes_skipped_broken_off"] == pulled.coverage.notes["mailboxes_asked"]
    assert not any(link in value for value in pulled.cursor.streams.values())


def test_a_page_that_names_the_next_one_and_the_end_is_not_the_end(tenant):
    with tenant() as acme:
        calm = acme.pull("mail")

    def both(name, body):
        return body | {"@odata.deltaLink": body["@odata.nextLink"]} if "@odata.nextLink" in body else body

    with tenant(twist=both, page=2) as acme:
        assert acme.pull("mail").best == calm.best


def test_an_empty_page_with_a_next_one_is_not_the_end(tenant):
    with tenant() as acme:
        calm = acme.pull("mail")
    held = []

    def emptied(name, body):
        """Send the first page of a list empty, with a link to what it held."""
        if name == "messages_delta" and body["value"] and "@odata.nextLink" in body and not held:
            held.extend(body["value"])
            return body | {"value": []}
        if name == "messages_delta" and held:
            rest, held[:] = list(held), []
            return body | {"value": [*rest, *body["value"]]}
        return body

    with tenant(twist=emptied, page=2) as acme:
        assert acme.pull("mail").best == calm.best


def test_a_delta_that_was_cut_without_a_word_is_filled_up(tenant, monkeypatch):
    with tenant() as acme:
        calm = acme.pull("mail")

    def cut(name, body):
        """End every round after its first page."""
        if name != "messages_delta" or "@odata.nextLink" not in body:
            return body
        link = body.pop("@odata.nextLink")
        return body | {"@odata.deltaLink": link.replace("skiptoken", "deltatoken")}

    monkeypatch.setattr(microsoft_mail, "MOST_FILTERED", 2)
    with tenant(twist=cut, page=2) as acme:
        pulled = acme.pull("mail")
    assert pulled.best == calm.best
    assert pulled.coverage.notes["delta_cut_filled"] > 0


def test_an_error_that_comes_with_a_good_status_is_not_an_empty_page(tenant):
    def answer(name, body):
        return {"error": {"code": "UnknownError", "message": "CANARY"}} if name == "messages_delta" else body

    with tenant(twist=answer) as acme:
        pulled = acme.pull("mail")
    assert pulled.coverage.notes["mailboxes_read"] == 0
    assert pulled.cursor == Cursor()


def test_a_view_and_a_delta_give_the_same_meetings(tenant):
    with tenant() as acme:
        view, delta = acme.pull("calendar"), acme.pull("calendar", way="delta")
        assert acme.called("event") > 0  # masters that were not in the window
        series = {row.series for row in acme.stock.events.values() if row.series is not None}
    assert series
    assert {id: row[:6] for id, row in delta.best.items()} == {id: row[:6] for id, row in view.best.items()}
    assert view.coverage.balanced
    assert delta.coverage.balanced


def test_the_organizers_copy_is_preferred_because_it_alone_knows_all_answers(tenant):
    with tenant() as acme:
        best = acme.pull("calendar", group=None).best
        rows = [row for row in acme.stock.events.values() if row.kind == Kind.MEETING and row.series is None and row.sender in acme.owners]
        lists, of = acme.stock.lists, acme.stock.identities.of
        checked = 0
        for row in rows:
            found = [
                event
                for event in best.values()
                if event[2] == row.sent // 1_000_000 * 1_000_000 and event[3] == canonical(of(row.sender).email)
            ]
            told = {
                canonical(of(account).email): role
                for account, role in row.recipients
                if account not in lists and not of(account).email.startswith("room")
            }
            checked += any(told.items() <= dict(event[4]).items() for event in found)
    assert checked == len(rows) > 1


def test_changes_of_a_calendar_are_followed_and_the_time_since_is_read(tenant):
    with tenant(at=1_783_000_000.0) as acme:
        first = acme.pull("calendar", way="delta")
        acme.world.clock.sleep(5 * DAY)
        second = acme.pull("calendar", first.cursor, way="delta")
        whole = acme.pull("calendar", way="delta")
        acme.graph.forgotten = acme.world.now
        resynced = acme.pull("calendar", first.cursor, way="delta")
    assert (first.best | second.best).keys() == whole.best.keys()
    assert (first.best | resynced.best).keys() == whole.best.keys()
    (windows, *_) = (json.loads(value) for value in second.cursor.streams.values())
    assert len(windows) == 2


def test_a_trace_tells_who_wrote_to_whom_without_a_mailbox(tenant):
    with tenant() as acme:
        pulled = acme.pull("message_trace", days=20)
        of = acme.stock.identities.of
        rows = {mail(row.event): row for row in acme.stock.events.values() if row.kind == Kind.MAIL}
        assert not acme.called("messages_delta")
    assert {event.id for event in pulled.events} == set(rows)
    for event in pulled.events:
        assert {handle for handle, _ in event.recipients} == {canonical(of(account).email) for account in rows[event.id].to}
    assert pulled.coverage.balanced


def test_people_have_all_their_addresses_and_no_private_ones(tenant):
    with tenant() as acme:
        pulled = acme.pull("directory", mailbox_purpose=True)
        for person, identity in zip(
            sorted(pulled.people, key=lambda one: one.handles[0]),
            sorted(acme.stock.everybody, key=lambda one: guid(one.account)),
            strict=True,
        ):
            assert person.handles[0] == f"entra:6fbb1a2e-7c1b-4d6a-9a40-0f2f2f6d1c11/{guid(identity.account)}"
            assert {canonical(identity.email), *map(canonical, identity.aliases)} <= set(person.handles)
            assert any(handle.startswith("id:x500/") for handle in person.handles)
            assert "private.example" not in repr(person.handles)
            assert person.kind == (identity.kind if identity.email.startswith(("mailbox", "room")) else person.kind)
