"""Strength: how much attention a person gives."""

from ona.graph import Graph
from ona.metrics.base import Floats, metric


@metric(family="activity", layer="attention", reading="Gives much time and many messages to others; volume, not influence.")
def strength(graph: Graph) -> Floats:
    """Sum of the weights of the ties that start at a person; of an undirected graph, of all their ties.

    Returns
    -------
    Floats
        Shape ``(n,)``, in the unit of the weights, >= 0; 0 for isolates, never NaN.

    Notes
    -----
    ``s_i = sum_j w_ij``. O(m). Volume: a covariate, never part of a score.

    References
    ----------
    Barrat, Barthelemy, Pastor-Satorras & Vespignani (2004), doi:10.1073/pnas.0400087101
    """
    return graph.adjacency.sum(axis=1)
