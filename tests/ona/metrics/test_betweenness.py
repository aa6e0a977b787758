"""Exact, two-hop and weighted two-hop betweenness against worked examples, igraph and plain Python."""

from itertools import combinations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ona.graph import Graph
from ona.metrics.betweenness import betweenness
from ona.metrics.degree import degree
from ona.metrics.flow_share import flow_share
from ona.metrics.two_hop_betweenness import two_hop_betweenness

SEEDS = st.integers(0, 2**32 - 1)
MANY = settings(max_examples=100, deadline=None, derandomize=True)


def two_paths_by_hand(graph: Graph, *, weighted: bool) -> list[float]:
    """Part of each person in the two-paths between each pair of their alters without a tie, from the definition."""
    z = graph.undirected().adjacency.toarray()
    result = []
    for i in range(graph.n):
        pairs = list(combinations(np.flatnonzero(z[i]), 2))
        widths = [np.minimum(z[:, j], z[:, k]) for j, k in pairs if z[j, k] == 0]
        parts = [width[i] / width.sum() if weighted else 1 / np.count_nonzero(width) for width in widths]
        result.append(sum(parts) / len(pairs) if pairs else np.nan)
    return result


def test_the_only_bridge_between_two_teams_ranks_first(undirected, by_letter):
    """a, b, c know each other; e, f, g know each other; d joins c and e."""
    graph = undirected("ab ac bc cd de ef eg fg")
    found = by_letter(graph, betweenness(graph))
    assert max(found, key=found.get) == "d"
    assert found["d"] == pytest.approx(9 / 15)  # by hand: 9 of the 15 pairs of others are on opposite sides


def test_bridge_and_path_have_their_known_betweenness(b6, p5):
    """T2.3, as shares of the 10 and 6 pairs of others."""
    assert betweenness(b6) == pytest.approx([0, 0, 0.6, 0.6, 0, 0])
    assert betweenness(p5) == pytest.approx([0, 3 / 6, 4 / 6, 3 / 6, 0])


def test_a_strong_tie_is_a_short_one(undirected):
    """T0.1: b carries a - c because the direct tie is weak; with the weights read as lengths it would carry nothing."""
    assert betweenness(undirected("ab:10 bc:10 ac:1")) == pytest.approx([0, 1, 0])


def test_fewer_than_three_people_have_no_betweenness(undirected):
    assert np.isnan(betweenness(undirected("ab"))).all()


def test_equally_long_ways_stay_equal_when_lengths_round(undirected, by_letter):
    """Two ways from a to d, 1/.1 + 1/.2 and 1/.2 + 1/.1: b and c each carry half of the only open pair of theirs."""
    graph = undirected("ab:.1 bd:.2 ac:.2 cd:.1")
    found = by_letter(graph, betweenness(graph))
    assert found["b"] == found["c"]
    assert found["b"] == pytest.approx(0.5 / 3)


@given(seed=SEEDS, directed=st.booleans())
@MANY
def test_betweenness_equals_networkx_on_weights_without_rounding(random_graph, seed, directed):
    """Weights are powers of two here, so that equally long paths stay equal in floating point."""
    graph = random_graph(seed, directed=directed)
    graph = graph.with_weights(2.0 ** np.floor(graph.adjacency.data))
    view = graph.networkx
    for _, _, data in view.edges(data=True):
        data["length"] = 1 / data["weight"]
    expected = list(nx.betweenness_centrality(view, weight="length").values()) if graph.n > 2 else [np.nan] * graph.n
    np.testing.assert_allclose(betweenness(graph), expected, atol=1e-12)


def test_within_two_hops_the_ends_of_the_bridge_connect_two_of_three_pairs(b6):
    """T2.4."""
    assert two_hop_betweenness(b6) == pytest.approx([0, 0, 2 / 3, 2 / 3, 0, 0])


def test_middlemen_share_a_pair(undirected, by_letter):
    """a and d meet through b and c only, equally often; b and c meet through a and d."""
    assert two_hop_betweenness(undirected("ab bd ac cd")) == pytest.approx([0.5] * 4)


def test_the_wider_way_carries_the_larger_part(undirected, by_letter):
    """By hand: of the pair a, d the way through b is 3 wide, the one through c 1; of b, c the way through a is 1, through d 1."""
    graph = undirected("ab:3 bd:4 ac:1 cd:1")
    assert by_letter(graph, flow_share(graph)) == pytest.approx({"a": 0.5, "b": 0.75, "c": 0.25, "d": 0.5})


@given(seed=SEEDS)
@MANY
def test_two_hop_betweenness_equals_igraph_with_a_cutoff(random_graph, seed):
    """L9: the cutoff counts hops only without weights."""
    graph = random_graph(seed)
    k = degree(graph)
    pairs = np.where(k > 1, k * (k - 1) / 2, np.nan)
    expected = np.array(graph.igraph.betweenness(cutoff=2) if graph.n else []) / pairs
    np.testing.assert_allclose(two_hop_betweenness(graph), expected, atol=1e-12)


@given(seed=SEEDS, directed=st.booleans())
@MANY
def test_both_two_hop_forms_equal_their_definition_and_are_shares(random_graph, seed, directed):
    graph = random_graph(seed, directed=directed)
    for values, weighted in ((two_hop_betweenness(graph), False), (flow_share(graph), True)):
        np.testing.assert_allclose(values, two_paths_by_hand(graph, weighted=weighted), atol=1e-12)
        assert np.nanmin(values, initial=0) >= 0
        assert np.nanmax(values, initial=0) <= 1


@given(seed=SEEDS)
@MANY
def test_equal_weights_make_flow_share_the_two_hop_share(random_graph, seed):
    graph = random_graph(seed, binary=True)
    np.testing.assert_allclose(flow_share(graph), two_hop_betweenness(graph), atol=1e-12)


def test_the_centre_of_a_star_connects_every_pair_of_leaves(undirected):
    values = two_hop_betweenness(undirected("xa xb xc xd xe xf xg"))
    assert values[-1] == 1
    assert np.isnan(values[:-1]).all()
