"""Sets of people who together hold the company together, or reach most of it: chosen as a set, since the best few are not the best set."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush, nsmallest

import igraph
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.special import gammaln

from ona.errors import SettingsError, TableError, TooLargeError
from ona.graph import Graph, People
from ona.metrics.harmonic import harmonic

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Gain = Callable[[int], float]

LIMIT = 5000
"""People up to whom sets are chosen by distances or breaks: every step looks at everybody."""

DRAWS = 20
"""Random sets that a chosen one is compared with."""

BLOCK = 256
"""Sources of one batch of searches; a batch holds so many rows of n."""


@dataclass(frozen=True, eq=False)
class KeySet:
    """A set of people chosen one after the other.

    Parameters
    ----------
    people
        In the order of their choice.
    value
        Of the set of the first one, of the first two, ..., ``(size,)``.
    before
        Of the empty set.
    bound
        No set of this size has a larger value; NaN where none is known.
    """

    people: People
    value: Floats
    before: float
    bound: float


@dataclass(frozen=True, eq=False)
class CoverSet:
    """People whose contacts together are as many as possible, beside what is easy to have.

    Parameters
    ----------
    people
        In the order of their choice.
    value
        Share of everybody who is the first or a contact of theirs, one of the first two or a contact of these, ..., ``(size,)``.
    covered, bound
        The last of them, and what no set of this size exceeds.
    by_degree
        The same share for the people with the most contacts.
    by_chance
        Its mean over all sets of this size.
    """

    people: People
    value: Floats
    covered: float
    bound: float
    by_degree: float
    by_chance: float


def fragmentation(graph: Graph, removed: Sequence[int] = ()) -> float:
    """Share of pairs of people without any path between them once a set of people is gone.

    Returns
    -------
    float
        In [0, 1]: 0 in one piece, 1 everybody alone; NaN when fewer than two are left.

    Notes
    -----
    ``1 - sum_c s_c (s_c - 1) / (n' (n' - 1))``, s the sizes of the parts, n' the people left. The set that breaks most is chosen one
    by one, without a guarantee. O(m) a set.

    References
    ----------
    Borgatti (2006), doi:10.1007/s10588-006-7084-x
    """
    left = _without(graph, _rows(graph, removed))
    return _apart(np.bincount(connected_components(left, directed=False)[1])) if left.shape[0] > 1 else float("nan")


def distance_fragmentation(graph: Graph, removed: Sequence[int] = ()) -> float:
    """Return one minus the mean of one over the hops between the people left, in [0, 1]; NaN when fewer than two are left. O(n m)."""
    left = _without(graph, _rows(graph, removed))
    n = left.shape[0]
    if n < 2:
        return float("nan")
    near = sum(float(_nearness(left, block).sum()) - len(block) for block in _blocks(n))
    return 1 - near / (n * (n - 1))


def reach(graph: Graph, members: Sequence[int]) -> float:
    """Mean over everybody of one over the hops to the nearest member of a set, members counting 1.

    Returns
    -------
    float
        In [0, 1]: 1 all are members or contacts of one; NaN for nobody.

    Notes
    -----
    ``sum_j 1 / max(dist(S, j), 1) / n``. The best few people are not the best set: it is chosen as a set, at least
    63 % of the best one, with a bound on what any set could have. O(m) a set.

    References
    ----------
    Borgatti (2006), doi:10.1007/s10588-006-7084-x; Nemhauser, Wolsey & Fisher (1978), doi:10.1007/BF01588971
    """
    rows = _rows(graph, members)
    if not graph.n:
        return float("nan")
    return float(_nearness(_binary(graph), rows).max(axis=0, initial=0).sum()) / graph.n


def fragmenting(graph: Graph, size: int) -> KeySet:
    """Choose whom the company could least afford to lose together: the largest :func:`fragmentation` (KPP-NEG), step by step.

    Notes
    -----
    Greedy, without a guarantee: fragmentation is not submodular. Of equal candidates the one with more alters goes first, then the
    smaller id. Only people whose leaving splits a part need a search: O(size (cut people + 1) m).

    References
    ----------
    Borgatti (2006), doi:10.1007/s10588-006-7084-x

    Raises
    ------
    SettingsError
        The size is not between one and all people but two.
    TooLargeError
        More than 5,000 people.
    """
    _check(graph, size, most=graph.n - 2)
    here, values, chosen = np.arange(graph.n), list[float](), list[int]()
    for _ in range(size):
        found, value = _most_splitting(graph, here)
        chosen, values, here = [*chosen, found], [*values, value], here[here != found]
    return KeySet(graph.people[chosen], np.array(values), fragmentation(graph), float("nan"))


def reaching(graph: Graph, size: int) -> KeySet:
    """Choose who together are nearest to everybody: the largest :func:`reach` (KPP-POS), by lazy greedy choice.

    Notes
    -----
    Reach is submodular: the set has at least 1 - 1/e of the best value (Nemhauser, Wolsey & Fisher 1978), and ``bound`` says how
    far this one is from it at most. O(n m / 512) at first, then O(m) for each look at a candidate.

    References
    ----------
    Borgatti (2006), doi:10.1007/s10588-006-7084-x; Leskovec et al. (2007), doi:10.1145/1281192.1281239

    Raises
    ------
    SettingsError
        The size is not between one and all people.
    TooLargeError
        More than 5,000 people.
    """
    _check(graph, size, most=graph.n)
    ties, nearest = _binary(graph), np.zeros(graph.n)
    first = np.nan_to_num(harmonic(graph.undirected())) * (graph.n - 1) + 1

    def gain(row: int) -> float:
        return float(np.maximum(_nearness(ties, np.array([row]))[0] - nearest, 0).sum())

    def take(row: int) -> None:
        np.maximum(nearest, _nearness(ties, np.array([row]))[0], out=nearest)

    chosen, gains, bound = lazy_greedy(first, gain, take, size)
    return KeySet(graph.people[chosen], np.cumsum(gains) / graph.n, 0.0, min(bound / graph.n, 1.0))


def cover_set(graph: Graph, size: int) -> CoverSet:
    """Choose people who together know as many as possible, themselves counted, by CELF.

    Returns
    -------
    CoverSet
        Shares in [0, 1], never NaN.

    Notes
    -----
    ``|union_{i in S} ({i} + N(i))| / n``. It is at least 1 - 1/e of the best; ``bound`` proves how near it is. In a dense company a
    random set does nearly as well: read it beside ``by_chance``. O(m) and little more.

    References
    ----------
    Leskovec et al. (2007), doi:10.1145/1281192.1281239

    Raises
    ------
    SettingsError
        The size is not between one and all people.
    """
    if not 1 <= size <= graph.n:
        raise SettingsError(f"A set of {size} among {graph.n} people. Expected at least one and at most all.")
    circles = (_binary(graph) + eye_array(graph.n, format="csr")).tocsr()
    chosen, covered, bound = cover(circles, size)
    known = len(np.unique(circles[_rows(graph, most_tied(graph, size).tolist())].indices))
    return CoverSet(
        people=graph.people[chosen],
        value=np.cumsum(_fresh(circles, chosen)) / graph.n,
        covered=covered / graph.n,
        bound=bound / graph.n,
        by_degree=known / graph.n,
        by_chance=_by_chance(np.diff(circles.indptr), size),
    )


def most_tied(graph: Graph, size: int) -> People:
    """Return the people with the most contacts, of equals the smaller id first: what is easy to have beside a set."""
    width = np.diff(graph.undirected().structure.indptr)
    return graph.people[np.lexsort((np.arange(graph.n), -width))[:size]]


def at_random(graph: Graph, size: int, measure: Callable[[Graph, Sequence[int]], float], *, draws: int = DRAWS, seed: int = 0) -> float:
    """Return the mean of :func:`reach` or :func:`fragmentation` over random sets of this size."""
    rng = np.random.default_rng(seed)
    return float(np.mean([measure(graph, rng.choice(graph.people, size, replace=False).tolist()) for _ in range(draws)]))


def cover(sets: csr_array, size: int) -> tuple[Rows, int, float]:
    """Choose rows that together hold as many columns as possible; return them, the columns, and a bound on the best choice."""
    held = np.zeros(sets.shape[1], dtype=np.bool_)

    def columns(row: int) -> Rows:
        return np.asarray(sets.indices[sets.indptr[row] : sets.indptr[row + 1]], dtype=np.int64)

    def gain(row: int) -> float:
        return float(np.count_nonzero(~held[columns(row)]))

    def take(row: int) -> None:
        held[columns(row)] = True

    chosen, _, bound = lazy_greedy(np.diff(sets.indptr).astype(np.float64), gain, take, size)
    return np.array(chosen, dtype=np.int64), int(held.sum()), min(bound, float(sets.shape[1]))


def chance_of_reach(share: float, contacts: float) -> float:
    """Return which share of a company a random share of it reaches in one step when everybody has so many contacts."""
    return float(1 - (1 - share) ** (contacts + 1))


def lazy_greedy(first: Floats, gain: Gain, take: Callable[[int], None], size: int) -> tuple[list[int], list[float], float]:
    """Take so many rows, each with the largest gain at its turn, looking again only at rows whose last known gain leads (CELF).

    Returns
    -------
    tuple
        Rows in order, their gains, and a bound on the value of any set of this size: the value reached plus the largest gains still
        known, which can only have shrunk since.
    """
    heap = [(-value, row, 0) for row, value in enumerate(first.tolist())]
    heapify(heap)
    chosen, gains, bound = list[int](), list[float](), -sum(one[0] for one in nsmallest(size, heap))
    while len(chosen) < min(size, len(first)):
        value, row, seen = heappop(heap)
        if seen == len(chosen):
            take(row)
            chosen, gains = [*chosen, row], [*gains, -value]
            bound = min(bound, sum(gains) - sum(one[0] for one in nsmallest(size, heap)))
        else:
            heappush(heap, (-gain(row), row, len(chosen)))
    return chosen, gains, bound


def _rows(graph: Graph, persons: Sequence[int]) -> Rows:
    rows = np.flatnonzero(np.isin(graph.people, np.asarray(persons, dtype=np.int64)))
    if len(rows) != len(set(persons)):
        raise TableError(f"{len(set(persons)) - len(rows)} people are not in the graph. Expected people of the graph alone.")
    return rows


def _check(graph: Graph, size: int, most: int) -> None:
    if not 1 <= size <= most:
        raise SettingsError(f"A set of {size} among {graph.n} people. Expected at least one and at most {max(most, 0)}.")
    if graph.n > LIMIT:
        raise TooLargeError(f"{graph.n} people. Sets by distances are chosen among at most {LIMIT}; use cover_set, or one division.")


def _binary(graph: Graph) -> csr_array:
    structure = graph.undirected().structure
    return csr_array((np.ones(len(structure.indices)), structure.indices, structure.indptr), shape=(graph.n, graph.n))


def _without(graph: Graph, rows: Rows) -> csr_array:
    left = np.setdiff1d(np.arange(graph.n), rows)
    return _binary(graph)[left][:, left].tocsr()


def _blocks(n: int) -> list[Rows]:
    return [np.arange(start, min(start + BLOCK, n)) for start in range(0, n, BLOCK)]


def _nearness(ties: csr_array, sources: Rows) -> Floats:
    """One over the hops from these people to everybody, 1 to themselves, 0 out of reach, ``(sources, n)``."""
    hops = dijkstra(ties, indices=sources, unweighted=True)
    return np.asarray(1 / np.maximum(hops, 1), dtype=np.float64)


def _apart(sizes: Rows) -> float:
    n = float(sizes.sum())
    return float(1 - (sizes * (sizes - 1.0)).sum() / (n * (n - 1)))


def _most_splitting(graph: Graph, here: Rows) -> tuple[int, float]:
    """Return whom to remove next among those still there, and the fragmentation without them."""
    ties = _binary(graph)[here][:, here].tocsr()
    part = connected_components(ties, directed=False)[1]
    size = np.bincount(part).astype(np.float64)
    joined = (size * (size - 1)).sum() - 2 * (size[part] - 1)  # pairs left if a part only shrinks by one
    for row in _cut_people(ties):
        others = np.delete(np.arange(len(here)), row)
        sizes = np.bincount(connected_components(ties[others][:, others], directed=False)[1])
        joined[row] = (sizes * (sizes - 1.0)).sum()
    best = np.lexsort((np.arange(len(here)), -np.diff(ties.indptr), joined))[0]
    left = len(here) - 1
    return int(here[best]), float(1 - joined[best] / (left * (left - 1)))


def _cut_people(ties: csr_array) -> list[int]:
    source = np.repeat(np.arange(ties.shape[0]), np.diff(ties.indptr))
    once = source < ties.indices
    view = igraph.Graph(n=ties.shape[0], edges=list(zip(source[once].tolist(), ties.indices[once].tolist(), strict=True)))
    return [int(row) for row in view.articulation_points()]


def _fresh(circles: csr_array, chosen: Rows) -> Rows:
    """Count whom each of these knows whom none before knows."""
    held = np.zeros(circles.shape[1], dtype=np.bool_)
    found = np.zeros(len(chosen), dtype=np.int64)
    for at, row in enumerate(chosen.tolist()):
        circle = circles.indices[circles.indptr[row] : circles.indptr[row + 1]]
        found[at] = np.count_nonzero(~held[circle])
        held[circle] = True
    return found


def _by_chance(width: Rows, size: int) -> float:
    """Mean share covered by a random set: somebody is missed when none of their circle is drawn."""
    n = len(width)
    outside = n - width.astype(np.float64)
    possible = np.maximum(outside, size)
    missed = np.exp(gammaln(possible + 1) - gammaln(possible - size + 1) - gammaln(n + 1) + gammaln(n - size + 1))
    return float(1 - np.where(outside >= size, missed, 0).mean())
