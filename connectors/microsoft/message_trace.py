"""Message traces of a Microsoft 365 tenant: who wrote to whom, without opening a single mailbox."""

from collections.abc import Iterator

from pydantic import Field

from connectors.base import Coverage, Cursor
from connectors.cells import MICROSECONDS_A_DAY
from connectors.microsoft import login, trace
from connectors.microsoft.graph import RATES, SIGN_IN, TRACE, Connected
from connectors.network import Plan, Step
from connectors.pace import SAFETY
from connectors.pages import each
from connectors.records import zulu
from connectors.rounds import twice

STREAM = "trace"
OVERLAP_DAYS = 2
"""Days read again in every pull, for mail that was still on its way."""
NOT_READ = ("subjects and internet addresses", "mail that was not delivered", "mail older than 90 days")
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
        """Count the windows; whether one has more than a page only reading it would tell."""
        windows = len(self._windows(cursor, int(self.around.clock.now() * 1_000_000)))
        return Plan(0, windows, windows + SIGN_IN, (windows - 1) * 60.0 / (RATES[TRACE] * self._config.pace * SAFETY), NOT_READ)

    def steps(self, coverage: Coverage, cursor: Cursor) -> Iterator[Step]:
        """Yield the mails of one window after the other; the position moves when all of a window was given."""
        try:
            now = int(self.around.clock.now() * 1_000_000)
            reader = trace.Reader(coverage, now, self._address)
            for low, high in self._windows(cursor, now):
                filter = f"receivedDateTime ge {zulu(low)} and receivedDateTime lt {zulu(high)}"
                first = self._graph.url("admin/exchange/tracing/messageTraces", {"$filter": filter, "$top": "1000"})
                rows = twice(lambda: list(each(self._graph.pages(first, TRACE))))  # noqa: B023  # called at once
                yield Step(tuple(reader.events(rows)), {STREAM: str(high)})
        finally:
            self._close()

    def _windows(self, cursor: Cursor, now: int) -> list[tuple[int, int]]:
        """Return the windows from the position on, or from the first day."""
        last = cursor.streams.get(STREAM)
        start = int(last) - OVERLAP_DAYS * MICROSECONDS_A_DAY if last else now - self._config.days * MICROSECONDS_A_DAY
        step = self._config.hours * MICROSECONDS_A_DAY // 24
        return [(low, min(low + step, now)) for low in range(max(start, now - MOST_DAYS * MICROSECONDS_A_DAY), now, step)]
