"""Coreness: how deep in the densest part of the network a person sits."""

import numpy as np

from ona.graph import Graph
from ona.metrics.base import Floats, metric


@metric(family="cohesion", layer="relationship", reading="Sits where many people all know many of each other; large teams raise it.")
def coreness(graph: Graph) -> Floats:
    """Largest k such that the person is among people who each have at least k alters among themselves.

    Returns
    -------
    Floats
        Shape ``(n,)``, people, in [0, degree]; 0 for isolates, never NaN.

    Notes
    -----
    Weights and directions do not matter. O(m). For maps and resilience, not for scores.

    References
    ----------
    Seidman (1983), doi:10.1016/0378-8733(83)90028-X; Batagelj & Zaversnik (2003), arXiv:cs/0310049
    """
    return np.asarray(graph.undirected().igraph.coreness(), dtype=np.float64)
