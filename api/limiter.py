"""How often one viewer or token may ask: a fixed number a minute for all processes together, said in headers with every answer."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from starlette.concurrency import run_in_threadpool

from pipelines.entrance import counters
from pipelines.storage.workspace import Workspace

WINDOW = timedelta(seconds=60)

PORTIONS = 8
"""A process takes an eighth of somebody's minute at a time, so that the database is asked eight times a minute for each, not each time."""

MOST = 10_000
"""Viewers whose portions are remembered."""


@dataclass(frozen=True)
class Allowance:
    """What is left of a minute's requests."""

    allowed: bool
    limit: int
    left: int
    reset: int  # seconds until the next minute begins

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of the answer (draft-ietf-httpapi-ratelimit-headers-10)."""
        policy = f'"reads";q={self.limit};w={int(WINDOW.total_seconds())}'
        return {"RateLimit-Policy": policy, "RateLimit": f'"reads";r={self.left};t={self.reset}'}


@dataclass
class Portion:
    """What this process may still answer somebody without asking the database."""

    left: int
    beyond: int  # what nobody had taken yet
    until: datetime  # naive UTC

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to take in this minute."""
        return self.left == 0 and self.beyond == 0


class Limiter:
    """Counts the requests of everybody in the service database: nobody gets more by asking several processes, or after a restart."""

    def __init__(self, ws: Workspace, a_minute: int) -> None:
        """Start with no portion in hand."""
        self._ws, self._limit = ws, a_minute
        self._size = max(1, a_minute // PORTIONS)
        self._held: dict[str, Portion] = {}
        self._taking: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()  # one a loop: none wakes another

    async def take(self, who: str) -> Allowance:
        """Count one request.

        Raises TryLaterError when the database does not answer.
        """
        held = self._usable(who)
        if held is None:
            async with self._taking.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
                held = self._usable(who) or await self._taken(who)
        allowed = held.left > 0
        held.left -= allowed
        reset = max(1, round((held.until - self._ws.now()).total_seconds()))
        return Allowance(allowed, self._limit, held.left + held.beyond, reset)

    def _usable(self, who: str) -> Portion | None:
        held = self._held.get(who)
        return held if held is not None and held.until > self._ws.now() and (held.left or held.is_over) else None

    async def _taken(self, who: str) -> Portion:
        """Take the next portion; the last one of a minute may be smaller."""
        count, until = await run_in_threadpool(counters.add, self._ws, f"reads {who}", self._size, WINDOW)
        left = max(0, min(self._size, self._limit - count + self._size))
        if len(self._held) >= MOST:
            self._held = {}
        self._held[who] = Portion(left, max(0, self._limit - count), until)
        return self._held[who]
