"""Skills, mentoring, surveys and nudges over HTTP: every route, every role; what is private reaches nobody's bytes."""

import csv
import io
import re

import openpyxl
import pytest
import skilled_company
import sqlalchemy as sa
from fastapi.testclient import TestClient

from api.app import create_app
from api.auth import COOKIE, CSRF_HEADER
from pipelines import publishing
from pipelines.access import LOCAL_ANALYST, Viewer, view_id
from pipelines.access.rights import Role
from pipelines.access.sessions import csrf_token, open_session
from pipelines.growth import programmes
from pipelines.intake import people
from pipelines.schema import PAIRS, VIEWERS
from pipelines.storage.service import put

BASE = "http://127.0.0.1:8765"
SAME_ORIGIN = {"Origin": BASE, "Sec-Fetch-Site": "same-origin"}
HR = Viewer("t-hr", Role.HR)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The company with skills behind an application; half of the pool is not named."""
    company = skilled_company.build(tmp_path_factory.mktemp("routes") / "home", people_count=45)
    app = create_app(company.settings)
    with TestClient(app, base_url=BASE):
        ws = app.state.ws
        for person in company.persons[10:25]:
            people.set_consent(ws, person, "name_on_map", granted=False)
        for person in company.persons[:40]:
            for purpose in ("survey", "nudge"):
                people.set_consent(ws, person, purpose, granted=True)
        publishing.publish_everywhere(ws, company.scan, LOCAL_ANALYST)
        yield app, company


def acting(app, role, person=None):
    """Somebody signed in with this one role."""
    ws, identity = app.state.ws, f"t-{role}" if person is None else f"t-{role}-{person}"
    now = ws.now()
    row = {"id": identity, "identity": identity, "person": person, "roles": [role], "state": "active", "created": now, "seen": now}
    with ws.service.begin() as connection:
        put(connection, VIEWERS, [row])
    client = TestClient(app, base_url=BASE, raise_server_exceptions=False, headers=SAME_ORIGIN)
    session = open_session(ws, identity, role)
    client.cookies.set(COOKIE, session)
    client.headers[CSRF_HEADER] = csrf_token(session)
    return client


def test_one_resource_holds_influence_with_evidence_beside_badges_with_verification(served):
    app, company = served
    code = view_id(app.state.ws.keys, Role.ANALYST, company.scan, company.persons[9])
    found = acting(app, Role.ANALYST).get(f"/api/v1/people/{code}").json()
    assert {"value", "low", "high", "tier", "sources", "n_evidence"} <= set(found["facets"][0]["score"])
    assert {one["facet"] for one in found["evidence"]} == {"helper", "broker"}
    assert {one["source"] for one in found["evidence"][0]["sources"]} == {"traces", "peer_360", "recognition", "csat", "survey"}
    assert {one["kind"] for one in found["axes"]} == {"soft", "hard"}
    badge = next(one for one in found["row"]["badges"] if one["name"] == "Scrum Master")
    assert (badge["status"], badge["method"], bool(badge["checked"])) == ("verified", "own-signature", True)


def test_the_grid_is_the_same_as_page_json_csv_and_workbook(served):
    app, _ = served
    client = acting(app, Role.ANALYST)
    grid = client.get("/api/v1/skills/grid", params={"limit": 200}).json()
    rows = list(csv.DictReader(io.StringIO(client.get("/api/v1/skills/grid.csv").content.decode("utf-8-sig"))))
    book = openpyxl.load_workbook(io.BytesIO(client.get("/api/v1/skills/grid.xlsx").content))
    cells = list(book.active.values)
    page = client.get("/skills").text
    assert [row["label"] for row in rows] == [row["label"] for row in grid["rows"]] == [row[1] for row in cells[1:]]
    assert all(one["label"] in page for one in grid["rows"][:40])
    skill = grid["skills"][0]["label"]
    assert [row[skill].split(" ")[0] for row in rows] == [row["cells"][0]["state"] for row in grid["rows"]]
    assert list(cells[0]) == list(rows[0])


def test_what_is_private_reaches_no_page_answer_or_file_of_anybody_else(served):
    """Every address without a parameter, and the person's own resource, read in every role."""
    app, company = served
    paths = {path for path, methods in app.openapi()["paths"].items() if "get" in methods and "{" not in path}
    paths |= {"/skills", "/skill-units", "/skill-priorities", "/people", "/overview", "/candidates", "/mentoring", "/map"}
    assert "/api/v1/skills/grid.csv" in paths
    read = 0
    for role in (Role.ANALYST, Role.HR, Role.MANAGER, Role.STEWARD):
        client = acting(app, role, company.persons[2] if role is Role.MANAGER else None)
        code = view_id(app.state.ws.keys, role, company.scan, company.persons[skilled_company.PRIVATE])
        for path in sorted(paths | {f"/people/{code}", f"/api/v1/people/{code}"}):
            answer = client.get(path)
            assert answer.status_code < 500, path
            assert b"zzprivate" not in answer.content.lower(), path
            read += answer.status_code == 200
    assert read > 40


