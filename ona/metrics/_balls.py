"""Loops over the people within a few hops of each person, in O(ties) memory."""

import numpy as np
from numba import float64, int32, int64, uint8

from ona.compiled import READ_CODES, Codes, Flags, Floats, kernel, tuple_of

REMOVED = -2.0
"""Excess degree of a person who is no longer there; an isolate has -1."""

Ties = tuple[Codes, Codes]
Scratch = tuple[Flags, Codes]

TIES = tuple_of(READ_CODES, READ_CODES)


@kernel(float64(TIES, float64[::1], int64, int64, tuple_of(uint8[::1], int32[::1])))
def influence(ties: Ties, excess: Floats, i: int, length: int, scratch: Scratch) -> float:
    """Return the excess degree of i times the summed excess degree of those at exactly ``length`` hops.

    ``scratch`` is ``(n,)`` zeros and ``(n,)`` of anything, and is left so.
    """
    indptr, indices = ties
    seen, queue = scratch
    if excess[i] <= 0:
        return 0.0
    queue[0], seen[i] = i, 1
    start, stop = 0, 1
    for _ in range(length):
        reached = stop
        for a in range(start, stop):
            for k in indices[indptr[queue[a]] : indptr[queue[a] + 1]]:
                if seen[k] == 0 and excess[k] != REMOVED:
                    seen[k] = 1
                    queue[reached] = k
                    reached += 1
        start, stop = stop, reached
    total = 0.0
    for a in range(start, stop):
        total += excess[queue[a]]
    seen[queue[:stop]] = 0
    return float(excess[i] * total)


@kernel(float64[::1](TIES, float64[::1], int64))
def influences(ties: Ties, excess: Floats, length: int) -> Floats:
    """Compute :func:`influence` of everybody, ``(n,)``."""
    scratch = np.zeros(len(excess), dtype=np.uint8), np.empty(len(excess), dtype=np.int32)
    result = np.empty(len(excess))
    for i in range(len(excess)):
        result[i] = influence(ties, excess, i, length, scratch)
    return result


@kernel(tuple_of(int32[::1], int32[::1])(TIES, int64, int32[::1]))
def _circle(ties: Ties, i: int, place: Codes) -> Ties:
    """Return the ties among the alters of i, who are numbered in their order; ``place`` is -1 everywhere and is left so."""
    indptr, indices = ties
    members = indices[indptr[i] : indptr[i + 1]]
    place[members] = np.arange(len(members), dtype=np.int32)
    start, most = np.zeros(len(members) + 1, dtype=np.int32), 0
    for j in members:
        most += indptr[j + 1] - indptr[j]
    alters, filled = np.empty(most, dtype=np.int32), 0
    for a in range(len(members)):
        for k in indices[indptr[members[a]] : indptr[members[a] + 1]]:
            alters[filled] = place[k]
            filled += place[k] >= 0
        start[a + 1] = filled
    place[members] = -1
    return start, alters[:filled]


@kernel(float64(tuple_of(int32[::1], int32[::1]), int32[::1], int64, int32[::1]))
def _nearness(circle: Ties, queue: Codes, own: int, hops: Codes) -> float:
    """Sum of one over the hops from one member of a circle to the others; ``hops`` is 0 everywhere and is left so."""
    start, alters = circle
    queue[0], hops[own] = own, 1
    done, reached, total = 0, 1, 0.0
    while done < reached < len(hops):
        for b in alters[start[queue[done]] : start[queue[done] + 1]]:
            if hops[b] == 0:
                hops[b] = hops[queue[done]] + 1
                total += 1 / (hops[b] - 1)
                queue[reached] = b
                reached += 1
        done += 1
    hops[queue[:reached]] = 0
    return total


@kernel(float64[::1](READ_CODES, READ_CODES))
def among_alters(indptr: Codes, indices: Codes) -> Floats:
    """Sum of one over the hops over all ordered pairs of each person's alters, along ties among these alters only, ``(n,)``."""
    result, place = np.zeros(len(indptr) - 1), np.full(len(indptr) - 1, -1, dtype=np.int32)
    for i in range(len(result)):
        size = indptr[i + 1] - indptr[i]
        if size < 2:
            continue
        circle = _circle((indptr, indices), i, place)
        queue, hops = np.empty(size, dtype=np.int32), np.zeros(size, dtype=np.int32)
        for own in range(size):
            result[i] += _nearness(circle, queue, own, hops)
    return result
