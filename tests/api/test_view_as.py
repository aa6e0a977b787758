"""Who works alone may look as anybody, by role, by person or by team; the log says so each time, and signing out ends it."""

import pytest
from fastapi.testclient import TestClient

from api.auth import COOKIE, CSRF_HEADER
from pipelines.access import LOCAL_ANALYST, issue_link, read_teams, view_id
from pipelines.access.rights import Role
from pipelines.access.sessions import csrf_token, session_viewer
from pipelines.audit import entries

BASE = "http://127.0.0.1:8765"
SAME_ORIGIN = {"Origin": BASE, "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def operator(running) -> TestClient:
    """A session of this test's own."""
    client = TestClient(running, base_url=BASE, raise_server_exceptions=False, follow_redirects=False)
    client.post(issue_link(running.state.ws), headers=SAME_ORIGIN)
    client.headers.update(SAME_ORIGIN | {CSRF_HEADER: csrf_token(client.cookies[COOKIE])})
    return client


def viewer_of(running, client):
    return session_viewer(running.state.ws, client.cookies[COOKIE])


def test_the_operator_begins_as_the_analyst_and_holds_that_role_alone(running, operator):
    viewer = viewer_of(running, operator)
    assert (viewer.subject, viewer.role, viewer.roles, viewer.acting, viewer.person) == ("local", Role.ANALYST, {Role.ANALYST}, False, None)


@pytest.mark.parametrize("role", ["hr", "admin", "auditor", "steward", "analyst"])
def test_the_operator_looks_as_a_role_and_as_themself_again(running, operator, role):
    assert operator.post("/view-as", data={"role": role}).status_code == 303
    assert (viewer_of(running, operator).role, viewer_of(running, operator).acting) == (Role(role), True)
    assert entries(running.state.ws, 1)[0].act.purpose == role
    assert operator.post("/view-as", data={}).status_code == 303
    assert (viewer_of(running, operator).role, viewer_of(running, operator).acting) == (Role.ANALYST, False)
    assert (entries(running.state.ws, 1)[0].act.action, entries(running.state.ws, 1)[0].act.purpose) == ("view_as", "themself")


def test_the_operator_looks_as_a_person_by_the_id_on_their_page(running, operator, company):
    person = company.persons[11]
    code = view_id(running.state.ws.keys, Role.ANALYST, company.scan, person)
    assert operator.post("/view-as", data={"role": "employee", "person": code}).status_code == 303
    viewer = viewer_of(running, operator)
    assert (viewer.role, viewer.person, viewer.acting) == (Role.EMPLOYEE, person, True)
    assert entries(running.state.ws, 1)[0].act.object == str(person)


def test_the_operator_looks_as_whoever_leads_a_team(running, operator, company):
    scan = running.state.shelf.take("latest")
    table = scan.table.dropna(subset=["manager"])
    team = next(row for row in read_teams(running.state.ws, scan, LOCAL_ANALYST).teams if int(row.id) in set(table["team"]))
    assert operator.post("/view-as", data={"role": "manager", "team": team.id}).status_code == 303
    viewer = viewer_of(running, operator)
    managers = table.loc[table["team"] == int(team.id), "manager"]
    assert viewer.role is Role.MANAGER
    assert viewer.person == managers.mode().iloc[0]


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"role": "manager"}, 403),
        ({"role": "employee"}, 403),
        ({"role": "emperor"}, 422),
        ({"role": "employee", "person": "0000000000000000"}, 404),
        ({"role": "employee", "person": "x" * 65}, 422),
        ({"role": "manager", "team": "999999"}, 404),
        ({"role": "manager", "team": "-1"}, 422),
        ({"role": "manager", "team": "all"}, 422),
    ],
)
def test_a_wish_that_names_nobody_changes_nothing(running, operator, wish, status):
    assert operator.post("/view-as", data=wish).status_code == status
    assert not viewer_of(running, operator).acting


def test_the_operator_cannot_take_a_role_they_do_not_hold(running, operator):
    assert operator.post("/role", data={"role": "admin"}).status_code == 403
    assert viewer_of(running, operator).role is Role.ANALYST


def test_nobody_signs_in_with_a_provider_where_one_person_works_alone(operator):
    for path in ("/sign-in/start", "/sign-in/callback?state=x&code=y"):
        assert operator.get(path).status_code == 404
    assert operator.post("/sign-in/back-channel", data={"logout_token": "x"}).status_code == 404
    assert "ona serve" in operator.get("/sign-in", headers={"Accept": "text/html"}).text
