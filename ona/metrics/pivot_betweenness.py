"""Pivot betweenness: betweenness estimated from the paths of some people, with its standard error."""

from math import ceil, floor, log, log2

import numpy as np

from ona.graph import Graph
from ona.metrics._distance import traffic_from
from ona.metrics.base import Floats, metric

PIVOTS = 256
"""Rank correlation with the exact values is about .95 at 10,000 people."""


@metric(
    family="brokerage",
    layer="relationship",
    reading="News between others tends to pass through this person, as far as a sample of senders tells.",
    columns=("estimate", "standard_error"),
)
def pivot_betweenness(graph: Graph) -> Floats:
    """Estimate ``betweenness`` from the shortest paths that start at 256 people drawn at random.

    Returns
    -------
    Floats
        Shape ``(n, 2)``: the estimate, at least 0, and its standard error, 0 where everybody was drawn; NaN where ``betweenness`` is.

    Notes
    -----
    ``n / k`` times what the k pivots' paths carry, unbiased; the error is the spread over pivots, ``n sqrt((1 - k/n) s^2 / k)``. What
    a person carries differs much between pivots, so small estimates are uncertain beyond their error. O(k m + k n log n).

    References
    ----------
    Brandes & Pich (2007), doi:10.1142/S0218127407018403
    """
    return sampled_betweenness(graph, PIVOTS, seed=0)


def sampled_betweenness(graph: Graph, pivots: int, *, seed: int) -> Floats:
    """Return estimate and standard error, ``(n, 2)``, from ``pivots`` people drawn with ``seed``; everybody when there are fewer."""
    n, k = graph.n, min(pivots, graph.n)
    if n < 3 or k < 2:
        return np.full((n, 2), np.nan)
    drawn = np.sort(np.random.default_rng(seed).permutation(n)[:k]).astype(np.int32)
    found = traffic_from(graph, drawn)
    mean = found.through / k
    variance = np.maximum(found.squares - k * mean**2, 0) / (k - 1) * (1 - k / n)
    return np.stack([mean, np.sqrt(variance / k)], axis=1) * (n / ((n - 1) * (n - 2)))


def pivots_needed(n: int, *, error: float, chance: float) -> int:
    """Return how many pivots keep all estimates of n people within ``error``, but for a ``chance``: ``ln(2 n / chance) / (2 error^2)``.

    Hoeffding's bound, which knows nothing of the graph; the standard errors are far smaller.
    """
    return ceil(log(2 * n / chance) / (2 * error**2))


def paths_needed(diameter: int, *, error: float, chance: float) -> int:
    """Return how many paths drawn at random do the same, where no shortest path has more than ``diameter`` people, at least 3.

    ``(.5 / error^2) (floor(log2(diameter - 2)) + 1 + ln(1 / chance))``: whatever the size of the company, but in a large one even an
    error of .001 tells only a handful of people apart (section 2.2).

    References
    ----------
    Riondato & Kornaropoulos (2016), doi:10.1007/s10618-015-0423-0
    """
    return ceil(0.5 / error**2 * (floor(log2(diameter - 2)) + 1 - log(chance)))
