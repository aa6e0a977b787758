"""How often one viewer or token may ask: a fixed number a minute, said in headers with every answer."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

WINDOW_SECONDS = 60


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
        policy = f'"reads";q={self.limit};w={WINDOW_SECONDS}'
        return {"RateLimit-Policy": policy, "RateLimit": f'"reads";r={self.left};t={self.reset}'}


class Limiter:
    """Counts the requests of everybody; a restart forgives them, failed sign-ins are counted elsewhere and kept."""

    def __init__(self, a_minute: int) -> None:
        """Start counting."""
        self._item = RateLimitItemPerMinute(a_minute)
        self._counting = FixedWindowRateLimiter(MemoryStorage())

    def take(self, who: str) -> Allowance:
        """Count one request."""
        allowed = self._counting.hit(self._item, who)
        found = self._counting.get_window_stats(self._item, who)
        reset = max(1, round(found.reset_time - time.time()))
        return Allowance(allowed, self._item.amount, found.remaining, reset)
