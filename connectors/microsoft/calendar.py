"""Calendars of a Microsoft 365 tenant: views of the past weeks, or deltas where the tenant prefers them."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Literal
from urllib.parse import quote

from pydantic import Field

from connectors.base import Coverage, Cursor, RawEvent
from connectors.cells import MICROSECONDS_A_DAY, CellError
from connectors.microsoft import login, meetings
from connectors.microsoft.graph import MAILBOX, PAGE, RATES, SIGN_IN, Connected
from connectors.microsoft.principals import Lists, owners
from connectors.network import PROBED, Asked, Meter, Plan, Step, Whole
from connectors.pages import Page, PartError, changes
from connectors.records import read, zulu
from connectors.rounds import accounted, events_of, rounds

NOT_READ = ("titles, texts, places and links", "private appointments", "all-day appointments", "calendars of guests")
HOW_TO = login.how_to("calendar")
KEPT_DAYS = 28
"""Days in which answers, cancellations and deletions are looked for; older weeks have left the buffer."""


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
        """Yield the meetings of several calendars side by side; a calendar's position moves when all of it was given."""
        try:
            lists = Lists(self._graph, self._config.tenant, self._address, coverage)
            lists.load()
            now = int(self.around.clock.now() * 1_000_000)
            way = self._view if self._config.way == "view" else self._deltas

            mine = owners(self._graph, self._config.group)

            def calendar(id: str, streams: Mapping[str, str]) -> Iterator[Step]:
                reader = meetings.Reader(coverage, now, self._address, lambda item: self._master(id, item), lists.members)
                reader.called_by(mine[id])
                yield from way(id, streams, reader)

            yield from rounds(list(mine), calendar, Asked(coverage, "calendars"), cursor.streams, self._lanes)
        finally:
            self._close()

    def forecast(self, cursor: Cursor) -> Plan:
        """Count the appointments of each calendar, and the series whose masters a delta has to ask for."""
        try:
            meter = Meter(self.around.clock, RATES[MAILBOX] * self._config.pace, self._lanes.overlapping)
            lists = Lists(self._graph, self._config.tenant, self._address, Coverage())
            lists.load()
            ids = list(owners(self._graph, self._config.group))
            before = self._graph.calls + SIGN_IN
            probed = [self._probe(id, cursor.streams) for id in ids[:PROBED]]
            meter.made = self._graph.calls + SIGN_IN
            return meter.plan(len(ids), probed, before, NOT_READ)
        finally:
            self._close()

    def _probe(self, id: str, streams: Mapping[str, str]) -> float:
        now = int(self.around.clock.now() * 1_000_000)
        known = streams.get(f"{self._config.way}/{id}")
        start = now - KEPT_DAYS * MICROSECONDS_A_DAY if known else self._first(now)
        window = {"startDateTime": zulu(max(start, 0)), "endDateTime": zulu(now)}
        query = {**window, "$select": "id,seriesMasterId", "$top": "1000", "$count": "true"}
        try:
            count, items = self._graph.counted(self._graph.url(f"users/{id}/calendarView", query), id)
            masters = {read(raw, meetings.Meeting).series_master_id for raw in items} - {None}
        except (PartError, CellError):
            return 1.0
        return max(1, math.ceil(count / PAGE)) + (len(masters) if self._config.way == "delta" else 0)

    def _view(self, id: str, streams: Mapping[str, str], reader: meetings.Reader) -> Iterator[Step]:
        """Read the window from some weeks before the last pull up to now; what was there then and is not any more was deleted."""
        stream, moved = f"view/{id}", {f"view/{id}": str(reader.now)}
        if stream in streams:
            yield self._again(id, int(streams[stream]) - KEPT_DAYS * MICROSECONDS_A_DAY, reader.now, reader, moved)
            return
        for page in self._pages(id, self._first(reader.now), reader.now):
            yield Step(events_of(page, reader))
        yield Step(accounted(reader, reader.rest), moved)

    def _again(self, id: str, start: int, end: int, reader: meetings.Reader, moved: Mapping[str, str]) -> Step:
        """Return all that a calendar has of a time, as one step, so that what is missing in it can be told."""

        def run() -> Iterator[RawEvent]:
            for page in self._pages(id, start, end):
                yield from (event for raw in page.items if (event := reader.event(raw)) is not None)
            yield from reader.rest()

        events = accounted(reader, run)
        return Step(events, moved, (Whole("", max(start, 0), end, organizers=tuple(sorted(reader.own))),))

    def _pages(self, id: str, start: int, end: int) -> Iterator[Page]:
        query = {"startDateTime": zulu(max(start, 0)), "endDateTime": zulu(end), "$select": meetings.SELECT, "$top": "100"}
        return self._graph.pages(self._graph.url(f"users/{id}/calendarView", query), id)

    def _deltas(self, id: str, streams: Mapping[str, str], reader: meetings.Reader) -> Iterator[Step]:
        """Follow the changes of the windows that were read before, then read the time since the last of them."""
        stream = f"delta/{id}"
        kept: list[tuple[int, int, str]] = json.loads(streams.get(stream, "[]"))
        known = [window for window in kept if window[1] >= reader.now - KEPT_DAYS * MICROSECONDS_A_DAY]
        begin = max((end for _, end, _ in kept), default=self._first(reader.now))
        moved: list[tuple[int, int, str]] = []
        for start, end, link in [*known, (begin, reader.now, "")]:
            final, removed = link, reader.removed
            for page, _ in changes(link or None, self._window(id, start, end), lambda url: self._graph.pages(url, id)):
                yield Step(events_of(page, reader))
                final = page.final or final
            yield Step(accounted(reader, reader.rest))
            if link and reader.removed > removed:  # a change says that something is gone and not what it was
                yield self._again(id, start, end, reader, {})
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
