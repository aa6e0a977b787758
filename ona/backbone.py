"""The ties that stand out from noise, for maps, communities and heavy measures; never for strengths."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from ona.errors import SettingsError, TableError
from ona.graph import Graph
from ona.structure import Codes

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rule = Literal["noise", "disparity", "strongest"]

LEVEL = 0.05
"""Largest alpha of the disparity filter, and false-discovery rate of the noise rule."""

MOST = 50
"""Ties per person that the rule of the strongest keeps, at least (section 1.13)."""


@dataclass(frozen=True, eq=False)
class Backbone:
    """A graph of fewer ties among the same people.

    Parameters
    ----------
    graph
        The ties that were kept, with their weights.
    ties, strength
        Share of the ties and of the weight that was kept, in [0, 1]; NaN without ties.
    """

    graph: Graph
    ties: float
    strength: float


def backbone(graph: Graph, rule: Rule, *, level: float = LEVEL, most: int = MOST) -> Backbone:
    """Keep the ties that stand out.

    Parameters
    ----------
    graph
        Any; the noise rule needs whole numbers as weights, for instance days of contact.
    rule
        noise: heavier than two people of these totals would meet by chance, false discoveries held at ``level``; disparity: a large
        part of what either end gives or receives, ``alpha < level``; strongest: among the ``most`` strongest of either end.

    Raises
    ------
    SettingsError
        The level is outside (0, 1), or ``most`` is less than one.
    TableError
        The noise rule is asked for on weights that are not whole numbers.
    """
    if not (0 < level < 1 and most >= 1):
        raise SettingsError(f"A backbone at level {level:g} with {most} ties each. Expected a level between 0 and 1, and at least one tie.")
    if rule == "strongest":
        kept = _among_strongest(graph, most)
    else:
        kept = disparity(graph) < level if rule == "disparity" else _discovered(noise(graph), graph, level)
    weight = graph.adjacency.data
    total = float(weight.sum()) if len(weight) else float("nan")
    share = float(kept.mean()) if len(kept) else float("nan")
    return Backbone(graph.with_weights(np.where(kept, weight, 0.0)), share, float(weight[kept].sum()) / total)


def disparity(graph: Graph) -> Floats:
    """Return how likely so large a share of a person's contact is when it is split at random, for each stored tie, ``(nnz,)``.

    Notes
    -----
    ``alpha_ij = (1 - w_ij / s_i)^(k_i - 1)``, the smaller of both ends; 1 from an end with one tie. Directed: of what the one gives
    and of what the other receives. Scale-free, but favours people with uneven contact. O(m).

    References
    ----------
    Serrano, Boguna & Vespignani (2009), doi:10.1073/pnas.0808904106
    """
    source, target, weight = graph.structure.sources, graph.adjacency.indices, graph.adjacency.data
    return np.minimum(_unlikely(source, weight, graph.n), _unlikely(target, weight, graph.n))


def noise(graph: Graph) -> Floats:
    """Return the chance of a count at least as large between two people of these totals, for each stored tie, ``(nnz,)``.

    Notes
    -----
    ``P(Bin(n.., n_i. n_.j / n..^2) >= n_ij)``; of an undirected tie both orders count. The score published for this model has a
    standard error that collapses where a tie is most of its ends' contact, so the tail is used. O(m).

    References
    ----------
    Coscia & Neffke (2017), doi:10.1109/ICDE.2017.100

    Raises
    ------
    TableError
        Weights are not whole numbers.
    """
    count = graph.adjacency.data
    if not np.array_equal(count, np.rint(count)):
        raise TableError("The noise rule got weights that are not whole numbers. Expected counts, for instance days; or use disparity.")
    total = count.sum()
    given, received = (np.asarray(graph.adjacency.sum(axis=axis), dtype=np.float64) for axis in (1, 0))
    chance = given[graph.structure.sources] / total * (received[graph.adjacency.indices] / total) if len(count) else count
    return np.asarray(betainc(count, total - count + 1, np.minimum(chance, 1.0)), dtype=np.float64)


def discoveries(p: Floats, rate: float) -> Bools:
    """Return which hypotheses fall when at most this share of them may be false (Benjamini & Hochberg 1995)."""
    if not len(p):
        return np.zeros(0, dtype=np.bool_)
    ordered = np.sort(p)
    below = np.flatnonzero(ordered <= rate * np.arange(1, len(p) + 1) / len(p))
    return p <= (ordered[below[-1]] if len(below) else -1.0)


def _unlikely(end: Codes, weight: Floats, n: int) -> Floats:
    ties = np.bincount(end, minlength=n)[end]
    share = weight / np.bincount(end, weight, minlength=n)[end] if len(end) else weight
    return np.asarray(np.maximum(1 - share, 0) ** (ties - 1), dtype=np.float64)  # 0 ** 0 is 1: a tie alone is no evidence


def _discovered(p: Floats, graph: Graph, rate: float) -> Bools:
    """Test each undirected tie once, though it is stored twice."""
    once = np.ones(len(p), dtype=np.bool_) if graph.directed else graph.structure.sources < graph.adjacency.indices
    found = discoveries(p[once], rate)
    return p <= (p[once][found].max() if found.any() else -1.0)


def _among_strongest(graph: Graph, most: int) -> Bools:
    weight = graph.adjacency.data
    ends = (graph.structure.sources, graph.adjacency.indices)
    kept = [weight >= _weakest_kept(end, weight, graph.n, most)[end] for end in ends]
    return np.asarray(kept[0] | kept[1], dtype=np.bool_)


def _weakest_kept(end: Codes, weight: Floats, n: int, most: int) -> Floats:
    """Weight of each person's tie number ``most``, 0 where there are fewer; equal ones all stay, whatever their order."""
    order = np.lexsort((-weight, end))
    ties = np.bincount(end, minlength=n)
    first = np.cumsum(ties) - ties
    enough = ties >= most
    result = np.zeros(n)
    result[enough] = weight[order[first[enough] + most - 1]]
    return result
