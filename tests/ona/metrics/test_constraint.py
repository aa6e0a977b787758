"""Constraint and effective size against worked examples, igraph, networkx and their bounds."""

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ona.graph import Graph
from ona.metrics import METRICS, _triangles
from ona.metrics.constraint import constraint
from ona.metrics.degree import degree
from ona.metrics.effective_contacts import effective_contacts
from ona.metrics.effective_size import effective_size
from ona.metrics.efficiency import efficiency
from ona.metrics.hierarchy import hierarchy

GRAPHS = {"seed": st.integers(0, 2**32 - 1), "directed": st.booleans(), "binary": st.booleans()}
MANY = settings(max_examples=200, deadline=None, derandomize=True)


def test_the_ends_of_the_bridge_are_least_constrained(b6, by_letter):
    """T2.13."""
    assert by_letter(b6, constraint(b6)) == pytest.approx(
        {"c": 11 / 18, "d": 11 / 18, "a": 1.0069, "b": 1.0069, "e": 1.0069, "f": 1.0069}, abs=5e-5
    )
    assert by_letter(b6, effective_size(b6)) == pytest.approx({"c": 7 / 3, "d": 7 / 3, "a": 1, "b": 1, "e": 1, "f": 1})


def test_triangle_clique_and_star_have_their_known_constraint(undirected):
    """T2.13: triangle 1.125, four who all know each other .9259, centre of a star 1 / k, leaf 1."""
    assert constraint(undirected("ab bc ac")) == pytest.approx(1.125)
    assert constraint(undirected("ab ac ad bc bd cd")) == pytest.approx(0.9259, abs=5e-5)
    assert constraint(undirected("xa xb xc xd")) == pytest.approx([1, 1, 1, 1, 1 / 4])


def test_weighted_directed_contact_counts_both_directions(w4, by_letter):
    """T2.14."""
    assert by_letter(w4, constraint(w4)) == pytest.approx({"a": 0.7556, "b": 0.9922, "c": 0.6914, "d": 1}, abs=5e-5)
    assert by_letter(w4, effective_size(w4)) == pytest.approx({"a": 1.5833, "b": 1.1, "c": 2.4, "d": 1}, abs=5e-5)
    found = by_letter(w4, hierarchy(w4))
    assert [found[name] for name in "abc"] == pytest.approx([0.1336, 0.2408, 0.0341], abs=5e-5)
    assert np.isnan(found["d"])


def test_constraint_approaches_two_when_two_contacts_talk_to_each_other_only(undirected, by_letter):
    """Methods 2.9: ego tied 1, 1 to a pair tied 98."""
    graph = undirected("ea eb ab:98")
    assert by_letter(graph, constraint(graph))["e"] == pytest.approx(1.9798, abs=5e-5)


def test_efficiency_is_effective_size_per_contact(w4, b6, undirected):
    """T2.13 and T2.14 over the degrees; the centre of a star wastes no contact, a clique of four all but one of three."""
    assert efficiency(w4) == pytest.approx([1.5833 / 2, 1.1 / 2, 2.4 / 3, 1], abs=5e-5)
    assert efficiency(b6)[[2, 0]] == pytest.approx([7 / 9, 1 / 2])
    assert efficiency(undirected("xa xb xc"))[-1] == 1
    assert efficiency(undirected("ab ac ad bc bd cd")) == pytest.approx(1 / 3)


def test_hierarchy_is_zero_when_all_contacts_constrain_alike_and_grows_with_one_that_does_more(undirected, by_letter):
    """By hand for y: all is .25 but for the strong tie: shares .9, .05, .05, no triangles, c = .81, .0025, .0025."""
    assert hierarchy(undirected("xa xb xc"))[-1] == pytest.approx(0, abs=1e-12)
    assert hierarchy(undirected("ab bc ca")) == pytest.approx(0, abs=1e-12)
    found = by_letter(graph := undirected("ya:18 yb:1 yc:1"), hierarchy(graph))
    relative = np.array([0.81, 0.0025, 0.0025]) * 3 / 0.815
    assert found["y"] == pytest.approx((relative * np.log(relative)).sum() / (3 * np.log(3)))
    assert np.isnan(found["a"])


