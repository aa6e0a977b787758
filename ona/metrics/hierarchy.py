"""Hierarchy: whether a person's constraint comes from one contact or from all alike."""

import numpy as np

from ona.graph import Graph
from ona.metrics.base import Floats, metric
from ona.metrics.constraint import dependence


@metric(family="brokerage", layer="relationship", reading="What constrains this person is concentrated in one contact.")
def hierarchy(graph: Graph) -> Floats:
    """Burt's hierarchy: the inequality (Coleman-Theil) of constraint over a person's alters.

    Returns
    -------
    Floats
        Shape ``(n,)``, in [0, 1], 0 = every alter constrains alike; NaN with fewer than two alters.

    Notes
    -----
    ``sum_j r_ij ln r_ij / (k_i ln k_i)`` with ``r_ij = c_ij k_i / C_i``, ``c_ij = (p_ij + sum_q p_iq p_qj)^2`` and C their sum, the
    constraint. Weights are strengths, of both directions together. O(m^1.5) time, O(m) memory.

    References
    ----------
    Burt (1992), Structural Holes, ISBN 978-0-674-84371-4
    """
    contact = graph.undirected()
    forward = contact.structure.forward
    of_tie = dependence(contact) ** 2
    ends = np.concatenate([forward.sources, forward.indices])
    constraint = np.concatenate([of_tie[:, 0], of_tie[:, 1]])
    degree = np.bincount(ends, minlength=graph.n).astype(np.float64)
    mean = np.bincount(ends, constraint, graph.n) / np.maximum(degree, 1)
    relative = constraint / mean[ends]
    inequality = np.bincount(ends, relative * np.log(relative, out=np.zeros_like(relative), where=relative > 0), graph.n)
    result = np.full(graph.n, np.nan)
    several = degree > 1
    result[forward.order[several]] = np.clip(inequality[several] / (degree[several] * np.log(degree[several])), 0, 1)
    return result
