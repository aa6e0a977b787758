"""HITS authority: attention from people who attend to many authorities; a diagnostic."""

import numpy as np
from scipy.sparse.linalg import LinearOperator

from ona.graph import Adjacency, Graph
from ona.metrics._spectrum import DENSE, iterated
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
    start, which is why this is a diagnostic and PageRank is not. Lanczos steps come near the limit first. O(m) a step, some
    hundred steps.

    References
    ----------
    Kleinberg (1999), doi:10.1145/324133.324140
    """
    if not graph.m:
        return np.full(graph.n, np.nan)
    weights = graph.adjacency / graph.adjacency.data.max()  # products of very small or large weights stay in range
    authority: Floats = np.asarray(weights.T @ np.ones(graph.n), dtype=np.float64)
    authority = _near_limit(weights, authority) if graph.n > DENSE else authority
    authority /= authority.sum()
    for _ in range(MAX_STEPS):
        hub = np.asarray(weights @ authority, dtype=np.float64)
        last, authority = authority, np.asarray(weights.T @ (hub / hub.max()), dtype=np.float64)
        authority /= authority.sum()
        if np.abs(authority - last).sum() < TOLERANCE:
            return authority
    return np.full(graph.n, np.nan)


def _near_limit(weights: Adjacency, start: Floats) -> Floats:
    """Return where the steps from here lead, to about rounding; the start itself where that cannot be told."""

    def twice(x: Floats) -> Floats:
        return np.asarray(weights.T @ (weights @ x), dtype=np.float64)

    found = iterated(LinearOperator(weights.shape, matvec=twice, dtype=np.float64), start)[1]
    return start if np.isnan(found).any() else found
