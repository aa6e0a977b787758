"""Quarters in whole weeks: every week belongs to exactly one of them."""

from datetime import date, timedelta

import pytest

from ona.errors import SettingsError
from pipelines.quarters import Quarter, last_complete, parse


def test_the_third_quarter_of_2026_begins_in_june_as_its_first_thursday_is_the_second_of_july():
    found = parse("2026-Q3")
    assert (found.start, found.end, found.weeks) == (date(2026, 6, 29), date(2026, 9, 28), 13)


def test_ten_years_of_quarters_leave_no_week_out_and_count_none_twice():
    quarter, weeks = Quarter(2020, 1), []
    assert quarter.start == date(2019, 12, 30)  # the Monday of ISO week 2020-W01
    while quarter.year < 2030:
        assert quarter.start.weekday() == 0
        weeks.append(quarter.weeks)
        assert quarter.next.previous == quarter
        assert quarter.next.start == quarter.end
        quarter = quarter.next
    assert set(weeks) <= {12, 13, 14}
    assert sum(weeks) * 7 == (quarter.start - date(2019, 12, 30)).days


@pytest.mark.parametrize(
    ("today", "quarter"),
    [("2026-09-27", "2026-Q2"), ("2026-09-28", "2026-Q3"), ("2026-12-31", "2026-Q3"), ("2027-01-04", "2026-Q4")],
)
def test_a_quarter_is_complete_on_the_monday_after_its_last_week(today, quarter):
    assert str(last_complete(date.fromisoformat(today))) == quarter
    assert last_complete(date.fromisoformat(today)).end <= date.fromisoformat(today)
    assert last_complete(date.fromisoformat(today)).next.end > date.fromisoformat(today) - timedelta(days=0)


@pytest.mark.parametrize("wrong", ["2026-Q5", "2026Q3", "26-Q3", "2026-Q3 ", "٢٠٢٦-Q3", ""])
def test_anything_else_is_refused_with_an_example(wrong):
    with pytest.raises(SettingsError, match="2026-Q3"):
        parse(wrong)
