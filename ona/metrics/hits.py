"""HITS authority: attention from people who attend to many authorities; a diagnostic."""

import numpy as np

from ona.graph import Graph
from ona.metrics.base import Floats, metric

TOLERANCE = 1e-13
MAX_STEPS = 2000


@metric(family="standing", layer="attention", reading="Receives attention from people who attend to the same few; favours tight groups.")
def hits(graph: Graph) -> Floats:
    """Compute the authority of each person in the sense of Kleinberg.

    Returns
    -------
    Floats
        Shape ``(n,)``, sums to 1, >= 0; NaN without any tie, or when the steps do not settle.

    Notes
    -----
    ``authority = A^T hub``, ``hub = A authority``, started from equal hubs; on graphs of several parts the limit depends on the
    start, which is why this is a diagnostic and PageRank is not. O(m) a step, at most 2,000 steps.

    References
    ----------
    Kleinberg (1999), doi:10.1145/324133.324140
    """
    if not graph.m:
        return np.full(graph.n, np.nan)
    scale = graph.adjacency.data.max()  # products of very small or large weights stay in range
    weights = graph.adjacency * (1 / scale)
    authority: Floats = np.zeros(graph.n)
    hub: Floats = np.ones(graph.n)
    for _ in range(MAX_STEPS):
        last, authority = authority, np.asarray(weights.T @ hub, dtype=np.float64)
        authority /= authority.sum()
        hub = np.asarray(weights @ authority, dtype=np.float64)
        hub /= hub.max()
        if np.abs(authority - last).sum() < TOLERANCE:
            return authority
    return np.full(graph.n, np.nan)
