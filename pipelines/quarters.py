"""Calendar quarters as spans of whole weeks: a week belongs to the quarter that holds its Thursday, as in ISO 8601 years."""

import re
from dataclasses import dataclass
from datetime import date, timedelta

from ona.errors import SettingsError

WEEK = timedelta(days=7)
THURSDAY = timedelta(days=3)


@dataclass(frozen=True, order=True)
class Quarter:
    """A quarter of a calendar year."""

    year: int
    number: int

    def __str__(self) -> str:
        """Name it as 2026-Q3."""
        return f"{self.year}-Q{self.number}"

    @property
    def start(self) -> date:
        """First Monday of the quarter's weeks."""
        return _monday(date(self.year, 3 * self.number - 2, 1))

    @property
    def end(self) -> date:
        """First Monday after the quarter's weeks."""
        return self.next.start

    @property
    def weeks(self) -> int:
        """Number of whole weeks: 13, in some quarters 12 or 14."""
        return (self.end - self.start).days // 7

    @property
    def next(self) -> "Quarter":
        """Quarter that follows."""
        return Quarter(self.year + self.number // 4, self.number % 4 + 1)

    @property
    def previous(self) -> "Quarter":
        """Quarter before."""
        return Quarter(self.year - (self.number == 1), (self.number - 2) % 4 + 1)


def parse(text: str) -> Quarter:
    """Read 2026-Q3.

    Raises SettingsError for anything else.
    """
    found = re.fullmatch(r"(20\d\d)-Q([1-4])", text, re.ASCII)
    if not found:
        raise SettingsError("A quarter is written with its year, for instance 2026-Q3.")
    return Quarter(int(found[1]), int(found[2]))


def last_complete(today: date) -> Quarter:
    """Return the latest quarter whose weeks are over."""
    running = Quarter(today.year, (today.month - 1) // 3 + 1).next
    while running.end > today:
        running = running.previous
    return running


def _monday(first: date) -> date:
    """Monday of the first week whose Thursday is not before a day."""
    monday = first - timedelta(days=first.weekday())
    return monday if monday + THURSDAY >= first else monday + WEEK
