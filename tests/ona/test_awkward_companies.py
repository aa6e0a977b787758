"""Every measure of a company on companies of every awkward shape: finite in its range, or NaN, or a typed error; never a wrong number."""

import warnings

import numpy as np
import pyarrow as pa
import pytest

from ona.backbone import backbone
from ona.communities import alignment, communities, modularity
from ona.company import company_notes
from ona.errors import OnaError
from ona.fragility import carriers, fragility, lost_pairs
from ona.graph import NO_TEAM, Graph
from ona.key_players import cover_set, distance_fragmentation, fragmentation, fragmenting, reach, reaching
from ona.nulls import swapped, swapped_within_teams
from ona.organisation import degree_centralisation, ei_by_chance, ei_index, gini, herfindahl, mixing, reciprocity, small_world, top_share
from ona.silo import silo

HUGE, TINY = 1e300, 1e-300


def graph_of(pairs, people: int, teams=None, weights=None) -> Graph:
    source, target = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    weight = np.ones(len(source)) if weights is None else np.array(weights)
    table = pa.table({"source": source, "target": target, "weight": weight})
    return Graph.from_ties(table, people=np.arange(people), layer="relationship", teams=teams)


STAR = [(0, leaf) for leaf in range(1, 40)]
SHAPES = {
    "nobody": graph_of([], 0, []),
    "one person": graph_of([], 1, [0]),
    "two people": graph_of([(0, 1)], 2, [0, 1]),
    "no ties": graph_of([], 5, [0, 0, 1, 1, -1]),
    "disconnected pairs": graph_of([(0, 1), (2, 3), (4, 5)], 7, [0, 0, 1, 1, 2, 2, -1]),
    "one giant star": graph_of(STAR, 40, [k % 3 for k in range(40)]),
    "all weights equal": graph_of([(i, j) for i in range(6) for j in range(i)], 6, [0, 0, 0, 1, 1, 1]),
    "a community per person": graph_of([(0, 1), (1, 2), (2, 3)], 4, [0, 1, 2, 3]),
    "a team of everybody": graph_of([(0, 1), (1, 2), (2, 3)], 4, [0] * 4),
    "nobody in a team": graph_of([(0, 1), (1, 2)], 3, [-1] * 3),
    "without teams": graph_of([(0, 1), (1, 2), (2, 3)], 4),
    "weights from tiny to huge": graph_of([(0, 1), (1, 2), (2, 3), (3, 0)], 4, [0, 0, 1, 1], [TINY, 1.0, HUGE, 1.0]),
}


def helped(graph: Graph) -> np.ndarray:
    return np.asarray(graph.adjacency.sum(axis=0), dtype=np.float64)


IN_RANGE = {
    "ei_index": (ei_index, -1, 1),
    "ei_by_chance": (lambda graph: ei_by_chance(graph, draws=9).observed, -1, 1),
    "homophily": (lambda graph: mixing(graph).homophily, -np.inf, 1),
    "conductance": (lambda graph: mixing(graph).conductance, 0, 1),
    "e_i of units": (lambda graph: mixing(graph).e_i, -1, 1),
    "silo log ratio": (lambda graph: mixing(graph).silo, -np.inf, np.inf),
    "silo ratio": (lambda graph: silo(graph, draws=3).ratio, 0, np.inf),
    "silo z": (lambda graph: silo(graph, draws=3).z, -np.inf, np.inf),
    "silo index": (lambda graph: silo(graph, draws=3).closed, -np.inf, np.inf),
    "centralisation": (degree_centralisation, 0, 1),
    "reciprocity": (reciprocity, 0, 1),
    "gini": (lambda graph: gini(helped(graph)), 0, 1),
    "top share": (lambda graph: top_share(helped(graph)), 0, 1),
    "herfindahl": (lambda graph: herfindahl(helped(graph)), 0, 1),
    "small world": (lambda graph: np.array(small_world(graph)), 0, np.inf),
    "fragility": (lambda graph: fragility(graph, draws=2).attack, 0, 0.5),
    "lost pairs": (lost_pairs, 0, 1),
    "carriers": (lambda graph: np.array(list(carriers(graph).values()), dtype=float), 0, np.inf),
    "fragmentation": (fragmentation, 0, 1),
    "distance fragmentation": (distance_fragmentation, 0, 1),
    "reach": (lambda graph: reach(graph, graph.people[:1].tolist()), 0, 1),
    "cover set": (lambda graph: cover_set(graph, 1).covered, 0, 1),
    "reaching": (lambda graph: reaching(graph, 1).value, 0, 1),
    "fragmenting": (lambda graph: fragmenting(graph, 1).value, 0, 1),
    "modularity": (lambda graph: modularity(graph, graph.teams if graph.teams is not None else np.full(graph.n, NO_TEAM)), -1, 1),
    "leiden": (lambda graph: communities(graph, seeds=2).modularity, -1, 1),
    "infomap": (lambda graph: communities(graph, method="infomap", seeds=2).modularity, -1, 1),
    "agreement": (lambda graph: alignment(np.zeros(graph.n, np.int32), np.arange(graph.n, dtype=np.int32)).ami, -1, 1),
    "disparity backbone": (lambda graph: backbone(graph, "disparity").ties, 0, 1),
    "strongest": (lambda graph: backbone(graph, "strongest").strength, 0, 1),
}


@pytest.mark.parametrize("name", IN_RANGE)
def test_a_measure_of_a_company_is_in_its_range_or_undefined_or_refused(name):
    measure, low, high = IN_RANGE[name]
    for shape, graph in SHAPES.items():
        try:
            values = np.atleast_1d(np.asarray(measure(graph), dtype=float))
        except OnaError:
            continue
        known = values[~np.isnan(values)]
        assert np.isfinite(known).all(), shape
        assert (known >= low - 1e-12).all(), shape
        assert (known <= high + 1e-12).all(), shape


@pytest.mark.parametrize("shape", SHAPES)
def test_chance_deals_every_shape_without_inventing_a_tie(shape):
    graph = SHAPES[shape]
    for null in (swapped, swapped_within_teams):
        dealt = null(graph, np.random.default_rng(0))
        assert dealt.m == graph.m
        assert (np.diff(dealt.adjacency.indptr) == np.diff(graph.adjacency.indptr)).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_the_notes_of_a_company_of_any_shape_are_plain_numbers_or_nothing(shape):
    graph = SHAPES[shape]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        notes = company_notes((graph, graph, graph), communities(graph, seeds=2), np.full(graph.n, NO_TEAM, dtype=np.int32))
    found = [notes]
    while found:
        one = found.pop()
        found += list(one.values()) if isinstance(one, dict) else one if isinstance(one, list) else []
        assert not isinstance(one, float) or np.isfinite(one)
