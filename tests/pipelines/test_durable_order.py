"""In which order the kernel was asked to keep things: content, then names, then the row that shows it; what it replaces goes last."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import faulted_home
import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "tests" / "pipelines" / "faulted_work.py"
ALONE = {"JE_ARROW_MALLOC_CONF": "background_thread:false", "OPENBLAS_NUM_THREADS": "1"}

WRITING = ("write", "pwrite64", "pwritev", "writev", "ftruncate")
SYNCING = ("fsync", "fdatasync")
LOG = "service.sqlite-wal"

pytestmark = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace, which writes down what a process asks for, is not installed"
)


@dataclass(frozen=True)
class Call:
    """One call to the kernel: when it began and ended in the order of all, and on which file."""

    name: str
    path: str
    target: str  # of a rename
    content: str
    begun: int
    ended: int


def calls(trace: Path) -> list[Call]:
    """Read what strace wrote down; a call that another thread's interrupted has two lines."""
    found, waiting = [], {}
    for number, line in enumerate(trace.read_text(errors="replace").splitlines()):
        thread, _, rest = line.partition(" ")
        rest = rest.strip()
        if rest.endswith("<unfinished ...>"):
            waiting[thread] = (number, rest.removesuffix("<unfinished ...>"))
            continue
        begun = number
        if rest.startswith("<... "):
            begun, first = waiting.pop(thread, (number, ""))
            rest = first + rest.partition("resumed>")[2]
        name, _, told = rest.partition("(")
        if told.rpartition(" = ")[2][:1] in ("-", "?", ""):
            continue  # refused, nothing happened
        quoted = re.findall(r'"((?:[^"\\]|\\.)*)"', told)
        if name in ("rename", "renameat", "renameat2"):
            found.append(Call(name, quoted[0], quoted[1], "", begun, number))
        elif place := re.match(r"\d+<([^>]*)>", told) or re.search(r'"((?:[^"\\]|\\.)*)"', told):
            found.append(Call(name, place[1].removesuffix(" (deleted)"), "", quoted[0] if quoted else "", begun, number))
    return found


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    """The calls of one work on one deployment after the other, and its home."""
    folder = tmp_path_factory.mktemp("traced")
    home = folder / "home"
    person = faulted_home.build(home)
    found = {}
    command = [sys.executable, str(PROGRAM)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ | ALONE) as program:
        for what in ("ingest", "erase", "backup"):  # an erasure scans anew
            task = {"what": what, "home": str(home), "kind": "trace", "person": person, "trace": str(folder / what)}
            before = {str(path) for path in home.rglob("*")}
            program.stdin.write(json.dumps(task) + "\n")
            program.stdin.flush()
            assert json.loads(program.stdout.readline())["code"] == 0
            found[what] = [call for call in calls(folder / what) if call.target not in before]  # what lies there again was durable
        program.stdin.close()
    return home, found


def on(found, names, path):
    return [call for call in found if call.name in names and call.path == str(path)]


def synced(found, path, *, after, before):
    """Whether a file or folder was made durable between two moments."""
    return any(after < call.begun and call.ended < before for call in on(found, SYNCING, path))


def shown(found, home, text):
    """When a text first went into the log of the service database."""
    return min(call.begun for call in on(found, WRITING, home / LOG) if text in call.content)


def held(found, folder):
    """Every file that was written inside a folder, with the end of its last write."""
    last = {}
    for call in found:
        if call.name in WRITING and call.path.startswith(f"{folder}/"):
            last[call.path] = call.ended
    return last


@pytest.mark.parametrize("what", ["ingest", "erase"])
def test_a_part_is_durable_then_named_on_the_disk_then_shown_by_a_row(traced, what):
    home, found = traced[0], traced[1][what]
    parts = {
        call.target: call for call in reversed(found) if call.target.startswith(f"{home / 'lake'}/")
    }  # equal content has an equal name
    assert parts
    for part in parts.values():
        written = max(call.ended for call in on(found, WRITING, part.path) if call.ended < part.begun)
        row = shown(found, home, Path(part.target).stem)
        assert synced(found, part.path, after=written, before=part.begun), part.target
        for folder in list(Path(part.target).parents)[:3]:
            assert synced(found, folder, after=part.ended, before=row), folder
        assert synced(found, home / LOG, after=row, before=len(found) * 10**6)


def test_a_scan_is_durable_file_by_file_then_named_on_the_disk_then_shown_by_a_row(traced):
    home, found = traced[0], traced[1]["erase"]
    sealed = [call for call in found if call.target.startswith(f"{home / 'scans'}/")]
    assert sealed
    for scan in sealed:
        files = held(found, scan.path)
        row = shown(found, home, Path(scan.target).name)
        assert {Path(name).name for name in files} >= {"scores.parquet", "people.parquet", "quality.json", "manifest.json"}
        for name, written in files.items():
            assert synced(found, name, after=written, before=scan.begun), name
        assert synced(found, scan.path, after=max(files.values()), before=scan.begun)
        assert synced(found, home / "scans", after=scan.ended, before=row)
        assert synced(found, home / LOG, after=row, before=len(found) * 10**6)


def test_what_an_erasure_replaces_goes_only_after_the_row_of_its_successor_is_durable(traced):
    home, found = traced[0], traced[1]["erase"]
    made = [call for call in found if call.target.startswith(f"{home / 'lake'}/")]
    gone = [call for call in found if call.name == "unlink" and call.path.startswith(f"{home / 'lake'}/")]
    assert gone
    for one in gone:
        latest = max(call.ended for call in made if call.ended < one.begun)
        assert synced(found, home / LOG, after=latest, before=one.begun), one.path


def test_a_backup_is_durable_before_and_after_it_gets_its_name(traced):
    home, found = traced[0], traced[1]["backup"]
    (named,) = [call for call in found if call.target == str(home.parent / "backup.tar")]
    written = max(call.ended for call in on(found, WRITING, named.path))
    assert synced(found, named.path, after=written, before=named.begun)
    assert synced(found, home.parent, after=named.ended, before=len(found) * 10**6)


def test_each_line_of_the_second_place_of_the_audit_log_is_durable(traced):
    home, found = traced[0], traced[1]["erase"]
    place = next(call.path for call in found if call.name == "write" and "erased" in call.content)
    assert place.startswith(str(home))
    assert synced(found, place, after=max(call.ended for call in on(found, WRITING, place)), before=len(found) * 10**6)
