"""Whole-number days, weeks and working minutes as engine-neutral expressions.

Working time is Monday to Friday, 09:00 to 17:00 on the sender's clock: the default of the method where no
pattern of the person is known, and fine enough for silences and answer windows counted in working days.
"""

from datetime import date, datetime
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

MINUTES_A_DAY = 1440
WORKING_DAY = 480
"""Working minutes of one working day."""

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
_OPENS = 9 * 60


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


def hour_of_week(second: nw.Expr) -> nw.Expr:
    """Return 0 (Monday 00 UTC) to 167 for seconds since 1970-01-01."""
    return (second // 3600 + 24 * _MONDAY) % 168


def weekday_bit(number: nw.Expr) -> nw.Expr:
    """Return 1 for Monday, 2 for Tuesday … 64 for Sunday of a day number."""
    weekday = (number + _MONDAY) % 7
    bit = nw.lit(64)
    for day in range(6):
        bit = nw.when(weekday == day).then(nw.lit(1 << day)).otherwise(bit)
    return bit


def working_minutes(minute: nw.Expr) -> nw.Expr:
    """Return working minutes passed since 1970 at a local minute count.

    Parameters
    ----------
    minute
        Minutes since 1970-01-01 00:00 on a person's own clock.
    """
    number = minute // MINUTES_A_DAY
    of_day = _bounded(minute % MINUTES_A_DAY - _OPENS, WORKING_DAY)
    weekday = (number + _MONDAY) % 7
    worked = nw.when(weekday < 5).then(weekday * WORKING_DAY + of_day).otherwise(nw.lit(5 * WORKING_DAY))
    return (number + _MONDAY) // 7 * 5 * WORKING_DAY + worked


def working_day(number: nw.Expr) -> nw.Expr:
    """Return the count of working days before a day number; Saturday and Sunday count as the next Monday."""
    return (number + _MONDAY) // 7 * 5 + _bounded((number + _MONDAY) % 7, 5)


def _bounded(value: nw.Expr, high: int) -> nw.Expr:
    capped = nw.when(value > high).then(nw.lit(high)).otherwise(value)
    return nw.when(value < 0).then(nw.lit(0)).otherwise(capped)
