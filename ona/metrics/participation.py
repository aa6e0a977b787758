"""Participation: how evenly a person's contact is spread over the teams of the company."""

import numpy as np
from scipy.sparse import csr_array

from ona.graph import NO_TEAM, Graph
from ona.metrics.base import Floats, metric, ratio


@metric(family="brokerage", layer="relationship", reading="Contact is spread over many teams instead of staying in one.")
def participation(graph: Graph) -> Floats:
    """Participation coefficient over teams, stretched so that an even spread over all teams is 1.

    Returns
    -------
    Floats
        Shape ``(n,)``, in [0, 1]; NaN without contact to anybody who has a team, or with fewer than two teams.

    Notes
    -----
    ``(1 - sum_g (s_ig / s_i)^2) K / (K - 1)``, ``s_ig`` the contact of both directions with team g, K teams in the graph.
    Contact with people without a team is left out. Few ties bias it down: read it from five alters on. O(m).

    References
    ----------
    Guimera & Amaral (2005), doi:10.1038/nature03288
    """
    by_team = contact_by_team(graph)
    n_teams = by_team.shape[1]
    total: Floats = by_team.sum(axis=1)
    if n_teams < 2:
        return np.full(graph.n, np.nan)
    ego = np.repeat(np.arange(graph.n), np.diff(by_team.indptr))
    share = by_team.data / total[ego]
    spread = ratio(total, total) - np.bincount(ego, share**2, minlength=graph.n)
    return np.maximum(spread, 0) * n_teams / (n_teams - 1)


def contact_by_team(graph: Graph) -> csr_array[np.float64, tuple[int, int]]:
    """Return the contact of each person with each team that occurs, ``(n, K)``; people without a team are left out."""
    teams = np.full(graph.n, NO_TEAM, dtype=np.int32) if graph.teams is None else graph.teams
    known = np.flatnonzero(teams != NO_TEAM)
    labels, column = np.unique(teams[known], return_inverse=True)
    member = csr_array((np.ones(len(known)), (known, column)), shape=(graph.n, len(labels)))
    return (graph.undirected().adjacency @ member).tocsr()
