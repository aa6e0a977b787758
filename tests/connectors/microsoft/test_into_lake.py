"""From Microsoft 365 to the buffer: the same bytes with and without faults, and after a kill between two pages."""

import hashlib
from datetime import datetime, timedelta
from itertools import islice

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


@pytest.mark.parametrize("what", ["mail", "calendar", "message_trace"])
def test_under_a_storm_of_faults_the_buffer_has_the_same_bytes(tenant, deployment, what):
    found = []
    for name, faults in (("calm", Faults()), ("stormy", Faults(**STORM, seed=9))):
        with tenant(faults) as acme, deployment(name) as ws:
            more = {"days": 9} if what == "message_trace" else {"group": acme.pilot_group}
            pull_steps(ws, f"microsoft_{what}", acme.connector(what, **more))
            found.append(stored(ws))
    assert found[0] == found[1] != {}


class Killed:
    """A connector whose process ends after some steps."""

    def __init__(self, connector, after):
        self.connector, self.after, self.around = connector, after, connector.around

    def steps(self, coverage, cursor):
        yield from islice(self.connector.steps(coverage, cursor), self.after)
        raise KeyboardInterrupt


def test_a_pull_that_was_killed_goes_on_and_ends_with_the_same_bytes(tenant, deployment):
    with tenant(page=3) as acme:
        more = {"group": acme.pilot_group}
        with deployment("whole") as ws:
            pull_steps(ws, "microsoft_mail", acme.connector("mail", **more))
            whole = stored(ws)
        with deployment("killed") as ws:
            for after in (1, 2, 5):
                with pytest.raises(KeyboardInterrupt):
                    pull_steps(ws, "microsoft_mail", Killed(acme.connector("mail", **more), after), rows=1)
            pull_steps(ws, "microsoft_mail", acme.connector("mail", **more))
            assert stored(ws) == whole != {}


def deleted_meeting(acme):
    """Return whose calendar it stood in and its key, of a meeting that its organizer and others have."""
    mine = {one.account: one for one in acme.pilot}
    rows = [row for account in sorted(mine) for row in acme.stock.meetings.get(account, ())]
    return next(row for row in rows if row.sender in mine and set(row.to) & set(mine))


@pytest.mark.parametrize("way", ["view", "delta"])
def test_a_meeting_that_its_organizer_deleted_is_gone_although_others_still_list_it(tenant, deployment, way):
    with tenant() as acme, deployment("calendar") as ws:
        more = {"group": acme.pilot_group, "way": way}
        pull_steps(ws, "microsoft_calendar", acme.connector("calendar", **more))
        before = events(ws)
        row = deleted_meeting(acme)
        acme.world.deleted.add(f"{row.sender}/{row.event}")
        acme.world.clock.sleep(3600)
        for rows in (20_000, 1):  # whatever commits there are
            report = pull_steps(ws, "microsoft_calendar", acme.connector("calendar", **more), rows=rows)
            assert len(before) - len(events(ws)) == 1
            assert report.balanced
        if way == "view":
            assert report.dropped["deleted_by_organizer"] >= 1


def test_a_guest_who_throws_an_invitation_away_deletes_nothing(tenant, deployment):
    with tenant() as acme, deployment("calendar") as ws:
        more = {"group": acme.pilot_group}
        pull_steps(ws, "microsoft_calendar", acme.connector("calendar", **more))
        before, row = events(ws), deleted_meeting(acme)
        guest = next(account for account in row.to if account in acme.owners)
        acme.world.deleted.add(f"{guest}/{row.event}")
        acme.world.clock.sleep(3600)
        pull_steps(ws, "microsoft_calendar", acme.connector("calendar", **more))
        assert events(ws) == before


def events(ws):
    """Return the ids of all meetings in the buffer."""
    return {id for part in ws.lake.parts("events") for id in ws.lake.read("events", [part])["event"].to_pylist()}
