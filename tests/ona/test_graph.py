"""The graph: what it accepts, what it refuses, what its views show and what replicates share."""

from datetime import date

import igraph
import networkx as nx
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ona.errors import TableError
from ona.graph import Graph

SEEDS = st.integers(0, 2**32 - 1)


def ties(*rows: tuple[object, object, object]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["source", "target", "weight"])


def test_repeated_ties_add_up_and_loops_and_zeros_are_dropped_but_their_people_stay():
    graph = Graph.from_ties(ties((1, 2, 1.5), (1, 2, 2.0), (3, 3, 9.0), (4, 2, 0.0)))
    assert graph.people.tolist() == [1, 2, 3, 4]
    assert graph.adjacency.toarray().tolist() == [[0, 3.5, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert (graph.n, graph.m) == (4, 1)


@pytest.mark.parametrize("frame", [pd.DataFrame, pa.table])
def test_pandas_and_arrow_give_the_same_graph(frame):
    graph = Graph.from_ties(frame({"source": [5, 1], "target": [1, 9], "weight": [1.0, 2.0], "further": ["x", "y"]}))
    assert graph.people.tolist() == [1, 5, 9]
    assert graph.to_ties().to_pylist() == [{"source": 1, "target": 9, "weight": 2.0}, {"source": 5, "target": 1, "weight": 1.0}]


def test_the_order_of_the_rows_does_not_matter_to_the_last_bit():
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"source": rng.integers(0, 5, 300), "target": rng.integers(0, 5, 300), "weight": rng.random(300)})
    shuffled = table.sample(frac=1, random_state=4)
    assert np.array_equal(Graph.from_ties(table).adjacency.data, Graph.from_ties(shuffled).adjacency.data)


def test_ids_of_63_bits_are_kept_exactly():
    large = 2**63 - 1
    assert Graph.from_ties(ties((large, large - 1, 1.0))).people.tolist() == [large - 1, large]


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf"), 5e-324, None])
def test_a_weight_that_is_no_positive_number_is_refused_without_echoing_it(weight):
    with pytest.raises(TableError, match=r"Expected (positive numbers|a value)") as error:
        Graph.from_ties(ties((1, 2, 1.0), (77123, 2, weight)))
    assert "77123" not in str(error.value)


def test_weights_that_overflow_when_added_are_refused():
    with pytest.raises(TableError, match="infinity"):
        Graph.from_ties(ties((1, 2, 1e308), (2, 1, 1e308)))


def test_a_missing_column_and_a_missing_person_are_named():
    with pytest.raises(TableError, match="lacks the columns weight"):
        Graph.from_ties(pd.DataFrame({"source": [1], "target": [2]}))
    with pytest.raises(TableError, match="source"):
        Graph.from_ties(ties((None, 2, 1.0)))


@pytest.mark.parametrize("people", [[], [1, 3], [2, 3], [1]])
def test_a_tie_of_somebody_outside_people_is_refused(people):
    with pytest.raises(TableError, match="1 ties start or end at somebody outside people"):
        Graph.from_ties(ties((1, 2, 1.0)), people=people)


def test_people_without_ties_are_in_the_graph():
    graph = Graph.from_ties(ties((1, 2, 1.0)), people=[9, 2, 1, 9])
    assert graph.people.tolist() == [1, 2, 9]
    assert graph.adjacency.shape == (3, 3)


def test_a_relationship_may_be_given_once_or_in_both_orders():
    once = Graph.from_ties(ties((1, 2, 3.0), (3, 2, 1.0)), layer="relationship")
    twice = Graph.from_ties(ties((1, 2, 3.0), (2, 1, 3.0), (2, 3, 1.0)), layer="relationship")
    assert once.adjacency.toarray().tolist() == twice.adjacency.toarray().tolist() == [[0, 3, 0], [3, 0, 1], [0, 1, 0]]
    assert (once.m, once.is_directed, once.undirected() is once) == (2, False, True)


def test_an_undirected_tie_with_two_weights_is_refused():
    with pytest.raises(TableError, match="1 undirected ties have another weight"):
        Graph.from_ties(ties((1, 2, 3.0), (2, 1, 2.0), (2, 3, 1.0)), layer="relationship")


def test_undirected_adds_both_directions_and_reversed_turns_them(w4):
    dense = w4.adjacency.toarray()
    assert np.array_equal(w4.undirected().adjacency.toarray(), dense + dense.T)
    assert np.array_equal(w4.reversed().adjacency.toarray(), dense.T)


