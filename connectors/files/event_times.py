"""Times of an event table: any cell read by itself, and the common forms a whole column at once."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connectors.cells import MICROSECONDS, CellError, instant

Longs = npt.NDArray[np.int64]
Masks = npt.NDArray[np.bool_]

_NUMERIC_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}")
_EPOCH = re.compile(r"(-?\d{1,17})(?:\.(\d{0,9}))?")
_ISO_NAIVE = r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?$"
_ISO_AWARE = r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})$"


def clock(pattern: str, zone_name: str | None) -> Callable[[str], int]:
    """Return the reader of one time cell: microseconds since 1970 UTC, or CellError."""
    zone = ZoneInfo(zone_name) if zone_name else None
    if pattern == "epoch":
        return _epoch
    if pattern == "iso":
        return lambda cell: instant(_iso(cell), zone)
    return lambda cell: instant(_by_pattern(cell, pattern), zone)


def _iso(cell: str) -> datetime:
    if not cell[:4].isdigit() or len(cell) < 10:
        raise CellError("time_ambiguous" if _NUMERIC_DATE.match(cell) else "time_unreadable")
    try:
        return datetime.fromisoformat(cell.removesuffix(" UTC"))
    except ValueError:
        raise CellError("time_unreadable") from None


def _by_pattern(cell: str, pattern: str) -> datetime:
    try:
        return datetime.strptime(cell, pattern)
    except ValueError:
        raise CellError("time_unreadable") from None


def _epoch(cell: str) -> int:
    """Read seconds, milliseconds or microseconds since 1970, told apart by size; digits are never rounded through a float."""
    match = _EPOCH.fullmatch(cell)
    if match is None:
        raise CellError("time_unreadable")
    whole, decimals = int(match[1]), int((match[2] or "").ljust(6, "0")[:6] or 0)
    scale = MICROSECONDS if abs(whole) < 10**11 else 1_000 if abs(whole) < 10**14 else 1
    return whole * scale + (decimals if scale == MICROSECONDS else 0)


def quick_times(cells: pa.Array, pattern: str, zone: str | None) -> tuple[Longs, Masks]:
    """Return the times of cells in the common forms, and which cells those are; the others are left for one by one."""
    if len(cells) == 0:
        return np.empty(0, np.int64), np.empty(0, np.bool_)
    try:
        if pattern == "epoch":
            return _quick_epochs(cells)
        if pattern == "iso":
            return _quick_iso(cells, zone)
        return _quick_pattern(cells, pattern, zone)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # one cell has the form and no such time: all go one by one
        return np.zeros(len(cells), np.int64), np.zeros(len(cells), np.bool_)


def _quick_epochs(cells: pa.Array) -> tuple[Longs, Masks]:
    done = mask(pc.match_substring_regex(cells, r"^\d{1,17}$"))
    whole = pc.if_else(pa.array(done), cells, "0").cast(pa.int64()).to_numpy()
    return whole * np.where(whole < 10**11, MICROSECONDS, np.where(whole < 10**14, 1_000, 1)), done


def _quick_iso(cells: pa.Array, zone: str | None) -> tuple[Longs, Masks]:
    cells = pc.replace_substring_regex(cells, " UTC$", "")
    aware = mask(pc.match_substring_regex(cells, _ISO_AWARE))
    if aware.all():
        return cells.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy(), aware
    naive = mask(pc.match_substring_regex(cells, _ISO_NAIVE))
    if zone is None or aware.any():
        return np.zeros(len(cells), np.int64), np.zeros(len(cells), np.bool_)
    walls = pc.if_else(pa.array(naive), cells, "1970-01-01 00:00:00").cast(pa.timestamp("us"))
    return _in_zone(walls, zone, naive)


def _quick_pattern(cells: pa.Array, pattern: str, zone: str | None) -> tuple[Longs, Masks]:
    walls = pc.strptime(cells, format=pattern, unit="us", error_is_null=True)
    same = pc.equal(pc.strftime(walls.cast(pa.timestamp("s")), format=pattern), cells).fill_null(False)
    if zone is None:
        return np.zeros(len(cells), np.int64), np.zeros(len(cells), np.bool_)
    return _in_zone(walls.fill_null(0), zone, mask(same))


def _in_zone(walls: pa.Array, zone: str, done: Masks) -> tuple[Longs, Masks]:
    """Return wall times of a zone in UTC; one that a clock change skips is left, to be refused by itself."""
    moments = pc.assume_timezone(walls, zone, ambiguous="earliest", nonexistent="earliest")
    exists = mask(pc.equal(pc.local_timestamp(moments), walls))
    return moments.cast(pa.int64()).to_numpy(), done & exists


def mask(values: Any) -> Masks:
    """Return an Arrow array of truth values as a NumPy one."""
    masks: Masks = values.to_numpy(zero_copy_only=False).astype(np.bool_)
    return masks
