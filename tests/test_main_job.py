"""The whole road as its user walks it: vendor files → scan → answers, with no content anywhere and nothing lost by a crash."""

import base64
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from canaries import SPELLINGS, canaries, is_ours
from stored_columns import free_text

from connectors.simulated.files import CANARY

ONA = Path(sys.executable).with_name("ona")


def test_the_inbox_is_full_of_canaries(demo):
    """The control: what the next tests do not find was there to be found."""
    content = b"".join(path.read_bytes() for path in (demo.home / "inbox").rglob("*") if path.is_file())
    assert content.count(CANARY.encode()) > 1000


def test_the_demo_finds_people_who_stand_out_and_says_how_the_rows_fared(demo):
    assert demo.result["headline"]["flagged"] > 0
    for outcome in demo.result["outcomes"]:
        report = outcome["report"]
        assert outcome["error"] is None
        assert report["read"] > 0
        assert report["read"] == report["accepted"] + report["duplicate"] + sum(report["dropped"].values()) + sum(
            report["quarantined"].values()
        )


@pytest.mark.parametrize("before", ["", "a", "ab"])
def test_content_is_found_however_it_is_spelt_or_packed(tmp_path, before):
    """The control of the next test."""
    text = f"{before}{CANARY} and more".encode()
    spelt = {"raw": text, "b64": base64.b64encode(text), "hex": text.hex().encode(), "utf16": text.decode().encode("utf-16-le")}
    for name, content in {**spelt, "gz": gzip.compress(text)}.items():
        (tmp_path / name).write_bytes(content)
    assert {found.split(" ")[0] for found in canaries(tmp_path)} == {str(path) for path in tmp_path.iterdir()}


def test_no_content_reaches_the_data_folder_the_temporary_folder_or_the_screen(demo):
    assert canaries(demo.home, demo.temporary) == []


def test_every_file_of_the_analysis_holds_listed_columns_and_no_free_text(demo):
    assert len({path.parts[-3] for path in (demo.home / "lake").rglob("*.parquet")}) >= 6
    assert free_text(demo.home) == []
    assert CANARY not in demo.printed


