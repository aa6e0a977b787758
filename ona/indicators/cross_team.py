"""Cross-team share (H3): how much of a person's help goes to other departments."""

import numpy as np

from ona.indicators.base import Evidence, Floats, indicator
from ona.roster import UNKNOWN

FIRM = 10.0
"""Own asks' worth of the company's typical share that everybody starts with."""


def place(evidence: Evidence, weights: Floats) -> Floats:
    """Return which share of a person's own asks goes to other departments, ``(n, 1)``: how near their place is to them.

    Whoever shares channels, projects or a history with other departments asks there and is asked from there, skill or not
    (opportunity, section 4). People who ask little are taken for typical.
    """
    group = evidence.roster.codes("group")
    asker, helper = group[evidence.asker], group[evidence.helper]
    known = evidence.certain * ((asker != UNKNOWN) & (helper != UNKNOWN))
    across, every = evidence.made(known * (asker != helper), weights), evidence.made(known, weights)
    typical = across.sum(axis=0) / np.maximum(every.sum(axis=0), 1e-12)
    return np.asarray((across + FIRM * typical) / (every + FIRM), dtype=np.float64)[:, None]


@indicator(group="spread", reading="People of other departments turn to this person too.", adjust=place, lanes=True)
def cross_team(evidence: Evidence, weights: Floats) -> Floats:
    """Share of certain asks that came from another department.

    Returns
    -------
    Floats
        Shape ``(n,)``, in [0, 1]; NaN without asks between people whose departments are known.

    Notes
    -----
    ``sum_{a outside g_i} c_ai / sum_a c_ai``, c_ai the certain asks of a to i. Asks from the own reporting line count below
    the line of the fraction: without them every manager would seem to help others most. The raw share; a beta-binomial shrinkage
    of it is for display. O(asks).

    References
    ----------
    Krackhardt & Stern (1988), doi:10.2307/2786835
    """
    hits, trials = crossing(evidence, weights)
    return np.asarray(np.divide(hits, trials, out=np.full(trials.shape, np.nan), where=trials > 0), dtype=np.float64)


def crossing(evidence: Evidence, weights: Floats) -> tuple[Floats, Floats]:
    """Return each person's certain asks from another department, and from any known one."""
    group = evidence.roster.codes("group")
    asker, helper = group[evidence.asker], group[evidence.helper]
    known = (asker != UNKNOWN) & (helper != UNKNOWN)
    trials = evidence.certain * known
    own = (evidence.in_line * (group != UNKNOWN)[:, None]) @ weights
    return evidence.received(trials * (asker != helper), weights), evidence.received(trials, weights) + own
