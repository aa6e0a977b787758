"""Pulls, scans, publishes, migrates, erases, backs up in children that die, or find the disk full, at the n-th step; a program of its own.

It reads one task a line and answers each with a line: how the child ended, and how many steps it took.
"""

import contextlib
import errno
import json
import mmap
import os
import random
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from sqlalchemy.engine import default

import ona.scan  # noqa: F401 - loaded once, before the children
import pipelines.intake.spool
from connectors.base import RawEvent
from ona.errors import NotFoundError, TryLaterError
from ona.rules import Rules
from ona.tables import Kind, Role
from pipelines import backup, erasure, publishing, scans
from pipelines.access import LOCAL_ANALYST
from pipelines.intake import events
from pipelines.settings import load_settings
from pipelines.storage.lake import FULL
from pipelines.storage.workspace import Workspace, open_workspace
from tests.pipelines.conftest import Events, handle, mail

NOW = datetime(2026, 8, 5, 12)
FULL_CODE = 75

MOST_SAID = 1_000
"""Characters of an error that a child tells."""

WRITES = "write,pwrite64,pwritev,writev,mkdir,mkdirat,ftruncate,fallocate"
"""Calls that need room on the disk."""

WATCHED = f"{WRITES},openat,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,rmdir"


@dataclass(frozen=True)
class Task:
    """What a child does, and the fault that meets it."""

    what: str
    home: Path
    step: int = 0  # 0 = none
    kind: str = "kill"  # or full, trace
    person: int = 0
    trace: str = ""


def pull(ws: Workspace, _task: Task) -> None:
    """Read four weeks of mails among twenty people."""
    pipelines.intake.spool.SPOOLED_ROWS = 50
    events.pull_events(ws, "files", Events(mails()), batch=20)


def mails() -> list[RawEvent]:
    """Return mails of four weeks."""
    rng = random.Random(3)
    day = datetime(2026, 7, 6).toordinal()
    found = []
    for number in range(200):
        at = datetime.fromordinal(day + rng.randrange(28)).replace(hour=rng.randrange(8, 18))
        found.append(mail(f"{number}", *(f"p{one}" for one in rng.sample(range(20), 3)), at=at))
    assert {(one.kind, one.recipients[0][1]) for one in found} == {(Kind.MAIL, Role.TO)}
    assert handle("p1") in {one.sender for one in found}
    return found


def publish(ws: Workspace, _task: Task) -> None:
    """Release the last scan to everybody."""
    publishing.publish(ws, scans.open_scan(ws), LOCAL_ANALYST, publishing.Wanted(override="a simulated company, nobody is judged"))


def erase(ws: Workspace, task: Task) -> None:
    """Erase one person from everything; whoever was killed at the very end finds nobody left to erase."""
    with contextlib.suppress(NotFoundError):
        erasure.erase(ws, task.person, reseal=scans.reseal_without)


WORK: dict[str, Callable[[Workspace, Task], object]] = {
    "ingest": pull,
    "scan": lambda ws, _task: scans.run(ws, replace(Rules(), weeks=2, seed=5)),
    "publish": publish,
    "migrate": lambda _ws, _task: None,  # opening does it
    "erase": erase,
    "backup": lambda ws, task: backup.backup(ws, task.home.parent / "backup.tar"),
}


class Faults:
    """Counts every step towards the disk, and kills the process before one of them."""

    def __init__(self, step: int) -> None:
        """Die at this step."""
        self.step, self.taken = step, 0

    def plant(self) -> None:
        """Stand before every call that changes something on the disk or in a database."""
        for owner, name in ((os, "fsync"), (os, "unlink"), (os, "rmdir"), (Path, "rename"), (Path, "mkdir"), (Path, "unlink")):
            setattr(owner, name, self._counting(getattr(owner, name)))
        for name in ("do_commit", "do_execute", "do_executemany"):
            setattr(default.DefaultDialect, name, self._counting(getattr(default.DefaultDialect, name)))

    def _counting(self, function):
        def call(*given, **named):
            self.taken += 1
            if self.taken == self.step:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*given, **named)

        return call


def child(task: Task, answer: mmap.mmap) -> None:
    """Do the work; tell the steps taken, end with 75 when there was no room, 1 for any other fault."""
    faults = Faults(task.step)
    if task.kind == "kill":
        faults.plant()
    else:
        os.kill(os.getpid(), signal.SIGSTOP)  # until the tracer stands beside it
    code = 0
    try:
        with open_workspace(load_settings(task.home), now=lambda: NOW) as ws:
            WORK[task.what](ws, task)
    except BaseException as error:  # noqa: BLE001 - told to the test, which fails by any but a full disk
        code = FULL_CODE if isinstance(error, TryLaterError) or getattr(error, "errno", None) in FULL else 1
        if code != FULL_CODE:
            answer.write(traceback.format_exc()[-MOST_SAID:].encode())
    answer[:8] = faults.taken.to_bytes(8)
    os._exit(code)


def tracer(task: Task, pid: int) -> subprocess.Popen[bytes]:
    """Put strace beside a child that stands still: to write down its calls, or to fail every writing one from the n-th on."""
    if task.kind == "trace":
        told = ["-y", "-s", "9000", "-e", f"trace={WATCHED}", "-o", task.trace]
    else:
        told = ["-o", task.trace or os.devnull, "-e", f"trace={WRITES}"]
        told += ["-e", f"inject={WRITES}:error=ENOSPC:when={task.step}+"] if task.step else []
    return subprocess.Popen(["strace", "-f", "-qq", *told, "-p", str(pid)], stderr=subprocess.DEVNULL)


def ended(task: Task) -> dict[str, int]:
    """Let a child work and return how it ended: its exit code, or the signal as a negative number."""
    answer = mmap.mmap(-1, 4 * MOST_SAID)  # shared memory: a child that may not write can still tell
    answer.seek(8)
    pid = os.fork()
    if pid == 0:
        child(task, answer)
    beside = None
    if task.kind != "kill":
        os.waitpid(pid, os.WUNTRACED)
        beside = tracer(task, pid)
        while f"TracerPid:\t{beside.pid}" not in Path(f"/proc/{pid}/status").read_text():
            if beside.poll() is not None:
                os.kill(pid, signal.SIGKILL)
                break
        os.kill(pid, signal.SIGCONT)
    status = os.waitpid(pid, 0)[1]
    if beside:
        beside.wait(20)
    sys.stderr.write(answer[8:].rstrip(b"\0").decode(errors="replace"))
    return {"code": -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status), "steps": int.from_bytes(answer[:8])}


def main() -> None:
    """Do what each line of the standard input tells, and answer with a line."""
    assert errno.ENOSPC in FULL
    assert len(list(Path("/proc/self").glob("task/*"))) <= 1, "a fork beside threads may leave a lock held for ever"
    for line in sys.stdin:
        told = json.loads(line)
        sys.stdout.write(json.dumps(ended(Task(**told | {"home": Path(told["home"])}))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
