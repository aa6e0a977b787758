"""Whole-number seconds, days and weeks, of frames and of arrays."""

from datetime import date, datetime
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

HOURS = 168
"""Hours of a week."""
MONDAY_WEEK_ZERO = date(1969, 12, 29)
"""First day of week number 0."""

WEEKS_BACK = 3
"""Whole weeks before a week that its tables may look back on (28 days with the week itself); a week depends on nothing older."""

_EPOCH_DAY = date(1970, 1, 1)
_EPOCH = datetime(1970, 1, 1)
_MONDAY = 3
"""1970-01-01 was a Thursday: this many days after a Monday."""


def day_number(day: str = "day") -> nw.Expr:
    """Return days since 1970-01-01 of a date column, (n,), Int64."""
    midnight = nw.col(day).cast(nw.Datetime("us"))
    return ((midnight - nw.lit(_EPOCH)).dt.total_seconds() // 86400).cast(nw.Int64)


def seconds(sent: str = "sent") -> nw.Expr:
    """Return whole seconds since 1970-01-01 of a naive UTC time column, (n,), Int64."""
    return (nw.col(sent) - nw.lit(_EPOCH)).dt.total_seconds().cast(nw.Int64)


def week_number(number: nw.Expr) -> nw.Expr:
    """Return the number of the week, Monday first, that holds a day number."""
    return (number + _MONDAY) // 7


def week_of(day: date) -> int:
    """Return the number of the week that holds a date."""
    return ((day - _EPOCH_DAY).days + _MONDAY) // 7


def mondays(w: NDArray[np.integer[Any]]) -> pa.Array:
    """Return the Mondays of week numbers, date32."""
    return pa.array((w * 7 - _MONDAY).astype(np.int32)).cast(pa.date32())
