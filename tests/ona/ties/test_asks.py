"""Asks are inferred from the shape of exchanges, and their credit is conserved."""

import pyarrow as pa
import pytest

from ona.rules import TieRules
from ona.simulate.company import company
from ona.tables import EVENTS, Role
from ona.ties.bursts import BURSTS


def test_credit_follows_who_was_first_named_and_acknowledged(compute, log):
    """T3.1 with the u of amendment 3: j first and acknowledged 1.75, k replied only .25, q 1: .875 and .125."""
    root = log.post(1, "0 10:00")
    answer = log.post(2, "0 10:30", root=root)
    log.post(3, "0 11:00", root=root)
    log.react(1, "0 11:30", answer)
    named = log.post(4, "0 10:00", mention=[6], space=78)  # 6 answers second, so q is 1: u .25 + 1 against .25 + .5
    log.post(5, "0 10:30", root=named, space=78)
    log.post(6, "0 10:40", root=named, space=78)
    found = compute(log)
    assert [found.credit(1, 2), found.credit(1, 3)] == pytest.approx([0.875, 0.125], abs=1e-6)
    assert [found.credit(4, 6), found.credit(4, 5)] == pytest.approx([1.25 / 2, 0.75 / 2], abs=1e-6)
    rows = {(row["asker"], row["helper"]): row for row in found.asks.to_pylist()}
    assert [rows[1, 2][name] for name in ("first", "acknowledged", "directed", "certain")] == [1, 1, 0, 1]
    assert [rows[1, 3][name] for name in ("first", "acknowledged", "directed", "certain")] == [0, 0, 0, 0]
    assert rows[4, 6]["directed"] == 1
    presence = found.of(6)
    assert (presence["directed_in"], presence["directed_answered"], presence["latency"][3]) == (1, 1, 1)  # 40 minutes
    assert sum(found.of(who)["exposure"] for who in (2, 3)) == 2**20  # both could have helped with an ask of confidence 1


def test_the_askers_next_words_acknowledge_the_last_speaker_or_whom_they_name(compute, log):
    """The asker speaks after k and names j: both count as meant; a late word two working days on counts for nobody."""
    root = log.post(1, "0 10:00")
    log.post(2, "0 10:30", root=root)
    log.post(3, "0 11:00", root=root)
    log.post(1, "0 11:30", root=root, mention=[2])
    slow = log.post(4, "0 10:00", space=78)
    log.post(5, "0 10:30", root=slow, space=78)
    log.post(4, "2 11:00", root=slow, space=78)
    question = log.post(6, "0 10:00", space=79)  # question and answer with a named answer, as on a forum
    answer = log.post(7, "0 12:00", root=question, space=79)
    log.post(8, "0 13:00", root=question, space=79)
    log.post(6, "1 14:00", root=question, space=79, reply_to=answer)
    rows = {(row["asker"], row["helper"]): row["acknowledged"] for row in compute(log).asks.to_pylist()}
    assert rows == {(1, 2): 1, (1, 3): 1, (4, 5): 0, (6, 7): 1, (6, 8): 0}


def test_late_answers_own_replies_and_announcements_are_no_asks(compute, log):
    """Answer on the fourth working day; only own replies; a channel in which three of five authors write ten of twelve roots."""
    log.post(2, "4 10:00", root=log.post(1, "0 10:00"))
    log.post(3, "0 11:00", root=log.post(3, "0 10:00"))
    for k in range(12):
        author = (4, 5, 6)[k % 3] if k < 10 else k - 3
        root = log.post(author, f"{k % 4} {10 + k // 4}:{k % 3 * 20 + 5:02}", space=78)
        log.post(9, f"{k % 4} {10 + k // 4}:{k % 3 * 20 + 12:02}", root=root, space=78)
    assert compute(log).asks.num_rows == 0


def test_direct_messages_after_silence_and_quick_one_to_ones_are_asks(compute, log):
    log.direct(1, "0 10:00", [2])
    log.direct(2, "0 10:20", [1])  # answered: .5
    log.direct(1, "0 10:30", [2])  # acknowledged, no new ask
    log.direct(3, "0 10:00", [4])  # unanswered for more than two working days
    log.direct(5, "0 10:00", [6])
    log.direct(6, "1 12:00", [5])  # a late answer, not an ask of its own
    log.direct(5, "1 12:10", [6])
    log.meet(7, "0 15:00", 30.0, (8, Role.ACCEPTED), lead_hours=3)
    log.meet(7, "1 15:00", 30.0, (9, Role.ACCEPTED), lead_hours=72)
    found = compute(log)
    assert {(row["asker"], row["helper"]): row["credit"] / 2**20 for row in found.asks.to_pylist()} == {
        (1, 2): 0.5,
        (5, 6): 0.5,
        (7, 8): 0.5,
    }
    assert [row["acknowledged"] for row in found.asks.to_pylist() if row["asker"] == 1] == [1]
    assert all(row["direct_credit"] == row["credit"] for row in found.asks.to_pylist())
    assert (found.of(4)["directed_in"], found.of(4)["directed_answered"], sum(found.of(4)["censored"])) == (1, 0, 1)


