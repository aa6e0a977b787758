"""Silos beside companies dealt anew: the dealing keeps what it says, a z means what it says, and bad shapes have none."""

from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest

from ona.graph import Graph
from ona.organisation import mixing
from ona.silo import _deal, silo


def company(seed: int, *, inside: float, people: int = 60, units: int = 3) -> Graph:
    """A company of equal units whose people meet their own with this chance, the others with .1."""
    rng, team = np.random.default_rng(seed), np.arange(people) % units
    one, other = np.triu_indices(people, 1)
    met = rng.random(len(one)) < np.where(team[one] == team[other], inside, 0.1)
    table = pa.table({"source": one[met], "target": other[met], "weight": rng.gamma(1.0, 1.0, met.sum()) + 0.01})
    return Graph.from_ties(table, people=np.arange(people), layer="relationship", teams=team)


def test_a_unit_that_keeps_to_itself_lies_far_above_chance_and_a_mixed_one_does_not():
    closed, mixed = silo(company(1, inside=0.5)), silo(company(2, inside=0.1), draws=100)
    assert (closed.closed > 5).all()
    assert (np.diag(closed.z) > 5).all()
    assert all(closed.z[pair] < -2 for pair in combinations(range(3), 2))
    assert (np.diag(closed.ratio) > 1.5).all()
    assert np.abs(mixed.closed).max() < 4


def test_companies_without_silos_have_z_of_mean_zero_and_deviation_one():
    """Forty companies of three units that mix by chance: the 120 indices are draws of what the null says."""
    found = np.concatenate([silo(company(seed, inside=0.1), draws=40, seed=seed).closed for seed in range(40)])
    assert abs(found.mean()) < 4 / len(found) ** 0.5
    assert 0.75 < found.std() < 1.25


def test_the_ratio_is_contact_over_what_the_totals_expect(b6):
    """T7.2 and T7.3 in cells: inside 6 of 14 ends where 49 / 14 are expected, between 1."""
    found = silo(b6, draws=5)
    assert found.units.tolist() == [0, 1]
    assert found.ratio == pytest.approx(np.array([[12 / 7, 2 / 7], [2 / 7, 12 / 7]]))
    assert found.ratio == pytest.approx(np.exp(mixing(b6).silo))


def test_dealing_keeps_everybodys_number_of_ties_and_leaves_neither_loops_nor_doubles():
    graph = company(3, inside=0.3)
    structure, alters = graph.structure, graph.structure.indices.copy()
    _deal((structure.indptr, structure.sources), alters, 10, np.random.default_rng(0))
    assert (structure.sources != alters).all()
    assert len(np.unique(structure.sources.astype(np.int64) * graph.n + alters)) == len(alters)
    assert (np.bincount(alters, minlength=graph.n) == np.diff(structure.indptr)).all()
    pairs = {frozenset(pair) for pair in zip(structure.sources.tolist(), alters.tolist(), strict=True)}
    assert len(pairs) == graph.m  # each tie is still there in both orders
    seen = {frozenset(pair) for pair in zip(structure.sources.tolist(), structure.indices.tolist(), strict=True)}
    assert len(pairs & seen) < 0.5 * len(seen)


def test_every_network_of_the_same_degrees_comes_up_about_as_often(undirected):
    """Three ties among six people of one tie each: 15 networks, each in a fifteenth of 3,000 dealings (chi square, 14 degrees: 36.1)."""
    graph, rng, found = undirected("ab cd ef"), np.random.default_rng(1), {}
    structure, alters = graph.structure, graph.structure.indices.copy()
    for _ in range(3000):
        _deal((structure.indptr, structure.sources), alters, 3, rng)
        found[alters.tobytes()] = found.get(alters.tobytes(), 0) + 1
    assert len(found) == 15
    assert sum((count - 200) ** 2 / 200 for count in found.values()) < 36.1


def test_the_same_seed_gives_the_same_bits_and_scaling_nothing_else():
    graph = company(4, inside=0.3)
    assert silo(graph, seed=3).z.tobytes() == silo(graph, seed=3).z.tobytes()
    for factor in (2.0**-1000, 4.0, 2.0**900):
        assert silo(graph.with_weights(graph.adjacency.data * factor)).z == pytest.approx(silo(graph).z)


def test_where_dealing_changes_nothing_or_nobody_has_a_unit_there_is_no_z(undirected):
    assert np.isnan(silo(undirected("ab", teams="a b")).z).all()
    assert np.isnan(silo(undirected("xa xb xc xd", teams="xa bcd")).closed).all()  # a star has no other network of its degrees
    assert np.isnan(silo(undirected("", isolates="ab", teams="a b")).ratio).all()
    assert silo(undirected("ab bc")).z.shape == (0, 0)
    assert silo(undirected("")).closed.shape == (0,)
    assert np.isnan(silo(company(1, inside=0.5), draws=0).z).all()
