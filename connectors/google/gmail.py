"""Sent mail of a Google Workspace under the metadata scope: each mailbox newest first down to a day, then what was added."""

import json
import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote

from connectors.base import Coverage, Cursor, RawEvent
from connectors.cells import MICROSECONDS_A_DAY, CellError
from connectors.google import login, rest, sent
from connectors.google.workspace import Directory, PerOwner, PerOwnerConfig
from connectors.network import Asked, Step
from connectors.pages import PageError, PartError, ResyncError
from connectors.records import M, Raw, read
from connectors.rounds import accounted, rounds

UNCOUNTED = 10
"""Pages of changes that a mailbox is taken to have when there is more than one."""

HOW_TO = login.how_to("gmail")


class Config(PerOwnerConfig):
    """Which mailboxes, and how far back."""


class Connector(PerOwner[Config]):
    """Reads sent mail."""

    part, root = "gmail", "gmail/v1/users"
    not_read = ("subjects, bodies and attachments", "received mail", "mailboxes without Gmail")

    def _host(self) -> str:
        return self._config.gmail_api

    def steps(self, coverage: Coverage, cursor: Cursor) -> Iterator[Step]:
        """Yield a page of mails after the other, several mailboxes side by side; a mailbox's position moves at its end."""
        try:
            directory = Directory(self._directory, self._config.admin, self._address, coverage)
            if self._config.lists:
                directory.load()
            now = int(self.around.clock.now() * 1_000_000)

            def mailbox(id: str, streams: Mapping[str, str]) -> Iterator[Step]:
                reader = sent.Reader(coverage, now, self._address, directory.members)
                yield from self._mailbox(id, streams.get(f"sent/{id}"), reader)

            ids = directory.owners(self._config.only)
            yield from rounds(ids, mailbox, Asked(coverage, "mailboxes"), cursor.streams, self._lanes)
        finally:
            self._close()

    def _probe(self, id: str, streams: Mapping[str, str], now: int) -> float:
        """Reckon from how far the newest page reaches back: each mail within the days asked for takes a call."""
        if kept := streams.get(f"sent/{id}"):
            query = {"startHistoryId": json.loads(kept)[1], "historyTypes": "messageAdded", "labelId": sent.SENT, "maxResults": "500"}
            page = next(self._service.pages(self._service.path(f"{_part(id)}/history", query), "history", id))
            return 1.0 + sum(len(_readable(raw, sent.Change).added) for raw in page.items) * (UNCOUNTED if page.next else 1)
        total = self._answer(id, "labels/SENT", "messagesTotal").messages_total or 0
        page = next(
            self._service.pages(self._service.path(f"{_part(id)}/messages", {"labelIds": sent.SENT, "maxResults": "500"}), "messages", id)
        )
        ids = [item for raw in page.items if (item := _readable(raw, sent.Reference).id)]
        oldest = now - self._config.days * MICROSECONDS_A_DAY
        inside = bisect_left(ids, True, key=lambda item: self._moment(id, item, now) < oldest)
        mails = float(inside)
        if page.next and ids and inside == len(ids):
            mails = min(float(total), len(ids) * (now - oldest) / max(1, now - self._moment(id, ids[-1], now)))
        return 1.0 + max(1, math.ceil(mails / max(1, len(ids)))) + mails + (inside < len(ids))

    def _moment(self, id: str, item: str, now: int) -> int:
        """Return when a mail was sent; one that cannot be read is taken as new."""
        mail = self._fetched(id, item, Coverage())
        return sent.instant_of(mail) if mail is not None and mail.internal_date else now

    def _answer(self, id: str, path: str, fields: str) -> rest.Answer:
        return rest.answer_of(self._service.body(self._service.path(f"{_part(id)}/{path}", {"fields": fields}), id))

    def _mailbox(self, id: str, kept: str | None, reader: sent.Reader) -> Iterator[Step]:
        """Follow the history since the position; one that is forgotten (404) means reading the mailbox anew."""
        position = _Position(*json.loads(kept)) if kept else None
        if position is not None and not position.page:
            try:
                yield from self._history(id, position.history, reader)
            except (PartError, ResyncError) as error:
                if isinstance(error, PartError) and error.code != "not_found":
                    raise
                reader.coverage.notes["history_forgotten"] += 1
            else:
                return
            position = None
        yield from self._whole(id, position, reader)

    def _history(self, id: str, since: str, reader: sent.Reader) -> Iterator[Step]:
        query = {"startHistoryId": since, "historyTypes": "messageAdded", "labelId": sent.SENT, "maxResults": "500"}
        last = since
        for page in self._service.pages(self._service.path(f"{_part(id)}/history", query), "history", id):
            added = [item for raw in page.items for item in _readable(raw, sent.Change).added]
            last = page.final or last
            yield Step(self._given(id, added, reader)[0])
        yield Step((), {f"sent/{id}": json.dumps(["", last])})

    def _whole(self, id: str, position: "_Position | None", reader: sent.Reader) -> Iterator[Step]:
        """Read a mailbox from its newest mail down to the first day; what comes meanwhile is in the history from before."""
        history = (
            position.history
            if position
            else read(self._service.body(self._service.path(f"{_part(id)}/profile", {}), id), rest.Answer).history_id
        )
        first = self._service.path(f"{_part(id)}/messages", {"labelIds": sent.SENT, "maxResults": "500"})
        oldest = reader.now - self._config.days * MICROSECONDS_A_DAY
        start = position.page if position and position.page else first
        for page in self._service.pages(first, "messages", id, start):
            items = [item for raw in page.items if (item := _readable(raw, sent.Reference).id)]
            events, reached = self._given(id, items, reader, oldest)
            yield Step(events, {f"sent/{id}": json.dumps([page.next, history])} if page.next and not reached else {})
            if reached:
                break
        yield Step((), {f"sent/{id}": json.dumps(["", history])})

    def _latest(self, id: str) -> str:
        """Return the position of the newest change."""
        found = self._answer(id, "profile", "historyId").history_id
        if not found:
            raise PageError("no_position", "A mailbox does not say where its history stands")
        return found

    def _given(self, id: str, items: Sequence[str], reader: sent.Reader, oldest: int = 0) -> tuple[tuple[RawEvent, ...], bool]:
        """Return the events of some mails, and whether one of them is older than the first day."""
        older: list[str] = []

        def run() -> Iterator[RawEvent]:
            for item in items:
                reader.coverage.read += 1
                if (mail := self._fetched(id, item, reader.coverage)) is None:
                    continue
                if mail.internal_date and sent.instant_of(mail) < oldest:
                    older.append(item)
                    reader.coverage.dropped["before_the_first_day"] += 1
                elif (event := reader.event(mail)) is not None:
                    yield event

        return accounted(reader, run), bool(older)

    def _fetched(self, id: str, item: str, coverage: Coverage) -> sent.Mail | None:
        """Return the headers of one mail; one that is gone or unreadable is counted."""
        query: dict[str, str | tuple[str, ...]] = {"format": "metadata", "metadataHeaders": sent.HEADERS, "fields": sent.FIELDS}
        try:
            return read(self._service.body(self._service.path(f"{_part(id)}/messages/{_part(item)}", query), id), sent.Mail)
        except CellError as error:
            coverage.quarantined[error.code] += 1
        except PartError as error:
            if error.code != "not_found":
                raise
            coverage.dropped["gone"] += 1
        return None


class _Position(NamedTuple):
    page: str
    """Where a round of everything was broken off; empty after a whole one."""
    history: str


def _part(text: str) -> str:
    return quote(text, safe="@")


def _readable(raw: Raw, kind: type[M]) -> M:
    """Return a record, an empty one for one that cannot be read."""
    try:
        return read(raw, kind)
    except CellError:
        return kind()
