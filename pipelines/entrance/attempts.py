"""Failed sign-ins and tokens by address: after five each further one waits twice as long, also over a restart."""

import hmac
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from ona.errors import TooManyError
from pipelines.schema import ATTEMPTS
from pipelines.storage.workspace import Workspace

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
        for _ in range(2):
            try:
                self._count()
                break
            except sa.exc.IntegrityError:
                continue  # another process counted the first failure at this moment: now there is one to count on

    def _count(self) -> None:
        """Count on in the database itself: of failures at one moment none is lost."""
        now, own = self.ws.now(), ATTEMPTS.c.origin == self._origin
        with self.ws.service.begin(counts=False) as connection:
            connection.execute(sa.delete(ATTEMPTS).where(ATTEMPTS.c.last < now - DAY, ATTEMPTS.c.until < now))
            if not connection.execute(sa.update(ATTEMPTS).where(own).values(failures=ATTEMPTS.c.failures + 1, last=now)).rowcount:
                connection.execute(sa.insert(ATTEMPTS).values(origin=self._origin, failures=1, last=now, until=now))
            failures = connection.execute(sa.select(ATTEMPTS.c.failures).where(own)).scalar_one()
            connection.execute(sa.update(ATTEMPTS).where(own).values(until=now + pause(failures)))

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
