"""Replicates in lanes are, number by number, what the single measures give for each weighting."""

import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import csr_array

from ona.graph import Graph
from ona.metrics import METRICS
from ona.reweighting import WeekStack, reweighted
from ona.uncertainty import week_weights

WEEKS = 13


def stack(directed=True, n=60, ties=400, seed=0):
    """A random graph with isolates, people who never send and leaves, and what its ties weigh in each week."""
    rng = np.random.default_rng(seed)
    code = np.unique(rng.integers(0, n - 5, ties) * n + rng.integers(3, n - 3, ties))
    source, target = code // n, code % n
    kept = (source != target) if directed else (source < target)
    table = {"source": source[kept], "target": target[kept], "weight": np.ones(kept.sum())}
    layer = "attention" if directed else "relationship"
    graph = Graph.from_ties(pa.table(table), people=np.arange(n), layer=layer)
    weeks = rng.gamma(0.5, 1.0, (len(graph.adjacency.data), WEEKS)) * (rng.random((len(graph.adjacency.data), WEEKS)) < 0.3)
    weeks[:, 0] += 0.1
    if not directed:
        weeks = np.maximum(weeks, weeks[graph.structure.reverse])
    return graph, WeekStack(graph.structure, csr_array(weeks))


@pytest.mark.parametrize("directed", [True, False])
def test_each_lane_equals_the_measure_of_its_own_weighting(directed):
    graph, held = stack(directed)
    weights = week_weights(WEEKS, 6, np.random.default_rng(1))  # six: the second batch of four is half empty
    found = reweighted(held.measured, weights)
    for row, week in enumerate(weights):
        alone = graph.with_weights(held.weeks @ week)
        for name in ("strength", "pagerank", "constraint"):
            np.testing.assert_allclose(found[name][row], METRICS[name](alone), rtol=1e-9, atol=1e-12, err_msg=name)


def test_replicates_are_the_same_bytes_for_any_number_of_threads():
    _, held = stack(n=300, ties=5000)
    weights = week_weights(WEEKS, 30, np.random.default_rng(2))
    one, two = (reweighted(held.measured, weights, threads=threads) for threads in (1, 2))
    assert all(one[name].tobytes() == two[name].tobytes() for name in one)


def test_a_graph_without_ties_has_strength_zero_even_ranks_and_no_constraint():
    graph = Graph.from_ties(pa.table({"source": [0], "target": [1], "weight": [0.0]}), people=np.arange(4))
    found = reweighted(WeekStack(graph.structure, csr_array((0, WEEKS))).measured, np.ones((2, WEEKS)))
    assert (found["strength"] == 0).all()
    assert found["pagerank"] == pytest.approx(0.25)
    assert np.isnan(found["constraint"]).all()
