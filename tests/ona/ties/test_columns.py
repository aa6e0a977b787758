"""Arrays are ordered, numbered, rounded and dated as the tables that they stand for."""

import narwhals as nw
import numpy as np
import pyarrow as pa
import pytest

from ona.ties._columns import columns, found, packed, rounded, summed
from ona.ties._sorting import NONE, by_time, codes_of, ordered, rows_of


@pytest.mark.parametrize("times", [4, 400], ids=["runs too long for insertion", "short runs"])
def test_events_of_one_second_come_in_the_order_of_their_ids(times):
    rng = np.random.default_rng(4)
    at, event = rng.integers(1_750_000_000, 1_750_000_000 + times, 3000), rng.permutation(3000) - 1500
    assert by_time(at, event).tolist() == np.lexsort((event, at)).tolist()
    assert by_time(at[:0], event[:0]).size == 0


@pytest.mark.parametrize("bits", [1, 12, 13, 36, 61])
def test_numbers_of_any_length_are_sorted_stably_and_left_as_they_were(bits):
    keys = np.random.default_rng(bits).integers(0, 2**bits, 2000)
    before = keys.copy()
    values, rows = ordered(keys)
    assert rows.tolist() == np.argsort(before, kind="stable").tolist()
    assert values.tolist() == np.sort(before).tolist()
    assert keys.tolist() == before.tolist()


def test_pairs_are_numbered_as_they_come_and_ids_are_found():
    """Pairs that differ in one half only are different; a missing id is found nowhere."""
    codes, number = codes_of(np.array([7, 7, 8, 7, NONE]), np.array([1, 2, 1, 1, 1]))
    assert (codes.tolist(), number) == ([0, 1, 2, 0, 3], 4)
    assert rows_of(np.array([5, 2**61, -3]), np.array([-3, 4, 2**61, NONE])).tolist() == [2, -1, 1, -1]


def test_halves_round_up():
    assert rounded(np.array([0.0, 0.49999999999999994, 0.5, 1.5, 2.5, 7.0])).tolist() == [0, 0, 1, 2, 3, 7]


def test_sums_and_places_by_key():
    """Rows (2, 10), (1, 20), (2, 30): sums 20 and 40; null becomes NONE."""
    rows = {"key": np.array([2, 1, 2]), "x": np.array([10, 20, 30])}
    assert {name: column.tolist() for name, column in summed(rows, ("key",), "x").items()} == {"key": [1, 2], "x": [20, 40]}
    assert packed(rows, ("key", "x")).tolist() == [2 * 31 + 10, 31 + 20, 2 * 31 + 30]
    assert found(np.array([5, 3, 4, NONE]), np.array([3, 5])).tolist() == [1, 0, -1, -1]
    assert columns(nw.from_native(pa.table({"a": [1, None]})).lazy(), "a")["a"].tolist() == [1, NONE]