def test_no_name_or_address_lies_in_clear_outside_the_inbox(demo):
    lines = (demo.home / "inbox" / "hr.csv").read_text(encoding="utf-8").splitlines()[1:41]
    secrets = [field.encode() for line in lines for field in line.split(",")[1:3]]
    for path in (p for p in demo.home.rglob("*") if is_ours(p) and p.suffix != ".parquet"):
        content = path.read_bytes()
        assert not [secret for secret in secrets if secret in content], path


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace, which writes down what a process asks for, is not installed")
def test_a_pull_hands_no_content_to_any_write_not_even_to_a_file_that_is_gone_afterwards(demo, tmp_path):
    home, trace = tmp_path / "home", tmp_path / "trace"
    (home / "inbox").mkdir(parents=True)
    for name in ("ona.toml", "key"):
        shutil.copy2(demo.home / name, home / name)
    with (
        zipfile.ZipFile(demo.home / "inbox/slack.zip") as whole,
        zipfile.ZipFile(home / "inbox/slack.zip", "w", zipfile.ZIP_DEFLATED) as part,
    ):
        for number, name in enumerate(whole.namelist()):
            if "/" not in name or number % 15 == 0:  # everybody, every channel and some of the days: a trace is slow
                part.writestr(name, whole.read(name))
    calls = "trace=write,writev,pwrite64,pwritev,pwritev2,sendto"
    watched = ["strace", "-f", "--seccomp-bpf", "-qq", "-s", "4000000", "-e", calls, "-o", str(trace)]
    done = subprocess.run([*watched, str(ONA), "pull", "slack_export", "--home", str(home)], capture_output=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    written = trace.read_bytes()
    assert written.count(b"pwrite64(") > 100  # the database's, so writes were seen
    assert [name for name, spelling in SPELLINGS.items() if spelling in written] == []


def test_the_demo_a_second_time_finds_its_work_done(demo, ona):
    again = json.loads(ona("demo", "--home", demo.home, "--people", demo.people, "--no-serve", "--json").stdout)
    assert again["scan"] == demo.result["scan"]
    assert all(outcome["report"]["accepted"] == 0 for outcome in again["outcomes"] if outcome["gives"] == "events")


@pytest.mark.parametrize("part", ["pull", "scan"])
def test_a_kill_in_mid_run_leaves_no_content_and_the_next_run_ends_with_the_same_scores(demo, ona, tmp_path, part):
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    home.mkdir()
    for name in ("inbox", "ona.toml", "key"):
        source = demo.home / name
        shutil.copytree(source, home / name) if source.is_dir() else shutil.copy2(source, home / name)
    if part == "scan":
        assert ona("pull", "--home", home).returncode == 0
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ONA_")} | {"TMPDIR": str(temporary)}
    temporary.mkdir()
    victim = subprocess.Popen([str(ONA), part, "--home", str(home)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    wait_for_work(home, part)
    assert victim.poll() is None, "it was done before it could be killed"
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert canaries(home, temporary) == []
    assert ona("pull", "--home", home).returncode == 0
    scan = json.loads(ona("scan", "--home", home, "--json").stdout)
    reference = json.loads(ona("scan", "--home", demo.home, "--json").stdout)
    assert scan["score_hash"] == reference["score_hash"]
    assert not list((home / "scans").glob(".*"))


def wait_for_work(home: Path, part: str) -> None:
    """Wait until the run has begun to write, then a moment more."""
    wanted = home / ("tmp" if part == "pull" else "lake/ties")
    end = time.monotonic() + 60
    while not (wanted.exists() and any(wanted.rglob("*"))) and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(0.3)


def test_every_verb_answers_in_json_and_in_words(demo, ona):
    people = json.loads(ona("people", "--home", demo.home, "--json").stdout)
    assert people
    first = str(people[0]["person"])
    for arguments in (["scans"], ["people"], ["people", "--hidden"], ["person", first], ["quality"], ["doctor"]):
        for options in ([], ["--json"]):
            done = ona(*arguments, *options, "--home", demo.home)
            assert done.returncode == 0, (arguments, done.stderr)
            assert done.stdout.strip()
            if options:
                json.loads(done.stdout)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".graphml", ".gexf"])
def test_exports_hold_view_ids_and_no_person_id(demo, ona, tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    assert ona("export", path, "--home", demo.home).returncode == 0
    scan = next((demo.home / "scans").glob("[0-9a-f]*"))
    persons = pq.read_table(scan / "people.parquet")["person"].to_pylist()
    content = path.read_bytes()
    assert path.stat().st_size > 500
    assert not [person for person in persons if str(person).encode() in content]


@pytest.fixture(scope="module")
def places(demo, ona, tmp_path_factory) -> dict[str, Path]:
    """A folder that nobody made, one as ``ona init`` leaves it, and the demo company's."""
    folder = tmp_path_factory.mktemp("places")
    assert ona("init", "--home", folder / "new").returncode == 0
    return {"empty": folder / "empty", "new": folder / "new", "demo": demo.home}


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["people", "--home", "{empty}"], 2, "ona init"),
        (["scan", "--home", "{new}"], 65, "ona pull"),
        (["pull", "--home", "{new}"], 2, "No connector is configured"),
        (["pull", "nonsense", "--home", "{new}"], 2, "There is no connector"),
        (["person", "FFFFFFFF", "--home", "{demo}"], 65, "nobody"),
        (["export", "x.docx", "--home", "{demo}"], 2, ".csv"),
    ],
)
def test_errors_are_one_line_with_a_stable_code_and_what_to_do(places, ona, tmp_path, arguments, code, says):
    done = ona(*(str(argument).format(**places) for argument in arguments), cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert says.lower() in done.stderr.lower()
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_erased_person_is_nowhere_and_stays_away(demo, ona, tmp_path):
    """Not in a later pull, nor in a backup from before that is restored with the checkpoints of the audit log."""
    home, new = tmp_path / "home", tmp_path / "new"
    shutil.copytree(demo.home, home)
    before = json.loads(ona("people", "--home", home, "--json", "--limit", 5).stdout)
    person = str(before[0]["person"])
    assert ona("backup", tmp_path / "copy.tar", "--home", home).returncode == 0
    done = ona("erase", person, "--yes", "--home", home)
    assert done.returncode == 0, done.stderr
    assert ona("pull", "--home", home).returncode == 0
    assert ona("scan", "--home", home).returncode == 0
    scans = {path.name for path in (home / "scans").iterdir()}
    assert demo.result["scan"] not in scans
    old, now = (
        pq.read_table(next(one.glob("[0-9a-f]*")) / "people.parquet")["person"].to_pylist() for one in (demo.home / "scans", home / "scans")
    )
    (gone,) = set(old) - set(now)
    assert len(now) == len(old) - 1
    done = ona("restore", tmp_path / "copy.tar", "--home", new, "--key", home / "key", "--checkpoints", home / "audit-checkpoints.jsonl")
    assert done.returncode == 0, done.stderr
    assert "1 people erased again" in done.stdout
    assert ona("audit", "verify", "--home", new).returncode == 0
    parquets = [path for place in (home, new) for path in place.rglob("*.parquet") if "inbox" not in path.parts]
    assert not [path for path in parquets if str(gone) in repr(pq.read_table(path).to_pydict())]
