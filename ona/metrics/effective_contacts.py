"""Effective contacts: over how many colleagues a person's contact is really spread."""

import numpy as np

from ona.graph import Graph
from ona.metrics.base import Floats, metric, ratio


@metric(family="activity", layer="attention", reading="Contact is spread over many colleagues instead of resting on a few.")
def effective_contacts(graph: Graph) -> Floats:
    """Count the equally strong alters that would be as concentrated as the real ones.

    Returns
    -------
    Floats
        Shape ``(n,)``, people, in [1, degree]; NaN for isolates.

    Notes
    -----
    ``1 / sum_j p_ij^2`` with ``p_ij`` the share of alter j in the contact of both directions (Hill number of order 2). O(m).

    References
    ----------
    Hill (1973), doi:10.2307/1934352
    """
    contact = graph.undirected()
    ego = contact.structure.sources
    share = contact.adjacency.data / contact.adjacency.sum(axis=1)[ego]
    return ratio(np.ones(graph.n), np.bincount(ego, share**2, minlength=graph.n).astype(np.float64))
