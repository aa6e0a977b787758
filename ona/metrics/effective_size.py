"""Effective size: how many of a person's contacts are not redundant."""

import numpy as np

from ona.graph import Graph
from ona.metrics._triangles import add_redundancy, added_up, shares
from ona.metrics.base import Floats, metric


@metric(family="brokerage", layer="relationship", reading="Many contacts lead to different people.")
def effective_size(graph: Graph) -> Floats:
    """Burt's effective size: the number of alters, less what they share.

    Returns
    -------
    Floats
        Shape ``(n,)``, people, in [1, degree]; NaN for isolates.

    Notes
    -----
    ``sum_j (1 - sum_q p_iq m_jq)`` over alters j and q, ``m_jq = z_jq / max_k z_jk``, z the contact of both directions;
    unweighted ``k - 2 t / k`` with t ties among the alters. O(m^1.5) time, O(m) memory.

    References
    ----------
    Burt (1992), Structural Holes; Borgatti (1997), Connections 20(1)
    """
    contact = graph.undirected()
    forward = contact.structure.forward
    degree = np.diff(contact.structure.indptr)
    result = degree.astype(np.float64)
    source, target, weight = forward.sources, forward.indices, contact.adjacency.data[forward.position]
    strongest = np.zeros(graph.n)
    np.maximum.at(strongest, source, weight)
    np.maximum.at(strongest, target, weight)
    marginal = np.stack([weight / strongest[source], weight / strongest[target]], axis=1)
    share = shares(source, target, weight)
    result[forward.order] -= added_up(
        contact.structure,
        lambda batch, redundant: add_redundancy(batch, source, target, share, marginal, redundant),
        lambda _: np.zeros(graph.n),
    )
    result[degree == 0] = np.nan
    return result
