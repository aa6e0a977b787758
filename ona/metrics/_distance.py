"""The length of each tie for measures of shortest paths: the stronger, the shorter."""

import numpy as np

from ona.graph import Graph
from ona.metrics.base import Floats


def distances(graph: Graph) -> Floats:
    """Return ``w_ref / weight`` of each tie in the order of the igraph view; w_ref is the median weight (Newman 2001).

    The longest stays finite, so that a path over nearly absent ties is long but exists.
    """
    weight = graph.to_ties().column("weight").to_numpy()
    with np.errstate(over="ignore", under="ignore"):
        length = np.median(weight) / weight if len(weight) else weight
    limits = np.finfo(np.float64)
    result: Floats = np.clip(length, limits.tiny, limits.max / (2 * max(graph.n, 1)))
    return result
