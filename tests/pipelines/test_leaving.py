"""A worker that is told to leave gives its job back and ends in order, wherever its job is."""

import signal
import subprocess
import sys
import time

import pytest

from pipelines import jobs
from pipelines.access import LOCAL_ANALYST
from pipelines.jobs import State
from pipelines.keys import create_key
from pipelines.settings import load_settings, write_template
from pipelines.storage.workspace import open_workspace

COUNTING = """
import sys
from pathlib import Path
import duckdb
from pipelines.jobs import bodies, worker
from pipelines.settings import load_settings

def count(ws, body, progress):
    progress("counting", 0, None)
    while True:
        duckdb.sql("select sum(i * i) from range(300_000) t(i)").fetchall()

worker.PATIENCE = 0.5
bodies.BODIES["retention"] = count
worker.work(load_settings(Path(sys.argv[1])), schedule=False)
"""
"""A worker with a job that is inside the database almost all the time, as a scan of a large company is."""


@pytest.fixture
def ws(tmp_path):
    write_template(tmp_path / "home")
    create_key(tmp_path / "home" / "key")
    with open_workspace(load_settings(tmp_path / "home")) as found:
        yield found


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_told_to_leave_gives_its_job_back_and_ends_in_order(ws, told):
    job = jobs.ask(ws, LOCAL_ANALYST, "retention", {})
    leaving = subprocess.Popen([sys.executable, "-c", COUNTING, str(ws.home)], stderr=subprocess.PIPE, text=True)
    wait_until(lambda: jobs.find(ws, job.id).phase == "counting")
    leaving.send_signal(told)
    try:
        _, said = leaving.communicate(timeout=30)
    finally:
        leaving.kill()
    assert leaving.returncode == 0, said
    assert [line for line in said.splitlines() if not line.startswith("{")] == []
    found = jobs.find(ws, job.id)
    assert (found.state, found.phase, found.attempts) == (State.QUEUED, "waiting", 1)
    assert not jobs.is_attended(ws)


def wait_until(holds, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)
