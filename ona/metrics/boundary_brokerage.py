"""Boundary brokerage: whether a person connects across teams more than teams of these sizes would by chance."""

import numpy as np

from ona.graph import Graph
from ona.metrics._roles import brokerage_roles
from ona.metrics.base import Floats, metric, ratio


@metric(family="brokerage", layer="relationship", reading="Connects people of different teams who have no tie of their own.")
def boundary_brokerage(graph: Graph) -> Floats:
    """Share of a person's open two-paths that cross a team boundary, minus its mean when teams are dealt at random.

    Returns
    -------
    Floats
        Shape ``(n,)``, in [-1, 1], 0 = as by chance; NaN without a team or an open two-path, or with fewer than three people in teams.

    Notes
    -----
    All Gould-Fernandez roles but coordinator, over all five. With the sizes n_g of the teams, N in all, the mean over all
    labellings is exactly ``1 - sum n_g (n_g - 1) (n_g - 2) / (N (N - 1) (N - 2))``. Weights do not matter. The counts of the roles
    are in ``gould_fernandez``. O(m^1.5) time, O(m) memory.

    References
    ----------
    Gould & Fernandez (1989), doi:10.2307/270949
    """
    roles = brokerage_roles(graph)
    return ratio(roles[:, 1:].sum(axis=1), roles.sum(axis=1)) - _expected_share(graph)


def _expected_share(graph: Graph) -> float:
    teams = graph.teams if graph.teams is not None else np.empty(0, dtype=np.int32)
    sizes = np.unique(teams[teams >= 0], return_counts=True)[1].astype(np.float64)
    n = sizes.sum()
    if n < 3:
        return float("nan")
    return float(1 - (sizes * (sizes - 1) * (sizes - 2)).sum() / (n * (n - 1) * (n - 2)))
