"""Incident pull (H5): who is called in when something is urgent."""

import numpy as np

from ona.indicators.base import Evidence, Floats, indicator


@indicator(group="pull", reading="This person is called in when something is urgent, without being on duty.", lanes=True)
def incident_pull(evidence: Evidence, weights: Floats) -> Floats:
    """Urgent bursts that a person was pulled into by at least two others, over those within reach.

    Returns
    -------
    Floats
        Shape ``(n,)``, a share, at least 0; NaN without bursts in reach and for people on call, whose duty it is.

    Notes
    -----
    ``pulls_i / bursts_i``: bursts that i was pulled into over those in the spaces that i can read. Bursts need eight weeks of
    history; before that nobody has any. O(people).

    References
    ----------
    Kleinberg (2003), doi:10.1023/A:1024940629314, on bursts in streams
    """
    reachable = (evidence.bursts * ~evidence.roster.truths("on_call")[:, None]) @ weights
    pulled = evidence.pulls @ weights
    return np.asarray(np.divide(pulled, reachable, out=np.full(reachable.shape, np.nan), where=reachable > 0), dtype=np.float64)
