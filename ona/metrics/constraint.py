"""Constraint: how far a person's contacts close in on each other."""

import numpy as np

from ona.graph import Graph
from ona.metrics._triangles import add_paths, added_up, shares, squares_by_person
from ona.metrics.base import Floats, metric


@metric(family="brokerage", layer="relationship", reading="Contacts know each other, so little is left to connect; low means broker.")
def constraint(graph: Graph) -> Floats:
    """Burt's constraint: the concentration of a person's contact on alters who are tied to each other.

    Returns
    -------
    Floats
        Shape ``(n,)``, at least 1 / degree, at most 2 (above 1 by definition, not by error); NaN for isolates.

    Notes
    -----
    ``sum_j (p_ij + sum_q p_iq p_qj)^2`` over alters j, with ``p_ij`` the share of j in the contact of both directions, in the
    whole network as igraph and networkx do. Falls with degree: scores take the residual of -ln C on ln degree.
    Weights are strengths. O(m^1.5) time, O(m) memory.

    References
    ----------
    Burt (2004), doi:10.1086/421787; Everett & Borgatti (2020), doi:10.1016/j.socnet.2020.02.001
    """
    contact = graph.undirected()
    forward = contact.structure.forward
    total = squares_by_person(forward.sources, forward.indices, dependence(contact), graph.n)
    result = np.empty(graph.n)
    result[forward.order] = np.where(total > 0, total, np.nan)
    return result


def dependence(contact: Graph) -> Floats:
    """Return ``p_ij + sum_q p_iq p_qj`` of each tie of ``contact.structure.forward``, from its start and from its end, ``(ties, 2)``."""
    forward = contact.structure.forward
    share = shares(forward.sources, forward.indices, contact.adjacency.data[forward.position])
    return added_up(
        contact.structure,
        lambda batch, total: add_paths(batch, share, total),
        lambda half: np.zeros_like(share) if half else share.copy(),
    )
