"""What chance alone would show: networks, teams and times dealt anew, and how far what was seen lies beyond them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.sparse import coo_array

from ona.graph import NO_TEAM, Graph

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SWAPS_PER_TIE = 10
"""Accepted swaps per tie after which a network counts as dealt anew (section 6.4: 10 to 20)."""

MOST_ROUNDS = 400
"""Rounds of proposals after which dealing stops: a star or a complete graph has no other network of the same degrees."""

TIMED = ("week", "day", "bin", "sent")
"""Columns of EVENTS that say when something happened."""

Null = Callable[[Graph, np.random.Generator], Graph]
Measure = Callable[[Graph], Floats]


@dataclass(frozen=True, eq=False)
class NullTest:
    """How a measure of everybody compares with the same measure under a null model, ``(n,)`` each.

    Parameters
    ----------
    observed
        The measure of the network that was seen; NaN = undefined.
    mean, spread
        Mean and standard deviation over the networks dealt anew in which the person has a value.
    p_value
        Share of networks, the seen one included, whose value is at least as large: never 0; NaN where undefined.
    """

    observed: Floats
    mean: Floats
    spread: Floats
    p_value: Floats

    @property
    def excess(self) -> Floats:
        """What chance does not explain, in units of its spread, ``(n,)``; NaN where chance moves nothing.

        Compare people by it: networks dealt anew have no closed circles, so that in them everybody connects more than in any company.
        """
        undefined = np.full(self.mean.shape, np.nan)
        found: Floats = np.divide(self.observed - self.mean, self.spread, out=undefined, where=self.spread > 0)
        return found

    def beyond(self, level: float) -> Bools:
        """Return whose value lies above chance, at this false-discovery rate."""
        return benjamini_hochberg(self.p_value, level)


def null_test(graph: Graph, measure: Measure, null: Null, n_nulls: int, seed: int) -> NullTest:
    """Hold a measure against the same measure of networks dealt anew.

    Parameters
    ----------
    graph
        The network that was seen.
    measure
        From a network to a value of each person, ``(n,)``; large = remarkable.
    null
        What chance may change, for example :func:`swapped`.
    n_nulls
        Networks to deal; p cannot fall below ``1 / (n_nulls + 1)``.
    seed
        Seed of the dealing; each network has a stream of its own.
    """
    streams = np.random.default_rng(seed).spawn(n_nulls)
    drawn = np.stack([measure(null(graph, rng)) for rng in streams])
    observed = measure(graph)
    known = np.isfinite(drawn)
    count = known.sum(axis=0)
    safe = np.where(count > 0, count, np.nan)
    mean = np.where(known, drawn, 0).sum(axis=0) / safe
    spread = np.sqrt(np.where(known, (drawn - mean) ** 2, 0).sum(axis=0) / safe)
    return NullTest(observed, mean, spread, p_values(observed, drawn))


def p_values(observed: Floats, drawn: Floats) -> Floats:
    """Return the chance of a value at least so large under the null, ``(n,)`` from ``(n,)`` and ``(R, n)``.

    Returns
    -------
    Floats
        ``(b + 1) / (R + 1)`` with ``b`` of ``R`` draws at least as large, in (0, 1]; NaN where the value or every draw is undefined.

    References
    ----------
    Phipson & Smyth (2010), doi:10.2202/1544-6115.1585
    """
    known = np.isfinite(drawn)
    rounding = 1e-12 * np.maximum(np.abs(observed), 1e-300)
    as_large = (np.where(known, drawn, -np.inf) >= observed - rounding).sum(axis=0)
    p = (as_large + 1) / (known.sum(axis=0) + 1)
    return np.where(np.isfinite(observed) & known.any(axis=0), p, np.nan)


def benjamini_hochberg(p_value: Floats, level: float) -> Bools:
    """Return which hypotheses are rejected at this false-discovery rate, ``(n,)``; NaN never is, and is no member of the family.

    References
    ----------
    Benjamini & Hochberg (1995), doi:10.1111/j.2517-6161.1995.tb02031.x
    """
    known = np.sort(p_value[np.isfinite(p_value)])
    allowed = np.flatnonzero(known <= level * np.arange(1, len(known) + 1) / max(len(known), 1))
    if not len(allowed):
        return np.zeros(p_value.shape, dtype=np.bool_)
    return np.asarray(np.nan_to_num(p_value, nan=np.inf) <= known[allowed[-1]], dtype=np.bool_)


def swapped(graph: Graph, rng: np.random.Generator) -> Graph:
    """Deal the ties anew so that everybody keeps the number of their ties (N1), to see what degree alone explains.

    Pairs of ties ``a -> b, c -> d`` become ``a -> d, c -> b`` unless that makes a loop or a tie twice. Weights stay with the
    person who gives them and are then dealt anew among that person's ties; of an undirected network among all ties.

    References
    ----------
    Maslov & Sneppen (2002), doi:10.1126/science.1065103; Fosdick, Larremore, Nishimura & Ugander (2018), doi:10.1137/16M1087175
    """
    return _swapped(graph, np.zeros(graph.n, dtype=np.int64), rng)


def swapped_within_teams(graph: Graph, rng: np.random.Generator) -> Graph:
    """Deal the ties anew inside each pair of teams (N2), to see what degree and the mixing of teams explain.

    Everybody keeps the number of their ties to each team; people without a team count as one more.
    """
    teams = np.full(graph.n, NO_TEAM) if graph.teams is None else graph.teams
    return _swapped(graph, teams.astype(np.int64) + 1, rng)


def relabelled(graph: Graph, rng: np.random.Generator) -> Graph:
    """Deal the teams anew among the people who have one, the network untouched (N3), to see what team sizes explain."""
    if graph.teams is None:
        return graph
    known = np.flatnonzero(graph.teams != NO_TEAM)
    teams = graph.teams.copy()
    teams[known] = teams[rng.permutation(known)]
    return graph.with_teams(teams)


def time_shuffled(events: pa.Table, rng: np.random.Generator) -> pa.Table:
    """Deal the times of each person's events anew inside each week (N4): volume stays, who answers whom soon does not.

    Parameters
    ----------
    events
        EVENTS; the weeks in it are those whose events are still held.
    rng
        Source of chance.

    Returns
    -------
    pa.Table
        The same events in the same order; every sender has the same times in each week, on other events.
    """
    sender, week = events.column("sender").to_numpy(), events.column("week").to_numpy().astype(np.int64)
    order = np.lexsort((events.column("event").to_numpy(), week, sender))  # the order of the rows must not matter
    dealt = order[np.lexsort((rng.random(len(order)), week[order], sender[order]))]
    source = np.empty(len(order), dtype=np.int64)
    source[order] = dealt
    for name in TIMED:
        events = events.set_column(events.schema.get_field_index(name), name, events.column(name).take(pa.array(source)))
    return events


def _swapped(graph: Graph, group: Ints, rng: np.random.Generator) -> Graph:
    one, other, weight = _ties(graph)
    directed = graph.is_directed
    accepted = 0
    for _ in range(MOST_ROUNDS):
        if accepted >= SWAPS_PER_TIE * len(one):
            break
        if not directed:
            one, other = _turned(one, other, group, rng)
        first, second = _proposed(one, other, group, rng)
        kept = _allowed(one, other, (first, second), graph.n, directed)
        first, second = first[kept], second[kept]
        other[first], other[second] = other[second], other[first]
        accepted += len(first)
    return _graph(graph, one, other, _dealt(one, weight, rng) if directed else rng.permutation(weight))


def _ties(graph: Graph) -> tuple[Ints, Ints, Floats]:
    matrix = graph.adjacency.tocoo()
    kept = slice(None) if graph.is_directed else matrix.row < matrix.col
    return matrix.row[kept].astype(np.int64), matrix.col[kept].astype(np.int64), matrix.data[kept].copy()


def _turned(one: Ints, other: Ints, group: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Give undirected ties a direction: from the smaller team to the larger code, inside a team at random."""
    turn = np.where(group[one] == group[other], rng.random(len(one)) < 0.5, group[one] > group[other])
    return np.where(turn, other, one), np.where(turn, one, other)


