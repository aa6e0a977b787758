"""Weighted shortest paths of a graph: the length of each tie, and what everybody, or some, send along the shortest paths."""

from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from ona.graph import Graph
from ona.metrics._blocks import even_blocks, in_threads
from ona.metrics._paths import Bools, Ways, direct, from_sources
from ona.metrics.base import Floats
from ona.structure import Codes

N_BLOCKS = 32
"""Sources are added up in so many blocks, whatever the number of threads."""

ROUNDS = (0.125, 0.375, 1.0)
"""Shares of the sources after which ties that turned out to be on no shortest path are left out."""


@dataclass(frozen=True, eq=False)
class Traffic:
    """What passes through each person when some sources send one unit to everybody in reach along the shortest paths, ``(n,)``.

    ``nearness`` is the sum over the sources of one over their distance. All NaN where the lengths of ties differ so much that
    floating point cannot add them up.
    """

    through: Floats
    squares: Floats
    nearness: Floats


def lengths(graph: Graph) -> Floats:
    """Return ``w_ref / weight`` of each stored tie, ``(nnz,)``; w_ref is the median weight (Newman 2001).

    The longest stays finite, so that a path over nearly absent ties is long but exists.
    """
    weight = graph.adjacency.data
    with np.errstate(over="ignore", under="ignore"):
        length = np.median(weight) / weight if len(weight) else weight
    limits = np.finfo(np.float64)
    result: Floats = np.clip(length, limits.tiny, limits.max / (2 * max(graph.n, 1)))
    return result


def traffic(graph: Graph) -> Traffic:
    """Let everybody send; computed once for a graph, O(n m + n^2 log n)."""
    return graph.derived("traffic", _all_traffic)


def traffic_from(graph: Graph, sources: Codes) -> Traffic:
    """Let some send, ``(k,)`` rows of the graph, O(k m + k n log n)."""
    return _send(graph, sources, (1.0,))


def _all_traffic(graph: Graph) -> Traffic:
    busiest_first = np.argsort(-np.diff(graph.adjacency.indptr), kind="stable").astype(np.int32)
    return _send(graph, busiest_first, ROUNDS)


def _send(graph: Graph, sources: Codes, rounds: tuple[float, ...]) -> Traffic:
    total = np.zeros((3, graph.n))
    ways = _direct_ways(graph)
    edges = [0, *(int(share * len(sources)) for share in rounds)]
    for first, last in pairwise(edges):
        kept = np.ones(len(ways[1]), dtype=np.bool_)
        blocks = [(first + start, first + stop) for start, stop in even_blocks(np.ones(last - first), N_BLOCKS)]
        for part in in_threads(partial(from_sources, ways, sources, kept), blocks):
            total += part
        if last < len(sources):
            ways = _only(ways, kept)
    return Traffic(*total)


def _direct_ways(graph: Graph) -> Ways:
    indptr, length = graph.adjacency.indptr, lengths(graph)
    order = np.lexsort((length, graph.structure.sources))
    ways = (indptr, graph.adjacency.indices[order], length[order])
    effort = np.bincount(graph.structure.sources, np.diff(indptr)[graph.adjacency.indices], minlength=graph.n)
    kept = [np.zeros(0, dtype=np.bool_), *in_threads(partial(direct, ways), even_blocks(effort, N_BLOCKS))]
    return _only(ways, np.concatenate(kept))


def _only(ways: Ways, kept: Bools) -> Ways:
    indptr, indices, length = ways
    counted = np.append(0, np.cumsum(kept, dtype=np.int32)).astype(np.int32)
    return counted[indptr], indices[kept], length[kept]
