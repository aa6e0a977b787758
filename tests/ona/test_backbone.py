"""Which ties stand out: worked examples, both ends, ties of weight, and graphs without any."""

import networkx as nx
import numpy as np
import pytest
from scipy import stats

from ona.backbone import backbone, discoveries, disparity, noise
from ona.errors import SettingsError, TableError
from ona.graph import Graph


def by_tie(graph: Graph, values: np.ndarray) -> dict[str, float]:
    """Values by the letters of both ends."""
    ends = zip(graph.people[graph.structure.sources], graph.people[graph.adjacency.indices], strict=True)
    return {chr(one) + chr(other): float(value) for (one, other), value in zip(ends, values, strict=True)}


def test_a_large_share_of_a_persons_contact_is_unlikely_by_chance(directed):
    """T1.15: of three ties a share of .8 has .04, one of .1 has .81; who receives one tie alone says 1."""
    found = by_tie(directed("x>a:8 x>b:1 x>c:1"), disparity(directed("x>a:8 x>b:1 x>c:1")))
    assert found == pytest.approx({"xa": 0.04, "xb": 0.81, "xc": 0.81})


def test_either_end_may_keep_a_tie(undirected):
    """By hand: x-a is a tenth of x's contact, (1 - .1)^2, but five sixths of a's, (1/6)^1."""
    graph = undirected("xa:5 xb:22.5 xc:22.5 ad:1")
    assert by_tie(graph, disparity(graph))["xa"] == pytest.approx(1 / 6)
    assert by_tie(graph, disparity(graph))["ax"] == pytest.approx(1 / 6)


def test_a_pair_alone_is_no_evidence(undirected):
    assert disparity(undirected("ab:9")).tolist() == [1, 1]


def test_counts_beyond_chance_have_a_small_tail(directed):
    """T1.16: totals 100, 20 and 25, expectation 5: ten has .0282, five has .5640."""
    for count, tail in ((10, 0.0282), (5, 0.5640)):
        graph = directed(f"a>b:{count} a>c:{20 - count} d>b:{25 - count} d>c:{100 - 45 + count}")
        assert by_tie(graph, noise(graph))["ab"] == pytest.approx(tail, abs=5e-5)


def test_the_tail_is_that_of_scipy(random_graph):
    for seed in range(100):
        graph = random_graph(seed, directed=seed % 2 == 1)
        graph = graph.with_weights(graph.adjacency.data * 4)
        dense, total = graph.adjacency.toarray(), graph.adjacency.sum()
        rows, columns = np.nonzero(dense)
        chance = dense.sum(axis=1)[rows] * dense.sum(axis=0)[columns] / total**2 if graph.m else np.zeros(0)
        expected = stats.binom.sf(dense[rows, columns] - 1, int(total), np.minimum(chance, 1))
        np.testing.assert_allclose(noise(graph), expected, atol=1e-9)


def test_discoveries_are_those_of_benjamini_and_hochberg():
    """T6.7: a rate of .05 rejects 2, .10 rejects 7."""
    p = np.array([0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205])
    assert discoveries(p, 0.05).sum() == 2
    assert discoveries(p[::-1], 0.10).tolist() == [False] + [True] * 7
    assert discoveries(p[:0], 0.05).shape == (0,)


def test_two_circles_joined_by_chance_lose_the_tie_between_them(undirected):
    graph = undirected("ab:9 bc:9 ac:9 de:9 ef:9 df:9 cd:1")
    for rule, level, ties, strength in (("noise", 0.05, 6, 54), ("disparity", 0.4, 4, 36)):  # of ab and ef half is no surprise
        found = backbone(graph, rule, level=level)
        parts = sorted("".join(sorted(chr(person) for person in part)) for part in nx.connected_components(found.graph.networkx))
        assert parts == ["abc", "def"], rule
        assert found.ties == pytest.approx(ties / 7)
        assert found.strength == pytest.approx(strength / 55)
        assert found.graph.n == graph.n


def test_the_strongest_of_either_end_stay_and_equal_ones_together(undirected):
    graph = undirected("xa:3 xb:2 xc:2 xd:1 de:5")
    found = backbone(graph, "strongest", most=2)
    assert found.graph.m == 5  # everybody's two strongest: a, b, c and d have one or two ties each
    one = backbone(graph, "strongest", most=1)
    assert by_tie(one.graph, one.graph.adjacency.data).keys() == {"xa", "ax", "bx", "xb", "cx", "xc", "de", "ed"}
    assert one.strength == pytest.approx(12 / 13)
    assert backbone(graph, "strongest").strength == 1


def test_the_rules_do_not_depend_on_the_order_or_the_unit(random_graph):
    for seed in range(30):
        graph = random_graph(seed, directed=seed % 2 == 1)
        for rule in ("disparity", "strongest"):
            scaled = backbone(graph.with_weights(graph.adjacency.data * 2.0**300), rule, level=0.3, most=2)
            assert scaled.graph.structure.indices.tolist() == backbone(graph, rule, level=0.3, most=2).graph.structure.indices.tolist()


def test_without_ties_nothing_is_kept_and_no_share_is_told(undirected):
    for rule in ("noise", "disparity", "strongest"):
        found = backbone(undirected("", isolates="ab"), rule)
        assert found.graph.m == 0
        assert np.isnan([found.ties, found.strength]).all()


def test_weights_that_are_no_counts_are_refused_by_the_noise_rule(undirected):
    with pytest.raises(TableError, match="whole numbers"):
        backbone(undirected("ab:1.5 bc"), "noise")


@pytest.mark.parametrize("wrong", [{"level": 0.0}, {"level": 1.0}, {"level": float("nan")}, {"most": 0}])
def test_levels_without_a_meaning_are_refused(undirected, wrong):
    with pytest.raises(SettingsError, match="between 0 and 1"):
        backbone(undirected("ab bc"), "strongest", **wrong)
