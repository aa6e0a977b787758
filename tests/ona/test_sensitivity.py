"""How far places hold when people leave, weights change or rules differ."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from ona.rules import Rules
from ona.scores import Indicators, facet
from ona.sensitivity import LEAST_OVERLAP, Grid, agreement_of, jaccard, overall_grid, rank_means, scores_agree
from ona.tables import SCORES


def made_facet(name, score, error=0.2):
    """A facet of two indicators with the same values, so that no weighting can change an order."""
    n = len(score)
    indicators = Indicators(("one", "two"), ("all", "all"), np.column_stack([score, score]), np.array([0.9, 0.9]))
    rng = np.random.default_rng(0)
    moves = [rng.normal(0, error, (50, n, 2))]
    return facet(name, indicators, moves, (np.full(n, ""), np.full(n, -1)), Rules())


def test_an_order_that_all_indicators_share_holds_under_any_weights():
    score = np.random.default_rng(1).standard_normal(100)
    grid = overall_grid([made_facet("broker", score)], Rules())
    assert grid.overlap == {"power_1": 1.0, "power_3": 1.0, "power_inf": 1.0}
    assert grid.rank_width == 0
    assert grid.by_ranks == {"borda": 1.0, "geometric": 1.0}
    assert grid.holds


def test_means_of_ranks_are_those_of_the_worked_example():
    """T5.3: three people in three rankings; Borda 2, 1.333, 2.667, geometric 1.817, 1.260, 2.621."""
    found = rank_means(np.array([[1.0, 2, 3], [2, 1, 3], [3, 1, 2]]))
    assert found["borda"] == pytest.approx([2, 4 / 3, 8 / 3])
    assert found["geometric"] == pytest.approx([1.817, 1.260, 2.621], abs=5e-4)


def test_indicators_that_contradict_each_other_make_the_list_a_matter_of_weights():
    rng = np.random.default_rng(2)
    agreed, disputed = rng.standard_normal((2, 200))
    one = made_facet("broker", agreed)
    torn = replace(one, indicators=replace(one.indicators, score=np.column_stack([agreed + 10 * disputed, agreed - 10 * disputed])))
    grid = overall_grid([torn], Rules())
    assert grid.published < LEAST_OVERLAP
    assert not grid.holds
    assert grid.rank_width > 30


def test_a_power_of_the_rules_that_is_not_in_the_grid_is_judged_too():
    grid = overall_grid([made_facet("broker", np.arange(50.0))], Rules(power=2.0))
    assert grid.overlap["power_2"] == grid.published == 1.0


def test_too_few_people_leave_the_overall_score_alone():
    assert overall_grid([made_facet("broker", np.arange(9.0))], Rules()) == Grid(
        dict.fromkeys(("power_1", "power_3", "power_inf")), None, None
    )


def test_overlap_is_common_members_over_all_members():
    assert jaccard(np.array([1, 2, 3]), np.array([2, 3, 4])) == pytest.approx(0.5)
    assert np.isnan(jaccard(np.array([], dtype=int), np.array([], dtype=int)))


def test_places_that_do_not_change_agree_in_full_and_reversed_ones_do_not():
    one = made_facet("helper", np.random.default_rng(3).standard_normal(60))
    same, turned = agreement_of(one, one.percentile), agreement_of(one, 1 - one.percentile)
    assert (same.spearman, same.jaccard) == (1.0, 1.0)
    assert (turned.spearman, turned.jaccard) == (-1.0, 0.0)
    assert agreement_of(one, np.full(60, np.nan)).spearman is None


def test_two_score_tables_are_compared_among_people_published_in_both():
    def table(values):
        rows = [
            {"person": k, "name": "helper", "kind": "facet", "value": v, "percentile": None if v is None else 0.5}
            for k, v in values.items()
        ]
        return pa.Table.from_pylist(rows, schema=SCORES.schema)

    first = table({k: float(k) for k in range(40)})
    second = table({k: float(-k if k < 20 else k) for k in range(10, 50)})
    found = scores_agree(first, second, ("helper",))["helper"]
    assert -1 < found.spearman < 1
    assert found.jaccard == 1.0  # the first of 10..39 are 37, 38, 39 in both
