"""Hard rules and utility of a mentoring pair, on four people whose answers can be read off."""

import tracemalloc

import numpy as np
import pytest
from scipy.sparse import csr_array

from ona.pairing import (
    Between,
    Mentors,
    Side,
    Weights,
    conflicts,
    forbidden,
    nearest,
    one_line,
    parts,
    reasons,
    similarity,
    steps_between,
    utility,
)

OFFICE = np.arange(24)[None, :]


def hours(start, end):
    return np.isin(OFFICE[0], np.arange(start, end))


def mentees(**changed):
    """Two mentees of department 0, one in Europe and one in Asia, who lack skill 0 and skills 0 and 1."""
    plain = {
        "person": np.array([1, 2]),
        "consented": np.array([True, True]),
        "group": np.array([0, 0]),
        "hours": np.stack([hours(8, 16), hours(1, 9)]),
        "skills": np.array([[True, False], [True, True]]),
        "interests": np.array([[0.0, 1.0], [np.nan, np.nan]]),
    }
    return Side(**plain | changed)


def mentors(**changed):
    """Two mentors: one of the same department with skill 0, one of another with both."""
    plain = {
        "person": np.array([8, 9]),
        "consented": np.array([True, True]),
        "group": np.array([0, 1]),
        "hours": np.stack([hours(8, 16), hours(8, 16)]),
        "skills": np.array([[True, False], [True, True]]),
        "interests": np.array([[0.5, 1.0], [0.0, 0.0]]),
        "seats": np.array([1, 1]),
        "helper": np.array([0.6, np.nan]),
        "overloaded": np.array([False, False]),
        "tenure": np.array([400.0, np.nan]),
    }
    return Mentors(**plain | changed)


def between(**changed):
    no = np.zeros((2, 2), dtype=bool)
    return Between(**{"one_line": no, "conflict": no, "steps": np.array([[1, 2], [3, 0]])} | changed)


def test_each_hard_rule_forbids_what_it_names_and_nothing_else():
    found = forbidden(mentees(), mentors(), between())
    assert found.pop("hours").tolist() == [[False, False], [True, True]], "one hour in common is not three"
    assert not any(rule.any() for rule in found.values())
    lines, listed = np.array([[True, False], [False, False]]), np.array([[False, False], [False, True]])
    apart = forbidden(mentees(), mentors(), between(one_line=lines, conflict=listed))
    assert apart["one_line"].tolist() == lines.tolist()
    assert apart["conflict"].tolist() == listed.tolist()
    strict = forbidden(
        mentees(person=np.array([8, 2]), consented=np.array([True, False])),
        mentors(overloaded=np.array([False, True]), tenure=np.array([100.0, 182.0])),
        between(),
    )
    assert strict["same_person"].tolist() == [[True, False], [False, False]]
    assert strict["not_consented"].tolist() == [[False, False], [True, True]]
    assert strict["overloaded"].tolist() == [[False, True]] * 2
    assert strict["tenure"].tolist() == [[True, False]] * 2


def test_the_parts_of_the_utility_are_those_of_the_method():
    """By hand from section 10: gap coverage, lower bound, items, f(1) f(2) f(3) and no path, crossing departments."""
    found = parts(mentees(), mentors(), between())
    assert found["gap"].tolist() == [[1, 1], [0.5, 1]]
    assert found["helper"].tolist() == [[0.6, 0], [0.6, 0]]
    assert found["similarity"].tolist() == [[0.75, 0.5], [0, 0]]
    assert found["distance"].tolist() == [[0.3, 1.0], [0.8, 0.3]]
    assert found["crossing"].tolist() == [[0, 1], [0, 1]]
    total = utility(found, Weights())
    assert total[0, 0] == pytest.approx(0.35 + 0.2 * 0.6 + 0.2 * 0.75 + 0.15 * 0.3)
    assert total[0, 1] == pytest.approx(0.35 + 0 + 0.2 * 0.5 + 0.15 + 0.1)


def test_reasons_add_up_to_the_utility_the_largest_first():
    found = parts(mentees(), mentors(), between())
    told = reasons(found, Weights(), 0, 1)
    assert [one.part for one in told[:2]] == ["gap", "distance"]
    assert sum(one.contribution for one in told) == pytest.approx(utility(found, Weights())[0, 1])


def test_nobody_is_paired_within_two_levels_of_a_reporting_line():
    """1 reports to 2, 2 to 3, 3 to 4; 5 reports to 3 as well."""
    managers = {1: 2, 2: 3, 3: 4, 5: 3}
    people = np.array([1, 2, 3, 4, 5])
    found = one_line(people[:1], people, managers)[0]
    assert found.tolist() == [False, True, True, False, False], "three levels up and a colleague of the boss's are allowed"
    assert one_line(people[3:4], people, managers)[0].tolist() == [False, True, True, False, True], "and the same downwards"


def test_a_loop_in_the_reporting_lines_ends():
    assert one_line(np.array([1]), np.array([2]), {1: 2, 2: 1}).all()


def test_the_conflict_list_holds_in_either_order():
    assert conflicts(np.array([1, 2]), np.array([8, 9]), [(9, 1), (2, 8), (3, 4)]).tolist() == [[False, True], [True, False]]


def test_steps_are_counted_along_ties_and_0_means_no_path():
    """A line 0 - 1 - 2 - 3 and a loner 4; -1 is nobody of the graph."""
    dense = np.zeros((5, 5))
    dense[[0, 1, 2], [1, 2, 3]] = 1.0
    found = steps_between(csr_array(dense), np.array([0, -1]), np.array([1, 2, 3, 4, -1]))
    assert found.tolist() == [[1, 2, 3, 0, 0], [0, 0, 0, 0, 0]]


def test_items_that_only_one_side_answered_say_nothing():
    assert similarity(np.array([[1.0, np.nan]]), np.array([[np.nan, 1.0]])).tolist() == [[0]]


def test_the_nearest_helper_is_the_one_that_all_pairs_would_name_and_the_lowest_of_several():
    """Against shortest paths between everybody, on forty random graphs with directed ties and people apart."""
    rng = np.random.default_rng(11)
    for _ in range(40):
        n = int(rng.integers(2, 40))
        dense = (rng.random((n, n)) < 1.6 / n) * rng.random((n, n))
        np.fill_diagonal(dense, 0)
        helpers = np.sort(rng.choice(n, size=int(rng.integers(1, max(2, n // 4))), replace=False))
        steps = steps_between(csr_array(dense), np.arange(n), helpers)
        rows, apart = nearest(csr_array(dense + dense.T), helpers)
        for row in range(n):
            reached = [(int(step), int(helper)) for step, helper in zip(steps[row], helpers, strict=True) if step or helper == row]
            assert (int(apart[row]), int(rows[row])) == min(reached, default=(0, -1))


def test_the_nearest_helpers_of_a_large_company_need_no_table_of_pairs():
    """A table of 30,000 × 30,000 steps would take 7 GB; the ring's far side is out of reach."""
    n = 30_000
    ring = csr_array((np.ones(n), (np.arange(n), (np.arange(n) + 1) % n)), shape=(n, n))
    tracemalloc.start()
    rows, apart = nearest(csr_array(ring + ring.T), np.array([0, 3]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30 * 2**20
    assert (rows[:10].tolist(), apart[:10].tolist()) == ([0, 0, 3, 3, 3, 3, 3, 3, 3, -1], [0, 1, 1, 0, 1, 2, 3, 4, 5, 0])
    assert rows[n - 5 :].tolist() == [0] * 5
