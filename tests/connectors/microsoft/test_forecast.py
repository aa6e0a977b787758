"""The forecast before a pull against the calls and the clock of the pull itself."""

import forecasting
import pytest

PAGE = {"mail": 100, "calendar": 100, "message_trace": 1000}
"""Rows of a page of the real service."""


@pytest.mark.parametrize("what", ["mail", "calendar"])
def test_the_forecast_is_within_a_tenth_of_the_calls_and_of_the_clock(tenant, what):
    forecasting.holds(lambda: tenant(page=PAGE[what]), what, pilot)


@pytest.mark.parametrize("page", [PAGE["message_trace"], 40], ids=["one page a day", "many pages a day"])
def test_the_forecast_of_a_trace_is_within_a_tenth_of_the_calls_and_of_the_clock(tenant, page):
    forecasting.holds(lambda: tenant(page=page), "message_trace", lambda _: {"days": 9})


@pytest.mark.parametrize("purpose", [False, True], ids=["users_alone", "mailbox_purpose_too"])
def test_the_forecast_of_a_directory_is_within_a_tenth_of_the_calls_and_of_the_clock(tenant, purpose):
    forecasting.holds(lambda: tenant(page=100), "directory", lambda _: {"mailbox_purpose": purpose})


def test_a_forecast_names_what_stays_unread_and_keeps_nothing(tenant):
    forecasting.names_what_stays_unread(lambda: tenant(page=PAGE["calendar"]), pilot)


def test_after_a_first_pull_the_forecast_is_of_what_is_new(tenant):
    forecasting.is_of_what_is_new(lambda: tenant(page=PAGE["mail"]), "mail", pilot)


def pilot(acme):
    return {"group": acme.pilot_group}
