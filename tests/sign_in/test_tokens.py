"""An API token is shown once, speaks for its owner within its rights, and ends when it is revoked, old, or its owner is gone."""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from pipelines.access.rights import Right, Role
from pipelines.entrance import tokens, viewers
from pipelines.entrance.tokens import BY_HAND, MOST, PREFIX, Scope
from pipelines.schema import API_TOKENS


@pytest.fixture
def analyst(site):
    return site.enter("Ona.Analyst", number=3)


def program(site, token: str):
    """A program that has nothing but a token."""
    client = site.browser()
    client.headers.update({"Accept": "application/json", "Authorization": f"Bearer {token}"})
    return client


def made(browser, **wish) -> dict:
    answer = browser.post("/api/v1/tokens", json={"role": "analyst"} | wish)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_token_is_shown_once_and_only_its_hash_is_kept(site, analyst):
    token = made(analyst)["token"]
    assert token.startswith(PREFIX)
    assert len(token) >= len(PREFIX) + 43  # 256 bits in base64
    assert program(site, token).get("/api/v1/scans").status_code == 200
    listed = analyst.get("/api/v1/tokens")
    assert token not in listed.text
    assert token[len(PREFIX) :] not in str(site.ws.service.rows(sa.select(API_TOKENS)))


def test_a_token_needs_no_cookie_no_origin_and_no_form_token_and_a_cookie_beside_it_counts_for_nothing(site, analyst):
    token = made(analyst)["token"]
    caller = program(site, token)
    assert caller.delete("/api/v1/tokens/t000000000000").status_code == 404  # reached the route
    other = site.enter("Ona.Admin", sub="s2")
    other.headers["Authorization"] = "Bearer ona_wrong"
    assert other.get("/api/v1/viewers").status_code == 401
    other.headers["Authorization"] = f"Basic {token}"
    assert other.get("/api/v1/viewers").status_code == 401


def test_a_token_in_an_address_opens_nothing(site, analyst):
    token = made(analyst)["token"]
    for query in (f"token={token}", f"access_token={token}", f"authorization=Bearer%20{token}"):
        assert site.browser().get(f"/api/v1/scans?{query}", headers={"Accept": "application/json"}).status_code == 401


def test_a_token_has_the_rights_it_was_made_with_and_no_other(site, analyst):
    narrow = program(site, made(analyst, rights=["see_quality"])["token"])
    wide = program(site, made(analyst)["token"])
    assert (wide.get("/api/v1/scans/latest/company").status_code, narrow.get("/api/v1/scans/latest/company").status_code) == (200, 403)
    assert narrow.get("/api/v1/tokens").status_code == 403


@pytest.mark.parametrize(
    "wish",
    [{"role": "admin"}, {"rights": ["administer"]}, {"rights": ["approve"]}, {"rights": ["pair"]}],
)
def test_nobody_makes_a_token_that_may_do_more_than_they_may(analyst, wish):
    assert analyst.post("/api/v1/tokens", json={"role": "analyst"} | wish).status_code == 403


def test_what_takes_a_person_is_in_no_token(site):
    browser = site.enter("Ona.Admin")
    assert "administer" not in made(browser, role="admin")["rights"]
    assert {Right.APPROVE, Right.ADMINISTER, Right.REQUEST_REVEAL} == BY_HAND


@pytest.mark.parametrize(
    "wish", [{"days": 91}, {"days": 0}, {"days": "many"}, {"rights": ["everything"]}, {"viewer": "v1"}, {"role": None}]
)
def test_a_wish_that_is_not_understood_makes_none(analyst, wish):
    assert analyst.post("/api/v1/tokens", json={"role": "analyst"} | wish).status_code == 422


def test_a_token_makes_no_token(site, analyst):
    caller = program(site, made(analyst)["token"])
    assert caller.post("/api/v1/tokens", json={"role": "analyst"}).status_code == 403


def test_a_token_ends_after_ninety_days_at_the_latest(site, analyst, later):
    found = made(analyst)
    assert datetime.fromisoformat(found["expires"]) - datetime.fromisoformat(found["created"]) == timedelta(days=90)
    caller = program(site, found["token"])
    later(site.ws, days=89, hours=23)
    assert caller.get("/api/v1/scans").status_code == 200
    later(site.ws, days=90, minutes=1)
    assert caller.get("/api/v1/scans").status_code == 401


def test_a_revoked_token_is_worth_nothing_at_once(site, analyst):
    found = made(analyst)
    caller = program(site, found["token"])
    assert caller.get("/api/v1/scans").status_code == 200
    stranger = site.enter("Ona.Analyst", sub="s2")
    assert stranger.delete(f"/api/v1/tokens/{found['id']}").status_code == 404
    assert analyst.delete(f"/api/v1/tokens/{found['id']}").status_code == 204
    assert caller.get("/api/v1/scans").status_code == 401


def test_an_administrator_sees_and_revokes_tokens_but_cannot_use_them(site, analyst):
    found = made(analyst)
    admin = site.enter("Ona.Admin", sub="admin")
    listed = admin.get("/api/v1/tokens/all")
    assert [one["id"] for one in listed.json()] == [found["id"]]
    assert found["token"] not in listed.text
    assert admin.delete(f"/api/v1/tokens/all/{found['id']}").status_code == 204
    assert program(site, found["token"]).get("/api/v1/scans").status_code == 401
    assert analyst.get("/api/v1/tokens/all").status_code == 403


def test_a_token_ends_with_its_owner_and_with_their_role(site, analyst):
    found = made(analyst)
    caller = program(site, found["token"])
    site.enter("Ona.Auditor")  # the provider took the analyst's role back
    site.app.state.guests.forget_all()
    assert caller.get("/api/v1/scans").status_code == 401
    site.enter("Ona.Analyst")
    assert caller.get("/api/v1/scans").status_code == 200
    viewers.disable(site.ws, "local", found["viewer"])
    site.app.state.guests.forget_all()
    assert caller.get("/api/v1/scans").status_code == 401


def test_the_last_use_is_kept_to_the_minute(site, analyst, later):
    found = made(analyst)
    caller = program(site, found["token"])
    caller.get("/api/v1/scans")
    first = tokens.list_tokens(site.ws)[0].used
    later(site.ws, seconds=30)
    caller.get("/api/v1/scans")
    assert tokens.list_tokens(site.ws)[0].used == first
    later(site.ws, seconds=90)
    caller.get("/api/v1/scans")
    assert tokens.list_tokens(site.ws)[0].used > first


def test_nobody_hoards_tokens(site, analyst):
    for _ in range(MOST):
        made(analyst)
    assert analyst.post("/api/v1/tokens", json={"role": "analyst"}).status_code == 403


def test_a_token_is_limited_apart_from_its_owner(site, analyst):
    caller = program(site, made(analyst)["token"])
    left = [client.get("/api/v1/scans").headers["ratelimit"].partition("r=")[2].partition(";")[0] for client in (caller, caller)]
    assert left == ["119", "118"]


def test_the_scope_of_a_token_that_an_older_program_made_keeps_what_is_known(site, analyst):
    found = made(analyst, rights=["see_quality"])
    with site.ws.service.begin() as connection:
        connection.execute(sa.update(API_TOKENS).values(rights=["see_quality", "forgotten"]))
    assert tokens.list_tokens(site.ws)[0].rights == (Right.SEE_QUALITY,)
    assert found["rights"] == ["see_quality"]
    assert Scope(Role.ANALYST).days == 90
