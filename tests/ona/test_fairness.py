"""The fairness screen says what the worked example of the method says (T5.4) and keeps quiet about small groups."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from ona.fairness import FAIR, MONITOR, REVIEW, attributes_of, mean_difference, rate_ratio, screen
from ona.tables import PEOPLE


def test_twelve_of_a_hundred_beside_twenty_is_below_four_fifths_but_not_conclusive():
    found = rate_ratio(12, 100, 20, 100)  # T5.4
    assert found.value == pytest.approx(0.60)
    assert found.low == pytest.approx(0.310, abs=5e-4)
    assert found.high == pytest.approx(1.161, abs=5e-4)
    assert found.verdict == MONITOR


def test_a_ratio_far_below_four_fifths_in_a_large_group_asks_for_a_review():
    assert rate_ratio(120, 1000, 200, 1000).verdict == REVIEW
    assert rate_ratio(200, 1000, 200, 1000).verdict == FAIR


def test_nobody_selected_still_has_an_interval_and_nobody_to_compare_with_has_none():
    none = rate_ratio(0, 100, 20, 100)
    assert none.value == 0
    assert 0 < none.low < none.high < 1
    assert np.isnan(rate_ratio(5, 100, 0, 100).value)
    assert rate_ratio(5, 100, 0, 100).verdict == FAIR


def test_a_difference_of_means_has_welchs_interval():
    """One group 1, 2, 3 and the other 4, 6, 8: difference -4, error 1.2910, 2.94 degrees of freedom, t = 3.213 (scipy.stats)."""
    found = mean_difference(np.array([1.0, 2, 3]), np.array([4.0, 6, 8, np.nan]))
    assert found.value == pytest.approx(-4)
    assert found.high - found.value == pytest.approx(3.2132 * 1.2910, abs=0.01)


def test_groups_of_fewer_than_thirty_are_not_screened():
    labels = np.array(["a"] * 29 + ["b"] * 100)
    assert screen(np.zeros(129, dtype=bool), np.full(129, 0.5), {"site": labels}) == []
    labels[29] = "a"
    assert [one.group for one in screen(np.zeros(129, dtype=bool), np.full(129, 0.5), {"site": labels})] == ["a", "b"]


def test_a_group_is_held_against_everybody_else_whose_group_is_known():
    labels = np.array(["part"] * 100 + ["full"] * 100 + [""] * 50)
    selected = np.zeros(250, dtype=bool)
    selected[:12] = selected[100:120] = selected[200:] = True
    percentile = np.where(np.arange(250) % 10 == 0, np.nan, 0.5)
    named = np.arange(250) % 2 == 1
    part = screen(selected, percentile, {"fte": labels}, nominated=named)[1]
    assert (part.attribute, part.group, part.people) == ("fte", "part", 100)
    assert part.selection.value == pytest.approx(10 / 18)  # persons 0, 10; 100, 110 have no place and do not count
    assert part.not_enough_data.value == 0
    assert part.opportunity is not None
    assert part.opportunity.value == pytest.approx(6 / 10)


def test_people_themselves_give_working_time_site_zone_and_tenure():
    rows = [
        {"person": 1, "fte": 0.5, "site": 3, "zone": "Europe/Berlin", "joined": date(2026, 1, 1)},
        {"person": 2, "fte": 1.0, "site": None, "zone": None, "joined": date(2024, 6, 1)},
        {"person": 3, "fte": None, "site": 3, "zone": "Asia/Tokyo", "joined": None},
    ]
    found = attributes_of(pa.Table.from_pylist(rows, schema=PEOPLE.schema), date(2026, 7, 1))
    assert found["working time"].tolist() == ["part-time", "full-time", ""]
    assert found["site"].tolist() == ["3", "", "3"]
    assert found["time zone"].tolist() == ["Europe/Berlin", "", "Asia/Tokyo"]
    assert found["tenure"].tolist() == ["under 1 year", "1 to 3 years", ""]
