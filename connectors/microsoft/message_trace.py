"""Message traces of a Microsoft 365 tenant: who wrote to whom, without opening a single mailbox."""

import math
from collections.abc import Iterator
from itertools import islice

from pydantic import Field

from connectors.base import Coverage, Cursor
from connectors.cells import MICROSECONDS_A_DAY
from connectors.microsoft import login, trace
from connectors.microsoft.graph import RATES, SIGN_IN, TRACE, Connected
from connectors.network import Plan, Step
from connectors.pace import SAFETY
from connectors.pages import Page, each
from connectors.records import zulu
from connectors.rounds import twice

STREAM = "trace"
OVERLAP_DAYS = 2
"""Days read again in every pull, for mail that was still on its way."""
ROWS = 5_000
"""Of a page: the most that the service gives, for it allows few calls."""
NEWEST = 7
"""Windows whose pages a forecast counts: as many days as a week has, for a Sunday is no Monday; and as many of the older ones."""
MOST_COUNTED = 20
"""Pages of one window that a forecast looks at."""
NOT_READ = ("subjects and internet addresses", "mail that was not delivered", "mail older than 90 days")
HOW_TO = login.how_to("message_trace")
MOST_DAYS = 90
"""How far back the service remembers."""


class Config(login.Config):
    """How far back, and in which steps."""

    days: int = Field(default=90, ge=1, le=MOST_DAYS)
    hours: int = Field(default=24, ge=1, le=240)
    """Length of one window, at most ten days; the rows of one are held in memory."""


class Connector(Connected[Config]):
    """Reads message traces."""

    part = "message_trace"

    def forecast(self, cursor: Cursor) -> Plan:
        """Count the pages of the newest windows, and of some of the older ones, which are taken to be like all of them; keeps nothing."""
        try:
            windows = self._windows(cursor, int(self.around.clock.now() * 1_000_000))[::-1]
            newest, older = windows[:NEWEST], windows[NEWEST:]
            probed = older[:: max(1, math.ceil(len(older) / NEWEST))]
            pages = sum(map(self._counted, newest)) + len(older) * sum(map(self._counted, probed)) / max(1, len(probed))
            calls = round(pages) + SIGN_IN
            return Plan(0, len(windows), calls, (round(pages) - 1) * 60.0 / (RATES[TRACE] * self._config.pace * SAFETY), NOT_READ)
        finally:
            self._close()

    def steps(self, coverage: Coverage, cursor: Cursor) -> Iterator[Step]:
        """Yield the mails of one window after the other; the position moves when all of a window was given."""
        try:
            now = int(self.around.clock.now() * 1_000_000)
            reader = trace.Reader(coverage, now, self._address)
            for low, high in self._windows(cursor, now):
                rows = twice(lambda: list(each(self._pages(low, high))))  # noqa: B023  # called at once
                yield Step(tuple(reader.events(rows)), {STREAM: str(high)})
        finally:
            self._close()

    def _pages(self, low: int, high: int) -> Iterator[Page]:
        filter = f"receivedDateTime ge {zulu(low)} and receivedDateTime lt {zulu(high)}"
        return self._graph.pages(self._graph.url("admin/exchange/tracing/messageTraces", {"$filter": filter, "$top": str(ROWS)}), TRACE)

    def _counted(self, window: tuple[int, int]) -> int:
        """Return how many pages a window has; a very large one is not read to its end for that."""
        return sum(1 for _ in islice(self._pages(*window), MOST_COUNTED))

    def _windows(self, cursor: Cursor, now: int) -> list[tuple[int, int]]:
        """Return the windows from the position on, or from the first day."""
        last = cursor.streams.get(STREAM)
        start = int(last) - OVERLAP_DAYS * MICROSECONDS_A_DAY if last else now - self._config.days * MICROSECONDS_A_DAY
        step = self._config.hours * MICROSECONDS_A_DAY // 24
        return [(low, min(low + step, now)) for low in range(max(start, now - MOST_DAYS * MICROSECONDS_A_DAY), now, step)]
