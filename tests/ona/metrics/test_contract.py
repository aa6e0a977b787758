"""What every metric promises, checked over the registry on graphs of every awkward shape."""

import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ona.graph import Graph
from ona.metrics import METRICS
from ona.metrics.base import Metric, collect, metric

NEEDED = {
    "strength", "in_strength", "degree", "effective_contacts", "pagerank", "betweenness", "two_hop_betweenness", "flow_share",
    "two_step_reach", "constraint", "participation", "boundary_brokerage", "hits", "expertise_rank",
}  # fmt: skip
EXACT_PATHS = {
    "betweenness",
    "bridging",
    "current_flow",
    "harmonic",
    "pivot_betweenness",
    "weighted_harmonic",
}  # from everybody to everybody: quadratic time by nature
IN_UNITS_OF_WEIGHT = {"strength", "in_strength"}
WITHOUT_ALTERS_UNDEFINED = {
    "effective_contacts", "two_hop_betweenness", "flow_share", "constraint", "effective_size", "participation", "boundary_brokerage",
    "bridging", "eigenvector", "local_efficiency", "efficiency", "hierarchy",
}  # fmt: skip
METRIC = pytest.mark.parametrize("name", sorted(METRICS))


def graph_of(pairs: list[tuple[int, int]], people: int, *, directed: bool = True, teams: list[int] | None = None) -> Graph:
    source, target = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    table = pa.table({"source": source, "target": target, "weight": np.ones(len(source))})
    return Graph.from_ties(table, people=np.arange(people), directed=directed, teams=teams)


SHAPES = {
    "nobody": graph_of([], 0, teams=[]),
    "one person": graph_of([], 1, teams=[0]),
    "no ties": graph_of([], 4, teams=[0, 0, 1, 1]),
    "two people": graph_of([(0, 1)], 2, teams=[0, 1]),
    "two people, both ways": graph_of([(0, 1), (1, 0)], 2),
    "pairs": graph_of([(0, 1), (2, 3), (5, 4)], 7, directed=False, teams=[0, 0, 1, 1, 2, 2, 2]),
    "star": graph_of([(0, leaf) for leaf in range(1, 9)], 9, directed=False, teams=[0, 0, 0, 1, 1, 1, 2, 2, -1]),
    "complete": graph_of([(i, j) for i in range(5) for j in range(i)], 5, directed=False, teams=[0] * 5),
    "nobody in a team": graph_of([(0, 1), (1, 2)], 3, teams=[-1, -1, -1]),
    "a team per person": graph_of([(0, 1), (1, 2), (2, 3)], 4, directed=False, teams=[0, 1, 2, 3]),
    "without teams": graph_of([(0, 1), (1, 2), (2, 0), (3, 0)], 4),
}


def test_every_metric_that_scores_reads_is_registered():
    assert set(METRICS) >= NEEDED


@METRIC
def test_a_metric_is_named_as_its_function_and_file_and_documents_itself(name):
    found = METRICS[name]
    module = import_module(f"ona.metrics.{name}")
    assert found is getattr(module, name)
    assert Path(module.__file__).stem == found.name == found.compute.__name__ == name
    text = inspect.getdoc(found)
    for section in ("Returns\n-------", "Notes\n-----", "References\n----------", "Shape ``(n,", "O("):
        assert section in text, section
    assert "NaN" in text
    assert found.reading.endswith(".")
    assert module.__doc__.splitlines()[0].endswith(".")


@METRIC
@pytest.mark.parametrize("shape", SHAPES)
def test_any_graph_gives_one_float_per_person_and_never_infinity(name, shape):
    graph = SHAPES[shape]
    values = METRICS[name](graph)
    columns = METRICS[name].columns
    assert values.shape == ((graph.n, len(columns)) if columns else (graph.n,))
    assert values.dtype == np.float64
    assert not np.isinf(values).any()


@METRIC
def test_people_without_ties_get_nan_where_the_quantity_is_undefined_and_zero_never_instead(name):
    lonely = np.ravel(METRICS[name](SHAPES["pairs"])[6])[0]
    assert np.isnan(lonely) == (name in WITHOUT_ALTERS_UNDEFINED)


@METRIC
@pytest.mark.parametrize("directed", [True, False])
def test_relabelling_people_only_permutes_the_values(name, directed, random_graph):
    for seed in range(12):
        graph = random_graph(seed, directed=directed)
        new = np.random.default_rng(seed).permutation(graph.n)
        table = graph.to_ties()
        renamed = {column: new[np.searchsorted(graph.people, table.column(column).to_numpy())] for column in ("source", "target")}
        teams = dict(zip(new.tolist(), graph.teams.tolist(), strict=True))
        again = Graph.from_ties(
            pa.table({**renamed, "weight": table.column("weight")}), people=np.arange(graph.n), layer=graph.layer, teams=teams
        )
        np.testing.assert_allclose(METRICS[name](again)[new], METRICS[name](graph), rtol=1e-8, atol=1e-10)


