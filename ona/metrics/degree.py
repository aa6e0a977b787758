"""Degree: how many colleagues a person has ties with."""

import numpy as np

from ona.graph import Graph
from ona.metrics.base import Floats, metric


@metric(family="activity", layer="relationship", reading="Has ties with many colleagues.")
def degree(graph: Graph) -> Floats:
    """Count of distinct alters, whichever way the tie points.

    Returns
    -------
    Floats
        Shape ``(n,)``, people, in [0, n - 1]; 0 for isolates, never NaN.

    Notes
    -----
    ``k_i = |N(i)|``: a colleague with ties in both directions counts once. O(m).

    References
    ----------
    Freeman (1978), doi:10.1016/0378-8733(78)90021-7
    """
    return np.diff(graph.undirected().adjacency.indptr).astype(np.float64)
