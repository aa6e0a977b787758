"""A session ends when it should, on the server: idle, old, signed out, disabled, gone from the directory, or without its role."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from api.auth import COOKIE, CSRF_HEADER
from pipelines.access import issue_link
from pipelines.access.rights import Role
from pipelines.access.sessions import SESSION_IDLE, SESSION_LIFE, csrf_token, session_viewer
from pipelines.audit import entries
from pipelines.entrance import viewers
from pipelines.entrance.provider import LOGOUT_EVENT
from pipelines.schema import PEOPLE_ROWS, SESSIONS, VIEWERS

SCANS = "/api/v1/scans"


def status(browser) -> int:
    return browser.get(SCANS).status_code


def only_viewer(site) -> str:
    return site.ws.service.rows(sa.select(VIEWERS.c.id))[0].id


def test_a_session_that_was_put_into_the_browser_before_is_worth_nothing_after(site):
    attacker = site.sign_in("Ona.Analyst", sub="attacker")
    fixed = attacker.cookies[COOKIE]
    victim = site.browser()
    victim.cookies.set(COOKIE, fixed, domain="127.0.0.1")
    site.provider.user = {"sub": "victim", "roles": ["Ona.Analyst"]}
    site.arrive(victim, site.reply(victim))
    assert {cookie.value for cookie in victim.cookies.jar} - {fixed}
    assert session_viewer(site.ws, fixed) is None
    assert status(attacker) == 401


def test_signing_out_ends_the_session_on_the_server_and_clears_the_browser(site):
    browser = site.sign_in("Ona.Analyst")
    kept = browser.cookies[COOKIE]
    left = browser.post("/sign-out")
    assert (left.status_code, left.headers["clear-site-data"]) == (200, '"cookies", "cache"')
    browser.cookies.set(COOKIE, kept, domain="127.0.0.1")
    assert status(browser) == 401


def test_half_an_hour_without_a_request_ends_it(site, later):
    browser = site.sign_in("Ona.Analyst")
    later(site.ws, minutes=29)
    assert status(browser) == 200
    later(site.ws, minutes=29 + 31)
    assert status(browser) == 401


def test_twelve_hours_end_it_however_busy_it_is(site, later):
    browser = site.sign_in("Ona.Analyst")
    steps = int(SESSION_LIFE / timedelta(minutes=20))
    found = []
    for step in range(1, steps + 2):
        later(site.ws, minutes=20 * step)
        found.append(status(browser))
    assert found == [200] * (steps - 1) + [401] * 2
    assert timedelta(minutes=30) == SESSION_IDLE


def test_a_disabled_viewer_is_out_at_once_and_cannot_sign_in_again(site):
    browser = site.sign_in("Ona.Analyst")
    viewers.disable(site.ws, "local", only_viewer(site))
    site.app.state.guests.forget_all()  # what another process did is seen after two seconds
    assert status(browser) == 401
    again = site.browser()
    assert site.arrive(again, site.reply(again)).status_code == 403
    viewers.disable(site.ws, "local", only_viewer(site), disabled=False)
    assert status(site.sign_in("Ona.Analyst")) == 200


def test_another_process_is_believed_for_two_seconds_and_no_longer(site):
    browser = site.sign_in("Ona.Analyst")
    assert status(browser) == 200
    guests = site.app.state.guests
    real = guests.clock
    viewers.disable(site.ws, "local", only_viewer(site))
    try:
        guests.clock = lambda: real() + 2.1
        assert status(browser) == 401
    finally:
        guests.clock = real


def test_whoever_left_the_company_is_out_though_the_provider_still_knows_them(site):
    person = site.company.persons[9]
    browser = site.sign_in("Ona.Analyst", number=9)
    assert status(browser) == 200
    rows = PEOPLE_ROWS.c.person == person
    with site.ws.service.begin() as connection:
        connection.execute(sa.update(PEOPLE_ROWS).where(rows).values(left=site.ws.now().date()))
    site.app.state.guests.forget_all()
    try:
        assert status(browser) == 401
        again = site.browser()
        assert site.arrive(again, site.reply(again)).status_code == 403
    finally:
        with site.ws.service.begin() as connection:
            connection.execute(sa.update(PEOPLE_ROWS).where(rows).values(left=None))


def test_a_new_role_is_a_new_session_and_the_old_one_is_worth_nothing(site):
    browser = site.sign_in("Ona.Analyst", "Ona.Auditor", number=3)
    before = browser.cookies[COOKIE]
    assert status(browser) == 200
    switched = browser.post("/role", data={"role": "auditor", "next": "//evil.example"})
    assert (switched.status_code, switched.headers["location"]) == (303, "/")
    assert browser.cookies[COOKIE] != before
    assert session_viewer(site.ws, before) is None
    viewer = session_viewer(site.ws, browser.cookies[COOKIE])
    assert (viewer.role, viewer.roles) == (Role.AUDITOR, {Role.ANALYST, Role.AUDITOR})
    assert status(browser) == 200


def test_a_role_that_is_not_held_cannot_be_taken(site):
    browser = site.sign_in("Ona.Employee", number=3)
    assert browser.post("/role", data={"role": "admin"}).status_code == 403
    assert browser.post("/role", data={"role": "emperor"}).status_code == 422
    assert session_viewer(site.ws, browser.cookies[COOKIE]).role is Role.EMPLOYEE


def test_roles_that_the_provider_took_back_are_gone_with_the_next_sign_in_in_every_session(site):
    old = site.sign_in("Ona.Analyst", "Ona.Auditor")
    assert session_viewer(site.ws, old.cookies[COOKIE]).role is Role.ANALYST
    site.sign_in("Ona.Auditor")
    assert session_viewer(site.ws, old.cookies[COOKIE]).role is Role.AUDITOR


def test_a_steward_who_is_also_an_administrator_is_no_steward(site):
    browser = site.sign_in("Ona.Steward", "Ona.Admin")
    assert session_viewer(site.ws, browser.cookies[COOKIE]).roles == {Role.ADMIN}


def test_the_provider_can_end_a_session_and_only_that(site):
    here = site.sign_in("Ona.Analyst", sid="sid-1")
    elsewhere = site.sign_in("Ona.Analyst", sid="sid-2")
    answer = site.browser().post("/sign-in/back-channel", data={"logout_token": logout_token(site, sid="sid-1")})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert (status(here), status(elsewhere)) == (401, 200)


def test_the_provider_can_end_all_sessions_of_somebody(site):
    both = [site.sign_in("Ona.Analyst"), site.sign_in("Ona.Analyst")]
    other = site.sign_in("Ona.Analyst", sub="s2")
    assert site.browser().post("/sign-in/back-channel", data={"logout_token": logout_token(site, sub="s1")}).status_code == 200
    assert [status(browser) for browser in (*both, other)] == [401, 401, 200]


def logout_token(site, **more) -> str:
    claims = site.provider.claims(**{"events": {LOGOUT_EVENT: {}}, "jti": "j"} | more)
    return site.provider.signed({name: value for name, value in claims.items() if value is not None})


@pytest.mark.parametrize(
    "more",
    [
        {"sub": "s1", "events": {}},
        {"sub": "s1", "events": None},
        {"sub": "s1", "nonce": "n"},
        {"sub": "s1", "aud": "somebody-else"},
        {"sub": "s1", "iss": "https://login.evil.example"},
        {"sub": "s1", "exp": 1},
        {},
    ],
)
def test_a_logout_that_is_none_ends_nothing(site, more):
    browser = site.sign_in("Ona.Analyst")
    assert site.browser().post("/sign-in/back-channel", data={"logout_token": logout_token(site, **more)}).status_code == 400
    assert status(browser) == 200


def test_every_step_is_in_the_log_without_a_name(site):
    before = len(entries(site.ws, 10_000))
    browser = site.sign_in("Ona.Analyst", "Ona.Auditor", number=3, name="Fia Abel")
    browser.post("/role", data={"role": "auditor"})
    browser.headers[CSRF_HEADER] = csrf_token(browser.cookies[COOKIE])
    browser.post("/sign-out")
    log = entries(site.ws, 10_000)
    new = log[: len(log) - before]
    assert [entry.act.action for entry in reversed(new)] == ["sign_in", "open_session", "switch_role", "end_session"]
    assert {entry.act.actor for entry in new} == {only_viewer(site)}
    assert "Fia" not in str(new)


def test_ended_sessions_leave_no_row(site, later):
    site.sign_in("Ona.Analyst")
    later(site.ws, hours=13)
    site.sign_in("Ona.Analyst")
    assert len(site.ws.service.rows(sa.select(SESSIONS))) == 1


def test_nobody_of_a_company_looks_as_anybody_but_an_analyst_as_a_manager(site):
    analyst, admin = site.sign_in("Ona.Analyst", number=3), site.sign_in("Ona.Admin", number=4)
    for browser, wish in ((analyst, {"role": "auditor"}), (analyst, {"role": "hr"}), (admin, {"role": "manager", "team": "1"})):
        assert browser.post("/view-as", data=wish).status_code == 403
        assert session_viewer(site.ws, browser.cookies[COOKIE]).acting is False


def test_the_link_of_the_single_user_opens_no_company(site):
    link = issue_link(site.ws)
    assert site.browser().post(link, headers={"Origin": "http://127.0.0.1:8765", "Sec-Fetch-Site": "same-origin"}).status_code == 401
