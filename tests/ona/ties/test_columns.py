"""Arrays are ordered, rounded and dated as the frames that they replace."""

import narwhals as nw
import numpy as np
import pyarrow as pa

from ona.ties._columns import by_time, columns, distinct, found, rounded, summed, working_day_of, working_minutes_at
from ona.ties._kernels import NONE
from ona.ties.calendar import working_day, working_minutes


def test_order_by_key_time_and_event_breaks_ties_by_event_also_when_the_three_fit_into_one_number():
    """Few distinct times, so that most rows are tied; keys near 2**61 leave no room to pack."""
    rng = np.random.default_rng(4)
    at, event = rng.integers(1_750_000_000, 1_750_000_004, 3000), rng.permutation(3000) - 1500
    small = rng.integers(0, 5, 3000)
    for key in (small, small + 2**61):
        assert by_time(key, at, event).tolist() == np.lexsort((event, at, key)).tolist()
    assert by_time(small[:0], at[:0], event[:0]).size == 0


def test_working_time_of_arrays_is_that_of_expressions():
    """Four weeks in steps of 7 minutes, weekends included."""
    minute = np.arange(29_000_000, 29_000_000 + 4 * 10_080, 7)
    frame = nw.from_native(pa.table({"minute": minute})).with_columns(
        minutes=working_minutes(nw.col("minute")), days=working_day(nw.col("minute") // 1440)
    )
    assert working_minutes_at(minute).tolist() == frame["minutes"].to_list()
    assert working_day_of(minute // 1440).tolist() == frame["days"].to_list()


def test_halves_round_up():
    assert rounded(np.array([0.0, 0.49999999999999994, 0.5, 1.5, 2.5, 7.0])).tolist() == [0, 0, 1, 2, 3, 7]


def test_sums_and_places_by_key():
    """Rows (2, 10), (1, 20), (2, 30): sums 20 and 40; null becomes NONE."""
    rows = {"key": np.array([2, 1, 2]), "x": np.array([10, 20, 30])}
    assert {name: column.tolist() for name, column in summed(rows, ("key",), "x").items()} == {"key": [1, 2], "x": [20, 40]}
    assert sorted(rows["key"][distinct(rows["key"])].tolist()) == [1, 2]
    assert found(np.array([5, 3, 4, NONE]), np.array([3, 5])).tolist() == [1, 0, -1, -1]
    assert columns(nw.from_native(pa.table({"a": [1, None]})).lazy(), "a")["a"].tolist() == [1, NONE]
