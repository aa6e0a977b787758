"""Worked numbers of the method specification (T3, T6), and what resampling weeks must do."""

import numpy as np
import pytest
from scipy.stats import gamma, norm

from ona.uncertainty import (
    bayesian_fdr,
    beta_binomial,
    beta_prior,
    bootstrap_scale,
    critical_value,
    gamma_poisson,
    gamma_posterior,
    gamma_prior,
    half_samples,
    posterior,
    ranks,
    reliability_weight,
    share_in_top,
    shrink,
    split_half_reliability,
    step_up,
    week_weights,
)


def floats(*values):
    return np.array(values, dtype=np.float64)


def test_week_weights_are_positive_and_sum_to_the_number_of_weeks():
    weights = week_weights(13, 50, np.random.default_rng(0))
    assert weights.shape == (50, 13)
    assert (weights > 0).all()
    assert weights.sum(axis=1) == pytest.approx(13)


def test_the_scaled_bootstrap_spread_is_the_unbiased_standard_error():
    """T6.1: weeks 2, 4, 6; the Bayesian bootstrap spreads by 2.449, the jackknife by 3.464 = sqrt(3) s."""
    totals = week_weights(3, 100_000, np.random.default_rng(1)) @ floats(2, 4, 6)
    assert totals.std() == pytest.approx(2.449, abs=0.02)
    assert totals.std() * bootstrap_scale(3) == pytest.approx(3.464, abs=0.03)


def test_thirteen_weeks_widen_the_bootstrap_by_eight_percent():
    assert bootstrap_scale(13) == pytest.approx(1.080, abs=5e-4)  # T6.2
    assert np.isnan(bootstrap_scale(1))


def test_half_samples_come_in_complements_of_six_and_seven_weeks():
    halves = half_samples(13, 20, np.random.default_rng(2))
    assert halves.shape == (20, 13)
    assert (halves[0::2] ^ halves[1::2]).all()
    assert set(halves.sum(axis=1)) == {6, 7}


def test_half_the_difference_of_complements_spreads_like_the_whole():
    """The mean of twelve independent weeks has variance 1 / 12; so has half the difference of the means of two complementary halves."""
    rng = np.random.default_rng(3)
    halves, found = half_samples(12, 20, rng), []
    for _ in range(2000):
        weeks = rng.standard_normal(12)
        means = (halves @ weeks) / halves.sum(axis=1)
        found.append(np.mean(((means[0::2] - means[1::2]) / 2) ** 2))
    assert np.mean(found) == pytest.approx(1 / 12, rel=0.06)


def test_two_halves_that_correlate_by_three_fifths_make_a_reliability_of_three_quarters():
    assert step_up(0.6) == pytest.approx(0.75)  # T6.4
    assert step_up(-1.0) == 0.0


def test_reliability_is_one_for_equal_halves_and_unknown_without_variation():
    ranks = np.arange(30.0)
    assert split_half_reliability(ranks, ranks) == pytest.approx(1)
    assert np.isnan(split_half_reliability(ranks, np.zeros(30)))
    assert np.isnan(split_half_reliability(ranks[:9], ranks[:9]))


@pytest.mark.parametrize(("reliability", "weight"), [(0.4, 0.0), (0.2, 0.0), (0.7, 0.5), (1.0, 1.0), (np.nan, 0.0)])
def test_an_indicator_weighs_by_its_reliability_above_two_fifths(reliability, weight):
    assert reliability_weight(reliability) == pytest.approx(weight)


def test_thirteen_weeks_use_the_t_distribution():
    assert critical_value(13, 0.95) == pytest.approx(2.179, abs=5e-4)  # section 6.1


@pytest.mark.parametrize(("error", "naive", "shrunk"), [(1.0, 0.764, 0.345), (0.3, 0.992, 0.973)])
def test_a_winner_is_less_sure_after_shrinkage_than_the_raw_share_of_replicates_says(error, naive, shrunk):
    """T6.8: mean 0, spread 1, score 2."""
    found = posterior(floats(2), floats(error), 1.0)
    flat = posterior(floats(2), floats(error), 1e12)
    assert found.above(0.9)[0] == pytest.approx(shrunk, abs=5e-4)
    assert norm.sf(norm.ppf(0.9), flat.mean[0], flat.spread[0]) == pytest.approx(naive, abs=5e-4)


def test_four_replicates_of_three_people_give_the_ranks_worked_by_hand():
    """T6.3: x, y, z."""
    drawn = np.array([[0.9, 0.8, 0.5], [0.7, 0.85, 0.4], [0.95, 0.6, 0.7], [0.8, 0.9, 0.3]])
    assert ranks(drawn).mean(axis=0) == pytest.approx([1.5, 1.75, 2.75])
    assert share_in_top(drawn, 1) == pytest.approx([0.5, 0.5, 0])
    assert share_in_top(drawn, 2) == pytest.approx([1, 0.75, 0.25])


