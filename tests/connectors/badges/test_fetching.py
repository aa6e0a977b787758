"""Fetching hosted badges: listed public hosts alone, no redirects, small answers, each address once."""

import pytest

from connectors.badges.fetching import MAX_BYTES, Fetcher, UnfetchedError
from connectors.simulated.faults import FakeClock, Faults
from connectors.simulated.server import serve
from connectors.simulated.world import Reply, Route, World
from ona.simulate.company import company


class Issuer:
    """An issuer's site."""

    def routes(self, world):
        answers = {
            "/badge.json": Reply({"ok": 1}),
            "/large": Reply(b"x" * (MAX_BYTES + 1)),
            "/away": Reply(b"", 302, {"Location": "https://127.0.0.1/secret"}),
            "/gone": Reply({}, 404),
        }
        return [Route(path, lambda w, c, reply=reply: reply, path, ("GET",), public=True) for path, reply in answers.items()]

    def refusal(self, code):
        return Reply({}, 503)


@pytest.fixture
def site():
    """Give the address of an issuer's site and what fetches from it, as if it were at a public address."""
    world = World(company(people=50, weeks=1, seed=3), FakeClock(1_783_000_000.0), faults=Faults())
    with serve(world, vendors=[Issuer()]) as running:
        fetch = Fetcher(frozenset({"127.0.0.1"}), running.authority, clock=world.clock, resolve=lambda host: ["93.184.216.34"])
        yield running.address, fetch, world
        fetch.close()


def test_a_document_of_a_listed_host_is_fetched_once(site):
    address, fetch, world = site
    assert fetch(f"{address}/badge.json") == fetch(f"{address}/badge.json") == b'{"ok":1}'
    assert len(world.calls) == 1


@pytest.mark.parametrize("path", ["/large", "/away", "/gone"])
def test_what_is_too_large_elsewhere_or_gone_is_not_fetched(site, path):
    address, fetch, _ = site
    with pytest.raises(UnfetchedError):
        fetch(address + path)


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example/badge.json",
        "http://127.0.0.1/badge.json",
        "https://me@127.0.0.1/b",
        "javascript:alert(1)",
        "file:///etc/passwd",
    ],
)
def test_an_address_on_no_listed_host_is_never_called(site, url):
    _, fetch, world = site
    with pytest.raises(UnfetchedError):
        fetch(url)
    assert world.calls == []


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "fe80::1%eth0", "192.168.1.1", "100.64.0.1", "224.0.0.1"]
)
def test_a_listed_host_that_leads_inside_is_refused(site, address):
    base, fetch, world = site
    fetch.resolve = lambda host: ["93.184.216.34", address]
    with pytest.raises(UnfetchedError, match="private"):
        fetch(f"{base}/badge.json")
    assert world.calls == []


def test_a_host_that_cannot_be_found_is_refused(site):
    base, fetch, _ = site
    fetch.resolve = lambda host: []
    with pytest.raises(UnfetchedError, match="private"):
        fetch(f"{base}/badge.json")
