"""An analyst walks a manager's pages before and after publication: nothing can be changed, nothing else is open, and it is noted."""

import re
from dataclasses import replace

import pytest
import sealed_scan
import sqlalchemy as sa

from api.routes import rights_of_routes
from pipelines import publishing, scans
from pipelines.access import LOCAL_ANALYST
from pipelines.access.policy import Viewer, view_id
from pipelines.access.rights import Role
from pipelines.access.units import read_map
from pipelines.audit import entries
from pipelines.schema import VIEWERS
from pipelines.settings import Mode

LEADER = 3
"""Leads the team of persons 3 to 10."""


@pytest.fixture
def analyst(site):
    return site.enter("Ona.Analyst", number=20)


@pytest.fixture
def code(site):
    return view_id(site.ws.keys, Role.ANALYST, site.company.scan, site.company.persons[LEADER])


@pytest.fixture
def looking(site, analyst, code):
    answer = analyst.post("/view-as", data={"role": "manager", "person": code, "scan": site.company.scan})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/map?scan={site.company.scan}")
    return analyst


def test_the_analyst_sees_the_managers_map_and_a_banner(site, looking):
    page = looking.get("/map").text
    assert "Look as yourself again" in page
    manager = Viewer("somebody", Role.MANAGER, person=site.company.persons[LEADER])
    wanted = read_map(site.ws, scans.open_scan(site.ws), manager)
    found = looking.get("/api/v1/teams/company/map").json()
    assert [node["label"] for node in found["nodes"]] == [str(node.label) for node in wanted.nodes]
    assert [one["name"] for one in found["people"]] == [one.name for one in wanted.people]
    assert len(found["people"]) > 3
    assert looking.get(f"/map/people/{found['people'][0]['view_id']}").status_code == 200


def test_it_is_noted_and_the_manager_finds_it_on_their_own_page(site, looking):
    act = entries(site.ws, 1)[0].act
    assert (act.action, act.object, act.purpose, act.role) == ("view_as", str(site.company.persons[LEADER]), "manager", "analyst")
    manager = site.enter("Ona.Employee", sub="s7", number=LEADER)
    assert "Looked at the service as you" in manager.get("/me").text


@pytest.mark.parametrize("path", ["/me", "/people", "/exports", "/scans", "/publish", "/api/v1/me", "/api/v1/me/export", "/look-as"])
def test_nothing_but_the_pages_of_a_scan_is_open(looking, path):
    answer = looking.get(path)
    assert answer.status_code == 403
    assert "Look as yourself again" in answer.text


def test_no_change_is_possible_whatever_is_asked_for(site, looking):
    unsafe = [one for one in rights_of_routes(site.app) if one.method != "GET" and one.path not in ("/view-as", "/sign-out")]
    tried = [one for one in unsafe if not one.path.startswith(("/sign-in", "/open"))]
    assert len(tried) > 50
    for one in tried:
        answer = looking.request(one.method, re.sub(r"{[^}]*}", "0", one.path))
        assert answer.status_code == 403, one
        assert "only look as somebody else" in answer.text, one
    assert looking.get("/map").status_code == 200


def test_a_scan_is_seen_before_it_is_published_and_by_nobody_else(site, analyst, code):
    scan, ws = site.company.scan, site.ws
    publishing.withdraw(ws, scan, LOCAL_ANALYST)
    try:
        manager = site.enter("Ona.Manager", sub="s7", number=LEADER)
        assert manager.get("/api/v1/teams/company/map").status_code == 404
        analyst.post("/view-as", data={"role": "manager", "person": code, "scan": scan})
        assert analyst.get(f"/map?scan={scan}").status_code == 200
        assert len(analyst.get("/api/v1/teams/company/map").json()["people"]) > 3
    finally:
        publishing.publish_everywhere(ws, scan, LOCAL_ANALYST)


def test_the_way_back_leads_to_ones_own_role(looking):
    assert looking.post("/view-as", data={}).headers["location"] == "/"
    page = looking.get("/people")
    assert page.status_code == 200
    assert "Look as yourself again" not in page.text


@pytest.mark.parametrize("role", ["Ona.Manager", "Ona.Hr", "Ona.Admin", "Ona.Auditor", "Ona.Steward", "Ona.Employee"])
def test_nobody_but_who_publishes_may_look_as_a_manager(site, code, role):
    other = site.enter(role, sub="s8", number=8)
    for person in (code, "0" * 16, "nobody"):  # one answer, whoever is named
        assert other.post("/view-as", data={"role": "manager", "person": person}).status_code == 403


@pytest.mark.parametrize("role", ["hr", "admin", "employee", "auditor", "steward", "analyst"])
def test_an_analyst_of_a_company_looks_as_a_manager_and_as_nobody_else(analyst, code, role):
    assert analyst.post("/view-as", data={"role": role, "person": code}).status_code == 403
    assert analyst.get("/people").status_code == 200


def test_who_loses_the_role_loses_the_look(site, looking):
    with site.ws.service.begin() as connection:
        connection.execute(sa.update(VIEWERS).values(roles=["employee"]))
    site.app.state.guests.forget_all()
    assert looking.get("/map").status_code == 403
    assert looking.get("/me").status_code == 200


def test_in_the_open_mode_a_look_tells_no_name_that_nobody_agreed_to(site):
    ws = site.ws
    open_ws = replace(ws, settings=ws.settings.model_copy(update={"mode": Mode.OPEN}), memory={})
    scan = scans.open_scan(ws)
    publishing.publish(open_ws, scan, LOCAL_ANALYST, publishing.Wanted(override="a simulated company, nobody"))
    try:
        person = site.company.persons[LEADER]
        own = read_map(open_ws, scan, Viewer("m", Role.MANAGER, person=person))
        looked = read_map(open_ws, scan, Viewer("a", Role.MANAGER, person=person, preview=True, acting=True))
        agreed = {ws.vault.names([one])[one] for at, one in enumerate(site.company.persons) if at % sealed_scan.NEVER_NAMED}
        assert len(own.people) == len(looked.people) == 7
        assert {one.name for one in own.people} - agreed  # the manager reads somebody who did not agree: the seventh person
        told = {one.name for one in looked.people}
        assert {name for name in told if not name.startswith("Person ")} <= agreed
        assert sum(name.startswith("Person ") for name in told) == 1
    finally:
        publishing.publish(ws, scan, LOCAL_ANALYST, publishing.Wanted(override="a simulated company, nobody"))
