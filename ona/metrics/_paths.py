"""Shortest paths from given people over tie lengths: betweenness and harmonic closeness in one pass, exact where paths tie.

Lengths are floating point, so paths of equal length in the method's sense (``1/3 + 1/3 + 1/3`` and 1) may differ in the last
digits: lengths within ``TIED`` of each other, relatively, are one length. A source costs O(ties) memory: the first parent of
each person, and a list of further parents that has room for every tie.
"""

import numpy as np
import numpy.typing as npt
from numba import boolean, float64, int32, int64, void

from ona.compiled import READ_CODES, READ_FLOATS, Codes, Floats, kernel, tuple_of

TIED = 1e-12
"""Relative difference of two path lengths that is rounding: some thousand steps of 2^-53, far below what data resolve."""

DRAWERS = 512
"""Parts of the range of distances; enough that few people share one, few enough for the fastest memory."""

Bools = npt.NDArray[np.bool_]

Ways = tuple[Codes, Codes, Floats]
Tree = tuple[Floats, Floats, Codes, Codes, Codes]
Further = tuple[Codes, Codes]
Heap = tuple[Floats, Codes]
Queue = tuple[Heap, tuple[Floats, Codes, Codes], Codes]

READ_WAYS = tuple_of(READ_CODES, READ_CODES, READ_FLOATS)
TREE = tuple_of(float64[::1], float64[::1], int32[::1], int32[::1], int32[::1])
FURTHER = tuple_of(int32[::1], int32[::1])
HEAP = tuple_of(float64[::1], int32[::1])
QUEUE = tuple_of(HEAP, tuple_of(float64[::1], int32[::1], int32[::1]), int32[::1])


@kernel(void(READ_WAYS, int64, float64, float64[::1]))
def _shorten(ways: Ways, a: int, limit: float, best: Floats) -> None:
    """Lower the ``best`` lengths, infinite where none is asked for, to those of the ways that start with tie a."""
    indptr, indices, length = ways
    for b in range(indptr[indices[a]], indptr[indices[a] + 1]):
        reach = length[a] + length[b]
        if reach >= limit:
            break
        w = indices[b]
        if reach < best[w] < np.inf:
            best[w] = reach


@kernel(boolean[::1](READ_WAYS, int64, int64))
def direct(ways: Ways, start: int, stop: int) -> Bools:
    """Whether each tie of the rows from start to stop is no longer than the best way round through one other person.

    Other ties are on no shortest path and may go. Each row is sorted by length.
    """
    indptr, indices, length = ways
    kept = np.ones(indptr[stop] - indptr[start], dtype=np.bool_)
    best = np.full(len(indptr) - 1, np.inf)
    for v in range(start, stop):
        first, last = indptr[v], indptr[v + 1]
        if last - first < 2:
            continue
        for a in range(first, last):
            best[indices[a]] = length[a]
        for a in range(first, last):
            _shorten(ways, a, length[last - 1], best)
        for a in range(first, last):
            kept[a - indptr[start]] = length[a] * (1 - TIED) <= best[indices[a]]
            best[indices[a]] = np.inf
    return kept


@kernel(void(HEAP, int64, float64, int32))
def _push(heap: Heap, size: int, key: float, person: int) -> None:
    keys, people = heap
    while size > 0:
        above = (size - 1) >> 2
        if keys[above] <= key:
            break
        keys[size], people[size] = keys[above], people[above]
        size = above
    keys[size], people[size] = key, person


@kernel(void(HEAP, int64))
def _pop(heap: Heap, size: int) -> None:
    """Take the first out of a heap in which everybody has four below; ``size`` is what remains."""
    keys, people = heap
    key, person, hole = keys[size], people[size], 0
    while 4 * hole + 1 < size:
        least = 4 * hole + 1
        for below in range(least + 1, min(least + 4, size)):
            if keys[below] < keys[least]:
                least = below
        if keys[least] >= key:
            break
        keys[hole], people[hole] = keys[least], people[least]
        hole = least
    keys[hole], people[hole] = key, person


@kernel(tuple_of(int64, int64)(QUEUE, float64[::1], int64, int64))
def _next(queue: Queue, distance: Floats, drawer: int, size: int) -> tuple[int, int]:
    """Open drawers until somebody is on the heap, whose size is returned behind the drawer's number; 0 when nobody is left.

    Those reached on a shorter way since do not count.
    """
    heap, (keys, people, following), first = queue
    while size == 0 and drawer < DRAWERS - 1:
        drawer += 1
        link = first[drawer]
        first[drawer] = -1
        while link >= 0:
            if keys[link] <= distance[people[link]]:
                _push(heap, size, keys[link], people[link])
                size += 1
            link = following[link]
    return drawer, size


