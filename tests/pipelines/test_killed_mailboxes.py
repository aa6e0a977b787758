"""Mailboxes read side by side: a pull that is killed anywhere goes on and ends with the same bytes."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from connectors.base import open_connector
from connectors.network import Surroundings
from connectors.simulated.faults import FakeClock, Faults
from connectors.simulated.server import serve
from connectors.simulated.vendors.google import Google
from connectors.simulated.vendors.graph import TENANT, Graph
from connectors.simulated.vendors.stock import Stock
from connectors.simulated.world import World
from ona.simulate.company import company
from pipelines.intake.steps import pull_steps
from pipelines.keys import create_key
from pipelines.settings import load_settings
from pipelines.storage.workspace import open_workspace

START = datetime(2026, 7, 7, tzinfo=UTC).timestamp()  # the company's week is that of 2026-06-29
SYSTEMS = ("google_gmail", "microsoft_calendar")
KILLS, PARTS = 100, 4


@dataclass
class Place:
    """Fake vendors, and how a connector signs in to each."""

    world: World
    sections: dict
    folder: Path

    def deployment(self, name):
        home = self.folder / name
        if not home.exists():
            home.mkdir()
            shutil.copy(self.folder / "key", home / "key")
            (home / "ona.toml").write_text("deterministic_ids = true\n")
        return open_workspace(load_settings(home), now=lambda: datetime(2026, 7, 13, 12))

    def pull(self, name, system, **settings):
        self.world.clock = FakeClock(START)
        connector = open_connector(system, self.sections[system] | settings)
        connector.around = Surroundings(clock=self.world.clock)
        with self.deployment(name) as ws:
            pull_steps(ws, system, connector)
            return weeks(ws)


def weeks(ws):
    return {file.part: file.sha256 for file in ws.lake.files("events")}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mailboxes")
    create_key(folder / "key")
    world = World(company(people=50, weeks=1, seed=3), FakeClock(START))
    issued = trustme.CA().issue_cert("app.example", key_type=trustme.KeyType.RSA)
    (folder / "app.pem").write_bytes(issued.private_key_and_cert_chain_pem.bytes())
    with serve(world, vendors=(Google(page=20), Graph(page=10))) as running:
        key = {"type": "service_account", "client_email": "ona@acme.example", "token_uri": f"{running.address}/token", "project_id": "acme"}
        key |= {"private_key": issued.private_key_pem.bytes().decode(), "private_key_id": "1", "client_id": "1"}
        (folder / "key.json").write_text(json.dumps(key))
        only = [one.email for one in Stock(world).owners if not one.left][:6]
        google = {"key_file": str(folder / "key.json"), "admin": "admin@acme.example", "only": only}
        google |= dict.fromkeys(("api", "gmail_api", "admin_api"), running.address)
        microsoft = {"tenant": TENANT, "client_id": TENANT, "certificate": str(folder / "app.pem")}
        microsoft |= dict.fromkeys(("graph", "sign_in"), running.address)
        shared = {"authority": str(running.authority)}
        yield Place(world, {"google_gmail": google | shared, "microsoft_calendar": microsoft | shared}, folder)


@pytest.fixture
def place(served, tmp_path):
    served.world.faults = Faults()
    shutil.copy(served.folder / "key", tmp_path / "key")
    return Place(served.world, served.sections, tmp_path)


@pytest.mark.parametrize("system", SYSTEMS)
def test_one_mailbox_after_the_other_and_many_side_by_side_under_outages_give_the_same_bytes(place, system):
    one = place.pull("one", system, abreast=1)
    place.world.faults = Faults(share=0.05, bursts=0.2, mangled=0.3, seed=4)
    assert place.pull("many", system, abreast=8) == one != {}
    assert place.world.faults.drawn > 3


def test_a_pull_of_mailboxes_killed_at_random_moments_ends_with_the_same_bytes(place):
    found, kills = killed(place, "google_gmail", kills=2, seed=1)
    assert found == place.pull("calm", "google_gmail") != {}
    assert kills >= 1


@pytest.mark.soak
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_pull_of_mailboxes_killed_a_hundred_times_ends_with_the_same_bytes(place, system, part, record_property):
    """A quarter of the hundred kills of each vendor, so that one run takes minutes; a child that ended before its kill does not count."""
    calm, kills, rounds = place.pull("calm", system), 0, 0
    while kills < KILLS / PARTS:
        shutil.rmtree(place.folder / "killed", ignore_errors=True)
        found, more = killed(place, system, kills=10, seed=1_000 * part + rounds)
        assert found == calm
        kills, rounds = kills + more, rounds + 1
    record_property("kills", kills)


def killed(place, system, kills, seed):
    """Try to kill as many pulls, then let one end; return the weeks, and how many were killed."""
    place.world.clock = FakeClock(START)
    with place.deployment("killed") as ws:
        home = str(ws.home)
    told = {"connector": system, "home": home, "section": place.sections[system], "start": START, "kills": kills, "seed": seed}
    program = Path(__file__).with_name("killed_pull.py")
    done = subprocess.run([sys.executable, str(program), json.dumps(told)], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    with place.deployment("killed") as ws:
        return weeks(ws), int(done.stdout)
