"""Loops over two-paths j - i - k of an undirected graph, in O(sum of squared degrees) time and O(ties) memory.

A leaf (one alter) meets nobody but its alter's other alters, and only through that alter. Leaves are therefore counted by a
formula, so that a star of n people costs O(n).
"""

import numpy as np
from numba import float64, int32, int64, void

from ona.compiled import READ_CODES, READ_FLAGS, READ_FLOATS, Codes, Flags, Floats, kernel, tuple_of

N_BLOCKS = 16
"""Rows are cut into so many blocks for the threads, whatever their number."""

TIES = tuple_of(READ_CODES, READ_CODES, READ_FLOATS)


@kernel(float64[::1](READ_CODES, READ_CODES))
def _pairs_of_leaves(indptr: Codes, indices: Codes) -> Floats:
    """Pairs of a person's alters of which at least one is a leaf: nobody else stands between them."""
    leaves = np.zeros(len(indptr) - 1)
    for j in range(len(leaves)):
        if indptr[j + 1] - indptr[j] == 1:
            leaves[indices[indptr[j]]] += 1
    others = (indptr[1:] - indptr[:-1]) - leaves
    return leaves * (leaves - 1) / 2 + leaves * others


@kernel(int64(TIES, int64, float64[::1], int32[::1]))
def _widen(ties: tuple[Codes, Codes, Floats], j: int, width: Floats, reached: Codes) -> int:
    """Add up the two-paths from j to everybody, each as wide as its weaker tie; return how many people were reached."""
    indptr, indices, weight = ties
    count = 0
    for a in range(indptr[j], indptr[j + 1]):
        i = indices[a]
        for b in range(indptr[i], indptr[i + 1]):
            k = indices[b]
            if width[k] == 0:
                reached[count] = k
                count += 1
            width[k] += min(weight[a], weight[b])
    return count


@kernel(void(TIES, int64, float64[::1], float64[::1]))
def _credit(ties: tuple[Codes, Codes, Floats], j: int, per_width: Floats, result: Floats) -> None:
    indptr, indices, weight = ties
    for a in range(indptr[j], indptr[j + 1]):
        i = indices[a]
        for b in range(indptr[i], indptr[i + 1]):
            result[i] += min(weight[a], weight[b]) * per_width[indices[b]]


@kernel(float64[::1](READ_CODES, READ_CODES, READ_FLOATS, int64, int64))
def between_alters(indptr: Codes, indices: Codes, weight: Floats, start: int, stop: int) -> Floats:
    """Sum over the pairs of a person's alters without a tie of the person's part in the two-paths between them, ``(n,)``.

    Of all pairs take those of which ``start <= j < stop`` is the smaller number, and with ``start == 0`` those with a leaf.
    """
    n = len(indptr) - 1
    result = _pairs_of_leaves(indptr, indices) if start == 0 else np.zeros(n)
    width, reached = np.zeros(n), np.empty(n, dtype=np.int32)
    for j in range(start, stop):
        if indptr[j + 1] - indptr[j] < 2:
            continue
        count = _widen((indptr, indices, weight), j, width, reached)
        width[indices[indptr[j] : indptr[j + 1]]] = np.inf  # alters of j need nobody between
        for k in reached[:count]:  # each pair is credited once, from its smaller number
            width[k] = 1 / width[k] if k > j and indptr[k + 1] - indptr[k] > 1 else 0.0
        _credit((indptr, indices, weight), j, width, result)
        width[reached[:count]] = 0.0
        width[indices[indptr[j] : indptr[j + 1]]] = 0.0
    return result


@kernel(float64[::1](READ_CODES, READ_CODES, int64, int64))
def at_two_hops(indptr: Codes, indices: Codes, start: int, stop: int) -> Floats:
    """Count the people at exactly two hops of each person from start to stop, ``(stop - start,)``."""
    result, seen = np.zeros(stop - start), np.full(len(indptr) - 1, -1, dtype=np.int32)
    for j in range(start, stop):
        alters = indices[indptr[j] : indptr[j + 1]]
        if len(alters) == 1:
            result[j - start] = indptr[alters[0] + 1] - indptr[alters[0]] - 1
            continue
        seen[j] = j
        seen[alters] = j
        count = 0
        for i in alters:
            for k in indices[indptr[i] : indptr[i + 1]]:
                count += seen[k] != j
                seen[k] = j
        result[j - start] = count
    return result


@kernel(float64[::1](READ_CODES, READ_CODES))
def effort(indptr: Codes, indices: Codes) -> Floats:
    """Count the two-paths from each person, ``(n,)``; leaves are counted by a formula."""
    result = np.zeros(len(indptr) - 1)
    for j in range(len(result)):
        if indptr[j + 1] - indptr[j] > 1:
            for a in range(indptr[j], indptr[j + 1]):
                result[j] += indptr[indices[a] + 1] - indptr[indices[a]]
    return result


@kernel(void(READ_CODES, READ_FLAGS, READ_CODES, float64[:, ::1]))
def _count_teams(alters: Codes, direction: Flags, team: Codes, count: Floats) -> None:
    """Count the alters after, before, and both, by team; direction 1 = after, 2 = before, 3 = both."""
    for a in range(len(alters)):
        group = team[alters[a]]
        if group >= 0:
            count[group, 0] += direction[a] & 1
            count[group, 1] += direction[a] >> 1
            count[group, 2] += direction[a] == 3


@kernel(void(READ_CODES, READ_CODES, int64, float64[:, ::1], float64[::1]))
def _add_roles(alters: Codes, team: Codes, own: int, count: Floats, result: Floats) -> None:
    """Turn the counts by team into two-paths by role, and clear them."""
    after, before, both = count[own]
    n_after = n_before = same = 0.0
    count[own] = 0.0
    for alter in alters:
        group = team[alter]
        if group >= 0:
            n_after += count[group, 0]
            n_before += count[group, 1]
            same += count[group, 0] * count[group, 1]
            result[1] += count[group, 0] * count[group, 1] - count[group, 2]
            count[group] = 0.0
    result[0] = before * after - both
    result[2] = before * n_after
    result[3] = n_before * after
    result[4] = n_before * n_after - same


@kernel(float64[:, ::1](READ_CODES, READ_CODES, READ_FLAGS, READ_CODES, int64, int64))
def all_two_paths(indptr: Codes, indices: Codes, direction: Flags, team: Codes, first: int, last: int) -> Floats:
    """Two-paths j -> i -> k through the people from first to last, closed ones too, by role, ``(last - first, 5)``.

    Teams are numbered from 0; people without one (-1) are left out.
    """
    result, count = np.zeros((last - first, 5)), np.zeros((team.max() + 1, 3))
    for i in range(first, last):
        if team[i] >= 0:
            start, stop = indptr[i], indptr[i + 1]
            _count_teams(indices[start:stop], direction[start:stop], team, count)
            _add_roles(indices[start:stop], team, team[i], count, result[i - first])
    return result
