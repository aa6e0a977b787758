"""Sets of key players and cover sets: worked examples, every set of small companies, proof gaps and bad input."""

from itertools import combinations

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import csr_array

from ona.errors import SettingsError, TableError, TooLargeError
from ona.graph import Graph
from ona.key_players import (
    LIMIT,
    chance_of_reach,
    cover,
    cover_set,
    distance_fragmentation,
    fragmentation,
    fragmenting,
    reach,
    reaching,
)


def letters(people: np.ndarray) -> str:
    return "".join(chr(person) for person in people)


def ids(text: str) -> list[int]:
    return [ord(letter) for letter in text]


def test_the_bridge_holds_the_company_together(b6):
    """T2.20: without c F = F_D = .6; without a 0 and .2833; before .3111; reach of c .8333, of c and d 1."""
    assert fragmentation(b6, ids("c")) == pytest.approx(0.6)
    assert distance_fragmentation(b6, ids("c")) == pytest.approx(0.6)
    assert fragmentation(b6, ids("a")) == fragmentation(b6) == 0
    assert distance_fragmentation(b6, ids("a")) == pytest.approx(0.2833, abs=5e-5)
    assert distance_fragmentation(b6) == pytest.approx(0.3111, abs=5e-5)
    assert reach(b6, ids("c")) == pytest.approx(0.8333, abs=5e-5)
    assert reach(b6, ids("cd")) == 1
    assert reach(b6, []) == 0


def test_the_best_two_are_not_the_two_best(undirected):
    """By hand: a, b and c are hubs; a and b share their leaves, so a and c reach more than a and b."""
    graph = undirected("az ay ax aw av bz by bx bw bv cp cq cr ap")
    assert letters(cover_set(graph, 2).people) == "ac"
    assert set(letters(reaching(graph, 2).people)) == set("ac")


def test_the_split_is_chosen_first(b6, undirected):
    assert letters(fragmenting(b6, 1).people) in "cd"
    assert fragmenting(b6, 1).value == pytest.approx([0.6])
    path = fragmenting(undirected("ab bc cd de ef fg"), 3)  # by hand: 3 + 3 are left, then 1 + 1 + 3, then four alone
    assert letters(path.people) == "dbf"
    assert path.value == pytest.approx([1 - 12 / 30, 1 - 6 / 20, 1])


def test_one_step_of_breaking_is_exact(random_graph):
    """The first choice is the best of all people, from the definition."""
    for seed in range(200):
        graph = random_graph(seed, directed=seed % 2 == 1)
        if graph.n > 2:
            best = max(fragmentation(graph, [person]) for person in graph.people.tolist())
            assert fragmenting(graph, 1).value[0] == pytest.approx(best, abs=1e-12)


def test_values_are_those_of_the_set(random_graph):
    for seed in range(60):
        graph = random_graph(seed)
        if graph.n > 5:
            broken, near = fragmenting(graph, 3), reaching(graph, 3)
            for size in (1, 2, 3):
                assert broken.value[size - 1] == pytest.approx(fragmentation(graph, broken.people[:size].tolist()), abs=1e-12)
                assert near.value[size - 1] == pytest.approx(reach(graph, near.people[:size].tolist()), abs=1e-12)


def test_fragmentation_and_reach_equal_networkx(random_graph):
    for seed in range(200):
        graph = random_graph(seed, directed=seed % 2 == 1)
        view = graph.undirected().networkx
        person = graph.people[seed % graph.n]
        hops = nx.single_source_shortest_path_length(view, person)
        assert reach(graph, [person]) == pytest.approx(sum(1 / max(far, 1) for far in hops.values()) / graph.n, abs=1e-9)
        if graph.n > 1:
            assert distance_fragmentation(graph) == pytest.approx(1 - nx.global_efficiency(view), abs=1e-9)
            sizes = [len(part) for part in nx.connected_components(view)]
            pairs = sum(size * (size - 1) for size in sizes)
            assert fragmentation(graph) == pytest.approx(1 - pairs / (graph.n * (graph.n - 1)), abs=1e-12)


