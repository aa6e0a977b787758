"""Events become ties by the worked examples of the method."""

from datetime import date, timedelta
from math import log2

import pytest

from ona.tables import Channel, Role

CHAT, MAIL, MEETING = Channel.CHAT, Channel.MAIL, Channel.MEETING


def test_the_worked_example_of_the_method_gives_its_channel_sums_and_credits(compute, log):
    """T14.1. Credits by hand with the u of amendment 3: b first .25 + .5, c .25, q .5, so .375 and .125 (.3333/.1667 before it)."""
    a, b, c = 1, 2, 3
    log.mail(a, "0 10:00", [b, c])
    root = log.post(a, "0 11:00")
    log.post(b, "0 11:30", root=root)
    log.post(c, "0 12:00", root=root, mention=[b])
    log.react(c, "0 12:30", root)
    log.meet(a, "0 14:00", 60.0, (b, Role.ACCEPTED))
    log.direct(b, "1 10:00", [a])
    log.direct(b, "1 11:00", [a])
    found = compute(log)
    assert [found.weight(a, b, MAIL), found.weight(a, c, MAIL)] == pytest.approx([0.5850, 0.5850], abs=1e-4)
    assert [found.weight(*pair, CHAT) for pair in ((b, a), (c, a), (c, b))] == pytest.approx([2.5850, 0.5361, 0.8074], abs=1e-4)
    assert [found.weight(a, b, MEETING), found.weight(b, a, MEETING)] == pytest.approx([1.0, 1.0], abs=1e-6)
    assert found.ties.num_rows == 7
    assert [found.credit(a, b), found.credit(a, c)] == pytest.approx([0.375, 0.125], abs=1e-6)


def test_a_mail_is_split_over_its_recipients(compute, log):
    """T1.1: four To a quarter each. T1.2: one To .5714, three Cc .1429 each. Bcc and unknown people get nothing."""
    log.mail(1, "0 10:00", [2, 3, 4, 5])
    log.mail(6, "0 10:00", [2], cc=[3, 4, 5])
    log.add(2, 7, "0 9:00", [(8, Role.TO)])
    log.rows.pop()
    log.mail(7, "0 10:00", [8, 999])
    log.add(3, 8, "0 10:00", [(9, Role.TO), (1, Role.BCC)], space_kind=5)
    found = compute(log)
    assert found.weight(1, 2, MAIL) == pytest.approx(log2(1.25), abs=1e-5)
    assert [found.weight(6, who, MAIL) for who in (2, 3, 4, 5)] == pytest.approx([log2(1 + 4 / 7)] + [log2(1 + 1 / 7)] * 3, abs=1e-5)
    assert found.weight(7, 8, MAIL) == pytest.approx(1.0, abs=1e-6)
    assert [found.weight(8, 9, MAIL), found.weight(8, 1, MAIL)] == pytest.approx([1.0, 0.0], abs=1e-6)


def test_the_attention_exponent_lets_small_groups_keep_more(compute, log):
    """T1.1 with beta .5: four To half a turn each."""
    log.mail(1, "0 10:00", [2, 3, 4, 5])
    from ona.rules import TieRules

    assert compute(log, rules=TieRules(beta=0.5)).weight(1, 2, MAIL) == pytest.approx(log2(1.5), abs=1e-5)


def test_messages_in_quick_succession_are_one_turn(compute, log):
    """T1.3: minutes 0, 3, 9, 25 are two turns; and another speaker in between changes nothing."""
    for minute in (0, 3, 9, 25):
        log.direct(1, f"0 10:{minute:02}", [2])
    log.direct(2, "0 10:05", [1])
    found = compute(log)
    assert found.weight(1, 2, CHAT) == pytest.approx(log2(3), abs=1e-5)
    assert found.of(1)["turns"] == 2


def test_ties_saturate_by_day(compute, log):
    """T1.6: day sums 1, 7, 0, 3 add up to 1 + 3 + 0 + 2 = 6; the day mask holds days 0, 1 and 3."""
    for day, turns in ((0, 1), (1, 7), (3, 3)):
        for turn in range(turns):
            log.direct(1, f"{day} {9 + turn}:00", [2])
    found = compute(log)
    assert found.weight(1, 2, CHAT) == pytest.approx(6.0, abs=1e-5)
    (row,) = [row for row in found.ties.to_pylist() if row["from"] == 1]
    assert (row["days"], row["evidence"], row["turns"], row["events"]) == (0b1011, 0b1011, 11, 11)


