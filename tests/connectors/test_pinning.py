"""Whom a call goes to: the name is looked up once, private addresses are refused, the host's own name stays in TLS and header."""

import json

import pytest
import trustme

from connectors.badges.fetching import Fetcher, UnfetchedError
from connectors.google.login import Config as GoogleConfig
from connectors.google.login import Login as GoogleLogin
from connectors.http import Client, Options, UnavailableError
from connectors.microsoft.login import Config as MicrosoftConfig
from connectors.microsoft.login import Login as MicrosoftLogin
from connectors.pace import Policy
from connectors.pinning import PrivateAddressError, is_public
from connectors.simulated.faults import FakeClock
from connectors.simulated.server import serve
from connectors.simulated.world import Reply, Route, World
from ona.simulate.company import company

GUID = "6fbb1a2e-7c1b-4d6a-9a40-0f2f2f6d1c11"


class Site:
    """A vendor that remembers under which name it was called."""

    def __init__(self):
        self.called = []

    def routes(self, world):
        return [Route("/{any}", self.answer, "any", public=True)]

    def answer(self, _, call):
        self.called.append(call.headers["host"])
        return Reply({"ok": 1})

    def refusal(self, code):
        return Reply({}, 503)


@pytest.fixture(scope="module")
def running():
    site, world = Site(), World(company(people=50, weeks=1, seed=1), FakeClock(1_783_000_000.0))
    with serve(world, vendors=[site]) as found:
        yield site, found, world


@pytest.fixture
def place(running):
    site, found, world = running
    site.called.clear()
    port = found.address.rpartition(":")[2]

    def client(resolve, *, host="localhost", private=True):
        options = Options(Policy(tries=1), world.clock, found.authority, rates={"": 60_000.0}, resolve=resolve, private=private, seed=1)
        return Client(f"https://{host}:{port}/", None, options)

    return site, client, port, found


def answering(*answers):
    """A resolver that gives these answers one after the other, and the names that it was asked for."""
    left, asked = list(answers), []

    def resolve(host):
        asked.append(host)
        return left.pop(0)

    return resolve, asked


def test_a_name_is_looked_up_once_and_what_it_says_later_changes_nothing(place):
    site, client, port, _ = place
    resolve, asked = answering(["127.0.0.1"], ["10.0.0.1"])
    with client(resolve) as open_client:
        for _ in range(3):
            open_client.stream("x").get("any")
    assert asked == ["localhost"]
    assert site.called == [f"localhost:{port}"] * 3


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["::1"]])
def test_a_vendor_whose_name_leads_inside_is_not_called(place, addresses):
    site, client, _, _ = place
    with client(lambda host: addresses, private=False) as open_client, pytest.raises(PrivateAddressError):
        open_client.stream("x").get("any")
    assert site.called == []


def test_an_address_that_does_not_answer_is_followed_by_the_next(place):
    site, client, _, _ = place
    with client(lambda host: ["::1", "127.0.0.1"]) as open_client:  # the server listens on the second alone
        assert open_client.stream("x").get("any").status == 200
    assert len(site.called) == 1


def test_a_name_whose_addresses_all_fail_is_looked_up_anew_and_judged_anew(place):
    _, client, _, _ = place
    resolve, asked = answering(["::1"], ["127.0.0.1"])
    with client(resolve) as open_client:
        with pytest.raises(UnavailableError):
            open_client.stream("x").get("any")
        assert open_client.stream("x").get("any").status == 200
    assert asked == ["localhost"] * 2


def test_a_server_at_the_right_address_with_anothers_certificate_is_not_talked_to(place):
    site, client, _, _ = place
    with client(lambda host: ["127.0.0.1"], host="vendor.example") as open_client, pytest.raises(UnavailableError):
        open_client.stream("x").get("any")
    assert site.called == []


def test_a_name_that_nobody_knows_counts_as_not_reached(place):
    _, client, _, _ = place

    def nobody(host):
        raise OSError

    with client(nobody) as open_client, pytest.raises(UnavailableError):
        open_client.stream("x").get("any")


def test_a_badge_host_that_turns_inside_between_judging_and_connecting_is_not_called(place):
    site, _, port, found = place
    resolve, asked = answering(["93.184.216.34"], ["127.0.0.1"])
    fetch = Fetcher(frozenset({"localhost"}), found.authority, clock=FakeClock(0.0), resolve=resolve)
    with pytest.raises(UnfetchedError):
        fetch(f"https://localhost:{port}/badge.json")
    fetch.close()
    assert (len(asked), site.called) == (2, [])


def test_a_sign_in_whose_name_leads_inside_is_refused_at_once(place, tmp_path):
    site, _, port, found = place
    clock, base = FakeClock(0.0), f"https://localhost:{port}"
    issued = trustme.CA().issue_cert("app.example", key_type=trustme.KeyType.RSA)
    (tmp_path / "app.pem").write_bytes(issued.private_key_and_cert_chain_pem.bytes())
    key = {"type": "service_account", "client_email": "a@b.example", "token_uri": f"{base}/token", "private_key_id": "1"}
    (tmp_path / "key.json").write_text(json.dumps(key | {"private_key": issued.private_key_pem.bytes().decode()}))
    shared = {"authority": found.authority}
    microsoft = MicrosoftConfig(tenant=GUID, client_id=GUID, certificate=tmp_path / "app.pem", sign_in=base, **shared)
    google = GoogleConfig(key_file=tmp_path / "key.json", admin="admin@acme.example", **shared)
    for ask in (MicrosoftLogin(microsoft, clock).token, lambda: GoogleLogin(google, clock).token("a@b.example", ("x",))):
        with pytest.raises(PrivateAddressError):
            ask()
    assert (site.called, clock.now()) == ([], 0.0)


@pytest.mark.parametrize(
    ("address", "public"), [("93.184.216.34", True), ("2606:2800:220:1::1", True), ("fe80::1%eth0", False), ("x", False)]
)
def test_an_address_is_public_or_not(address, public):
    assert is_public(address) is public
