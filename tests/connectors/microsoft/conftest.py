"""A tenant of the fake Microsoft 365 over TLS on this machine, on a clock that passes only when somebody sleeps."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import trustme

from connectors.base import Coverage, Cursor, RawEvent
from connectors.microsoft import calendar, directory, mail, message_trace
from connectors.network import Surroundings
from connectors.simulated.faults import FakeClock, Faults
from connectors.simulated.identities import Identity
from connectors.simulated.server import Running, serve
from connectors.simulated.vendors.graph import TENANT, Graph
from connectors.simulated.vendors.stock import Stock, guid
from connectors.simulated.world import World
from ona.simulate.company import Company, company

MODULES = {"mail": mail, "calendar": calendar, "directory": directory, "message_trace": message_trace}
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
class Tenant:
    """A running fake and how to sign in to it."""

    world: World
    graph: Graph
    running: Running
    certificate: Path

    @property
    def stock(self) -> Stock:
        return Stock(self.world)

    @property
    def pilot(self) -> list[Identity]:
        """Return the members of the list that is the pilot group: the first with ten or more mailboxes."""
        of = self.stock.identities.of
        groups = [[of(account) for account in members] for _, members in sorted(self.stock.lists.items())]
        return next(members for members in groups if len(members) >= 8)

    @property
    def pilot_group(self) -> str:
        return next(guid(account) for account, members in sorted(self.stock.lists.items()) if len(members) >= 8)

    @property
    def owners(self) -> set[int]:
        """Return whose mailboxes a pull reads."""
        return {one.account for one in self.pilot}

    def config(self, what: str, **more: object) -> object:
        signing = {} if "assertion" in more else {"certificate": self.certificate}
        settings = {"tenant": TENANT, "client_id": TENANT, "graph": self.running.address, "sign_in": self.running.address}
        return MODULES[what].Config(**settings | signing | {"authority": self.running.authority} | more)

    def connector(self, what: str, **more: object):
        made = MODULES[what].Connector(self.config(what, **more))
        made.around = Surroundings(clock=self.world.clock)
        return made

    def pull(self, what: str, cursor: Cursor = NOTHING_READ, **more: object) -> Pulled:
        if what in ("mail", "calendar"):
            more = {"group": self.pilot_group} | more
        connector, coverage, streams = self.connector(what, **more), Coverage(), dict(cursor.streams)
        if what == "directory":
            people = list(connector.people(coverage))
            coverage.accepted = len(people)
            return Pulled([], people, coverage, cursor)
        events = []
        for step in connector.steps(coverage, cursor):
            events += step.events
            streams |= step.streams
        coverage.accepted = sum(event.rows for event in events)
        return Pulled(events, [], coverage, Cursor(streams))

    def called(self, method: str) -> int:
        return sum(name == f"graph.{method}" for name, _ in self.world.calls)


@pytest.fixture(scope="session")
def acme() -> Company:
    return company(people=50, weeks=1, seed=3)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> Path:
    issued = trustme.CA().issue_cert("app.example", key_type=trustme.KeyType.RSA)
    path = tmp_path_factory.mktemp("app") / "app.pem"
    path.write_bytes(issued.private_key_and_cert_chain_pem.bytes())
    return path


@pytest.fixture
def tenant(acme, certificate):
    """Open a tenant with the faults and habits that a test asks for."""

    @contextmanager
    def opened(faults: Faults | None = None, at: float = AFTER, **habits: object) -> Iterator[Tenant]:
        graph = Graph(**habits)
        world = World(acme, FakeClock(at), faults=faults or Faults())
        with serve(world, vendors=[graph]) as running:
            yield Tenant(world, graph, running, certificate)

    return opened
