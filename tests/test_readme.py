"""The README tells the truth: its verbs, settings, targets, routes, links and sections exist, and its two recipes work as printed."""

import os
import re
import shutil
import struct
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
import typer.main

from connectors.base import connector_names, open_connector
from ona.indicators import INDICATORS
from ona.metrics import METRICS
from pipelines.cli import app as cli
from pipelines.cli import load
from pipelines.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
VERBS = typer.main.get_group(cli)


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Return every line that a reader is asked to type."""
    return [line.removeprefix("$ ") for block in blocks("console") for line in block.splitlines() if line.startswith("$ ")]


ONA_LINES = [found[1] for line in commands() if (found := re.search(r"(?:^|[ /])ona ([a-z].*)$", line))]


def test_every_verb_of_the_command_line_is_named():
    assert [name for name in VERBS.commands if f"ona {name}" not in README] == []


def test_every_verb_that_is_named_exists():
    named = set(re.findall(r"`(?:\.venv/bin/)?ona ([a-z-]+)", README))
    assert named - set(VERBS.commands) == set()


@pytest.mark.parametrize("line", ONA_LINES)
def test_every_command_to_type_is_understood(line):
    """Parsed only, not run: unknown options and missing arguments are errors."""
    name, *arguments = line.split()
    load(name).make_context(name, arguments)


def test_every_setting_is_named_with_its_default():
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", README, re.MULTILINE))
    assert set(Settings.model_fields) - set(rows) == set()
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, int | str) and field.default != "":
            assert rows[name].strip("`").lower() == str(field.default).lower(), name


def test_every_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z]+)`?", "\n".join([*commands(), *re.findall(r"`make [a-z]+`", README)]))) <= targets


def test_the_test_command_is_what_continuous_integration_runs():
    assert "make test" in commands()
    assert re.search(r"^timeout \d+ make test ", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)


def test_every_relative_link_leads_somewhere():
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).is_file()] == []


def test_the_picture_is_a_screenshot_of_a_page():
    content = (ROOT / "notebooks" / "overview.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", content[16:24])
    assert width >= 800
    assert height >= 500


@pytest.mark.parametrize("name", connector_names())
def test_every_connector_has_its_lines(name):
    assert f"[connectors.{name}]" in README
    reads_files = "path" in import_module(connector_names()[name]).Config.model_fields
    assert not reads_files or f"ona pull {name} --set " in README


@pytest.mark.parametrize("block", blocks("toml"))
def test_every_section_to_copy_is_taken_by_its_connector(block):
    for name, section in tomllib.loads(block)["connectors"].items():
        open_connector(name, section)


def test_every_measure_is_in_the_glossary():
    assert [name for name in (*METRICS, *INDICATORS) if f"`{name}`" not in README] == []


def test_every_path_of_the_api_lines_exists(paths):
    """JSON routes as the API describes them, and the pages' own."""
    asked = {re.sub(r"\?.*", "", path) for path in re.findall(r"127\.0\.0\.1:8765(/[^\s\"]+)", "\n".join(blocks("console")))}
    assert len(asked) == 4
    for path in asked:
        assert any(re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", known), path) for known in paths), path


@pytest.fixture
def paths(tmp_path):
    from api import pages
    from api.app import create_app
    from pipelines.keys import create_key
    from pipelines.settings import load_settings

    create_key(tmp_path / "key")
    described = create_app(load_settings(tmp_path)).openapi()["paths"]
    return {*described, *(route.path for route in pages.reading.router.routes)}


@pytest.mark.parametrize("target", ["ona/metrics/acquaintance.py", "connectors/files/chatlog.py"])
def test_a_recipe_works_as_it_is_printed(target, tmp_path):
    """Its files are written into a copy of the two packages; its own test and the registry decide."""
    files = {found[1]: text for text in blocks("python") if (found := re.match(r"# (\S+)\n", text))}
    test = next(name for name in files if name.endswith(f"test_{Path(target).name}"))
    for package in ("ona", "connectors"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / test).parent.mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "ona" / "conftest.py", (tmp_path / test).parent)
    for name in (target, test):
        (tmp_path / name).write_text(files[name].split("\n", 1)[1], encoding="utf-8")
    registry = f"assert {Path(target).stem!r} in " + (
        "ona.metrics.METRICS" if target.startswith("ona") else "connectors.base.connector_names()"
    )
    inside(tmp_path, "-c", f"import ona.metrics, connectors.base; {registry}")
    inside(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--rootdir", str(tmp_path), "-W", "error", test)


@pytest.mark.parametrize("target", ["ona/metrics/acquaintance.py", "connectors/files/chatlog.py"])
def test_a_recipe_is_five_steps(target):
    start = README.index(f"1. Make `{target}`")
    assert re.findall(r"^(\d)\. ", README[start : README.index("```", start)], re.MULTILINE) == list("12345")


def inside(folder: Path, *arguments: str) -> None:
    """Run Python in a folder whose packages come first, and expect success."""
    found = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
