"""Triangles of an undirected graph, each once, and the loops over them: O(ties^1.5) time, O(ties) memory, two threads.

They are listed on ``Structure.forward``, where every tie points from fewer to more alters and has a number, its position. The
triangle u -> v, u -> w, v -> w is the row of its ties a, b, c in this order. Columns of two-column arrays: seen from the start
of the tie, seen from its end.
"""

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from numba import float64, int32, int64, void

from ona.compiled import READ_CODES, READ_FLAGS, READ_FLOATS, Codes, Flags, Floats, kernel, tuple_of
from ona.metrics._blocks import Block, even_blocks, in_threads
from ona.structure import Structure

Number = int | np.int32 | np.int64
Place = tuple[Number, int]
Triple = tuple[Number, Number, Number]
Total = TypeVar("Total", npt.NDArray[np.float64], npt.NDArray[np.int32])

TRIANGLES_PER_TIE = 4
"""Batches hold about this many triangles per tie (48 bytes); companies of 10,000 people have two to three."""

N_HALVES = 2
"""Lists of triangles that are added up apart and then together, whatever the number of threads."""


def triangles(structure: Structure) -> Iterator[Codes]:
    """Yield all triangles in batches, ``(t, 3)``, in the same order whenever asked."""
    for half in range(len(_halves(structure))):
        yield from _of_half(structure, half)


def added_up(structure: Structure, add: Callable[[Codes, Total], None], start: Callable[[int], Total]) -> Total:
    """Return the sum over all triangles.

    Parameters
    ----------
    structure
        Undirected ties.
    add
        Adds what a batch of triangles gives to a total, without the interpreter's lock.
    start
        Makes the total that each half of the triangles, 0 and 1, is added to; they are added up in the end.
    """

    def half(number: int, _: int) -> Total:
        total = start(number)
        for batch in _of_half(structure, number):
            add(batch, total)
        return total

    totals = list(in_threads(half, [(number, number) for number in range(len(_halves(structure)))]))
    for other in totals[1:]:
        _add_to(totals[0], other)
    return totals[0] if totals else start(0)


def _add_to(total: Total, other: Total) -> None:
    middle = len(total) // 2
    list(
        in_threads(
            lambda start, stop: np.add(total[start:stop], other[start:stop], out=total[start:stop]), [(0, middle), (middle, len(total))]
        )
    )


def _halves(structure: Structure) -> list[Block]:
    return structure.derived("triangle_halves", _cut)


def _cut(structure: Structure) -> list[Block]:
    """Cut the people whose triangles are listed so that both halves take about as long."""
    forward = structure.forward
    done = np.append(0, np.cumsum(np.diff(forward.indptr)[forward.indices], dtype=np.int64))[forward.indptr]
    return even_blocks(np.diff(done) + np.diff(forward.indptr), N_HALVES)


def _of_half(structure: Structure, half: int) -> Iterator[Codes]:
    """Yield the triangles of a half; the first batch, mostly the only one, is kept for graphs that share the structure."""
    start, stop = _halves(structure)[half]
    found, following = structure.derived(f"triangles_{half}", lambda structure: _batch(structure, start, stop))
    yield found
    while following < stop:
        found, following = _batch(structure, following, stop)
        yield found


def _batch(structure: Structure, first: int, stop: int) -> tuple[Codes, int]:
    forward = structure.forward
    most = TRIANGLES_PER_TIE * len(forward.indices) // N_HALVES
    return _list_triangles(forward.indptr, forward.indices, (first, stop), most)


