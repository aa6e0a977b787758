"""Shortest paths where they tie, where they cannot be told apart, and from a sample of sources."""

from fractions import Fraction
from itertools import permutations

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest

from ona.graph import Graph
from ona.metrics.betweenness import betweenness
from ona.metrics.harmonic import harmonic
from ona.metrics.pivot_betweenness import paths_needed, pivot_betweenness, pivots_needed, sampled_betweenness
from ona.metrics.weighted_harmonic import weighted_harmonic


def company(seed: int, people: int, ties: int, *, directed: bool = True, counts: bool = False) -> Graph:
    rng = np.random.default_rng(seed)
    ends = np.floor(people * rng.random((2, ties)) ** 1.5).astype(np.int64)
    ends = np.unique(ends if directed else np.sort(ends, axis=0), axis=1)
    weight = rng.integers(1, 8, ends.shape[1]).astype(float) if counts else rng.lognormal(0, 1, ends.shape[1])
    table = pa.table({"source": ends[0], "target": ends[1], "weight": weight})
    return Graph.from_ties(table, people=np.arange(people), directed=directed)


def betweenness_in_fractions(graph: Graph) -> list[float]:
    """Exact rational arithmetic: all distances by Floyd and Warshall, then the share of the shortest paths through each person."""
    weights, n = graph.adjacency.toarray(), graph.n
    length = [[1 / Fraction(float(weight)) if weight else None for weight in row] for row in weights]
    distance = [[Fraction(0) if i == j else length[i][j] for j in range(n)] for i in range(n)]
    for k, i, j in ((k, i, j) for k in range(n) for i in range(n) for j in range(n)):
        if distance[i][k] is not None and distance[k][j] is not None:
            around = distance[i][k] + distance[k][j]
            distance[i][j] = around if distance[i][j] is None else min(distance[i][j], around)
    count = [[0] * n for _ in range(n)]
    for s in range(n):
        for t in sorted((t for t in range(n) if distance[s][t] is not None), key=lambda t: distance[s][t]):
            last = (u for u in range(n) if u != t and length[u][t] is not None and distance[s][u] is not None)
            count[s][t] = 1 if s == t else sum(count[s][u] for u in last if distance[s][u] + length[u][t] == distance[s][t])
    total = [Fraction(0)] * n
    for s, i, t in permutations(range(n), 3):
        if None not in (distance[s][i], distance[i][t]) and distance[s][i] + distance[i][t] == distance[s][t]:
            total[i] += Fraction(count[s][i] * count[i][t], count[s][t])
    return [float(value / ((n - 1) * (n - 2))) for value in total]


@pytest.mark.parametrize("directed", [True, False])
@pytest.mark.parametrize("seed", range(10))
def test_counts_of_contacts_whose_paths_tie_everywhere_give_the_exact_fractions(seed, directed):
    graph = company(seed, 12, 45, directed=directed, counts=True)
    np.testing.assert_allclose(betweenness(graph), betweenness_in_fractions(graph), rtol=1e-12, atol=1e-15)


def test_three_thirds_are_as_long_as_one(undirected, by_letter):
    """a-b-c-d is 1/3 + 1/3 + 1/3 long and a-e-d 1/2 + 1/2: floating point finds the one shorter than the other, the other way round."""
    graph = undirected("ab:3 bc:3 cd:3 ae:2 ed:2")
    assert by_letter(graph, betweenness(graph))["e"] == pytest.approx(1 / 2 / 6)


def test_tenths_tie_although_they_do_not_add_up_in_floating_point(undirected, by_letter):
    """0.1 + 0.1 + 0.1 != 0.3 (method 0.3): a to d over b, c or at once, half each."""
    graph = undirected("ab:10 bc:10 cd:10 ad:3.3333333333333335")
    assert by_letter(graph, betweenness(graph))["b"] == pytest.approx((1 + 1 / 2) / 3)


def diamonds(count: int) -> Graph:
    """A chain in which every link is two ways of two ties."""
    ends = [(3 * k + a, 3 * k + b) for k in range(count) for a, b in ((0, 1), (0, 2), (1, 3), (2, 3))]
    source, target = np.array(ends).T
    return Graph.from_ties(pa.table({"source": source, "target": target, "weight": np.ones(len(ends))}), directed=False)


def test_more_shortest_paths_than_floating_point_counts_give_nan():
    """2^1100 is infinite."""
    assert np.isnan(betweenness(diamonds(1100))).all()


def test_many_more_tied_ways_than_ties_a_person_has_are_all_counted():
    """Twelve diamonds have 2^12 shortest paths from end to end; the two people of each carry half of what passes."""
    graph = diamonds(12)
    np.testing.assert_allclose(betweenness(graph), list(nx.betweenness_centrality(graph.networkx).values()), rtol=1e-12)


