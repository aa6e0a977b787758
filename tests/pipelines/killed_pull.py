"""Pulls from a fake vendor in children that are killed with SIGKILL at random moments, then once to the end; a program of its own."""

import json
import os
import random
import shutil
import signal
import sys
import time
from datetime import datetime
from pathlib import Path

from connectors.base import open_connector
from connectors.network import Surroundings
from connectors.simulated.faults import FakeClock
from pipelines.intake.steps import pull_steps
from pipelines.settings import load_settings
from pipelines.storage.workspace import open_workspace


def pull(home: Path, told: dict) -> None:
    """Pull in small commits, with a clock that waits for nothing."""
    connector = open_connector(told["connector"], told["section"])
    connector.around = Surroundings(clock=FakeClock(told["start"]))
    with open_workspace(load_settings(home), now=lambda: datetime(2026, 7, 13, 12)) as ws:
        pull_steps(ws, told["connector"], connector, rows=60)


def main() -> None:
    """Kill as many children as told; each lives for a random part of the time that the first whole pull takes."""
    told = json.loads(sys.argv[1])
    rng, home = random.Random(told["seed"]), Path(told["home"])
    trial = Path(told["home"]).with_name("trial")
    shutil.copytree(home, trial)
    begun, killed = time.monotonic(), 0
    pull(trial, told)
    whole = time.monotonic() - begun
    shutil.rmtree(trial)
    for _ in range(told["kills"]):
        child = os.fork()
        if child == 0:
            pull(home, told)
            os._exit(0)
        time.sleep(rng.uniform(0.0, whole))
        os.kill(child, signal.SIGKILL)
        killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
    pull(home, told)
    sys.stdout.write(str(killed))


if __name__ == "__main__":
    main()
