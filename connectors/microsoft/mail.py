"""Sent mail of a Microsoft 365 tenant: every sender's Sent Items, first a window of the past, then what changes."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from typing import NamedTuple
from urllib.parse import quote

from pydantic import Field

from connectors.base import Coverage, Cursor
from connectors.cells import MICROSECONDS_A_DAY, CellError
from connectors.identity import HandleError
from connectors.microsoft import login, sent
from connectors.microsoft.graph import MAILBOX, PAGE, RATES, SIGN_IN, Connected
from connectors.microsoft.principals import Lists, owners
from connectors.network import PROBED, Asked, Meter, Plan, Step
from connectors.pages import PartError, changes
from connectors.records import Raw, read, zulu
from connectors.rounds import events_of, rounds

MOST_FILTERED = 5_000
"""Mails after which a delta with a filter ends without a word; a list by windows then fills the rest."""
WINDOW_DAYS = 7
NOT_READ = ("subjects, bodies and attachments", "received mail", "drafts", "mailboxes of guests")
HOW_TO = login.how_to("mail")


class Config(login.Config):
    """Which mailboxes, and how far back."""

    since: date | None = None
    """First day to read; the last ``days`` days when it is not set."""
    days: int = Field(default=90, ge=1, le=400)
    group: login.Guid | None = None
    """Object id of a group whose members alone are read."""


class Connector(Connected[Config]):
    """Reads sent mail."""

    part = "mail"

    def steps(self, coverage: Coverage, cursor: Cursor) -> Iterator[Step]:
        """Yield a page of mails after the other, several mailboxes side by side; each with its position."""
        try:
            lists = Lists(self._graph, self._config.tenant, self._address, coverage)
            lists.load()
            now = int(self.around.clock.now() * 1_000_000)
            ids, threads = list(owners(self._graph, self._config.group)), dict[bytes, sent.Thread]()

            def mailbox(id: str, streams: Mapping[str, str]) -> Iterator[Step]:
                reader = sent.Reader(coverage, now, self._address, partial(self._headers, id), lists.members, threads)
                yield from self._mailbox(id, streams.get(f"sent/{id}"), reader)

            yield from rounds(ids, mailbox, Asked(coverage, "mailboxes"), cursor.streams, self._lanes)
        finally:
            self._close()

    def forecast(self, cursor: Cursor) -> Plan:
        """Count the mails of each mailbox, and those among them whose thread costs a call of its own."""
        try:
            meter = Meter(self.around.clock, RATES[MAILBOX] * self._config.pace, self._lanes.overlapping)
            lists = Lists(self._graph, self._config.tenant, self._address, Coverage())
            lists.load()
            ids, seen = list(owners(self._graph, self._config.group)), _Seen()
            before = self._graph.calls + SIGN_IN
            probed = [self._probe(id, _position(cursor.streams.get(f"sent/{id}")), seen) for id in ids[:PROBED]]
            meter.made = self._graph.calls + SIGN_IN
            met = len({lists.groups[one] for one in seen.addressed if one in lists.groups})
            return meter.plan(len(ids), probed, before + met, NOT_READ)
        finally:
            self._close()

    def _probe(self, id: str, position: "_Position", seen: "_Seen") -> float:
        """Return about how many calls a mailbox takes; one that was read before takes one for what has changed."""
        if position.at:
            return 1.0
        since = f"sentDateTime ge {zulu(self._since(int(self.around.clock.now() * 1_000_000)))}"
        query = {"$select": "id,conversationIndex,toRecipients,ccRecipients", "$filter": since, "$top": "1000", "$count": "true"}
        try:
            count, items = self._graph.counted(self._graph.url(f"users/{id}/mailFolders/SentItems/messages", query), id)
        except (PartError, CellError):
            return 1.0
        mails = [mail for raw in items if (mail := _readable(raw)) is not None]
        asked = seen.unknown_parents(mails, self._address) * (count / len(mails) if mails else 0.0)
        filled = math.ceil(self._config.days / WINDOW_DAYS) + count / PAGE if count >= MOST_FILTERED else 0.0
        return max(1, math.ceil(count / PAGE)) + asked + filled

    def _mailbox(self, id: str, kept: str | None, reader: sent.Reader) -> Iterator[Step]:
        """Follow the changes since the position; a round of everything that Graph may have cut is filled up at its end."""
        since, position = self._since(reader.now), _position(kept)
        filtered, final = position.whole, ""
        for page, anew in changes(position.at or None, self._delta(id, since), lambda url: self._graph.pages(url, id)):
            filtered = (filtered + len(page.items)) if anew or position.whole else 0
            if page.next:
                yield Step(events_of(page, reader), {f"sent/{id}": json.dumps([page.next, filtered])})
            else:
                yield Step(events_of(page, reader))
                final = page.final or ""
        if filtered >= MOST_FILTERED:
            reader.coverage.notes["delta_cut_filled"] += 1
            yield from self._windows(id, since, reader)
        yield Step((), {f"sent/{id}": json.dumps([final, 0])})

    def _windows(self, id: str, since: int, reader: sent.Reader) -> Iterator[Step]:
        """Yield all mails since a time by lists of a week each, which have no upper limit."""
        for start in range(since, reader.now, WINDOW_DAYS * MICROSECONDS_A_DAY):
            end = min(start + WINDOW_DAYS * MICROSECONDS_A_DAY, reader.now)
            filter = f"sentDateTime ge {zulu(start)} and sentDateTime lt {zulu(end)}"
            for page in self._graph.pages(self._url(id, "", {"$filter": filter, "$top": "100"}), id):
                yield Step(events_of(page, reader))

    def _delta(self, id: str, since: int) -> str:
        return self._url(id, "/delta", {"$filter": f"receivedDateTime ge {zulu(since)}"})

    def _url(self, id: str, tail: str, query: dict[str, str]) -> str:
        return self._graph.url(f"users/{id}/mailFolders/SentItems/messages{tail}", {"$select": sent.SELECT, **query})

    def _since(self, now: int) -> int:
        return _midnight(self._config.since) if self._config.since else (now // MICROSECONDS_A_DAY - self._config.days) * MICROSECONDS_A_DAY

    def _headers(self, id: str, item: str) -> sent.Thread:
        """Return what a mail says it answers; a mail that is gone says nothing."""
        try:
            url = self._graph.url(f"users/{id}/messages/{quote(item, safe='')}", {"$select": "internetMessageHeaders"})
            return sent.references(self._graph.body(url, id))
        except (PartError, CellError):
            return sent.ALONE


@dataclass
class _Seen:
    """What a forecast has met so far: places in threads, and who was addressed."""

    indexes: set[bytes] = field(default_factory=set)
    addressed: set[str] = field(default_factory=set)

    def unknown_parents(self, mails: Sequence[sent.Mail], address: Callable[[str], str]) -> int:
        """Return how many mails answer one that was not met."""
        found = [sent.index_of(mail) for mail in mails]
        self.indexes.update(index for index in found if index)
        for mail in mails:
            for one in (*(mail.to_recipients or ()), *(mail.cc_recipients or ())):
                with suppress(HandleError):
                    self.addressed.add(address(one.raw))
        return sum(len(index) > sent.HEAD_BYTES and index[: -sent.STEP_BYTES] not in self.indexes for index in found)


def _readable(raw: Raw) -> sent.Mail | None:
    try:
        return read(raw, sent.Mail)
    except CellError:
        return None


class _Position(NamedTuple):
    at: str = ""
    whole: int = 0
    """Mails read so far in a round of everything that was broken off."""


def _position(kept: str | None) -> _Position:
    return _Position(*json.loads(kept)) if kept else _Position()


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000