def test_a_reply_goes_to_root_author_previous_speaker_and_mentions(compute, log):
    """T1.4: root a, previous b, reply mentions d: a .25, b .25, d .5. A bare root gives nothing."""
    root = log.post(1, "0 10:00")
    log.post(2, "0 10:20", root=root)
    log.post(3, "0 10:40", root=root, mention=[4])
    log.post(5, "1 10:00", mention=[6, 7])
    found = compute(log)
    assert [found.weight(3, who, CHAT) for who in (1, 2, 4)] == pytest.approx([log2(1.25), log2(1.25), log2(1.5)], abs=1e-5)
    assert [found.weight(5, who, CHAT) for who in (6, 7)] == pytest.approx([log2(1.5)] * 2, abs=1e-5)
    assert found.weight(2, 1, CHAT) == pytest.approx(1.0, abs=1e-5)
    assert not [row for row in found.ties.to_pylist() if row["from"] == 1]


def test_who_merely_spoke_before_in_a_thread_gets_weight_but_is_not_turned_to(compute, log):
    """Otherwise whoever replies to everything has a relationship with everybody who writes next; a mention or a thread of their own is."""
    root = log.post(1, "0 10:00")
    log.post(2, "0 10:20", root=root)
    log.post(3, "0 10:40", root=root)
    log.post(4, "0 11:00", root=root, mention=[3])
    rows = {(row["from"], row["to"]): (row["turns"], row["evidence"]) for row in compute(log).ties.to_pylist()}
    assert rows == {(2, 1): (1, 1), (3, 1): (1, 1), (3, 2): (0, 0), (4, 1): (1, 1), (4, 3): (1, 1)}


def test_mentions_of_more_than_five_people_make_no_tie_but_the_thread_stays(compute, log):
    root = log.post(1, "0 10:00", mention=[2, 3, 4, 5, 6, 7])
    log.post(2, "0 10:20", root=root, mention=[3, 4, 5, 6, 7, 8])
    found = compute(log)
    assert [(row["from"], row["to"]) for row in found.ties.to_pylist()] == [(2, 1)]


def test_reactions_count_once_a_day(compute, log):
    """.2 for each of two days: 2 log2 1.2."""
    posts = [log.post(1, f"0 {hour}:00") for hour in (9, 10, 11)]
    for post in posts:
        log.react(2, "0 12:00", post)
    log.react(2, "1 12:00", posts[0])
    assert compute(log).weight(2, 1, CHAT) == pytest.approx(2 * log2(1.2), abs=1e-5)


def test_meetings_conserve_the_hours_of_each_attendee(compute, log):
    """T1.5: 60 minutes alone together 1 each way, with five people .25 a pair; declined people were not there."""
    log.meet(1, "0 10:00", 60.0, (2, Role.ACCEPTED))
    log.meet(3, "0 10:00", 60.0, *[(who, Role.ACCEPTED) for who in (4, 5, 6, 7)], (8, Role.DECLINED))
    log.meet(8, "1 10:00", 60.0, (9, Role.TENTATIVE))
    found = compute(log)
    assert [found.weight(1, 2, MEETING), found.weight(2, 1, MEETING)] == pytest.approx([1.0, 1.0], abs=1e-6)
    hours = [2 ** found.weight(4, who, MEETING) - 1 for who in (3, 5, 6, 7)]
    assert hours == pytest.approx([0.25] * 4, abs=1e-5)
    assert found.weight(8, 3, MEETING) == 0
    assert found.weight(9, 8, MEETING) == pytest.approx(1.0, abs=1e-6)  # a .5 over n - 1 = .5
    assert found.of(4)["meeting_minutes"] == 60
    evidence = {(row["from"], row["to"]): row["evidence"] for row in found.ties.to_pylist()}
    assert (evidence[1, 2], evidence[4, 5]) == (1, 0)  # six people were invited, one too many to prove a relationship


def test_day_and_week_are_those_of_the_senders_clock(compute, log):
    """Sunday 23:30 UTC is Monday 8:30 in Tokyo: the next week's Monday; the same message without zone is Sunday."""
    monday = date(2026, 7, 6)
    log.direct(1, "6 23:30", [2], day=monday, bin=8)
    log.direct(3, "6 23:30", [4])
    rows = {row["from"]: (row["week"], row["days"]) for row in compute(log).ties.to_pylist()}
    assert rows == {1: (monday, 0b0000001), 3: (monday - timedelta(days=7), 0b1000000)}


def test_exactly_ten_minutes_apart_is_one_turn_and_a_second_more_is_two(compute, log):
    """Section 1.2: gaps of at most ten minutes; the gap is between neighbours, so a turn may last longer."""
    for minute in (0, 10, 20):
        log.direct(1, f"0 10:{minute:02}", [2])
    log.direct(3, "0 10:00", [4])
    log.direct(3, "0 10:10", [4])
    log.rows[-1]["sent"] += timedelta(seconds=1)
    found = compute(log)
    assert (found.of(1)["turns"], found.of(3)["turns"]) == (1, 2)


def test_a_long_meeting_is_capped_at_two_hours(compute, log):
    log.meet(1, "0 9:00", 480.0, (2, Role.ACCEPTED))
    assert compute(log).weight(1, 2, MEETING) == pytest.approx(log2(3), abs=1e-5)
