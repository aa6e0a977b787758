"""Viewers behind the sessions and tokens seen last, kept for moments, so that most requests ask no database."""

import asyncio
import time
from collections.abc import Callable
from threading import Lock

from starlette.concurrency import run_in_threadpool

from pipelines.access import Viewer
from pipelines.access.sessions import hashed, session_viewer
from pipelines.storage.workspace import Workspace

KEPT_SECONDS, ASKED_SECONDS = 2.0, 1.0
"""How long another process's sign-out or a change of roles may go unseen, and when the database is asked while nobody waits for it."""

MOST = 10_000

Find = Callable[[Workspace, str], Viewer | None]

_NOBODY: tuple[float, Viewer | None] = (0.0, None)  # when the database was asked, and what it said


class Guests:
    """Who came in a moment ago."""

    def __init__(self, ws: Workspace, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with nobody."""
        self.ws = ws
        self.clock = clock
        self._known: dict[str, tuple[float, Viewer | None]] = {}
        self._asking: dict[tuple[str, str], asyncio.Future[Viewer | None]] = {}
        self._forgotten = 0  # how often somebody was; who was looked up before the last time is not kept
        self._lock = Lock()

    def remembered(self, token: str) -> Viewer | None:
        """Viewer seen a moment ago."""
        asked, viewer = self._known.get(hashed(token), _NOBODY)
        return viewer if self.clock() - asked <= KEPT_SECONDS else None

    async def greet(self, token: str, look: Callable[[str], Viewer | None], origin: str = "") -> Viewer | None:
        """Viewer seen a moment ago, else as ``look`` finds now: of many who come from one origin at one moment, one looks for all."""
        asked, known = self._known.get(hashed(token), _NOBODY)
        age = self.clock() - asked
        if known is not None and age <= ASKED_SECONDS:
            return known
        key = (hashed(token), origin)
        asking = self._asking.get(key)
        if asking is None or asking.get_loop() is not asyncio.get_running_loop():  # what waits in another loop never wakes this one
            asking = self._asking[key] = asyncio.ensure_future(run_in_threadpool(look, token))
            asking.add_done_callback(lambda done: self._answered(key, done))
        if known is not None and age <= KEPT_SECONDS:
            return known
        return await asyncio.shield(asking)  # one who hangs up takes nothing from the others

    def look_up(self, token: str, find: Find = session_viewer) -> Viewer | None:
        """Viewer as the database says now."""
        before, asked = self._forgotten, self.clock()
        viewer = find(self.ws, token)
        self._keep(hashed(token), (asked, viewer), before)
        return viewer

    def forget(self, token: str) -> None:
        """Ask the database again at the next request."""
        with self._lock:
            self._forgotten += 1
            self._known.pop(hashed(token), None)
            self._asking = {}  # what was found out before is no answer to who comes after

    def forget_all(self) -> None:
        """Ask the database again about everybody."""
        with self._lock:
            self._forgotten += 1
            self._known, self._asking = {}, {}

    def _keep(self, key: str, found: tuple[float, Viewer | None], before: int) -> None:
        with self._lock:
            if found[1] is None:
                self._known.pop(key, None)
            elif before == self._forgotten:
                if len(self._known) >= MOST:
                    self._known = {}
                self._known[key] = found

    def _answered(self, key: tuple[str, str], done: asyncio.Future[Viewer | None]) -> None:
        if self._asking.get(key) is done:
            del self._asking[key]
        if not done.cancelled():
            done.exception()  # seen, also when everybody who waited for it hung up
