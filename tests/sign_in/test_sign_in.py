"""People sign in with the company's provider, and are whom it says they are, in the roles that the table gives."""

from datetime import UTC, timedelta

import sqlalchemy as sa

from api.auth import COOKIE
from pipelines.access.rights import Role
from pipelines.access.sessions import session_viewer
from pipelines.schema import SESSIONS, VIEWERS


def viewer_of(site, browser):
    return session_viewer(site.ws, browser.cookies[COOKIE])


def test_a_person_signs_in_and_is_found_in_the_vault_by_their_verified_address(site):
    browser = site.sign_in("Ona.Analyst", number=3)
    viewer = viewer_of(site, browser)
    assert (viewer.role, viewer.roles) == (Role.ANALYST, {Role.ANALYST})
    assert viewer.person == site.company.persons[3]
    assert browser.get("/api/v1/scans").status_code == 200


def test_the_wanted_page_comes_after_the_sign_in(site):
    site.provider.user = {"sub": "s", "roles": ["Ona.Analyst"]}
    browser = site.browser()
    sent = browser.get("/people?sort=reach")
    assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in?next=%2Fpeople%3Fsort%3Dreach")
    shown = browser.get(sent.headers["location"])
    assert shown.status_code == 200
    assert 'href="/sign-in/start?next=%2Fpeople%3Fsort%3Dreach"' in shown.text
    done = site.arrive(browser, site.reply(browser, "/sign-in/start?next=/people?sort=reach"))
    assert (done.status_code, done.headers["location"]) == (303, "/people?sort=reach")


def test_neither_the_subject_nor_the_session_is_stored(site):
    browser = site.sign_in("Ona.Analyst", number=3, sub="subject-4711")
    rows = site.ws.service.rows(sa.select(VIEWERS)) + site.ws.service.rows(sa.select(SESSIONS))
    stored = " ".join(str(value) for row in rows for value in row)
    assert "subject-4711" not in stored
    assert "p3@" not in stored
    assert browser.cookies[COOKIE] not in stored


def test_a_viewer_counts_as_signed_in_from_when_they_proved_it_to_the_provider(site):
    now = site.ws.now()
    told = int((now - timedelta(hours=2)).replace(tzinfo=UTC).timestamp())
    viewer = viewer_of(site, site.sign_in("Ona.Analyst", auth_time=told))
    assert viewer.signed_in == (now - timedelta(hours=2)).replace(microsecond=0)
    assert viewer_of(site, site.sign_in("Ona.Analyst", auth_time=2**62)).signed_in >= now
    assert viewer_of(site, site.sign_in("Ona.Analyst")).signed_in >= now


def test_a_step_that_matters_can_ask_for_the_password_again(site):
    plain, again = (site.browser().get(f"/sign-in/start{query}").headers["location"] for query in ("", "?again=1"))
    assert "prompt=" not in plain
    assert "prompt=login" in again
    assert all("code_challenge_method=S256" in one for one in (plain, again))
