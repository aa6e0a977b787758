"""What the JSON routes answer: never a bare score, never a person id, problems in one shape, copies that know when they are stale."""

import json

import pytest
from starlette.testclient import TestClient

from api import problems
from api.app import create_app
from pipelines.access import issue_link
from pipelines.intake.people import object_person, set_consent

SCORE = {"value", "low", "high", "confidence", "n_evidence", "sources", "scan_id"}


def scores(value: object) -> list[dict]:
    """Find every object that looks like a score, however deep."""
    if isinstance(value, list):
        return [score for item in value for score in scores(item)]
    if not isinstance(value, dict):
        return []
    own = [value] if "value" in value and "tier" in value else []
    return own + [score for item in value.values() for score in scores(item)]


def first_person(client) -> str:
    return client.get("/api/v1/scans/latest/people").json()["people"][0]["id"]


def paths(client) -> list[str]:
    return [
        "/api/v1/scans",
        "/api/v1/scans/latest",
        "/api/v1/scans/latest/people?limit=500",
        f"/api/v1/people/{first_person(client)}",
        "/api/v1/teams",
        "/api/v1/teams/company/map",
        "/api/v1/scans/latest/quality",
        "/api/v1/scans/latest/company",
        "/api/v1/meta",
    ]


def test_a_score_never_comes_bare(client):
    found = [score for path in paths(client) for score in scores(client.get(path).json())]
    assert len(found) > 70
    for score in found:
        assert score.keys() >= SCORE
        if score["value"] is not None:
            assert 0 <= score["low"] <= score["value"] <= score["high"] <= 100
        else:
            assert score["reason"]
            assert score["low"] is None


def test_no_answer_and_no_page_holds_a_person_id(client, company):
    pages = ["/", "/people?limit=500", "/teams", "/teams/company", "/teams/1", "/quality", "/company", f"/people/{first_person(client)}"]
    everything = "".join(client.get(path).text for path in (*paths(client), *pages))
    assert not [person for person in (*company.persons, company.bot) if str(person) in everything]


def test_a_second_look_at_the_same_state_is_not_modified(client):
    for path in paths(client)[:-1]:
        first = client.get(path)
        again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b""), path
        assert "content-security-policy" in again.headers


@pytest.mark.parametrize("change", ["objection", "consent"])
def test_an_objection_or_a_withdrawn_consent_makes_every_copy_stale_at_once(own_company, serve, change):
    client, ws = serve(own_company)
    before = client.get("/api/v1/scans/latest/people?limit=500")
    person = own_company.hidden_helper
    object_person(ws, person) if change == "objection" else set_consent(ws, person, "name_on_map", granted=False)
    after = client.get("/api/v1/scans/latest/people?limit=500", headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    assert "Fia Abel" in before.text
    assert "Fia Abel" not in after.text
    assert after.json()["total"] == before.json()["total"] - (change == "objection")


def test_the_objection_of_somebody_without_name_and_badge_makes_copies_stale_too(own_company, serve):
    client, ws = serve(own_company)
    before = client.get("/api/v1/scans/latest")
    object_person(ws, own_company.in_small_team)
    after = client.get("/api/v1/scans/latest", headers={"If-None-Match": before.headers["etag"]})
    assert (after.status_code, after.json()["people"]) == (200, before.json()["people"] - 1)


def test_pages_of_the_list_cover_everybody_once(client):
    for sort in ("score", "name", "team", "badges"):
        seen, path = [], f"/api/v1/scans/latest/people?limit=9&sort={sort}"
        while path:
            answer = client.get(path)
            seen += [person["id"] for person in answer.json()["people"]]
            path = answer.links.get("next", {}).get("url")
        assert len(seen) == len(set(seen)) == answer.json()["total"] == 67


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/scans/nothing/people", 404, "not-found"),
        ("/api/v1/people/FFFFFFFFFFFFFFFF", 404, "not-found"),
        ("/api/v1/people/7?scan=latest", 404, "not-found"),
        ("/api/v1/teams/999/map", 404, "not-found"),
        ("/api/v1/teams/no/map", 422, "invalid-request"),
        ("/api/v1/scans/latest/people?sort=salary", 422, "invalid-request"),
        ("/api/v1/scans/latest/people?limit=0", 422, "invalid-request"),
        ("/api/v1/scans/latest/people?cursor=FFFF", 404, "not-found"),
        ("/api/v1/nothing", 404, "not-found"),
    ],
)
def test_every_refusal_is_a_problem_that_says_what_to_do(client, path, status, code):
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == problems.MEDIA_TYPE
    body = answer.json()
    assert body.keys() == {"type", "title", "status", "detail", "code", "request_id"}
    assert (body["status"], body["code"], body["type"]) == (status, code, f"/help#{code}")
    assert "salary" not in answer.text  # what was sent is not echoed
    assert f'id="{code}"' in client.get("/help").text


def test_writing_to_a_reading_route_is_a_problem_too(client):
    answer = client.post("/api/v1/teams", headers={"Origin": "http://127.0.0.1:8765", "Sec-Fetch-Site": "same-origin"})
    assert (answer.status_code, answer.json()["code"]) == (405, "method-not-allowed")


def test_before_the_first_scan_the_page_says_what_to_run_and_the_list_is_empty(tmp_path):
    from pipelines.keys import create_key
    from pipelines.settings import load_settings

    home = tmp_path / "home"
    home.mkdir()
    create_key(home / "key")
    app = create_app(load_settings(home))
    with TestClient(app, base_url="http://127.0.0.1:8765") as client:
        client.post(issue_link(app.state.ws), headers={"Sec-Fetch-Site": "same-origin"}, follow_redirects=False)
        page = client.get("/", headers={"Accept": "text/html"})
        assert client.get("/api/v1/scans").json() == {"scans": []}
        assert client.get("/api/v1/scans/latest/people").json()["code"] == "not-found"
    for verb in ("ona doctor", "ona pull", "ona scan", "ona demo"):
        assert verb in page.text


def test_the_quality_route_accounts_for_every_row(client):
    report = client.get("/api/v1/scans/latest/quality").json()["report"]
    for one in report["connectors"]:
        assert one["read"] == one["accepted"] + one["duplicate"] + sum(one["dropped"].values()) + sum(one["quarantined"].values())
    json.dumps(report)
