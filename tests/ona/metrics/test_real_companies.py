"""Measures on companies whose central people are known, and against igraph and networkx; an isolated person changes nobody's place."""

import networkx as nx
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from real_companies import DATA, consultants, sawmill
from scipy import stats

from ona.graph import Graph
from ona.metrics import METRICS
from ona.metrics.betweenness import betweenness
from ona.metrics.constraint import constraint
from ona.metrics.degree import degree
from ona.metrics.effective_contacts import effective_contacts
from ona.metrics.expertise_rank import expertise_rank
from ona.metrics.in_strength import in_strength
from ona.metrics.participation import participation
from ona.metrics.strength import strength
from ona.metrics.within_module_z import within_module_z

PEERS = range(200)


def shared(name: str) -> None:
    if not (DATA / name).exists():
        pytest.skip("the public data sets are not beside the repository")


def drawn(random_graph, seed: int) -> Graph:
    return random_graph(seed, directed=seed % 2 == 1)


def test_the_two_men_whom_the_management_asked_stand_between_the_others():
    """Sawmill strike (Michael 1997): the strike ended after Bob and Norm understood the offer; betweenness as listed beside the data."""
    shared("strike_sawmill")
    graph, names = sawmill()
    between = pd.Series(betweenness(graph) * 23 * 22 / 2, names[graph.people]).nlargest(4)
    assert between.index[:2].tolist() == ["Bob", "Norm"]
    assert between.tolist() == pytest.approx([155.7, 144.7, 60.0, 42.0], abs=0.05)
    closed = pd.Series(constraint(graph), names[graph.people]).nsmallest(2)
    assert closed.to_dict() == pytest.approx({"Norm": 0.198, "Bob": 0.238}, abs=5e-4)


def test_consultants_asked_by_asked_consultants_are_those_whose_expertise_is_valued():
    """Cross & Parker (2004), 46 consultants: Spearman with the number of colleagues who rate the expertise 4 or 5, at least .85."""
    shared("cross_parker_consulting")
    graph, raters = consultants()
    assert (graph.n, graph.m) == (46, 521)
    assert stats.spearmanr(expertise_rank(graph), raters).statistic >= 0.85
    assert stats.spearmanr(in_strength(graph), raters).statistic == pytest.approx(0.841, abs=5e-4)


def test_strength_degree_and_expertise_rank_equal_their_peers(random_graph):
    for seed in PEERS:
        graph = drawn(random_graph, seed)
        view = graph.igraph
        np.testing.assert_allclose(strength(graph), view.strength(weights="weight", mode="out"), atol=1e-9)
        np.testing.assert_allclose(in_strength(graph), view.strength(weights="weight", mode="in"), atol=1e-9)
        neighbours = graph.undirected().networkx
        assert degree(graph).tolist() == [neighbours.degree(person) for person in graph.people.tolist()]
        ranks = nx.pagerank(graph.networkx, tol=1e-13, max_iter=1000)
        np.testing.assert_allclose(expertise_rank(graph), [ranks[person] for person in graph.people.tolist()], atol=1e-9)


def test_spread_over_alters_and_teams_follows_its_definition(random_graph):
    """Hill number, Guimera and Amaral's two coordinates, from a matrix of contact."""
    for seed in PEERS:
        graph = drawn(random_graph, seed)
        contact = graph.adjacency.toarray() + (graph.adjacency.toarray().T if graph.directed else 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = contact / contact.sum(axis=1, keepdims=True)
            np.testing.assert_allclose(effective_contacts(graph), 1 / (share**2).sum(axis=1), rtol=1e-12)
            codes = np.unique(graph.teams[graph.teams >= 0])
            by_team = np.stack([contact[:, graph.teams == code].sum(axis=1) for code in codes], axis=1) if len(codes) else contact[:, :0]
            part = by_team / by_team.sum(axis=1, keepdims=True)
            spread = (1 - (part**2).sum(axis=1)) * len(codes) / (len(codes) - 1) if len(codes) > 1 else np.full(graph.n, np.nan)
        np.testing.assert_allclose(participation(graph), spread, atol=1e-12)
        for code in codes:
            own = contact[np.ix_(graph.teams == code, graph.teams == code)].sum(axis=1)
            z = (own - own.mean()) / own.std() if own.std() > 1e-12 else np.zeros(len(own))
            np.testing.assert_allclose(within_module_z(graph)[graph.teams == code], z, atol=1e-9)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_an_isolated_person_changes_nobodys_place(name, random_graph):
    """Values may shrink with the size of the company; who is above whom may not change."""
    for seed in range(24):
        graph = drawn(random_graph, seed)
        if graph.n < 3:
            continue
        teams = dict(zip(graph.people.tolist(), graph.teams.tolist(), strict=True))
        wider = Graph.from_ties(graph.to_ties(), people=[*graph.people.tolist(), 10**6], layer=graph.layer, teams=teams)
        before, after = METRICS[name](graph), METRICS[name](wider)[: graph.n]
        first = [values.reshape(graph.n, -1)[:, 0] for values in (before, after)]
        assert np.isnan(first[0]).tolist() == np.isnan(first[1]).tolist()
        above = [np.subtract.outer(values, values) / np.nanmax(np.abs(values), initial=1e-300) > 1e-7 for values in first]
        np.testing.assert_array_equal(*above)


def test_bad_weights_never_reach_a_measure():
    for wrong in (np.nan, -1.0, np.inf, 5e-324):
        with pytest.raises(Exception, match="Expected"):
            Graph.from_ties(pa.table({"source": [1], "target": [2], "weight": [wrong]}))
