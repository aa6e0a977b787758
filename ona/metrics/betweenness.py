"""Betweenness: how often a person lies on the shortest paths between others."""

import numpy as np

from ona.graph import Graph
from ona.metrics._distance import distances
from ona.metrics.base import Floats, metric


@metric(family="brokerage", layer="relationship", reading="News between others tends to pass through this person.")
def betweenness(graph: Graph) -> Floats:
    """Share of the shortest paths between two others that pass through a person, averaged over all pairs of others.

    Returns
    -------
    Floats
        Shape ``(n,)``, in [0, 1]; 0 for isolates, NaN when fewer than three people.

    Notes
    -----
    A tie is as long as it is weak (``1 / weight``); of a directed graph paths follow the ties. Exact, O(n m + n^2 log n):
    minutes at 10,000 people, where ``two_hop_betweenness`` is the measure to read.

    References
    ----------
    Freeman (1977), doi:10.2307/3033543; Brandes (2001), doi:10.1080/0022250X.2001.9990249
    """
    if graph.n < 3:
        return np.full(graph.n, np.nan)
    pairs = (graph.n - 1) * (graph.n - 2) / (1 if graph.directed else 2)
    raw = graph.igraph.betweenness(weights=distances(graph).tolist(), directed=graph.directed) if graph.m else np.zeros(graph.n)
    return np.asarray(raw, dtype=np.float64) / pairs