@given(seed=SEEDS)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_undirected_equals_the_dense_sum_on_random_graphs(random_graph, seed):
    graph = random_graph(seed, directed=True)
    dense = graph.adjacency.toarray()
    contact = graph.undirected()
    assert np.array_equal(contact.adjacency.toarray(), dense + dense.T)
    assert np.array_equal(contact.structure.either.forth, np.arange(contact.adjacency.nnz))
    assert np.array_equal(contact.adjacency.data[contact.structure.reverse], contact.adjacency.data)


@given(seed=SEEDS)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_the_triangle_order_holds_each_tie_once_and_points_to_the_higher_degree(random_graph, seed):
    contact = random_graph(seed).undirected()
    forward, structure = contact.structure.forward, contact.structure
    degree = np.diff(structure.indptr)[forward.order]
    source = np.repeat(np.arange(contact.n), np.diff(forward.indptr))
    assert len(forward.indices) == contact.m
    assert np.all(source < forward.indices)
    assert np.all(degree[source] <= degree[forward.indices])
    assert np.array_equal(structure.sources[forward.position], forward.order[source])
    assert np.array_equal(structure.indices[forward.position], forward.order[forward.indices])


def test_new_weights_share_the_structure_and_leave_the_graph_as_it_was(w4):
    data = w4.adjacency.data * 2
    fresh = w4.with_weights(data)
    assert fresh.structure is w4.structure
    assert np.shares_memory(fresh.adjacency.indices, w4.adjacency.indices)
    assert np.shares_memory(fresh.adjacency.indptr, w4.adjacency.indptr)
    data[:] = 99
    assert np.array_equal(fresh.adjacency.data, w4.adjacency.data * 2)
    assert fresh.undirected().structure is w4.undirected().structure


def test_a_new_weight_of_zero_drops_its_tie(w4):
    data = w4.adjacency.data.copy()
    data[0] = 0.0
    fresh = w4.with_weights(data)
    assert (fresh.m, w4.m) == (4, 5)
    assert fresh.adjacency.toarray()[0].tolist() == [0, 0, 2, 0]


@pytest.mark.parametrize("wrong", [[1.0], [1, 1, 1, 1, -1], [1, 1, 1, 1, np.nan], [1, 1, 1, 1, np.inf]])
def test_new_weights_of_another_shape_or_sign_are_refused(w4, wrong):
    with pytest.raises(TableError):
        w4.with_weights(wrong)


def test_new_weights_of_an_undirected_graph_must_be_symmetric(b6):
    data = b6.adjacency.data.copy()
    data[0] = 5.0
    with pytest.raises(TableError, match="two directions"):
        b6.with_weights(data)


def test_arrays_cannot_be_written(w4):
    for array in (w4.adjacency.data, w4.adjacency.indices, w4.adjacency.indptr, w4.people, w4.with_weights([1] * 5).adjacency.data):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_from_ties_leaves_the_callers_arrays_writable():
    people, weight = np.array([1, 2]), np.array([1.0])
    Graph.from_ties(pa.table({"source": [1], "target": [2], "weight": weight}), people=people, teams=np.array([0, 1]))
    people[0] = weight[0] = 7


def test_teams_are_given_by_person_or_in_the_order_of_people():
    table = ties((1, 2, 1.0), (2, 3, 1.0))
    assert Graph.from_ties(table, teams={1: 4, 3: 5}).teams.tolist() == [4, -1, 5]
    assert Graph.from_ties(table, people=[3, 1, 2], teams=[5, 4, -7]).teams.tolist() == [4, -1, 5]
    assert Graph.from_ties(table).with_teams([1, 1, 2]).teams.tolist() == [1, 1, 2]
    with pytest.raises(TableError, match="2 team codes for 3 people"):
        Graph.from_ties(table, teams=[1, 2])


@pytest.mark.parametrize(
    "teams", [[1, None, 2], [1.0, float("nan"), 2.0], pa.array([1, None, 2]), pd.Series([1, None, 2]), {1: 1, 2: None, 3: 2}]
)
def test_a_missing_team_is_none(teams):
    assert Graph.from_ties(ties((1, 2, 1.0), (2, 3, 1.0)), teams=teams).teams.tolist() == [1, -1, 2]


@pytest.mark.parametrize("people", [["ann"], [1.5], [2**64 - 1]])
def test_people_who_are_no_whole_numbers_are_refused(people):
    with pytest.raises(TableError, match="whole numbers"):
        Graph.from_ties(ties((1, 2, 1.0)), people=people)


