"""How fast and how far word travels: along the order of events, and along ties by chance."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ona.errors import SettingsError, TableError
from ona.graph import Graph

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

DRAWS = 500


def arrivals(sender: Ints, recipient: Ints, time: Floats, start: int, people: Ints) -> Floats:
    """Return when word from one person can first be with each other, by the order of events, ``(n,)``; NaN if never.

    Parameters
    ----------
    sender, recipient, time
        Of each event, in any order; what is heard at one moment can be told at the next, not at the same.
    start
        Who knows at the beginning; gets the time of the first event.
    people
        Sorted; whom the answer is about.

    Notes
    -----
    One pass over the events in order of time: a path of ties is not enough if the later step came first. O(events log events).

    References
    ----------
    Holme & Saramaki (2012), doi:10.1016/j.physrep.2012.03.001

    Raises
    ------
    TableError
        The columns differ in length, a time is NaN, or somebody in the events is not among the people.
    """
    if not len(sender) == len(recipient) == len(time) or np.isnan(time).any():
        raise TableError("Events need a sender, a recipient and a time each. Expected three full columns of one length.")
    if not np.isin(np.concatenate([sender, recipient, [start]]), people).all():
        raise TableError("Events name people who are not in the list. Expected everybody in it.")
    order = np.argsort(time, kind="stable")
    first = dict.fromkeys(people.tolist(), np.inf) | {start: -np.inf}
    for one, other, when in zip(sender[order].tolist(), recipient[order].tolist(), time[order].tolist(), strict=True):
        if first[one] < when < first[other]:
            first[other] = when
    found = np.array([first[person] for person in people.tolist()], dtype=np.float64)
    found[np.isneginf(found)] = time.min() if len(time) else 0.0
    return np.where(np.isinf(found), np.nan, found)


def spread(graph: Graph, members: Sequence[int], chance: float, *, draws: int = DRAWS, seed: int = 0) -> tuple[float, float]:
    """Return how many people word from these reaches on average when each tie passes it on with a chance, and its standard error.

    Notes
    -----
    Independent cascades along the ties of a directed graph, both ways of an undirected one; O(draws m).

    References
    ----------
    Kempe, Kleinberg & Tardos (2003), doi:10.1145/956750.956769

    Raises
    ------
    SettingsError
        The chance is outside [0, 1], or there are fewer than two draws.
    """
    if not (0 <= chance <= 1 and draws > 1):
        raise SettingsError(f"A chance of {chance:g} and {draws} draws. Expected a chance between 0 and 1 and at least two draws.")
    rng = np.random.default_rng(seed)
    reached = [reached_by(graph, members, rng.random(graph.adjacency.nnz) < chance).sum() for _ in range(draws)]
    return float(np.mean(reached)), float(np.std(reached, ddof=1) / np.sqrt(draws))


def reached_by(graph: Graph, members: Sequence[int], live: Bools) -> Bools:
    """Return whom word from these reaches when it passes the live ties alone, ``(n,)``; ``live`` is one per stored tie."""
    known = np.isin(graph.people, np.asarray(members, dtype=np.int64))
    source, target = graph.structure.sources[live], graph.adjacency.indices[live]
    fresh = known
    while fresh.any():
        heard = np.zeros(graph.n, dtype=np.bool_)
        heard[target[fresh[source]]] = True
        fresh = heard & ~known
        known = known | fresh
    return known
