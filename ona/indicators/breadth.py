"""Breadth (H2): how many different people are behind five asks."""

import numpy as np
from scipy.special import gammaln

from ona.indicators.base import Evidence, Floats, indicator, summed

ASKS_DRAWN = 5
"""Asks in the rarefied sample, the same for everybody (amendment 5)."""


@indicator(group="spread", reading="Many different people turn to this person, not the same few again and again.", lanes=True)
def breadth(evidence: Evidence, weights: Floats) -> Floats:
    """Distinct askers to be expected behind five of a person's asks.

    Returns
    -------
    Floats
        Shape ``(n,)``, people, in [1, 5]; NaN with fewer than five certain asks in the weeks that count.

    Notes
    -----
    ``sum_i 1 - C(N - N_i, 5) / C(N, 5)``; with fractional week weights ``sum_i 1 - (1 - p_i)^5``, the limit of many asks. O(asks).

    References
    ----------
    Hurlbert (1971), doi:10.2307/1934145
    """
    _, helper, count = evidence.pairs(evidence.certain, weights)
    total = summed(helper, count, evidence.n)[helper]
    missed = rarefied_miss(count, total) if np.isin(weights, (0, 1)).all() else _weighted_miss(count, total)
    expected = summed(helper, 1 - missed, evidence.n)
    enough = evidence.received(evidence.certain, (weights > 0).astype(np.float64)) >= ASKS_DRAWN
    return np.where(enough, expected, np.nan)


def _weighted_miss(count: Floats, total: Floats) -> Floats:
    """Return the chance that an asker is absent from a sample drawn with replacement."""
    other = 1 - np.divide(count, total, out=np.zeros_like(count), where=total > 0)
    missed = other.copy()
    for _ in range(ASKS_DRAWN - 1):
        missed *= other
    return missed


def rarefied_miss(count: Floats, total: Floats, drawn: int = ASKS_DRAWN) -> Floats:
    """Return the chance that an asker with so many of all asks is absent from a sample drawn without replacement."""
    left = total - count
    possible = left >= drawn
    safe, whole = np.maximum(left, drawn), np.maximum(total, drawn)
    chance = np.exp(gammaln(safe + 1) - gammaln(safe - drawn + 1) - gammaln(whole + 1) + gammaln(whole - drawn + 1))
    return np.where(possible, chance, 0.0)