def test_a_larger_heavy_tailed_company_agrees_with_igraph():
    """Large enough for all rounds of sources and for ties that are left out on the way."""
    for directed in (True, False):
        graph = company(3, 700, 9000, directed=directed)
        lengths = 1 / np.array(graph.igraph.es["weight"])
        pairs = 699 * 698 / (1 if directed else 2)
        expected = np.array(graph.igraph.betweenness(weights=lengths.tolist(), directed=directed)) / pairs
        np.testing.assert_allclose(betweenness(graph), expected, rtol=1e-9, atol=1e-12)
        near = graph.igraph.harmonic_centrality(mode="in", weights=(lengths * np.median(graph.adjacency.data)).tolist())
        np.testing.assert_allclose(weighted_harmonic(graph), np.nan_to_num(near), rtol=1e-9)


def test_more_people_than_one_search_holds_agree_with_igraph():
    """1,300 people are three searches of 512; dense parts are collected, the long chain at the end is passed on."""
    for directed in (True, False):
        body = company(4, 1000, 9000, directed=directed).to_ties()
        chain = np.arange(1000, 1300)
        tail = pa.table({"source": np.append(0, chain[:-1]), "target": chain, "weight": np.ones(300)})
        graph = Graph.from_ties(pa.concat_tables([body, tail]), people=np.arange(1350), directed=directed)
        expected = np.nan_to_num(graph.igraph.harmonic_centrality(mode="in"))
        np.testing.assert_allclose(harmonic(graph), expected, rtol=1e-9, atol=1e-12)


def test_weights_so_far_apart_that_lengths_are_lost_give_nan_and_no_number(undirected):
    """1e-14 of the other tie's weight: beside its length the other one's rounds away."""
    graph = undirected("ab:1 bc:1e-14 cd:1")
    assert np.isnan(betweenness(graph)).all()
    assert np.isnan(weighted_harmonic(graph)).all()
    assert np.isnan(pivot_betweenness(graph)).all()
    fine = undirected("ab:1 bc:1e-9 cd:1")
    assert betweenness(fine) == pytest.approx([0, 2 / 3, 2 / 3, 0])


def test_one_median_tie_away_from_everybody_is_one(undirected):
    """T2.7 with every weight 7: weighted equals hops; a tie twice as strong halves the way."""
    graph = undirected("ab:7 bc:7 ac:7 cd:7 de:7 ef:7 df:7")
    assert weighted_harmonic(graph) == pytest.approx(harmonic(graph))
    star = undirected("xa:2 xb:1 xc:1", isolates="z")
    assert weighted_harmonic(star)[3:] == pytest.approx([(2 + 1 + 1) / 4, 0])


def test_all_pivots_give_the_exact_value_without_error(undirected):
    graph = undirected("ab:1 bc:2 cd:1 de:3 ea:1 ac:2")
    found = pivot_betweenness(graph)
    assert found[:, 0] == pytest.approx(betweenness(graph))
    assert found[:, 1] == pytest.approx(0)


def test_pivots_estimate_without_bias_and_their_error_is_what_they_miss_by():
    """200 draws of 60 of 300 people: the mean is the exact value within four standard errors, the spread the one announced."""
    graph = company(5, 300, 2500)
    exact = betweenness(graph)
    draws = np.array([sampled_betweenness(graph, 60, seed=seed) for seed in range(200)])
    busy = exact > np.quantile(exact, 0.8)
    spread = draws[:, :, 0].std(axis=0, ddof=1)
    assert np.all(np.abs(draws[:, :, 0].mean(axis=0) - exact)[busy] < 4 * spread[busy] / 200**0.5)
    announced = np.sqrt((draws[:, :, 1] ** 2).mean(axis=0))
    assert np.median(announced[busy] / spread[busy]) == pytest.approx(1, abs=0.05)


def test_the_number_of_pivots_for_a_bound_is_that_of_the_method():
    """Method 2.2, Hoeffding: 500,000 people, .01, chance .1 of missing it: 80,590.48, rounded up; 1,000 pivots give .0898."""
    assert pivots_needed(500_000, error=0.01, chance=0.1) == 80_591
    assert pivots_needed(500_000, error=0.0898, chance=0.1) == pytest.approx(1000, abs=1)


def test_the_number_of_paths_is_that_of_the_worked_example_whatever_the_size():
    """T2.5: vertex diameter 10, chance .1."""
    assert [paths_needed(10, error=error, chance=0.1) for error in (0.01, 0.001)] == [31_513, 3_151_293]
    assert paths_needed(3, error=0.1, chance=0.1) < paths_needed(11, error=0.1, chance=0.1)
