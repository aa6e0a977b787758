"""Null models keep what they promise to keep and deal the rest anew; p-values follow the worked numbers of the method (T6, T7)."""

from datetime import date
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest

from ona.graph import Graph
from ona.metrics import METRICS
from ona.nulls import NullTest, benjamini_hochberg, null_test, p_values, relabelled, swapped, swapped_within_teams, time_shuffled
from ona.simulate.company import company

B6 = [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)]
"""Two triangles and the bridge between them (method, section 0.4)."""


def graph(edges, n, layer="relationship", teams=None, weight=None):
    source, target = np.array(edges).T
    table = pa.table({"source": source, "target": target, "weight": np.ones(len(edges)) if weight is None else weight})
    return Graph.from_ties(table, people=np.arange(n), layer=layer, teams=teams)


def random_graph(layer, n=80, ties=600, seed=0):
    rng = np.random.default_rng(seed)
    code = np.unique(rng.integers(0, n, ties) * n + rng.integers(0, n, ties))
    source, target = code // n, code % n
    kept = source < target if layer == "relationship" else source != target
    edges = list(zip(source[kept].tolist(), target[kept].tolist(), strict=True))
    return graph(edges, n, layer, teams=np.arange(n) % 4, weight=rng.gamma(1.0, 1.0, len(edges)) + 0.01)


def adjacency(one):
    return (one.adjacency > 0).toarray()


@pytest.mark.parametrize("layer", ["attention", "relationship"])
@pytest.mark.parametrize("null", [swapped, swapped_within_teams])
def test_dealing_ties_anew_keeps_everybodys_number_of_ties_and_most_ties_are_others(layer, null):
    seen = random_graph(layer)
    dealt = null(seen, np.random.default_rng(1))
    before, after = adjacency(seen), adjacency(dealt)
    assert (before.sum(axis=0) == after.sum(axis=0)).all()
    assert (before.sum(axis=1) == after.sum(axis=1)).all()
    assert not after.diagonal().any()
    assert (after & before).sum() < 0.5 * before.sum()
    assert sorted(dealt.adjacency.data) == pytest.approx(sorted(seen.adjacency.data))
    if layer == "relationship":
        assert (dealt.adjacency != dealt.adjacency.T).nnz == 0


def test_weights_stay_with_the_person_who_gives_them():
    seen = random_graph("attention")
    dealt = swapped(seen, np.random.default_rng(2))
    assert dealt.adjacency.sum(axis=1) == pytest.approx(seen.adjacency.sum(axis=1))


def test_dealing_within_teams_keeps_the_ties_of_each_person_to_each_team():
    seen = random_graph("relationship")
    member = np.eye(4)[np.arange(80) % 4]
    inside, free = (adjacency(null(seen, np.random.default_rng(3))) for null in (swapped_within_teams, swapped))
    assert (inside @ member == adjacency(seen) @ member).all()
    assert (free @ member != adjacency(seen) @ member).any()


def test_every_network_of_the_same_degrees_comes_up_about_as_often():
    """Six people with one tie each to the next: the 15 perfect matchings of six are equally likely (Fosdick et al. 2018)."""
    matching = graph([(0, 1), (2, 3), (4, 5)], 6)
    rng, counts = np.random.default_rng(4), {}
    for _ in range(300):
        key = adjacency(swapped(matching, rng)).tobytes()
        counts[key] = counts.get(key, 0) + 1
    assert len(counts) == 15
    assert sum((count - 20) ** 2 / 20 for count in counts.values()) < 36.1  # chi-square of 14, p = .001


def test_a_star_and_a_complete_graph_have_no_other_network_of_their_degrees():
    for edges in ([(0, k) for k in range(1, 5)], list(combinations(range(5), 2))):
        assert (adjacency(swapped(graph(edges, 5), np.random.default_rng(5))) == adjacency(graph(edges, 5))).all()


