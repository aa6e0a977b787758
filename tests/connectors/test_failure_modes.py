"""The list of failure modes is whole and true: every cure stands where it is said to, and a test fails when it is taken away."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from failure_modes import Cure
from further_failures import FURTHER
from known_failures import KNOWN

ROOT = Path(__file__).parents[2]
COPIED = ("ona", "connectors", "pipelines", "tests")
CURES = [cure for mode in (*KNOWN, *FURTHER) for cure in mode.cures]


def test_the_list_holds_all_twenty_three_known_modes_each_once_and_with_a_cure():
    assert [mode.number for mode in KNOWN] == list(range(1, 24))
    assert all(mode.cures for mode in (*KNOWN, *FURTHER))
    assert len({mode.number for mode in (*KNOWN, *FURTHER)}) == len(KNOWN) + len(FURTHER)


@pytest.mark.parametrize("cure", CURES, ids=lambda cure: f"{cure.file}:{cure.test.rpartition('::')[2]}")
def test_a_cure_stands_once_in_its_file_and_its_test_is_one_that_runs_with_all_others(cure: Cure):
    assert (ROOT / cure.file).read_text().count(cure.text) == 1
    file, _, name = cure.test.partition("::")
    (found,) = [one for one in ast.parse((ROOT / "tests" / file).read_text()).body if isinstance(one, ast.FunctionDef) and one.name == name]
    marks = {ast.unparse(mark).partition("(")[0] for mark in found.decorator_list}
    assert not marks & {"pytest.mark.soak", "pytest.mark.skip", "pytest.mark.xfail"}


@pytest.mark.soak
@pytest.mark.parametrize("cure", CURES, ids=lambda cure: f"{cure.file}:{cure.test.rpartition('::')[2]}")
def test_with_the_cure_the_test_passes_and_without_it_fails(cure: Cure, copy: Path):
    assert run(copy, cure.test) == 0
    path = copy / cure.file
    before = path.read_text()
    path.write_text(before.replace(cure.text, cure.without))
    try:
        assert run(copy, cure.test) == 1, "the test passed, or did not run, without the cure"
    finally:
        path.write_text(before)


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """Copy what the tests need, so that nothing is ever taken away from the real source."""
    place = tmp_path_factory.mktemp("copy")
    for name in COPIED:
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copy(ROOT / "pyproject.toml", place)
    return place


def run(place: Path, test: str) -> int:
    """Run one test against a copy; 0 it passed, 1 it failed, anything else it did not run."""
    options = ["-q", "-x", "-p", "no:randomly", "--no-header", f"tests/{test}"]
    done = subprocess.run(
        [sys.executable, "-B", "-m", "pytest", *options],
        cwd=place,
        env=os.environ | {"PYTHONPATH": str(place)},
        capture_output=True,
        check=False,
        timeout=300,
    )
    return done.returncode
