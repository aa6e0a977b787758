"""Efficiency: which part of a person's contacts leads to different people."""

import numpy as np

from ona.graph import Graph
from ona.metrics.base import Floats, metric, ratio
from ona.metrics.effective_size import effective_size


@metric(family="brokerage", layer="relationship", reading="Hardly any contact is one too many: each leads to other people.")
def efficiency(graph: Graph) -> Floats:
    """Burt's efficiency: effective size over the number of alters.

    Returns
    -------
    Floats
        Shape ``(n,)``, a share, in (0, 1]; NaN for isolates.

    Notes
    -----
    ``(sum_j (1 - sum_q p_iq m_jq)) / k_i``, see ``effective_size``; 1 when no two alters are tied, 1 / k when all are. One alter
    gives 1 trivially. O(m^1.5) time, O(m) memory.

    References
    ----------
    Burt (1992), Structural Holes, ISBN 978-0-674-84371-4
    """
    degree = np.diff(graph.undirected().structure.indptr).astype(np.float64)
    return ratio(effective_size(graph), degree)
