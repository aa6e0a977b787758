"""Harmonic closeness over strong ties: how near a person is to everybody else when a weak tie is a long way."""

import numpy as np

from ona.graph import Graph
from ona.metrics._distance import traffic
from ona.metrics.base import Floats, metric


@metric(family="reach", layer="relationship", reading="Chains of strong ties lead to this person from most others.")
def weighted_harmonic(graph: Graph) -> Floats:
    """Mean over all others of one over the length of the way from them to the person; out of reach counts as zero.

    Returns
    -------
    Floats
        Shape ``(n,)``, per length of the median tie, at least 0; 0 for isolates, NaN when there is nobody else, and for everybody
        when the longest path is more than 10^11 times the shortest tie.

    Notes
    -----
    ``sum_j 1 / dist(j, i) / (n - 1)``, a tie as long as ``w_ref / weight``, w_ref the median weight, so that 1 means: one median tie
    away from everybody. Along the ties of a directed graph. In the same pass as ``betweenness``, O(n m + n^2 log n).

    References
    ----------
    Boldi & Vigna (2014), doi:10.1080/15427951.2013.865686; Newman (2001), doi:10.1103/PhysRevE.64.016132
    """
    if graph.n < 2:
        return np.full(graph.n, np.nan)
    return traffic(graph).nearness / (graph.n - 1)
