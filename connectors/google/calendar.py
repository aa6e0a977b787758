"""Calendars of a Google Workspace: a window of the past, then what changed in it and the time since."""

import json
from collections.abc import Generator, Iterator, Mapping
from functools import cached_property
from urllib.parse import quote

from pydantic import Field

from connectors.base import Coverage, Cursor
from connectors.google import login, meetings
from connectors.google.people import handle_of
from connectors.google.workspace import Directory, Service, directory_service
from connectors.identity import COMMON_RULES, AddressRules, address_reader
from connectors.network import Asked, Scopes, Step, Surroundings
from connectors.pages import ResyncError
from connectors.records import zulu
from connectors.rounds import events_of, rounds

MICROSECONDS_A_DAY = 86_400_000_000


class Config(login.Config):
    """Which calendars, and how far back."""

    days: int = Field(default=90, ge=1, le=400)
    """Days read in the first pull."""
    only: tuple[str, ...] = ()
    """Addresses of a pilot, whose own data alone are read; everybody's when empty."""
    lists: bool = False
    """Whether to take mailing lists apart, with admin.directory.group.member.readonly."""
    addresses: AddressRules = COMMON_RULES


class Connector:
    """Reads calendars."""

    around: Surroundings = Surroundings()

    def __init__(self, config: Config) -> None:
        """Take the settings; nothing is sent yet."""
        self._config = config
        self._address = address_reader(config.addresses)

    @cached_property
    def _login(self) -> login.Login:
        return login.Login(self._config, self.around.clock)

    @cached_property
    def _calendars(self) -> Service:
        base = f"{self._config.api}/calendar/v3/calendars"
        return Service("calendar", base, self._config, self.around, self._login, login.NEEDED["calendar"])

    @cached_property
    def _directory(self) -> Service:
        scopes = login.NEEDED["directory"] if self._config.lists else login.LISTING
        return directory_service(self._config, self.around, self._login, scopes)

    def check(self) -> Scopes:
        """Return what the sign-in may do against what is needed."""
        return login.Login(self._config, self.around.clock).scopes("calendar")

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

    def _close(self) -> None:
        """Close all connections; a later call opens new ones."""
        if (held := self.__dict__.pop("_calendars", None)) is not None:
            held.close()
        if (held := self.__dict__.pop("_directory", None)) is not None:
            held.close()

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
        first = self._calendars.path(f"{quote(id, safe='@')}/events", {**_SAME, **place})
        for page in self._calendars.pages(first, "items", id):
            yield Step(events_of(page, reader))
            token = page.final or token
        return token


_SAME = {"singleEvents": "true", "showDeleted": "true", "maxResults": "2500", "fields": meetings.FIELDS}
"""Parameters that have to be the same in the first call and in those for changes."""
