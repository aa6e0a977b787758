"""Tables as whole-number arrays by name, and the grouping and calendar arithmetic that they share."""

from collections.abc import Mapping, Sequence

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ona.ties._sorting import NONE, ordered
from ona.ties.frames import Lazy

Ints = npt.NDArray[np.int64]
Columns = Mapping[str, Ints]
"""Arrays of one length by name."""

Floats = npt.NDArray[np.float64]
Kept = npt.NDArray[np.bool_]

_MONDAY = 3


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


def starts(*keys: Ints) -> Kept:
    """Whether a row of sorted keys differs from the one before; shape (n,)."""
    new = np.zeros(keys[0].size, dtype=bool)
    new[:1] = True
    for key in keys:
        new[1:] |= key[1:] != key[:-1]
    return new


def packed(rows: Columns, names: Sequence[str]) -> Ints:
    """Return columns of numbers from 0 on as one number a row that sorts like them."""
    key = np.zeros_like(rows[names[0]])
    for name in names:
        key = key * (int(rows[name].max(initial=0)) + 1) + rows[name]
    return key


def summed(rows: Columns, key: Sequence[str], *names: str) -> dict[str, Ints]:
    """Add columns up by key, numbers from 0 on; rows come in the order of the key."""
    keys, order = ordered(packed(rows, key))
    first = np.flatnonzero(starts(keys))
    return taken({name: rows[name] for name in key}, order[first]) | {name: run_sums(rows[name][order], first) for name in names}


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
