"""One pass over sorted columns each: episodes of pairs, answers in threads, exposure to the asks of a space.

Loops are compiled for one signature when imported and stored on disk; each is serial, so no thread count matters.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import int64, njit, types, void

from ona.compiled import Ints
from ona.ties._kernels import NONE

Loop = TypeVar("Loop", bound=Callable[..., object])

COLUMN = int64[::1]
MATRIX = int64[:, ::1]

OPENER, STARTED, LATEST, PLAIN, DAY, AT, EVENT, ROW = 0, 1, 2, 3, 4, 5, 6, 7
SIDE, SIDES = 8, 5
FIRST, CLOCK, OFFSET, LAST, SOON = 0, 1, 2, 3, 4
"""Columns of an episode: who opened and when (working minutes), last working minute, askable by itself, first day, time, event and
row; then for either side, the lower account first, ``SIDES`` columns: first time, clock and offset, last time, last time soon."""
NEVER = 2**62


def _tuple(kind: Any, size: int) -> Any:  # numba's types have no Python type
    return types.UniTuple(kind, size)  # type: ignore[no-untyped-call]  # numba has no types


def kernel(signature: Any) -> Callable[[Loop], Loop]:
    """Compile for one signature, or load what an earlier process compiled."""

    def compiled(loop: Loop) -> Loop:
        return cast("Loop", njit(signature, cache=True, nogil=True, error_model="numpy")(loop))

    return compiled


@kernel(int64(_tuple(COLUMN, 4), COLUMN))
def cut(rows: tuple[Ints, ...], episode: Ints) -> int:
    """Give a number to the episodes of sorted rows (pair, event, clock, silence that ends an episode); return how many there are."""
    pair, event, clock, silence = rows
    count, ask = -1, 0
    for i in range(len(pair)):
        new = i == 0 or pair[i] != pair[i - 1]
        if new or (clock[i] - clock[i - 1] >= silence[i] and event[i] != ask):
            count += 1
            ask = event[i]
        episode[i] = count
    return count + 1


@kernel(void(_tuple(COLUMN, 8), COLUMN, int64, MATRIX))
def sides(rows: tuple[Ints, ...], episode: Ints, soon: int, out: Ints) -> None:
    """Fill in the episodes of rows (event, sender, upper 0 or 1, at, clock, offset, plain, day); ``soon`` is in seconds."""
    event, sender, upper, at, clock, offset, plain, day = rows
    for i in range(len(event)):
        one = out[episode[i]]
        if i == 0 or episode[i] != episode[i - 1]:
            one[:] = NEVER
            one[EVENT], one[AT], one[OPENER], one[ROW], one[PLAIN] = event[i], at[i], sender[i], i, 0
            one[STARTED], one[LATEST] = clock[i], clock[i]
            for side in (SIDE, SIDE + SIDES):
                one[side + LAST], one[side + SOON] = NONE, NONE
        if event[i] == one[EVENT]:
            one[PLAIN] = max(one[PLAIN], plain[i])
        one[LATEST] = max(one[LATEST], clock[i])
        one[DAY] = min(one[DAY], day[i])
        mine = one[SIDE + SIDES * upper[i] :]
        mine[FIRST], mine[CLOCK], mine[OFFSET] = min(mine[FIRST], at[i]), min(mine[CLOCK], clock[i]), min(mine[OFFSET], offset[i])
        mine[LAST] = max(mine[LAST], at[i])
        if at[i] - one[AT] <= soon:
            mine[SOON] = max(mine[SOON], at[i])


@kernel(int64(_tuple(COLUMN, 5), COLUMN, MATRIX))
def answered(rows: tuple[Ints, ...], first: Ints, out: Ints) -> int:
    """Find the first answer of each helper among timely replies sorted by (ask, time); return how many there are.

    Rows are (ask, helper, at, day, waited); ``out`` gets (ask, helper, first, at, day, waited), those of ask k from
    ``first[k]`` to ``first[k + 1]``.
    """
    ask, helper, at, day, waited = rows
    count, begun = 0, 0
    for i in range(len(ask)):
        if i == 0 or ask[i] != ask[i - 1]:
            begun = count
        place = begun
        while place < count and out[place, 1] != helper[i]:
            place += 1
        if place == count:
            out[count, 0], out[count, 1], out[count, 2] = ask[i], helper[i], count == begun
            out[count, 3], out[count, 4], out[count, 5] = at[i], day[i], waited[i]
            count += 1
            first[ask[i] + 1] = count
        else:
            out[place, 4], out[place, 5] = min(out[place, 4], day[i]), min(out[place, 5], waited[i])
    for k in range(1, len(first)):
        first[k] = max(first[k], first[k - 1])
    return count


@kernel(void(COLUMN, COLUMN, COLUMN, COLUMN, COLUMN))
def looked_up(ask: Ints, helper: Ints, first: Ints, helpers: Ints, place: Ints) -> None:
    """Find the answer of each (ask, helper), -1 without one; the helpers of ask k stand from ``first[k]`` to ``first[k + 1]``."""
    for i in range(len(ask)):
        place[i] = -1
        for j in range(first[ask[i]], first[ask[i] + 1]):
            if helpers[j] == helper[i]:
                place[i] = j


@kernel(void(_tuple(COLUMN, 4), _tuple(COLUMN, 3), _tuple(COLUMN, 2), int64, COLUMN))
def exposed(asked: tuple[Ints, ...], own: tuple[Ints, ...], members: tuple[Ints, ...], unit: int, exposure: Ints) -> None:
    """Spread the asks of each space and day evenly over its members at work, each one's own left out.

    Parameters
    ----------
    asked
        Per space and day: confidence of all asks, bit of the weekday, first member and the one after the last.
    own
        Sorted by space and day: its number in ``asked``, the asker's cell and the confidence of the asker's asks.
    members
        Cell in ``exposure`` and mask of the days at work.
    unit
        What one unit of confidence counts.
    exposure
        Added to.
    """
    everything, bit, begin, end = asked
    day, who, mine = own
    cell, mask = members
    low = 0
    for k in range(len(everything)):
        high = low
        while high < len(day) and day[high] == k:
            high += 1
        people = 0
        for i in range(begin[k], end[k]):
            people += (mask[i] & bit[k]) != 0
        for i in range(begin[k], end[k]):
            if people > 1 and (mask[i] & bit[k]) != 0:
                others = everything[k]
                for j in range(low, high):
                    if who[j] == cell[i]:
                        others -= mine[j]
                exposure[cell[i]] += others * unit // (people - 1)
        low = high