@METRIC
def test_the_same_call_gives_the_same_bits_and_changes_nothing(name, random_graph):
    for directed in (True, False):
        graph = random_graph(7, directed=directed)
        before = [
            array.copy() for array in (graph.adjacency.data, graph.adjacency.indices, graph.adjacency.indptr, graph.people, graph.teams)
        ]
        first, second = METRICS[name](graph), METRICS[name](graph)
        assert first.tobytes() == second.tobytes()
        after = (graph.adjacency.data, graph.adjacency.indices, graph.adjacency.indptr, graph.people, graph.teams)
        assert all(np.array_equal(old, new) for old, new in zip(before, after, strict=True))


@METRIC
@pytest.mark.parametrize("factor", [2.0**-1000, 1e-3, 3.0, 2.0**900])
def test_the_unit_of_the_weights_does_not_matter(name, factor, random_graph):
    for seed in range(6):
        graph = random_graph(seed, directed=seed % 2 == 0)
        scale = factor if name in IN_UNITS_OF_WEIGHT else 1.0
        np.testing.assert_allclose(
            METRICS[name](graph.with_weights(graph.adjacency.data * factor)), METRICS[name](graph) * scale, rtol=1e-8, atol=1e-10 * scale
        )


@METRIC
def test_new_weights_give_what_a_graph_built_from_them_gives(name, random_graph):
    for seed in range(8):
        graph = random_graph(seed, directed=True)
        METRICS[name](graph)  # fills whatever the replicate will share
        fresh = graph.with_weights(np.random.default_rng(seed).integers(1, 9, graph.adjacency.nnz) / 8)
        built = Graph.from_ties(fresh.to_ties(), people=graph.people, teams=graph.teams)
        assert METRICS[name](fresh).tobytes() == METRICS[name](built).tobytes()


@METRIC
def test_a_star_of_fifty_thousand_leaves_is_no_trouble(name):
    """Quadratic memory would be 10 GB here, quadratic time minutes."""
    leaves = 500 if name in EXACT_PATHS else 50_000
    table = pa.table({"source": np.zeros(leaves, dtype=np.int64), "target": np.arange(1, leaves + 1), "weight": np.ones(leaves)})
    graph = Graph.from_ties(table, layer="relationship", teams=np.arange(leaves + 1) % 3)
    assert len(METRICS[name](graph)) == leaves + 1


def test_a_file_without_a_metric_of_its_name_is_an_error(tmp_path, monkeypatch):
    folder = tmp_path / "further_metrics"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "_private.py").write_text("")
    (folder / "ties_out.py").write_text(
        "from ona.metrics.base import metric\n"
        "@metric(family='activity', layer='ask', reading='Gives.')\n"
        "def ties_out(graph):\n"
        "    return graph.adjacency.sum(axis=1)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    package = import_module("further_metrics")
    assert list(collect(package)) == ["ties_out"]
    (folder / "nothing.py").write_text("")
    with pytest.raises(TypeError, match=r"nothing\.py holds no metric"):
        collect(package)


def test_the_registry_and_its_metrics_cannot_be_changed():
    with pytest.raises(TypeError):
        METRICS["mine"] = METRICS["degree"]
    with pytest.raises(AttributeError):
        METRICS["degree"].name = "other"


def test_the_decorator_keeps_the_function_and_what_it_says():
    @metric(family="activity", layer="ask", reading="Gives.")
    def out(graph: Graph) -> np.ndarray:
        """Say something."""
        return np.zeros(graph.n)

    assert isinstance(out, Metric)
    assert (out.name, out.family, out.layer, out.reading, out.__doc__) == ("out", "activity", "ask", "Gives.", "Say something.")


def test_a_second_process_compiles_nothing():
    """The first call compiles, or loads; numba counts what the next process finds on disk."""
    script = (
        "import numpy as np\n"
        "from ona.metrics import _triangles\n"
        "_triangles.shares(np.zeros(1, np.int32), np.ones(1, np.int32), np.ones(1))\n"
        "stats = _triangles.shares.dispatcher.stats\n"
        "print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))\n"
    )
    for _ in range(2):
        found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert found == ["1", "0"]


def test_importing_the_metrics_compiles_nothing():
    script = (
        "import sys\n"
        "import ona.metrics\n"
        "from ona.compiled import Kernel\n"
        "found = [v for name, m in sys.modules.items() if name.startswith('ona.') for v in vars(m).values() if isinstance(v, Kernel)]\n"
        "print(len(found) > 10, any(kernel._dispatcher is not None for kernel in found))\n"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split() == ["True", "False"]
