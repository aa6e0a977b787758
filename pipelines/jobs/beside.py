"""A worker beside the pages of a single-user service, started with the first job that nobody else would take."""

import os
import subprocess
import sys
from threading import Lock

from pipelines.jobs import register
from pipelines.storage.workspace import Workspace

PROGRAM = "import sys; from pathlib import Path; from pipelines.jobs.worker import work; from pipelines.settings import load_settings; "
"""Given to Python as one line: this package does not know the command line above it."""


class Beside:
    """At most one worker process, which ends with this one."""

    def __init__(self, ws: Workspace) -> None:
        """Start nothing yet."""
        self._ws = ws
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = Lock()

    def attend(self) -> None:
        """See to it that a worker lives."""
        with self._lock:
            if (self._child is None or self._child.poll() is not None) and not register.is_attended(self._ws):
                told = f"work(load_settings(Path(sys.argv[1])), schedule=False, beside={os.getpid()})"
                command = [sys.executable, "-c", PROGRAM + told, str(self._ws.home)]
                # In a session of its own: Ctrl-C is for the pages, which then tell the worker to leave.
                self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def stop(self) -> None:
        """End the worker; a job that it had waits for the next one."""
        with self._lock:
            if self._child is not None and self._child.poll() is None:
                self._child.terminate()
                self._child.wait(30)
