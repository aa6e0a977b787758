"""Scans and backups that are killed, or find the disk full, beside a running server: it serves the last scan, and the next run mends."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from api.app import create_app
from api.auth import COOKIE
from ona.rules import Rules
from ona.simulate import company
from pipelines import scans, simulated
from pipelines.access import LOCAL_ANALYST
from pipelines.access.rights import Role
from pipelines.access.sessions import open_session
from pipelines.keys import create_key
from pipelines.schema import FILES
from pipelines.settings import load_settings
from pipelines.workspace import open_workspace

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "tests" / "pipelines" / "killed_scan.py"
NOW = datetime(2026, 8, 5, 12)
BASE = "http://127.0.0.1:8765"
WHOLE = 1_000_000


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    """A deployment with one sealed scan, to copy."""
    home = tmp_path_factory.mktemp("killed") / "home"
    create_key(home / "key")
    (home / "ona.toml").write_text("deterministic_ids = true\n")
    with open_workspace(load_settings(home), now=lambda: NOW) as ws:
        simulated.stream(ws, company(people=60, weeks=6, seed=5))
        scans.run(ws, Rules(weeks=3))
    return home


@pytest.fixture(scope="module")
def program():
    """The program that works and is killed."""
    with subprocess.Popen([sys.executable, str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as running:
        yield running
        running.stdin.close()


@pytest.fixture(scope="module")
def calm(scanned, program, tmp_path_factory):
    """The same deployment after the same scan without a fault."""
    home = shutil.copytree(scanned, tmp_path_factory.mktemp("calm") / "home")
    assert run(program, home, WHOLE) == 0
    return home


def run(program, home, step, kind="kill", what="scan"):
    """Work with a fault at this step; return how it ended."""
    program.stdin.write(json.dumps({"what": what, "home": str(home), "step": step, "kind": kind}) + "\n")
    program.stdin.flush()
    return int(program.stdout.readline())


def bytes_of(home):
    """Checksums of every sealed scan's files, and everything beside them."""
    folders = {path.name for path in (home / "scans").iterdir()}
    manifests = [json.loads((home / "scans" / name / "manifest.json").read_text()) for name in sorted(folders) if name[0] != "."]
    return folders, {one["id"]: one["files"]["scores.parquet"] for one in manifests}


def left_over(home):
    """Files that nothing names: drafts, temporary files, parts of archives."""
    with open_workspace(load_settings(home)) as ws:
        named = {
            ws.lake.root / file.path for row in ws.service.rows(sa.select(FILES.c.table).distinct()) for file in ws.lake.files(row.table)
        }
    held = {path for path in (home / "lake").rglob("*") if path.is_file()}
    return [*(home / "scans").glob(".*"), *home.parent.glob(".*.part"), *(held - named)]


def survives(scanned, program, calm, folder, steps, kind):
    """Plant a fault at each step beside a running server, then run once to the end and hold the bytes against an undisturbed run."""
    home = shutil.copytree(scanned, folder / "home")
    app = create_app(load_settings(home))
    with TestClient(app, base_url=BASE) as client:
        client.cookies.set(COOKIE, open_session(app.state.ws, LOCAL_ANALYST.subject, Role.ANALYST))
        before = client.get("/api/v1/scans/latest").json()
        ended = []
        for step in steps:
            ended.append(run(program, home, step, kind))
            begun = time.monotonic()
            answer = client.get("/api/v1/scans/latest")
            assert time.monotonic() - begun < 1.0
            assert answer.status_code == 200
            if answer.json()["scan"]["id"] != before["scan"]["id"]:
                break  # the fault came after the commit: there is nothing left to lose
            assert answer.json() == before
        assert set(ended) <= {0, -signal.SIGKILL} if kind == "kill" else set(ended) <= {0, 75}
        assert {-signal.SIGKILL, 75} & set(ended)
        assert run(program, home, WHOLE) == 0
        assert client.get("/api/v1/scans/latest").json()["scan"]["id"] != before["scan"]["id"]
    assert bytes_of(home) == bytes_of(calm)
    assert left_over(home) == []


@pytest.mark.parametrize(("kind", "steps"), [("kill", (40, 130)), ("full", (14,))])
def test_a_scan_that_is_cut_off_leaves_the_last_one_served_and_the_next_run_ends_in_the_same_bytes(
    scanned, program, calm, tmp_path, kind, steps
):
    survives(scanned, program, calm, tmp_path, steps, kind)


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["kill", "full"])
def test_a_scan_cut_off_at_any_of_two_hundred_steps_leaves_the_last_one_served(scanned, program, calm, tmp_path, kind):
    survives(scanned, program, calm, tmp_path, range(1, 201), kind)
    drawn = random.Random(7)
    survives(scanned, program, calm, tmp_path / "again", [drawn.randrange(1, 400) for _ in range(200)], kind)


@pytest.mark.parametrize(("kind", "steps"), [("kill", (5, 12))])
def test_a_backup_that_is_cut_off_leaves_no_archive_and_the_next_one_is_whole(scanned, program, tmp_path, kind, steps):
    home = shutil.copytree(scanned, tmp_path / "home")
    for step in steps:
        assert run(program, home, step, kind, "backup") == -signal.SIGKILL
        assert not (tmp_path / "backup.tar").exists()
    assert run(program, home, WHOLE, kind, "backup") == 0
    assert (tmp_path / "backup.tar").stat().st_size > 10_000
    assert left_over(home) == []