def _proposed(one: Ints, other: Ints, group: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Pair up ties of the same two teams at random, each tie in one pair at most."""
    block = group[one] * (int(group.max(initial=0)) + 1) + group[other]
    order = np.lexsort((rng.random(len(one)), block))
    start = np.append(True, block[order][1:] != block[order][:-1])
    place = np.arange(len(order)) - np.maximum.accumulate(np.where(start, np.arange(len(order)), 0))
    lead = np.flatnonzero(place[:-1] % 2 == 0) if len(order) > 1 else np.array([], dtype=np.int64)
    lead = lead[block[order[lead]] == block[order[lead + 1]]]
    return order[lead], order[lead + 1]


def _allowed(one: Ints, other: Ints, pairs: tuple[Ints, Ints], n: int, directed: bool) -> Bools:
    """Return which swaps make neither a loop nor a tie that is there already or that another swap makes."""
    first, second = pairs
    made = np.stack([_code(one[first], other[second], n, directed), _code(one[second], other[first], n, directed)])
    loop = (one[first] == other[second]) | (one[second] == other[first])
    there = np.isin(made, _code(one, other, n, directed)).any(axis=0)
    codes, count = np.unique(made, return_counts=True)
    twice = (count[np.searchsorted(codes, made)] > 1).any(axis=0)
    return np.asarray(~(loop | there | twice), dtype=np.bool_)


def _code(one: Ints, other: Ints, n: int, directed: bool) -> Ints:
    low, high = (one, other) if directed else (np.minimum(one, other), np.maximum(one, other))
    return np.asarray(low * n + high, dtype=np.int64)


def _dealt(one: Ints, weight: Floats, rng: np.random.Generator) -> Floats:
    """Deal the weights of each person anew among the ties that start there."""
    dealt = np.empty_like(weight)
    dealt[np.argsort(one, kind="stable")] = weight[np.lexsort((rng.random(len(one)), one))]
    return dealt


def _graph(graph: Graph, one: Ints, other: Ints, weight: Floats) -> Graph:
    if not graph.is_directed:
        one, other, weight = np.concatenate([one, other]), np.concatenate([other, one]), np.concatenate([weight, weight])
    matrix = coo_array((weight, (one, other)), shape=(graph.n, graph.n)).tocsr()
    matrix.sort_indices()
    matrix.indptr, matrix.indices = matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32)
    for array in (matrix.data, matrix.indices, matrix.indptr):
        array.flags.writeable = False
    return replace(graph, adjacency=matrix)
