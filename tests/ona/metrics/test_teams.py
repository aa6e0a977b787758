"""Participation and boundary brokerage against worked examples, all labellings and a count from the definition."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ona.graph import Graph
from ona.metrics._roles import ROLES, brokerage_roles
from ona.metrics.boundary_brokerage import boundary_brokerage
from ona.metrics.participation import participation
from ona.metrics.within_module_z import within_module_z


def roles_by_hand(graph: Graph) -> np.ndarray:
    """Open two-paths by role, from the definition of Gould and Fernandez."""
    tie = graph.adjacency.toarray() > 0
    result = np.zeros((graph.n, 5))
    for j, i, k in permutations(range(graph.n), 3):
        start, middle, end = graph.teams[[j, i, k]]
        if tie[j, i] and tie[i, k] and not tie[j, k] and min(start, middle, end) >= 0:
            alike = {(True, True): 0, (True, False): 2, (False, True): 3}
            result[i, alike.get((start == middle, middle == end), 1 if start == end else 4)] += 1
    result[graph.teams < 0] = np.nan
    return result


def test_even_contact_with_all_teams_is_one_and_the_bridge_comes_close(b6, undirected, by_letter):
    """T2.17: 4/9 for c, times K / (K - 1) = 2; a and b stay in their team."""
    assert participation(b6) == pytest.approx([0, 0, 8 / 9, 8 / 9, 0, 0])
    spread = undirected("xa:5 xb:3 xc:2", teams="a b c")
    assert by_letter(spread, participation(spread))["x"] == pytest.approx(0.62 * 3 / 2)
    even = undirected("xa xb xc", teams="a b c")
    assert by_letter(even, participation(even))["x"] == pytest.approx(1)


def test_without_two_teams_or_contact_participation_is_undefined(undirected, b6):
    assert np.isnan(participation(undirected("ab bc"))).all()
    assert np.isnan(participation(b6.with_teams([4] * 6))).all()
    lonely = undirected("ab xy", isolates="z", teams="ab z")
    assert np.isnan(participation(lonely)).tolist() == [False, False, True, True, True]


def test_contact_with_people_without_a_team_is_left_out(undirected, by_letter):
    graph = undirected("xa xb xn:100", teams="a b")
    assert by_letter(graph, participation(graph))["x"] == pytest.approx(1)


def test_the_bridge_of_two_departments_represents_and_keeps_the_gate(b6):
    """T2.15."""
    assert dict(zip(ROLES, brokerage_roles(b6)[2], strict=True)) == {
        "coordinator": 0, "itinerant": 0, "representative": 2, "gatekeeper": 2, "liaison": 0,
    }  # fmt: skip


def test_directed_roles_have_their_known_counts(directed, by_letter):
    """T2.16."""
    graph = directed("p>x x>q x>r r>x s>x p>q", teams="px q rs")
    assert brokerage_roles(graph)[-1].tolist() == [0, 1, 1, 0, 2]


def test_over_all_labellings_the_roles_and_the_score_have_their_known_mean(b6):
    """T2.15: mean coordinator .4, itinerant, representative and gatekeeper 1.2, liaison 0; the score's mean is 0 by construction."""
    labellings = set(permutations([0, 0, 0, 1, 1, 1]))
    assert len(labellings) == 20
    graphs = [b6.with_teams(list(labels)) for labels in labellings]
    assert np.mean([brokerage_roles(graph)[2] for graph in graphs], axis=0) == pytest.approx([0.4, 1.2, 1.2, 1.2, 0])
    assert np.mean([boundary_brokerage(graph)[2] for graph in graphs]) == pytest.approx(0)


def test_uneven_teams_keep_the_mean_at_zero(undirected):
    """Every labelling of five people in teams of 3, 1 and 1: the mean is exact, not estimated."""
    graph = undirected("ab ac ad ae bc")
    scores = [boundary_brokerage(graph.with_teams(list(labels)))[0] for labels in set(permutations([0, 0, 0, 1, 2]))]
    assert np.mean(scores) == pytest.approx(0)


def test_whoever_has_no_team_or_no_open_path_has_no_score(b6, undirected):
    assert np.isnan(boundary_brokerage(b6)).tolist() == [True, True, False, False, True, True]
    assert np.isnan(boundary_brokerage(undirected("ab bc"))).all()
    assert np.isnan(boundary_brokerage(b6.with_teams([0, 0, -1, 1, 1, 1]))).tolist() == [True, True, True, True, True, True]


def test_in_a_company_of_one_team_nobody_crosses_a_boundary(b6):
    assert boundary_brokerage(b6.with_teams([0] * 6))[[2, 3]] == pytest.approx([0, 0])


@given(seed=st.integers(0, 2**32 - 1), directed=st.booleans())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_roles_equal_a_count_from_the_definition(random_graph, seed, directed):
    graph = random_graph(seed, directed=directed)
    np.testing.assert_array_equal(brokerage_roles(graph), roles_by_hand(graph))


@given(seed=st.integers(0, 2**32 - 1), directed=st.booleans())
@settings(max_examples=100, deadline=None, derandomize=True)
def test_participation_is_a_share(random_graph, seed, directed):
    values = participation(random_graph(seed, directed=directed))
    assert np.nanmin(values, initial=0) >= 0
    assert np.nanmax(values, initial=0) <= 1 + 1e-12


def test_codes_of_teams_are_only_names(b6):
    far = b6.with_teams([2_000_000_000] * 3 + [7] * 3)
    assert np.array_equal(boundary_brokerage(far), boundary_brokerage(b6), equal_nan=True)
    assert np.array_equal(participation(far), participation(b6))


def test_members_who_are_alike_have_a_within_team_score_of_zero(b6):
    """T2.17."""
    assert within_module_z(b6).tolist() == [0] * 6


def test_the_centre_of_a_team_stands_out_inside_it(undirected, by_letter):
    """By hand: contact inside abcd is 3, 1, 1, 1: mean 1.5, deviation sqrt(.75); the outside tie of b does not count."""
    graph = undirected("ab ac ad bz:9", teams="abcd", isolates="z")
    found = by_letter(graph, within_module_z(graph))
    assert found["a"] == pytest.approx(1.5 / 0.75**0.5)
    assert found["b"] == found["c"] == pytest.approx(-0.5 / 0.75**0.5)
    assert np.isnan(found["z"])