def test_greedy_cover_and_its_proof_gap_are_known():
    """T7.14: sets 1234, 125 and 346, two of them: greedy 5, optimum 6, which is what the bound says."""
    sets = csr_array(np.array([[1, 1, 1, 1, 0, 0], [1, 1, 0, 0, 1, 0], [0, 0, 1, 1, 0, 1]]))
    chosen, covered, bound = cover(sets, 2)
    assert (chosen.tolist(), covered, bound) == ([0, 1], 5, 6)


def test_the_bound_holds_for_every_set_and_greedy_is_never_far_off(random_graph):
    for seed in range(80):
        graph = random_graph(seed)
        if 4 <= graph.n <= 10:
            circles = {person: set(graph.networkx[person]) | {person} for person in graph.people.tolist()}
            best = max(len(set().union(*(circles[one] for one in members))) for members in combinations(circles, 3))
            nearest = max(reach(graph, members) for members in combinations(circles, 3))
            found, near = cover_set(graph, 3), reaching(graph, 3)
            assert 1 - 1 / np.e <= found.covered / (best / graph.n) <= 1
            assert found.bound >= best / graph.n - 1e-12
            assert 1 - 1 / np.e <= near.value[-1] / nearest <= 1 + 1e-12
            assert near.bound >= nearest - 1e-12


def test_chance_is_the_mean_over_all_sets(random_graph):
    for seed in range(30):
        graph = random_graph(seed)
        if 4 <= graph.n <= 9:
            circles = {person: set(graph.networkx[person]) | {person} for person in graph.people.tolist()}
            sizes = [len(circles[one] | circles[other]) for one, other in combinations(circles, 2)]
            assert cover_set(graph, 2).by_chance == pytest.approx(np.mean(sizes) / graph.n)


def test_degree_is_no_better_than_the_cover(random_graph):
    for seed in range(60):
        graph = random_graph(seed)
        found = cover_set(graph, min(2, graph.n))
        assert found.by_degree <= found.covered + 1e-12 <= found.bound + 2e-12


def test_a_random_share_of_a_dense_company_reaches_most_of_it():
    """T7.16."""
    assert [chance_of_reach(0.03, k) for k in (20, 50, 75)] == pytest.approx([0.4725, 0.7885, 0.9012], abs=5e-5)


def test_relabelling_only_renames_a_set_without_equals(undirected):
    graph = undirected("az ay ax aw bv bu bt cs cr ab")
    renamed = undirected("zA yA xA wA vB uB tB sC rC AB")
    assert letters(cover_set(graph, 3).people).upper() == letters(cover_set(renamed, 3).people)


def test_sets_without_a_meaning_are_refused(b6, undirected):
    for call in (cover_set, reaching, fragmenting):
        for size in (0, 7):
            with pytest.raises(SettingsError, match="at least one"):
                call(b6, size)
    with pytest.raises(SettingsError, match="at least one"):
        fragmenting(undirected("ab"), 1)
    with pytest.raises(TableError, match="not in the graph"):
        fragmentation(b6, [7])
    assert np.isnan([fragmentation(undirected("ab"), ids("a")), distance_fragmentation(undirected("")), reach(undirected(""), [])]).all()


def test_a_company_too_large_for_distances_is_refused_and_covered_all_the_same():
    leaves = np.arange(1, LIMIT + 1)
    table = pa.table({"source": np.zeros(LIMIT, dtype=np.int64), "target": leaves, "weight": np.ones(LIMIT)})
    star = Graph.from_ties(table, layer="relationship")
    for call in (reaching, fragmenting):
        with pytest.raises(TooLargeError, match="cover_set"):
            call(star, 1)
    found = cover_set(star, 1)
    assert (found.people.tolist(), found.covered, found.bound) == ([0], 1, 1)
