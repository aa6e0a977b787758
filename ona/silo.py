"""Silos: how far contact inside units, and between each two of them, lies beyond companies dealt anew by chance."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numba import int32, int64
from numpy.typing import NDArray

from ona.compiled import READ_CODES, Codes, Ints, kernel
from ona.graph import NO_TEAM, Graph
from ona.organisation import mixing

Floats = NDArray[np.float64]

DRAWS = 20
"""Companies dealt anew that the seen one is compared with (section 6.4)."""

FIRST_SWAPS, FURTHER_SWAPS = 10, 3
"""Accepted swaps per tie before the first dealing counts (Fosdick, Larremore, Nishimura & Ugander 2018), and before each further one."""

MOST_ROUNDS = 40
"""Rounds of two proposals a tie after which dealing stops: a star has no other network of its degrees."""


@dataclass(frozen=True, eq=False)
class Silo:
    """Contact inside and between units beside what everybody's number of ties alone brings about.

    Parameters
    ----------
    units
        Code of each unit, ``(K,)``, sorted.
    ratio
        Contact between two units over what the totals of both let expect, ``(K, K)``: 1 as expected; NaN where nothing is expected.
    z
        How many standard deviations that contact lies above the mean of companies dealt anew, ``(K, K)``; NaN where dealing moves nothing.
    closed
        The same of the homophily of each unit, ``(K,)``: its silo index.
    """

    units: Ints
    ratio: Floats
    z: Floats
    closed: Floats


def silo(graph: Graph, *, draws: int = DRAWS, seed: int = 0) -> Silo:
    """Contact of each unit, and of each two, in deviations from companies in which everybody keeps the number of their ties.

    Returns
    -------
    Silo
        Shape ``(K, K)``, any number, -2 to 2 being what chance brings about; NaN without units, without contact, and where dealing anew
        changes nothing.

    Notes
    -----
    ``z_gh = (W_gh - mean(W*_gh)) / sd(W*_gh)``, W the contact between units g and h in either direction, W* the same after ties were
    swapped in pairs and weights dealt anew (null model N1). A unit's own index is the z of its homophily. Read z for whether there is
    anything to explain, the ratio for how much; 20 draws know a z to about a sixth of itself. O(draws m).

    References
    ----------
    Maslov & Sneppen (2002), doi:10.1126/science.1065103; Coleman (1958), doi:10.17730/humo.17.4.q5604m676260q8n7
    """
    contact = graph.undirected()
    weight = contact.adjacency.data
    contact = contact.with_weights(weight / (weight.max(initial=0.0) or 1.0))  # squares of very large or small weights are lost
    seen = mixing(contact)
    cells = np.array([seen.contact, *_dealt(contact, seen.units, draws, np.random.default_rng(seed))])[1:]
    closed = np.array([seen.homophily, *(replace(seen, contact=one).homophily for one in cells)])[1:]
    return Silo(
        units=seen.units,
        ratio=seen.ratio,
        z=_beyond(seen.contact, cells),
        closed=_beyond(seen.homophily, closed),
    )


def _dealt(contact: Graph, units: Ints, draws: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Yield the contact between units of graphs of the same degrees, each swapped on from the last, their weights dealt anew."""
    structure, k = contact.structure, len(units)
    sources, alters = structure.sources, structure.indices.copy()
    teams = np.full(contact.n, NO_TEAM) if contact.teams is None else contact.teams
    row = np.where(teams == NO_TEAM, k, np.searchsorted(units, teams))
    weights = contact.adjacency.data[sources < alters]
    for draw in range(draws):
        _deal((structure.indptr, sources), alters, FURTHER_SWAPS if draw else FIRST_SWAPS, rng)
        once = sources < alters
        cell = row[sources[once]] * (k + 1) + row[alters[once]]
        found = np.bincount(cell, rng.permutation(weights), (k + 1) ** 2).reshape(k + 1, k + 1)[:k, :k]
        yield np.asarray(found + found.T, dtype=np.float64)


def _deal(ties: tuple[Codes, Codes], alters: Codes, swaps: int, rng: np.random.Generator) -> None:
    """Swap the ends of ties, in place, until each was swapped so often on average; ``ties`` is where rows start and whose they are."""
    accepted = 0
    for _ in range(MOST_ROUNDS):
        if accepted >= swaps * len(alters) // 2:
            break
        accepted += int(_swaps(*ties, alters, rng.integers(0, len(alters), 2 * len(alters))))


@kernel(int64(READ_CODES, int32[::1], int64, int64))
def _place(indptr: Codes, alters: Codes, one: int, other: int) -> int:
    """Return where the tie from one to the other is stored, -1 where there is none."""
    for at in range(indptr[one], indptr[one + 1]):
        if alters[at] == other:
            return at
    return -1


@kernel(int64(READ_CODES, READ_CODES, int32[::1], int64[::1]))
def _swaps(indptr: Codes, sources: Codes, alters: Codes, proposed: Ints) -> int:
    """Turn ties a - b and c - d, proposed in pairs, into a - d and c - b, unless that makes a loop or a tie twice; return how many."""
    accepted = 0
    for k in range(0, len(proposed) - 1, 2):
        one, two = proposed[k], proposed[k + 1]
        a, b, c, d = sources[one], alters[one], sources[two], alters[two]
        if a in (c, d) or b in (c, d) or _place(indptr, alters, a, d) >= 0 or _place(indptr, alters, c, b) >= 0:
            continue
        alters[one], alters[two] = d, b
        alters[_place(indptr, alters, b, a)], alters[_place(indptr, alters, d, c)] = c, a
        accepted += 1
    return accepted


def _beyond(seen: Floats, drawn: Floats) -> Floats:
    """Return how many deviations the seen value lies above those of the draws, first axis; NaN where one is undefined or nothing moves."""
    if len(drawn) < 2:
        return np.full(seen.shape, np.nan)
    known = np.isfinite(drawn).all(axis=0)
    drawn = np.where(known, drawn, 0)
    spread = drawn.std(axis=0, ddof=1)
    moves = known & (spread > 1e-9 * np.abs(drawn).max(axis=0, initial=0))
    return _divided(seen - drawn.mean(axis=0), np.where(moves, spread, 0))


def _divided(part: Floats, whole: Floats) -> Floats:
    result: Floats = np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)
    return result