@given(**GRAPHS)
@settings(MANY, max_examples=60)
def test_hierarchy_equals_its_definition(random_graph, seed, directed, binary):
    graph = random_graph(seed, directed=directed, binary=binary)
    z = graph.undirected().adjacency.toarray()
    p = np.divide(z, z.sum(axis=1, keepdims=True), out=np.zeros_like(z), where=z.sum(axis=1, keepdims=True) > 0)
    c = np.where(z > 0, (p + p @ p) ** 2, 0)
    expected = []
    for row, k in zip(c, degree(graph), strict=True):
        relative = row[row > 0] * k / row.sum() if k > 1 else np.array([])
        expected.append((relative * np.log(relative)).sum() / (k * np.log(k)) if k > 1 else np.nan)
    np.testing.assert_allclose(hierarchy(graph), expected, atol=1e-9)


def test_people_without_ties_have_no_constraint(undirected, by_letter):
    """L3: NaN in igraph and networkx too, never 0."""
    graph = undirected("ab", isolates="z")
    assert np.isnan(by_letter(graph, constraint(graph))["z"])
    assert np.isnan(by_letter(graph, effective_size(graph))["z"])


@given(**GRAPHS)
@MANY
def test_constraint_equals_igraph(random_graph, seed, directed, binary):
    graph = random_graph(seed, directed=directed, binary=binary)
    expected = graph.igraph.constraint(weights="weight") if graph.n else []
    np.testing.assert_allclose(constraint(graph), expected, rtol=1e-9)


@given(**GRAPHS)
@settings(MANY, max_examples=60)
def test_constraint_and_effective_size_equal_networkx(random_graph, seed, directed, binary):
    """L1: effective size of networkx is right with the nodes named, on undirected graphs."""
    graph = random_graph(seed, directed=directed, binary=binary)
    view, contact = graph.networkx, graph.undirected().networkx
    np.testing.assert_allclose(constraint(graph), list(nx.constraint(view, weight="weight").values()), rtol=1e-9)
    sizes = nx.effective_size(contact, nodes=list(contact), weight="weight")
    np.testing.assert_allclose(effective_size(graph), list(sizes.values()), rtol=1e-9)


@given(**GRAPHS)
@MANY
def test_constraint_is_at_least_the_concentration_of_contact(random_graph, seed, directed, binary):
    """C >= sum of squared shares = 1 / effective contacts >= 1 / degree."""
    graph = random_graph(seed, directed=directed, binary=binary)
    tied = degree(graph) > 0
    values, contacts = constraint(graph)[tied], effective_contacts(graph)[tied]
    assert np.all(values >= 1 / contacts - 1e-12)
    assert np.all(contacts <= degree(graph)[tied] + 1e-12)
    assert np.all(values <= 2)
    assert np.all(effective_size(graph)[tied] <= degree(graph)[tied])
    assert np.all(effective_size(graph)[tied] >= 1 - 1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_a_larger_graph_agrees_too(seed):
    rng = np.random.default_rng(seed)
    ends = np.floor(300 * rng.random((2, 6000)) ** 2).astype(np.int64)
    graph = Graph.from_ties(pa.table({"source": ends[0], "target": ends[1], "weight": rng.lognormal(0, 2, 6000)}))
    np.testing.assert_allclose(constraint(graph), graph.igraph.constraint(weights="weight"), rtol=1e-9)


@pytest.mark.parametrize("name", ["constraint", "effective_size", "hierarchy", "gould_fernandez"])
def test_triangles_in_many_batches_give_what_one_batch_gives(name, random_graph, monkeypatch):
    """Graphs with more triangles than fit a batch list them piece by piece."""
    n_batches = 0
    for seed in range(40):
        graph = random_graph(seed, directed=seed % 2 == 0)
        expected = METRICS[name](graph)
        with monkeypatch.context() as patch:
            patch.setattr(_triangles, "TRIANGLES_PER_TIE", 0)
            again = Graph.from_ties(graph.to_ties(), people=graph.people, directed=graph.directed, teams=graph.teams)
            assert METRICS[name](again).tobytes() == expected.tobytes()
            batches = list(_triangles.triangles(again.undirected().structure))
        n_batches = max(n_batches, len(batches))
    assert n_batches > 3
