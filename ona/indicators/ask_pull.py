"""Ask pull (H1): how much more often a person is asked than somebody in the same place could expect."""

import numpy as np

from ona.indicators.base import Evidence, Floats, indicator


@indicator(
    group="pull", reading="People outside the reporting line turn to this person more often than their place alone explains.", lanes=True
)
def ask_pull(evidence: Evidence, weights: Floats) -> Floats:
    """Certain asks received from outside the reporting line, over those to be expected.

    Returns
    -------
    Floats
        Shape ``(n,)``, a rate ratio, at least 0, 1 at the company's mean; NaN where nothing could be expected.

    Notes
    -----
    ``sum_a c_ai / E_i``, c_ai the certain asks of a to i, E_i what could be expected if everybody in reach were equally sought. An
    ask is certain when it was directed to the person or when the asker acknowledged the answer. One in a channel counts 1, one by
    direct message, mail or short-notice meeting .5: talk among acquaintances opens in the same way (section 3.1). O(asks).

    References
    ----------
    Breslow & Day (1987), Statistical Methods in Cancer Research II, on observed over expected counts
    """
    expected = evidence.exposure @ weights
    count = evidence.received(evidence.counted, weights)
    return np.asarray(np.divide(count, expected, out=np.full(expected.shape, np.nan), where=expected > 0), dtype=np.float64)
