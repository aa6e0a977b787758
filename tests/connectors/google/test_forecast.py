"""The forecast before a pull against the calls and the clock of the pull itself."""

import forecasting
import pytest


@pytest.mark.parametrize("what", ["gmail", "calendar"])
def test_the_forecast_is_within_a_tenth_of_the_calls_and_of_the_clock(acme_of, what):
    forecasting.holds(acme_of, what, wanted)


@pytest.mark.parametrize("what", ["directory", "scim"])
def test_the_forecast_of_people_is_within_a_tenth_of_the_calls_and_of_the_clock(acme_of, what):
    forecasting.holds(acme_of, what, lambda _: {})


def test_a_forecast_names_what_stays_unread_and_keeps_nothing(acme_of):
    forecasting.names_what_stays_unread(acme_of, wanted)


def test_after_a_first_pull_the_forecast_is_of_what_is_new(acme_of):
    forecasting.is_of_what_is_new(acme_of, "gmail", wanted)


def wanted(acme):
    return {"only": tuple(one.email for one in acme.pilot)}


@pytest.fixture
def acme_of(workspace):
    """Open a service whose pages are as long as the real one's."""
    return lambda: workspace(page=500)
