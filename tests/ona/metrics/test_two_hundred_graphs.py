"""Every kernel on 200 random graphs beside igraph and networkx, to 1e-9, wherever these are right."""

import warnings
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ona.graph import Graph
from ona.metrics import METRICS

HELD_HERE = {
    "betweenness", "constraint", "coreness", "effective_size", "efficiency", "harmonic", "hits", "pagerank", "two_hop_betweenness",
    "two_step_reach", "weighted_harmonic",
}  # fmt: skip

HELD_BY_LIBRARIES = {
    "current_flow": "test_diagnostics.py::test_current_flow_equals_networkx_in_each_part",
    "degree": "test_real_companies.py::test_strength_degree_and_expertise_rank_equal_their_peers",
    "eigenvector": "test_diagnostics.py::test_the_eigenvector_is_that_of_networkx_inside_the_densest_part_and_zero_elsewhere",
    "expertise_rank": "test_real_companies.py::test_strength_degree_and_expertise_rank_equal_their_peers",
    "gould_fernandez": "test_roles.py::test_fifty_random_graphs_have_the_counts_and_z_of_sna",
    "in_strength": "test_real_companies.py::test_strength_degree_and_expertise_rank_equal_their_peers",
    "katz": "test_diagnostics.py::test_katz_equals_networkx_at_the_same_attenuation",
    "local_efficiency": "test_diagnostics.py::test_local_efficiency_equals_networkx",
    "strength": "test_real_companies.py::test_strength_degree_and_expertise_rank_equal_their_peers",
}
"""On random companies of their own."""

HELD_BY_DEFINITION = {
    "boundary_brokerage": "test_teams.py::test_over_all_labellings_the_roles_and_the_score_have_their_known_mean",
    "bridging": "test_diagnostics.py::test_bridging_follows_its_definition_on_random_companies",
    "collective_influence": "test_diagnostics.py::test_collective_influence_follows_its_definition",
    "effective_contacts": "test_real_companies.py::test_spread_over_alters_and_teams_follows_its_definition",
    "flow_share": "test_betweenness.py::test_both_two_hop_forms_equal_their_definition_and_are_shares",
    "hierarchy": "test_constraint.py::test_hierarchy_equals_its_definition",
    "participation": "test_real_companies.py::test_spread_over_alters_and_teams_follows_its_definition",
    "pivot_betweenness": "test_paths.py::test_all_pivots_give_the_exact_value_without_error",
    "within_module_z": "test_real_companies.py::test_spread_over_alters_and_teams_follows_its_definition",
}
"""Neither igraph nor networkx has them, or has an estimate that may differ."""

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


def authorities(graph: Graph) -> int:
    """Compare where the authorities are unique (L11): one direction that grows faster than all others; return how many were."""
    weight = graph.adjacency.toarray()
    growth = np.linalg.eigvalsh(weight.T @ weight)
    if not graph.m or growth[-2] > 0.9 * growth[-1]:
        return 0
    agree("hits", graph, nx.hits(graph.networkx, max_iter=1000, tol=1e-14)[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # igraph says of each undirected graph that hubs are authorities
        theirs = np.array(graph.igraph.authority_score(weights="weight"))
    if theirs.any():  # of a single tie igraph says that nobody is an authority
        agree("hits", graph, theirs / theirs.sum())
    return 1


def two_hops(graph: Graph) -> None:
    contact = graph.undirected()
    view = contact.igraph
    degree = np.array(view.degree())
    pairs = np.where(degree > 1, degree * (degree - 1) / 2, np.nan)
    agree("two_hop_betweenness", graph, np.array(view.betweenness(cutoff=2)) / pairs)
    agree("two_step_reach", graph, np.nan_to_num(view.harmonic_centrality(cutoff=2, normalized=False)))


@TWENTY
def test_twenty_of_two_hundred_random_graphs_agree_with_igraph_and_networkx(first):
    unique = 0
    for seed in range(first, first + 20):
        graph, kind = random_company(seed)
        egos(graph)
        paths(graph, kind)
        standing(graph)
        two_hops(graph)
        unique += authorities(graph)
    assert unique >= 10


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
    assert authorities(graph)


def test_every_measure_is_held_against_a_library_or_else_against_its_definition():
    """A new measure needs a line above, and the test that the line names."""
    assert HELD_HERE | HELD_BY_LIBRARIES.keys() | HELD_BY_DEFINITION.keys() == set(METRICS)
    assert all(f'agree("{name}"' in Path(__file__).read_text(encoding="utf-8") for name in HELD_HERE)
    for name, where in (HELD_BY_LIBRARIES | HELD_BY_DEFINITION).items():
        file, _, test = where.partition("::")
        text = Path(__file__).with_name(file).read_text(encoding="utf-8")
        body = text.partition(f"def {test}(")[2].partition("\ndef ")[0]
        assert name in body, where