def test_the_window_is_kept(w4):
    window = (date(2026, 6, 29), date(2026, 9, 28))
    graph = Graph.from_ties(ties((1, 2, 1.0)), window=window)
    assert graph.with_weights([2.0]).window == graph.undirected().window == window


def test_views_carry_weights_persons_and_teams(b6, w4):
    assert w4.igraph.vs["person"] == w4.people.tolist()
    assert w4.igraph.strength(mode="out", weights="weight") == [5, 2, 2, 0]  # T2.1
    assert dict(w4.networkx.out_degree(weight="weight")) == dict(zip(w4.people.tolist(), [5, 2, 2, 0], strict=True))
    assert b6.igraph.ecount() == b6.networkx.number_of_edges() == b6.m == 7
    assert b6.igraph.vs["team"] == list(nx.get_node_attributes(b6.networkx, "team").values()) == [0, 0, 0, 1, 1, 1]
    assert list(nx.get_node_attributes(b6.networkx, "person").values()) == b6.people.tolist()


def test_changing_a_view_does_not_change_the_graph(w4):
    w4.igraph.es["weight"] = 0
    w4.networkx.clear()
    assert w4.igraph.es["weight"] == [3, 2, 1, 1, 2]
    assert w4.networkx.number_of_edges() == 5


def test_ties_survive_the_way_to_a_table_and_back(b6, w4):
    for graph in (b6, w4):
        again = Graph.from_ties(graph.to_ties(), people=graph.people, layer=graph.layer)
        assert np.array_equal(again.adjacency.toarray(), graph.adjacency.toarray())


@pytest.mark.parametrize("layer", ["attention", "relationship"])
def test_an_empty_table_gives_an_empty_graph(layer):
    graph = Graph.from_ties(pd.DataFrame({"source": [], "target": [], "weight": []}), layer=layer)
    assert (graph.n, graph.m, graph.igraph.vcount(), len(graph.networkx), graph.undirected().n, graph.to_ties().num_rows) == (0,) * 6


# Hazards of the libraries behind the views (methods 0.5): what our views make impossible, and what their callers must still do.


def test_loops_cannot_reach_a_view_so_networkx_constraint_and_cores_are_right(w4):
    """L2: a loop would move constraint of a from .7556 to 1.8519; L12: networkx refuses cores of a graph with loops."""
    table = pa.concat_tables([w4.to_ties(), pa.table({"source": [97], "target": [97], "weight": [5.0]})])
    looped = Graph.from_ties(table)
    assert nx.constraint(looped.networkx, weight="weight")[97] == pytest.approx(0.7556, abs=5e-5)  # T2.14
    assert igraph.Graph.is_simple(looped.igraph)
    assert nx.core_number(looped.undirected().networkx) == {97: 2, 98: 2, 99: 2, 100: 1}


def test_igraph_ignores_weights_unless_they_are_given(w4):
    """L7."""
    assert w4.igraph.strength(mode="out") == [2, 2, 1, 0]
    assert w4.igraph.strength(mode="out", weights="weight") == [5, 2, 2, 0]


def test_igraph_cutoff_counts_hops_only_without_weights(p5):
    """L9."""
    view = p5.igraph
    assert view.betweenness(cutoff=2) == [0, 1, 1, 1, 0]
    assert view.betweenness(weights=[2] * 4, cutoff=2) == [0] * 5


def test_networkx_effective_size_of_all_nodes_is_wrong_on_weights(w4):
    """L1: right only when the nodes are named (and NaN for d, who has no outgoing tie); should this fail, networkx has repaired it."""
    right = nx.effective_size(w4.networkx, nodes=list(w4.networkx), weight="weight")
    assert list(right.values()) == pytest.approx([1.5833, 1.1, 2.4, np.nan], abs=5e-5, nan_ok=True)  # T2.14
    assert list(nx.effective_size(w4.networkx, weight="weight").values()) == pytest.approx([1.6667, 1.4, 2.4, 1], abs=5e-5)


def test_modularity_of_a_directed_view_is_directed(w4):
    """L16: .1975 directed, .1420 undirected."""
    assert w4.igraph.modularity([0, 0, 1, 1], weights="weight") == pytest.approx(0.1975, abs=5e-5)
    assert nx.community.modularity(w4.networkx, [{97, 98}, {99, 100}]) == pytest.approx(0.1975, abs=5e-5)
    assert w4.undirected().igraph.modularity([0, 0, 1, 1], weights="weight") == pytest.approx(0.1420, abs=5e-5)
