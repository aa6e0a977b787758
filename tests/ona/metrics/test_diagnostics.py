"""Eigenvector, Katz, current flow, bridging, collective influence and local efficiency: worked examples, igraph, networkx, bad input."""

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest

from ona.errors import SettingsError, TooLargeError
from ona.graph import Graph
from ona.metrics.bridging import bridging, bridging_coefficient
from ona.metrics.collective_influence import collective_influence, collective_influence_at
from ona.metrics.current_flow import LIMIT, current_flow
from ona.metrics.eigenvector import eigenvector
from ona.metrics.katz import katz, katz_with
from ona.metrics.local_efficiency import local_efficiency

PEERS = range(200)  # random graphs, every other one directed: weighted, with isolates, in several parts


def drawn(random_graph, seed: int) -> Graph:
    return random_graph(seed, directed=seed % 2 == 1)


def people_only(graph: Graph, values: dict[int, float]) -> np.ndarray:
    return np.array([values[person] for person in graph.people.tolist()])


def test_the_eigenvector_of_the_bridge_is_known(b6):
    """T2.10, L2 norm 1: c .5, a .3536 = 1 / (2 sqrt 2)."""
    assert eigenvector(b6) == pytest.approx([8**-0.5, 8**-0.5, 0.5, 0.5, 8**-0.5, 8**-0.5])


def test_the_eigenvector_is_that_of_networkx_inside_the_densest_part_and_zero_elsewhere(random_graph):
    checked = 0
    for seed in PEERS:
        graph, found = drawn(random_graph, seed), eigenvector(drawn(random_graph, seed))
        view = graph.undirected().networkx
        parts = [view.subgraph(part) for part in nx.connected_components(view) if len(part) > 1]
        values = sorted((max(np.linalg.eigvalsh(nx.to_numpy_array(part))) for part in parts), reverse=True)
        if not values or (len(values) > 1 and values[1] > values[0] * (1 - 1e-9)):
            assert np.isnan(found).all(), seed
            continue
        leader = max(parts, key=lambda part: max(np.linalg.eigvalsh(nx.to_numpy_array(part))))
        expected = nx.eigenvector_centrality_numpy(leader, weight="weight") if len(leader) > 2 else dict.fromkeys(leader, 0.5**0.5)
        np.testing.assert_allclose(found, people_only(graph, dict.fromkeys(view, 0.0) | expected), atol=1e-9)
        if len(view) == len(leader):  # igraph warns of a company in several parts, and refuses directed=False
            theirs = np.array(graph.undirected().igraph.eigenvector_centrality(weights="weight"))
            np.testing.assert_allclose(found, theirs / np.linalg.norm(theirs), atol=1e-9)
        checked += 1
    assert checked > 120


def test_two_parts_that_are_equally_dense_have_no_eigenvector(undirected, by_letter):
    """Any mixture of the two triangles solves the equation; igraph and networkx return one of them."""
    assert np.isnan(eigenvector(undirected("ab bc ca xy yz zx"))).all()
    found = by_letter(undirected("ab bc ca xy:2 yz:2 zx:2"), eigenvector(undirected("ab bc ca xy:2 yz:2 zx:2")))
    assert found == pytest.approx(dict.fromkeys("abc", 0) | dict.fromkeys("xyz", 3**-0.5))
    assert np.isnan(eigenvector(undirected("", isolates="ab"))).all()


def test_a_large_company_has_the_eigenvector_of_a_small_one():
    """A wheel of 500: the hub's share by hand, 1 / sqrt(2) and more; ARPACK instead of LAPACK."""
    n = 500
    ring = np.arange(1, n + 1)
    table = pa.table(
        {"source": np.r_[np.zeros(n, dtype=np.int64), ring], "target": np.r_[ring, np.roll(ring, 1)], "weight": np.ones(2 * n)}
    )
    graph = Graph.from_ties(table, layer="relationship")
    value = 1 + np.sqrt(1 + n)  # x_rim = (x_hub + 2 x_rim) / value and x_hub = n x_rim / value
    rim = 1 / np.sqrt(n + (n / value) ** 2)
    assert eigenvector(graph) == pytest.approx([n / value * rim] + [rim] * n, rel=1e-9)


def test_katz_of_the_bridge_is_known(b6):
    """T2.10 with alpha = .2."""
    assert katz_with(b6, 0.2) == pytest.approx([0.3812, 0.3812, 0.4575, 0.4575, 0.3812, 0.3812], abs=5e-5)


def test_katz_equals_networkx_at_the_same_attenuation(random_graph):
    for seed in PEERS:
        graph = drawn(random_graph, seed)
        if graph.n < 2:
            assert katz(graph).tolist() == [1]  # networkx stumbles over one person
            continue
        stretch = np.linalg.norm(graph.adjacency.toarray(), 2)
        expected = nx.katz_centrality_numpy(graph.networkx, alpha=0.5 / stretch if stretch else 0.1, weight="weight")
        np.testing.assert_allclose(katz(graph), people_only(graph, expected), atol=1e-9)


def test_katz_exists_on_ties_without_a_circle(directed, by_letter):
    """The spectral radius is 0 there, so a share of one over it would be infinite. By hand: sigma 1, alpha .5: 1, 1.5, 1.75."""
    found = by_letter(directed("a>b b>c"), katz(directed("a>b b>c")))
    norm = (1 + 1.5**2 + 1.75**2) ** 0.5
    assert found == pytest.approx({"a": 1 / norm, "b": 1.5 / norm, "c": 1.75 / norm})