@kernel(int64(READ_WAYS, int32, float64, TREE, FURTHER, QUEUE))
def _grow(ways: Ways, source: int, scale: float, tree: Tree, further: Further, queue: Queue) -> int:
    """Settle everybody in reach of the source by distance; return how many. Dijkstra with counts of shortest paths.

    Only those of the drawer that is open are sorted; the others wait in drawers, ``scale`` of them per unit of distance.
    """
    indptr, indices, length = ways
    distance, paths, parent, more, order = tree
    heap, (keys, people, following), first = queue
    distance[:] = np.inf
    distance[source], paths[source] = 0.0, 1.0
    heap[0][0], heap[1][0] = 0.0, source
    settled, n_further, n_waiting, size, drawer = 0, 0, 0, 1, 0
    while True:
        drawer, size = _next(queue, distance, drawer, size)
        if size == 0:
            return settled
        key, v = heap[0][0], heap[1][0]
        size -= 1
        _pop(heap, size)
        if key > distance[v]:
            continue  # reached on a shorter way since
        order[settled] = v
        settled += 1
        for a in range(indptr[v], indptr[v + 1]):
            w, reach = indices[a], key + length[a]
            if reach < distance[w] * (1 - TIED):
                distance[w], paths[w], parent[w], more[w] = reach, paths[v], v, -1
                place = int(min(reach * scale, DRAWERS - 1.0))
                if place == drawer:
                    _push(heap, size, reach, w)
                    size += 1
                else:
                    keys[n_waiting], people[n_waiting], following[n_waiting] = reach, w, first[place]
                    first[place] = n_waiting
                    n_waiting += 1
            elif reach <= distance[w] * (1 + TIED):
                paths[w] += paths[v]
                further[0][n_further], further[1][n_further] = more[w], v
                more[w] = n_further
                n_further += 1


@kernel(float64[:, ::1](READ_WAYS, READ_CODES, boolean[::1], int64, int64))
def from_sources(ways: Ways, sources: Codes, kept: Bools, start: int, stop: int) -> Floats:
    """Add up over some sources what passes through each person, its square, and one over the distance to each, ``(3, n)``.

    A source sends one unit to everybody in reach, divided evenly among the shortest paths. All NaN if a tie is so short beside a
    distance that its length is lost in rounding, or if there are more shortest paths than numbers (10^308). ``kept`` of
    the sources' own ties is set to whether they are shortest paths.
    """
    indptr, indices, length = ways
    n, m = len(indptr) - 1, len(indices)
    result, passing = np.zeros((3, n)), np.zeros(n)
    distance, paths, order = np.empty(n), np.empty(n), np.empty(n, dtype=np.int32)
    parent, more = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32)
    further = np.empty(m, dtype=np.int32), np.empty(m, dtype=np.int32)
    heap = np.empty(m + 1), np.empty(m + 1, dtype=np.int32)
    waiting = np.empty(m + 1), np.empty(m + 1, dtype=np.int32), np.empty(m + 1, dtype=np.int32)
    queue = heap, waiting, np.full(DRAWERS, -1, dtype=np.int32)
    shortest, scale = length.min() if m else np.inf, 1.0
    for source in sources[start:stop]:
        settled = _grow(ways, source, scale, (distance, paths, parent, more, order), further, queue)
        farthest = distance[order[settled - 1]]
        if shortest <= 4 * TIED * farthest:
            result[:] = np.nan
            return result
        scale = DRAWERS / (1.25 * farthest) if farthest > 0 else scale  # the next source sees about as far
        for a in range(indptr[source], indptr[source + 1]):
            kept[a] = length[a] * (1 - TIED) <= distance[indices[a]]
        for at in range(settled - 1, 0, -1):
            w = order[at]
            if paths[w] == np.inf:
                result[:] = np.nan
                return result
            result[0, w] += passing[w]
            result[1, w] += passing[w] ** 2
            result[2, w] += 1 / distance[w]
            share = (1 + passing[w]) / paths[w]
            passing[parent[w]] += paths[parent[w]] * share
            link = more[w]
            while link >= 0:
                v = further[1][link]
                passing[v] += paths[v] * share
                link = further[0][link]
            passing[w] = 0.0
        passing[source] = 0.0
    return result
