"""Every event is kept or counted under one rule, and what is dropped leaves no trace in ties."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ona.simulate.company import company
from ona.tables import EVENTS, AccountKind, Flag, Kind, Role
from ona.ties.automation import automated_senders, burstiness, hour_entropy
from ona.ties.cleaning import DROPS
from pipelines.engine.duckdb import Engine

BOT, ROOM = 20, 21


def test_every_event_is_kept_or_dropped_by_exactly_one_rule(compute, log, known):
    log.mail(9, "0 10:00", [1])  # excluded
    log.post(BOT, "0 10:00")  # bot
    log.mail(ROOM, "0 10:00", [1])  # bot: a room
    log.mail(999, "0 10:00", [1])  # external
    log.mail(1, "0 10:00", [2], flags=Flag.AUTO_SUBMITTED)
    log.mail(1, "0 11:00", [2], flags=Flag.LIST)
    log.post(1, "0 11:00", mention=[2], flags=Flag.BROADCAST)
    log.meet(1, "0 12:00", 60.0, (2, Role.ACCEPTED), flags=Flag.CANCELLED)
    log.mail(1, "0 13:00", list(range(30, 41)))  # eleven recipients, none of them known: the original audience counts
    log.mail(1, "0 14:00", [1])  # to oneself
    for day in range(4):
        log.post(3, f"{day} 9:0{day}", mention=[4])  # a daily reminder
    log.direct(5, "0 10:00", [6])
    log.mail(5, "0 10:03", [6])  # its copy by mail
    log.mail(5, "0 10:30", [6])  # kept
    found = compute(log, known({BOT: AccountKind.BOT, ROOM: AccountKind.ROOM}, excluded=[9]))
    counts = {rule: found.count(rule) for rule in (*DROPS, "kept")}
    assert counts == {
        "excluded": 1, "bot": 2, "external": 1, "automatic": 1, "list": 1, "broadcast": 1, "cancelled": 1, "audience": 1,
        "alone": 1, "recurring": 4, "duplicate": 1, "kept": 2,
    }  # fmt: skip
    assert sum(counts.values()) == len(log.rows)
    assert {(row["from"], row["to"]) for row in found.ties.to_pylist()} == {(5, 6)}
    assert found.of(1)["broadcasts"] == 3  # list, broadcast, eleven recipients


def test_an_excluded_person_leaves_no_trace_as_receiver_either(compute, log, known):
    root = log.post(9, "0 10:00")
    log.post(2, "0 10:30", root=root)
    log.mail(1, "0 10:00", [9, 2])
    log.meet(9, "0 14:00", 30.0, (1, Role.ACCEPTED))
    found = compute(log, known(excluded=[9]))
    assert {(row["from"], row["to"]) for row in found.ties.to_pylist()} == {(1, 2)}
    assert found.weight(1, 2, 2) == pytest.approx(1.0, abs=1e-6)  # the split is over the recipients that were kept
    assert 9 not in found.presence["account"].to_pylist()
    assert found.asks.num_rows == 0


@dataclass(frozen=True)
class Case:
    """A simulated company with its ties."""

    events: pa.Table
    accounts: pa.Table
    ties: pa.Table
    asks: pa.Table
    presence: pa.Table


@pytest.fixture(scope="module")
def case(compute) -> Case:
    made = company(people=80, weeks=3, seed=3)
    events = made.events().cast(EVENTS.schema)
    found = compute(events, made.accounts)
    return Case(events, made.accounts, found.ties, found.asks, found.presence)


def test_shuffled_events_give_identical_tables(compute, case):
    order = np.random.default_rng(1).permutation(case.events.num_rows)
    found = compute(case.events.take(pa.array(order)), case.accounts)
    assert found.ties.equals(case.ties)
    assert found.asks.equals(case.asks)
    assert found.presence.equals(case.presence)


def test_a_mass_mail_and_a_bot_change_no_tie_of_people(compute, case):
    """One mail to 500 recipients and a bot with 10,000 messages that mention people."""
    members = case.accounts.filter(pc.equal(case.accounts["kind"], int(AccountKind.MEMBER)))["account"].to_pylist()
    bot, base = 777, case.events.slice(0, 1).to_pylist()[0]
    first = {
        "event": 5,
        "kind": Kind.MAIL,
        "sender": members[0],
        "space_kind": 5,
        "root": None,
        "reply_to": None,
        "audience": 500,
        "flags": 0,
    }
    mass = base | first | {"recipients": [{"account": members[k % len(members)], "role": Role.TO} for k in range(500)]}
    noise = [
        base | {"event": 10 + k, "kind": Kind.MESSAGE, "sender": bot, "space": 1, "space_kind": 1, "audience": 1, "flags": 0,
                "root": None, "reply_to": None, "recipients": [{"account": members[k % len(members)], "role": Role.MENTIONED}]}
        for k in range(10_000)
    ]  # fmt: skip
    machine = pa.table({name: [value] for name, value in zip(case.accounts.schema.names, (bot, bot, 3, 31, False), strict=True)})
    accounts = pa.concat_tables([case.accounts, machine.cast(case.accounts.schema)])
    found = compute(pa.concat_tables([case.events, pa.Table.from_pylist([mass, *noise], EVENTS.schema)]), accounts)
    assert found.ties.equals(case.ties)
    assert found.asks.equals(case.asks)


def test_one_message_in_eight_pieces_counts_like_one(compute, log):
    whole = compute(log_of(log, pieces=1))
    log.rows.clear()
    split = compute(log_of(log, pieces=8))
    assert split.ties.equals(whole.ties)
    assert split.of(1)["turns"] == whole.of(1)["turns"]


def log_of(log, pieces):
    """A direct message, a mail and a thread reply, each in pieces a minute apart; the mention is in the last piece."""
    root = log.post(2, "0 9:00")
    for piece in range(pieces):
        log.direct(1, f"0 10:0{piece}", [3])
        log.mail(1, f"0 11:0{piece}", [4, 5])
        log.post(1, f"0 12:0{piece}", root=root, mention=[6] if piece == pieces - 1 else [])
    return log


def test_burstiness_and_hour_entropy_match_the_worked_numbers():
    """T1.13: constant intervals -1, (1, 1, 1, 17) .6635. T1.14: 24 hours 1, 8 hours .6543."""
    gaps = np.array([[5.0] * 4, [1, 1, 1, 17]])
    assert burstiness(np.full(2, 4.0), gaps.mean(axis=1), gaps.std(axis=1)) == pytest.approx([-1, 0.6635], abs=1e-4)
    assert hour_entropy(np.array([[1.0] * 24, [1.0] * 8 + [0.0] * 16])) == pytest.approx([1, 0.6543], abs=1e-4)


def test_a_clockwork_sender_is_found_and_a_busy_person_is_not(log, known):
    for k in range(240):
        log.post(1, f"{k // 24} {k % 24}:00")
        said = log.post(2, f"{k // 24} {9 + k % 24 // 3}:{(k * 7) % 60:02}")
        if k % 10 == 0:
            log.post(3, f"{k // 24} 20:{k % 60:02}", root=said)
    with Engine() as engine:
        found = automated_senders(engine.frame(log.table()), engine.frame(known()))
    assert found["account"].to_pylist() == [1]
    assert found["reasons"].to_pylist() == [["around_the_clock", "clockwork", "unanswered", "on_the_second"]]
