"""Every page with numbers, as each role that reads it: they are those that the program answers the same viewer; no page is forgotten."""

import html
import re

import pytest
import sealed_scan
from fastapi.testclient import TestClient
from page_numbers import CONSTANTS, given_by, shown
from signing_in import BASE, add_viewer, come_in, company_settings

from api.app import create_app
from api.routes import rights_of_routes
from pipelines.access.rights import Role

LEAD = 2

TWINS: dict[tuple[Role, str], list[str]] = {
    (Role.ANALYST, "/overview"): ["/scans/latest", "/scans/latest/quality"],
    (Role.HR, "/company"): ["/scans/latest/company"],
    (Role.STEWARD, "/company"): ["/scans/latest/company"],
    (Role.MANAGER, "/company"): ["/scans/latest/company"],
    (Role.ANALYST, "/key-people"): ["/scans/latest/key-people"],
    (Role.ANALYST, "/company"): ["/scans/latest/company", "/scans/latest"],
    (Role.HR, "/map?view=table"): ["/teams/company/map", "/groups"],
    (Role.STEWARD, "/map?view=table"): ["/teams/company/map", "/groups"],
    (Role.MANAGER, "/map?view=table"): ["/teams/company/map", "/groups"],
    (Role.MANAGER, "/map/1?view=table"): ["/teams/1/map"],
    (Role.HR, "/candidates"): ["/mentors"],
    (Role.ANALYST, "/skills"): ["/skills/grid"],
    (Role.HR, "/skills"): ["/skills/grid"],
    (Role.ANALYST, "/skill-units"): ["/skills/heat", "/skills/heat?by=archetype", "/teams/company/skills"],
    (Role.HR, "/skill-units"): ["/skills/heat", "/skills/heat?by=archetype"],
    (Role.MANAGER, "/skill-units"): ["/skills/heat", "/skills/heat?by=archetype"],
    (Role.ANALYST, "/skill-teams/company"): ["/teams/company/skills"],
    (Role.HR, "/skill-teams/company"): ["/teams/company/skills"],
    (Role.ANALYST, "/skill-priorities"): ["/skills/priorities"],
    (Role.ANALYST, "/quality"): ["/scans/latest/quality"],
    (Role.ADMIN, "/quality"): ["/scans/latest/quality"],
    (Role.AUDITOR, "/audit"): ["/audit", "/audit/count", "/audit/verification"],
    (Role.ADMIN, "/connections"): ["/connections"],
    (Role.EMPLOYEE, "/me"): ["/me", "/me/result", "/me/export"],
    (Role.HR, "/reveals"): ["/reveals"],
    (Role.STEWARD, "/signatures"): ["/reveals/inbox", "/exports/inbox"],
    (Role.ANALYST, "/contests"): ["/contests"],
    (Role.ANALYST, "/needs"): ["/skills/needs"],
    (Role.HR, "/needs"): ["/skills/needs"],
    (Role.MANAGER, "/needs"): ["/skills/needs"],
    (Role.ANALYST, "/scans"): ["/scans"],
    (Role.ADMIN, "/viewers"): ["/viewers", "/grants", "/tokens/all"],
    (Role.ANALYST, "/exports"): ["/exports", "/exports/risk"],
    (Role.EMPLOYEE, "/my-badges"): ["/badges/own"],
    (Role.HR, "/mentoring"): ["/mentoring/programmes"],
}
"""Role and page → what the program answers the same viewer."""

COMPARED_ELSEWHERE = {"/people", "/people/{person_id}", "/teams", "/teams/{team_id}", "/map/people/{person_id}"}
"""Compared by test_same_numbers, and one colleague by the test of managers' answers, who reads no number at all."""

DRAWN_FROM_THE_ANSWER = {
    *("/preview", "/mentoring/{programme_id}", "/mentoring/{programme_id}/pairs/{pair_id}", "/my-mentoring", "/my-step"),
    *("/my-surveys", "/my-surveys/{survey_id}", "/surveys"),
}
"""Pages that need a programme, a survey or somebody to look as: their templates get the very object that the route answers."""

WITHOUT_FINDINGS = {
    *("/", "/account", "/docs", "/glossary", "/help", "/jobs/{job_id}", "/look-as", "/my-mentoring/profile", "/notice", "/publish"),
    *("/reveals/{reveal_id}", "/scans/new", "/suggest", "/recognitions", "/mentoring/exclusions"),
}
"""Forms, texts, progress and steps, whose numbers are choices and limits, not findings about people."""

ELSEWHERE = COMPARED_ELSEWHERE | DRAWN_FROM_THE_ANSWER | WITHOUT_FINDINGS


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    company = sealed_scan.build(tmp_path_factory.mktemp("numbers") / "home")
    app = create_app(company_settings(company.settings).model_copy(update={"reads_per_minute": 10**9}))
    with TestClient(app, base_url=BASE):
        yield {role: come_in(app, add_viewer(app.state.ws, role, role, person=company.persons[LEAD]), role) for role in Role}


def page_of(client, path: str) -> str:
    answer = client.get(path, headers={"Accept": "text/html", "Accept-Language": "en"})
    assert answer.status_code == 200, (path, answer.text[:500])
    return answer.text


@pytest.mark.parametrize(("role", "path"), TWINS, ids=str)
def test_a_page_shows_a_role_only_numbers_that_the_program_answers_it(readers, role, path):
    client = readers[role]
    page = page_of(client, path)  # before the answers: reading the log is itself an entry of the log
    answers = [client.get(f"/api/v1{twin}") for twin in TWINS[role, path]]
    assert {answer.status_code for answer in answers} == {200}
    given = set().union(*(given_by(answer.json()) for answer in answers))
    named = {found for text in re.findall(r"[A-Z]\w+ \d+", html.unescape(page)) for found in re.findall(r"\d+", text)}
    assert shown(page) - given - CONSTANTS - named == set()


def test_every_page_is_compared_or_has_no_findings(readers):
    app = readers[Role.ANALYST].app
    pages = {one.path for one in rights_of_routes(app) if one.method == "GET" and one.rights and not one.path.startswith("/api/")}
    compared = {path.partition("?")[0] for _, path in TWINS}
    known = compared | {"/map/{unit}", "/skill-teams/{team_id}"} | ELSEWHERE
    assert pages - known == set()
    assert ELSEWHERE - pages == set()
