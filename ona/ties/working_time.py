"""Working time by account: the days of their own pattern without holidays and absences, 09:00 to 17:00 on their own clock."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ona.compiled import Codes, Flags, Ints, record_of

MINUTES_A_DAY = 1440
OPENS = 540
WORKING_DAY = 480
"""Working minutes of one working day; no source tells the hours of a person."""

MONDAY_TO_FRIDAY = 0b11111
_MONDAY = 3  # 1970-01-01 was a Thursday
_WEEK = 7


class WorkingTime(NamedTuple):
    """Working days of each account (one row of ``width``) before each day from the ``first`` on."""

    worked: Codes  # row after row
    first: int
    width: int

    def days(self, account: Ints | Codes, number: Ints) -> Ints:
        """Return how many working days of the accounts lie before day numbers; days beyond the table count as its ends."""
        place = np.clip(number - self.first, 0, self.width - 1)
        found: Ints = self.worked[account * np.int64(self.width) + place].astype(np.int64)
        return found

    def minutes(self, account: Ints | Codes, minute: Ints) -> Ints:
        """Return the working minutes of the accounts before minutes since 1970 on their clocks."""
        number = np.clip(minute // MINUTES_A_DAY - self.first, 0, self.width - 2)
        row = account * np.int64(self.width) + number
        before = self.worked[row].astype(np.int64)
        of_day = np.clip(minute % MINUTES_A_DAY - OPENS, 0, WORKING_DAY)
        found: Ints = before * WORKING_DAY + (self.worked[row + 1] - before) * of_day
        return found


WORKING_TIME = record_of(WorkingTime)


def working_time(work_days: Flags, days: range, away: tuple[Ints, Ints] | None = None) -> WorkingTime:
    """Lay out who works when.

    Parameters
    ----------
    work_days
        Mask of the weekdays that each account works, Monday 1; 0 for unknown, which is Monday to Friday (amendment 12).
    days
        Day numbers that are asked for.
    away
        Account and day number of every stated absence and holiday.
    """
    masks = np.where(work_days == 0, MONDAY_TO_FRIDAY, work_days).astype(np.uint8)
    weekday = (np.arange(days.start, days.stop) + _MONDAY) % _WEEK
    works: NDArray[np.bool_] = (masks[:, None] >> weekday) & 1 > 0
    if away is not None:
        within = (away[1] >= days.start) & (away[1] < days.stop)
        works[away[0][within], away[1][within] - days.start] = False
    worked = np.zeros((masks.size, len(days) + 1), dtype=np.int32)
    np.cumsum(works, axis=1, out=worked[:, 1:])
    return WorkingTime(worked.ravel(), days.start, len(days) + 1)