def test_mail_is_an_ask_only_after_three_silent_days_and_when_nothing_waits(compute, log):
    """Amendment 4."""
    log.mail(1, "0 10:00", [2])
    log.mail(2, "0 15:00", [1])  # 1 asked 2
    log.mail(1, "1 10:00", [2])
    log.mail(2, "1 12:00", [1])  # only one day of silence: correspondence
    log.mail(3, "0 10:00", [4])
    log.mail(4, "3 11:00", [3])  # after three days, but the first mail still waits: a late answer
    log.mail(3, "3 12:00", [4])
    log.mail(5, "0 10:00", [6], reply_to=12345, root=12345)
    log.mail(6, "0 11:00", [5])
    log.mail(7, "0 10:00", [8, 9, 1, 2])
    log.mail(8, "0 11:00", [7])  # four were asked: nobody in particular
    found = compute(log)
    assert [(row["asker"], row["helper"], row["asks"], row["channel"]) for row in found.asks.to_pylist()] == [(1, 2, 1, 2)]


def test_an_ask_is_exposed_evenly_to_those_at_work_but_not_to_the_asker(compute, log):
    """Confidence .5 over 2, 3 and 4, of whom 4 wrote on another day only: a quarter for 2 and 3; and 3 asks too: .5 over 1 and 2."""
    log.post(4, "1 9:00")
    log.post(2, "0 10:30", root=log.post(1, "0 10:00"))
    log.post(1, "0 11:30", root=log.post(3, "0 11:00"))
    found = compute(log)
    assert [found.of(who)["exposure"] / 2**20 for who in (1, 2, 3, 4)] == [0.25, 0.5, 0.25, 0.0]


def test_a_burst_marks_its_asks_and_counts_those_called_in(compute, log):
    """Burst from 10:00 to 12:00; 5 is named by 1 and 2, then writes; 3 was there the day before; 6 came uncalled."""
    log.post(3, "0 16:00")
    root = log.post(1, "1 10:05", mention=[5])
    log.post(2, "1 10:20", root=root, mention=[5, 3])
    log.post(3, "1 10:25", root=root)
    log.post(6, "1 10:40", root=root)
    log.post(5, "1 11:00", root=root)
    day = log.rows[0]["week"]
    start = int((log.rows[1]["sent"] - log.rows[1]["sent"].__class__(1970, 1, 1)).total_seconds()) // 3600 * 3600
    found = compute(log, bursts=pa.table([[0], [77], [day], [start], [start + 7200]], schema=BURSTS))
    assert {row["account"]: row["pulls"] for row in found.presence.to_pylist() if row["pulls"]} == {5: 1}
    assert all(row["burst_exposure"] == 1 for row in found.presence.to_pylist())
    assert {row["helper"]: row["incident"] for row in found.asks.to_pylist() if row["asker"] == 1} == {2: 1, 3: 1, 5: 1, 6: 1}


def test_credits_of_an_ask_sum_to_its_confidence_and_the_cap_holds(compute):
    """Every ask spends .5 or 1 credit; exposure and credit of channel asks agree up to rounding."""
    made = company(people=60, weeks=2, seed=5)
    events = made.events().cast(EVENTS.schema)
    free = compute(events, made.accounts, TieRules(credit_cap=1e6))
    spent = sum(row["credit"] for row in free.asks.to_pylist()) / 2**20
    asks = sum(row["asks_made"] for row in free.presence.to_pylist())
    assert asks / 2 - 0.01 <= spent <= asks + 0.01
    assert spent * 2 == pytest.approx(round(spent * 2), abs=0.01)
    capped = compute(events, made.accounts)
    pairs: dict[tuple[object, ...], int] = {}
    for row in capped.asks.to_pylist():
        key = (row["week"], row["asker"], row["helper"])
        pairs[key] = pairs.get(key, 0) + row["credit"]
    assert max(pairs.values()) <= 3 * 2**20 + 3
