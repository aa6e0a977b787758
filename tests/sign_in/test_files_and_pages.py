"""What administrators, analysts and stewards do on pages: roles, tokens, and files about single people up to the download."""

import re

import pytest

from api.pages.viewers import RIGHTS
from pipelines.access.rights import Right, Role
from pipelines.entrance import viewers
from pipelines.entrance.tokens import BY_HAND
from pipelines.entrance.viewers import Wish
from pipelines.jobs.worker import Worker

WISH = {"content": "people", "purpose": "network_health", "reason": "The works council asked for the share of cross ties."}


def id_of(site, browser) -> str:
    return re.search(r"<code>(v[0-9a-f]{16})</code>", browser.get("/account").text)[1]


@pytest.fixture
def analyst(site):
    return site.enter("Ona.Analyst", number=3)


@pytest.fixture
def steward(site):
    return site.enter("Ona.Steward", sub="s2")


@pytest.fixture
def admin(site):
    return site.enter("Ona.Admin", sub="s3")


def written(site, analyst, steward) -> dict:
    asked = analyst.post("/api/v1/exports", json=WISH)
    assert asked.status_code == 201, asked.text
    place = f"/api/v1/exports/{asked.json()['id']}"
    assert analyst.get(f"{place}/file").status_code == 409
    approved = steward.post(f"{place}/decision", json={"approve": True})
    assert approved.json()["state"] == "writing"
    Worker(site.ws).take(approved.json()["job"])
    return analyst.get(place).json()


def test_a_file_goes_from_the_request_over_signature_and_job_to_the_download(site, analyst, steward):
    found = written(site, analyst, steward)
    assert (found["state"], found["rows"], found["mine"]) == ("ready", 35, True)
    events = analyst.get(f"/api/v1/jobs/{found['job']}/events").text
    assert "event: end" in events
    assert '"kind":"export"' in events
    media = {"text/csv": "csv", "application/json": "json", "application/vnd.apache.parquet": "parquet"}
    for accept, form in media.items():
        answer = analyst.get(f"/api/v1/exports/{found['id']}/file", headers={"Accept": accept})
        assert answer.headers["content-type"].partition(";")[0] == accept
        assert answer.headers["content-disposition"] == f'attachment; filename="{found["id"]}.{form}"'
        assert answer.headers["cache-control"] == "private, no-store"
    assert analyst.get(f"/api/v1/exports/{found['id']}/file?format=xlsx").content[:2] == b"PK"
    other = site.enter("Ona.Analyst", sub="s9", number=4)
    assert other.get(f"/api/v1/exports/{found['id']}/file").status_code == 404
    assert other.get("/api/v1/exports").json() == []
    assert steward.get(f"/api/v1/exports/{found['id']}/file").status_code == 403


def test_the_page_of_files_asks_follows_and_takes_back(site, analyst, steward):
    page = analyst.get("/exports").text
    assert "Of 35 people" in page
    answer = analyst.post("/exports", data=WISH)
    assert (answer.status_code, answer.headers["location"]) == (303, "/exports#asked")
    assert "waits for a signature" in analyst.get("/exports").text
    inbox = steward.get("/signatures").text
    assert WISH["reason"] in inbox
    number = re.search(r'action="/signatures/exports/([0-9a-f]{32})"', inbox)[1]
    assert steward.post(f"/signatures/exports/{number}", data={"approve": "true"}).status_code == 303
    assert steward.post(f"/signatures/exports/{number}", data={"approve": "false"}).status_code == 409
    assert "Follow the job" in analyst.get("/exports").text
    Worker(site.ws).take(analyst.get(f"/api/v1/exports/{number}").json()["job"])
    ready = analyst.get("/exports").text
    assert f'href="/api/v1/exports/{number}/file?format=csv"' in ready
    assert analyst.post(f"/exports/{number}/withdrawal").status_code == 303
    assert analyst.get(f"/api/v1/exports/{number}/file").status_code == 409
    assert "taken back" in analyst.get("/exports").text


def test_a_request_for_a_file_that_is_not_understood_leaves_nothing(site, analyst):
    bad = ({"reason": "short"}, {"purpose": "pay"}, {"content": "texts"}, {"reason": "\x00" * 30}, {"more": 1})
    for change in bad:
        assert analyst.post("/api/v1/exports", json=WISH | change).status_code == 422
        assert analyst.post("/exports", data=WISH | change).status_code in (422, 303 if "more" in change else 422)
    assert analyst.get("/api/v1/exports/0f3c9a7d5b1e4c2f8a6d0b9e7c5a3f10").status_code == 404
    risk = analyst.get("/api/v1/exports/risk?content=ties").json()
    assert 0 <= risk["unique"] <= risk["unique_closely"] <= 1


def test_people_in_a_file_find_it_among_those_who_looked(site, analyst, steward):
    found = written(site, analyst, steward)
    analyst.get(f"/api/v1/exports/{found['id']}/file")
    person = site.enter("Ona.Employee", sub="s5", number=5)
    assert "Took a file that holds you" in person.get("/me").text


