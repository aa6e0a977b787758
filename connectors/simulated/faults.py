"""What goes wrong at the fake vendors, drawn from a seed or scripted, and a clock that passes only when somebody sleeps."""

import random
import threading
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")

SERVER_ERRORS = ("500", "502", "503", "504")
KINDS = ("429", "429_bare", *SERVER_ERRORS, "html", "html_200", "cut_off", "drop")
"""Faults that are drawn; a correct client gets the same records in spite of any of them."""

BURST = 3.0
"""Seconds that a burst of server errors lasts."""


class FakeClock:
    """Time that passes when somebody sleeps, or when a call is answered; shared by client and server, safe between threads."""

    def __init__(self, start: float) -> None:
        """Begin at seconds since 1970-01-01 UTC."""
        self._now, self._lock = start, threading.Lock()

    def now(self) -> float:
        """Return seconds since 1970-01-01 UTC."""
        with self._lock:
            return self._now

    def tick(self) -> float:
        """Return the same: this clock never goes back."""
        return self.now()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self._now += max(0.0, seconds)


@dataclass
class Faults:
    """Which calls fail, and how."""

    share: float = 0.0  # of calls, each failing in a way of its own
    bursts: float = 0.0  # of the time, in bursts of server errors
    mangled: float = 0.0  # of pages that bring a record twice and all in another order
    seed: int = 0
    kinds: tuple[str, ...] = KINDS
    scripted: dict[str, deque[str]] = field(default_factory=lambda: defaultdict(deque))
    """Faults of the next calls by method; ``ok`` lets one through."""
    drawn: int = 0

    def __post_init__(self) -> None:
        """Seed the draws."""
        self._random = random.Random(self.seed)

    def script(self, method: str, *faults: str) -> None:
        """Let the next calls of a method fail in these ways, one after the other."""
        self.scripted[method].extend(faults)

    def draw(self, method: str, now: float) -> str | None:
        """Return what goes wrong with this call at this moment, None for nothing."""
        if self.scripted.get(method):
            scripted = self.scripted[method].popleft()
            return None if scripted == "ok" else scripted
        fault = self._chance(now)
        self.drawn += fault is not None
        return fault

    def mangle(self, items: Sequence[T]) -> list[T]:
        """Return a page as it came, or now and then with one record twice and in another order."""
        page = list(items)
        if page and self._random.random() < self.mangled:
            page.append(self._random.choice(page))
            self._random.shuffle(page)
        return page

    def _chance(self, now: float) -> str | None:
        if self.bursts and self._in_burst(now):
            return self._random.choice(SERVER_ERRORS)
        return self._random.choice(self.kinds) if self._random.random() < self.share else None

    def _in_burst(self, now: float) -> bool:
        """Return whether an outage is on: one in each stretch of time, somewhere in it."""
        stretch = BURST / self.bursts
        begin = random.Random(f"{self.seed}/{now // stretch}").uniform(0.0, stretch - BURST)
        return begin <= now % stretch < begin + BURST
