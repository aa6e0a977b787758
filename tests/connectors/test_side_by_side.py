"""Mailboxes on the machine's own clock: calls overlap and give what one call at a time gives."""

import json
import threading
from datetime import UTC, datetime

import pytest
import trustme

from connectors.base import Coverage, Cursor
from connectors.google import gmail
from connectors.http import Client
from connectors.network import Surroundings
from connectors.pace import SystemClock
from connectors.simulated.faults import FakeClock
from connectors.simulated.server import serve
from connectors.simulated.vendors.google import Google
from connectors.simulated.vendors.stock import Stock
from connectors.simulated.world import World
from ona.simulate.company import company

AFTER = datetime(2026, 7, 7, tzinfo=UTC).timestamp()  # the company's week is that of 2026-06-29


class Then(SystemClock):
    """The machine's clock on another day."""

    def now(self):
        return AFTER


@pytest.fixture
def mailboxes(tmp_path):
    """Pull some mailboxes on a clock; return the events and how many calls were under way at once."""
    world = World(company(people=50, weeks=1, seed=3), FakeClock(AFTER))
    key = trustme.CA().issue_cert("app.example", key_type=trustme.KeyType.RSA).private_key_pem.bytes().decode()
    with serve(world, vendors=[Google()]) as running:
        account = {"type": "service_account", "client_email": "ona@acme.example", "token_uri": f"{running.address}/token"}
        (tmp_path / "key.json").write_text(json.dumps(account | {"private_key": key, "private_key_id": "1", "client_id": "1"}))
        only = tuple(one.email for one in Stock(world).owners if not one.left)[:5]
        services = dict.fromkeys(("api", "gmail_api", "admin_api"), running.address)
        config = gmail.Config(
            key_file=tmp_path / "key.json", admin="admin@acme.example", authority=running.authority, only=only, pace=100.0, **services
        )

        def pull(clock):
            connector, coverage = gmail.Connector(config), Coverage()
            connector.around = Surroundings(clock=clock)
            events = [event for step in connector.steps(coverage, Cursor()) for event in step.events]
            return {event.id: (event.sent, event.sender, event.recipients, event.root) for event in events}, coverage

        yield pull


def test_calls_of_several_mailboxes_overlap_and_give_the_same(mailboxes, monkeypatch):
    calm, account = mailboxes(FakeClock(AFTER))
    under_way, most, lock, exchange = 0, 0, threading.Lock(), Client._exchange

    def counted(client, call, headers):
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        try:
            return exchange(client, call, headers)
        finally:
            with lock:
                under_way -= 1

    monkeypatch.setattr(Client, "_exchange", counted)
    found, side_by_side = mailboxes(Then())
    assert found == calm != {}
    assert (side_by_side.read, side_by_side.notes) == (account.read, account.notes)
    assert 2 <= most <= 5
