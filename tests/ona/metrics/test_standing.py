"""PageRank, ExpertiseRank and HITS against worked examples, igraph and networkx."""

from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ona.errors import TableError
from ona.graph import Graph
from ona.metrics.betweenness import betweenness
from ona.metrics.constraint import constraint
from ona.metrics.expertise_rank import expertise_rank
from ona.metrics.hits import hits
from ona.metrics.in_strength import in_strength
from ona.metrics.pagerank import pagerank, personalised_pagerank

GRAPHS = {"seed": st.integers(0, 2**32 - 1), "directed": st.booleans()}
MANY = settings(max_examples=100, deadline=None, derandomize=True)


@pytest.fixture(scope="module")
def advice() -> Graph:
    """Who goes to whom for advice among Krackhardt's managers, a public data set that is no part of the repository."""
    path = Path(__file__).parents[4] / "shared" / "data" / "krackhardt_hightech" / "advice.csv"
    if not path.exists():
        pytest.skip("the public data sets are not beside the repository")
    return Graph.from_ties(pd.read_csv(path).rename(columns={"from": "source", "to": "target"}))


def test_attention_passes_on_toward_the_person_who_receives_it(d4, by_letter):
    """T2.9, weighted and with equal weights."""
    assert by_letter(d4, pagerank(d4)) == pytest.approx({"a": 0.1473, "b": 0.5165, "c": 0.1890, "d": 0.1473}, abs=5e-5)
    equal = d4.with_weights(np.ones(4))
    assert by_letter(d4, pagerank(equal)) == pytest.approx({"a": 0.1447, "b": 0.5044, "c": 0.2062, "d": 0.1447}, abs=5e-5)


def test_the_expert_is_asked_by_people_who_are_asked(directed, by_letter):
    """T3.4: B and C are asked by two people each, C by one who is asked herself."""
    graph = directed("A>B A>C B>C D>B")
    assert by_letter(graph, expertise_rank(graph)) == pytest.approx({"A": 0.131, "B": 0.298, "C": 0.440, "D": 0.131}, abs=5e-4)


def test_a_weight_is_a_strength_for_pagerank(directed, by_letter):
    graph = directed("a>b:9 a>c:1")
    found = by_letter(graph, pagerank(graph))
    assert found["b"] > found["c"] > found["a"]


def test_nobody_and_a_company_without_ties_are_even(undirected):
    assert pagerank(undirected("", isolates="abcd")) == pytest.approx(0.25)
    assert pagerank(undirected("")).shape == (0,)


def test_a_restart_in_one_team_tells_who_is_known_there(directed, by_letter):
    """a and b ask x, c asks y; restarting among a and b, y is never reached."""
    graph = directed("a>x b>x c>y")
    found = by_letter(graph, personalised_pagerank(graph, np.array([1.0, 1, 0, 0, 0])))
    assert found["y"] == 0
    assert found["x"] > found["a"] == found["b"] > 0
    assert sum(found.values()) == pytest.approx(1)
    assert np.isnan(personalised_pagerank(graph, np.zeros(5))).all()


@pytest.mark.parametrize("restart", [[1, -1, 1], [1, np.nan, 1], [np.inf, 1, 1], [1, 1]])
def test_a_restart_that_is_no_share_is_refused(undirected, restart):
    with pytest.raises(TableError, match="restart"):
        personalised_pagerank(undirected("ab bc"), np.array(restart, dtype=float))


@given(**GRAPHS)
@MANY
def test_pagerank_equals_igraph_and_networkx(random_graph, seed, directed):
    """L17: attention of people without outgoing ties is given to everybody."""
    graph = random_graph(seed, directed=directed)
    values = pagerank(graph)
    assert values.sum() == pytest.approx(1)
    np.testing.assert_allclose(values, graph.igraph.pagerank(weights="weight"), atol=1e-9)
    np.testing.assert_allclose(values, list(nx.pagerank(graph.networkx, tol=1e-13, max_iter=1000).values()), atol=1e-9)


