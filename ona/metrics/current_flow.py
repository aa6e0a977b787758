"""Current-flow betweenness: how much passes through a person when news takes every way, not the shortest alone."""

import numpy as np
from scipy.sparse.csgraph import connected_components

from ona.errors import TooLargeError
from ona.graph import Adjacency, Graph
from ona.metrics.base import Floats, metric

LIMIT = 2000
"""People up to whom a dense matrix of them is allowed: 32 MB each of three, and about ten seconds for 30,000 ties."""

CHUNK = 2**21
"""Numbers held at a time beside that matrix."""

RESIDUE = 1e-8
"""Largest imbalance of current in any node; more means that the weights span too many orders of magnitude to solve."""


@metric(family="brokerage", layer="relationship", reading="Much passes through this person even when news takes detours.")
def current_flow(graph: Graph) -> Floats:
    """Mean share of a unit current between two others that flows through a person, every tie a conductor as good as it is strong.

    Returns
    -------
    Floats
        Shape ``(n,)``, in [0, 1]; 0 for isolates, NaN when fewer than three people, or in a part of the company whose weights differ
        by too many orders of magnitude.

    Notes
    -----
    Random-walk betweenness: ``sum_{s<t} sum_j w_ij |V_i - V_j| / 2 / ((n - 1) (n - 2) / 2)``. Contact of both directions; pairs
    in different parts carry no current. O(n^3 + n m log n) and dense matrices of the largest part: up to 2,000 people, a typed
    refusal above, where ``flow_share`` is the measure to read.

    References
    ----------
    Newman (2005), doi:10.1016/j.socnet.2004.11.009; Brandes & Fleischer (2005), doi:10.1007/978-3-540-31856-9_44
    """
    if graph.n < 3:
        return np.full(graph.n, np.nan)
    contact, result = graph.undirected().adjacency, np.zeros(graph.n)
    part = connected_components(contact, directed=False)[1]
    order, sizes = np.argsort(part, kind="stable"), np.bincount(part)
    if sizes.max() > LIMIT:
        raise TooLargeError(f"{sizes.max()} people are connected. Current flow is computed for at most {LIMIT}; read flow_share instead.")
    ends = np.cumsum(sizes)
    for one in np.flatnonzero(sizes > 2):
        members = order[ends[one] - sizes[one] : ends[one]]
        result[members] = _throughput(contact[members][:, members].tocsr())
    return result / ((graph.n - 1) * (graph.n - 2) / 2)


def _throughput(conductance: Adjacency) -> Floats:
    """Sum over all pairs of others what flows through each member of one connected part."""
    dense = conductance.toarray() / conductance.data.max()
    n = len(dense)
    laplacian = np.diag(dense.sum(axis=1)) - dense
    potential = np.linalg.pinv(laplacian, hermitian=True)
    if not np.abs(laplacian @ potential - (np.eye(n) - 1 / n)).max() < RESIDUE:
        return np.full(n, np.nan)
    one, other = np.nonzero(np.triu(dense))
    result = np.zeros(n)
    for start in range(0, len(one), max(CHUNK // n, 1)):
        i, j = one[start : start + max(CHUNK // n, 1)], other[start : start + max(CHUNK // n, 1)]
        flow = dense[i, j][:, None] * (potential[i] - potential[j])  # through tie (i, j), for a unit put in at each person
        between = np.sort(flow, axis=1) @ (2.0 * np.arange(n) - n + 1)  # sum over pairs s < t of |flow_s - flow_t|
        for end in (i, j):
            own = np.abs(flow - flow[np.arange(len(end)), end][:, None]).sum(axis=1)
            np.add.at(result, end, (between - own) / 2)
    return np.maximum(result, 0)
