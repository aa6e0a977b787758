"""Several mailboxes side by side: one is worked on at a time, and whoever has to wait gives way to the others."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from heapq import heappop, heappush
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from connectors.pace import SYSTEM, Clock, SystemClock

T = TypeVar("T")

PLACES = 8
"""Mailboxes side by side, unless the settings say otherwise."""

LONGEST_END = 5.0
"""Seconds that whoever stops everything waits for calls under way; nothing of them is kept."""


class _Stop(BaseException):  # ends a lane like an exit; no error of anybody's
    """Nobody wants what a lane still has to give."""


class _Word(Enum):
    """What a lane says to whoever serves the lanes."""

    WAITS = 1
    GIVES = 2
    LEAVES = 3  # its call is under way; others may be worked on
    RETURNS = 4
    ENDED = 5


@dataclass(frozen=True, repr=False)
class _Said(Generic[T]):
    lane: "_Lane[T]"
    word: _Word
    due: float = 0.0
    item: T | None = None
    error: BaseException | None = None


class _Lane(Generic[T]):
    """One job in a thread of its own, which runs only while it has the turn or waits for an answer."""

    def __init__(self, number: int, job: Callable[[], Iterator[T]], said: "SimpleQueue[_Said[T]]", here: threading.local) -> None:
        self.number = number
        self.stops = False
        self._job, self._said, self._here = job, said, here
        self._turn = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, name=f"lane-{number}", daemon=True)
        self._thread.start()

    def go_on(self) -> None:
        """Give it the turn."""
        self._turn.release()

    def end(self) -> None:
        """Wait until its thread is done; one that still waits for an answer may take longer than anybody likes to wait."""
        self._thread.join(LONGEST_END)

    def give_way(self, word: _Word, due: float = 0.0, item: T | None = None) -> None:
        """Say something and wait for the turn."""
        self.say(word, due, item)
        self._turn.acquire()
        if self.stops:
            raise _Stop

    def say(self, word: _Word, due: float = 0.0, item: T | None = None, error: BaseException | None = None) -> None:
        """Say something and go on."""
        if self.stops:
            raise _Stop
        self._said.put(_Said(self, word, due, item, error))

    def _run(self) -> None:
        self._here.lane = self
        error: BaseException | None = None
        try:
            self._turn.acquire()
            for item in self._job() if not self.stops else ():
                self.give_way(_Word.GIVES, item=item)
        except _Stop:
            return
        except BaseException as caught:  # noqa: BLE001  # it is raised again where the lanes are served
            error = caught
        self._said.put(_Said(self, _Word.ENDED, error=error))


@dataclass
class Lanes:
    """A clock that lets other jobs go on while one waits. Jobs share what they like: only one at a time holds the turn.

    On the machine's own clock a job gives way while an answer is under way too, so that calls overlap; on any other clock
    one call is under way at a time, so that everything happens in the same order each time.
    """

    clock: Clock = SYSTEM
    places: int = PLACES
    _here: threading.local = field(default_factory=threading.local, init=False, repr=False)

    @property
    def overlapping(self) -> int:
        """Return how many calls may be under way at once."""
        return self.places if isinstance(self.clock, SystemClock) else 1

    def now(self) -> float:
        """Return seconds since 1970-01-01 UTC."""
        return self.clock.now()

    def tick(self) -> float:
        """Return seconds that never go back."""
        return self.clock.tick()

    def sleep(self, seconds: float) -> None:
        """Wait; the job that waits gives way."""
        lane: _Lane[object] | None = getattr(self._here, "lane", None)
        if lane is None:
            self.clock.sleep(seconds)
        else:
            lane.give_way(_Word.WAITS, self.clock.tick() + max(0.0, seconds))

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let others go on while an answer is under way."""
        lane: _Lane[object] | None = getattr(self._here, "lane", None)
        if lane is None or self.overlapping == 1:
            yield
            return
        lane.say(_Word.LEAVES)
        try:
            yield
        finally:
            lane.give_way(_Word.RETURNS)

    def run(self, jobs: Iterable[Callable[[], Iterator[T]]]) -> Iterator[T]:
        """Yield what the jobs give, in the order in which it comes; an error of one ends all."""
        served = _Served[T](iter(jobs), self.clock, self.places, self._here)
        try:
            yield from served.items()
        finally:
            served.stop()


@dataclass
class _Served(Generic[T]):
    """Gives the turn to whoever has waited longest among those who need not wait any more. All of it runs in one thread."""

    jobs: Iterator[Callable[[], Iterator[T]]]
    clock: Clock
    places: int
    here: threading.local
    said: "SimpleQueue[_Said[T]]" = field(default_factory=SimpleQueue)
    alive: dict[int, _Lane[T]] = field(default_factory=dict)
    ready: list[tuple[float, int]] = field(default_factory=list)  # when each may go on, and its number
    begun: int = 0

    def items(self) -> Iterator[T]:
        """Yield what the lanes give."""
        while self._filled():
            yield from self._turn(self._next())

    def stop(self) -> None:
        """End the lanes that are still there; one whose call is under way ends with its answer."""
        for lane in self.alive.values():
            lane.stops = True
            lane.go_on()
        for lane in self.alive.values():
            lane.end()
        self.alive.clear()

    def _filled(self) -> bool:
        """Begin jobs while there are places; return whether anything is left to do."""
        while len(self.alive) < self.places and (job := next(self.jobs, None)) is not None:
            self.begun += 1
            self.alive[self.begun] = _Lane(self.begun, job, self.said, self.here)
            heappush(self.ready, (self.clock.tick(), self.begun))
        return bool(self.alive)

    def _next(self) -> _Lane[T]:
        """Return the lane whose turn it is, as soon as there is one."""
        while True:
            pause = self.ready[0][0] - self.clock.tick() if self.ready else None
            if pause is not None and pause <= 0:
                return self.alive[heappop(self.ready)[1]]
            if pause is not None and len(self.ready) == len(self.alive):
                self.clock.sleep(pause)
                continue
            try:
                self._returned(self.said.get(timeout=pause))  # somebody's call is under way
            except Empty:
                continue

    def _turn(self, lane: _Lane[T]) -> Iterator[T]:
        """Let a lane work until it gives way, and yield what it gives."""
        lane.go_on()
        while True:
            said = self.said.get()
            if said.word is _Word.RETURNS:
                self._returned(said)
            elif said.word is _Word.GIVES:
                yield said.item  # type: ignore[misc]  # every item said is one
                lane.go_on()
            else:
                break
        if said.word is _Word.WAITS:
            heappush(self.ready, (said.due, lane.number))
        elif said.word is _Word.ENDED:
            self.alive.pop(lane.number).end()
            if said.error is not None:
                raise said.error

    def _returned(self, said: _Said[T]) -> None:
        heappush(self.ready, (self.clock.tick(), said.lane.number))
