"""Numbers of the whole company and of its units: worked examples, all labellings, peers, metamorphic relations and bad input."""

from itertools import permutations

import networkx as nx
import numpy as np
import pytest

from ona.errors import SettingsError, TableError
from ona.graph import Graph
from ona.organisation import (
    centralisation,
    degree_centralisation,
    ei_by_chance,
    ei_index,
    gini,
    herfindahl,
    mixing,
    reciprocity,
    small_world,
    top_share,
    units,
)


def test_two_closed_departments_have_their_known_index(b6):
    """T7.1: (1 - 6) / 7; T7.2: internal 6/7, expected .5; T7.3: one of seven ties is cut."""
    assert ei_index(b6) == pytest.approx(-5 / 7)
    found = mixing(b6)
    assert found.e_i == pytest.approx([-5 / 7] * 2)
    assert found.homophily == pytest.approx([5 / 7] * 2)
    assert found.conductance == pytest.approx([1 / 7] * 2)
    assert found.silo == pytest.approx(np.log([[12 / 7, 2 / 7], [2 / 7, 12 / 7]]))
    assert found.contact.tolist() == [[6, 1], [1, 6]]
    assert found.ends.tolist() == [[3, 1], [1, 3]]


def test_over_all_labellings_the_index_has_its_known_distribution(b6):
    """T7.1: mean .2, SD .3332, P(<= observed) .1, over the 20 ways to deal three and three."""
    all_of_them = [ei_index(b6.with_teams(list(labels))) for labels in set(permutations([0, 0, 0, 1, 1, 1]))]
    assert np.mean(all_of_them) == pytest.approx(0.2)
    assert np.std(all_of_them) == pytest.approx(0.3332, abs=5e-5)
    assert np.mean(np.array(all_of_them) <= ei_index(b6) + 1e-12) == pytest.approx(0.1)
    found = ei_by_chance(b6, draws=1000, seed=1)
    assert (found.observed, found.mean) == (pytest.approx(-5 / 7), pytest.approx(0.2))
    assert found.deviation == pytest.approx(0.3332, abs=0.02)
    assert found.p == pytest.approx(0.1, abs=0.03)


def test_the_smallest_p_is_one_over_draws_plus_one(undirected):
    """T6.5's rule: no p of zero; two departments of six without one tie between them."""
    closed = undirected("ab bc cd de ef fa ac bd gh hi ij jk kl lg gi hj", teams="abcdef ghijkl")
    assert ei_by_chance(closed, draws=99).p == pytest.approx(1 / 100)
    assert ei_by_chance(closed, draws=99) == ei_by_chance(closed, draws=99)


def test_degree_and_betweenness_are_centralised_as_known(b6, undirected):
    """T7.7: degree .2, betweenness .48; a star is 1, a ring 0."""
    assert degree_centralisation(b6) == pytest.approx(0.2)
    between = np.array(list(nx.betweenness_centrality(b6.networkx).values()))
    assert centralisation(between, b6.n - 1) == pytest.approx(0.48)
    assert degree_centralisation(undirected("xa xb xc xd")) == 1
    assert degree_centralisation(undirected("ab bc cd da")) == 0
    assert np.isnan(degree_centralisation(undirected("ab")))


def test_a_small_world_has_its_known_numbers(b6, undirected):
    """T7.8: C .7778, transitivity .6, L 1.8."""
    assert small_world(b6) == pytest.approx((0.7778, 0.6, 1.8), abs=5e-5)
    assert np.isnan(small_world(undirected("", isolates="ab"))).all()


def test_asks_concentrate_as_known():
    """T7.9: Gini .66. T7.10: 4 of 100 people at nine times the rest have 27.3 %."""
    assert gini(np.array([0, 1, 1, 2, 16.0])) == pytest.approx(0.66)
    busy = np.array([9.0] * 4 + [1.0] * 96)
    assert top_share(busy, 0.04) == pytest.approx(0.2727, abs=5e-5)
    assert herfindahl(np.array([1.0, 1, 2])) == pytest.approx(0.375)
    assert (gini(np.ones(7)), herfindahl(np.ones(4)), top_share(np.ones(4))) == pytest.approx((0, 0.25, 0.25))


def test_concentration_of_nothing_is_undefined_and_of_nonsense_refused():
    for measure in (gini, herfindahl, top_share):
        assert np.isnan(measure(np.zeros(3)))
        assert np.isnan(measure(np.zeros(0)))
        for wrong in ([-1.0, 2], [np.nan, 1], [np.inf, 1]):
            with pytest.raises(TableError, match="not a number"):
                measure(np.array(wrong))
    with pytest.raises(SettingsError, match="busiest"):
        top_share(np.ones(3), 0)


