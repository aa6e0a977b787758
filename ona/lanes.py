"""Loops over many weightings of the same ties side by side, and the random reader who follows all of them at once.

Arrays end in an axis of ``LANES`` weightings, so that a tie's row is a cache line and looking up its end serves all of them. The
order of every sum is that of the ties: a lane's numbers depend neither on its neighbours' nor on the number of threads.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from numba import float64, int32, void

from ona.compiled import READ_CODES, Codes, Floats, kernel

LANES = 4
"""Weightings at once: four doubles fill a vector register; the shares of a tie in both its ends fill a cache line."""

Lanes = npt.NDArray[np.float64]
"""Shape ``(n, LANES)`` by person or ``(nnz, LANES)`` by stored tie."""

MAX_STEPS = 200


def batched(weights: Floats) -> Iterator[Floats]:
    """Cut replicates ``(B, W)`` into batches ``(W, LANES)``; the last is filled up with its last replicate."""
    for first in range(0, len(weights), LANES):
        some = weights[first : first + LANES]
        yield np.ascontiguousarray(np.concatenate([some, np.repeat(some[-1:], LANES - len(some), axis=0)]).T)


def sent(indptr: Codes, weight: Lanes) -> Lanes:
    """Return what leaves each person along the ties of each row, ``(n, LANES)``."""
    total = np.zeros((len(indptr) - 1, LANES))
    rows = np.flatnonzero(np.diff(indptr))
    if len(rows):
        total[rows] = np.add.reduceat(weight, indptr[rows], axis=0)
    return total


def received(indptr: Codes, indices: Codes, weight: Lanes) -> Lanes:
    """Return what reaches each person along the ties, ``(n, LANES)``."""
    total = np.zeros((len(indptr) - 1, LANES))
    push(indptr, indices, weight, np.ones_like(total), total)
    return total


def walk(ties: tuple[Codes, Codes], weight: Lanes, damping: float, tolerance: float) -> Lanes:
    """Return the PageRank of each person in each lane; who passes nothing on shares with everybody.

    Parameters
    ----------
    ties
        Rows in CSR form: offsets and ends.
    weight
        Weight of each tie, at least 0.
    damping, tolerance
        Chance to follow a tie, and the largest sum of absolute changes in the last step.
    """
    indptr, indices = ties
    n, out = len(indptr) - 1, sent(indptr, weight)
    follows = damping * np.divide(1.0, out, out=np.zeros_like(out), where=out > 0)
    rank = np.full((n, LANES), 1 / max(n, 1))
    for _ in range(MAX_STEPS):
        idle = np.where(out > 0, 0.0, rank).sum(axis=0)
        fresh = np.repeat(((1 - damping + damping * idle) / max(n, 1))[None], n, axis=0)
        push(indptr, indices, weight, rank * follows, fresh)
        change, rank = np.abs(fresh - rank).sum(axis=0).max(initial=0), fresh
        if change < tolerance:
            break
    return np.asarray(rank / rank.sum(axis=0), dtype=np.float64)


@kernel(void(READ_CODES, READ_CODES, float64[:, ::1], float64[:, ::1], float64[:, ::1]))
def push(indptr: Codes, indices: Codes, weight: Lanes, amount: Lanes, into: Lanes) -> None:
    """Add what everybody passes along their ties to those at the other end.

    ``indptr`` and ``indices`` are the rows of the ties as in a CSR matrix, ``weight`` of each tie ``(nnz, LANES)``; ``amount`` of each
    person ``(n, LANES)``; ``into`` ``(n, LANES)`` is added to: ``into_j += sum_i w_ij amount_i``.
    """
    for i in range(len(indptr) - 1):
        for a in range(indptr[i], indptr[i + 1]):
            j = indices[a]
            for lane in range(LANES):
                into[j, lane] += weight[a, lane] * amount[i, lane]


@kernel(void(int32[:, ::1], READ_CODES, READ_CODES, float64[:, ::1], float64[:, :, ::1]))
def add_paths(found: Codes, source: Codes, target: Codes, per_unit: Lanes, ties: Lanes) -> None:
    """Add to each tie of each triangle the contact through the third person, over that person's strength.

    ``ties`` holds weight and contact through others of each tie, ``(ties, 2, LANES)``: ``t_ij = sum_q w_iq w_qj / s_q`` is the same
    from both ends. ``per_unit`` is ``1 / s``; triangles and ties are numbered as :mod:`ona.metrics._triangles` says.
    """
    for t in range(len(found)):
        a, b, c = found[t, 0], found[t, 1], found[t, 2]
        u, v, w = source[a], target[a], target[b]
        for lane in range(LANES):
            first, second, third = ties[a, 0, lane], ties[b, 0, lane], ties[c, 0, lane]
            ties[a, 1, lane] += second * third * per_unit[w, lane]
            ties[b, 1, lane] += first * third * per_unit[v, lane]
            ties[c, 1, lane] += first * second * per_unit[u, lane]


@kernel(void(READ_CODES, READ_CODES, float64[:, ::1], float64[:, :, ::1], float64[:, ::1]))
def add_squares(source: Codes, target: Codes, per_unit: Lanes, ties: Lanes, total: Lanes) -> None:
    """Add to both ends of each tie the square of their dependence on it: weight and contact through others, over their strength."""
    for a in range(len(source)):
        u, v = source[a], target[a]
        for lane in range(LANES):
            contact = ties[a, 0, lane] + ties[a, 1, lane]
            total[u, lane] += (contact * per_unit[u, lane]) ** 2
            total[v, lane] += (contact * per_unit[v, lane]) ** 2
