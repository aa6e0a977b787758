"""Within-team z: how central a person is to their own team."""

import numpy as np

from ona.graph import NO_TEAM, Graph
from ona.metrics.base import Floats, metric


@metric(family="cohesion", layer="relationship", reading="Has more contact inside the own team than its other members.")
def within_module_z(graph: Graph) -> Floats:
    """Compare in standard scores each person's contact with the own team to that of its other members.

    Returns
    -------
    Floats
        Shape ``(n,)``, standard deviations; 0 in a team whose members are all alike, NaN without a team.

    Notes
    -----
    ``(s_i - mean_g) / sd_g``, s the contact of both directions inside the own team g, sd over the whole team. O(m).

    References
    ----------
    Guimera & Amaral (2005), doi:10.1038/nature03288
    """
    if graph.teams is None:
        return np.full(graph.n, np.nan)
    contact = graph.undirected()
    ego, alter, weight = contact.structure.sources, contact.adjacency.indices, contact.adjacency.data
    inside = graph.teams[ego] == graph.teams[alter]
    own = np.bincount(ego[inside], weight[inside] / weight.max(initial=0), minlength=graph.n)  # relative: squares stay in range
    _, team, size = np.unique(graph.teams, return_inverse=True, return_counts=True)
    gap = own - (np.bincount(team, own) / size)[team]
    spread = np.sqrt(np.bincount(team, gap**2) / size)[team]
    alike = spread <= 1e-12 * own.max(initial=0)  # rounding of equal sums
    z = np.divide(gap, spread, out=np.zeros(graph.n), where=~alike)
    result: Floats = np.where(graph.teams == NO_TEAM, np.nan, z)
    return result
