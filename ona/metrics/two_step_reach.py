"""Two-step reach: how many people a person reaches directly or through one other."""

from functools import partial

import numpy as np

from ona.graph import Graph
from ona.metrics._blocks import even_blocks, in_threads
from ona.metrics._two_paths import N_BLOCKS, at_two_hops, effort
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
    indptr, indices = structure.indptr, structure.indices
    blocks = even_blocks(effort(indptr, indices), N_BLOCKS)
    farther = np.concatenate([np.zeros(0), *in_threads(partial(at_two_hops, indptr, indices), blocks)])
    return np.diff(indptr) + farther / 2
