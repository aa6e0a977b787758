"""In-strength: how much attention a person receives."""

from ona.graph import Graph
from ona.metrics.base import Floats, metric


@metric(family="activity", layer="attention", reading="Many people turn to this person, or a few do so very often.")
def in_strength(graph: Graph) -> Floats:
    """Sum of the weights of the ties that end at a person; of an undirected graph, of all their ties.

    Returns
    -------
    Floats
        Shape ``(n,)``, in the unit of the weights, >= 0; 0 for isolates, never NaN.

    Notes
    -----
    ``s_j = sum_i w_ij``. O(m).

    References
    ----------
    Barrat, Barthelemy, Pastor-Satorras & Vespignani (2004), doi:10.1073/pnas.0400087101
    """
    return graph.adjacency.sum(axis=0)
