"""Coreness: how deep in the densest part of the network a person sits."""

import numpy as np
from numba import int32

from ona.compiled import READ_CODES, Codes, kernel
from ona.graph import Graph
from ona.metrics.base import Floats, metric


@metric(family="cohesion", layer="relationship", reading="Sits where many people all know many of each other; large teams raise it.")
def coreness(graph: Graph) -> Floats:
    """Largest k such that the person is among people who each have at least k alters among themselves.

    Returns
    -------
    Floats
        Shape ``(n,)``, people, in [0, degree]; 0 for isolates, never NaN.

    Notes
    -----
    ``max {k : i in S, |N(j) & S| >= k for all j in S}``. Weights and directions do not matter. O(m). For maps and resilience, not for
    scores.

    References
    ----------
    Seidman (1983), doi:10.1016/0378-8733(83)90028-X; Batagelj & Zaversnik (2003), arXiv:cs/0310049
    """
    structure = graph.undirected().structure
    return _peel(structure.indptr, structure.indices).astype(np.float64)


@kernel(int32[::1](READ_CODES, READ_CODES))
def _peel(indptr: Codes, indices: Codes) -> Codes:
    """Take away, again and again, whoever has fewest alters left; people are kept sorted by that number, in bins."""
    left = indptr[1:] - indptr[:-1]
    n = len(left)
    first = np.zeros(n + 2, dtype=np.int32)  # where the people with so many alters left start in the order
    for i in range(n):
        first[left[i] + 1] += 1
    first = np.cumsum(first).astype(np.int32)
    order, place = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32)
    filled = first.copy()
    for i in range(n):
        place[i] = filled[left[i]]
        order[place[i]] = i
        filled[left[i]] += 1
    for at in range(n):
        i = order[at]
        for j in indices[indptr[i] : indptr[i + 1]]:
            if left[j] > left[i]:
                head = first[left[j]]
                other = order[head]
                order[place[j]], order[head] = other, j
                place[other], place[j] = place[j], head
                first[left[j]] += 1
                left[j] -= 1
    return left
