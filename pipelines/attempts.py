"""Failed sign-ins and tokens by address: after five each further one waits twice as long, also over a restart."""

import hmac
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from ona.errors import TooManyError
from pipelines.schema import ATTEMPTS
from pipelines.service import put
from pipelines.workspace import Workspace

FREE = 5
"""Failures that cost nothing: people mistype."""

LONGEST = timedelta(minutes=15)
"""Nobody is locked out for good by a stranger behind the same address."""

MOST = 100
"""From so many in a row on (NIST SP 800-63B) the pause is a day."""

DAY = timedelta(days=1)
DOUBLINGS = 16
"""More than the longest pause needs."""


@dataclass(frozen=True)
class Attempts:
    """The failures of one address."""

    ws: Workspace
    address: str

    def check(self) -> None:
        """Raise TooManyError while the address has to wait."""
        rows = self.ws.service.rows(sa.select(ATTEMPTS.c.until).where(ATTEMPTS.c.origin == self._origin))
        wait = (rows[0].until - self.ws.now()).total_seconds() if rows else 0.0
        if wait > 0:
            raise TooManyError("Too many attempts failed from this address. Wait before the next one.", wait)

    def fail(self) -> None:
        """Count one failure."""
        now = self.ws.now()
        with self.ws.service.begin(counts=False) as connection:
            connection.execute(sa.delete(ATTEMPTS).where(ATTEMPTS.c.last < now - DAY, ATTEMPTS.c.until < now))
            known = connection.execute(sa.select(ATTEMPTS.c.failures).where(ATTEMPTS.c.origin == self._origin)).scalar()
            failures = (known or 0) + 1
            put(connection, ATTEMPTS, [{"origin": self._origin, "failures": failures, "last": now, "until": now + pause(failures)}])

    def clear(self) -> None:
        """Forget the failures after a success."""
        if self.ws.service.rows(sa.select(ATTEMPTS.c.origin).where(ATTEMPTS.c.origin == self._origin)):
            with self.ws.service.begin(counts=False) as connection:
                connection.execute(sa.delete(ATTEMPTS).where(ATTEMPTS.c.origin == self._origin))

    @property
    def _origin(self) -> str:
        return hmac.digest(self.ws.keys.audit, b"ona:v1\0origin\0" + self.address.encode(), "sha256").hex()


def pause(failures: int) -> timedelta:
    """Return how long the next attempt has to wait after so many failures in a row."""
    if failures < FREE:
        return timedelta(0)
    doublings = min(failures - FREE, DOUBLINGS)
    return DAY if failures >= MOST else min(timedelta(seconds=2**doublings), LONGEST)
