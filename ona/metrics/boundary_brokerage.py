"""Boundary brokerage: whether a person connects across teams more than teams of these sizes would by chance."""

import numpy as np

from ona.graph import Graph
from ona.metrics._triangles import add_closed_two_paths, triangles
from ona.metrics._two_paths import all_two_paths
from ona.metrics.base import Floats, metric, ratio

ROLES = ("coordinator", "itinerant", "representative", "gatekeeper", "liaison")


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
    labellings is exactly ``1 - sum n_g (n_g - 1) (n_g - 2) / (N (N - 1) (N - 2))``. Weights do not matter. O(m^1.5).

    References
    ----------
    Gould & Fernandez (1989), doi:10.2307/270949
    """
    roles = brokerage_roles(graph)
    return ratio(roles[:, 1:].sum(axis=1), roles.sum(axis=1)) - _expected_share(graph)


def brokerage_roles(graph: Graph) -> Floats:
    """Count the open two-paths j -> i -> k (no tie j -> k) through each person i by role.

    Returns
    -------
    Floats
        Shape ``(n, 5)``: all of one team (coordinator), ends of another (itinerant), out of the own team (representative), into it
        (gatekeeper), all different (liaison). An undirected tie points both ways. People without a team are no ends; their own
        row is NaN.
    """
    if graph.teams is None:
        return np.full((graph.n, len(ROLES)), np.nan)
    _, codes = np.unique(np.append(graph.teams, -1), return_inverse=True)
    team = (codes[:-1] - 1).astype(np.int32)  # dense; the appended -1 takes code 0
    either = graph.structure.either
    structure, forward = either.structure, either.structure.forward
    direction = ((either.forth >= 0) + 2 * (either.back >= 0)).astype(np.uint8)
    result = all_two_paths(structure.indptr, structure.indices, direction, team, int(team.max(initial=-1)) + 1)
    closed = np.zeros_like(result)
    for batch in triangles(structure):
        add_closed_two_paths(batch, forward.sources, forward.indices, direction[forward.position], team[forward.order], closed)
    result[forward.order] -= closed
    result[team < 0] = np.nan
    return result


def _expected_share(graph: Graph) -> float:
    teams = graph.teams if graph.teams is not None else np.empty(0, dtype=np.int32)
    sizes = np.unique(teams[teams >= 0], return_counts=True)[1].astype(np.float64)
    n = sizes.sum()
    if n < 3:
        return float("nan")
    return float(1 - (sizes * (sizes - 1) * (sizes - 2)).sum() / (n * (n - 1) * (n - 2)))
