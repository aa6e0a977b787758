"""ExpertiseRank: asked by people who are themselves asked."""

from ona.graph import Graph
from ona.metrics.base import Floats, metric
from ona.metrics.pagerank import pagerank


@metric(family="standing", layer="ask", reading="Is asked by people whom others ask.")
def expertise_rank(graph: Graph) -> Floats:
    """PageRank on the ask layer, whose ties point from the asker to the helper.

    Returns
    -------
    Floats
        Shape ``(n,)``, a share, sums to 1; whoever is never asked gets the least, never NaN.

    Notes
    -----
    ``x = (1 - d) / n + d (P^T x + dangling / n)``, d = .85, ``p_ij`` the share of i's asks that go to j. A rare asker's single ask
    counts fully, so scores take the residual of its logarithm on the number of asks. O(m) a step.

    References
    ----------
    Zhang, Ackerman & Adamic (2007), doi:10.1145/1242572.1242603
    """
    return pagerank(graph)
