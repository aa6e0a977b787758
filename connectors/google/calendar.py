"""Calendars of a Google Workspace: a window of the past, then what changed in it and the time since."""

import json
import math
from collections.abc import Generator, Iterator, Mapping
from urllib.parse import quote

from connectors.base import Coverage, Cursor, RawEvent
from connectors.cells import MICROSECONDS_A_DAY
from connectors.google import login, meetings
from connectors.google.people import handle_of
from connectors.google.workspace import Directory, PerOwner, PerOwnerConfig
from connectors.network import Asked, Step, Whole
from connectors.pages import ResyncError
from connectors.records import zulu
from connectors.rounds import accounted, events_of, rounds

KEPT_DAYS = 28
"""Days in which deletions are looked for; older weeks have left the buffer."""

HOW_TO = login.how_to("calendar")


class Config(PerOwnerConfig):
    """Which calendars, and how far back."""


class Connector(PerOwner[Config]):
    """Reads calendars."""

    part, root = "calendar", "calendar/v3/calendars"
    not_read = ("titles, texts, places and links", "private events", "all-day events", "calendars of resources")

    def steps(self, coverage: Coverage, cursor: Cursor) -> Iterator[Step]:
        """Yield the meetings of several calendars side by side; a calendar's position moves at its end."""
        try:
            directory = Directory(self._directory, self._config.admin, self._address, coverage)
            if self._config.lists:
                directory.load()
            now = int(self.around.clock.now() * 1_000_000)

            def calendar(id: str, streams: Mapping[str, str]) -> Iterator[Step]:
                reader = meetings.Reader(coverage, now, self._address, handle_of(id, self._address) or "", directory.members)
                yield from self._calendar(id, streams.get(f"events/{id}"), reader)

            ids = directory.owners(self._config.only)
            yield from rounds(ids, calendar, Asked(coverage, "calendars"), cursor.streams, self._lanes)
        finally:
            self._close()

    def _probe(self, id: str, streams: Mapping[str, str], now: int) -> float:
        """Reckon from how much of the window the first page covers; a calendar that was read before takes a call for its changes."""
        kept = streams.get(f"events/{id}")
        start = json.loads(kept)[0] if kept else now - self._config.days * MICROSECONDS_A_DAY
        window = {"timeMin": zulu(start), "timeMax": zulu(now), "orderBy": "startTime", "fields": "nextPageToken,items(start)"}
        page = next(self._service.pages(self._path(id, window), "items", id))
        starts = [at for raw in page.items if (at := meetings.start_of(raw)) is not None]
        covered = (max(starts) - min(starts)) / max(1, now - min(starts)) if page.next and starts else 1.0
        return (1.0 if kept else 0.0) + max(1, math.ceil(1.0 / max(covered, 0.001)))

    def _calendar(self, id: str, kept: str | None, reader: meetings.Reader) -> Iterator[Step]:
        """Read what changed since the last pull and the time since; everything when the position is forgotten (410)."""
        last, token = json.loads(kept) if kept else (0, "")
        removed = reader.removed
        if token:
            try:
                token = yield from self._listed(id, {"syncToken": token}, reader, token)
            except ResyncError:
                reader.coverage.notes["sync_token_forgotten"] += 1
                token = ""
        start = last if token else reader.now - self._config.days * MICROSECONDS_A_DAY
        if token and reader.removed > removed:  # a change says that something is gone and seldom what it was
            yield self._again(id, last - KEPT_DAYS * MICROSECONDS_A_DAY, last, reader)
        first = yield from self._listed(id, {"timeMin": zulu(start), "timeMax": zulu(reader.now)}, reader, "")
        yield Step((), {f"events/{id}": json.dumps([reader.now, token or first])})

    def _again(self, id: str, start: int, end: int, reader: meetings.Reader) -> Step:
        """Return all that a calendar has of a time, as one step, so that what is missing in it can be told."""
        first = self._path(id, {"timeMin": zulu(max(start, 0)), "timeMax": zulu(end)})

        def run() -> Iterator[RawEvent]:
            for page in self._service.pages(first, "items", id):
                yield from (event for raw in page.items if (event := reader.event(raw)) is not None)

        return Step(accounted(reader, run), {}, (Whole("", max(start, 0), end, organizers=(reader.owner,)),))

    def _path(self, id: str, place: dict[str, str]) -> str:
        return self._service.path(f"{quote(id, safe='@')}/events", {**_SAME, **place})

    def _listed(self, id: str, place: dict[str, str], reader: meetings.Reader, token: str) -> Generator[Step, None, str]:
        """Yield the pages of a list and return the position that the last one names."""
        for page in self._service.pages(self._path(id, place), "items", id):
            yield Step(events_of(page, reader))
            token = page.final or token
        return token


_SAME = {"singleEvents": "true", "showDeleted": "true", "maxResults": "2500", "fields": meetings.FIELDS}
"""Parameters that have to be the same in the first call and in those for changes."""
