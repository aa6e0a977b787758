"""Counters that begin anew after a while: all processes of a deployment count in one, also over a restart."""

import hmac
from datetime import datetime, timedelta

import sqlalchemy as sa

from pipelines.schema import COUNTERS
from pipelines.storage.workspace import Workspace


def add(ws: Workspace, name: str, amount: int, life: timedelta) -> tuple[int, datetime]:
    """Count on; return what the counter has now and when it begins anew, which is ``life`` after its first count."""
    key, now = _key(ws, name), ws.now()
    alive = sa.and_(COUNTERS.c.name == key, COUNTERS.c.until > now)
    for _ in range(2):
        try:
            with ws.service.begin(counts=False) as connection:
                if not connection.execute(sa.update(COUNTERS).where(alive).values(count=COUNTERS.c["count"] + amount)).rowcount:
                    connection.execute(sa.delete(COUNTERS).where(COUNTERS.c.until <= now))
                    connection.execute(sa.insert(COUNTERS).values(name=key, count=amount, until=now + life))
                found = connection.execute(sa.select(COUNTERS.c["count"], COUNTERS.c.until).where(COUNTERS.c.name == key)).one()
                return int(found[0]), found.until
        except sa.exc.IntegrityError:
            continue  # another process began the counter at this moment: now there is one to count on
    return amount, now + life


def _key(ws: Workspace, name: str) -> str:
    return hmac.digest(ws.keys.audit, b"ona:v1\0counter\0" + name.encode(), "sha256").hex()
