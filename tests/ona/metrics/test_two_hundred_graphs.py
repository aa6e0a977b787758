"""Every kernel on 200 random graphs beside igraph and networkx, to 1e-9, wherever these are right."""

from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ona.graph import Graph
from ona.metrics import METRICS

KINDS = ("equal", "counts", "powers", "continuous")
TWENTY = pytest.mark.parametrize("first", range(0, 200, 20))
KRACKHARDT = Path(__file__).parents[4] / "shared" / "data" / "krackhardt_hightech"


def random_company(seed: int) -> tuple[Graph, str]:
    """Up to 26 people, ids far apart and unsorted, isolates, several parts, loops and repeated ties in the table."""
    rng = np.random.default_rng(seed)
    kind, directed, n = KINDS[seed % 4], bool(seed // 4 % 2), int(rng.integers(2, 27))
    ends = rng.integers(0, max(2, 4 * n // 5), (2, int(rng.integers(1, 5 * n))))
    ends = np.concatenate([ends, np.repeat(ends[:1, :2], 2, axis=0)], axis=1)  # loops
    if kind != "counts" or not directed:
        ends = np.unique(ends if directed else np.sort(ends, axis=0), axis=1)
    size = ends.shape[1]
    weight = {
        "equal": np.ones(size),
        "counts": rng.integers(1, 6, size).astype(float),
        "powers": 2.0 ** rng.integers(-3, 4, size),
        "continuous": rng.lognormal(0, 1.5, size),
    }[kind]
    order, person = rng.permutation(size), rng.permutation(n) * 7 + 3
    table = pa.table({"source": person[ends[0][order]], "target": person[ends[1][order]], "weight": weight[order]})
    return Graph.from_ties(table, people=np.sort(person), directed=directed), kind


def with_lengths(graph: Graph) -> nx.Graph:
    view = graph.networkx
    reference = np.median(graph.adjacency.data) if graph.m else 1.0
    for _, _, data in view.edges(data=True):
        data["length"] = reference / data["weight"]
    return view


def agree(name: str, graph: Graph, expected: object) -> None:
    values = np.array([expected[person] for person in graph.people.tolist()] if isinstance(expected, dict) else expected, dtype=np.float64)
    np.testing.assert_allclose(METRICS[name](graph), values, rtol=1e-9, atol=1e-9, err_msg=name)


def egos(graph: Graph) -> None:
    contact = graph.undirected()
    view = contact.networkx
    agree("constraint", graph, graph.igraph.constraint(weights="weight"))
    agree("constraint", graph, nx.constraint(graph.networkx, weight="weight"))
    sizes = nx.effective_size(view, nodes=list(view), weight="weight")  # L1: nodes named, or the result is wrong
    agree("effective_size", graph, sizes)
    agree("efficiency", graph, [size / max(degree, 1) for size, degree in zip(sizes.values(), contact.igraph.degree(), strict=True)])


def paths(graph: Graph, kind: str) -> None:
    view = with_lengths(graph)
    if graph.n > 2:
        lengths = [data["length"] for _, _, data in view.edges(data=True)] or None
        raw = np.array(graph.igraph.betweenness(weights=lengths, directed=graph.directed))
        agree("betweenness", graph, raw / ((graph.n - 1) * (graph.n - 2) / (1 if graph.directed else 2)))
        if kind != "counts":  # networkx compares 1/3 + 1/3 + 1/3 with 1 in floating point
            agree("betweenness", graph, nx.betweenness_centrality(view, weight="length"))
    agree("harmonic", graph, np.nan_to_num(graph.igraph.harmonic_centrality(mode="in", normalized=True)))
    agree("harmonic", graph, {person: value / (graph.n - 1) for person, value in nx.harmonic_centrality(view).items()})
    agree("weighted_harmonic", graph, {k: v / (graph.n - 1) for k, v in nx.harmonic_centrality(view, distance="length").items()})


def standing(graph: Graph) -> None:
    agree("pagerank", graph, graph.igraph.pagerank(weights="weight"))
    agree("pagerank", graph, nx.pagerank(graph.networkx, tol=1e-13, max_iter=1000))
    agree("coreness", graph, graph.undirected().igraph.coreness())
    agree("coreness", graph, nx.core_number(graph.undirected().networkx))


def two_hops(graph: Graph) -> None:
    contact = graph.undirected()
    view = contact.igraph
    degree = np.array(view.degree())
    pairs = np.where(degree > 1, degree * (degree - 1) / 2, np.nan)
    agree("two_hop_betweenness", graph, np.array(view.betweenness(cutoff=2)) / pairs)
    agree("two_step_reach", graph, np.nan_to_num(view.harmonic_centrality(cutoff=2, normalized=False)))


@TWENTY
def test_twenty_of_two_hundred_random_graphs_agree_with_igraph_and_networkx(first):
    for seed in range(first, first + 20):
        graph, kind = random_company(seed)
        egos(graph)
        paths(graph, kind)
        standing(graph)
        two_hops(graph)


@pytest.mark.parametrize("name", ["advice", "friendship"])
def test_krackhardts_managers_agree_with_igraph_and_networkx(name):
    """A public data set that is no part of the repository: 21 managers, directed, every weight 1."""
    path = KRACKHARDT / f"{name}.csv"
    if not path.exists():
        pytest.skip("the public data sets are not beside the repository")
    graph = Graph.from_ties(pd.read_csv(path).rename(columns={"from": "source", "to": "target"}))
    egos(graph)
    paths(graph, "equal")
    standing(graph)
    two_hops(graph)