@kernel(tuple_of(int32[:, ::1], int64)(READ_CODES, READ_CODES, tuple_of(int64, int64), int64))
def _list_triangles(indptr: Codes, indices: Codes, block: Block, most: int) -> tuple[Codes, int]:
    """List the triangles of the people of a block until there are ``most``; return them and who comes next."""
    n = len(indptr) - 1
    largest = (indptr[1:] - indptr[:-1]).max() if n else 0
    found = np.empty((most + largest * largest // 2 + 1, 3), dtype=np.int32)
    mark = np.full(n, -1, dtype=np.int32)
    count = 0
    first, stop = block
    for u in range(first, stop):
        if count > most:
            return found[:count], u
        start, end = indptr[u], indptr[u + 1]
        for b in range(start, end):
            mark[np.uint32(indices[b])] = b
        for a in range(start, end):
            v = np.uint32(indices[a])
            for c in range(indptr[v], indptr[v + np.uint32(1)]):
                b = mark[np.uint32(indices[np.uint32(c)])]  # unsigned: no test for positions from the end
                if b >= start:  # marks of earlier people are smaller
                    found[count, 0], found[count, 1], found[count, 2] = a, b, c
                    count += 1
    return found[:count], stop


@kernel(float64[:, ::1](READ_CODES, READ_CODES, READ_FLOATS))
def shares(source: Codes, target: Codes, weight: Floats) -> Floats:
    """Share of each tie in the strength of its start and of its end, ``(ties, 2)``."""
    strength = np.zeros(max(source.max(), target.max()) + 1 if len(source) else 0)
    for a in range(len(weight)):
        strength[source[a]] += weight[a]
        strength[target[a]] += weight[a]
    result = np.empty((len(weight), 2))
    for a in range(len(weight)):
        result[a, 0] = weight[a] / strength[source[a]]
        result[a, 1] = weight[a] / strength[target[a]]
    return result


@kernel(void(int32[:, ::1], float64[:, ::1], float64[:, ::1]))
def add_paths(found: Codes, p: Floats, total: Floats) -> None:
    """Add what reaches each alter through common alters, sum p_iq p_qj, to ``total``."""
    for t in range(len(found)):
        a, b, c = found[t, 0], found[t, 1], found[t, 2]
        total[a, 0] += p[b, 0] * p[c, 1]
        total[a, 1] += p[c, 0] * p[b, 1]
        total[b, 0] += p[a, 0] * p[c, 0]
        total[b, 1] += p[c, 1] * p[a, 1]
        total[c, 0] += p[a, 1] * p[b, 0]
        total[c, 1] += p[b, 1] * p[a, 0]


@kernel(float64[::1](READ_CODES, READ_CODES, float64[:, ::1], int64))
def squares_by_person(source: Codes, target: Codes, amount: Floats, n: int) -> Floats:
    """Sum over the ties of each person of the square of what the tie holds for them, ``(n,)``."""
    total = np.zeros(n)
    for a in range(len(source)):
        total[source[a]] += amount[a, 0] ** 2
        total[target[a]] += amount[a, 1] ** 2
    return total


@kernel(void(int32[:, ::1], READ_CODES, READ_CODES, float64[:, ::1], float64[:, ::1], float64[::1]))
def add_redundancy(found: Codes, source: Codes, target: Codes, p: Floats, marginal: Floats, result: Floats) -> None:
    """Add p_iq m_jq over the pairs j, q of each person's alters to ``result``.

    ``marginal`` is the weight of each tie over the largest of its start and of its end.
    """
    for t in range(len(found)):
        a, b, c = found[t, 0], found[t, 1], found[t, 2]
        u, v, w = source[a], target[a], target[b]
        result[u] += p[b, 0] * marginal[c, 0] + p[a, 0] * marginal[c, 1]
        result[v] += p[c, 0] * marginal[b, 0] + p[a, 1] * marginal[b, 1]
        result[w] += p[c, 1] * marginal[a, 0] + p[b, 1] * marginal[a, 1]


@kernel(int64(int32, int32, int32))
def _role(start: int, middle: int, end: int) -> int:
    """Return the Gould-Fernandez role: coordinator 0, itinerant 1, representative 2, gatekeeper 3, liaison 4."""
    if start == middle:
        return 0 if middle == end else 2
    if middle == end:
        return 3
    return 1 if start == end else 4


@kernel(void(float64[:, ::1], tuple_of(int32, int32, int32), READ_CODES, tuple_of(int64, int64, int64)))
def _add_closed(result: Floats, people: Triple, team: Codes, directions: Triple) -> None:
    """Add the transitive triples j -> i -> k, j -> k of one triangle to the person i; directions: 1 forth, 2 back, 3 both."""
    u, v, w = people
    uv, uw, vw = directions
    vu, wu, wv = uv >> 1, uw >> 1, vw >> 1
    result[u, _role(team[v], team[u], team[w])] += vu & uw & vw & 1
    result[u, _role(team[w], team[u], team[v])] += wu & uv & wv & 1
    result[v, _role(team[u], team[v], team[w])] += uv & vw & uw & 1
    result[v, _role(team[w], team[v], team[u])] += wv & vu & wu & 1
    result[w, _role(team[u], team[w], team[v])] += uw & wv & uv & 1
    result[w, _role(team[v], team[w], team[u])] += vw & wu & vu & 1


@kernel(void(int32[:, ::1], READ_CODES, READ_CODES, READ_FLAGS, READ_CODES, float64[:, ::1]))
def add_closed_two_paths(found: Codes, source: Codes, target: Codes, direction: Flags, team: Codes, result: Floats) -> None:
    """Add the two-paths j -> i -> k with a tie j -> k through each person i, by role; people without a team are left out."""
    for t in range(len(found)):
        a, b, c = found[t, 0], found[t, 1], found[t, 2]
        u, v, w = source[a], target[a], target[b]
        if min(team[u], team[v], team[w]) >= 0:
            directions = (np.int64(direction[a]), np.int64(direction[b]), np.int64(direction[c]))
            _add_closed(result, (u, v, w), team, directions)


@kernel(void(int32[:, ::1], tuple_of(int64, int64), tuple_of(int64, int64), tuple_of(int64, int64, int64)))
def _add_ends(ends: Codes, one: Place, other: Place, counts: Triple) -> None:
    """Add the closed two-paths through the person whom two ties share; a tie comes with the column of that person's side.

    Counts: paths that come in by the one tie, paths that come in by the other, 1 if both ties are mutual.
    """
    (a, left), (b, right), (forth, back, mutual) = one, other, counts
    ends[a, left] += forth
    ends[b, right + 1] += forth
    ends[b, right] += back
    ends[a, left + 1] += back
    ends[a, left + 2] += mutual
    ends[b, right + 2] += mutual


@kernel(void(int32[:, ::1], READ_CODES, READ_CODES, READ_FLAGS, READ_CODES, int32[:, ::1]))
def add_closed_ends(found: Codes, source: Codes, target: Codes, direction: Flags, team: Codes, ends: Codes) -> None:
    """Add, per tie, the closed two-paths through one of its people that start or end with the other one, ``(ties, 6)``.

    Through the tie's start: those that start with its end, those that end with it, and pairs of mutual ties closed anyhow; then
    the same through the tie's end. People without a team are left out.
    """
    for t in range(len(found)):
        a, b, c = np.int64(found[t, 0]), np.int64(found[t, 1]), np.int64(found[t, 2])
        if min(team[source[a]], team[target[a]], team[target[b]]) >= 0:
            uv, uw, vw = np.int64(direction[a]), np.int64(direction[b]), np.int64(direction[c])
            vu, wu, wv = uv >> 1, uw >> 1, vw >> 1
            _add_ends(ends, (a, 0), (b, 0), (vu & uw & vw & 1, wu & uv & wv & 1, uv & vu & uw & wu & 1))
            _add_ends(ends, (a, 3), (c, 0), (uv & vw & uw & 1, wv & vu & wu & 1, uv & vu & vw & wv & 1))
            _add_ends(ends, (b, 3), (c, 3), (uw & wv & uv & 1, vw & wu & vu & 1, uw & wu & vw & wv & 1))


@kernel(void(float64[::1], int64, tuple_of(int64, int64, int64), tuple_of(int64, int64, int64)))
def _add_moments(total: Floats, direction: Number, closed: Triple, people: Triple) -> None:
    """Add one alter's open two-paths to the sums of a person who has so many people before, after, and both."""
    (start, end, mutual), (before, after, both) = closed, people
    outward, inward = direction & 1, direction >> 1
    starts = inward * (after - outward) - start
    ends = outward * (before - inward) - end
    total[0] += starts
    total[1] += outward * inward * (both - 1) - mutual
    total[2] += starts * starts
    total[3] += ends * ends
    total[4] += starts * ends


@kernel(float64[:, ::1](READ_CODES, READ_CODES, READ_FLAGS, READ_CODES, int32[:, ::1]))
def moments(source: Codes, target: Codes, direction: Flags, team: Codes, ends: Codes) -> Floats:
    """Return of each person the open two-paths, those open both ways, and the sums over alters x of a^2, b^2 and a b, ``(n, 5)``.

    a counts the open two-paths that start with x, b those that end with x.
    """
    people, result = np.zeros((len(team), 3), dtype=np.int64), np.zeros((len(team), 5))
    for a in range(len(source)):
        u, v = source[a], target[a]
        if min(team[u], team[v]) >= 0:
            forth, back = direction[a] & 1, direction[a] >> 1
            people[u, 0] += back
            people[u, 1] += forth
            people[u, 2] += forth & back
            people[v, 0] += forth
            people[v, 1] += back
            people[v, 2] += forth & back
    for a in range(len(source)):
        u, v = source[a], target[a]
        if min(team[u], team[v]) >= 0:
            forth, e = np.int64(direction[a]), ends[a]
            _add_moments(result[u], forth, (e[0], e[1], e[2]), (people[u, 0], people[u, 1], people[u, 2]))
            back = (forth >> 1) | ((forth & 1) << 1)
            _add_moments(result[v], back, (e[3], e[4], e[5]), (people[v, 0], people[v, 1], people[v, 2]))
    return result
