"""Gould-Fernandez roles beside R, all labellings and worked examples."""

from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ona.graph import Graph
from ona.metrics._roles import ROLES, bernoulli, brokerage_roles, dealt
from ona.metrics.gould_fernandez import COLUMNS, gould_fernandez

FIXTURE = Path(__file__).parents[2] / "fixtures" / "brokerage_sna.csv"
"""Written by brokerage_sna.R beside it, with R 4.2.2 and sna 2.7-1."""


def graphs_of_r() -> list[tuple[Graph, pd.DataFrame]]:
    result = []
    for _, rows in pd.read_csv(FIXTURE, dtype={"ties_to": str}).groupby("graph"):
        ends = [
            (person, int(other)) for person, others in zip(rows.person, rows.ties_to.fillna(""), strict=True) for other in others.split()
        ]
        source, target = np.array(ends, dtype=np.int64).reshape(-1, 2).T
        table = pa.table({"source": source, "target": target, "weight": np.ones(len(ends))})
        result.append((Graph.from_ties(table, people=rows.person, teams=rows.team.to_numpy()), rows))
    return result


def every_labelling(graph: Graph) -> np.ndarray:
    """Roles of everybody, in each way to deal the teams among those who have one."""
    members = np.flatnonzero(graph.teams >= 0)
    result = []
    for dealt_teams in permutations(graph.teams[members].tolist()):
        teams = graph.teams.copy()
        teams[members] = dealt_teams
        result.append(brokerage_roles(graph.with_teams(teams)))
    return np.array(result)


def test_fifty_random_graphs_have_the_counts_and_z_of_sna():
    graphs = graphs_of_r()
    assert len(graphs) == 50
    for graph, rows in graphs:
        found = gould_fernandez(graph)
        np.testing.assert_array_equal(found[:, :5], rows[list(ROLES)])
        np.testing.assert_allclose(found[:, 5:10], rows[[f"{role}_z" for role in ROLES]], rtol=1e-9, atol=1e-9)


def test_the_bridge_represents_more_often_than_ties_at_random_would(b6):
    """T2.15: Bernoulli expects .6969 with a deviation of .9452: z 1.3786."""
    chance = bernoulli(b6)
    role = ROLES.index("representative")
    assert chance.mean[2, role] == pytest.approx(0.6969, abs=5e-5)
    assert chance.sd[2, role] == pytest.approx(0.9452, abs=5e-5)
    assert gould_fernandez(b6)[2, COLUMNS.index("representative_z_bernoulli")] == pytest.approx(1.3786, abs=5e-5)


def test_teams_dealt_at_random_give_the_bridge_its_known_mean(b6):
    """T2.15: over all 20 labellings .4, 1.2, 1.2, 1.2, 0, and 4 or more across the boundary in .3 of them."""
    assert dealt(b6).mean[2] == pytest.approx([0.4, 1.2, 1.2, 1.2, 0])
    both = every_labelling(b6)[:, 2, 2:4].sum(axis=1)
    assert np.mean(both >= 4) == pytest.approx(0.3)


@pytest.mark.parametrize("seed", range(16))
def test_mean_and_deviation_of_dealt_teams_are_those_of_all_labellings(seed):
    """Up to 720 labellings of up to six people; some have no team."""
    rng = np.random.default_rng(seed)
    n, directed = int(rng.integers(3, 7)), bool(seed % 2)
    tie = rng.random((n, n)) < 0.5
    source, target = np.nonzero(tie & ~np.eye(n, dtype=bool) if directed else np.triu(tie, 1))
    table = pa.table({"source": source, "target": target, "weight": np.ones(len(source))})
    graph = Graph.from_ties(table, people=np.arange(n), directed=directed, teams=rng.integers(-1 + (seed % 3 > 0), 3, n))
    found, chance = every_labelling(graph), dealt(graph)
    np.testing.assert_allclose(chance.mean, found.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(chance.sd, found.std(axis=0), atol=1e-6)


def test_no_choice_has_no_z(b6):
    """In one team everybody is a coordinator however it is dealt, with a team each a liaison; without teams nothing is known."""
    one, each = gould_fernandez(b6.with_teams([0] * 6)), gould_fernandez(b6.with_teams(range(6)))
    assert np.isnan(one[:, 10:]).all()
    assert np.isnan(each[:, 10:]).all()
    assert one[2, :5].tolist() == [4, 0, 0, 0, 0]
    assert each[2, :5].tolist() == [0, 0, 0, 0, 4]
    assert np.isnan(gould_fernandez(b6.with_teams([-1] * 6))).all()
    assert gould_fernandez(b6.with_teams([0, 0, -1, 1, 1, 1])).shape == (6, 15)


def test_a_team_per_person_costs_no_quadratic_memory():
    """Twenty thousand teams: a table of teams by teams would be 3 GB."""
    people = np.arange(20_000)
    table = pa.table({"source": people[:-1], "target": people[1:], "weight": np.ones(19_999)})
    found = gould_fernandez(Graph.from_ties(table, directed=False, teams=people))
    assert found[1:-1, 4] == pytest.approx(2)
