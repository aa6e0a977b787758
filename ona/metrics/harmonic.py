"""Harmonic closeness: how near a person is to everybody else."""

import numpy as np

from ona.graph import Graph
from ona.metrics.base import Floats, metric


@metric(family="reach", layer="relationship", reading="Few hand-overs separate this person from most others.")
def harmonic(graph: Graph) -> Floats:
    """Mean over all others of one over the hops from them to the person; out of reach counts as zero.

    Returns
    -------
    Floats
        Shape ``(n,)``, in [0, 1]; 0 for isolates, NaN when there is nobody else.

    Notes
    -----
    ``sum_j 1 / dist(j, i) / (n - 1)`` in hops, along the ties of a directed graph. Exact, O(n m): ``two_step_reach`` is its cut at two
    hops and costs little.

    References
    ----------
    Boldi & Vigna (2014), doi:10.1080/15427951.2013.865686
    """
    if graph.n < 2:
        return np.full(graph.n, np.nan)
    toward = graph.igraph.harmonic_centrality(mode="in", normalized=True)
    return np.nan_to_num(np.asarray(toward, dtype=np.float64))
