"""Overload needs several signals for weeks on end; each signal is what its name says."""

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from ona.indicators.base import from_tables
from ona.overload import SIGNALS, lasting, logrank, overload, rarer, slower
from ona.tables import ASKS, FIXED_POINT, PEOPLE, PRESENCE, AccountKind, Table


def test_three_signals_for_three_weeks_on_end_are_a_risk():
    signals = np.zeros((3, 5, 6), dtype=bool)
    signals[0, :3, 1:4] = True  # three signals in weeks 1 to 3
    signals[1, :2, :] = True  # never three at a time
    signals[2, 2:, [0, 1, 3, 4]] = True  # a break in week 2
    assert lasting(signals).tolist() == [[False, False, False, True, False, False], [False] * 6, [False] * 6]


def test_the_log_rank_statistic_is_that_of_scipy():
    for seed in range(60):
        rng = np.random.default_rng(seed)
        counts = rng.integers(0, 6, (4, 10)).astype(float)
        times = [np.repeat(np.arange(10), row.astype(int)) for row in counts]
        groups = [stats.CensoredData(uncensored=times[a], right=times[b]) for a, b in ((0, 1), (2, 3))]
        assert logrank(*counts) == pytest.approx(stats.logrank(*groups).statistic, abs=1e-9)
    assert np.isnan(logrank(*np.zeros((4, 10))))


def test_slower_and_rarer_answers_are_seen_and_faster_ones_are_not():
    latency, nobody = np.zeros((2, 8, 10)), np.zeros((2, 8, 10))
    latency[0, :4, 0], latency[0, 4:, 8] = 5, 5  # minutes at first, then a day
    latency[1, :4, 8], latency[1, 4:, 0] = 5, 5
    assert slower(latency, nobody)[:, 7].tolist() == [True, False]
    asked = np.full((2, 8), 10.0)
    answered = np.array([[9.0] * 4 + [4] * 4, [4.0] * 4 + [9] * 4])
    assert rarer(answered, asked)[:, 7].tolist() == [True, False]
    assert not rarer(answered, asked)[:, :4].any()  # nothing earlier to compare with
    assert not rarer(answered / 10, asked / 10)[:, 7].any()  # four asks on each side are too few


def tables(people: int, weeks: int) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Person 0 is asked three times a week by each other, writes half at night and meets all day; the others do nothing special."""
    asks, presence = [], []
    for week in (20633 + 7 * at for at in range(weeks)):  # Mondays as days since 1970
        asks += [
            {"week": week, "channel": 1, "asker": one, "helper": 0, "asks": 3, "directed": 3, "certain": 3, "credit": 3 * FIXED_POINT}
            for one in range(1, people)
        ]
        presence += [
            {"week": week, "account": one, "days": 31, "channels": 2, "turns": 10, "out_of_hours": 5 * (one == 0)}
            | {"meeting_minutes": 60.0 + 600 * (one == 0), "exposure": FIXED_POINT, "latency": [0] * 10, "censored": [0] * 10}
            for one in range(people)
        ]
    staff = [{"person": one, "valid_from": 20000, "kind": int(AccountKind.MEMBER), "team": 1} for one in range(people)]
    return filled(ASKS, asks), filled(PRESENCE, presence), filled(PEOPLE, staff)


def filled(table: Table, rows: list[dict]) -> pa.Table:
    """A table of these rows; other numbers are 0, other values missing."""
    arrays = []
    for field in table.schema:
        blank = 0 if pa.types.is_integer(field.type) and table is not PEOPLE else None
        values = [row.get(field.name, blank) for row in rows]
        arrays.append(pa.array(values, pa.int32()).cast(field.type) if pa.types.is_date(field.type) else pa.array(values, field.type))
    return pa.table(arrays, schema=table.schema)


def test_a_person_who_is_asked_for_everything_at_night_and_between_meetings_is_at_risk():
    """By hand: of six in one team, person 0 gets all asks; the third week without a break is the first at risk."""
    asks, presence, people = tables(6, 4)
    found = overload(from_tables(asks, presence, people), presence)
    assert found.risk[0].tolist() == [False, False, True, True]
    assert not found.risk[1:].any()
    on = dict(zip(SIGNALS, found.signals[0].all(axis=1).tolist(), strict=True))
    assert on == {"pull": True, "team_share": True, "out_of_hours": True, "slower": False, "meetings": True}


def test_in_a_team_of_four_no_share_is_too_large():
    asks, presence, people = tables(4, 3)
    found = overload(from_tables(asks, presence, people), presence)
    assert not found.signals[:, SIGNALS.index("team_share")].any()
