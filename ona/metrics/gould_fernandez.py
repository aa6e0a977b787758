"""Gould-Fernandez brokerage: in which of five roles a person stands between two others, and whether more often than by chance."""

import numpy as np

from ona.graph import Graph
from ona.metrics._roles import ROLES, bernoulli, brokerage_roles, dealt
from ona.metrics.base import Floats, metric

COLUMNS = (*ROLES, *(f"{role}_z_bernoulli" for role in ROLES), *(f"{role}_z_dealt" for role in ROLES))


@metric(
    family="brokerage",
    layer="relationship",
    reading="Stands between people who have no tie of their own: inside the own team, at its boundary, or between other teams.",
    columns=COLUMNS,
)
def gould_fernandez(graph: Graph) -> Floats:
    """Count the open two-paths through a person by role, beside what two kinds of chance would give.

    Returns
    -------
    Floats
        Shape ``(n, 15)``: five counts of ordered two-paths, at least 0; their z under ties at random; their z under teams dealt at
        random. NaN without a team; a z is NaN where chance leaves no choice.

    Notes
    -----
    ``sum_{j != k} a_ji a_ik (1 - a_jk)``, a = 1 where there is a tie, over the pairs of each role:
    j -> i -> k without j -> k is a coordinator's when all three are of one team, an itinerant's (consultant's) when j and k share
    another, a representative's when j and i share one, a gatekeeper's when i and k do, a liaison's when all differ. An undirected
    tie points both ways. ``z_bernoulli`` expects ties of the same density between all, as R sna does: hubs exceed it whatever they
    broker. ``z_dealt`` keeps all ties and deals the teams anew; mean and deviation over all labellings are exact. Both grow with
    the number of paths: read them beside ``boundary_brokerage``, which does not. Weights do not matter. O(m^1.5) time, O(m) memory.

    References
    ----------
    Gould & Fernandez (1989), doi:10.2307/270949
    """
    counts = brokerage_roles(graph)
    return np.concatenate([counts, bernoulli(graph).z(counts), dealt(graph).z(counts)], axis=1)
