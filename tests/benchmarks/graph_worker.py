"""One measure by one library on one stored graph, in a process of its own: prints seconds and memory, stores the values."""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # the rivals' environment does not have it
    from ona.graph import Graph

THREADS = 2
DAMPING, TOLERANCE = 0.85, 1e-10

Arrays = dict[str, np.ndarray]
Call = Callable[[], object]


def memory(*, peak: bool) -> float:
    """Return MiB of this process, now or at its largest since the last reset."""
    name = "VmHWM" if peak else "VmRSS"
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def ends(graph: Arrays) -> tuple[np.ndarray, np.ndarray]:
    """Return source and target of each tie."""
    return np.repeat(np.arange(len(graph["indptr"]) - 1), np.diff(graph["indptr"])), graph["indices"].astype(np.int64)


def lengths(graph: Arrays) -> np.ndarray:
    """Return the length of each tie: the median weight over its weight."""
    return np.median(graph["data"]) / graph["data"]


def by_igraph(graph: Arrays, measure: str, sources: int) -> Call:
    """Build the graph; return the call to be timed."""
    import igraph

    source, target = ends(graph)
    view = igraph.Graph(n=len(graph["indptr"]) - 1, edges=np.stack([source, target], axis=1), directed=True)
    weight, some = graph["data"].tolist(), range(sources) if sources else None
    if measure in {"coreness", "leiden", "two_hop"}:
        view.es["weight"] = weight
        view.to_undirected(mode="collapse", combine_edges="sum")
    if measure in {"betweenness", "harmonic"}:
        weight = lengths(graph).tolist()
    return {
        "strength": lambda: view.strength(mode="out", weights=weight),
        "constraint": lambda: view.constraint(drawn(view.vcount(), sources).tolist() if sources else None, weights=weight),
        "pagerank": lambda: view.pagerank(weights=weight, damping=DAMPING),
        "hits": lambda: view.authority_score(weights=weight),
        "coreness": view.coreness,
        "leiden": lambda: view.community_leiden("modularity", weights="weight", resolution=1.0, n_iterations=2).membership,
        "betweenness": lambda: view.betweenness(weights=weight, sources=some),
        "harmonic": lambda: np.nan_to_num(view.harmonic_centrality(some, mode="in", weights=weight, normalized=False)),
        "hops": lambda: np.nan_to_num(view.harmonic_centrality(some, mode="in", normalized=False)),
        "two_hop": lambda: view.betweenness(cutoff=2),
    }[measure]


def drawn(people: int, sources: int) -> np.ndarray:
    """Return so many people, at random but always the same."""
    return np.sort(np.random.default_rng(0).permutation(people)[:sources])


def two_paths(graph: Arrays) -> np.ndarray:
    """Return how many ways of two ties begin at each person: what constraint walks along."""
    source, target = ends(graph)
    degree = np.bincount(source, minlength=len(graph["indptr"]) - 1) + np.bincount(target, minlength=len(graph["indptr"]) - 1)
    return np.bincount(source, degree[target], len(degree)) + np.bincount(target, degree[source], len(degree))


def by_networkit(graph: Arrays, measure: str, sources: int) -> Call:
    """Build the graph; return the call to be timed. Distances are those toward a person, so ties are turned round."""
    import networkit as nk

    nk.setNumberOfThreads(THREADS)
    source, target = ends(graph)
    n = len(graph["indptr"]) - 1
    if measure == "pagerank":
        view = nk.GraphFromCoo((graph["data"], (source, target)), n=n, weighted=True, directed=True)
        sinks = nk.centrality.SinkHandling.DistributeSinks
        return lambda: nk.centrality.PageRank(view, damp=DAMPING, tol=TOLERANCE, distributeSinks=sinks).run().scores()
    view = nk.GraphFromCoo((lengths(graph), (target, source)), n=n, weighted=measure != "hops", directed=True)
    if measure == "betweenness" and sources:
        return lambda: nk.centrality.EstimateBetweenness(view, sources, False, True).run().scores()
    if measure == "betweenness":
        return lambda: nk.centrality.Betweenness(view, normalized=False).run().scores()
    return lambda: nk.centrality.HarmonicCloseness(view, normalized=False).run().scores()


def by_networkx(graph: Arrays, measure: str, sources: int) -> Call:
    """Build the graph; return the call to be timed."""
    import networkx as nx
    import scipy.sparse as sp

    view = nx.from_scipy_sparse_array(sp.csr_array((graph["data"], graph["indices"], graph["indptr"])), create_using=nx.DiGraph)
    if measure == "pagerank":
        return lambda: list(nx.pagerank(view, alpha=DAMPING, tol=TOLERANCE / len(view), max_iter=500).values())
    return lambda: list(nx.constraint(view, weight="weight").values())


def by_scikit_network(graph: Arrays, measure: str, sources: int) -> Call:
    """Build the graph; return the call to be timed."""
    import scipy.sparse as sp
    from sknetwork.ranking import PageRank

    matrix = sp.csr_matrix((graph["data"], graph["indices"], graph["indptr"]))
    ranking = PageRank(damping_factor=DAMPING, solver="piteration", n_iter=200, tol=TOLERANCE)
    return lambda: ranking.fit_predict(matrix)


