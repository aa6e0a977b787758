"""An administrator's session is kept from every request that another site begins, the way back from the provider included."""

import pytest

from api.auth import COOKIE
from pipelines.access.sessions import session_viewer


def arrived(site, *roles: str, browser=None, start: str = "/sign-in/start?next=/scans"):
    """Sign in and return the answer to the provider's redirect, with the browser."""
    site.provider.user = {"sub": "s1", "roles": list(roles)}
    browser = browser or site.browser()
    return site.arrive(browser, site.reply(browser, start)), browser


def cookie_of(answer) -> str:
    return next(line for line in answer.headers.get_list("set-cookie") if line.startswith(f"{COOKIE}="))


@pytest.mark.parametrize(
    ("roles", "same_site"), [(["Ona.Analyst"], "lax"), (["Ona.Admin"], "strict"), (["Ona.Analyst", "Ona.Admin"], "strict")]
)
def test_whoever_holds_the_role_gets_a_strict_cookie_in_whichever_role_they_act(site, roles, same_site):
    answer, browser = arrived(site, *roles)
    assert f"samesite={same_site}" in cookie_of(answer).lower()
    assert "httponly" in cookie_of(answer).lower()
    site.with_form_token(browser)
    role = roles[0].removeprefix("Ona.").lower()
    assert f"samesite={same_site}" in cookie_of(browser.post("/role", data={"role": role})).lower()


def test_an_administrator_arrives_on_a_page_of_ours_that_leads_on(site):
    answer, browser = arrived(site, "Ona.Admin")
    assert answer.status_code == 200
    assert '<meta http-equiv="refresh" content="0; url=/scans">' in answer.text
    assert 'href="/scans"' in answer.text
    assert browser.get("/scans").status_code == 200


def test_everybody_else_is_led_on_at_once(site):
    answer, _ = arrived(site, "Ona.Analyst")
    assert (answer.status_code, answer.headers["location"]) == (303, "/scans")


@pytest.mark.parametrize("path", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_the_page_leads_to_no_other_site(site, path):
    answer, _ = arrived(site, "Ona.Admin", start=f"/sign-in/start?next={path}")
    assert "evil" not in answer.text


def test_the_session_before_ends_though_its_cookie_does_not_come_back_from_the_provider(site):
    _, browser = arrived(site, "Ona.Admin")
    before = browser.cookies[COOKIE]
    assert session_viewer(site.ws, before) is not None
    back = site.reply(browser)
    browser.cookies.delete(COOKIE)  # what a strict cookie does on the way from the provider's site
    site.arrive(browser, back)
    assert browser.cookies[COOKIE] != before
    assert session_viewer(site.ws, before) is None