def test_an_administrator_grants_on_the_page_and_the_steward_signs_there(site, admin, steward):
    person = site.enter("Ona.Employee", sub="s5", number=5)
    who = id_of(site, person)
    page = admin.get("/viewers").text
    assert who in page
    assert "p5@acme.example" not in page
    wish = {"viewer": who, "role": "auditor", "start": "", "end": "", "stands_for": ""}
    assert admin.post("/viewers/grants", data=wish).headers["location"] == "/viewers#roles"
    assert "waits for a signature" in admin.get("/viewers").text
    number = re.search(r'action="/signatures/grants/(\d+)"', steward.get("/signatures").text)[1]
    assert admin.post(f"/signatures/grants/{number}", data={"approve": "true"}).status_code == 403
    assert steward.post(f"/signatures/grants/{number}", data={"approve": "true"}).status_code == 303
    assert steward.post(f"/signatures/grants/{number}", data={"approve": "true"}).status_code == 409
    assert person.post("/role", data={"role": "auditor"}).status_code == 303
    assert person.get("/audit").status_code == 200
    assert admin.post(f"/viewers/grants/{number}/revocation").status_code == 303
    assert person.get("/audit").status_code == 403


def test_an_administrator_asks_for_nobody_twice_over_and_never_for_themself(site, admin, steward):
    own = {"viewer": id_of(site, admin), "role": "analyst"}
    assert admin.post("/viewers/grants", data=own).status_code == 403
    assert admin.post("/viewers/grants", data={"viewer": "v0", "role": "analyst"}).status_code == 422
    joined = {"viewer": id_of(site, steward), "role": "hr"}
    assert admin.post("/viewers/grants", data=joined).status_code == 409
    asked = viewers.ask_grant(site.ws, "local", Wish(id_of(site, steward), Role.AUDITOR))
    assert steward.post(f"/signatures/grants/{asked.id}", data={"approve": "true"}).status_code == 403  # the role would be theirs
    assert "This role would be yours" in steward.get("/signatures").text


def test_an_administrator_keeps_somebody_out_on_the_page(site, admin):
    person = site.enter("Ona.Employee", sub="s5", number=5)
    who = id_of(site, person)
    assert admin.post(f"/viewers/{who}/state", data={"disabled": "true"}).status_code == 303
    assert person.get("/me").status_code == 303  # to the way in
    assert "kept out" in admin.get("/viewers").text
    assert admin.post(f"/viewers/{who}/state", data={"disabled": "false"}).status_code == 303


def test_the_page_says_how_the_first_steward_comes_in(site, admin):
    assert "ona viewers invite --role steward" in admin.get("/viewers").text
    site.enter("Ona.Steward", sub="s2")
    assert "ona viewers invite --role steward" not in admin.get("/viewers").text


def test_a_token_is_made_on_the_page_shown_once_and_revoked_there(site, analyst, admin):
    made = analyst.post("/account/tokens", data={"right": ["see_quality", "see_groups"], "days": "7"})
    token = re.search(r'<code class="token">(ona_[\w-]+)</code>', made.text)[1]
    assert made.headers["cache-control"] == "private, no-store"
    assert token not in analyst.get("/account").text
    program = site.browser()
    program.headers.update({"Authorization": f"Bearer {token}", "Accept": "application/json"})
    assert program.get("/api/v1/groups").status_code == 200
    assert program.get("/api/v1/scans/latest/people").status_code == 403
    assert program.get("/account").status_code == 403  # the token was made without read_words
    number = re.search(r"/account/tokens/(t[0-9a-f]{12})/revocation", analyst.get("/account").text)[1]
    assert number in admin.get("/viewers").text
    assert site.enter("Ona.Analyst", sub="s9", number=4).post(f"/account/tokens/{number}/revocation").status_code == 404
    assert analyst.post(f"/account/tokens/{number}/revocation").status_code == 303
    assert program.get("/api/v1/groups").status_code == 401
    assert "revoked" in admin.get("/viewers").text


@pytest.mark.parametrize("wish", [{"right": "approve"}, {"right": "administer"}, {"days": "91"}, {"days": "0"}, {"right": "fly"}])
def test_a_token_for_more_than_it_may_be_is_not_made(site, analyst, wish):
    assert analyst.post("/account/tokens", data=wish).status_code in (403, 422)
    assert "Revoke" not in analyst.get("/account").text


def test_an_administrator_revokes_anybodys_token_on_the_page(site, analyst, admin):
    analyst.post("/account/tokens", data={"days": "1"})
    number = re.search(r"/viewers/tokens/(t[0-9a-f]{12})/revocation", admin.get("/viewers").text)[1]
    assert admin.post(f"/viewers/tokens/{number}/revocation").status_code == 303
    assert "Revoke" not in analyst.get("/account").text


def test_every_right_that_a_token_may_have_is_said_in_words(site):
    assert RIGHTS.keys() == set(Right) - BY_HAND