def by_scipy(graph: Arrays, measure: str, sources: int) -> Call:
    """Build the graph; return the call to be timed: what one would write with sparse matrices."""
    import scipy.sparse as sp

    matrix = sp.csr_array((graph["data"], graph["indices"], graph["indptr"]))

    def pagerank() -> np.ndarray:
        n, strength = matrix.shape[0], matrix.sum(axis=1)
        step = (sp.diags_array(np.divide(DAMPING, strength, out=np.zeros(n), where=strength > 0)) @ matrix).T.tocsr()
        rank = np.full(n, 1 / n)
        while True:
            fresh = step @ rank
            fresh += (1 - fresh.sum()) / n
            change, rank = np.abs(fresh - rank).sum(), fresh
            if change < TOLERANCE:
                return rank

    def constraint() -> np.ndarray:
        contact = (matrix + matrix.T).tocsr()
        share = (sp.diags_array(1 / np.maximum(contact.sum(axis=1), 1e-300)) @ contact).tocsr()
        mask, result = contact.astype(bool).tocsr(), np.empty(matrix.shape[0])
        for first in range(0, len(result), 2000):  # the whole product would not fit
            rows = slice(first, first + 2000)
            through = (share[rows] @ share).multiply(mask[rows])
            result[rows] = (share[rows] + through).power(2).sum(axis=1)
        return np.where(np.diff(contact.indptr) > 0, result, np.nan)

    return {"pagerank": pagerank, "constraint": constraint}[measure]


def by_ona(graph: Arrays, measure: str, sources: int) -> Call:
    """Build the graph and the orders of its structure; return the call to be timed."""
    import scipy.sparse as sp

    from ona.graph import Graph
    from ona.metrics import METRICS

    for name in ("data", "indices", "indptr"):
        graph[name].flags.writeable = False
    matrix = sp.csr_array((graph["data"], graph["indices"], graph["indptr"]))

    def loaded() -> Graph:
        return Graph(matrix, np.arange(matrix.shape[0]), teams=graph["teams"])

    if measure == "orders":
        return lambda: ordered(loaded())
    if measure == "memory":
        return lambda: [METRICS[name](one) for one in [loaded()] for name in MEMORY] and None
    ready = loaded()
    ordered(ready)
    return {
        "constraint": lambda: METRICS["constraint"](unlisted(ready)),
        "again": lambda: METRICS["constraint"](ready),
        "brokerage": lambda: METRICS["gould_fernandez"](unlisted(ready))[:, :5],
        "paths": lambda: paths(ready),
        "hops": lambda: METRICS["harmonic"](ready) * (ready.n - 1),
        "two_hop": lambda: METRICS["two_hop_betweenness"](ready) * pairs(ready),
        "leiden": lambda: grouped(ready),
    }.get(measure, lambda: METRICS[measure](ready))


def ordered(graph: "Graph") -> None:
    """Let the graph build what depends on its ties alone."""
    assert len(graph.undirected().structure.forward.indices) * len(graph.structure.incoming[1]) >= 0


def unlisted(graph: "Graph") -> "Graph":
    """Forget the triangles, so that listing them is timed."""
    kept = graph.undirected().structure.__dict__
    for name in [name for name in kept if name.startswith("triangle")]:
        del kept[name]
    return graph


def paths(graph: "Graph") -> np.ndarray:
    """Return raw betweenness and harmonic closeness, both computed anew."""
    from ona.metrics._distance import traffic

    graph.__dict__.pop("traffic", None)
    found = traffic(graph)
    return np.stack([found.through, found.nearness])


def grouped(graph: "Graph") -> np.ndarray:
    """Return the group of everybody after two rounds."""
    from ona.leiden import leiden

    ties = graph.undirected().adjacency
    return leiden((ties.indptr, ties.indices, ties.data), 1.0, seed=1, rounds=2)


def pairs(graph: "Graph") -> np.ndarray:
    """Return the pairs of alters of each person."""
    degree = np.diff(graph.undirected().structure.indptr).astype(np.float64)
    return degree * (degree - 1) / 2


MEMORY = (
    "strength", "pagerank", "hits", "coreness", "constraint", "effective_size", "hierarchy", "gould_fernandez", "participation",
    "two_step_reach", "pivot_betweenness",
)  # fmt: skip

LIBRARIES = {
    "igraph": by_igraph,
    "networkit": by_networkit,
    "networkx": by_networkx,
    "ona": by_ona,
    "scikit-network": by_scikit_network,
    "scipy": by_scipy,
}


def main() -> None:
    """Time one call, several times while it is short."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("graph", type=Path)
    parser.add_argument("library", choices=LIBRARIES)
    parser.add_argument("measure")
    parser.add_argument("values", type=Path)
    parser.add_argument("--sources", type=int, default=0)
    parser.add_argument("--warm", type=Path, help="a small graph on which code is compiled first")
    asked = parser.parse_args()
    if asked.warm:
        LIBRARIES[asked.library](dict(np.load(asked.warm)), asked.measure, 0)()
    graph = dict(np.load(asked.graph))
    call = LIBRARIES[asked.library](graph, asked.measure, asked.sources)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before, seconds, busy, values = memory(peak=False), [], [], None
    while not seconds or (len(seconds) < 3 and sum(seconds) < 10):
        start, used = time.perf_counter(), time.process_time()
        values = call()
        seconds.append(time.perf_counter() - start)
        busy.append(time.process_time() - used)
    np.save(asked.values, np.asarray(values if values is not None else [], dtype=np.float64))
    json.dump({"seconds": min(seconds), "busy": min(busy), "memory": memory(peak=True) - before}, sys.stdout)


if __name__ == "__main__":
    main()
