"""ExpertiseRank (H4): being asked by people who are themselves asked."""

import numpy as np
from scipy.sparse import csr_array

from ona.indicators.base import Evidence, Floats, Ints, indicator, summed
from ona.lanes import batched, walk

DAMPING = 0.85
TOLERANCE = 1e-10
MAX_STEPS = 200


def volume(evidence: Evidence, weights: Floats) -> Floats:
    """Return what the number of asks and the expectation alone say: ``ln(1 + asks)`` and ``ln expected``, ``(n, 2)``."""
    expected = evidence.exposure @ weights
    known = np.where(expected > 0, expected, np.nan)
    return np.stack([np.log1p(evidence.received(evidence.counted, weights)), np.log(known)], axis=1)


@indicator(group="pull", reading="Those who turn to this person are themselves sought for help.", adjust=volume, lanes=True)
def expertise_rank(evidence: Evidence, weights: Floats) -> Floats:
    """Logarithm of PageRank on the graph from askers to helpers, its volume taken out by :func:`volume`.

    Returns
    -------
    Floats
        Shape ``(n,)``, natural logarithm; NaN for people who were never asked.

    Notes
    -----
    ``ln x``, ``x = (1 - d) / n + d (P^T x + dangling / n)``. Ties weigh the credit of certain asks: a public reply alone buys no
    rank. Damping .85, uniform restart; who never asks shares their rank with everybody. O(asks) per step.

    References
    ----------
    Zhang, Ackerman & Adamic (2007), doi:10.1145/1242572.1242603
    """
    asker, helper, credit = evidence.pairs(evidence.credit * evidence.certain / np.maximum(evidence.asks, 1), weights)
    asked = summed(helper, credit, evidence.n) > 0
    rank = (rank_of_asked if weights.ndim == 1 else ranks_of_asked)(asker, helper, credit, evidence.n)
    return np.log(rank, out=np.full(rank.shape, np.nan), where=asked)


def rank_of_asked(asker: Ints, helper: Ints, credit: Floats, n: int) -> Floats:
    """Return PageRank with ties from asker to helper, ``(n,)``, summing to 1."""
    out = np.bincount(asker, weights=credit, minlength=n)
    step = csr_array((credit / out[asker], (helper, asker)), shape=(n, n))
    idle = out == 0
    rank = np.full(n, 1 / n)
    for _ in range(MAX_STEPS):
        fresh = (1 - DAMPING) / n + DAMPING * (step @ rank + rank[idle].sum() / n)
        settled = np.abs(fresh - rank).sum() < TOLERANCE
        rank = fresh
        if settled:
            break
    return np.asarray(rank, dtype=np.float64)


def ranks_of_asked(asker: Ints, helper: Ints, credit: Floats, n: int) -> Floats:
    """Return :func:`rank_of_asked` for many credits side by side, ``(pairs, L)`` in, ``(n, L)`` out; pairs are ordered by asker."""
    offsets, ends = np.searchsorted(asker, np.arange(n + 1)).astype(np.int32), helper.astype(np.int32)
    found = [walk((offsets, ends), lanes, DAMPING, TOLERANCE) for lanes in batched(credit.T)]
    return np.concatenate(found, axis=1)[:, : credit.shape[1]]
