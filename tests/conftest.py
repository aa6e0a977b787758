"""Fixtures of the whole suite: the command line in a process of its own, and one small demo company made by it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ONA = Path(sys.executable).with_name("ona")

Run = Callable[..., subprocess.CompletedProcess[str]]

PEOPLE = 80
"""People of the demo company: as few as leave some who stand out, for a run takes as long as there are events."""


def environment(temporary: Path, **extra: str) -> dict[str, str]:
    """Return the environment of a child: no setting of ours, and a temporary folder that can be searched."""
    temporary.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ONA_")}
    return kept | {"TMPDIR": str(temporary), "NO_COLOR": "1", "COLUMNS": "200"} | extra


@pytest.fixture(scope="session")
def ona(tmp_path_factory) -> Run:
    """Run ``ona`` with these arguments and return what it printed."""
    temporary = tmp_path_factory.mktemp("temporary")

    def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
        command = [str(ONA), *map(str, arguments)]
        options = {"env": environment(temporary), "timeout": 300} | options
        return subprocess.run(command, capture_output=True, text=True, check=False, **options)

    return run


@dataclass(frozen=True)
class DemoHome:
    """A demo company after ``ona demo``."""

    home: Path
    temporary: Path
    printed: str
    result: dict
    people: int = PEOPLE


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> DemoHome:
    """Build the demo company once, small, through the command line, without a network where the machine allows to show it."""
    home, temporary = tmp_path_factory.mktemp("demo") / "home", tmp_path_factory.mktemp("demo-temporary")
    command = [*isolated(), str(ONA), "demo", "--home", str(home), "--people", str(PEOPLE), "--no-serve", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(temporary), timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return DemoHome(home, temporary, done.stdout + done.stderr, json.loads(done.stdout))


def isolated() -> list[str]:
    """Return the prefix that cuts a command off from every network, where the kernel lets us."""
    probe = subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False) if Path("/usr/bin/unshare").exists() else None
    return ["unshare", "-n"] if probe and probe.returncode == 0 else []
