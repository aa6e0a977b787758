"""Credly's feed over TLS on this machine: accepted badges alone, every page, through faults, never a word of content."""

import dataclasses
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from connectors.badges import credly
from connectors.base import Coverage, Cursor
from connectors.network import Surroundings
from connectors.pages import PageError
from connectors.simulated.faults import FakeClock, Faults
from connectors.simulated.identities import CANARY
from connectors.simulated.server import serve
from connectors.simulated.vendors.credly import ORGANIZATION, STATES, TOKEN, Credly
from connectors.simulated.world import World
from ona.errors import AccessError, SettingsError
from ona.simulate.company import company

AFTER = datetime(2026, 7, 7, tzinfo=UTC).timestamp()


@pytest.fixture(scope="module")
def acme():
    return company(people=50, weeks=1, seed=3)


@pytest.fixture
def feed(acme, tmp_path):
    """Open a feed and a connector that reads it."""

    @contextmanager
    def opened(faults=None, token=TOKEN, **habits):
        (tmp_path / "token").write_text(token)
        world, vendor = World(acme, FakeClock(AFTER), faults=faults or Faults()), Credly(**habits)
        with serve(world, vendors=[vendor]) as running:
            settings = {"url": f"{running.address}/credly/v1", "authority": running.authority, "token_file": tmp_path / "token"}
            connector = credly.Connector(credly.Config(organization=ORGANIZATION, **settings))
            connector.around = Surroundings(clock=world.clock)
            yield connector, world, vendor

    return opened


def read(connector):
    coverage = Coverage()
    found = list(connector.badges(coverage))
    coverage.accepted = len(found)
    assert coverage.balanced
    return {badge.id: badge for badge in found}, coverage


def test_the_forecast_is_within_a_tenth_of_the_calls_and_of_the_clock(feed):
    with feed(page=7) as (connector, world, _):
        plan = connector.forecast(Cursor())
    with feed(page=7) as (connector, world, _):
        before = len(world.calls)
        read(connector)
        calls, seconds = len(world.calls) - before, world.clock.now() - AFTER
    assert plan.calls == calls > 5
    assert plan.seconds == pytest.approx(seconds, rel=0.1)


def test_every_accepted_badge_of_every_page_arrives_with_its_fields(feed, acme):
    with feed(page=7) as (connector, world, _):
        found, coverage = read(connector)
    rows = acme.badges.to_pylist()
    states = [STATES[row["badge"] % len(STATES)] for row in rows]
    assert len(found) == sum(state in ("accepted", "revoked") for state in states)
    assert coverage.dropped == {"pending": states.count("pending"), "refused_by_holder": states.count("rejected")}
    assert len(world.calls) == -(-len(rows) // 7)
    by_id = {f"credly:{row['badge'] & 0xFFFFFFFFFFFFFFFF:016x}": row for row in rows}
    for id, badge in found.items():
        row = by_id[id]
        assert (badge.name, badge.issuer, list(badge.skills), badge.issued_on) == (
            row["name"],
            row["issuer"],
            row["skills"],
            row["issued_on"],
        )
        assert badge.method == "feed"
    assert {badge.status for badge in found.values()} == {"issuer-asserted", "revoked", "expired"}


def test_faults_change_nothing_and_no_content_leaves_the_decoder(feed, caplog):
    with feed(page=7) as (connector, *_):
        calm, _ = read(connector)
    with feed(Faults(share=0.2, bursts=0.2, mangled=0.5, seed=4), page=7) as (connector, world, _):
        stormy, _ = read(connector)
        assert world.faults.drawn
    assert stormy == calm
    assert CANARY not in str([dataclasses.astuple(badge) for badge in stormy.values()]) + caplog.text


def test_a_badge_that_was_withdrawn_is_revoked_at_the_next_reading(feed):
    with feed() as (connector, _, vendor):
        before, _ = read(connector)
        id = next(id for id, badge in before.items() if badge.status == "issuer-asserted")
        vendor.withdrawn.add(id.removeprefix("credly:"))
        assert read(connector)[0][id].status == "revoked"


def test_a_link_to_another_host_and_a_circle_are_not_followed(feed):
    for link, error in (("https://elsewhere.example/v1", "another host"), ("organizations/0a1b2c3d-fake/badges?page=1", "cursor_loop")):
        twist = lambda body, link=link: body | {"metadata": body["metadata"] | {"next_page_url": link}}  # noqa: E731
        with feed(twist=twist) as (connector, *_), pytest.raises(Exception, match=error):
            read(connector)


def test_a_wrong_token_and_a_missing_one_are_typed_errors(feed, tmp_path):
    with feed(token="wrong") as (connector, *_):
        with pytest.raises((AccessError, PageError)):
            read(connector)
        (tmp_path / "token").unlink()
        with pytest.raises(SettingsError, match="token_file"):
            read(connector)
