"""The company's own numbers are plain, reproducible, and about nobody in particular."""

import json

import numpy as np
import pytest

from ona.company import company_notes, working_groups
from ona.graph import NO_TEAM


def test_two_closed_departments_are_told(b6):
    """T7.1, T7.4, T7.7, T7.8 and T7.12 in one: the reference graph as attention, relationships and asks at once."""
    found = company_notes((b6, b6, b6), working_groups(b6), b6.teams)
    assert found["communities"]["number"] == 2
    assert found["communities"]["sizes"] == [3, 3]
    assert found["communities"]["agreement"]["departments"] == {"ami": 1.0, "ari": 1.0, "people": 6}
    assert found["communities"]["modularity"] == pytest.approx(0.3571)
    assert found["e_i"]["observed"] == pytest.approx(-0.7143)
    assert found["e_i"]["mean"] == pytest.approx(0.2)
    assert found["silo"]["ratio"] == [[1.7143, 0.2857], [0.2857, 1.7143]]
    assert (found["silo"]["units"], found["silo"]["draws"]) == ([0, 1], 20)
    assert found["degree_centralisation"] == pytest.approx(0.2)
    assert found["small_world"] == {"clustering": 0.7778, "transitivity": 0.6, "path": 1.8}
    assert found["fragility"]["molloy_reed"] == pytest.approx(2.4286)
    assert found["cover"] == {"people": 1, "covered": 0.6667, "bound": 0.6667, "by_degree": 0.6667, "by_chance": 0.5556}


def test_the_numbers_are_plain_and_the_same_each_time(random_graph):
    for seed in range(10):
        attention, relationship = random_graph(seed, directed=True), random_graph(seed)
        first, again = (
            company_notes((attention, relationship, attention), working_groups(relationship, seed=seed), relationship.teams, seed=seed)
            for _ in range(2)
        )
        assert json.dumps(first, allow_nan=False) == json.dumps(again)


def test_a_company_without_anything_has_no_numbers(undirected):
    empty = undirected("", isolates="abc")
    found = company_notes((empty, empty, empty), working_groups(empty), np.full(3, NO_TEAM, dtype=np.int32))
    assert found["communities"]["number"] == 0
    assert found["communities"]["modularity"] is None
    assert found["e_i"] is None
    assert found["asks"] == {"gini": None, "top_share": None, "herfindahl": None}
    nobody = undirected("")
    json.dumps(company_notes((nobody,) * 3, working_groups(nobody), np.zeros(0, dtype=np.int32)), allow_nan=False)