def test_nobody_stands_out_when_the_spread_of_scores_is_all_noise():
    score = floats(-1, 0, 1, 0.5)
    found = shrink(score, np.full(4, 2.0))
    assert found.scale == 0
    assert (found.above(0.9) == 0).all()
    assert (found.mean == 0).all()
    assert found.percentile(0.05) == pytest.approx(np.full(4, 0.05))


def test_shrinkage_keeps_precise_scores_and_pulls_in_noisy_ones():
    found = shrink(floats(2, 2, -2, -2), floats(0.1, 1.5, 0.1, 1.5))
    assert found.mean[0] == pytest.approx(2, abs=0.02)
    assert abs(found.mean[1]) < 1.3
    assert np.isnan(shrink(floats(1, np.nan), floats(0.1, 0.1)).mean[1])


def test_the_prior_of_five_rates_is_as_worked_by_hand():
    """The prior of T3.8."""
    shape, rate = gamma_prior(floats(2, 4, 9, 1, 14), floats(4, 4, 6, 4, 6))
    assert shape == pytest.approx(4.891, abs=5e-4)  # T3.8
    assert rate == pytest.approx(3.913, abs=5e-4)


def test_five_rates_shrink_as_worked_by_hand():
    y, e = floats(2, 4, 9, 1, 14), floats(4, 4, 6, 4, 6)
    found = gamma_poisson(y, e, y, 0.9)
    assert found.mean == pytest.approx([0.871, 1.124, 1.401, 0.744, 1.906], abs=6e-4)  # T3.8
    assert (found.low < found.mean).all()
    assert (found.mean < found.high).all()


def test_equal_rates_show_no_detectable_difference():
    y = floats(10, 20, 30)
    found = gamma_poisson(y, y / 2, y, 0.9)
    assert found.mean == pytest.approx([2, 2, 2])
    assert found.low == pytest.approx(found.high)


def test_counts_noisier_than_poisson_shrink_more():
    y, e = floats(2, 4, 9, 1, 14), floats(4, 4, 6, 4, 6)
    calm, clustered = gamma_poisson(y, e, y, 0.9), gamma_poisson(y, e, 1.5 * y, 0.9)
    assert abs(clustered.mean[4] - 1.25) < abs(calm.mean[4] - 1.25)


def test_rates_without_exposure_are_undefined():
    found = gamma_poisson(floats(1, 2), floats(0, 0), floats(1, 2), 0.9)
    assert np.isnan(found.mean).all()


def test_three_of_five_asks_from_elsewhere_are_even_odds_after_the_prior():
    found = beta_binomial(floats(3, 0), floats(5, 0), (2.0, 3.0), 0.90)
    assert found.mean[0] == pytest.approx(0.50)  # T3.3
    assert found.low[0] == pytest.approx(0.251, abs=5e-4)
    assert found.high[0] == pytest.approx(0.749, abs=5e-4)
    assert np.isnan(found.mean[1])


def test_the_beta_prior_recovers_the_shares_that_it_was_drawn_from():
    rng = np.random.default_rng(4)
    share = rng.beta(3, 7, 5000)
    trials = rng.integers(5, 40, 5000)
    a, b = beta_prior(rng.binomial(trials, share).astype(float), trials.astype(float))
    assert a / (a + b) == pytest.approx(0.3, abs=0.01)
    assert a + b == pytest.approx(10, rel=0.15)


def test_three_of_five_probable_statements_survive_a_tenth_of_false_ones():
    chosen = bayesian_fdr(floats(0.70, 0.99, np.nan, 0.90, 0.60, 0.95), 0.10)
    assert chosen.tolist() == [False, True, False, True, False, True]  # T6.6: running means .01, .03, .0533, .115, .172


def test_equally_probable_statements_stand_or_fall_together():
    assert not bayesian_fdr(floats(0.95, 0.8, 0.8), 0.10)[1:].any()
    assert bayesian_fdr(floats(0.99, 0.9, 0.9), 0.10).all()


def test_nothing_is_chosen_from_nothing():
    assert not bayesian_fdr(floats(np.nan, np.nan), 0.10).any()


def test_a_few_events_are_drawn_to_the_mean_more_than_many():
    """T3.7, a = b = 4: 3 of 2 expected give 1.1667 (raw 1.5), 30 of 20 give 1.4167; intervals of SciPy's gamma distribution."""
    found = gamma_posterior(floats(3, 30, np.nan), floats(2, 20, 5), (4, 4), 0.90)
    assert found.mean == pytest.approx([1.1667, 1.4167, np.nan], abs=5e-5, nan_ok=True)
    assert [found.low[0], found.high[0]] == pytest.approx(gamma(7, scale=1 / 6).ppf([0.05, 0.95]))
    assert found.high[1] - found.low[1] < found.high[0] - found.low[0]
