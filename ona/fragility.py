"""What breaks when people leave: the order that hurts most, how much stays together, and whose leaving cuts departments apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ona.errors import TableError
from ona.graph import NO_TEAM, Graph, People
from ona.metrics._balls import REMOVED, influence

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

DRAWS = 20
"""Random orders that an attack is compared with."""

PAIRS = 2**21
"""Two-paths held at a time."""


@dataclass(frozen=True, eq=False)
class Fragility:
    """How a company falls apart.

    Parameters
    ----------
    attack
        Robustness against losing the most influential first, in (0, 0.5]; NaN for nobody.
    chance
        Mean robustness against losing people in random order; always shown beside it.
    molloy_reed
        Mean squared degree over mean degree: above 2 a random company has a giant part; NaN without ties.
    order
        People in the order of the attack.
    """

    attack: float
    chance: float
    molloy_reed: float
    order: People


def fragility(graph: Graph, *, draws: int = DRAWS, seed: int = 0) -> Fragility:
    """Take people away until nobody is left: the most influential first, and in random orders.

    Notes
    -----
    The attack removes whoever has the largest collective influence at that moment. O(sum of squared degrees) at best, O(draws m).

    References
    ----------
    Schneider et al. (2011), doi:10.1073/pnas.1009440108; Morone & Makse (2015), doi:10.1038/nature14604
    """
    rng, order = np.random.default_rng(seed), dismantling(graph)
    by_chance = [robustness(graph, graph.people[rng.permutation(graph.n)]) for _ in range(draws)]
    degree = np.diff(graph.undirected().structure.indptr).astype(np.float64)
    spread = float((degree**2).sum() / degree.sum()) if graph.m else float("nan")
    return Fragility(robustness(graph, order), float(np.mean(by_chance)) if draws else float("nan"), spread, order)


def dismantling(graph: Graph, length: int = 2) -> People:
    """Return people in the order of largest collective influence at each moment, then of degree, then of id.

    Notes
    -----
    Removing somebody never raises the influence of others over balls of one or two hops, so last known values are bounds, and only
    those that lead are looked at again.

    Raises
    ------
    TableError
        A length other than 1 or 2.
    """
    if length not in (1, 2):
        raise TableError(f"Influence over {length} hops can grow when people leave. Expected a length of 1 or 2.")
    structure, alters = graph.undirected().structure, _alters(graph)
    excess = np.diff(structure.indptr) - 1.0
    scratch = np.zeros(graph.n, dtype=np.uint8), np.empty(graph.n, dtype=np.int32)

    def key(row: int) -> tuple[float, float, int]:
        return -influence((structure.indptr, structure.indices), excess, row, length, scratch), -excess[row], row

    heap, order = [key(row) for row in range(graph.n)], list[int]()
    heapify(heap)
    while heap:
        known, row = heap[0], heap[0][2]
        fresh = key(row)
        heappop(heap)
        if fresh != known:
            heappush(heap, fresh)
            continue
        order.append(row)
        excess[alters[row]] -= excess[alters[row]] != REMOVED
        excess[row] = REMOVED
    return graph.people[order]


def robustness(graph: Graph, order: Sequence[int] | People) -> float:
    """Mean share of people in the largest connected part while one after the other leaves, the best connected first.

    Returns
    -------
    float
        In (0, 0.5]: 0.5 when it holds to the end; NaN for nobody.

    Notes
    -----
    ``sum_q S(q) / n``, S the share of people in the largest part when q have left. Read beside the mean of random orders: in a
    dense company hubs are replaceable. O(m).

    References
    ----------
    Schneider et al. (2011), doi:10.1073/pnas.1009440108

    Raises
    ------
    TableError
        The order does not name everybody once.
    """
    rows = np.searchsorted(graph.people, np.asarray(order, dtype=np.int64))
    if not np.array_equal(np.sort(order), graph.people):
        raise TableError(f"An order of {len(order)} for {graph.n} people. Expected everybody once.")
    alters, parent, size = _alters(graph), np.full(graph.n, -1), np.ones(graph.n, dtype=np.int64)
    largest, total = 0, 0
    for row in rows[::-1].tolist():  # people come back one by one, and parts merge
        total += largest
        parent[row] = row
        for other in alters[row].tolist():
            if parent[other] >= 0:
                one, two = _root(parent, row), _root(parent, other)
                if one != two:
                    parent[two], size[one] = one, size[one] + size[two]
        largest = max(largest, int(size[_root(parent, row)]))
    return total / graph.n**2 if graph.n else float("nan")


def lost_pairs(graph: Graph) -> Floats:
    """Share of the pairs from two teams within two hops that would lose their only way of at most two hops if the person left.

    Returns
    -------
    Floats
        Shape ``(n,)``, in [0, 1]; NaN for everybody without two teams or such pairs.

    Notes
    -----
    ``lost_i / pairs``; the person in the middle is not an end. O(sum of squared degrees).

    References
    ----------
    Burt (2004), doi:10.1086/421787
    """
    if graph.teams is None:
        return np.full(graph.n, np.nan)
    contact, teams = graph.undirected(), graph.teams
    source, target, shape = contact.structure.sources, contact.adjacency.indices, (graph.n, graph.n)
    ties, named = (csr_array((data, target, contact.structure.indptr), shape=shape) for data in (np.ones(len(source)), source + 1.0))
    tied, lost, pairs = source.astype(np.int64) * graph.n + target, np.zeros(graph.n), 0
    for block in _blocks(ties):
        near = ties[block]
        ways, middle = (near @ ties).tocoo(), (near @ named).tocoo()
        start, end = block[ways.coords[0]], ways.coords[1]
        across = (start < end) & (teams[start] != teams[end]) & (teams[start] != NO_TEAM) & (teams[end] != NO_TEAM)
        direct = np.isin(start[across].astype(np.int64) * graph.n + end[across], tied)
        only = np.flatnonzero(across)[(ways.data[across] == 1) & ~direct]
        np.add.at(lost, middle.data[only].astype(np.int64) - 1, 1)
        pairs += int(np.count_nonzero(across)) - int(direct.sum())
    apart = (source < target) & (teams[source] != teams[target]) & (teams[source] != NO_TEAM) & (teams[target] != NO_TEAM)
    pairs += int(np.count_nonzero(apart))
    return lost / pairs if pairs else np.full(graph.n, np.nan)


def carriers(graph: Graph, share: float = 0.5) -> dict[int, int]:
    """Fewest members of each team who together carry half of its contact with other teams.

    Returns
    -------
    dict[int, int]
        People by team, at least 1; 0 where there is no such contact, never NaN.

    Notes
    -----
    ``min {|S| : sum_{i in S} x_i >= share sum_i x_i}``, x the contact of a member with other teams: the largest first. O(m + n log n).

    References
    ----------
    Avelino, Passos, Hora & Valente (2016), doi:10.1109/ICPC.2016.7503718
    """
    teams = np.full(graph.n, NO_TEAM) if graph.teams is None else graph.teams
    contact = graph.undirected()
    source, target = contact.structure.sources, contact.adjacency.indices
    outside = (teams[source] != teams[target]) & (teams[source] != NO_TEAM) & (teams[target] != NO_TEAM)
    carried = np.bincount(source[outside], contact.adjacency.data[outside], minlength=graph.n)
    return {int(team): _fewest(carried[teams == team], share) for team in np.unique(teams[teams != NO_TEAM])}


def _fewest(carried: Floats, share: float) -> int:
    largest = np.cumsum(np.sort(carried)[::-1])
    total = float(largest[-1])
    return int(np.searchsorted(largest, share * total * (1 - 1e-12)) + 1) if total > 0 else 0


def _alters(graph: Graph) -> list[NDArray[np.int32]]:
    structure = graph.undirected().structure
    return [structure.indices[start:stop] for start, stop in zip(structure.indptr[:-1], structure.indptr[1:], strict=True)]


def _root(parent: Rows, row: int) -> int:
    while parent[row] != row:
        parent[row] = parent[parent[row]]
        row = int(parent[row])
    return row


def _blocks(ties: csr_array) -> list[Rows]:
    """Cut people into runs with few enough two-paths each; somebody with more is a run alone."""
    ways = np.cumsum(ties @ np.diff(ties.indptr))
    return [np.flatnonzero(ways // PAIRS == part) for part in np.unique(ways // PAIRS)] if len(ways) else []
