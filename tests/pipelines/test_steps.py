"""Network pulls into the lake: the same bytes under faults, kills and repeats; deletions, edits, coverage gate, encrypted cursors."""

import json
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from connectors.base import Coverage, Cursor
from connectors.network import Asked, Step, Surroundings, Whole
from connectors.pages import PageError
from connectors.simulated.faults import FakeClock, Faults
from connectors.simulated.identities import CANARY
from connectors.simulated.server import serve
from connectors.simulated.vendors.slack import TOKEN, Slack, chat
from connectors.simulated.world import World
from connectors.slack.web_api import Config, Connector
from ona.errors import NotEnoughDataError
from ona.simulate.company import company
from pipelines.intake import coverage, pulls
from pipelines.intake.people import pull_people
from pipelines.intake.steps import pull_steps
from pipelines.keys import create_key
from pipelines.schema import CURSORS
from pipelines.settings import load_settings
from pipelines.storage.cursors import read_cursor
from pipelines.storage.workspace import open_workspace

END = datetime(2026, 7, 13, tzinfo=UTC)  # the company's two weeks begin on 2026-06-29
NAME = "slack_web_api"
KILLS, PARTS = 100, 4


@dataclass
class Place:
    """A fake workspace, and deployments that pull from it; all have one key and ids that do not depend on order."""

    world: World
    section: dict
    folder: Path

    def connector(self, at=END, **settings):
        self.world.clock = FakeClock(at.timestamp())
        self.world._windows.clear()
        found = Connector(Config.model_validate(self.section | settings))
        found.around = Surroundings(clock=self.world.clock)
        return found

    @contextmanager
    def deployment(self, name, at=END):
        home = self.folder / name
        if not home.exists():
            home.mkdir()
            shutil.copy(self.folder / "key", home / "key")
            (home / "ona.toml").write_text("deterministic_ids = true\n")
        with open_workspace(load_settings(home), now=lambda: (at + timedelta(hours=12)).replace(tzinfo=None)) as ws:
            yield ws

    def pull(self, name, at=END, rows=20_000, **settings):
        """Pull once; return the report and the checksums of all weeks."""
        with self.deployment(name, at) as ws:
            report = pull_steps(ws, NAME, self.connector(at, **settings), rows=rows)
            return report, weeks(ws)


def weeks(ws):
    return {file.part: file.sha256 for file in ws.lake.files("events")}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("steps")
    create_key(folder / "key")
    world = World(company(people=50, weeks=2, seed=1), FakeClock(END.timestamp()))
    with serve(world, vendors=(Slack(),)) as running:
        rooms = chat(world).rooms
        channels = sorted(rooms, key=lambda id: -len(rooms[id].top))[:4]
        section = {"address": f"{running.address}/api/", "authority": str(running.authority), "token": TOKEN, "channels": channels}
        place = Place(world, section, folder)
        place.pull("calm")
        yield place


@pytest.fixture
def place(served, tmp_path):
    """Give the workspace as it was, and a fresh folder for deployments."""
    served.world.deleted.clear()
    served.world.stores.clear()
    served.world.faults, served.world.pace = Faults(), 1.0
    shutil.copy(served.folder / "key", tmp_path / "key")
    return Place(served.world, served.section, tmp_path)


@pytest.fixture
def calm(served):
    """Return the weeks of a pull in which nothing went wrong."""
    with served.deployment("calm") as ws:
        return weeks(ws)


def test_faults_and_bursts_leave_the_same_bytes_as_a_calm_pull(place, calm):
    place.world.faults = Faults(share=0.05, bursts=0.2, mangled=0.2, seed=3)
    report, found = place.pull("rough", rows=300)
    assert place.world.faults.drawn > 10
    assert found == calm
    assert report.balanced
    assert place.world.refused == {}


def test_a_second_pull_adds_nothing(place, calm):
    place.pull("twice")
    report, found = place.pull("twice", at=END + timedelta(hours=1))
    assert found == calm
    assert report.accepted == 0
    assert report.duplicate > 0


def test_a_pull_killed_at_random_moments_ends_with_the_same_bytes(place, calm):
    found, kills = killed(place, kills=3, seed=1)
    assert found == calm
    assert kills >= 1


@pytest.mark.soak
@pytest.mark.parametrize("part", range(PARTS))
def test_a_pull_killed_a_hundred_times_ends_with_the_same_bytes(place, calm, part, record_property):
    """A quarter of the hundred kills, so that one run takes minutes; a child that ended before its kill does not count."""
    kills, rounds = 0, 0
    while kills < KILLS / PARTS:
        shutil.rmtree(place.folder / "killed", ignore_errors=True)
        found, more = killed(place, kills=10, seed=1_000 * part + rounds)
        assert found == calm
        kills, rounds = kills + more, rounds + 1
    record_property("kills", kills)


