"""Places among peers: worked numbers of the method specification (T4.1, T5.1), nearest peers, visibility."""

import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import csr_array

from ona.peers import Peers, beyond_position, mid_rank, nearest_peers, strata, visibility
from ona.roster import roster
from ona.rules import Rules
from ona.tables import PEOPLE, PRESENCE

WEEKS = np.array(["2026-06-29", "2026-07-06"], dtype="datetime64[D]")


def everybody(n):
    """Everybody is everybody else's peer."""
    return Peers(csr_array(np.ones((n, n)) - np.eye(n)))


def staff(n, **columns):
    """A roster of ``n`` members with these columns of PEOPLE."""
    filled = {"person": np.arange(1, n + 1), "kind": np.ones(n, dtype=np.uint8)} | columns
    table = pa.table({f.name: pa.array(filled[f.name]).cast(f.type) if f.name in filled else pa.nulls(n, f.type) for f in PEOPLE.schema})
    return roster(table, PRESENCE.empty(), np.array([], dtype=np.int64), WEEKS)


def test_the_best_of_three_stands_at_five_sixths():
    assert everybody(3).percentile(np.array([10.0, 20, 60]))[2] == pytest.approx(0.833, abs=5e-4)  # T4.1


def test_five_people_get_the_normal_scores_of_blom():
    assert everybody(5).normal_score(np.arange(5.0)) == pytest.approx([-1.1798, -0.4972, 0, 0.4972, 1.1798], abs=5e-5)  # T5.1


def test_equals_share_the_middle_of_their_ranks():
    assert everybody(4).percentile(np.array([1.0, 1, 1, 1])) == pytest.approx(np.full(4, 0.5))


def test_peers_without_a_value_do_not_count():
    assert everybody(4).percentile(np.array([10.0, 20, 60, np.nan]))[:3] == pytest.approx([1 / 6, 1 / 2, 5 / 6])


def test_scores_are_winsorised():
    value = np.arange(2000.0)
    assert everybody(2000).normal_score(value).max() == 2.5


def test_the_slope_of_an_even_spread_is_that_of_the_normal_scores():
    """400 evenly spaced values: in the middle the score rises by sqrt(2 pi) per whole range."""
    value = np.linspace(0, 1, 401)
    assert everybody(401).slope(value, np.full(401, 0.01))[200] == pytest.approx(np.sqrt(2 * np.pi), rel=0.1)


def test_the_first_by_far_is_surer_of_the_place_than_the_first_by_a_hair():
    near, far = np.append(np.linspace(0, 1, 50), 1.01), np.append(np.linspace(0, 1, 50), 5.0)
    error = np.full(51, 0.3)
    assert everybody(51).slope(far, error)[50] < everybody(51).slope(near, error)[50]


