"""Flow share: two-hop betweenness that counts how much each middleman can carry."""

from ona.graph import Graph
from ona.metrics.base import Floats, metric
from ona.metrics.two_hop_betweenness import connected_share


@metric(family="brokerage", layer="relationship", reading="What passes between contacts who do not know each other passes mostly here.")
def flow_share(graph: Graph) -> Floats:
    """Share of the pairs of a person's alters that the person connects, divided among middlemen by how strong their ties are.

    Returns
    -------
    Floats
        Shape ``(n,)``, in [0, 1]; NaN with fewer than two alters.

    Notes
    -----
    As ``two_hop_betweenness``, with ``min(t_ij, t_ik) / sum_q min(t_qj, t_qk)`` instead of ``1 / |N(j) & N(k)|``; so it moves
    when weights do. Directed ties add up to contact first. O(sum of squared degrees).

    References
    ----------
    Borgatti & Everett (2006), doi:10.1016/j.socnet.2005.11.005; Freeman, Borgatti & White (1991), doi:10.1016/0378-8733(91)90017-N
    """
    contact = graph.undirected()
    return connected_share(contact, contact.adjacency.data)
