"""Columns of a frame as whole-number arrays, and the sorting and calendar arithmetic that loops over them share."""

from collections.abc import Mapping, Sequence

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ona.ties._kernels import NONE
from ona.ties.calendar import MINUTES_A_DAY, WORKING_DAY
from ona.ties.frames import Lazy

Ints = npt.NDArray[np.int64]
Columns = Mapping[str, Ints]
"""Arrays of one length by name."""

Floats = npt.NDArray[np.float64]
Kept = npt.NDArray[np.bool_]

_MONDAY = 3
_OPENS = 9 * 60


def columns(frame: Lazy, *names: str) -> dict[str, Ints]:
    """Compute a frame and return some of its integer columns, nulls as ``NONE``."""
    table = frame.select(*[nw.col(name).cast(nw.Int64) for name in names]).collect("pyarrow").to_arrow()
    return {name: _filled(table[name]) for name in names}


def _filled(column: pa.ChunkedArray) -> Ints:
    whole = pc.fill_null(column, NONE) if column.null_count else column
    return np.ascontiguousarray(whole.to_numpy(), dtype=np.int64)


def taken(rows: Columns, places: Ints | Kept) -> dict[str, Ints]:
    """Return the rows at some places, or those that a mask marks."""
    return {name: column[places] for name, column in rows.items()}


def joined(parts: Sequence[Columns], names: Sequence[str]) -> dict[str, Ints]:
    """Put rows with the same columns below each other."""
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def constant(value: int, like: Ints) -> Ints:
    """Return an array of one value as long as another."""
    return np.full(like.size, value, dtype=np.int64)


def by_time(key: Ints, at: Ints, event: Ints) -> Ints:
    """Return the order by key, time and event; keys are not negative."""
    if key.size == 0:
        return np.empty(0, dtype=np.int64)
    low = int(at.min())
    span = int(at.max()) - low + 1
    if int(key.max()) >= 2**62 // span:
        return np.lexsort((event, at, key))
    packed = key * span + (at - low)
    order = np.argsort(packed)
    same = np.diff(packed[order]) == 0
    tied = np.append(False, same) | np.append(same, False)
    among = order[tied]
    order[tied] = among[np.lexsort((event[among], packed[among]))]
    return order


def starts(*keys: Ints) -> Kept:
    """Whether a row of sorted keys differs from the one before; shape (n,)."""
    new = np.zeros(keys[0].size, dtype=bool)
    new[:1] = True
    for key in keys:
        new[1:] |= key[1:] != key[:-1]
    return new


def distinct(*keys: Ints) -> Ints:
    """Return the places of one row of each combination of keys, ordered by the keys."""
    order = np.lexsort(keys[::-1])
    return order[starts(*[key[order] for key in keys])]


def summed(rows: Columns, key: Sequence[str], *names: str) -> dict[str, Ints]:
    """Add columns up by key; rows come in the order of the key."""
    ordered = taken({name: rows[name] for name in (*key, *names)}, np.lexsort([rows[name] for name in reversed(key)]))
    first = np.flatnonzero(starts(*[ordered[name] for name in key]))
    return taken({name: ordered[name] for name in key}, first) | {name: run_sums(ordered[name], first) for name in names}


def run_sums(values: Ints, first: Ints) -> Ints:
    """Return the sums of the runs that begin at ``first``."""
    return np.add.reduceat(values, first) if first.size else values[:0]


def found(wanted: Ints, known: Ints) -> Ints:
    """Return where each wanted number is in sorted, distinct numbers, -1 where it is not; shape (n,)."""
    if known.size == 0:
        return constant(-1, wanted)
    place = np.searchsorted(known, wanted).clip(max=known.size - 1)
    return np.where(known[place] == wanted, place, -1)


def rounded(value: Floats) -> Ints:
    """Nearest whole number of values that are not negative, halves up."""
    whole = np.floor(value)
    return (whole + (value - whole >= 0.5)).astype(np.int64)


def week_numbers(number: Ints) -> Ints:
    """Return the numbers of the weeks, Monday first, that hold day numbers."""
    return (number + _MONDAY) // 7


def working_minutes_at(minute: Ints) -> Ints:
    """Return working minutes passed since 1970, as ``ona.ties.calendar.working_minutes``."""
    number = minute // MINUTES_A_DAY
    of_day = np.clip(minute % MINUTES_A_DAY - _OPENS, 0, WORKING_DAY)
    weekday = (number + _MONDAY) % 7
    worked = np.where(weekday < 5, weekday * WORKING_DAY + of_day, 5 * WORKING_DAY)
    return (number + _MONDAY) // 7 * 5 * WORKING_DAY + worked


def working_day_of(number: Ints) -> Ints:
    """Return the count of working days before day numbers, as ``ona.ties.calendar.working_day``."""
    return (number + _MONDAY) // 7 * 5 + np.clip((number + _MONDAY) % 7, 0, 5)


def mondays(weeks: Ints) -> pa.Array:
    """Return the first days of week numbers as dates."""
    return pa.array((weeks * 7 - _MONDAY).astype(np.int32)).cast(pa.date32())


def in_memory(table: pa.Table) -> Lazy:
    """Return an Arrow table as a lazy frame."""
    lazy: Lazy = nw.from_native(table, eager_only=True).lazy()
    return lazy
