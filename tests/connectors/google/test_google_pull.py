"""Google Workspace over a real socket: everything arrives once, whatever goes wrong, and no content does."""

import dataclasses
import logging

import msgspec
import pytest

from connectors.google.login import CONTENT, LISTING, NEEDED
from connectors.identity import canonical
from connectors.simulated.faults import Faults
from connectors.simulated.identities import CANARY
from connectors.simulated.mailbox import message_id
from connectors.simulated.vendors.google import PATHS, PREFIX, fault
from ona.errors import AccessError
from ona.tables import Kind

STORM = {"share": 0.05, "bursts": 0.2, "mangled": 0.3}
DAY = 86_400
MIDWEEK = 1_783_000_000.0  # 2026-07-02


def mail(event: int) -> str:
    return "mail:" + message_id(event).strip("<>")


def everything(pulled) -> str:
    rows = [*map(msgspec.structs.astuple, pulled.events), *map(dataclasses.astuple, pulled.people)]
    return repr((rows, pulled.coverage, pulled.cursor))


def of_owners(space):
    owners = {one.account for one in space.pilot}
    return {mail(row.event): row for row in space.stock.events.values() if row.kind == Kind.MAIL and row.sender in owners}


def test_every_sent_mail_arrives_once_with_sender_recipients_and_thread(workspace):
    with workspace() as acme:
        pulled, expected = acme.pull("gmail", lists=True), of_owners(acme)
        of, lists = acme.stock.identities.of, acme.stock.lists
    assert {event.id for event in pulled.events} == set(expected)
    assert len(pulled.events) == len(expected) > 30
    for event in pulled.events:
        row = expected[event.id]
        assert (event.sent, event.sender) == (row.sent // 1000 * 1000, canonical(of(row.sender).email))
        people = {account for to in row.to for account in (lists[to] if to in lists and len(lists[to]) <= 25 else [to])}
        assert {handle for handle, _ in event.recipients} == {canonical(of(account).email) for account in people} - {event.sender}
        assert event.reply_to == (None if row.reply_to is None else mail(row.reply_to))
    assert pulled.coverage.balanced


@pytest.mark.parametrize("what", ["gmail", "calendar", "directory"])
def test_a_storm_of_faults_changes_nothing_and_no_limit_is_broken(workspace, what):
    with workspace() as acme:
        calm = acme.pull(what)
        assert acme.world.refused == {}
    with workspace(Faults(**STORM, seed=7)) as acme:
        stormy = acme.pull(what)
        assert acme.world.refused == {}
    assert stormy.best == calm.best
    assert set(stormy.people) == set(calm.people)
    assert stormy.coverage.balanced


@pytest.mark.parametrize("what", ["gmail", "calendar", "directory"])
def test_content_that_comes_although_nobody_asked_never_leaves_the_decoder(workspace, caplog, what):
    with caplog.at_level(logging.DEBUG), workspace(leaky=True) as acme:
        pulled = acme.pull(what)
    assert pulled.events or pulled.people
    assert CANARY not in everything(pulled)
    assert CANARY not in caplog.text


def test_a_second_pull_brings_what_was_sent_since_and_nothing_twice(workspace):
    with workspace(at=MIDWEEK) as acme:
        first = acme.pull("gmail")
        acme.world.clock.sleep(7 * DAY)
        second, total = acme.pull("gmail", first.cursor), len(of_owners(acme))
    assert len(first.events) + len(second.events) == total
    assert not {event.id for event in first.events} & {event.id for event in second.events}


def test_a_forgotten_history_means_reading_that_mailbox_anew_and_the_next_pull_is_short_again(workspace):
    with workspace(at=MIDWEEK) as acme:
        first = acme.pull("gmail")
        acme.world.clock.sleep(7 * DAY)
        acme.google.forgotten = acme.world.now - DAY * 1_000_000
        again = acme.pull("gmail", first.cursor)
        third = acme.pull("gmail", again.cursor)
        assert {event.id for event in again.events} | {event.id for event in first.events} == set(of_owners(acme))
    assert again.coverage.notes["history_forgotten"] > 0
    assert third.events == []
    assert third.coverage.notes["history_forgotten"] == 0


def test_a_calendar_follows_its_changes_and_reads_the_time_since_and_resyncs_on_410(workspace):
    with workspace(at=MIDWEEK) as acme:
        first = acme.pull("calendar")
        acme.world.clock.sleep(5 * DAY)
        second = acme.pull("calendar", first.cursor)
        whole = acme.pull("calendar")
        acme.google.forgotten = acme.world.now
        resynced = acme.pull("calendar", first.cursor)
    assert (first.best | second.best).keys() == whole.best.keys() == resynced.best.keys()
    assert len(first.best) < len(whole.best)
    assert second.coverage.dropped["removed"] > 0
    assert resynced.coverage.notes["sync_token_forgotten"] == resynced.coverage.notes["calendars_asked"]


def test_mail_older_than_the_first_day_is_not_read_and_ends_the_mailbox(workspace):
    with workspace(page=2) as acme:
        pulled = acme.pull("gmail", days=2)
        rows = of_owners(acme)
        oldest = acme.world.now - 2 * DAY * 1_000_000
        assert {event.id for event in pulled.events} == {id for id, row in rows.items() if row.sent >= oldest}
        assert sum(name == "google.message" for name, _ in acme.world.calls) < len(rows)


def test_mailboxes_that_cannot_be_read_are_counted_and_stop_nobody(workspace):
    with workspace() as acme:
        acme.google.no_mailbox = frozenset(one.email for one in acme.pilot[:3])
        notes = acme.pull("gmail").coverage.notes
    assert notes["mailboxes_refused_no_mailbox"] == 3
    assert notes["mailboxes_read"] + notes["mailboxes_refused_no_mailbox"] == notes["mailboxes_asked"]


def test_tokens_that_die_in_the_middle_are_renewed(workspace):
    with workspace() as acme:
        calm = acme.pull("gmail")
    with workspace(calls=3) as acme:
        assert acme.pull("gmail").best == calm.best


def test_a_check_names_scopes_that_are_missing_or_open_content(workspace):
    with workspace(delegated=frozenset((*NEEDED["gmail"], *LISTING, CONTENT[0]))) as acme:
        assert acme.connector("gmail").check().too_wide == (CONTENT[0],)
        assert acme.connector("gmail").check().missing == ()
        assert acme.connector("calendar").check().missing == NEEDED["calendar"]


def test_a_check_of_mail_asks_for_the_scope_that_names_the_mailboxes(workspace):
    with workspace(delegated=frozenset(NEEDED["gmail"])) as acme:
        assert acme.connector("gmail").check().missing == LISTING  # without it a pull ends before its first mailbox


def test_a_delegation_without_the_scope_is_told_by_name(workspace):
    with workspace(delegated=frozenset()) as acme, pytest.raises(AccessError, match="delegation"):
        acme.pull("directory")


def test_a_token_carries_the_one_scope_of_its_connector_and_no_other(workspace):
    with workspace() as acme:
        acme.pull("gmail")
        asked = {frozenset(scope for scope in scopes if scope.startswith(PREFIX)) for scopes in acme.world.tokens.issued.values()}
    assert asked - {frozenset()} == {frozenset({f"{PREFIX}{PATHS[name][1]}"}) for name in ("messages", "users")}


def test_too_many_calls_that_come_as_a_403_are_waited_for_and_no_refusal(workspace):
    with workspace() as acme:
        calm = acme.pull("gmail")

    left = [fault(403, "rateLimitExceeded"), fault(403, "userRateLimitExceeded"), fault(403, "quotaExceeded")]
    with workspace(twist=lambda name, body: left.pop() if name == "messages" and left else body) as acme:
        assert acme.pull("gmail").best == calm.best
    assert not left
