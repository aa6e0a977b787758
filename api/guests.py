"""Viewers behind the sessions and tokens seen last, kept for moments, so that most requests ask no database."""

import time
from collections.abc import Callable
from threading import Lock

from pipelines.access import Viewer
from pipelines.access.sessions import hashed, session_viewer
from pipelines.workspace import Workspace

KEPT_SECONDS = 2.0
"""How long another process's sign-out or a change of roles may go unseen."""

MOST = 10_000

Find = Callable[[Workspace, str], Viewer | None]

_NOBODY: tuple[float, Viewer | None] = (0.0, None)


class Guests:
    """Who came in a moment ago."""

    def __init__(self, ws: Workspace, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with nobody."""
        self.ws = ws
        self.clock = clock
        self._known: dict[str, tuple[float, Viewer | None]] = {}
        self._lock = Lock()

    def remembered(self, token: str) -> Viewer | None:
        """Viewer seen a moment ago."""
        until, viewer = self._known.get(hashed(token), _NOBODY)
        return viewer if until >= self.clock() else None

    def look_up(self, token: str, find: Find = session_viewer) -> Viewer | None:
        """Viewer as the database says now."""
        viewer = find(self.ws, token)
        if viewer is not None:
            self._keep(hashed(token), viewer)
        return viewer

    def forget(self, token: str) -> None:
        """Ask the database again at the next request."""
        self._known.pop(hashed(token), None)

    def forget_all(self) -> None:
        """Ask the database again about everybody."""
        with self._lock:
            self._known = {}

    def _keep(self, key: str, viewer: Viewer) -> None:
        with self._lock:
            if len(self._known) >= MOST:
                self._known = {}
            self._known[key] = (self.clock() + KEPT_SECONDS, viewer)
