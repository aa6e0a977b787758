"""Suppression and its audit: the audit equals brute force, and suppression leaves it nothing to find."""

from itertools import combinations

import numpy as np
import pytest
import scipy.sparse as sp

from ona.disclosure import Hidden, Relation, complementary, primary, protected
from ona.errors import TooLargeError
from ona.subtraction import beside, exposed, settled, too_near


def cells(*members: range | list[int], people: int) -> sp.csr_array:
    """Cells over so many people."""
    table = np.zeros((len(members), people))
    for row, member in enumerate(members):
        table[row, list(member)] = 1
    return sp.csr_array(table)


def by_brute_force(published: sp.csr_array, minimum: int) -> list[frozenset[int]]:
    """All smallest sets whose vector leaves the rank as it is."""
    table = published.toarray()
    rank = np.linalg.matrix_rank(table)
    found: list[frozenset[int]] = []
    for count in range(1, minimum):
        for some in combinations(range(table.shape[1]), count):
            vector = np.zeros(table.shape[1])
            vector[list(some)] = 1
            if not any(one <= set(some) for one in found) and np.linalg.matrix_rank(np.vstack([table, vector])) == rank:
                found.append(frozenset(some))
    return sorted(found, key=sorted)


def test_a_team_and_the_same_team_without_one_person_give_that_person_away():
    """T11.1: a team of twelve with mean 60 and eleven of them with mean 59 tell that the twelfth has 71."""
    both = cells(range(12), range(11), people=12)
    assert exposed(both, 5) == [frozenset({11})]
    assert 12 * 60 - 11 * 59 == 71
    assert exposed(both[[0]], 5) == []
    assert too_near(cells(range(11), range(7), range(12), people=12), cells(range(12), people=12), 5).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("joined", "left", "near"), [(0, 0, False), (1, 0, True), (0, 1, True), (2, 2, True), (3, 2, False), (5, 0, False)]
)
def test_five_have_to_join_or_leave_or_nobody(joined, left, near):
    now = [*range(left, 20), *range(20, 20 + joined)]
    assert too_near(cells(now, people=25), cells(range(9), range(20), people=25), 5).tolist() == [near]


def test_a_team_of_now_waits_where_the_rest_of_a_former_department_is_a_few_people_outside_it():
    """Sixteen people in a department of before, twelve of them in a team of today: the other four are in no set that could wait."""
    department, team, other = range(16), range(12), range(16, 30)
    assert exposed(cells(department, team, people=30), 5) == [frozenset(range(12, 16))]
    assert beside(cells(team, other, people=30), cells(department, people=30), 5).tolist() == [True, False]
    assert beside(cells(team, other, people=30), cells(team, department, people=30), 5).tolist() == [False, False]  # it was told


@pytest.mark.parametrize("seed", range(40))
def test_what_does_not_wait_tells_of_no_few_people_that_were_not_told_of_before(seed):
    rng = np.random.default_rng(seed)
    asked, answered = (sp.csr_array((rng.random((6, 14)) < 0.6).astype(np.int64)) for _ in range(2))
    told = asked[np.flatnonzero(~beside(asked, answered, 4))]
    known = np.linalg.matrix_rank(answered.toarray())
    for people in by_brute_force(sp.csr_array(sp.vstack([answered, told])), 4):
        vector = np.isin(np.arange(14), list(people))
        assert np.linalg.matrix_rank(np.vstack([answered.toarray(), vector])) == known


@pytest.mark.parametrize("seed", range(60))
def test_the_audit_equals_brute_force(seed):
    rng = np.random.default_rng(seed)
    people, sets, minimum = int(rng.integers(4, 13)), int(rng.integers(1, 9)), int(rng.integers(2, 5))
    published = sp.csr_array((rng.random((sets, people)) < rng.uniform(0.2, 0.8)).astype(float))
    assert exposed(published, minimum) == by_brute_force(published, minimum)


