"""Katz centrality: attention received directly and, counting less at each step, through others; a diagnostic."""

from math import ceil, log

import numpy as np

from ona.errors import SettingsError
from ona.graph import Graph
from ona.metrics._spectrum import largest_stretch
from ona.metrics.base import Floats, metric

ATTENUATION = 0.5
"""Attenuation of each step as a share of the largest that is possible."""

TOLERANCE = 1e-17


@metric(family="standing", layer="attention", reading="Attention reaches this person on many short ways.")
def katz(graph: Graph) -> Floats:
    """Sum the ways on which attention reaches a person, each step weighing half of what it may at most.

    Returns
    -------
    Floats
        Shape ``(n,)``, in (0, 1], L2 norm 1; isolates get the least, never NaN.

    Notes
    -----
    ``x = alpha A^T x + 1`` with ``alpha = .5 / sigma``, ``sigma`` the largest singular value of ``A``: the spectral radius where
    ties are undirected, never below it elsewhere, so the sum always exists. Follows in-strength closely; a diagnostic, not in any
    score. O(m) a step, about 57 steps.

    References
    ----------
    Katz (1953), doi:10.1007/BF02289026
    """
    largest = graph.adjacency.data.max(initial=0)
    unit = graph.with_weights(graph.adjacency.data / largest) if largest > 0 else graph  # very small or large weights stay in range
    stretch = largest_stretch(unit.adjacency)
    return _summed(unit, ATTENUATION / stretch if stretch > 0 else 0.0, ATTENUATION)


def katz_with(graph: Graph, alpha: float) -> Floats:
    """Return Katz centrality with an attenuation in units of one over the weights, ``(n,)``, L2 norm 1.

    Raises
    ------
    SettingsError
        The attenuation is negative, or at or above one over the largest singular value.
    """
    rate = alpha * largest_stretch(graph.adjacency)
    if not 0 <= rate < 1:
        raise SettingsError(f"The attenuation {alpha:g} is {rate:.3g} of the largest possible. Expected at least 0 and less than 1 of it.")
    return _summed(graph, alpha, rate)


def _summed(graph: Graph, alpha: float, rate: float) -> Floats:
    """Add step after step: each shrinks what is left by ``rate`` at least."""
    toward, step, total = graph.adjacency.T.tocsr(), np.ones(graph.n), np.ones(graph.n)
    for _ in range(ceil(log(TOLERANCE * (1 - rate)) / log(rate)) if rate > 0 else 0):
        step = alpha * np.asarray(toward @ step, dtype=np.float64)
        total += step
    result: Floats = total / max(float(np.linalg.norm(total)), 1.0)
    return result