def test_team_labels_are_dealt_among_those_who_have_one():
    seen = graph(B6, 6, teams=np.array([0, 0, 0, 1, 1, -1]))
    dealt = relabelled(seen, np.random.default_rng(6))
    assert sorted(dealt.teams) == sorted(seen.teams)
    assert dealt.teams[5] == -1
    assert (dealt.adjacency != seen.adjacency).nnz == 0


def test_labels_dealt_anew_give_the_mean_and_spread_of_the_ei_index():
    """T7.1: B6 has E-I -.7143; over all labellings the mean is .2, the spread .3332, and one in ten is as low."""
    seen = graph(B6, 6, teams=np.array([0, 0, 0, 1, 1, 1]))

    def ei(one):
        source, target = one.adjacency.nonzero()
        across = (one.teams[source] != one.teams[target]).mean()
        return np.array([2 * across - 1])

    test = null_test(seen, lambda one: -ei(one), relabelled, 4000, seed=0)
    assert -test.observed[0] == pytest.approx(-0.7143, abs=1e-4)
    assert -test.mean[0] == pytest.approx(0.2, abs=0.02)
    assert test.spread[0] == pytest.approx(0.3332, abs=0.01)
    assert test.p_value[0] == pytest.approx(0.1, abs=0.02)


def test_a_bridge_between_circles_exceeds_what_its_degree_alone_brings():
    """Two circles of eight in which everybody knows four others, tied by one person in each."""
    ring = [(k, (k + step) % 8) for k in range(8) for step in (1, 2)]
    edges = ring + [(a + 8, b + 8) for a, b in ring] + [(0, 8), (0, 9), (1, 8)]
    seen = graph(edges, 16)
    test = null_test(seen, METRICS["two_hop_betweenness"], swapped, 100, seed=1)
    assert set(np.argsort(-test.excess)[:4]) >= {0, 8}


def test_three_larger_draws_of_999_make_a_p_value_of_four_in_a_thousand():
    drawn = np.arange(999, dtype=float)[:, None]
    assert p_values(np.array([996.0]), drawn) == pytest.approx(0.004)  # T6.5: b = 3, R = 999
    assert p_values(np.array([5000.0]), drawn)[0] > 0  # p = 0 is impossible
    assert np.isnan(p_values(np.array([np.nan]), drawn)[0])


@pytest.mark.parametrize(("level", "rejected"), [(0.05, 2), (0.10, 7)])
def test_benjamini_and_hochberg_reject_as_worked_by_hand(level, rejected):
    p = np.array([0.205, 0.001, 0.074, 0.008, 0.06, 0.039, 0.042, 0.041, np.nan])  # T6.7
    assert benjamini_hochberg(p, level).sum() == rejected
    assert not benjamini_hochberg(np.full(3, np.nan), level).any()


def test_people_whom_chance_does_not_move_have_no_excess():
    test = NullTest(np.ones(2), np.ones(2), np.array([0.0, 0.5]), np.ones(2))
    assert np.isnan(test.excess[0])
    assert test.excess[1] == 0


def test_the_same_seed_deals_the_same_networks():
    one, two = (null_test(random_graph("relationship"), METRICS["two_hop_betweenness"], swapped, 3, seed=7) for _ in range(2))
    assert one.mean.tobytes() == two.mean.tobytes()


def test_times_dealt_anew_keep_each_senders_times_of_the_week_and_nothing_else_moves():
    events = company(people=60, weeks=2, seed=0, start=date(2026, 6, 29)).events()
    dealt = time_shuffled(events, np.random.default_rng(8))
    for name in events.schema.names:
        same = events[name].equals(dealt[name])
        assert same == (name not in ("sent", "day", "bin")), name
    times = ["sender", "week", "sent", "day", "bin"]
    order = [(name, "ascending") for name in times]
    assert events.select(times).sort_by(order).equals(dealt.select(times).sort_by(order))
    shuffled = events.take(np.random.default_rng(9).permutation(len(events)))
    again = time_shuffled(shuffled, np.random.default_rng(8)).sort_by("event")
    assert again["sent"].equals(dealt.sort_by("event")["sent"])  # the order of the rows does not matter
