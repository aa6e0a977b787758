"""The wheel holds the four packages whole and nothing else, and no other distribution claims their names."""

import os
import subprocess
import sys
from email.parser import Parser
from importlib.metadata import packages_distributions
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"ona", "connectors", "pipelines", "api"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pytest.importorskip("hatchling", reason="the build backend is not installed; make test installs it from locks/build.txt")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def metadata(wheel):
    with ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


def test_the_wheel_holds_the_four_packages_and_no_other(wheel):
    with ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES


def test_every_file_of_the_packages_is_in_the_wheel(wheel):
    on_disk = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with ZipFile(wheel) as archive:
        assert on_disk - set(archive.namelist()) == set()


def test_the_wheel_runs_without_the_checkout(wheel, tmp_path):
    """Unpacked before everything else on the path, it answers for all four packages and for the command line."""
    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import ona, connectors, pipelines, api, pipelines.cli as cli\n"
        "print(*(m.__file__ for m in (ona, connectors, pipelines, api)), sep='\\n')\n"
        "sys.argv = ['ona', '--help']; cli.main()"
    )
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}  # nothing is computed here, so no kernel need be compiled
    run = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr
    assert all(line.startswith(str(tmp_path)) for line in run.stdout.splitlines()[:4])
    assert "doctor" in run.stdout


def test_nobody_else_owns_our_import_names():
    owners = packages_distributions()
    foreign = {name: [d for d in owners.get(name, []) if d != "ona-influence"] for name in PACKAGES}
    assert foreign == {name: [] for name in PACKAGES}


def test_the_package_can_not_be_uploaded_by_accident(metadata):
    assert "Private :: Do Not Upload" in metadata.get_all("Classifier")


def test_the_metadata_name_licence_and_python(metadata):
    assert metadata["License-Expression"] == "Apache-2.0"
    assert set(metadata.get_all("License-File")) == {"LICENSE", "NOTICE"}
    assert metadata["Requires-Python"] == ">=3.11"


def test_the_licence_is_apache_and_the_notice_names_igraph():
    assert "Apache License\n                           Version 2.0, January 2004" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    assert "igraph" in notice
    assert "GPL-2.0-or-later" in notice
