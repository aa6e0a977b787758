"""Two-hop betweenness: how far a person's contacts need this person to reach each other."""

from functools import partial

import numpy as np

from ona.graph import Graph
from ona.metrics._blocks import even_blocks, in_threads
from ona.metrics._two_paths import N_BLOCKS, between_alters, effort
from ona.metrics.base import Floats, metric, ratio


@metric(family="brokerage", layer="relationship", reading="Contacts who do not know each other have few others to connect them.")
def two_hop_betweenness(graph: Graph) -> Floats:
    """Share of the pairs of a person's alters that the person connects, a pair with several such middlemen divided among them.

    Returns
    -------
    Floats
        Shape ``(n,)``, in [0, 1]; NaN with fewer than two alters.

    Notes
    -----
    ``sum_{j<k in N(i), no tie jk} 1 / |N(j) & N(k)|`` over ``k_i (k_i - 1) / 2``: betweenness of paths of at most two hops.
    Weights and directions do not matter. O(sum of squared degrees).

    References
    ----------
    Borgatti & Everett (2006), doi:10.1016/j.socnet.2005.11.005; Burt (2007), doi:10.5465/amj.2007.24162082
    """
    return connected_share(graph.undirected(), np.ones(graph.undirected().adjacency.nnz))


def connected_share(contact: Graph, weight: Floats) -> Floats:
    """Return the share of pairs of alters that a person connects when two-paths are as wide as their weaker tie."""
    indptr, indices = contact.structure.indptr, contact.structure.indices
    degree = np.diff(indptr).astype(np.float64)
    pairs, total = degree * (degree - 1) / 2, np.zeros(contact.n)
    for part in in_threads(partial(between_alters, indptr, indices, weight), even_blocks(effort(indptr, indices), N_BLOCKS)):
        total += part
    return np.minimum(ratio(total, pairs), 1.0)  # rounding of 1/3 + 1/3 + 1/3
