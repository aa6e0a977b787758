"""Collective influence: whose leaving would break up the paths of many others."""

import numpy as np

from ona.graph import Graph
from ona.metrics._balls import influences
from ona.metrics.base import Floats, metric

LENGTH = 2


@metric(family="reach", layer="relationship", reading="Much contact passes within two hand-overs of this person; leaving would break it.")
def collective_influence(graph: Graph) -> Floats:
    """Excess degree of a person times that of the people at exactly two hops.

    Returns
    -------
    Floats
        Shape ``(n,)``, squared people, >= 0; 0 for isolates and people with one alter, never NaN.

    Notes
    -----
    ``(k_i - 1) sum_{j at two hops} (k_j - 1)``. Weights and directions do not matter. For fragility, not for scores.
    O(sum of squared degrees).

    References
    ----------
    Morone & Makse (2015), doi:10.1038/nature14604
    """
    return collective_influence_at(graph, LENGTH)


def collective_influence_at(graph: Graph, length: int) -> Floats:
    """Return collective influence over balls of this radius, ``(n,)``; 1 looks at alters alone."""
    structure = graph.undirected().structure
    return influences((structure.indptr, structure.indices), np.diff(structure.indptr) - 1.0, length)
