"""When the next call may be made: clocks, Retry-After in every form, token buckets that learn, a breaker and a budget of waiting."""

import re
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Protocol

from ona.errors import RateLimitError

SAFETY = 0.95
"""Share of a known limit that is used, so that clocks that differ a little never make us break it."""

SLOWEST = 0.5
"""Calls a minute that a bucket never falls below, whatever a service does."""

RECOVERY_CALLS, RECOVERY = 20, 1.25
"""After so many calls without a refusal a lowered rate rises by this factor, up to the documented one."""

_SECONDS = re.compile(r"\d+(?:\.\d+)?")


class Clock(Protocol):
    """Where time comes from; tests give one that does not really pass."""

    def now(self) -> float:
        """Return seconds since 1970-01-01 UTC."""

    def tick(self) -> float:
        """Return seconds that never go back, from any beginning."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return seconds since 1970-01-01 UTC."""
        return time.time()

    def tick(self) -> float:
        """Return the monotonic clock, so that a clock set back by an hour stops no pull."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


SYSTEM = SystemClock()


@dataclass(frozen=True)
class Policy:
    """How failures are met; the defaults are the project's reliability rules."""

    tries: int = 8
    first_wait: float = 1.0  # seconds, doubling, full jitter
    longest_wait: float = 120.0  # seconds; a service that asks for more has its stream parked
    budget: float = 1_800.0  # seconds of waiting after failures, per stream
    breaker_failures: int = 5
    breaker_after: float = 5.0  # seconds that the failures have to last: a hiccup of a few tries is no outage
    breaker_wait: float = 60.0  # seconds
    parallel: int = 4  # calls at once per mailbox
    call_seconds: float = 60.0  # for one answer, from the first byte sent to the last one read
    largest_answer: int = 32 * 2**20  # bytes, unpacked
    largest_ratio: int = 200  # unpacked to packed, of answers above 1 MiB


DEFAULTS = Policy()


def retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds that a Retry-After header asks for: integer, decimal or HTTP date; None when it says nothing usable.

    Zero, negative numbers, past dates and garbage say nothing: the caller's own growing pause is used.
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return float(text) or None
    try:
        at = parsedate_to_datetime(text)
        seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now
    except (TypeError, ValueError, OverflowError):
        return None
    return seconds if seconds > 0 else None


@dataclass
class Bucket:
    """Spaces the calls of one method evenly under its rate, and learns a lower one from refusals."""

    per_minute: float
    clock: Clock
    rate: float = field(init=False)
    _next: float = field(default=-float("inf"), init=False)
    _since: int = field(default=0, init=False)  # calls that succeeded since the last refusal
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        """Begin a little under the documented rate."""
        self.rate = self.per_minute * SAFETY

    def wait(self) -> None:
        """Take the next place and sleep until it comes."""
        with self._lock:
            tick = self.clock.tick()
            place = max(tick, self._next)
            self._next = place + 60.0 / self.rate
        if place > tick:
            self.clock.sleep(place - tick)

    def granted(self) -> None:
        """Note a call that succeeded."""
        with self._lock:
            self._since += 1
            if self._since % RECOVERY_CALLS == 0:
                self.rate = min(self.rate * RECOVERY, self.per_minute * SAFETY)

    def refused(self, pause: float | None) -> None:
        """Note a 429: so many calls got through in the time that they took at this pace and the pause asked for; that is the limit."""
        with self._lock:
            if pause and self._since:
                learnt = 60.0 * self._since / (self._since * 60.0 / self.rate + pause)
                self.rate = max(SLOWEST, min(self.rate, learnt * SAFETY))
            self._since = 0


@dataclass
class Breaker:
    """Stops calling a service that fails again and again, then lets one call try."""

    policy: Policy
    clock: Clock
    _failures: int = field(default=0, init=False)
    _since: float = field(default=0.0, init=False)  # when the first of them was
    _until: float = field(default=-float("inf"), init=False)

    def wait(self) -> float:
        """Return the seconds until a call may be tried; zero when the breaker is closed, and for the one call that tries."""
        tick = self.clock.tick()
        if tick < self._until:
            return self._until - tick
        if self._until > -float("inf"):
            self._until = tick + self.policy.breaker_wait  # whoever else asks waits for what becomes of this call
        return 0.0

    def succeeded(self) -> None:
        """Close."""
        self._failures, self._until = 0, -float("inf")

    def failed(self) -> None:
        """Count a failure; from the fifth in a row on, each one opens the breaker if they go on for some seconds.

        Several mailboxes side by side make five failures out of one hiccup, so their number alone says nothing.
        """
        tick = self.clock.tick()
        self._since = self._since if self._failures else tick
        self._failures += 1
        if self._failures >= self.policy.breaker_failures and tick - self._since >= self.policy.breaker_after:
            self._until = tick + self.policy.breaker_wait


@dataclass
class Budget:
    """Seconds that one stream may spend waiting after failures."""

    left: float

    def spend(self, seconds: float, longest: float) -> None:
        """Take the seconds, or raise RateLimitError: then the stream is parked and a later pull goes on from where it stood."""
        if seconds > longest or seconds > self.left:
            raise RateLimitError(
                f"A service asks to wait longer ({min(seconds, 10.0**9):.0f} s) than one pull may. "
                "What was read is kept; pull again later to go on.",
                retry_after=seconds,
            )
        self.left -= seconds
