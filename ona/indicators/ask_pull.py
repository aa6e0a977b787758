"""Ask pull (H1): how much more often a person is asked than somebody in the same place could expect."""

import numpy as np

from ona.indicators.base import Evidence, Floats, indicator


@indicator(group="pull", reading="People outside the reporting line turn to this person more often than their place alone explains.")
def ask_pull(evidence: Evidence, weights: Floats) -> Floats:
    """Certain asks received from outside the reporting line, over those to be expected.

    Returns
    -------
    Floats
        Shape ``(n,)``, a rate ratio, at least 0, 1 at the company's mean; NaN where nothing could be expected.

    Notes
    -----
    An ask is certain when it was directed to the person or when the asker acknowledged the answer. O(asks).
    """
    expected = evidence.exposure @ weights
    count = evidence.received(evidence.certain, weights)
    return np.asarray(np.divide(count, expected, out=np.full(evidence.n, np.nan), where=expected > 0), dtype=np.float64)
