"""Incident pull (H5): who is called in when something is urgent."""

import numpy as np

from ona.indicators.base import Evidence, Floats, indicator


@indicator(group="pull", reading="This person is called in when something is urgent, without being on duty.")
def incident_pull(evidence: Evidence, weights: Floats) -> Floats:
    """Urgent bursts that a person was pulled into by at least two others, over those within reach.

    Returns
    -------
    Floats
        Shape ``(n,)``, a share, at least 0; NaN without bursts in reach and for people on call, whose duty it is.

    Notes
    -----
    Bursts need eight weeks of history (amendment 18); before that nobody has any. O(people).
    """
    reachable = evidence.bursts @ weights
    possible = (reachable > 0) & ~evidence.roster.truths("on_call")
    return np.asarray(np.divide(evidence.pulls @ weights, reachable, out=np.full(evidence.n, np.nan), where=possible), dtype=np.float64)
