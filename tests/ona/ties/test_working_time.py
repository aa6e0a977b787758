"""Waiting and answering count in the working days of the person, without their absences, on their own clock."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from ona.tables import OUT_OF_HOURS
from ona.ties.working_time import MONDAY_TO_FRIDAY, working_time

MONDAY = 20633  # 2026-06-29 in days since 1970, as in the other tests
HOURS = 60


def test_minutes_and_days_of_a_pattern_with_a_day_off():
    """Monday to Thursday, Tuesday away: Monday 12:00 is 3 hours, Wednesday 18:00 two days, Sunday three days; 0 means Monday to Friday."""
    away = np.array([0]), np.array([MONDAY + 1])
    time = working_time(np.array([0b1111, 0], dtype=np.uint8), range(MONDAY, MONDAY + 7), away)
    at = np.array([12 * HOURS, 2 * 1440 + 18 * HOURS, 6 * 1440 + 5]) + MONDAY * 1440
    assert time.minutes(np.zeros(3, dtype=np.int64), at).tolist() == [180, 960, 1440]
    assert time.minutes(np.ones(3, dtype=np.int64), at).tolist() == [180, 1440, 2400]
    assert time.days(np.zeros(4, dtype=np.int64), MONDAY + np.array([0, 1, 2, 6])).tolist() == [0, 1, 1, 3]


def test_a_part_timer_has_three_days_of_their_own_to_answer(compute, log, known):
    """Asked on Monday, answered on the next: five working days later, but three of who works Monday to Wednesday."""
    log.post(2, "7 10:00", root=log.post(1, "0 10:00"))
    assert compute(log).asks.num_rows == 0
    found = compute(log, known(work_days={2: 0b111}))
    assert found.credit(1, 2) == pytest.approx(0.5)


def test_days_away_are_no_days_of_silence(compute, log, known):
    """A mail on Monday, the next on Thursday: three working days of silence, two when the writer was away on Tuesday."""
    log.mail(1, "0 10:00", [2])
    log.mail(2, "0 11:00", [1])
    log.mail(1, "0 11:30", [2])  # so that nothing waits
    log.mail(1, "3 11:30", [2])
    log.mail(2, "3 12:00", [1])
    away = pa.table({"account": [1, 2], "day": [log.rows[0]["day"] + timedelta(days=k) for k in (1, 400)]})
    assert [row["asks"] for row in compute(log).asks.to_pylist()] == [2]
    assert [row["asks"] for row in compute(log, away=away).asks.to_pylist()] == [1]


def test_a_helper_who_was_away_did_not_wait(compute, log):
    """Asked on Monday 16:00, answered on Wednesday 10:00: 60 + 480 + 60 minutes, and 120 when Tuesday was a day off."""
    log.direct(1, "0 16:00", [2])
    log.direct(2, "2 10:00", [1])
    away = pa.table({"account": [2], "day": [log.rows[0]["day"] + timedelta(days=1)]})
    slots = [compute(log, away=gone).of(2)["latency"].index(1) for gone in (None, away)]
    assert slots == [7, 4]  # at most 960, at most 120 minutes


def test_an_asker_who_was_away_may_thank_on_the_first_day_back(compute, log):
    """Answered on Monday, the asker's next word in the thread on Thursday: late, unless Tuesday and Wednesday were days off."""
    root = log.post(1, "0 10:00")
    log.post(2, "0 11:00", root=root)
    log.post(1, "3 11:00", root=root)
    away = pa.table({"account": [1, 1], "day": [log.rows[0]["day"] + timedelta(days=k) for k in (1, 2)]})
    assert [compute(log, away=gone).asks["acknowledged"].to_pylist() for gone in (None, away)] == [[0], [1]]


def test_silence_is_told_on_the_clock_of_who_breaks_it(compute, log):
    """09:00 and 10:00 UTC, the second by somebody nine hours ahead (18:00, 19:00 there): no working minute passed, and one exchange."""
    log.direct(1, "0 9:00", [2])
    log.direct(2, "0 10:00", [1], bin=19 + OUT_OF_HOURS)
    log.direct(2, "0 23:30", [1], bin=8, day=log.rows[0]["day"] + timedelta(days=1))
    found = compute(log)
    assert [(row["asker"], row["helper"], row["asks"]) for row in found.asks.to_pylist()] == [(1, 2, 1)]
    assert found.of(2)["latency"][0] == 1


def test_monday_to_friday_is_what_an_unknown_pattern_means():
    assert MONDAY_TO_FRIDAY == 0b0011111


def test_a_reply_within_a_working_day_of_the_one_who_replies_opens_nothing(compute, log):
    """00:30 and 09:30 UTC, 9:30 and 18:30 in Tokyo: 7.5 working hours there, although the first clock showed night."""
    log.direct(1, "0 0:30", [2])
    log.direct(2, "0 9:30", [1], bin=18 + OUT_OF_HOURS)
    found = compute(log)
    assert (found.of(1)["initiated"], found.of(2)["initiated"]) == (1, 0)
