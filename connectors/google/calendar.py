"""Calendars of a Google Workspace: a window of the past, then what changed in it and the time since."""

import json
from collections.abc import Generator, Iterator, Mapping
from urllib.parse import quote

from connectors.base import Coverage, Cursor
from connectors.cells import MICROSECONDS_A_DAY
from connectors.google import meetings
from connectors.google.people import handle_of
from connectors.google.workspace import Directory, PerOwner, PerOwnerConfig
from connectors.network import Asked, Step
from connectors.pages import ResyncError
from connectors.records import zulu
from connectors.rounds import events_of, rounds


class Config(PerOwnerConfig):
    """Which calendars, and how far back."""


class Connector(PerOwner[Config]):
    """Reads calendars."""

    part, root = "calendar", "calendar/v3/calendars"

    def steps(self, coverage: Coverage, cursor: Cursor) -> Iterator[Step]:
        """Yield the meetings of one calendar after the other; a calendar's position moves at its end."""
        try:
            directory = Directory(self._directory, self._config.admin, self._address, coverage)
            if self._config.lists:
                directory.load()
            now = int(self.around.clock.now() * 1_000_000)

            def calendar(id: str, streams: Mapping[str, str]) -> Iterator[Step]:
                reader = meetings.Reader(coverage, now, self._address, handle_of(id, self._address) or "", directory.members)
                yield from self._calendar(id, streams.get(f"events/{id}"), reader)

            yield from rounds(directory.owners(self._config.only), calendar, Asked(coverage, "calendars"), cursor.streams)
        finally:
            self._close()

    def _calendar(self, id: str, kept: str | None, reader: meetings.Reader) -> Iterator[Step]:
        """Read what changed since the last pull and the time since; everything when the position is forgotten (410)."""
        last, token = json.loads(kept) if kept else (0, "")
        if token:
            try:
                token = yield from self._listed(id, {"syncToken": token}, reader, token)
            except ResyncError:
                reader.coverage.notes["sync_token_forgotten"] += 1
                token = ""
        start = last if token else reader.now - self._config.days * MICROSECONDS_A_DAY
        first = yield from self._listed(id, {"timeMin": zulu(start), "timeMax": zulu(reader.now)}, reader, "")
        yield Step((), {f"events/{id}": json.dumps([reader.now, token or first])})

    def _listed(self, id: str, place: dict[str, str], reader: meetings.Reader, token: str) -> Generator[Step, None, str]:
        """Yield the pages of a list and return the position that the last one names."""
        first = self._service.path(f"{quote(id, safe='@')}/events", {**_SAME, **place})
        for page in self._service.pages(first, "items", id):
            yield Step(events_of(page, reader))
            token = page.final or token
        return token


_SAME = {"singleEvents": "true", "showDeleted": "true", "maxResults": "2500", "fields": meetings.FIELDS}
"""Parameters that have to be the same in the first call and in those for changes."""
