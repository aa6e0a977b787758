"""Triangles of an undirected graph, each once, and the loops over them: O(ties^1.5) time, O(ties) memory.

They are listed on ``Structure.forward``, where every tie points from fewer to more alters and has a number, its position. The
triangle u -> v, u -> w, v -> w is the row of its ties a, b, c in this order. Columns of two-column arrays: seen from the start
of the tie, seen from its end.
"""

from collections.abc import Iterator

import numpy as np
from numba import float64, int32, int64, void

from ona.compiled import READ_CODES, READ_FLAGS, READ_FLOATS, Codes, Flags, Floats, kernel, tuple_of
from ona.graph import Structure

Number = int | np.int32 | np.int64
Triple = tuple[Number, Number, Number]

TRIANGLES_PER_TIE = 4
"""Batches hold about this many triangles per tie (48 bytes); companies of 10,000 people have two to three."""


def triangles(structure: Structure) -> Iterator[Codes]:
    """Yield all triangles in batches, ``(t, 3)``; the first batch, mostly the only one, is kept for graphs that share the structure."""
    found, following = structure.derived("first_triangles", _first_triangles)
    yield found
    while following < structure.n:
        found, following = _batch(structure, following)
        yield found


def _first_triangles(structure: Structure) -> tuple[Codes, int]:
    return _batch(structure, 0)


def _batch(structure: Structure, first: int) -> tuple[Codes, int]:
    forward = structure.forward
    return _list_triangles(forward.indptr, forward.indices, first, TRIANGLES_PER_TIE * len(forward.indices))


@kernel(tuple_of(int32[:, ::1], int64)(READ_CODES, READ_CODES, int64, int64))
def _list_triangles(indptr: Codes, indices: Codes, first: int, most: int) -> tuple[Codes, int]:
    """List the triangles of the people from ``first`` on until there are ``most``; return them and who comes next."""
    n = len(indptr) - 1
    largest = (indptr[1:] - indptr[:-1]).max() if n else 0
    found = np.empty((most + largest * largest // 2 + 1, 3), dtype=np.int32)
    mark = np.full(n, -1, dtype=np.int32)
    count = 0
    for u in range(first, n):
        if count > most:
            return found[:count], u
        for b in range(indptr[u], indptr[u + 1]):
            mark[indices[b]] = b
        for a in range(indptr[u], indptr[u + 1]):
            v = indices[a]
            for c in range(indptr[v], indptr[v + 1]):
                b = mark[indices[c]]
                # Written always and kept if it closes (marks of earlier people are smaller): no branch to mispredict.
                found[count, 0], found[count, 1], found[count, 2] = a, b, c
                count += b >= indptr[u]
    return found[:count], n


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