def test_who_did_not_agree_is_on_no_board_and_in_no_file_by_name(served):
    app, company = served
    client = acting(app, Role.HR, company.persons[40])  # a partner of their own: nobody has shown them a name yet
    made = client.post("/api/v1/mentoring/programmes", json={"name": "Spring", "seats": 2})
    assert made.status_code == 201, made.text
    here = f"/api/v1/mentoring/programmes/{made.json()['id']}"
    board = client.get(here)
    assert board.json()["quality"]["matched"] > 0
    assert client.post(f"{here}/invitations").json()["pairs"] > 0
    names = app.state.ws.vault.names(company.persons[10:25])
    files = [f"{here}/{name}" for name in ("pairs", "pairs.csv", "check-ins.ics")]
    for path in (here, *files, f"/mentoring/{made.json()['id']}", "/api/v1/skills/grid.csv"):
        text = client.get(path).text
        assert not [name for name in names.values() if re.search(rf"\b{name}\b", text)], path
    assert client.get(f"{here}/pairs.xlsx").content[:2] == b"PK"


def test_a_pair_lives_over_http_from_invitation_to_answer(served):
    app, _ = served
    ws = app.state.ws
    with ws.service.begin() as connection:
        rows = list(connection.execute(sa.select(PAIRS).where(PAIRS.c.state == "invited")))
    if not rows:
        scan = app.state.shelf.take("latest")
        programmes.invite(ws, HR, scan, programmes.create(ws, HR, scan, "Autumn", seats=2))
        rows = ws.service.rows(sa.select(PAIRS).where(PAIRS.c.state == "invited"))
    mentee, mentor = acting(app, Role.EMPLOYEE, rows[0].mentee), acting(app, Role.EMPLOYEE, rows[0].mentor)
    assert "Answer until" in mentee.get("/my-mentoring").text
    assert mentor.post(f"/api/v1/mentoring/pairs/{rows[0].id}/answer", json={"accept": True}).json()["state"] == "accepted"
    assert mentee.post(f"/my-mentoring/{rows[0].id}/answer", data={"accept": "true"}, follow_redirects=False).status_code == 303
    assert next(one for one in mentee.get("/api/v1/mentoring/pairs").json()["pairs"] if one["id"] == rows[0].id)["other"]
    assert mentee.post(f"/api/v1/mentoring/pairs/{rows[0].id}/answer", json={"accept": False}).status_code == 409
    assert mentee.post(f"/api/v1/mentoring/pairs/{rows[0].id}/check-ins", json={"day": 30, "met": 1, "useful": 9}).status_code == 422


def test_a_survey_and_a_step_over_pages_alone(served):
    app, company = served
    analyst, person = acting(app, Role.ANALYST), acting(app, Role.EMPLOYEE, company.persons[9])
    assert analyst.post("/surveys", data={"name": "Pulse", "days": "3"}, follow_redirects=False).status_code == 303
    assert "Pulse" in analyst.get("/surveys").text
    survey = person.get("/api/v1/surveys/own").json()["surveys"][0]["id"]
    found = person.get(f"/my-surveys/{survey}", params={"text": "abel"}).text
    code = re.search(r'name="names" value="([0-9A-F]{16})"', found)[1]
    assert 'type="checkbox" name="names"' in person.get(f"/my-surveys/{survey}", params={"names": code}).text
    sent = person.post(f"/my-surveys/{survey}", data={"names": code, "skills": "facilitation"}, follow_redirects=False)
    assert sent.status_code == 303
    assert "You answered" in person.get("/my-surveys").text
    assert analyst.post("/api/v1/nudges").json()["chosen"] > 0
    assert person.get("/my-step").status_code == 200
    assert person.post("/api/v1/nudges/answer", json={"said": "perhaps"}).status_code == 422
    assert analyst.get("/api/v1/nudges/effect", params={"quarter": "2026-Q4"}).status_code == 200
    assert analyst.get("/api/v1/surveys/validation").json()["code"] == "not-enough-data", "nobody is named by three yet"
    assert acting(app, Role.HR).post("/api/v1/surveys", json={"name": "x"}).status_code == 403


def test_a_holder_makes_a_badge_private_over_http_and_nobody_else_can(served):
    app, company = served
    holder, other = (acting(app, Role.EMPLOYEE, company.persons[at]) for at in (21, 22))
    badge = holder.get("/api/v1/badges/own").json()["badges"][0]
    analyst = acting(app, Role.ANALYST)
    before = analyst.get("/api/v1/badges").json()["total"]
    assert other.post(f"/api/v1/badges/{badge['id']}/visibility", json={"visibility": "private"}).status_code == 404
    assert holder.post(f"/api/v1/badges/{badge['id']}/visibility", json={"visibility": "secret"}).status_code == 422
    assert holder.post(f"/api/v1/badges/{badge['id']}/visibility", json={"visibility": "private"}).json()["visibility"] == "private"
    assert analyst.get("/api/v1/badges").json()["total"] == before - 1


