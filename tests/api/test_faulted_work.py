"""Work that is killed, or finds the disk full, beside an open reader: it answers as before, and the next run ends in the same bytes."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import faulted_home as deployments
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.auth import COOKIE
from pipelines.access import LOCAL_ANALYST
from pipelines.access.rights import Role
from pipelines.access.sessions import open_session
from pipelines.settings import load_settings

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "tests" / "pipelines" / "faulted_work.py"
BASE = "http://127.0.0.1:8765"
ALONE = {"JE_ARROW_MALLOC_CONF": "background_thread:false", "OPENBLAS_NUM_THREADS": "1"}
"""Keeps the program's libraries from starting threads, beside which a fork may leave a lock held for ever."""

LATEST = "/api/v1/scans/latest"
QUALITY = "/api/v1/scans/latest/quality"

WORKS = ("ingest", "scan", "publish", "migrate", "erase", "backup")

SWEEPS = {"ingest": 40, "scan": 25, "publish": 40, "migrate": 50, "erase": 20, "backup": 40}
"""Most points of each sweep; a work with fewer steps is met at every one of them. With either fault it is more than 200 points in all."""

FULL = 75


@dataclass
class Calm:
    """What a work leaves when nothing meets it, and how many steps it takes."""

    state: dict[str, object]
    steps: int


@dataclass
class Place:
    """Deployments to copy, and the program that works on the copies."""

    folder: Path
    program: subprocess.Popen
    person: int
    calm: dict[tuple[str, str], Calm] = field(default_factory=dict)

    def run(self, what: str, home: Path, step: int = 0, kind: str = "kill", trace: str = "") -> tuple[int, int]:
        """Work with a fault at this step; return how it ended and how many steps it took."""
        task = {"what": what, "home": str(home), "step": step, "kind": kind, "person": self.person, "trace": trace}
        self.program.stdin.write(json.dumps(task) + "\n")
        self.program.stdin.flush()
        told = json.loads(self.program.stdout.readline())
        return told["code"], told["steps"]

    def copy(self, what: str, name: str) -> Path:
        """Copy the deployment that a work begins with."""
        base = "released" if what == "migrate" else "home"
        return shutil.copytree(self.folder / base, self.folder / name / "home")

    def undisturbed(self, what: str, kind: str) -> Calm:
        """Do the work once without a fault."""
        if (what, kind) not in self.calm:
            home = self.copy(what, f"calm-{what}-{kind}")
            trace = self.folder / f"writes-{what}"
            code, steps = self.run(what, home, 0, kind, str(trace))
            assert code == 0
            steps = steps if kind == "kill" else deployments.most_of_one_call(trace)
            self.calm[what, kind] = Calm(deployments.state(home, what), steps)
        return self.calm[what, kind]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("faulted")
    person = deployments.build(folder / "home")
    deployments.release(folder / "home", folder / "released")
    with subprocess.Popen(
        [sys.executable, str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ | ALONE
    ) as running:
        yield Place(folder, running, person)
        running.stdin.close()


@contextmanager
def reading(home: Path, what: str) -> Iterator[list]:
    """Read beside the work: by a running server, of a database about to be changed by an older program's open connection."""
    if what == "migrate":
        with closing(sqlite3.connect(home / "service.sqlite")) as older:
            yield [
                lambda: older.execute("SELECT pointers.scan, scans.people FROM pointers JOIN scans ON pointers.scan = scans.id").fetchall()
            ]
        return
    app = create_app(load_settings(home))
    with TestClient(app, base_url=BASE) as client:
        client.cookies.set(COOKIE, open_session(app.state.ws, LOCAL_ANALYST.subject, Role.ANALYST))
        yield [lambda path=path: answer(client, path) for path in (LATEST, QUALITY)]


def answer(client: TestClient, path: str) -> tuple[int, object]:
    found = client.get(path)
    return found.status_code, found.json()


def prompt(readers: list) -> list:
    """Ask every reader; each answers within a second, not counting how long a busy machine kept this process from its processors."""
    found = []
    for read in readers:
        begun, starved = time.monotonic(), kept_waiting()
        found.append(read())
        assert time.monotonic() - begun - (kept_waiting() - starved) < 1.0
    return found


def kept_waiting() -> float:
    """Seconds that the threads of this process were ready to run and did not."""
    return sum(int(path.read_text().split()[1]) for path in Path("/proc/self/task").glob("*/schedstat")) / 1e9


def survives(place: Place, what: str, kind: str, step: int) -> int:
    """Meet a work with one fault; readers answer as before or as after, the next run ends as an undisturbed one, nothing is left over."""
    calm = place.undisturbed(what, kind)
    home = place.copy(what, f"{what}-{kind}-{step}")
    with reading(home, what) as readers:
        before = [read() for read in readers]  # the first of its kind is read from the disk
        code, _ = place.run(what, home, step, kind)
        during = prompt(readers)
        assert code in ((0, -signal.SIGKILL) if kind == "kill" else (0, FULL)), code
        if (home.parent / "backup.tar").exists():  # named, so it is whole
            assert deployments.state(home, what) == calm.state
            (home.parent / "backup.tar").unlink()
        assert place.run(what, home)[0] == 0
        after = prompt(readers)
    assert during in (before, after)
    assert after == before or what in ("scan", "erase")
    assert deployments.state(home, what) == calm.state
    assert deployments.left_over(home) == []
    shutil.rmtree(home.parent)
    return code


def points(steps: int, many: int) -> list[int]:
    """Return every step, or so many of them evenly, the first and the last among them."""
    return sorted({1 + round(at * (steps - 1) / (many - 1)) for at in range(many)}) if steps > many else list(range(1, steps + 1))


@pytest.mark.parametrize("what", ["ingest", "publish", "migrate", "erase", "backup"])
def test_whoever_is_killed_midway_leaves_readers_their_answer_and_the_next_run_the_same_bytes(place, what):
    assert survives(place, what, "kill", place.undisturbed(what, "kill").steps * 2 // 3) == -signal.SIGKILL


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace, which fails single calls of a process, is not installed")
@pytest.mark.parametrize("what", ["ingest", "backup"])
def test_whoever_finds_the_disk_full_stops_cleanly_and_the_next_run_ends_in_the_same_bytes(place, what):
    assert survives(place, what, "full", max(1, place.undisturbed(what, "full").steps // 2)) == FULL


@pytest.mark.soak
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace, which fails single calls of a process, is not installed")
@pytest.mark.parametrize("kind", ["kill", "full"])
@pytest.mark.parametrize("what", WORKS)
def test_at_any_point_of_a_sweep(place, what, kind):
    met = [survives(place, what, kind, step) for step in points(place.undisturbed(what, kind).steps, SWEEPS[what])]
    print(what, kind, len(met), "points,", len(met) - met.count(0), "met")  # noqa: T201 - figures of a sweep
    assert met[0] != 0
    assert len(met) - met.count(0) > len(met) // 2
