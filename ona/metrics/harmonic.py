"""Harmonic closeness: how near a person is to everybody else."""

from functools import partial

import numpy as np

from ona.graph import Graph
from ona.metrics._blocks import even_blocks, in_threads
from ona.metrics._hops import SOURCES, nearness
from ona.metrics.base import Floats, metric

NO_LIMIT = np.iinfo(np.int64).max
N_BLOCKS = 16


@metric(family="reach", layer="relationship", reading="Few hand-overs separate this person from most others.")
def harmonic(graph: Graph) -> Floats:
    """Mean over all others of one over the hops from them to the person; out of reach counts as zero.

    Returns
    -------
    Floats
        Shape ``(n,)``, in [0, 1]; 0 for isolates, NaN when there is nobody else.

    Notes
    -----
    ``sum_j 1 / dist(j, i) / (n - 1)`` in hops, along the ties of a directed graph. Exact, O(n m / 512) steps by many searches at
    once (Then et al.): a second at 10,000 people. ``two_step_reach`` is its cut at two hops, ``weighted_harmonic`` reads weak ties
    as long.

    References
    ----------
    Boldi & Vigna (2014), doi:10.1080/15427951.2013.865686; Then et al. (2014), doi:10.14778/2735496.2735507
    """
    if graph.n < 2:
        return np.full(graph.n, np.nan)
    out = (graph.structure.indptr, graph.structure.indices)
    search = partial(nearness, out, graph.structure.incoming, NO_LIMIT)
    batches = even_blocks(np.ones(-(-graph.n // SOURCES)), N_BLOCKS)
    total = np.zeros(graph.n)
    for part in in_threads(search, [(SOURCES * first, min(SOURCES * last, graph.n)) for first, last in batches]):
        total += part
    return total / (graph.n - 1)
