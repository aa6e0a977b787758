"""PageRank by sweeps: every person takes up what reaches them, from some of the others what they hold since this very sweep.

People are cut in two halves, whatever the number of threads. Inside a half a sweep uses what is new (Gauss-Seidel), from the other
half what the last sweep left (Jacobi), so that the halves can be swept at once.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import numpy as np
from numba import float64, int64

from ona.compiled import READ_CODES, READ_FLOATS, Codes, Floats, kernel, tuple_of
from ona.metrics._blocks import THREADS, even_blocks

N_HALVES = 2
MAX_SWEEPS = 1000
FEW_TIES = 100_000  # a sweep over these takes less time than waking a thread

Ties = tuple[Codes, Codes, Floats]

READ_TIES = tuple_of(READ_CODES, READ_CODES, READ_FLOATS)


def settle(into: Ties, strength: Floats, start: Floats, damping: float, tolerance: float) -> Floats:
    """Solve ``x = (1 - d) start + d (P^T x + start idle)``, idle = what those hold who pass nothing on.

    Parameters
    ----------
    into
        Rows of the ties toward each person: offsets, who they come from, weights.
    strength
        Sum of the weights of the ties from each person, ``(n,)``.
    start
        Where attention starts anew, ``(n,)``, sums to 1.
    damping, tolerance
        d, and the sum of all changes in the last sweep. NaN if they do not settle.
    """
    halves = even_blocks(np.diff(into[0]) + 1, N_HALVES)
    follows = damping * np.divide(1.0, strength, out=np.zeros_like(strength), where=strength > 0)
    rank, passed = start.copy(), [start * follows for _ in halves]
    with ThreadPoolExecutor(THREADS) as pool:
        each = map if len(into[1]) < FEW_TIES else pool.map
        for _ in range(MAX_SWEEPS):
            given = (1 - damping + damping * rank[strength == 0].sum()) * start
            firsts, lasts = zip(*halves, strict=True)
            change = sum(each(sweep, repeat(into), repeat((follows, given)), repeat(rank), passed, firsts, lasts))
            rank /= rank.sum()
            if change < tolerance:
                return rank
            for own in passed:  # what the other half has passed on since, too
                np.multiply(rank, follows, out=own)
    return np.full(len(rank), np.nan)


@kernel(float64(READ_TIES, tuple_of(READ_FLOATS, READ_FLOATS), float64[::1], float64[::1], int64, int64))
def sweep(into: Ties, given: tuple[Floats, Floats], rank: Floats, passed: Floats, start: int, stop: int) -> float:
    """Renew what the people from start to stop hold, and pass on along a unit of weight; return the sum of changes."""
    indptr, indices, weight = into
    growth = 0.0
    for i in range(start, stop):
        held = given[1][i]
        for a in range(indptr[i], indptr[i + 1]):
            held += weight[a] * passed[indices[a]]
        growth += abs(held - rank[i])
        rank[i] = held
        passed[i] = held * given[0][i]
    return growth
