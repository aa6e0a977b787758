"""The import contracts hold, each can fail, and no file tells where it was written."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("ona", "connectors", "pipelines", "api")
CONTRACTS = {c["id"]: c for c in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]}

FAULTS = {
    "packages": ("ona/errors.py", "import pipelines.settings"),
    "ona": ("ona/utils.py", '"""A stray module."""'),
    "simulation": ("ona/simulate/structure.py", "import ona.simulate.company"),
    "simulate": ("ona/simulate/company.py", "import ona.graph"),
    "pipelines": ("pipelines/settings.py", "import pipelines.scans"),
    "verbs": ("pipelines/verbs/options.py", "import pipelines.verbs.scans"),
    "storage": ("pipelines/storage/lake.py", "import pipelines.storage.workspace"),
    "intake": ("pipelines/intake/people.py", "import pipelines.intake.pulls"),
    "growth": ("pipelines/growth/profiles.py", "import pipelines.growth.pairs"),
    "entrance": ("pipelines/entrance/provider.py", "import pipelines.entrance.sign_in"),
    "rights": ("pipelines/rights/contests.py", "import pipelines.rights.own_export"),
    "pages": ("api/pages/reading.py", "import api.pages.needs"),
    "api": ("api/problems.py", "import api.app"),
    "connectors": ("connectors/files/mbox.py", "import connectors.slack.export"),
    "simulated": ("pipelines/jobs.py", "import connectors.simulated.files"),
    "science": ("ona/scan.py", "import duckdb"),
    "no-pull": ("api/pages/reading.py", "import connectors.base"),
    "home-of-slack-sdk": ("connectors/slack/export.py", "import slack_sdk"),
    "home-of-msal": ("api/app.py", "import msal"),
    "home-of-authlib": ("api/app.py", "import authlib"),
    "home-of-alembic": ("pipelines/scans.py", "import alembic"),
    "home-of-google-auth": ("connectors/google/gmail.py", "import google.auth"),
    "home-of-httpx2": ("connectors/google/gmail.py", "import httpx2"),
    "home-of-icalendar": ("connectors/files/mbox.py", "import icalendar"),
    "home-of-huey": ("pipelines/scans.py", "import huey"),
    "home-of-cryptography": ("pipelines/intake/events.py", "import cryptography"),
    "home-of-engines": ("pipelines/ties.py", "import duckdb"),
    "home-of-pyvis": ("api/pages/reading.py", "import pyvis"),
}
"""Contract → file and line that break it."""

PLACES = re.compile("|".join(["/wo" + "rk/", "/opt/" + "(wheels|pypi)", "extra-index" + "-url ?=", "/ro" + "ot/"]))
"""Absolute folders and index hosts of a machine, written so that this file does not match itself."""


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts over the packages that lie in a folder."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def verdicts(output: str) -> dict[str, str]:
    """Return contract id → KEPT or BROKEN."""
    flat = re.sub(r"\x1b\[[0-9;]*m", "", output)
    ids = {contract["name"]: key for key, contract in CONTRACTS.items()}
    return {ids[name]: verdict for name, verdict in re.findall(r"^(.+?) (KEPT|BROKEN)", flat, re.MULTILINE) if name in ids}


def test_every_contract_holds():
    run = lint(ROOT)
    assert run.returncode == 0, run.stdout
    assert verdicts(run.stdout) == dict.fromkeys(CONTRACTS, "KEPT")


def test_every_contract_breaks_on_its_own_fault(tmp_path):
    """All faults are planted at once in a copy; a contract that is still kept checks nothing."""
    assert set(FAULTS) == set(CONTRACTS)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for file, line in FAULTS.values():
        with (tmp_path / file).open("a", encoding="utf-8") as module:
            module.write(f"\n{line}\n")
    run = lint(tmp_path)
    assert run.returncode == 1
    assert verdicts(run.stdout) == dict.fromkeys(CONTRACTS, "BROKEN"), run.stdout


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_says_in_its_first_line_what_it_holds(package):
    silent = [path for path in (ROOT / package).rglob("*.py") if not path.read_text(encoding="utf-8").startswith('"""')]
    assert silent == []


def test_no_file_is_long_and_none_is_a_bag_of_utils():
    modules = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    assert [str(path) for path in modules if path.stem in {"utils", "helpers", "common", "misc"}] == []
    assert {str(path): n for path in modules if (n := len(path.read_text(encoding="utf-8").splitlines())) > 400} == {}


def test_no_file_names_a_place_of_the_machine_it_was_written_on():
    found = [f"{path.relative_to(ROOT)}: {match[0]}" for path in texts() for match in PLACES.finditer(path.read_text(encoding="utf-8"))]
    assert found == []


def texts() -> list[Path]:
    """Return every text file of the repository, as version control sees it where that can be asked."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = [name for name in listed.stdout.split("\0") if name]
    paths = [ROOT / name for name in names] or [path for package in (*PACKAGES, "tests", "locks") for path in (ROOT / package).rglob("*")]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:4096]]
