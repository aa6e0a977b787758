"""A verb loads what it works with and nothing else, so that none waits for what another needs."""

import subprocess
import sys

import pytest

from pipelines import cli

HEAVY = {
    "duckdb",
    "fastapi",
    "httpx2",
    "huey",
    "igraph",
    "networkx",
    "numba",
    "numpy",
    "pandas",
    "pyarrow",
    "pydantic",
    "scipy",
    "sqlalchemy",
}
"""Libraries of which each takes longer to load than the list of verbs takes to print."""

GRAPHS = {"igraph", "networkx", "numba", "scipy.optimize", "scipy.stats"}
"""What only the measures need: two seconds that nobody should wait for who reads a sealed scan."""


def loaded(code: str, watched: set[str]) -> set[str]:
    """Return which of these modules are loaded after these lines in a process of its own."""
    lines = f"import sys\nfrom pipelines import cli\n{code}\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True, timeout=120)
    return watched & set(run.stdout.splitlines()[-1].split())


def test_the_list_of_verbs_loads_no_library_of_any_verb():
    run = "sys.argv = ['ona', '--help']\ntry:\n    cli.main()\nexcept SystemExit:\n    pass"
    assert loaded(run, HEAVY) == set()


def test_verbs_that_only_read_do_not_load_the_measures():
    verbs = ("audit", "doctor", "keys", "people", "person", "quality", "scans", "token", "viewers")
    assert loaded(f"for verb in {verbs}:\n    cli.load(verb)", GRAPHS) == set()


def test_the_explanation_of_the_measures_loads_them():
    """The control: what the verbs above do not load would be seen."""
    assert loaded("cli.load('metrics')", GRAPHS) >= {"numba"}


@pytest.mark.parametrize("verb", cli.VERBS, ids=lambda verb: verb.name)
def test_the_list_says_of_every_verb_what_the_verb_says_of_itself(verb):
    assert cli.load(verb.name).help == verb.help


def test_every_verb_of_an_area_is_on_the_list():
    areas = {verb.module for verb in cli.VERBS}
    own = {name for area in areas for name in cli.area(area).commands}
    assert own == {verb.name for verb in cli.VERBS}
