"""Statistics of ratings: the worked examples of the method, and kudos rings that gain nothing."""

import numpy as np
import pytest

from ona.ratings import (
    ac1,
    congeneric,
    icc,
    icc_one_way,
    kappa,
    kelley,
    kept_kudos,
    precision_weighted,
    shrunk_rates,
    spearman_brown,
)

SHROUT_FLEISS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float)
"""Table 2 of Shrout & Fleiss (1979): six people, four judges."""


def test_two_sources_are_fused_by_validity():
    """T9.1."""
    theta, sd = congeneric(np.array([[1.5, 0.5]]), np.array([[0.5, 0.3]]))
    assert theta[0] == pytest.approx(1.0346, abs=5e-5)
    assert sd[0] == pytest.approx(0.6417, abs=5e-5)


def test_a_silent_source_leaves_the_others_as_they_are_and_nobody_speaking_leaves_the_middle():
    theta, sd = congeneric(np.array([[1.5, np.nan], [np.nan, np.nan]]), np.array([[0.5, 0.3], [0.5, 0.3]]))
    assert theta.tolist() == [pytest.approx(np.sqrt(0.5) * 1.5), 0]
    assert sd[1] == 1


def test_precise_figures_weigh_more():
    """T9.2."""
    y, variance = np.array([1.2, 0.4, 0.8]), np.array([0.25, 1.0, 0.5])
    plain, drawn = precision_weighted(y, variance), precision_weighted(y, variance, prior=True)
    assert (plain.value, plain.standard_error, plain.q) == pytest.approx((0.9714, 0.3780, 0.594), abs=5e-4)
    assert (drawn.value, drawn.standard_error) == pytest.approx((0.85, 0.3536), abs=5e-5)


def test_more_raters_are_more_reliable():
    """T9.3."""
    assert spearman_brown(0.37, 4) == pytest.approx(0.7014, abs=5e-5)
    assert spearman_brown(0.30, 5) == pytest.approx(0.6818, abs=5e-5)


def test_an_unreliable_score_is_drawn_to_the_middle():
    """T9.4."""
    value, error = kelley(2.0, 0.7)
    assert (float(value), float(error)) == pytest.approx((1.4, 0.458), abs=5e-4)


def test_agreement_of_judges_has_four_forms():
    """T9.5."""
    found = icc(SHROUT_FLEISS)
    assert (found.one_way, found.random, found.fixed, found.random_mean) == pytest.approx((0.166, 0.290, 0.715, 0.620), abs=5e-4)


def test_the_one_way_form_for_changing_raters_equals_the_table_when_all_have_the_same_number():
    about = np.repeat(np.arange(6), 4)
    assert icc_one_way(SHROUT_FLEISS.ravel(), about) == pytest.approx(icc(SHROUT_FLEISS).one_way)
    assert np.isnan(icc_one_way(np.array([1.0, 2.0]), np.array([0, 1]))), "one rating each tells nothing"


def test_agreement_on_something_rare_is_better_told_by_ac1():
    """T9.6."""
    assert kappa(85, 5, 5, 5) == pytest.approx(0.444, abs=5e-4)
    assert ac1(85, 5, 5, 5) == pytest.approx(0.878, abs=5e-4)


def kept(kudos):
    giver, receiver, day = (np.array(column) for column in zip(*kudos, strict=True))
    return kept_kudos(giver, receiver, day).tolist()


def test_kudos_that_come_back_within_two_weeks_count_for_nobody():
    assert kept([(1, 2, 0), (2, 1, 14), (3, 4, 0), (4, 3, 15)]) == [False, False, True, True]


def test_a_ring_of_three_gains_nothing_either():
    assert kept([(1, 2, 0), (2, 3, 4), (3, 1, 9), (5, 2, 3)]) == [False, False, False, True]


def test_nobody_praises_themselves_and_a_second_praise_by_the_same_colleague_adds_nothing():
    assert kept([(1, 1, 0), (2, 1, 9), (2, 1, 3), (3, 1, 9)]) == [False, False, True, True]


def test_a_reciprocal_ring_leaves_the_rates_of_everybody_as_they_were():
    honest = [(giver, receiver, 30 * giver) for giver in range(10, 30) for receiver in (1, 2, 3) if giver % receiver == 0]
    ring = [(one, other, day) for day in range(40, 44) for one in (6, 7, 8) for other in (6, 7, 8) if one != other]
    counts = []
    for some in (honest, honest + ring):
        giver, receiver, day = (np.array(column) for column in zip(*some, strict=True))
        counts.append(np.bincount(receiver[kept_kudos(giver, receiver, day)], minlength=30))
    assert counts[0].tolist() == counts[1].tolist()


def test_rates_that_chance_explains_are_drawn_to_the_mean():
    rng = np.random.default_rng(0)
    same, own = shrunk_rates(rng.poisson(3.0, 400).astype(float), np.ones(400))
    assert own.max() < 0.25
    assert same.std() < 0.5, "the raw counts spread by the root of 3"
    apart, own = shrunk_rates(rng.poisson(rng.gamma(1.0, 5.0, 400)).astype(float), np.ones(400))
    assert own.min() > 0.6
    assert np.isnan(shrunk_rates(np.array([1.0, 0.0]), np.array([1.0, 0.0]))[0][1])
    assert shrunk_rates(np.zeros(2), np.ones(2))[0].tolist() == [0, 0]
    assert apart.std() > same.std()
