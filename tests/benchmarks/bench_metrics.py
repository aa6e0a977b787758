"""Seconds and agreement of the metrics beside igraph, networkx and scipy on a planted company; prints one table."""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import networkx as nx
import numpy as np
import pyarrow as pa

from ona.graph import Graph
from ona.metrics import METRICS
from ona.metrics.boundary_brokerage import brokerage_roles

N_REPLICATES = 20


@dataclass(frozen=True)
class Row:
    """One line of the table; the difference is the largest, over the largest value of the peer."""

    what: str
    seconds: float
    peer: str = ""
    peer_seconds: float = float("nan")
    difference: float = float("nan")

    def __str__(self) -> str:
        """Return the line with aligned columns."""
        line = f"{self.what:<38} {self.seconds:>9.3f}"
        if not self.peer:
            return line
        return f"{line} {self.peer:<22} {self.peer_seconds:>9.3f} {self.peer_seconds / self.seconds:>8.1f} {self.difference:>10.1e}"


def planted(people: int, ties: int, seed: int = 0) -> Graph:
    """Teams of 25 in departments of 10 teams: half of the ties inside the team's department, volumes and weights heavy-tailed."""
    rng = np.random.default_rng(seed)
    volume = rng.pareto(2.5, people) + 0.2
    cumulated = np.cumsum(volume) / volume.sum()
    source = np.searchsorted(cumulated, rng.random(3 * ties))
    target = np.searchsorted(cumulated, rng.random(3 * ties))
    block = np.where(rng.random(3 * ties) < 0.5, 25, 250)
    near = np.minimum(source // block * block + rng.integers(0, block), people - 1)
    target = np.where(rng.random(3 * ties) < 0.7, near, target)
    pairs = np.unique(np.stack([source, target])[:, source != target], axis=1)
    pairs = pairs[:, np.sort(rng.choice(pairs.shape[1], size=min(ties, pairs.shape[1]), replace=False))]
    weight = rng.lognormal(0, 1, pairs.shape[1])
    table = pa.table({"source": pairs[0], "target": pairs[1], "weight": weight})
    return Graph.from_ties(table, people=np.arange(people), teams=np.arange(people) // 250)


def timed(compute: Callable[[], object]) -> tuple[float, np.ndarray]:
    """Return the seconds of one call and its result as an array."""
    start = time.perf_counter()
    result = compute()
    return time.perf_counter() - start, np.asarray(result, dtype=np.float64)


def best(compute: Callable[[], object], repeats: int = 3) -> tuple[float, np.ndarray]:
    """Return the least seconds of several calls, and the result."""
    runs = [timed(compute) for _ in range(repeats)]
    return min(seconds for seconds, _ in runs), runs[0][1]


def compare(what: str, own: Callable[[], object], peer: str, other: Callable[[], object]) -> Row:
    """Time both and measure how far apart their values are."""
    seconds, values = best(own)
    peer_seconds, expected = timed(other)
    gap = np.nanmax(np.abs(values - expected)) / np.nanmax(np.abs(expected))
    return Row(what, seconds, peer, peer_seconds, float(gap) if np.array_equal(np.isnan(values), np.isnan(expected)) else float("inf"))


def rows(graph: Graph) -> list[Row]:
    """Measure everything; views of the peers are built outside the clock."""
    start = time.perf_counter()
    structure = graph.structure.either.structure
    prepared = time.perf_counter() - start
    start = time.perf_counter()
    assert len(structure.forward.indices)
    prepared_forward = time.perf_counter() - start
    view, contact, network = graph.igraph, graph.undirected().igraph, graph.networkx
    weights = view.es["weight"]
    degree = np.diff(graph.undirected().adjacency.indptr)

    def igraph_reach() -> np.ndarray:
        return (np.array(contact.neighborhood_size(order=2)) - 1 + degree) / 2

    def networkx_pagerank() -> list[float]:
        return list(nx.pagerank(network, tol=1e-12 / graph.n, max_iter=500).values())

    def networkx_constraint() -> list[float]:
        return list(nx.constraint(network, weight="weight").values())

    def hits() -> np.ndarray:
        values = METRICS["hits"](graph)
        return values / values.max()

    own = {name: partial(metric, graph) for name, metric in METRICS.items()}
    return [
        Row("structure, once: either direction", prepared),
        Row("structure, once: triangle order", prepared_forward),
        compare("strength", own["strength"], "igraph", lambda: view.strength(mode="out", weights=weights)),
        compare("pagerank", own["pagerank"], "igraph", lambda: view.pagerank(weights=weights)),
        compare("pagerank", own["pagerank"], "networkx (scipy)", networkx_pagerank),
        compare("constraint", own["constraint"], "igraph", lambda: view.constraint(weights=weights)),
        compare("constraint", own["constraint"], "networkx (scipy)", networkx_constraint),
        two_hop(planted(graph.n // 4, graph.m // 4)),
        compare("two_step_reach", own["two_step_reach"], "igraph neighborhood", igraph_reach),
        compare("hits", hits, "igraph", lambda: view.authority_score(weights=weights)),
        compare("coreness", own["coreness"], "igraph", contact.coreness),
        *(
            Row(name, best(own[name])[0])
            for name in ("effective_size", "two_hop_betweenness", "flow_share", "participation", "within_module_z")
        ),
        Row("boundary_brokerage", best(own["boundary_brokerage"])[0]),
        Row("brokerage roles, all five", best(lambda: brokerage_roles(graph))[0]),
        replicates(graph),
    ]


def two_hop(graph: Graph) -> Row:
    """Compare on a quarter of the people: the peer takes a minute on all."""
    contact = graph.undirected().igraph
    degree = np.array(contact.degree())
    pairs = np.where(degree > 1, degree * (degree - 1) / 2, np.nan)
    what = f"two_hop_betweenness, {graph.n:,} people"
    return compare(what, partial(METRICS["two_hop_betweenness"], graph), "igraph cutoff=2", lambda: contact.betweenness(cutoff=2) / pairs)


def replicates(graph: Graph) -> Row:
    """Reweight, then strength, PageRank and constraint, beside the same loop over igraph."""
    rng = np.random.default_rng(1)
    draws = graph.adjacency.data * rng.gamma(13.0, 1 / 13, (N_REPLICATES, graph.adjacency.nnz))
    view = graph.igraph

    def own(data: np.ndarray) -> list[np.ndarray]:
        fresh = graph.with_weights(data)
        return [METRICS[name](fresh) for name in ("strength", "pagerank", "constraint")]

    def peer(data: np.ndarray) -> list[list[float]]:
        weights = data.tolist()
        return [view.strength(mode="out", weights=weights), view.pagerank(weights=weights), view.constraint(weights=weights)]

    seconds, values = timed(lambda: [own(data) for data in draws])
    peer_seconds, expected = timed(lambda: [peer(data) for data in draws[:2]])
    gap = np.nanmax(np.abs(values[:2] - expected) / np.nanmax(expected, axis=2, keepdims=True))
    scaled = peer_seconds * N_REPLICATES / 2
    return Row(f"{N_REPLICATES} replicates of three measures", seconds, "igraph, 2 run, scaled", scaled, float(gap))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--ties", type=int, default=400_000)
    chosen = parser.parse_args()
    graph = planted(chosen.people, chosen.ties)
    head = f"{'':<38} {'seconds':>9} {'peer':<22} {'seconds':>9} {'times':>8} {'difference':>10}"
    lines = [f"{graph.n:,} people, {graph.m:,} ties, one thread", head]
    print("\n".join([*lines, *(str(row) for row in rows(graph))]))


if __name__ == "__main__":
    main()