def csv_of(answer):
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_needs_heat_maps_charts_and_priorities_are_the_same_as_answer_and_as_files(served):
    app, _ = served
    client = acting(app, Role.ANALYST)
    needs = client.get("/api/v1/skills/needs").json()
    rows = csv_of(client.get("/api/v1/skills/needs.csv"))
    assert [(row["unit"], row["skill"], float(row["target"])) for row in rows] == [
        (one["unit"], one["skill"], one["target"]) for one in needs["rows"]
    ]
    heat = client.get("/api/v1/skills/heat", params={"by": "archetype"}).json()
    rows = csv_of(client.get("/api/v1/skills/heat.csv", params={"by": "archetype"}))
    assert [row["unit"] for row in rows] == [one["name"] for one in heat["rows"]]
    assert [row["both"] for row in rows] == [str(one["cells"][2]["share"]) for one in heat["rows"]]
    team = client.get("/api/v1/teams/company/skills").json()
    assert [row["axis"] for row in csv_of(client.get("/api/v1/teams/company/skills.csv"))] == [one["name"] for one in team["axes"]]
    ranked = client.get("/api/v1/skills/priorities").json()["skills"]
    assert [row["skill"] for row in csv_of(client.get("/api/v1/skills/priorities.csv"))] == [one["skill"] for one in ranked]
    for path in ("skills/needs", "skills/heat", "teams/company/skills", "skills/priorities"):
        book = openpyxl.load_workbook(io.BytesIO(client.get(f"/api/v1/{path}.xlsx").content))
        assert len(list(book.active.values)) > 1, path


def test_what_a_debrief_found_is_kept_by_those_who_may_and_nothing_else_is(served):
    app, _ = served
    place, said = "/api/v1/skills/needs/findings", {"unit": "Engineering", "skill": "quality", "finding": "process"}
    client = acting(app, Role.ANALYST)
    assert client.post(place, json=said | {"target": 0.8}).json()["target"] == 0.8
    assert next(one for one in client.get("/api/v1/skills/needs").json()["rows"] if one["unit"] == "Engineering")["finding"] == "process"
    wrong = [{"finding": "laziness"}, {"target": 2}, {"unit": "a\u0000b"}, {"person": "p5"}, {"target": "NaN"}]
    assert {client.post(place, json=said | one).status_code for one in wrong} == {422}
    assert client.post(place, json=said | {"unit": "=cmd()"}).status_code == 404
    assert client.post(place, json=said | {"target": 0.0001, "skill": "agile"}).status_code in (201, 409)
    for role in (Role.MANAGER, Role.STEWARD, Role.EMPLOYEE, Role.ADMIN):
        assert acting(app, role, served[1].persons[2]).post(place, json=said).status_code == 403
    assert client.get("/needs", params={"text": "a\x00b"}).status_code == 422


def test_taking_part_over_http_refuses_what_cannot_be(served):
    app, company = served
    client = acting(app, Role.EMPLOYEE, company.persons[11])
    said = {"side": "both", "seats": 2, "wanted": ["speaking", "speaking"], "interests": {"plan": 0.5}, "day_start": 8, "day_end": 16}
    assert client.put("/api/v1/me/mentoring", json=said).json()["wanted"] == ["speaking"]
    assert client.get("/api/v1/me/mentoring").json()["seats"] == 2
    wrong = [{"side": "boss"}, {"seats": 0}, {"wanted": ["x"] * 9}, {"interests": {"plan": 7}}, {"day_end": 99}, {"person": 5}]
    assert {client.put("/api/v1/me/mentoring", json=one).status_code for one in wrong} == {422}
    later = [({"wanted": ["reading minds"]}, 404), ({"interests": {"star sign": 0.5}}, 404), ({"day_start": 9, "day_end": 10}, 409)]
    assert [client.put("/api/v1/me/mentoring", json=one).status_code for one, _ in later] == [status for _, status in later]
    for address in ("nobody@acme.example", "a\u0000b@acme.example", "@" * 200, "\ud800@acme.example".encode("utf-8", "replace").decode()):
        assert client.post("/api/v1/me/conflicts", json={"address": address}).status_code == 404, address
    assert client.delete(f"/api/v1/me/conflicts/{'A' * 16}").status_code == 404
    assert client.post(f"/api/v1/me/suggestions/{'a' * 32}", json={"accept": True}).status_code == 404
    manager = acting(app, Role.MANAGER, company.persons[2])
    answers = [manager.post("/api/v1/mentoring/suggestions", json={"address": one, "skill": "agile"}) for one in ("no", "x@y.z", "=1+1")]
    assert [one.status_code for one in answers] == [422, 404, 404]
