"""Who may do what only one process may do at a time: a lease in the service database whose fencing token grows with every holder."""

import os
import platform
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Event, Thread

import sqlalchemy as sa

from ona.errors import TryLaterError
from pipelines.schema import LEASES
from pipelines.storage.service import put
from pipelines.storage.workspace import Workspace

LIFE = timedelta(seconds=60)
"""How long a holder that went silent keeps others out."""

RENEWALS = 4
"""Times in its life that a lease is renewed."""

HOST = platform.node()


@dataclass(frozen=True)
class Lease:
    """Proof of having been the holder; ``guard`` says whether that is still so."""

    name: str
    fence: int
    holder: str

    def guard(self, connection: sa.Connection) -> None:
        """Refuse, inside the transaction that commits the work, when somebody else took over meanwhile."""
        if connection.execute(sa.select(LEASES.c.fence).where(LEASES.c.name == self.name).with_for_update()).scalar() != self.fence:
            raise TryLaterError(
                f"Another process took the {self.name} over while this one stood still. Nothing was stored; the other goes on."
            )


@contextmanager
def hold(ws: Workspace, name: str) -> Iterator[Workspace]:
    """Take a lease, renew it from a thread, give it back at the end; yield the workspace with every writing transaction fenced by it.

    Raises TryLaterError when another process holds it. On one machine the write lock of the deployment proves that a former holder is
    gone, so a killed process keeps nobody waiting there.
    """
    lease = _take(ws, name)
    over = Event()
    renewing = Thread(target=_renew, args=(ws, lease, over), name=f"lease-{name}", daemon=True)
    renewing.start()
    try:
        service = replace(ws.service, guard=lease.guard)
        yield replace(ws, service=service, lake=replace(ws.lake, service=service))
    finally:
        over.set()
        renewing.join()
        _change(ws, lease, holder=None)


def _take(ws: Workspace, name: str) -> Lease:
    holder = f"{HOST}:{os.getpid()}:{secrets.token_hex(4)}"
    with ws.service.begin() as connection:
        found = connection.execute(sa.select(LEASES).where(LEASES.c.name == name).with_for_update()).one_or_none()
        if found and found.holder and found.until > ws.now() and not found.holder.startswith(f"{HOST}:"):
            raise TryLaterError(f"Another machine is busy with the {name} of this deployment. Wait for it to end, then try again.")
        fence = found.fence + 1 if found else 1
        put(connection, LEASES, [{"name": name, "fence": fence, "holder": holder, "until": ws.now() + LIFE}])
    return Lease(name, fence, holder)


def _renew(ws: Workspace, lease: Lease, over: Event) -> None:
    while not over.wait(LIFE.total_seconds() / RENEWALS):
        try:
            _change(ws, lease, until=ws.now() + LIFE)
        except TryLaterError:
            continue  # the guard decides at the end; a busy database is no reason to give up


def _change(ws: Workspace, lease: Lease, **values: object) -> None:
    mine = sa.and_(LEASES.c.name == lease.name, LEASES.c.fence == lease.fence)
    with ws.service.begin() as connection:
        connection.execute(sa.update(LEASES).where(mine).values(**values))
