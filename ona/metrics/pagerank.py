"""PageRank: attention from people who themselves receive attention."""

from math import ceil, log

import numpy as np

from ona.graph import Graph
from ona.metrics.base import Floats, metric

DAMPING = 0.85
TOLERANCE = 1e-10
"""Largest sum of absolute changes in the last step; the result is at most ``d / (1 - d)`` times this away from the limit."""


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
    without outgoing ties pass their time to everybody. O(m) a step, at most 146 steps.

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
    """
    if not restart.sum() > 0:
        return np.full(graph.n, np.nan)
    start = restart / restart.sum()
    strength: Floats = graph.adjacency.sum(axis=1)
    follows = DAMPING * np.divide(1.0, strength, out=np.zeros(graph.n), where=strength > 0)
    dangling = strength == 0
    toward = graph.adjacency.T
    rank: Floats = start
    for _ in range(ceil(log(TOLERANCE / 2) / log(DAMPING))):  # each step shrinks the change by d at least
        jumps = (1 - DAMPING) + DAMPING * rank[dangling].sum()
        last, rank = rank, toward @ (rank * follows) + jumps * start
        if np.abs(rank - last).sum() < TOLERANCE:
            break
    result: Floats = rank / rank.sum()
    return result
