"""Cross-team share (H3): how much of a person's help goes to other departments."""

import numpy as np

from ona.indicators.base import Evidence, Floats, indicator
from ona.roster import UNKNOWN


@indicator(group="spread", reading="People of other departments turn to this person too.")
def cross_team(evidence: Evidence, weights: Floats) -> Floats:
    """Share of certain asks that came from another department.

    Returns
    -------
    Floats
        Shape ``(n,)``, in [0, 1]; NaN without asks between people whose departments are known.

    Notes
    -----
    Asks from the own reporting line count below the line of the fraction: without them every manager would seem to help others
    most. The raw share; a beta-binomial shrinkage of it is for display. O(asks).
    """
    hits, trials = crossing(evidence, weights)
    return np.asarray(np.divide(hits, trials, out=np.full(evidence.n, np.nan), where=trials > 0), dtype=np.float64)


def crossing(evidence: Evidence, weights: Floats) -> tuple[Floats, Floats]:
    """Return each person's certain asks from another department, and from any known one."""
    group = evidence.roster.codes("group")
    asker, helper = group[evidence.asker], group[evidence.helper]
    known = (asker != UNKNOWN) & (helper != UNKNOWN)
    trials = evidence.certain * known
    own = np.where(group != UNKNOWN, evidence.in_line @ weights, 0)
    return evidence.received(trials * (asker != helper), weights), evidence.received(trials, weights) + own
