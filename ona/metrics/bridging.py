"""Bridging centrality: on many shortest paths, between contacts who have far more ties than the person; for maps."""

import numpy as np

from ona.graph import Graph
from ona.metrics.base import Floats, metric, ratio
from ona.metrics.betweenness import betweenness


@metric(family="brokerage", layer="relationship", reading="Few ties of its own, but they join busy parts; unstable, for maps only.")
def bridging(graph: Graph) -> Floats:
    """Betweenness times the bridging coefficient.

    Returns
    -------
    Floats
        Shape ``(n,)``, pairs of people, in [0, (n - 1)(n - 2)]; NaN for isolates and when fewer than three people.

    Notes
    -----
    ``b_i (1 / k_i) / sum_{j in N(i)} 1 / k_j``, ``b_i`` the pairs of others (ordered, where ties are directed) whose shortest paths
    pass through i, k the number of alters. Rewards people with few ties; a few ties more or less turn it over, so it is for maps
    only. O(n m + n^2 log n).

    References
    ----------
    Hwang, Kim, Ramanathan & Zhang (2008), doi:10.1145/1401890.1401934
    """
    pairs = (graph.n - 1) * (graph.n - 2) / (1 if graph.directed else 2)
    return betweenness(graph) * pairs * bridging_coefficient(graph)


def bridging_coefficient(graph: Graph) -> Floats:
    """Return one over a person's degree, divided by the sum of the same over the alters, ``(n,)``; NaN for isolates."""
    structure = graph.undirected().structure
    degree = np.diff(structure.indptr).astype(np.float64)
    inverse = ratio(np.ones(graph.n), degree)
    around = np.bincount(structure.sources, inverse[structure.indices], minlength=graph.n).astype(np.float64)
    return ratio(inverse, around)
