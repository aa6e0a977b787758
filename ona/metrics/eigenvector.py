"""Eigenvector centrality: contact with people who have much contact; a diagnostic."""

import numpy as np
from scipy.sparse.csgraph import connected_components

from ona.graph import Adjacency, Graph
from ona.metrics._spectrum import leading_pair
from ona.metrics.base import Floats, metric

ALIKE = 1e-9
"""Relative difference up to which two parts of the company are equally dense, so that neither leads."""

Pair = tuple[float, Floats]


@metric(family="standing", layer="attention", reading="Sits in the densest circle of the company, among others who do.")
def eigenvector(graph: Graph) -> Floats:
    """Compute the eigenvector of the largest eigenvalue of contact in both directions.

    Returns
    -------
    Floats
        Shape ``(n,)``, in [0, 1], L2 norm 1; 0 outside the part of the company with the largest eigenvalue, NaN without any tie,
        or when two parts share that value and the vector is not unique.

    Notes
    -----
    ``A x = lambda x`` with ``A`` the sum of both directions. It localises on hubs and on tight meeting groups, and most people of
    a company in several parts get 0; a diagnostic, not in any score. O(m) a step.

    References
    ----------
    Bonacich (1987), doi:10.1086/228631
    """
    contact = graph.undirected().adjacency
    if not contact.nnz:
        return np.full(graph.n, np.nan)
    scaled = contact / contact.data.max()  # products of very small or large weights stay in range
    leaders = _leaders(scaled, connected_components(scaled, directed=False)[1])
    if len(leaders) > 1 or np.isnan(leaders[0][1][0]):
        return np.full(graph.n, np.nan)
    result: Floats = np.zeros(graph.n)
    result[leaders[0][0]] = leaders[0][1][1]
    return result


def _leaders(matrix: Adjacency, part: np.ndarray) -> list[tuple[np.ndarray, Pair]]:
    """Return the members and the leading pair of each part that has the largest eigenvalue.

    No eigenvalue exceeds the largest strength of its part, so parts are tried from the strongest person down.
    """
    bound = np.zeros(part.max() + 1)
    np.maximum.at(bound, part, np.asarray(matrix.sum(axis=1)))
    order, found, best = np.argsort(part, kind="stable"), list[tuple[np.ndarray, Pair]](), 0.0
    ends = np.cumsum(np.bincount(part))
    for one in np.argsort(-bound, kind="stable"):
        if bound[one] < best * (1 - ALIKE) or (len(found) > 1 and bound[one] <= best * (1 + ALIKE)):
            break
        members = order[ends[one] - np.count_nonzero(part == one) : ends[one]]
        pair = leading_pair(matrix[members][:, members].tocsr())
        if not pair[0] < best * (1 - ALIKE):
            found = [kept for kept in found if kept[1][0] >= pair[0] * (1 - ALIKE)] + [(members, pair)]
            best = max(best, pair[0])
    return found
