"""A workspace of the fake Google and a SCIM service over TLS on this machine, on a clock that passes only when somebody sleeps."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import trustme

from connectors import scim
from connectors.base import Coverage, Cursor, RawEvent
from connectors.google import calendar, directory, gmail
from connectors.network import Surroundings
from connectors.simulated.faults import FakeClock, Faults
from connectors.simulated.identities import Identity
from connectors.simulated.server import Running, serve
from connectors.simulated.vendors.google import Google
from connectors.simulated.vendors.scim import TOKEN, Scim
from connectors.simulated.vendors.stock import Stock
from connectors.simulated.world import World
from ona.simulate.company import Company, company

MODULES = {"gmail": gmail, "calendar": calendar, "directory": directory}
NOTHING_READ = Cursor()
AFTER = datetime(2026, 7, 7, tzinfo=UTC).timestamp()  # the company's week is that of 2026-06-29


@dataclass
class Pulled:
    """What one pull gave."""

    events: list[RawEvent]
    people: list
    coverage: Coverage
    cursor: Cursor

    @property
    def best(self) -> dict[str, tuple]:
        """The copy of each event that the merge keeps: highest revision, widest audience."""
        ranked = sorted(self.events, key=lambda event: (event.revision, event.audience))
        return {event.id: msgspec.structs.astuple(event) for event in ranked}


@dataclass
class Workspace:
    """A running fake and how to sign in to it."""

    world: World
    google: Google
    scim: Scim
    running: Running
    folder: Path

    @property
    def stock(self) -> Stock:
        return Stock(self.world)

    @property
    def pilot(self) -> list[Identity]:
        """Return the first ten with a mailbox who are still here."""
        return [one for one in self.stock.owners if not one.left][:10]

    def connector(self, what: str, **more: object):
        address = self.running.address
        if what == "scim":
            secret = self.folder / "secret"
            secret.write_text(TOKEN)
            made = scim.Connector(scim.Config(url=f"{address}/scim/v2", token_file=secret, authority=self.running.authority, **more))
        else:
            services = dict.fromkeys(("api", "gmail_api", "admin_api"), address)
            settings = {"key_file": self.folder / "key.json", "admin": "admin@acme.example", "authority": self.running.authority}
            made = MODULES[what].Connector(MODULES[what].Config(**settings | services | more))
        made.around = Surroundings(clock=self.world.clock)
        return made

    def pull(self, what: str, cursor: Cursor = NOTHING_READ, **more: object) -> Pulled:
        if what in ("gmail", "calendar"):
            more = {"only": tuple(one.email for one in self.pilot)} | more
        connector, coverage, streams = self.connector(what, **more), Coverage(), dict(cursor.streams)
        if what in ("directory", "scim"):
            people = list(connector.people(coverage))
            coverage.accepted = len(people)
            return Pulled([], people, coverage, cursor)
        events = []
        for step in connector.steps(coverage, cursor):
            events += step.events
            streams |= step.streams
        coverage.accepted = sum(event.rows for event in events)
        return Pulled(events, [], coverage, Cursor(streams))


@pytest.fixture(scope="session")
def acme() -> Company:
    return company(people=50, weeks=1, seed=3)


@pytest.fixture(scope="session")
def private_key() -> str:
    return trustme.CA().issue_cert("app.example", key_type=trustme.KeyType.RSA).private_key_pem.bytes().decode()


@pytest.fixture
def workspace(acme, private_key, tmp_path):
    """Open a workspace with the faults and habits that a test asks for."""

    @contextmanager
    def opened(faults: Faults | None = None, at: float = AFTER, people: Scim | None = None, **habits: object) -> Iterator[Workspace]:
        google, service = Google(**habits), people or Scim()
        world = World(acme, FakeClock(at), faults=faults or Faults())
        with serve(world, vendors=[google, service]) as running:
            key = {"type": "service_account", "client_email": "ona@acme.iam.gserviceaccount.com", "token_uri": f"{running.address}/token"}
            key |= {"private_key": private_key, "private_key_id": "1", "project_id": "acme", "client_id": "1"}
            (tmp_path / "key.json").write_text(json.dumps(key))
            yield Workspace(world, google, service, running, tmp_path)

    return opened
