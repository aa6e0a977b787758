"""What breaks when people leave, and how word travels: worked examples, definitions on small companies and bad input."""

from itertools import product

import networkx as nx
import numpy as np
import pytest

from ona.errors import SettingsError, TableError
from ona.fragility import carriers, dismantling, fragility, lost_pairs, robustness
from ona.metrics.collective_influence import collective_influence_at
from ona.spread import arrivals, reached_by, spread


def ids(text: str) -> list[int]:
    return [ord(letter) for letter in text]


def test_the_company_falls_apart_as_known(b6):
    """T7.11: in the order c, d, a, b, e, f R = (3 + 2 + 2 + 2 + 1 + 0) / 36; T7.12: 2.4286."""
    assert robustness(b6, ids("cdabef")) == pytest.approx(0.2778, abs=5e-5)
    found = fragility(b6)
    assert found.molloy_reed == pytest.approx(2.4286, abs=5e-5)
    assert found.attack == robustness(b6, found.order)
    assert chr(found.order[0]) in "cd"
    assert found.attack <= found.chance
    assert fragility(b6, seed=3).chance == fragility(b6, seed=3).chance


def test_robustness_follows_its_definition(random_graph):
    for seed in range(100):
        graph = random_graph(seed, directed=seed % 2 == 1)
        order, view = np.random.default_rng(seed).permutation(graph.people), graph.undirected().networkx
        left = [view.subgraph(order[gone:].tolist()) for gone in range(1, graph.n + 1)]
        expected = sum(max(map(len, nx.connected_components(part)), default=0) for part in left) / graph.n**2
        assert robustness(graph, order) == pytest.approx(expected)


@pytest.mark.parametrize("length", [1, 2])
def test_at_every_step_the_most_influential_leaves(random_graph, length):
    """Against the definition: influence computed anew among those still there."""
    for seed in range(60):
        graph = random_graph(seed)
        left = graph
        for person in dismantling(graph, length).tolist():
            influence = collective_influence_at(left, length)
            assert influence[np.flatnonzero(left.people == person)[0]] == influence.max()
            table = left.to_ties()
            stay = [other for other in left.people.tolist() if other != person]
            kept = table.filter(np.isin(table["source"], stay) & np.isin(table["target"], stay))
            left = type(graph).from_ties(kept, people=stay, layer="relationship")


def test_pairs_that_hang_on_one_person_are_lost(b6, undirected, by_letter):
    """By hand: between the departments of the bridge the tie cd and four pairs at two hops; c is the middle of ad and bd."""
    assert lost_pairs(b6) == pytest.approx([0, 0, 2 / 5, 2 / 5, 0, 0])
    square = undirected("ab bc cd da", teams="a c bd")
    assert lost_pairs(square).tolist() == [0, 0, 0, 0]  # a and c have two people between them
    assert np.isnan(lost_pairs(undirected("ab bc"))).all()
    assert np.isnan(lost_pairs(undirected("ab bc", teams="abc"))).all()


def test_lost_pairs_follow_their_definition(random_graph):
    for seed in range(100):
        graph = random_graph(seed)
        view, teams = graph.networkx, dict(zip(graph.people.tolist(), graph.teams.tolist(), strict=True))
        across = [
            (one, other)
            for one in view
            for other, far in nx.single_source_shortest_path_length(view, one, cutoff=2).items()
            if one < other and far and teams[one] != teams[other] and min(teams[one], teams[other]) >= 0
        ]
        found = lost_pairs(graph)
        for person, share in zip(graph.people.tolist(), found, strict=True):
            without = view.subgraph(set(view) - {person})
            pairs = [pair for pair in across if person not in pair]
            lost = [pair for pair in pairs if not nx.has_path(without, *pair) or nx.shortest_path_length(without, *pair) > 2]
            assert np.isnan(share) if not across else share == pytest.approx(len(lost) / len(across))


def test_the_fewest_who_carry_half_of_the_contact_outside(undirected):
    """By hand: of ten outside, a has six; of d's side d and e have five each."""
    assert carriers(undirected("ad:3 ae:3 bd:2 ce:2 ab:9", teams="abc de f")) == {0: 1, 1: 1, 2: 0}
    assert carriers(undirected("ad:3 ae:3 bd:2 ce:2", teams="abc de"), 0.8) == {0: 2, 1: 2}
    assert carriers(undirected("ab")) == {}


def test_orders_and_lengths_without_a_meaning_are_refused(b6, undirected):
    with pytest.raises(TableError, match="everybody once"):
        robustness(b6, ids("abcde"))
    with pytest.raises(TableError, match="1 or 2"):
        dismantling(b6, 3)
    nobody = fragility(undirected(""))
    assert np.isnan([nobody.attack, nobody.chance, nobody.molloy_reed]).all()


def test_word_travels_in_the_order_of_events():
    """T7.13: c to e at 0, a to b at 1, b to c at 2, a to d at 3: e never hears, though a path of ties exists."""
    people = np.array(ids("abcde"))
    sender, recipient = np.array(ids("caba")), np.array(ids("ebcd"))
    found = arrivals(sender, recipient, np.array([0.0, 1, 2, 3]), ord("a"), people)
    assert found[1:4].tolist() == [1, 2, 3]
    assert np.isnan(found[4])
    shuffled = [3, 1, 0, 2]
    again = arrivals(sender[shuffled], recipient[shuffled], np.array([3.0, 1, 0, 2]), ord("a"), people)
    assert np.array_equal(found, again, equal_nan=True)
    with pytest.raises(TableError, match="not in the list"):
        arrivals(sender, recipient, np.zeros(4), ord("a"), people[:4])
    with pytest.raises(TableError, match="time"):
        arrivals(sender, recipient, np.array([0, 1, 2, np.nan]), ord("a"), people)


def test_a_cascade_has_its_known_mean(directed):
    """T7.15: a to b, b to c, a to c, each at one half: 2.125, over all eight worlds and by drawing."""
    graph = directed("a>b b>c a>c")
    worlds = [reached_by(graph, ids("a"), np.array(live)).sum() for live in product([False, True], repeat=3)]
    assert np.mean(worlds) == pytest.approx(2.125)
    mean, error = spread(graph, ids("a"), 0.5, draws=2000, seed=5)
    assert abs(mean - 2.125) < 3 * error < 0.1
    assert spread(graph, ids("a"), 1.0, draws=2) == (3, 0)
    assert spread(graph, ids("c"), 1.0, draws=2) == (1, 0)
    with pytest.raises(SettingsError, match="between 0 and 1"):
        spread(graph, ids("a"), 1.5)