@given(**GRAPHS)
@settings(MANY, max_examples=40)
def test_personalised_pagerank_equals_igraph(random_graph, seed, directed):
    """L17: with a restart, stranded attention goes where the restart goes."""
    graph = random_graph(seed, directed=directed)
    restart = np.arange(1.0, graph.n + 1)
    expected = graph.igraph.personalized_pagerank(reset=restart.tolist(), weights="weight")
    np.testing.assert_allclose(personalised_pagerank(graph, restart), expected, atol=1e-9)


def test_hits_finds_the_authority_of_the_example(d4, by_letter):
    """T2.11; igraph scales the largest to 1, networkx the sum (L11)."""
    found = hits(d4)
    assert by_letter(d4, found) == pytest.approx({"a": 0, "b": 0.7403, "c": 0.2597, "d": 0}, abs=5e-5)
    assert found / found.max() == pytest.approx(d4.igraph.authority_score(weights="weight"), abs=1e-9)


def test_hits_of_two_equal_pairs_is_equal(directed):
    """L11: igraph and networkx may give any split here."""
    assert hits(directed("a>b c>d")) == pytest.approx([0, 0.5, 0, 0.5])


def test_hits_without_ties_is_undefined(undirected):
    assert np.isnan(hits(undirected("", isolates="ab"))).all()


def test_hits_equals_networkx_on_a_connected_company(directed):
    rng = np.random.default_rng(5)
    letters = "abcdefghijkl"
    pairs = {(a, b): rng.integers(1, 9) for a in letters for b in letters if a != b and rng.random() < 0.4}
    graph = directed(" ".join(f"{a}>{b}:{weight}" for (a, b), weight in pairs.items()))
    _, authorities = nx.hits(graph.networkx, max_iter=1000, tol=1e-14)
    assert hits(graph) == pytest.approx(list(authorities.values()), abs=1e-9)


def test_hits_of_a_large_company_is_where_plain_steps_lead():
    """200 people in five circles that hang together by few ties, so that plain steps take long."""
    rng = np.random.default_rng(3)
    source, target = rng.integers(0, 200, (2, 3000))
    target = np.where(rng.random(3000) < 0.97, source // 40 * 40 + target % 40, target)
    kept = source != target
    graph = Graph.from_ties(pa.table({"source": source[kept], "target": target[kept], "weight": rng.lognormal(0, 1, 3000)[kept]}))
    weights, authority = graph.adjacency.toarray(), np.ones(graph.n)
    for _ in range(20_000):
        authority = weights.T @ (weights @ authority)
        authority /= authority.sum()
    np.testing.assert_allclose(hits(graph), authority, atol=1e-9)


def test_hits_of_two_large_companies_that_are_equal_is_equal():
    """L11, above the size from which Lanczos steps come first: equal hubs at the start give equal shares at the end."""
    rng = np.random.default_rng(4)
    source, target = rng.integers(0, 60, (2, 500))
    kept = source != target
    ends = {name: np.concatenate([side[kept], side[kept] + 60]) for name, side in (("source", source), ("target", target))}
    found = hits(Graph.from_ties(pa.table(ends | {"weight": np.ones(2 * kept.sum())}), people=np.arange(120)))
    np.testing.assert_allclose(found[:60], found[60:], rtol=1e-6, atol=1e-12)
    assert found.sum() == pytest.approx(1)


def test_managers_who_advise_are_those_of_the_textbook(advice):
    """Krackhardt 1987, 21 managers; figures of igraph 1.0 as listed beside the data set."""
    assert pagerank(advice)[[20, 6, 1]] == pytest.approx([0.164, 0.104, 0.094], abs=5e-4)
    assert in_strength(advice)[[1, 17, 20, 0, 6, 10]].tolist() == [18, 15, 15, 13, 13, 11]
    assert (betweenness(advice) * 20 * 19)[[17, 20, 6, 9]] == pytest.approx([88.9, 60.1, 27.6, 18.3], abs=0.05)
    np.testing.assert_allclose(constraint(advice), advice.igraph.constraint(weights="weight"), rtol=1e-9)