@pytest.mark.parametrize("alpha", [-0.1, 2**0.5 - 1, 1.0, float("nan")])
def test_an_attenuation_without_a_sum_is_refused(b6, alpha):
    """The largest eigenvalue of the bridge is 1 + sqrt 2, so alpha must stay below sqrt 2 - 1."""
    with pytest.raises(SettingsError, match="attenuation"):
        katz_with(b6, alpha)


def test_current_takes_every_way(b6, undirected, by_letter):
    """T2.6: 19/30 on the bridge, 2/15 elsewhere. T0.1: strengths are passed as conductances, as they are."""
    assert current_flow(b6) == pytest.approx([2 / 15, 2 / 15, 19 / 30, 19 / 30, 2 / 15, 2 / 15])
    assert by_letter(undirected("ab:10 bc:10 ac:1"), current_flow(undirected("ab:10 bc:10 ac:1")))["b"] == pytest.approx(0.8333, abs=5e-5)


def test_current_flow_equals_networkx_in_each_part(random_graph):
    """L15: networkx wants one connected part; pairs of two parts carry nothing, and every pair of others counts."""
    for seed in PEERS:
        graph = drawn(random_graph, seed)
        view, expected = graph.undirected().networkx, dict.fromkeys(graph.people.tolist(), 0.0)
        for part in (view.subgraph(members) for members in nx.connected_components(view)):
            if len(part) > 2:
                raw = nx.current_flow_betweenness_centrality(part, weight="weight", normalized=False, solver="full")
                expected |= {person: value / ((graph.n - 1) * (graph.n - 2) / 2) for person, value in raw.items()}
        if graph.n > 2:
            np.testing.assert_allclose(current_flow(graph), people_only(graph, expected), atol=1e-9)


def test_a_company_too_large_for_dense_matrices_is_refused():
    chain = np.arange(LIMIT)
    table = pa.table({"source": chain, "target": chain + 1, "weight": np.ones(LIMIT)})
    with pytest.raises(TooLargeError, match="flow_share"):
        current_flow(Graph.from_ties(table, layer="relationship"))


def test_weights_too_far_apart_to_solve_give_nan_instead_of_noise(undirected):
    assert np.isnan(current_flow(undirected("ab bc:1e-200 cd:1e200 da"))).all()
    assert np.isfinite(current_flow(undirected("ab bc:1e-4 cd:1e4 da"))).all()


def test_bridging_rewards_few_ties_between_busy_parts(b6):
    """T2.18: coefficient c .25, a .6; c on six shortest paths: 1.5."""
    assert bridging_coefficient(b6)[[0, 2]] == pytest.approx([0.6, 0.25])
    assert bridging(b6) == pytest.approx([0, 0, 1.5, 1.5, 0, 0])


def test_bridging_follows_its_definition_on_random_companies(random_graph):
    for seed in PEERS:
        graph = drawn(random_graph, seed).with_weights(np.ones(drawn(random_graph, seed).adjacency.nnz))
        between = nx.betweenness_centrality(graph.networkx, normalized=False)
        contact = graph.undirected().networkx
        for person, found in zip(graph.people.tolist(), bridging(graph), strict=True):
            alters = list(contact[person])
            if not alters or graph.n < 3:
                assert np.isnan(found)
            else:
                coefficient = 1 / len(alters) / sum(1 / contact.degree(alter) for alter in alters)
                assert found == pytest.approx(between[person] * coefficient, abs=1e-9)


def test_collective_influence_looks_one_or_two_hops_away(b6):
    """T2.19."""
    assert collective_influence_at(b6, 1).tolist() == [3, 3, 8, 8, 3, 3]
    assert collective_influence_at(b6, 2).tolist() == collective_influence(b6).tolist() == [2, 2, 4, 4, 2, 2]


@pytest.mark.parametrize("length", [1, 2, 3])
def test_collective_influence_follows_its_definition(random_graph, length):
    for seed in range(60):
        graph = drawn(random_graph, seed)
        view, found = graph.undirected().networkx, collective_influence_at(graph, length)
        for person, value in zip(graph.people.tolist(), found, strict=True):
            hops = nx.single_source_shortest_path_length(view, person, cutoff=length)
            shell = sum(view.degree(other) - 1 for other, far in hops.items() if far == length)
            assert value == max(view.degree(person) - 1, 0) * shell


def test_local_efficiency_of_the_bridge_is_known(b6):
    """T2.21: c 1/3, a 1, mean .7778; the whole company's .6889 is networkx's global efficiency."""
    assert local_efficiency(b6) == pytest.approx([1, 1, 1 / 3, 1 / 3, 1, 1])
    assert local_efficiency(b6).mean() == pytest.approx(0.7778, abs=5e-5)
    assert nx.global_efficiency(b6.networkx) == pytest.approx(0.6889, abs=5e-5)


def test_local_efficiency_equals_networkx(random_graph):
    """networkx writes 0 where a person has fewer than two alters; there is nothing to be efficient about."""
    for seed in PEERS:
        graph = drawn(random_graph, seed)
        view = graph.undirected().networkx
        expected = [
            nx.global_efficiency(view.subgraph(view[person])) if view.degree(person) > 1 else np.nan for person in graph.people.tolist()
        ]
        np.testing.assert_allclose(local_efficiency(graph), expected, atol=1e-12)


def test_circles_larger_than_a_star_have_their_hops_counted(undirected, by_letter):
    """By hand: around x the path a-b-c-d: 3 pairs at one hop, 2 at two, 1 at three: (3 + 1 + 1/3) / 6."""
    graph = undirected("xa xb xc xd ab bc cd")
    assert by_letter(graph, local_efficiency(graph))["x"] == pytest.approx((3 + 1 + 1 / 3) / 6)