def test_peers_come_from_the_own_function_and_are_alike():
    n = 60
    who = staff(n, function=np.repeat([0, 1], 30), level=np.tile(np.arange(30) // 6, 2))
    peers = nearest_peers(who, np.ones(n, dtype=bool), np.ones(n, dtype=int), np.full(n, np.nan), Rules(n_peers=8, min_peers=20))
    weight = peers.weight.toarray()
    assert weight[:30, 30:].sum() == 0
    assert np.diag(weight).sum() == 0
    assert peers.count == pytest.approx(np.full(n, 8))
    assert weight[0, :6].sum() > weight[0, 6:12].sum() > weight[0, 12:].sum()


def test_all_who_tie_at_the_last_place_share_it_equally():
    who = staff(40, function=np.zeros(40, dtype=int))
    peers = nearest_peers(who, np.ones(40, dtype=bool), np.ones(40, dtype=int), np.full(40, np.nan), Rules(n_peers=13, min_peers=20))
    row = peers.weight.toarray()[5]
    assert row[np.arange(40) != 5] == pytest.approx(np.full(39, 13 / 39))


def test_a_service_desk_too_small_for_peers_is_not_compared_with_others():
    service = np.arange(40) < 5
    who = staff(40, service_role=service)
    peers = nearest_peers(who, np.ones(40, dtype=bool), np.ones(40, dtype=int), np.full(40, np.nan), Rules())
    assert (peers.count[service] == 0).all()
    assert (peers.count[~service] > 0).all()
    assert peers.weight.toarray()[:, service].sum() == 0


def test_a_small_function_looks_for_peers_among_all():
    who = staff(60, function=np.repeat([0, 1], [50, 10]))
    peers = nearest_peers(who, np.ones(60, dtype=bool), np.ones(60, dtype=int), np.full(60, np.nan), Rules())
    assert peers.weight.toarray()[55, :50].sum() > 0


def test_people_with_other_channels_are_compared_with_each_other():
    channels = np.repeat([2, 6], 30)
    peers = nearest_peers(staff(60), np.ones(60, dtype=bool), channels, np.full(60, np.nan), Rules())
    assert peers.weight.toarray()[:30, 30:].sum() == 0


def test_small_functions_shrink_with_the_company():
    who = staff(100, function=np.repeat([0, 1], [70, 30]))
    assert set(strata(who, np.ones(100, dtype=bool))[:70]) == {0}
    assert set(strata(who, np.ones(100, dtype=bool))[70:]) == {-1}


def test_the_head_of_the_company_is_the_most_visible_and_equals_tie():
    who = staff(5, level=np.array([1, 2, 3, 3, 3]), manager=np.array([-1, 1, 2, 2, 2]))
    seen = visibility(who)
    assert seen[0] == seen[1] == pytest.approx(0.8)  # first by level and second by span, and the reverse
    assert seen[2] == seen[3] == seen[4] == pytest.approx(0.3)  # three of five tie at ranks 1 to 3


def test_without_levels_the_depth_of_the_tree_stands_in():
    who = staff(4, manager=np.array([-1, 1, 2, 3]))
    assert who.level.tolist() == [1, 2, 3, 4]


def test_without_hr_data_nobody_is_visible_or_hidden():
    assert np.isnan(visibility(staff(30))).all()


@pytest.mark.parametrize("among", [[True, True, True, False]])
def test_mid_ranks_are_taken_among_the_given_people(among):
    assert mid_rank(np.array([3.0, 1, 1, 9]), np.array(among))[:3] == pytest.approx([5 / 6, 1 / 3, 1 / 3])


def two_groups(n=30):
    """Two groups, each the other half's stranger."""
    weight = np.zeros((2 * n, 2 * n))
    weight[:n, :n] = weight[n:, n:] = 1
    np.fill_diagonal(weight, 0)
    return Peers(csr_array(weight))


def test_the_first_of_a_group_where_nobody_stands_out_does_not_equal_the_first_of_one_where_many_do():
    """Both are first of thirty; a rank in the group alone would give them the same score."""
    value = np.concatenate([np.linspace(0, 1, 30), np.linspace(0, 1, 25), np.linspace(4, 6, 5)])
    score = two_groups().normal_score(value)
    assert score[29] < score[55:].min()
    assert score[59] > 2


def test_a_level_that_all_peers_share_is_no_merit():
    value = np.concatenate([np.arange(30) / 32, 7 + np.arange(30) / 32])
    score = two_groups().normal_score(value)
    assert score[:30] == pytest.approx(score[30:])


def test_the_median_of_peers_leaves_the_person_out_and_splits_even_numbers():
    assert everybody(4).median(np.array([10.0, 20, 60, np.nan])).tolist() == [40, 35, 15, 20]


def test_peers_share_the_median_by_weight():
    weight = csr_array(np.array([[0, 1.0, 0.25, 0.25], [1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]]))
    assert Peers(weight).median(np.array([0.0, 5, 1, 2]))[0] == 5


def test_somebody_without_a_value_is_scored_against_the_others():
    value = np.array([1.0, 2, 3, np.nan])
    assert np.isnan(everybody(4).normal_score(value)[3])
    assert everybody(4).normal_score(value, np.array([1.0, 2, 3, 9]))[3] > everybody(4).normal_score(value)[2]


def left_out(value, level, i):
    """How far one value lies from the line through all the others, in standard errors of such a prediction: by definition."""
    others = np.arange(len(value)) != i
    x, y = np.column_stack([np.ones(len(level)), level])[others], value[others]
    slope, rest, _, _ = np.linalg.lstsq(x, y, rcond=None)
    here = np.array([1.0, level[i]])
    spread = np.sqrt(rest[0] / (len(y) - 2) * (1 + here @ np.linalg.inv(x.T @ x) @ here))
    return (value[i] - here @ slope) / spread


def test_a_regression_on_position_tells_how_far_each_lies_from_what_the_others_let_expect():
    """The levels and values of T4.2; nothing else is known of these people."""
    level, value = np.repeat([1.0, 2.0, 3.0], 3), np.array([10.0, 20, 60, 30, 40, 50, 50, 60, 70])
    found = beyond_position(value, staff(9, level=level.astype(np.int64)), np.full(9, np.nan))
    assert found == pytest.approx([left_out(value, level, i) for i in range(9)])
    assert np.argmax(found) == 2


def test_where_position_explains_everything_or_nothing_is_left_to_learn_from_nobody_is_judged():
    same = staff(4, level=np.array([1, 2, 3, 4]))
    assert np.isnan(beyond_position(np.array([1.0, 2, 3, 4]), same, np.full(4, np.nan))).all()
    assert np.isnan(beyond_position(np.full(4, np.nan), same, np.full(4, np.nan))).all()