def test_what_is_returned_has_its_known_share(directed):
    """T1.10: [[0, 8, 1], [2, 0, 0], [1, 3, 0]] gives .4; T1.9 for the pair 8 and 2: 4 of 10."""
    assert reciprocity(directed("a>b:8 a>c:1 b>a:2 c>a:1 c>b:3")) == pytest.approx(0.4)
    assert reciprocity(directed("a>b:8 b>a:2")) == pytest.approx(0.4)
    assert reciprocity(directed("a>b c>d")) == 0
    assert np.isnan(reciprocity(directed("", isolates="ab")))


def test_indices_equal_igraph_and_networkx_on_random_companies(random_graph):
    """Conductance against networkx, the mixing of tie ends against igraph's nominal assortativity."""
    for seed in range(200):
        graph = random_graph(seed, directed=seed % 2 == 1)
        kept = graph.people[graph.teams >= 0]
        inside = graph.networkx.subgraph(kept.tolist())
        found, ties = mixing(graph), inside.number_of_edges()
        teams = dict(zip(graph.people.tolist(), graph.teams.tolist(), strict=True))
        weight = sum(data for *_, data in inside.edges(data="weight")) * (1 if graph.directed else 2)
        assert found.contact.sum() == pytest.approx(weight)
        for at, unit in enumerate(found.units.tolist()):
            members = [person for person in kept.tolist() if teams[person] == unit]
            contact = inside.to_undirected() if not graph.directed else inside
            if not graph.directed and len(members) < len(kept) and np.isfinite(found.conductance[at]):
                assert found.conductance[at] == pytest.approx(nx.conductance(contact, members, weight="weight"), abs=1e-9)
        binary = mixing(graph.with_weights(np.ones(graph.adjacency.nnz))).contact
        if ties and len(found.units) > 1:
            share = binary / binary.sum()
            by_chance = (share.sum(axis=0) * share.sum(axis=1)).sum()
            view = graph.igraph.induced_subgraph(np.flatnonzero(graph.teams >= 0).tolist())
            theirs = view.assortativity_nominal("team", directed=graph.directed)
            if by_chance < 1:
                assert (np.trace(share) - by_chance) / (1 - by_chance) == pytest.approx(theirs, abs=1e-9, nan_ok=True)


def test_renaming_scaling_and_an_isolated_person_change_nothing(random_graph):
    for seed in range(40):
        graph = random_graph(seed, directed=seed % 2 == 1)
        found = mixing(graph)
        scaled = mixing(graph.with_weights(graph.adjacency.data * 2.0**200))
        table = graph.to_ties()
        teams = dict(zip(graph.people.tolist(), graph.teams.tolist(), strict=True))
        wider = Graph.from_ties(table, people=[*graph.people.tolist(), 10**6], layer=graph.layer, teams=teams)
        for other in (scaled, mixing(wider)):
            for name in ("e_i", "homophily", "conductance", "silo"):
                np.testing.assert_allclose(getattr(other, name), getattr(found, name), rtol=1e-12, atol=1e-12)


def test_extremes_have_a_number_or_none(undirected):
    assert np.isnan(ei_index(undirected("ab bc")))  # nobody has a unit
    one = mixing(undirected("ab bc", teams="abc"))
    assert one.e_i.tolist() == [-1]
    assert np.isnan([*one.homophily, *one.conductance]).all()  # there is no other unit
    each = mixing(undirected("ab bc", teams="a b c"))
    assert each.e_i.tolist() == [1, 1, 1]
    assert np.isnan(np.diag(each.silo)).all()  # nobody has contact with themselves
    empty = mixing(undirected(""))
    assert empty.contact.shape == (0, 0)
    with pytest.raises(SettingsError, match="units"):
        ei_by_chance(undirected("ab bc"))


def test_units_are_told_one_by_one(undirected, directed):
    """By hand: a carries the one tie of its unit outside; asks go to c three times, to a once."""
    attention = directed("a>b b>a a>c c>d d>c", teams="ab cd")
    ask = directed("b>a d>c:3", teams="ab cd", isolates="")
    first, second = units(attention, ask)
    assert (first.unit, first.people, first.carriers) == (0, 2, 1)
    assert first.e_i == pytest.approx((0.5 - 2) / 2.5)
    assert (first.ask_gini, first.ask_top) == (pytest.approx(0.5), 1)
    assert second.homophily == pytest.approx((1 - 3 / 5) / (1 - 3 / 5))
    with pytest.raises(TableError, match="same"):
        units(attention, directed("b>a", teams="ab cd e"))
