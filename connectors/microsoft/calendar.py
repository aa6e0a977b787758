"""Calendars of a Microsoft 365 tenant: views of the past weeks, or deltas where the tenant prefers them."""

import json
from collections.abc import Iterator, Mapping
from typing import Literal
from urllib.parse import quote

from pydantic import Field

from connectors.base import Coverage, Cursor
from connectors.cells import MICROSECONDS_A_DAY, CellError
from connectors.microsoft import login, meetings
from connectors.microsoft.graph import Connected
from connectors.microsoft.principals import Lists, owners
from connectors.network import Asked, Step
from connectors.pages import PartError, changes
from connectors.records import read, zulu
from connectors.rounds import accounted, events_of, rounds

LOOK_BACK_DAYS = 14
"""Days read again in every pull: answers and cancellations come late."""
KEPT_DAYS = 28
"""Days for which changes of a delta's window are followed; older weeks have left the buffer."""


class Config(login.Config):
    """Which calendars, how far back, and in which way."""

    days: int = Field(default=90, ge=1, le=400)
    """Days read in the first pull."""
    way: Literal["view", "delta"] = "view"
    """A view can leave titles out; a delta is quicker, but titles reach this process before they are dropped."""
    group: login.Guid | None = None
    """Object id of a group whose members alone are read."""


class Connector(Connected[Config]):
    """Reads calendars."""

    part = "calendar"

    def steps(self, coverage: Coverage, cursor: Cursor) -> Iterator[Step]:
        """Yield the meetings of one calendar after the other; a calendar's position moves when all of it was given."""
        try:
            lists = Lists(self._graph, self._config.tenant, self._address, coverage)
            lists.load()
            now = int(self.around.clock.now() * 1_000_000)
            way = self._view if self._config.way == "view" else self._deltas

            def calendar(id: str, streams: Mapping[str, str]) -> Iterator[Step]:
                reader = meetings.Reader(coverage, now, self._address, lambda item: self._master(id, item), lists.members)
                yield from way(id, streams, reader)

            yield from rounds(owners(self._graph, self._config.group), calendar, Asked(coverage, "calendars"), cursor.streams)
        finally:
            self._close()

    def _view(self, id: str, streams: Mapping[str, str], reader: meetings.Reader) -> Iterator[Step]:
        """Read the window from a fortnight before the last pull up to now."""
        stream = f"view/{id}"
        start = int(streams[stream]) - LOOK_BACK_DAYS * MICROSECONDS_A_DAY if stream in streams else self._first(reader.now)
        query = {"startDateTime": zulu(max(start, 0)), "endDateTime": zulu(reader.now), "$select": meetings.SELECT, "$top": "100"}
        for page in self._graph.pages(self._graph.url(f"users/{id}/calendarView", query), id):
            yield Step(events_of(page, reader))
        yield Step(accounted(reader, reader.rest), {stream: str(reader.now)})

    def _deltas(self, id: str, streams: Mapping[str, str], reader: meetings.Reader) -> Iterator[Step]:
        """Follow the changes of the windows that were read before, then read the time since the last of them."""
        stream = f"delta/{id}"
        kept: list[tuple[int, int, str]] = json.loads(streams.get(stream, "[]"))
        known = [window for window in kept if window[1] >= reader.now - KEPT_DAYS * MICROSECONDS_A_DAY]
        begin = max((end for _, end, _ in kept), default=self._first(reader.now))
        moved: list[tuple[int, int, str]] = []
        for start, end, link in [*known, (begin, reader.now, "")]:
            final = link
            for page, _ in changes(link or None, self._window(id, start, end), lambda url: self._graph.pages(url, id)):
                yield Step(events_of(page, reader))
                final = page.final or final
            yield Step(accounted(reader, reader.rest))
            moved.append((start, end, final))
        yield Step((), {stream: json.dumps(moved)})

    def _window(self, id: str, start: int, end: int) -> str:
        return self._graph.url(f"users/{id}/calendarView/delta", {"startDateTime": zulu(start), "endDateTime": zulu(end)})

    def _first(self, now: int) -> int:
        return now - self._config.days * MICROSECONDS_A_DAY

    def _master(self, id: str, item: str) -> meetings.Meeting | None:
        try:
            url = self._graph.url(f"users/{id}/events/{quote(item, safe='')}", {"$select": meetings.SELECT})
            return read(self._graph.body(url, id), meetings.Meeting)
        except (PartError, CellError):
            return None
