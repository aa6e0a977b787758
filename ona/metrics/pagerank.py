"""PageRank: attention from people who themselves receive attention."""

import numpy as np

from ona.errors import TableError
from ona.graph import Graph
from ona.metrics._ranks import settle
from ona.metrics.base import Floats, metric

DAMPING = 0.85
TOLERANCE = 1e-10
"""Largest sum of changes in the last sweep; the result is at most ``d / (1 - d)`` times this away from the limit."""


@metric(family="standing", layer="attention", reading="Receives attention from people who receive much attention themselves.")
def pagerank(graph: Graph) -> Floats:
    """Share of a random reader's time who follows attention from person to person and sometimes starts anew anywhere.

    Returns
    -------
    Floats
        Shape ``(n,)``, a share, sums to 1; people without incoming ties get the least, never NaN.

    Notes
    -----
    Ties point toward the person who receives; ``x = (1 - d) r + d (P^T x + r dangling)``, d = .85, ``r = 1 / n``, people
    without outgoing ties pass their time to everybody. O(m) a sweep, some twenty sweeps.

    References
    ----------
    Page, Brin, Motwani & Winograd (1999), http://ilpubs.stanford.edu:8090/422/
    """
    return personalised_pagerank(graph, np.ones(graph.n))


def personalised_pagerank(graph: Graph, restart: Floats) -> Floats:
    """Return PageRank of a reader who starts anew in proportion to ``restart``, ``(n,)`` >= 0; a department gives "known in it".

    Returns
    -------
    Floats
        Shape ``(n,)``, a share, sums to 1; NaN where ``restart`` sums to zero.

    Raises
    ------
    TableError
        Another shape, or a value that is negative or not finite.
    """
    start = np.asarray(restart, dtype=np.float64)
    if start.shape != (graph.n,) or not (np.isfinite(start).all() and start.min(initial=0) >= 0):
        raise TableError(
            f"The restart has the shape {start.shape} or holds negative, NaN or infinite values. Expected {graph.n} numbers >= 0."
        )
    if not 0 < start.sum() < np.inf:
        return np.full(graph.n, np.nan)
    structure, strength = graph.structure, np.asarray(graph.adjacency.sum(axis=1), dtype=np.float64)
    weight = graph.adjacency.data[structure.reverse] if graph.directed else graph.adjacency.data
    return settle((*structure.incoming, weight), strength, start / start.sum(), DAMPING, TOLERANCE)
