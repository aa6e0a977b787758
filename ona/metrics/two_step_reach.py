"""Two-step reach: how many people a person reaches directly or through one other."""

import numpy as np

from ona.graph import Graph
from ona.metrics._two_paths import at_two_hops
from ona.metrics.base import Floats, metric


@metric(family="reach", layer="relationship", reading="Word from this person is at most one hand-over away from many people.")
def two_step_reach(graph: Graph) -> Floats:
    """Count of alters, plus half of the people at exactly two hops.

    Returns
    -------
    Floats
        Shape ``(n,)``, people, in [0, n - 1]; 0 for isolates, never NaN.

    Notes
    -----
    The harmonic closeness cut at two hops: ``k_i + |N2(i)| / 2``. Weights and directions do not matter. O(sum of squared degrees).

    References
    ----------
    Boldi & Vigna (2014), doi:10.1080/15427951.2013.865686
    """
    structure = graph.undirected().structure
    return np.diff(structure.indptr) + at_two_hops(structure.indptr, structure.indices) / 2