@pytest.mark.parametrize("seed", range(20))
def test_the_audit_of_nested_sets_equals_brute_force(seed):
    """Teams in departments in a company, some of them not published: what follows are the rests."""
    rng = np.random.default_rng(seed)
    people, minimum = int(rng.integers(6, 13)), int(rng.integers(2, 5))
    team = np.sort(rng.integers(0, 4, people))
    sets = [np.arange(people)] + [np.flatnonzero(team // 2 == half) for half in (0, 1)] + [np.flatnonzero(team == one) for one in range(4)]
    published = cells(*[one for one in sets if one.size and rng.random() < 0.7], people=people)
    assert exposed(published, minimum) == by_brute_force(published, minimum)


def test_a_large_company_is_audited_at_once():
    """Nested sets need no elimination: 2,000 teams of ten in 100 departments."""
    team = np.arange(20_000) // 10
    rows = np.concatenate([np.zeros(20_000, np.int64), 1 + team // 20, 101 + team])
    members = sp.csr_array((np.ones(60_000), (rows, np.tile(np.arange(20_000), 3))), shape=(2_101, 20_000))
    assert exposed(members, 5) == []
    assert exposed(members, 11)[0] == frozenset(range(10))


def test_a_cell_that_rows_give_back_is_settled_and_one_of_a_square_is_not():
    """Two by two with all margins known: no cell follows; with one cell shown, the three others do."""
    margins = cells([0, 1], [2, 3], [0, 2], [1, 3], people=4)
    hidden = np.ones(4, dtype=bool)
    assert settled(margins, hidden).tolist() == []
    hidden[0] = False
    assert settled(margins, hidden).tolist() == [1, 2, 3]


def test_a_difference_of_differences_is_found():
    """No two sets differ by few, but a + b - c - d is one person."""
    a, b, c, d = [*range(6), 20], [*range(6, 12)], [*range(3), *range(6, 9)], [*range(3, 6), *range(9, 12)]
    assert exposed(cells(a, b, c, d, people=21), 5) == [frozenset({20})]


def test_groups_below_the_minimum_and_dominated_ones_and_uniform_ones_are_hidden():
    """Four of five are too few; 51 of 100 by one, 76 of 100 by two; five people of one band (trust.md, thresholds)."""
    members = cells(range(4), range(5, 10), range(10, 15), range(15, 20), range(20, 25), people=25)
    values = np.ones(25)
    values[5:10] = [51, 13, 12, 12, 12]
    values[10:15] = [38, 38, 8, 8, 8]
    bands = np.arange(25) % 2
    bands[15:20] = 1
    expected = [Hidden.TOO_FEW, Hidden.DOMINATED, Hidden.DOMINATED, Hidden.SAME_BAND, Hidden.SHOWN]
    assert primary(members, values, 5, bands=bands).tolist() == expected


def test_exactly_half_and_exactly_three_quarters_are_shown():
    values = np.array([50.0, 25, 9, 8, 8])
    assert primary(cells(range(5), people=5), values, 5).tolist() == [Hidden.SHOWN]


def test_a_lone_hidden_team_takes_the_smallest_shown_sibling_with_it():
    members = cells(range(30), range(4), range(4, 10), range(10, 30), people=30)
    reasons = np.array([0, Hidden.TOO_FEW, 0, 0])
    found = complementary(reasons, members, [Relation(0, (1, 2, 3))], 5)
    assert found.tolist() == [0, Hidden.TOO_FEW, Hidden.SUBTRACTION, 0]


def test_where_every_part_is_hidden_and_still_too_small_the_sum_goes_too():
    members = cells(range(4), range(2), range(2, 4), people=4)
    found = complementary(np.array([0, Hidden.TOO_FEW, Hidden.TOO_FEW]), members, [Relation(0, (1, 2))], 5)
    assert found[0] == Hidden.SUBTRACTION


@pytest.mark.parametrize("seed", range(10))
def test_after_protection_nothing_is_exposed_and_without_it_something_is(seed):
    """Departments and teams, sites and site by department: the margins of a two-way table and of a tree."""
    rng = np.random.default_rng(seed)
    people = 120
    site, team = rng.integers(0, 3, people), rng.integers(0, 12, people)
    team[:10] = 0  # the team of which three people are also published is large enough to be shown
    group = team % 3
    sets = [np.arange(people)]
    sets += [np.flatnonzero(group == g) for g in range(3)] + [np.flatnonzero(site == s) for s in range(3)]
    sets += [np.flatnonzero(team == t) for t in range(12)]
    sets += [np.flatnonzero((group == g) & (site == s)) for g in range(3) for s in range(3)]
    sets += [np.array(sets[7][:3]), np.array(sets[7][3:])]
    members = cells(*sets, people=people)
    relations = [Relation(0, (1, 2, 3)), Relation(0, (4, 5, 6)), Relation(7, (28, 29))]
    relations += [Relation(1 + g, tuple(7 + t for t in range(12) if t % 3 == g)) for g in range(3)]
    relations += [Relation(1 + g, tuple(19 + 3 * g + s for s in range(3))) for g in range(3)]
    relations += [Relation(4 + s, tuple(19 + 3 * g + s for g in range(3))) for s in range(3)]
    reasons = primary(members, np.ones(people), 5)
    assert exposed(members[np.flatnonzero(reasons == 0)], 5)  # the control: primary suppression alone leaks
    safe = protected(members, reasons, relations, 5)
    assert exposed(members[np.flatnonzero(safe == 0)], 5) == []
    assert (safe[reasons > 0] == reasons[reasons > 0]).all()
    assert (safe == 0).sum() >= 10  # it does not simply hide everything


def test_the_audit_says_when_it_cannot_look_at_everything():
    rng = np.random.default_rng(0)
    published = sp.csr_array((rng.random((40, 400)) < 0.5).astype(float))
    with pytest.raises(TooLargeError, match="Publish fewer"):
        exposed(published, 10)


def test_nothing_published_exposes_nobody():
    assert exposed(sp.csr_array((0, 5)), 5) == []
    assert exposed(cells([], people=5), 5) == []
