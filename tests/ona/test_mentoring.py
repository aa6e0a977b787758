"""Matching mentees to mentors: the worked examples of the method, brute force, linear programming, locks, explanations, fairness."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from ona.errors import ConflictError, TableError
from ona.mentoring import (
    NOBODY,
    Pool,
    best_of,
    blocking_pairs,
    cost_of,
    deferred_acceptance,
    gini,
    match,
    quality,
)

WORKED = np.array([[9.0, 8, 2], [8, 3, 1], [5, 4, 6]])  # method, T10.1


def pool(utility, seats=None, forbidden=None, first=100):
    """A pool whose ids are rows plus a constant."""
    utility = np.asarray(utility, dtype=np.float64)
    m, k = utility.shape
    rule = np.zeros((m, k), dtype=bool) if forbidden is None else np.asarray(forbidden, dtype=bool)
    return Pool(
        utility,
        {"conflict": rule},
        np.ones(k, np.int64) if seats is None else np.asarray(seats, dtype=np.int64),
        np.arange(m) + first,
        np.arange(k),
    )


def random_pool(rng, largest):
    m, k = rng.integers(1, largest + 1, 2)
    return pool(rng.random((m, k)), rng.integers(0, 4, k), rng.random((m, k)) < rng.choice([0, 0.3, 0.8]))


def brute(one):
    """The highest total over every way to give each mentee one mentor or none."""
    allowed, (m, k) = one.allowed, one.utility.shape
    done = {tuple([0] * k): 0.0}  # best total by seats taken
    for mentee in range(m):
        after = dict(done)
        for taken, total in done.items():
            for mentor in np.flatnonzero(allowed[mentee]):
                if taken[mentor] < one.seats[mentor]:
                    state = (*taken[:mentor], taken[mentor] + 1, *taken[mentor + 1 :])
                    after[state] = max(after.get(state, -1.0), total + one.utility[mentee, mentor])
        done = after
    return max(done.values())


def linear(one):
    """The optimum of the same problem as a linear programme."""
    m, k = one.utility.shape
    rows = np.kron(np.eye(m), np.ones(k))
    columns = np.kron(np.ones(m), np.eye(k))
    bounds = [(0, 1 if allowed else 0) for allowed in one.allowed.ravel()]
    found = linprog(-one.utility.ravel(), np.vstack([rows, columns]), np.concatenate([np.ones(m), one.seats]), bounds=bounds)
    return -found.fun


def pairs(found):
    return [(row, int(mentor)) for row, mentor in enumerate(found) if mentor != NOBODY]


def test_the_optimum_of_the_worked_example_beats_greedy_and_the_stable_match():
    """T10.1: optimum 22 off the diagonal, greedy and deferred acceptance 18, and the optimum has one blocking pair."""
    one = pool(WORKED)
    found = match(one)
    assert pairs(found.mentor_of) == [(0, 1), (1, 0), (2, 2)]
    assert found.total == 22
    stable = deferred_acceptance(WORKED, WORKED, one.allowed, one.seats)
    assert pairs(stable) == [(0, 0), (1, 1), (2, 2)]
    assert blocking_pairs(WORKED, one.allowed, one.seats, found.mentor_of) == [(0, 0)]
    assert blocking_pairs(WORKED, one.allowed, one.seats, stable) == []


def test_a_second_seat_lets_two_mentees_have_the_best_mentor():
    """T10.2."""
    found = match(pool(WORKED, [2, 1, 1]))
    assert pairs(found.mentor_of) == [(0, 0), (1, 0), (2, 2)]
    assert found.total == 23


def test_a_forbidden_pair_costs_the_second_seat_its_worth():
    """T10.3."""
    forbidden = np.zeros((3, 3), dtype=bool)
    forbidden[0, 0] = True
    assert match(pool(WORKED, [2, 1, 1], forbidden)).total == 22


def test_assignments_equal_brute_force_up_to_eight_by_eight():
    rng = np.random.default_rng(1)
    for _ in range(40):
        one = random_pool(rng, 8)
        assert match(one).total == pytest.approx(brute(one), abs=1e-7)


def test_assignments_equal_linear_programming_on_two_hundred_pools():
    rng = np.random.default_rng(2)
    for _ in range(200):
        one = random_pool(rng, 12)
        assert match(one).total == pytest.approx(linear(one), abs=1e-6)


@given(seed=st.integers(0, 10_000), many_locks=st.booleans())
@settings(max_examples=60, deadline=None)
def test_seats_and_rules_are_never_broken(seed, many_locks):
    rng = np.random.default_rng(seed)
    one = random_pool(rng, 15)
    free = np.argwhere(one.allowed & (one.seats > 0))
    locks = [tuple(map(int, free[rng.integers(len(free))]))] if many_locks and len(free) else []
    found = match(one, locks, seed=seed)
    has = np.flatnonzero(found.mentor_of != NOBODY)
    assert one.allowed[has, found.mentor_of[has]].all()
    assert (np.bincount(found.mentor_of[has], minlength=len(one.seats)) <= one.seats).all()
    assert all(found.mentor_of[mentee] == mentor for mentee, mentor in locks)
    assert {gone.mentee for gone in found.unmatched} == set(range(len(one.mentees))) - set(has.tolist())


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_deferred_acceptance_leaves_nobody_to_elope(seed):
    one = random_pool(np.random.default_rng(seed), 10)
    found = deferred_acceptance(one.utility, one.utility, one.allowed, one.seats)
    assert blocking_pairs(one.utility, one.allowed, one.seats, found) == []


def test_deferred_acceptance_is_the_best_stable_match_for_every_mentee():
    """Against every stable match of small pools, found by trying all."""
    rng = np.random.default_rng(4)
    for _ in range(15):
        mentee, mentor = rng.random((2, 4, 4))
        found = deferred_acceptance(mentee, mentor, np.ones((4, 4), bool), np.ones(4, np.int64))
        for other in permutations(range(4)):
            elope = [
                (i, j)
                for i, j in product(range(4), repeat=2)
                if mentee[i, j] > mentee[i, other[i]] and mentor[i, j] > mentor[other.index(j), j]
            ]
            if not elope:
                assert all(mentee[i, found[i]] >= mentee[i, other[i]] for i in range(4))


def test_a_lottery_by_id_decides_between_equal_pairs_whatever_the_order_of_rows():
    utility = np.ones((6, 3))
    one = pool(utility)
    chosen = {one.mentees[row]: one.mentors[mentor] for row, mentor in pairs(match(one, seed=5).mentor_of)}
    order, columns = np.array([3, 0, 5, 1, 4, 2]), np.array([2, 0, 1])
    turned = Pool(utility, {}, one.seats, one.mentees[order], one.mentors[columns])
    assert {turned.mentees[row]: turned.mentors[mentor] for row, mentor in pairs(match(turned, seed=5).mentor_of)} == chosen
    others = [{row for row, _ in pairs(match(one, seed=seed).mentor_of)} for seed in range(12)]
    assert len({frozenset(some) for some in others}) > 1, "another seed draws another lottery"


def test_a_lock_costs_what_the_optimum_loses():
    """By hand: locking (0, 0) leaves the diagonal, 18 of 22."""
    found = match(pool(WORKED), [(0, 0)])
    assert found.total == 18
    assert found.cost_of_locks == 4
    assert cost_of(pool(WORKED), [(0, 0), (2, 2)]) == (4, 0)


@pytest.mark.parametrize(
    ("locks", "seats", "said"),
    [
        ([(0, 0), (1, 0)], [1, 1, 1], "more locked pairs than seats"),
        ([(0, 0), (0, 1)], [1, 1, 1], "two mentors"),
        ([(2, 0)], [1, 1, 1], "breaks a rule: conflict"),
        ([(7, 0)], [1, 1, 1], "not in the pool"),
    ],
)
def test_impossible_locks_are_refused_with_the_reason(locks, seats, said):
    forbidden = np.zeros((3, 3), dtype=bool)
    forbidden[2, 0] = True
    with pytest.raises(ConflictError, match=said):
        match(pool(WORKED, seats, forbidden), locks)


def test_everybody_without_a_mentor_is_told_why():
    no = np.zeros((4, 2), dtype=bool)
    hours, line = no.copy(), no.copy()
    hours[0] = True  # no hours in common with anybody
    hours[1, 0] = line[1, 1] = True  # two rules together
    one = Pool(np.ones((4, 2)) * [[1], [1], [1], [0.5]], {"hours": hours, "one_line": line}, np.array([1, 0]), np.arange(4), np.arange(2))
    found = {gone.mentee: (gone.reason, dict(gone.forbids)) for gone in match(one).unmatched}
    assert found == {0: ("hours", {"hours": 2}), 1: ("rules", {"hours": 1, "one_line": 1}), 3: ("seats", {})}


def test_empty_pools_and_pools_where_all_is_forbidden_have_no_pairs():
    nobody = match(pool(np.zeros((0, 3))))
    assert (len(nobody.mentor_of), nobody.total) == (0, 0)
    alone = match(pool(np.zeros((2, 0)), []))
    assert [gone.reason for gone in alone.unmatched] == ["no_mentors"] * 2
    refused = match(pool(WORKED, None, np.ones((3, 3))))
    assert [gone.reason for gone in refused.unmatched] == ["conflict"] * 3
    assert quality(pool(WORKED, None, np.ones((3, 3))), refused.mentor_of).matched == 0


def test_undefined_utilities_are_refused_rather_than_matched():
    with pytest.raises(TableError, match="undefined or negative"):
        match(pool([[np.nan, 1.0]]))
    with pytest.raises(TableError, match="shape of the pool"):
        match(pool(WORKED, [1, 1]))


def test_quality_counts_preference_load_and_blocking_pairs():
    """The optimum of T10.1: each has one of three mentors, each mentor one mentee, one blocking pair."""
    one = pool(WORKED)
    found = quality(one, match(one).mentor_of, np.array([[False, True, False]] * 3))
    assert (found.total, found.mean, found.least) == (22, pytest.approx(22 / 3), 6)
    assert (found.matched, found.preferred, found.blocking, found.load_gini) == (1, 1, 1, 0)
    assert found.crossing == pytest.approx(1 / 3)
    assert best_of(one, 0) == [0, 1, 2]


def test_the_gini_of_one_mentor_with_all_is_one_less_their_share():
    """By hand: (n - 1) / n."""
    assert gini(np.array([0.0, 0, 0, 6])) == pytest.approx(0.75)
    assert gini(np.zeros(3)) == 0
