"""Communities and their agreement with teams: worked examples, library hazards, and two companies whose departments are known."""

import igraph
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from real_companies import DATA, everybody_grouped, information, office, research_institution

from ona.communities import adjusted_mutual_information, adjusted_rand_index, alignment, communities, modularity
from ona.errors import SettingsError
from ona.graph import Graph


def shared(name: str) -> None:
    if not (DATA / name).exists():
        pytest.skip("the public data sets are not beside the repository")


def test_two_departments_are_found(b6):
    """T7.3, T7.4 and L8: igraph's default objective would leave six people alone."""
    found = communities(b6)
    assert found.code.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.number == 2
    assert found.modularity == pytest.approx(5 / 14)
    assert found.stability == pytest.approx(1)
    assert len(set(b6.igraph.community_leiden(weights="weight").membership)) == 6


def test_infomap_finds_them_too(b6):
    """T7.5: two modules, 2.3207 bits."""
    assert communities(b6, method="infomap").code.tolist() == [0, 0, 0, 1, 1, 1]
    assert b6.igraph.community_infomap(edge_weights="weight").codelength == pytest.approx(2.3207, abs=5e-5)


def test_directed_modularity_is_the_directed_one(w4):
    """T7.4, L16: .1975 directed, .1420 when both directions are added up."""
    teams = np.array([0, 0, 1, 1], dtype=np.int32)
    assert modularity(w4, teams) == pytest.approx(0.1975, abs=5e-5)
    assert modularity(w4.undirected(), teams) == pytest.approx(0.1420, abs=5e-5)


def test_modularity_equals_igraph_on_random_companies(random_graph):
    for seed in range(200):
        graph = random_graph(seed, directed=seed % 2 == 1)
        if graph.m:
            codes = np.random.default_rng(seed).integers(0, 4, graph.n).astype(np.int32)
            for resolution in (1.0, 1.5):
                expected = graph.igraph.modularity(codes.tolist(), weights="weight", directed=graph.directed, resolution=resolution)
                assert modularity(graph, codes, resolution=resolution) == pytest.approx(expected, abs=1e-9)


def test_weights_decide(undirected, by_letter):
    """L7: without weights igraph sees a complete graph and one community."""
    ties = [("ab", 9), ("cd", 9), ("ac", 1), ("ad", 1), ("bc", 1), ("bd", 1)]
    found = communities(undirected(" ".join(f"{pair}:{weight}" for pair, weight in ties)))
    assert found.code.tolist() == [0, 0, 1, 1]


def test_the_same_seed_gives_the_same_communities_whatever_the_order_of_the_ties(random_graph):
    for seed in range(20):
        graph = random_graph(seed)
        table = graph.to_ties()
        shuffled = table.take(np.random.default_rng(seed).permutation(len(table)))
        again = Graph.from_ties(shuffled, people=graph.people, layer="relationship")
        assert communities(graph, seeds=5, seed=3).code.tolist() == communities(again, seeds=5, seed=3).code.tolist()


@pytest.mark.parametrize("factor", [2.0**-1000, 2.0**900])
def test_the_unit_of_the_weights_does_not_matter(b6, factor):
    found = communities(b6.with_weights(b6.adjacency.data * factor), seeds=3)
    assert found.code.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.modularity == pytest.approx(5 / 14)


def test_an_isolated_person_is_in_no_community_and_changes_none(undirected):
    without = communities(undirected("ab bc ca de ef fd cd"))
    found = communities(undirected("ab bc ca de ef fd cd", isolates="z"))
    assert found.code.tolist() == [*without.code.tolist(), -1]
    assert found.modularity == pytest.approx(without.modularity)


def test_communities_are_connected_and_numbered_from_the_largest(random_graph):
    for seed in range(40):
        graph = random_graph(seed)
        found = communities(graph, seeds=4)
        sizes = np.bincount(found.code[found.code >= 0])
        assert (np.diff(sizes) <= 0).all()
        for code in range(len(sizes)):
            members = np.flatnonzero(found.code == code).tolist()
            assert graph.igraph.induced_subgraph(members).is_connected()


