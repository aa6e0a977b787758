"""What the libraries get wrong or read differently (method 0.5), reproduced, beside what is right."""

import networkx as nx
import numpy as np
import pytest

from ona.graph import Graph
from ona.metrics import METRICS


def values(name: str, graph: Graph) -> list[float]:
    return METRICS[name](graph).tolist()


def test_l1_networkx_divides_effective_size_by_the_wrong_maximum_unless_nodes_are_named(w4):
    """T2.14: 1.5833, 1.1, 2.4, 1 is right."""
    assert list(nx.effective_size(w4.networkx, weight="weight").values()) == pytest.approx([1.6667, 1.4, 2.4, 1], abs=5e-5)
    assert values("effective_size", w4) == pytest.approx([1.5833, 1.1, 2.4, 1], abs=5e-5)


def test_l2_a_loop_changes_constraint_in_networkx_and_nothing_here(directed, w4):
    view = w4.networkx
    a = ord("a")
    view.add_edge(a, a, weight=5.0)
    assert nx.constraint(view, weight="weight")[a] == pytest.approx(1.8519, abs=5e-5)
    looped = directed("a>b:3 b>a:1 a>c:2 c>d:2 b>c:1 a>a:5")
    assert values("constraint", looped) == values("constraint", w4)


def test_l3_an_isolate_has_no_constraint_and_a_harmonic_closeness_of_zero(undirected):
    graph = undirected("ab", isolates="z")
    assert np.isnan(values("constraint", graph)[-1])
    assert np.isnan(graph.igraph.closeness()[-1])
    assert nx.closeness_centrality(graph.networkx)[ord("z")] == 0
    assert values("harmonic", graph)[-1] == 0


def test_l7_igraph_ignores_weights_that_are_not_handed_over(w4):
    view = w4.igraph
    assert view.constraint() != pytest.approx(view.constraint(weights="weight"))
    assert values("constraint", w4) == pytest.approx(view.constraint(weights="weight"))


def test_l9_a_cutoff_of_igraph_is_in_units_of_weight_when_there_are_weights(p5):
    view = p5.igraph
    assert view.betweenness(weights=[2.0] * 4, cutoff=2) == [0] * 5
    assert view.betweenness(cutoff=2) == [0, 1, 1, 1, 0]
    assert values("two_hop_betweenness", p5.with_weights([0.5] * 8))[1:4] == [1, 1, 1]


def test_l10_closeness_has_two_readings_of_a_company_in_parts_and_harmonic_closeness_one(undirected):
    """T2.8."""
    graph = undirected("ab cd de", isolates="f")
    assert list(nx.closeness_centrality(graph.networkx).values()) == pytest.approx([0.2, 0.2, 0.2667, 0.4, 0.2667, 0], abs=5e-5)
    assert graph.igraph.closeness()[:5] == pytest.approx([1, 1, 2 / 3, 1, 2 / 3])
    assert values("harmonic", graph) == pytest.approx([0.2, 0.2, 0.3, 0.4, 0.3, 0])


def test_l12_a_loop_breaks_coreness_in_networkx_and_counts_twice_in_igraph(undirected):
    graph = undirected("ab bc ca aa")
    view = graph.networkx
    view.add_edge(ord("a"), ord("a"))
    with pytest.raises(nx.NetworkXNotImplemented):
        nx.core_number(view)
    assert values("coreness", graph) == [2, 2, 2]


def test_path_lengths_that_round_differ_in_networkx_and_tie_here(undirected):
    """Method 0.3: 0.1 + 0.1 + 0.1 != 0.3, so networkx sees one way from a to d where there are two."""
    graph = undirected("ab:10 bc:10 cd:10 ad:3.3333333333333335")
    view = graph.networkx
    for _, _, data in view.edges(data=True):
        data["length"] = 1 / data["weight"]
    assert nx.betweenness_centrality(view, weight="length")[ord("b")] != pytest.approx(0.5)
    assert values("betweenness", graph)[1] == pytest.approx(0.5)
