"""From indicators to facets, flags and the overall score: worked numbers of the method specification and what must always hold."""

import numpy as np
import pytest

from ona.gates import PASSED
from ona.rules import Rules
from ona.scores import Facet, Indicators, facet, flag, hidden_gap, overall, power_mean, shares

RULES = Rules()


def indicators(score, groups=("pull", "spread", "pull"), reliability=(1.0, 1.0, 1.0)):
    names = tuple("abc"[: len(groups)])
    return Indicators(names, tuple(groups), np.asarray(score, dtype=float), np.array(reliability))


def passed(n):
    return np.full(n, PASSED)


def build(n=200, noise=0.2, seed=0, reason=None, name="helper"):
    """A facet of ``n`` people whose three indicators share one cause."""
    rng = np.random.default_rng(seed)
    score = rng.standard_normal((n, 1)) + 0.5 * rng.standard_normal((n, 3))
    moves = noise * rng.standard_normal((40, n, 3))
    return facet(name, indicators(score), [moves], (passed(n) if reason is None else reason, np.full(n, -1)), RULES)


def test_groups_weigh_equally_however_many_indicators_they_have():
    assert shares(indicators(np.zeros((1, 3))))[0] == pytest.approx([0.25, 0.5, 0.25])


def test_unreliable_indicators_lose_their_weight_to_the_others_of_their_group():
    assert shares(indicators(np.zeros((1, 3)), reliability=(1.0, 1.0, 0.3)))[0] == pytest.approx([0.5, 0.5, 0])


def test_an_undefined_indicator_is_left_out_for_that_person_alone():
    score = np.array([[0.0, 1, 2], [np.nan, 1, 2]])
    assert shares(indicators(score)) == pytest.approx(np.array([[0.25, 0.5, 0.25], [0, 2 / 3, 1 / 3]]))


def test_contributions_add_up_to_the_score():
    found = build()
    assert found.contributions.sum(axis=1) == pytest.approx(found.mean)


def test_the_interval_holds_the_percentile_and_narrows_with_the_noise():
    clear, vague = build(noise=0.1), build(noise=1.0)
    for found in (clear, vague):
        assert (found.low <= found.percentile).all()
        assert (found.percentile <= found.high).all()
    assert np.mean(clear.high - clear.low) < np.mean(vague.high - vague.low)


def test_withheld_people_keep_their_value_but_no_place_in_the_prior():
    reason = passed(200)
    reason = np.where(np.arange(200) < 5, "too_new", reason)
    found = build(reason=reason)
    assert np.isfinite(found.mean[:5]).all()
    assert not found.published[:5].any()
    assert found.tier(0.8)[:5] == [None] * 5


def test_noise_alone_flags_nobody():
    """Exchangeable people: the spread of the scores is that of their replicates; 20 companies, none may show a flag."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        made_of = indicators(rng.standard_normal((300, 3)))
        moves = rng.standard_normal((100, 300, 3))
        found = facet("helper", made_of, [moves], (passed(300), np.full(300, -1)), RULES)
        assert not flag([found], [passed(300)], np.full(300, 0.3), RULES)[0].flagged.any()


def test_clear_differences_are_flagged_and_gates_forbid_it():
    found = build(n=300, noise=0.05)
    free, shut = (flag([found], [gate], np.full(300, 0.3), RULES)[0] for gate in (passed(300), np.full(300, "too_few_asks")))
    assert 15 <= free.flagged.sum() <= 45  # a tenth of 300 are in the top decile
    assert not shut.flagged.any()
    assert (shut.reason == "too_few_asks").all()


def test_hidden_needs_low_visibility_and_is_a_flag_too():
    found = build(n=300, noise=0.05)
    dim = np.where(np.arange(300) % 2, 0.3, 0.9)
    flags = flag([found], [passed(300)], dim, RULES)[0]
    assert flags.hidden.any()
    assert (flags.flagged[flags.hidden]).all()
    assert (dim[flags.hidden] <= 0.6).all()


def test_without_visibility_nobody_is_hidden():
    found = build(n=300, noise=0.05)
    flags = flag([found], [passed(300)], np.full(300, np.nan), RULES)[0]
    assert flags.flagged.any()
    assert not flags.hidden.any()


def test_one_family_over_both_facets_flags_no_more_than_its_share_of_errors():
    facets = [build(n=300, noise=0.6, seed=1), build(n=300, noise=0.05, seed=2, name="broker")]
    flags = flag(facets, [passed(300)] * 2, np.full(300, 0.3), RULES)
    wrong = sum((1 - f.p_top[one.flagged]).sum() for f, one in zip(facets, flags, strict=True))
    assert wrong <= 0.10 * sum(one.flagged.sum() for one in flags)


def test_the_gap_between_influence_and_visibility_is_in_normal_units():
    assert hidden_gap(np.array([0.97]), np.array([0.40]))[0] == pytest.approx(2.134, abs=5e-4)  # T4.3


def test_power_three_rewards_the_specialist_over_the_mean():
    assert power_mean(np.array([90.0, 40]), 3) == pytest.approx(73.47, abs=5e-3)  # T5.2
    assert power_mean(np.array([70.0, 60]), 3) == pytest.approx(65.38, abs=5e-3)
    assert power_mean(np.array([95.0, 20, 30]), 3) == pytest.approx(66.75, abs=5e-3)
    assert power_mean(np.array([95.0, 20, 30]), 1) == pytest.approx(48.33, abs=5e-3)
    assert [power_mean(np.array(both), 1) for both in ([90.0, 40], [70.0, 60])] == [65, 65]


def test_the_overall_interval_holds_the_overall_score():
    value, low, high, reason = overall([build(seed=1), build(seed=2, name="broker")], RULES)
    assert (low <= value).all()
    assert (value <= high).all()
    assert (reason == PASSED).all()


def test_a_facet_that_the_company_lacks_is_left_out_and_one_that_a_person_lacks_is_said():
    lacking = build(seed=1, reason=np.full(200, "channel_missing"))
    broker = build(seed=2, name="broker", reason=np.where(np.arange(200) == 0, "too_few_ties", PASSED))
    value, _, _, reason = overall([broker, lacking], RULES)
    assert value[1:] == pytest.approx(broker.percentile[1:])
    assert reason[0] == "too_few_ties"


def test_indicators_without_any_reliability_make_no_facet():
    score = np.random.default_rng(0).standard_normal((50, 3))
    found = facet("helper", indicators(score, reliability=(0.1, 0.2, 0.3)), [np.ones((4, 50, 3))], (passed(50), np.full(50, -1)), RULES)
    assert isinstance(found, Facet)
    assert set(found.reason) == {"unreliable"}
