"""One channel from its newest message back to the oldest wanted: pages, threads, and the position that each page leaves."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace

from connectors.base import RawEvent
from connectors.cells import CellError
from connectors.network import Step, Whole
from connectors.pages import Page, PageError
from connectors.slack import wire
from connectors.slack.records import Reader, microseconds

DAY = 86_400_000_000  # microseconds
OVERLAP = 2 * DAY
"""Threads that moved within this time before the last pull are read again."""

List = Callable[[str, Mapping[str, str]], Iterator[Page]]
"""Yields the pages of a method's messages."""


@dataclass(frozen=True)
class Position:
    """How far one channel has been read; a walk goes from the newest message back to the oldest wanted."""

    done: int | None = None  # microseconds; everything up to here has been read
    upper: int | None = None  # of the walk in progress, fixed when it began
    walked: int | None = None  # the oldest message of that walk stored so far
    threads: Mapping[str, int] = field(default_factory=dict)  # replies by the parent's time stamp, within the look-back

    @classmethod
    def read(cls, text: str | None) -> "Position":
        """Return the position that a cursor holds."""
        return cls(**json.loads(text)) if text else cls()

    def written(self) -> str:
        """Return the cursor."""
        return json.dumps(asdict(self), separators=(",", ":"), sort_keys=True)


@dataclass(frozen=True)
class Reach:
    """How far back a channel is read, in days."""

    first: int
    lookback: int

    def oldest(self, position: Position, bound: int) -> int:
        """Return the microsecond before the oldest message wanted."""
        return bound - self.first * DAY - 1 if position.done is None else position.done - self.lookback * DAY - 1


@dataclass(frozen=True)
class Walk:
    """One channel on its way up to the bound that was fixed when the walk began."""

    pages: List
    reader: Reader
    position: Position
    reach: Reach
    size: int  # messages a page
    is_member: bool | None = None

    @property
    def channel(self) -> str:
        """Return the channel's id."""
        return self.reader.space.channel

    @property
    def upper(self) -> int:
        """Return the newest moment wanted."""
        return self.position.upper or 0

    @property
    def oldest(self) -> int:
        """Return the microsecond before the oldest message wanted."""
        return self.reach.oldest(self.position, self.upper)

    def steps(self) -> Iterator[Step]:
        """Yield a step per page of history, with the threads that begin on it."""
        position = self.position
        newest = (self.upper if position.walked is None else position.walked) + 1
        for page in self.pages("conversations.history", self.window(newest)):
            heads = [one for raw in page.items if (one := wire.head(raw)) is not None]
            stamps = [at for one in heads if (at := moment(one.ts)) is not None]
            if self.is_member is False and not page.items and page.next is None and newest > self.upper:
                raise PageError("not_a_member", "A channel that the app is not in looks empty")
            start = self.oldest + 1 if page.next is None else min(stamps, default=newest)
            whole = [Whole(self.reader.place, min(start, newest), newest)]
            events = [*self._spoken(page), *self._threads(heads, whole)]
            newest = min(newest, start)
            counts = {one.ts: one.reply_count for one in heads if one.reply_count or one.ts in position.threads}
            position = self._after(page, replace(position, walked=newest, threads={**position.threads, **counts}))
            yield Step(events, {self.channel: position.written()}, tuple(whole))

    def window(self, newest: int) -> dict[str, str]:
        """Return the parameters of the first page of history."""
        bounds = {"oldest": stamp(self.oldest), "latest": stamp(newest - 1), "inclusive": "true"}
        return {"channel": self.channel, "limit": str(self.size), **bounds}

    def changed(self, one: wire.Head) -> bool:
        """Return whether a thread may hold replies that are not stored: a first pull, a young reply, or another count than before."""
        done, latest = self.position.done, moment(one.latest_reply)
        if one.reply_count and (done is None or latest is None or latest > done - OVERLAP):
            return True
        return self.position.threads.get(one.ts, 0) != one.reply_count

    def _after(self, page: Page, position: Position) -> Position:
        """Return the position once a page is stored: after the last one the whole channel is read up to the bound."""
        if page.next is not None:
            return position
        kept = self.upper - (self.reach.lookback + 1) * DAY
        return Position(done=self.upper, threads={ts: n for ts, n in sorted(position.threads.items()) if n and (moment(ts) or 0) >= kept})

    def _spoken(self, page: Page) -> Iterator[RawEvent]:
        """Yield the messages of a page; a reply that was also sent to the channel is read with its thread."""
        for raw in reversed(page.items):
            found = wire.head(raw)
            if found is None or not found.is_reply:
                yield from self.reader.events(wire.message(raw))

    def _threads(self, heads: list[wire.Head], whole: list[Whole]) -> Iterator[RawEvent]:
        """Yield the replies of the threads on a page that may have changed, and of older ones that a reply there points to."""
        inside = {one.ts: one for one in heads if not one.is_reply and self.changed(one)}
        outside = {one.thread_ts: one for one in heads if one.is_reply and (moment(one.thread_ts) or 0) <= self.oldest}
        for thread in sorted(inside):
            if inside[thread].reply_count:
                yield from self._replies(thread, with_parent=False)
            author = self.reader.parents.get(thread)
            if author is not None:
                whole.append(Whole(self.reader.place, root=f"{self.reader.place}/{thread}/{author}"))
        for older in sorted(str(thread) for thread in outside):
            yield from self._replies(older, with_parent=True)

    def _replies(self, thread: str, *, with_parent: bool) -> Iterator[RawEvent]:
        """Yield a thread's messages, told apart by time stamp and not by place; its parent stands on a page of history as a rule."""
        given = {"channel": self.channel, "ts": thread, "limit": str(self.size), "latest": stamp(self.upper), "inclusive": "true"}
        for page in self.pages("conversations.replies", given):
            for raw in page.items:
                found = wire.head(raw)
                if with_parent or found is None or found.ts != thread:
                    yield from self.reader.events(wire.message(raw))


def stamp(at: int) -> str:
    """Return Slack's time stamp of a moment."""
    return f"{at // 1_000_000}.{at % 1_000_000:06d}"


def moment(ts: str | None) -> int | None:
    """Return microseconds of a time stamp; None when it is none."""
    try:
        return microseconds(ts)
    except CellError:
        return None
