"""Breadth (H2): how many different people are behind five asks."""

import numpy as np
from scipy.special import gammaln

from ona.indicators.base import Evidence, Floats, indicator

ASKS_DRAWN = 5
"""Asks in the rarefied sample, the same for everybody (amendment 5)."""


@indicator(group="spread", reading="Many different people turn to this person, not the same few again and again.")
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
    total = np.bincount(helper, weights=count, minlength=evidence.n).astype(np.float64)
    missed = rarefied_miss(count, total[helper]) if np.isin(weights, (0, 1)).all() else (1 - count / total[helper]) ** ASKS_DRAWN
    expected = np.bincount(helper, weights=1 - missed, minlength=evidence.n)
    enough = evidence.received(evidence.certain, (weights > 0).astype(np.float64)) >= ASKS_DRAWN
    return np.where(enough, expected, np.nan)


def rarefied_miss(count: Floats, total: Floats, drawn: int = ASKS_DRAWN) -> Floats:
    """Return the chance that an asker with so many of all asks is absent from a sample drawn without replacement."""
    left = total - count
    possible = left >= drawn
    safe, whole = np.maximum(left, drawn), np.maximum(total, drawn)
    chance = np.exp(gammaln(safe + 1) - gammaln(safe - drawn + 1) - gammaln(whole + 1) + gammaln(whole - drawn + 1))
    return np.where(possible, chance, 0.0)
