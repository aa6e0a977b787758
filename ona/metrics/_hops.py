"""Hop distances by many breadth-first searches at once: 512 sources are the bits of eight words per person, one cache line."""

import numpy as np
import numpy.typing as npt
from numba import boolean, float64, int32, int64, uint64, void

from ona.compiled import READ_CODES, Codes, Floats, kernel, tuple_of

WORDS = 8
SOURCES = 64 * WORDS
"""Sources of one search."""

CHUNK = 16  # ties between two looks at whether anything is still missing

Rows = tuple[Codes, Codes]
Bits = npt.NDArray[np.uint64]
Words = npt.NDArray[np.uint64]
Search = tuple[Bits, Bits, Bits]

READ_ROWS = tuple_of(READ_CODES, READ_CODES)
BITS = uint64[:, ::1]
SEARCH = tuple_of(BITS, BITS, BITS)


@kernel(int64(uint64))
def _ones(word: np.uint64) -> int:
    """Count the bits; compilers know this form (Warren, Hacker's Delight, 5-1)."""
    pairs = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    fours = (pairs & np.uint64(0x3333333333333333)) + ((pairs >> np.uint64(2)) & np.uint64(0x3333333333333333))
    eights = (fours + (fours >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int((eights * np.uint64(0x0101010101010101)) >> np.uint64(56))


@kernel(int64(READ_ROWS, SEARCH, int32[::1], int32[::1]))
def _push(rows: Rows, search: Search, active: Codes, touched: Codes) -> int:
    """Pass the bits of the active on along their ties; return how many people were touched."""
    indptr, indices = rows
    _, now, following = search
    count = 0
    for v in active:
        for w in indices[indptr[v] : indptr[v + 1]]:
            before = np.uint64(0)
            for k in range(WORDS):
                before |= following[w, k]
                following[w, k] |= now[v, k]
            if before == 0:
                touched[count] = w
                count += 1
    return count


@kernel(boolean(READ_ROWS, SEARCH, uint64[::1], int64))
def _collect(rows: Rows, search: Search, travels: Words, w: int) -> bool:
    """Collect the bits of the ties toward w until no bit that still travels is missing; return whether there was any tie to ask."""
    indptr, indices = rows
    seen, now, following = search
    first = indptr[w]
    while first < indptr[w + 1]:
        missing = np.uint64(0)
        for k in range(WORDS):
            missing |= travels[k] & ~(seen[w, k] | following[w, k])
        if missing == 0:
            break
        last = min(first + CHUNK, indptr[w + 1])
        for a in range(first, last):
            for k in range(WORDS):
                following[w, k] |= now[indices[a], k]
        first = last
    return bool(first > indptr[w])


@kernel(int64(READ_ROWS, SEARCH, int32[::1], int32[::1]))
def _pull(rows: Rows, search: Search, active: Codes, touched: Codes) -> int:
    """Let everybody collect the bits of the active that they miss; return how many people were touched."""
    travels = np.zeros(WORDS, dtype=np.uint64)
    for v in active:
        for k in range(WORDS):
            travels[k] |= search[1][v, k]
    count = 0
    for w in range(len(rows[0]) - 1):
        touched[count] = w
        count += _collect(rows, search, travels, w)
    return count


@kernel(int64(SEARCH, int32[::1], float64, int32[::1], float64[::1]))
def _arrive(search: Search, touched: Codes, nearness: float, active: Codes, result: Floats) -> int:
    """Keep what is new, add ``nearness`` for each new bit, and list who has any; return how many people those are."""
    seen, _, following = search
    n_active = 0
    for w in touched:
        fresh = 0
        for k in range(WORDS):
            following[w, k] &= ~seen[w, k]
            seen[w, k] |= following[w, k]
            fresh += _ones(following[w, k])
        if fresh:
            result[w] += fresh * nearness
            active[n_active] = w
            n_active += 1
    return n_active


@kernel(void(READ_ROWS, READ_ROWS, int64, SEARCH, int32[::1], float64[::1]))
def _search(out: Rows, into: Rows, limit: int, search: Search, active: Codes, result: Floats) -> None:
    """Let the bits of the active travel, at most ``limit`` steps."""
    seen, now, following = search
    listed, touched = np.empty(len(seen), dtype=np.int32), np.empty(len(seen), dtype=np.int32)
    listed[: len(active)] = active
    n_active, step = len(active), 0
    while n_active > 0 and step < limit:
        step += 1
        active = listed[:n_active]
        n_ties = (out[0][active + 1] - out[0][active]).sum()
        if 4 * n_ties < len(out[1]):  # collecting looks at every tie, unless nothing is missing
            count = _push(out, (seen, now, following), active, touched)
        else:
            count = _pull(into, (seen, now, following), active, touched)
        now[active] = 0
        n_active = _arrive((seen, now, following), touched[:count], 1 / step, listed, result)
        now, following = following, now


@kernel(float64[::1](READ_ROWS, READ_ROWS, int64, int64, int64))
def nearness(out: Rows, into: Rows, limit: int, start: int, stop: int) -> Floats:
    """Sum over the sources from start to stop of one over the hops to each person, ``(n,)``, as far as ``limit`` hops.

    ``out`` are the rows of ties from, ``into`` those of ties toward each person.
    """
    n = len(out[0]) - 1
    result = np.zeros(n)
    seen, now, following = np.zeros((n, WORDS), np.uint64), np.zeros((n, WORDS), np.uint64), np.zeros((n, WORDS), np.uint64)
    for first in range(start, stop, SOURCES):
        seen[:], now[:], following[:] = np.uint64(0), np.uint64(0), np.uint64(0)
        sources = np.arange(first, min(first + SOURCES, stop)).astype(np.int32)
        for bit in range(len(sources)):
            now[first + bit, bit >> 6] = np.uint64(1) << np.uint64(bit & 63)
            seen[first + bit, bit >> 6] = now[first + bit, bit >> 6]
        _search(out, into, limit, (seen, now, following), sources, result)
    return result
