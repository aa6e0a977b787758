"""Local efficiency: how well a person's contacts reach each other without the person."""

import numpy as np

from ona.graph import Graph
from ona.metrics._balls import among_alters
from ona.metrics.base import Floats, metric, ratio


@metric(family="cohesion", layer="relationship", reading="The person's contacts also know each other: work goes on if the person is away.")
def local_efficiency(graph: Graph) -> Floats:
    """Mean over the pairs of a person's alters of one over the hops between them, along ties among these alters only.

    Returns
    -------
    Floats
        Shape ``(n,)``, in [0, 1]; NaN with fewer than two alters.

    Notes
    -----
    ``sum_{j != k in N(i)} 1 / dist_i(j, k) / (k_i (k_i - 1))``, dist_i the hops inside N(i): the efficiency of the person's circle
    without the person; one minus it is brokerage seen as a risk. Weights and directions do not matter. O(sum of squared degrees),
    and over people of degree times ties among their alters.

    References
    ----------
    Latora & Marchiori (2001), doi:10.1103/PhysRevLett.87.198701
    """
    structure = graph.undirected().structure
    degree = np.diff(structure.indptr).astype(np.float64)
    return ratio(among_alters(structure.indptr, structure.indices), degree * (degree - 1))