def test_a_company_without_ties_has_no_communities(undirected):
    found = communities(undirected("", isolates="abc"))
    assert found.code.tolist() == [-1] * 3
    assert found.number == 0
    assert np.isnan([found.modularity, found.stability]).all()
    assert communities(undirected("")).code.shape == (0,)


@pytest.mark.parametrize("wrong", [{"resolution": 0.0}, {"resolution": float("nan")}, {"seeds": 0}])
def test_settings_without_a_meaning_are_refused(b6, wrong):
    with pytest.raises(SettingsError, match="positive resolution"):
        communities(b6, **wrong)


def test_agreement_has_its_known_values():
    """T7.6: AMI .5001, ARI .4948, NMI .5616. L13: eight people alone against two fours: NMI .5, AMI 0."""
    one, other = np.array([0, 0, 0, 0, 1, 1, 1, 1]), np.array([0, 0, 0, 1, 1, 1, 1, 1])
    assert adjusted_mutual_information(one, other) == pytest.approx(0.5001, abs=5e-5)
    assert adjusted_rand_index(one, other) == pytest.approx(0.4948, abs=5e-5)
    assert information(one, other) == pytest.approx(0.5616, abs=5e-5)
    assert information(np.arange(8), one) == pytest.approx(0.5)
    assert adjusted_mutual_information(np.arange(8), one) == pytest.approx(0, abs=1e-12)
    assert adjusted_rand_index(np.arange(8), one) == 0


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_agreement_is_symmetric_names_do_not_matter_and_the_rand_index_is_igraphs(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 40))
    one, other = rng.integers(0, 4, n), rng.integers(0, 6, n)
    assert adjusted_mutual_information(one, one * 7 + 3) == pytest.approx(1) or len(set(one)) == 1
    assert adjusted_mutual_information(one, other) == pytest.approx(adjusted_mutual_information(other, one), abs=1e-9, nan_ok=True)
    expected = igraph.compare_communities(one.tolist(), other.tolist(), method="adjusted_rand")
    assert adjusted_rand_index(one, other) == pytest.approx(expected, abs=1e-9)


def test_agreement_by_chance_is_zero_on_average():
    """Mean over all 20 ways to deal three and three: exact, because the correction is the hypergeometric mean."""
    from itertools import combinations

    fixed, rows = np.array([0, 0, 1, 1, 2, 2]), np.arange(6)
    deals = [np.isin(rows, members).astype(int) for members in combinations(range(6), 3)]
    assert np.mean([adjusted_mutual_information(fixed, deal) for deal in deals]) == pytest.approx(0, abs=1e-12)
    assert np.mean([adjusted_rand_index(fixed, deal) for deal in deals]) == pytest.approx(0, abs=1e-12)


def test_where_nobody_is_grouped_there_is_nothing_to_agree_on():
    for trivial in (np.zeros(5, dtype=np.int32), np.arange(5, dtype=np.int32), np.zeros(1, dtype=np.int32), np.zeros(0, dtype=np.int32)):
        assert np.isnan([adjusted_mutual_information(trivial, trivial), adjusted_rand_index(trivial, trivial)]).all()
    found = alignment(np.array([0, 0, 1, 1, -1], dtype=np.int32), np.array([5, 5, 9, 9, 9], dtype=np.int32))
    assert (found.ami, found.ari, found.people) == (pytest.approx(1), pytest.approx(1), 4)


def test_departments_of_a_research_institution_are_found_in_its_mail():
    """email-Eu-core, 1,005 people, 42 departments: at least NMI .60 and ARI .40; Leiden at resolution 1 gives .576 and .309."""
    shared("email_eu_core")
    graph = research_institution()
    found = communities(graph)
    known = everybody_grouped(found)
    assert information(known, graph.teams) >= 0.60
    assert adjusted_rand_index(known, graph.teams) >= 0.40
    assert found.stability >= 0.80


def test_departments_of_an_office_are_found_in_its_conversations():
    """InVS13, 92 people, 5 departments; the figures beside the data set are NMI .664 and ARI .596, of seconds of contact."""
    shared("workplace_2013")
    graph = office()
    found = communities(graph)
    assert information(found.code, graph.teams) >= 0.664
    assert adjusted_rand_index(found.code, graph.teams) >= 0.596
