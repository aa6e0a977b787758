"""From Google to the buffer: the same bytes with and without faults."""

import hashlib
from datetime import datetime, timedelta

import pytest

from connectors.simulated.faults import Faults
from pipelines.intake.steps import pull_steps
from pipelines.keys import create_key
from pipelines.settings import load_settings
from pipelines.storage.workspace import open_workspace

STORM = {"share": 0.05, "bursts": 0.2, "mangled": 0.3}
NOW = datetime(2026, 7, 7)


@pytest.fixture
def deployment(tmp_path):
    """Open an empty deployment of that name; all of them have the same key."""

    def opened(name):
        home = tmp_path / name
        home.mkdir()
        if not (tmp_path / "key").exists():
            create_key(tmp_path / "key")
        (home / "key").write_bytes((tmp_path / "key").read_bytes())
        (home / "key").chmod(0o600)
        (home / "ona.toml").write_text("deterministic_ids = true\n")
        return open_workspace(load_settings(home), lambda: NOW + timedelta(minutes=1))

    return opened


def stored(ws):
    """Return the digest of each part of the buffer."""
    root = ws.lake.root
    return {
        part: hashlib.sha256((root / file.path).read_bytes()).hexdigest()
        for part in ws.lake.parts("events")
        for file in ws.lake.files("events", [part])
    }


@pytest.mark.parametrize("what", ["gmail", "calendar"])
def test_under_a_storm_of_faults_the_buffer_has_the_same_bytes(workspace, deployment, what):
    found = []
    for name, faults in (("calm", Faults()), ("stormy", Faults(**STORM, seed=9))):
        with workspace(faults) as acme, deployment(name) as ws:
            pull_steps(ws, f"google_{what}", acme.connector(what, only=tuple(one.email for one in acme.pilot)))
            found.append(stored(ws))
    assert found[0] == found[1] != {}


def test_a_meeting_that_its_organizer_deleted_is_gone_although_others_still_list_it(workspace, deployment):
    with workspace() as acme, deployment("calendar") as ws:
        more, mine = {"only": tuple(one.email for one in acme.pilot)}, {one.account for one in acme.pilot}
        pull_steps(ws, "google_calendar", acme.connector("calendar", **more))
        before = events(ws)
        rows = [row for account in sorted(mine) for row in acme.stock.meetings.get(account, ())]
        row = next(row for row in rows if row.sender in mine and set(row.to) & mine)
        acme.world.deleted.add(f"{row.sender}/{row.event}")
        acme.world.clock.sleep(3600)
        for commit in (20_000, 1):  # whatever commits there are
            report = pull_steps(ws, "google_calendar", acme.connector("calendar", **more), rows=commit)
            assert len(before) - len(events(ws)) == 1
            assert report.balanced


def events(ws):
    """Return the ids of all meetings in the buffer."""
    return {id for part in ws.lake.parts("events") for id in ws.lake.read("events", [part])["event"].to_pylist()}