def killed(place, kills, seed):
    """Try to kill as many pulls, then let one end; return the weeks, and how many were killed."""
    place.world.clock, place.world.pace = FakeClock(END.timestamp()), 1e9
    with place.deployment("killed"):
        pass
    told = {
        "connector": NAME,
        "home": str(place.folder / "killed"),
        "section": place.section,
        "start": END.timestamp(),
        "kills": kills,
        "seed": seed,
    }
    program = Path(__file__).with_name("killed_pull.py")
    done = subprocess.run([sys.executable, str(program), json.dumps(told)], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    with place.deployment("killed") as ws:
        return weeks(ws), int(done.stdout)


def test_what_is_deleted_or_edited_in_slack_is_deleted_and_edited_here(place):
    (channel, *_) = place.section["channels"]
    room = chat(place.world).rooms[channel]
    thread = next(ts for ts in sorted(room.threads, reverse=True) if len(room.threads[ts]) > 1)
    alone = next(said for said in reversed(room.top) if str(said.document["ts"]) not in room.threads and "reactions" in said.document)
    place.pull("edited", channels=[channel])
    gone = [f"{channel}/{alone.document['ts']}", f"{channel}/{room.threads[thread][0].document['ts']}"]
    place.world.deleted |= set(gone)
    edited = next(said for said in room.top if said.document.get("reactions") and said is not alone)
    edited.document["edited"] = {"user": edited.document.get("user"), "ts": f"{int(END.timestamp()) + 10}.000000"}
    edited.document["text"] = f"<@{chat(place.world).users[0]['id']}> {CANARY}"
    edited.document.pop("reactions")
    later = END + timedelta(days=1)
    report, found = place.pull("edited", at=later, channels=[channel])
    assert report.notes["deleted_at_source"] >= 4  # message and its reactions, reply, reactions taken back
    _, fresh = place.pull("fresh", at=later, channels=[channel])
    assert found == fresh


def test_one_account_is_kept_of_each_pull_and_the_last_commit_says_who_was_asked(place):
    _, missing, *_ = sorted(place.section["channels"])
    chat(place.world).outside.add(missing)
    report, _ = place.pull("asked", rows=100)
    assert report.notes["channels_asked"] == 4
    with place.deployment("asked") as ws:
        (found,) = coverage.principals(ws)
        assert (found.asked, found.read, found.refused) == (4, 3, {"not_in_channel": 1})
        assert found.first < found.last
        assert found.gaps == ()
        assert json.loads(json.dumps(found.to_json()))["share"] == 0.75
        with pytest.raises(NotEnoughDataError, match="3 of 4 channels read; 1 refused"):
            coverage.require(ws)
    chat(place.world).outside.clear()
    place.pull("asked", at=END + timedelta(hours=1))
    with place.deployment("asked") as ws:
        coverage.require(ws)  # the last pull counts


def test_cursors_are_stored_encrypted_and_never_show_ids_or_times(place):
    place.pull("sealed")
    with place.deployment("sealed") as ws:
        rows = ws.service.rows(sa.select(CURSORS))
        assert set(read_cursor(ws, NAME).streams) == set(place.section["channels"])
        stored = repr(rows)
    assert len(rows) == 4
    assert not any(channel in stored for channel in place.section["channels"])
    assert str(int(END.timestamp())) not in stored


def test_no_content_no_name_and_no_token_of_slack_touch_the_disk(place):
    with place.deployment("searched") as ws:
        pull_people(ws, NAME, place.connector())
    place.pull("searched", rows=300)
    names = [user["real_name"] for user in chat(place.world).users[:20]]
    for path in (place.folder / "searched").rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert CANARY.encode() not in content, path
        assert TOKEN.encode() not in content, path
        assert not any(name.encode() in content for name in names), path


@dataclass
class Broken:
    """Yields one step and fails."""

    around = Surroundings()
    error: Exception

    def steps(self, coverage: Coverage, cursor: Cursor):
        asked = Asked(coverage, "mailboxes")
        asked.asked(2)
        asked.read()
        yield Step([], {"one": "position"})
        raise self.error


def test_an_error_ends_a_pull_after_what_was_read_is_committed(place):
    with place.deployment("broken") as ws:
        with pytest.raises(PageError):
            pull_steps(ws, "mail", Broken(PageError("cursor_loop", "A list led back")))
        assert read_cursor(ws, "mail").streams == {"one": "position"}
        assert coverage.principals(ws)[0].share == 0.5


def test_deletions_touch_only_what_the_same_connector_had_stored(place):
    place.pull("mine")

    class Empty:
        around = Surroundings()

        def steps(self, coverage, cursor):
            spaces = [f"slack:T0ACME/{channel}" for channel in place.section["channels"]]
            yield Step([], {}, tuple(Whole(space, 0, 2**62) for space in spaces))

    with place.deployment("mine") as ws:
        before = weeks(ws)
        pull_steps(ws, "slack_other", Empty())
        assert weeks(ws) == before
        report = pull_steps(ws, NAME, Empty())
        assert report.notes["deleted_at_source"] > 100


def test_the_command_line_s_forecast_and_scope_check_come_from_the_service(place):
    with place.deployment("planned") as ws:
        place.world.clock = FakeClock(END.timestamp())
        place.world.pace = 1e9
        overrides = place.section | {"pace": 1e6}
        (found,) = pulls.forecast(ws, [NAME], overrides)
        assert found.gives == ("people", "events")
        assert found.plan.streams == 4
        scopes = pulls.check(ws, [NAME], overrides)[NAME]
        assert scopes.missing == ()
        told, begun = [], time.monotonic()
        outcomes = pulls.pull(ws, [NAME], overrides, progress=lambda *values: told.append(values))
        assert [outcome.error for outcome in outcomes] == [None, None]
        assert time.monotonic() - begun < 60
        assert any(what.startswith(f"{NAME} calls (") for what, _, _ in told)
