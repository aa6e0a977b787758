"""Loops that sort and number whole columns: radix sort, order of time, codes and rows by open addressing."""

import numpy as np
from numba import int64, void

from ona.compiled import CODES, INTS, Codes, Ints, kernel, tuple_of

NONE = -(2**63)
"""Stands for a missing id."""

DIGIT = 12
"""Most bits of one pass of the radix sort."""

SHORT_RUN = 32
"""Rows up to which insertion is the fastest sort."""

_HALF = np.uint64(32)
_FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


def ordered(keys: Ints, values: Ints | None = None) -> tuple[Ints, Ints]:
    """Sort numbers from 0 on stably; return them and what belongs to them (their rows when nothing is given)."""
    values = np.arange(keys.size) if values is None else values
    bits = int(keys.max()).bit_length() if keys.size else 0
    passes = -(-bits // DIGIT)
    digit = -(-bits // max(passes, 1))
    spare = [(np.empty_like(keys), np.empty_like(values)) for _ in range(min(passes, 2))]
    for step in range(passes):
        target = spare[step % 2]
        _pass((keys, values), target, np.zeros((1 << digit) + 1, dtype=np.int64), step * digit)
        keys, values = target
    return keys, values


def by_time(at: Ints, event: Ints) -> Ints:
    """Order of events by (at, event)."""
    times, rows = ordered(at - at.min() if at.size else at)
    if _sort_runs(times, rows, event):  # many events at one time: dates without times
        first = np.append(True, times[1:] != times[:-1])
        long = np.diff(np.append(np.flatnonzero(first), times.size)) > SHORT_RUN
        tied = np.flatnonzero(long[np.cumsum(first) - 1])
        rows[tied] = rows[tied][np.lexsort((event[rows[tied]], times[tied]))]
    return rows


def codes_of(first: Ints, second: Ints) -> tuple[Codes, int]:
    """Give each distinct pair a number in the order in which they come; also return how many there are."""
    codes = np.empty(first.size, dtype=np.int32)
    return codes, _number(first, second, _slots(first.size), np.empty(2 * first.size, dtype=np.int64), codes)


def rows_of(ids: Ints, wanted: Ints) -> Codes:
    """Row of each wanted id among distinct ids, -1 where it is not there."""
    rows = np.empty(wanted.size, dtype=np.int32)
    _look_up(ids, wanted, _slots(ids.size), rows)
    return rows


def _slots(most: int) -> Codes:
    return np.full(1 << max(4, (3 * most // 2).bit_length()), -1, dtype=np.int32)


@kernel(void(tuple_of(INTS, INTS), tuple_of(INTS, INTS), INTS, int64))
def _pass(columns: tuple[Ints, Ints], target: tuple[Ints, Ints], first: Ints, shift: int) -> None:
    """Sort stably by one digit; ``first`` holds zeros, one more than there are digits."""
    keys, values = columns
    next_keys, next_values = target
    digits = len(first) - 1
    for i in range(len(keys)):
        first[((keys[i] >> shift) & (digits - 1)) + 1] += 1
    for digit in range(digits):
        first[digit + 1] += first[digit]
    for i in range(len(keys)):
        digit = (keys[i] >> shift) & (digits - 1)
        place = first[digit]
        first[digit] = place + 1
        next_keys[place] = keys[i]
        next_values[place] = values[i]


@kernel(int64(INTS, INTS, INTS))
def _sort_runs(times: Ints, rows: Ints, event: Ints) -> int:
    """Sort the rows of one time by event where they are few; return how many runs were too long for that."""
    low, size, long = 0, len(times), 0
    while low < size:
        high = low + 1
        while high < size and times[high] == times[low]:
            high += 1
        long += high - low > SHORT_RUN
        for i in range(low + 1, high if high - low <= SHORT_RUN else low):
            row, k = rows[i], i
            while k > low and event[rows[k - 1]] > event[row]:
                rows[k] = rows[k - 1]
                k -= 1
            rows[k] = row
        low = high
    return long


@kernel(int64(int64, int64, int64))
def _home(one: int, other: int, size: int) -> int:
    """Place in a table where the search for a pair begins."""
    mixed = (np.uint64(one) * _FIRST) ^ (np.uint64(other) * _SECOND)
    mixed = (mixed ^ (mixed >> _HALF)) * _FIRST
    return int((mixed >> np.uint64(20)) & np.uint64(size - 1))


@kernel(int64(INTS, INTS, CODES, INTS, CODES))
def _number(first: Ints, second: Ints, slots: Codes, seen: Ints, codes: Codes) -> int:
    """Give numbers to the pairs; ``seen`` holds the pair of code k at 2k and 2k + 1."""
    number = 0
    for i in range(len(first)):
        one, other = first[i], second[i]
        place = _home(one, other, len(slots))
        code = slots[place]
        while code >= 0 and (seen[2 * code] != one or seen[2 * code + 1] != other):
            place = (place + 1) & (len(slots) - 1)
            code = slots[place]
        if code < 0:
            code = number
            slots[place], seen[2 * code], seen[2 * code + 1] = code, one, other
            number += 1
        codes[i] = code
    return number


@kernel(void(INTS, INTS, CODES, CODES))
def _look_up(ids: Ints, wanted: Ints, slots: Codes, rows: Codes) -> None:
    for i in range(len(ids)):
        place = _home(ids[i], 0, len(slots))
        while slots[place] >= 0 and ids[slots[place]] != ids[i]:
            place = (place + 1) & (len(slots) - 1)
        slots[place] = i
    for i in range(len(wanted)):
        place = _home(wanted[i], 0, len(slots))
        while slots[place] >= 0 and ids[slots[place]] != wanted[i]:
            place = (place + 1) & (len(slots) - 1)
        rows[i] = slots[place]
