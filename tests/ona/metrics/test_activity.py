"""Strength, degree, effective contacts and two-step reach against worked examples."""

import igraph
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ona.metrics.coreness import coreness
from ona.metrics.degree import degree
from ona.metrics.effective_contacts import effective_contacts
from ona.metrics.harmonic import harmonic
from ona.metrics.in_strength import in_strength
from ona.metrics.strength import strength
from ona.metrics.two_step_reach import two_step_reach


def test_strength_is_given_and_in_strength_received(w4):
    """T2.1."""
    assert strength(w4).tolist() == [5, 2, 2, 0]
    assert in_strength(w4).tolist() == [1, 3, 3, 2]


def test_on_undirected_ties_both_strengths_are_one(b6):
    assert strength(b6).tolist() == in_strength(b6).tolist() == [2, 2, 3, 3, 2, 2]


def test_a_colleague_in_both_directions_is_one_alter(w4):
    """By hand: a and b, a and c, b and c, c and d."""
    assert degree(w4).tolist() == [2, 2, 3, 1]


def test_effective_contacts_discount_weak_ties(undirected, by_letter):
    """T2.2: shares .5, .25, .25."""
    graph = undirected("xa:2 xb:1 xc:1", isolates="z")
    found = by_letter(graph, effective_contacts(graph))
    assert found["x"] == pytest.approx(8 / 3)
    assert found["a"] == 1
    assert np.isnan(found["z"])


def test_equal_contacts_are_all_effective(undirected, by_letter):
    graph = undirected("xa:.3 xb:.3 xc:.3 xd:.3")
    assert by_letter(graph, effective_contacts(graph))["x"] == pytest.approx(4)


def test_people_at_two_hops_count_half(b6, p5):
    """By hand: c knows a, b, d and reaches e, f; a knows b, c and reaches d."""
    assert two_step_reach(b6).tolist() == [2.5, 2.5, 4, 4, 2.5, 2.5]
    assert two_step_reach(p5).tolist() == [1.5, 2.5, 3, 2.5, 1.5]


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_two_step_reach_is_harmonic_closeness_cut_at_two_hops(random_graph, seed):
    graph = random_graph(seed)
    view: igraph.Graph = graph.igraph
    expected = view.harmonic_centrality(cutoff=2, normalized=False) if graph.n else []
    np.testing.assert_allclose(two_step_reach(graph), np.nan_to_num(expected), atol=1e-12)


def test_harmonic_closeness_survives_a_company_in_parts(b6, undirected):
    """T2.7 and T2.8: unlike closeness, of which networkx and igraph hold two views (L10)."""
    assert harmonic(b6)[[2, 0]] == pytest.approx([0.8, 3.1667 / 5], abs=5e-5)
    assert harmonic(undirected("ab cd de", isolates="f")) * 5 == pytest.approx([1, 1, 1.5, 2, 1.5, 0])


def test_everybody_in_two_joined_triangles_is_in_the_second_core(b6, undirected):
    """T2.12; by hand, a leaf is in the first and somebody alone in none."""
    assert coreness(b6) == pytest.approx(2)
    assert coreness(undirected("ab bc ca cd", isolates="z")).tolist() == [2, 2, 2, 1, 0]
