"""Scans or backs up in children that kill themselves, or whose disk is full, at the n-th step towards the disk; a program of its own."""

import errno
import json
import os
import signal
import sys
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import default

import ona.scan  # noqa: F401 - loaded once, before the children
from ona.errors import TryLaterError
from ona.rules import Rules
from pipelines import backup, scans
from pipelines.lake import FULL
from pipelines.settings import load_settings
from pipelines.workspace import open_workspace

NOW = datetime(2026, 8, 5, 12)
COUNTLESS = 1_000_000


class Faults:
    """Counts every step towards the disk and plants one fault among them."""

    def __init__(self, step: int, kind: str) -> None:
        """Plant a fault of this kind at this step."""
        self.left, self.kind = step, kind

    def plant(self) -> None:
        """Stand before every call that makes something durable."""
        os.fsync = self._counting(os.fsync)
        Path.rename = self._counting(Path.rename)
        Path.mkdir = self._counting(Path.mkdir)
        if self.kind == "kill":
            default.DefaultDialect.do_commit = self._counting(default.DefaultDialect.do_commit)
            default.DefaultDialect.do_execute = self._counting(default.DefaultDialect.do_execute)

    def _counting(self, function):
        def call(*given, **named):
            self.left -= 1
            if self.left == 0 and self.kind == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.left <= 0 and self.kind == "full":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return function(*given, **named)

        return call


def work(what: str, home: Path, faults: Faults) -> None:
    """Do one piece of work with the fault planted."""
    with open_workspace(load_settings(home), now=lambda: NOW) as ws:
        faults.plant()
        if what == "scan":
            scans.run(ws, Rules(weeks=2, seed=5))
        else:
            backup.backup(ws, home.parent / "backup.tar")


def child(what: str, home: Path, faults: Faults) -> int:
    """Return how a child ended: 0 whole, 75 stopped cleanly for want of space, else the signal as a negative number."""
    started = os.fork()
    if started == 0:
        try:
            work(what, home, faults)
        except (OSError, TryLaterError) as error:
            os._exit(75 if isinstance(error, TryLaterError) or error.errno in FULL else 1)
        os._exit(0)
    status = os.waitpid(started, 0)[1]
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def main() -> None:
    """Do what each line of the standard input tells, and answer with a line."""
    for line in sys.stdin:
        told = json.loads(line)
        sys.stdout.write(f"{child(told['what'], Path(told['home']), Faults(told['step'], told['kind']))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
