"""An hour is a burst when it is busy beyond what its channel and its hour of the week explain, and the week's tests allow it."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from ona.rules import TieRules
from ona.tables import SPACE_WEEKS
from ona.ties.bursts import at_least, find_bursts, unusual, usual

MONDAY = date(2026, 6, 29)
HOUR = 20633 * 24  # 2026-06-29 00:00 UTC in hours since 1970
OFFICE = [day * 24 + hour for day in range(5) for hour in range(9, 17)]


def lively(weeks=8, turns=2, spaces=5):
    """SPACE_WEEKS of channels 1 to 5 with so many turns in each of the 40 office hours."""
    hours = np.zeros(168, dtype=np.int64)
    hours[OFFICE] = turns
    rows = [
        {"week": MONDAY + timedelta(weeks=week), "space": space, "roots": 1, "top_share": 0.5, "speakers": 5, "hours": hours.tolist()}
        for week in range(weeks)
        for space in range(1, spaces + 1)
    ]
    return pa.Table.from_pylist(rows, SPACE_WEEKS.schema)


def busy(*rows):
    """Busy hours as (space, hour after the Monday of the fixture, turns)."""
    space, hour, x = np.array(rows).T
    return pa.table({"space": space, "hour": HOUR + hour, "x": x, "w": (HOUR + hour) // 168})


def found(rows, baseline):
    table = find_bursts(busy(*rows), baseline, TieRules())
    return [(row["space"], row["start"] // 3600 - HOUR, row["end"] // 3600 - HOUR) for row in table.to_pylist()]


def test_the_tail_is_that_of_the_worked_example():
    """T3.9, mean 4: 14 or more .000076, 10 or more .0081 (Poisson, the limit); SciPy's negative binomial otherwise."""
    x, mean = np.array([14, 10]), np.array([4.0, 4.0])
    assert at_least(x, mean, 1e-7) == pytest.approx([7.6e-5, 0.0081], rel=0.01)
    assert at_least(x, mean, 0.25) == pytest.approx(stats.nbinom.sf(x - 1, 4, 0.5))


def test_a_busy_hour_is_a_burst_and_a_usual_one_is_not():
    """Two turns are usual at 10:00 on Tuesday: 30 are a burst, 4 are not; at 3:00 at night 12 are."""
    assert found([(1, 34, 30), (2, 34, 4), (3, 27, 12)], lively()) == [(1, 34, 35), (3, 27, 28)]


def test_hours_less_than_two_hours_apart_are_one_burst():
    assert found([(1, 34, 30), (1, 36, 30), (1, 39, 30), (2, 36, 30)], lively()) == [(1, 34, 37), (1, 39, 40), (2, 36, 37)]


def test_nothing_is_unusual_before_eight_weeks():
    """Amendment 18."""
    assert found([(1, 34, 300)], lively(weeks=7)) == []
    assert usual(lively(weeks=7)) is None


def test_weeks_with_the_same_baseline_share_it():
    rows = busy((1, 34, 30), (2, 40, 25))
    assert unusual(rows, usual(lively()), TieRules()).equals(find_bursts(rows, lively(), TieRules()))


def test_a_channel_never_seen_counts_as_the_quietest():
    """Twelve turns are no burst where ten are usual, sixty in a new channel are."""
    loud = lively(turns=10)
    assert found([(1, 34, 12), (99, 34, 60)], loud) == [(99, 34, 35)]
