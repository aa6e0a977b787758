"""The forecast before a pull against the calls and the clock of the pull itself."""

import pytest

from connectors.base import Cursor


@pytest.mark.parametrize("what", ["gmail", "calendar"])
def test_the_forecast_is_within_a_tenth_of_the_calls_and_of_the_clock(acme_of, what):
    """The bar is ten per cent; the figures are those of a pull over the pilot group on the same clock."""
    with acme_of() as acme:
        plan = acme.connector(what, **wanted(acme, what)).forecast(Cursor())
    with acme_of() as acme:
        before, begun = len(acme.world.calls), acme.world.clock.now()
        acme.pull(what, **wanted(acme, what))
        calls, seconds = len(acme.world.calls) - before, acme.world.clock.now() - begun
    assert plan.calls == pytest.approx(calls, rel=0.1)
    assert plan.seconds == pytest.approx(seconds, rel=0.1)


def test_a_forecast_names_what_stays_unread_and_keeps_nothing(acme_of):
    with acme_of() as acme:
        plan = acme.connector("calendar", **wanted(acme, "calendar")).forecast(Cursor())
    assert any("titles" in words for words in plan.not_read)
    assert plan.people == plan.streams > 7


def test_after_a_first_pull_the_forecast_is_of_what_is_new(acme_of):
    what = "gmail"
    with acme_of() as acme:
        first = acme.pull(what, **wanted(acme, what))
        whole, later = (acme.connector(what, **wanted(acme, what)).forecast(cursor) for cursor in (Cursor(), first.cursor))
    assert later.calls < whole.calls


def wanted(acme, what):
    return {"only": tuple(one.email for one in acme.pilot)}


@pytest.fixture
def acme_of(workspace):
    """Open a service whose pages are as long as the real one's."""
    return lambda: workspace(page=500)
