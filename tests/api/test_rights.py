"""The table of rights, walked: every role at every door, over objects of their own, out of scope and absent."""

import base64
import json
import re
import secrets

import pytest
from fastapi.testclient import TestClient

from api.auth import COOKIE, CSRF_HEADER
from api.routes import rights_of_routes
from pipelines.access.policy import view_id
from pipelines.access.rights import MATRIX, Reach, Right, Role, reach
from pipelines.access.sessions import csrf_token, open_session
from pipelines.schema import VIEWERS
from pipelines.settings import Mode
from pipelines.storage.service import put

BASE = "http://127.0.0.1:8765"
SAME_ORIGIN = {"Origin": BASE, "Sec-Fetch-Site": "same-origin"}

OPEN = {
    "/healthz",
    "/readyz",
    "/metrics",
    "/open/{link}",
    "/sign-in",
    "/sign-in/start",
    "/sign-in/callback",
    "/sign-in/back-channel",
    "/sign-in/invited/{invitation}",
    "/.well-known/did.json",
    "/credentials/status/1",
    "/credentials/go-to-helper/1",
}
"""All that names no right: the way in, what machines beside the service ask, and what verifiers of credentials read."""

MANAGER, MEMBER, STRANGER = 2, 11, 3
"""The second of the board leads Claims (11 to 18) among others, and not Pricing (3 to 10)."""


def acting(app, role: Role, person: int | None = None) -> TestClient:
    """Somebody signed in with this one role."""
    ws, identity = app.state.ws, f"v{list(Role).index(role):08x}{(person or 0) % 2**32:08x}"
    row = {
        "id": identity,
        "identity": identity,
        "person": person,
        "roles": [role],
        "state": "active",
        "created": ws.now(),
        "seen": ws.now(),
    }
    with ws.service.begin() as connection:
        put(connection, VIEWERS, [row])
    client = TestClient(app, base_url=BASE, raise_server_exceptions=False, headers=SAME_ORIGIN)
    session = open_session(ws, identity, role)
    client.cookies.set(COOKIE, session)
    client.headers[CSRF_HEADER] = csrf_token(session)
    return client


@pytest.fixture(scope="module")
def roles(running, company) -> dict[Role, TestClient]:
    """One viewer of each role; each is a person of the company."""
    return {role: acting(running, role, company.persons[MANAGER]) for role in Role}


@pytest.fixture(scope="module")
def routes(app):
    return rights_of_routes(app)


def filled(path: str) -> str:
    """Address with something harmless in each place."""
    known = {"scan_id": "latest", "team_id": "company", "unit": "company", "person_id": "F" * 16}
    return re.sub(r"{(\w+)[^}]*}", lambda found: known.get(found[1], "0"), path)


def test_every_route_names_exactly_one_right_but_the_way_in(app, routes):
    assert {one.path for one in routes if len(one.rights) != 1} <= OPEN
    described = {(path, method.upper()) for path, operations in app.openapi()["paths"].items() for method in operations}
    assert described <= {(one.path, one.method) for one in routes}
    assert len(routes) > 60


def test_every_role_passes_exactly_the_doors_of_the_table(routes, roles):
    """Whoever has no right is told so at once, whatever is behind the door; whoever has one is told anything but that.

    What changes something is tried by those alone who may not: the others' way is in the tests of what it changes.
    """
    wrong = []
    for one in routes:
        if one.path in OPEN:
            continue
        (right,) = one.rights
        for role, client in roles.items():
            allowed = reach(Mode.STANDARD, role, right) is not Reach.NOBODY
            if allowed and one.method != "GET":
                continue
            answer = client.request(one.method, filled(one.path), follow_redirects=False)
            refused = (
                answer.status_code,
                answer.json().get("code") if "problem+json" in answer.headers.get("content-type", "") else "",
            ) == (
                403,
                "forbidden",
            )
            if refused is allowed or answer.status_code >= 500:
                wrong.append((role, one.method, one.path, right, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("path", ["latest", "nothing", "company", "0" * 16])
def test_without_the_right_every_object_is_refused_alike(roles, path):
    """Own, in scope, out of scope or absent: an employee learns of a closed door and of nothing behind it."""
    employee = roles[Role.EMPLOYEE]
    doors = (f"/api/v1/scans/{path}/people", f"/api/v1/people/{path}", f"/api/v1/groups?scan={path}", f"/api/v1/colleagues/{path}")
    answers = [without_id(employee.get(door)) for door in doors]
    assert {answer[0] for answer in answers} == {403}
    assert len({answer[1] for answer in answers}) == 1


def test_nobody_passes_without_a_session(routes, stranger):
    for one in routes:
        if one.path not in OPEN:
            assert stranger.request(one.method, filled(one.path), headers=SAME_ORIGIN).status_code == 401, one


def test_strict_takes_every_right_over_single_people_and_no_mode_gives_the_admin_any():
    for mode, table in MATRIX.items():
        for right in (Right.SEE_NAMED, Right.SEE_SCORES, Right.RANK, Right.SEE_GROUPS, Right.REQUEST_REVEAL):
            assert reach(mode, Role.ADMIN, right) is Reach.NOBODY
        assert table[Right.OWN_RECORD].keys() == set(Role)
    assert all(
        reach(Mode.STRICT, role, right) is Reach.NOBODY for role in Role for right in (Right.SEE_NAMED, Right.SEE_SCORES, Right.RANK)
    )


def ids_of(app, company, role: Role, viewer: int | None = None) -> list[str]:
    audience = role if role is not Role.MANAGER else f"manager {viewer}"
    return [view_id(app.state.ws.keys, audience, company.scan, person) for person in company.persons]


def without_id(answer) -> tuple[int, str, dict[str, str]]:
    """Answer less what names the request itself."""
    headers = {name: value for name, value in answer.headers.items() if name not in ("x-request-id", "date", "server")}
    headers = {name: value for name, value in headers.items() if not name.startswith("ratelimit")}
    return answer.status_code, answer.text.replace(answer.headers["x-request-id"], ""), headers


def test_out_of_scope_and_absent_are_one_answer(running, roles, company):
    manager = roles[Role.MANAGER]
    codes = ids_of(running, company, Role.MANAGER, company.persons[MANAGER])
    places = [f"/api/v1/colleagues/{codes[STRANGER]}", f"/api/v1/colleagues/{codes[0]}", f"/api/v1/colleagues/{'E' * 16}"]
    places += [f"/api/v1/colleagues/{codes[MANAGER]}"]
    answers = [without_id(manager.get(place)) for place in places]
    assert answers[0][0] == 404
    assert all(answer == answers[0] for answer in answers)
    assert manager.get(f"/api/v1/colleagues/{codes[MEMBER]}").status_code == 200
    labels = running.state.shelf.take("latest").sealed.labels["team"]
    pricing = next(code for code, name in labels.items() if name == "Pricing")
    teams = [without_id(manager.get(f"/api/v1/teams/{team}/map")) for team in (pricing, 999, 0)]
    assert teams[0][0] == 404
    assert teams[0] == teams[1] == teams[2]


def test_ids_of_other_audiences_and_guessed_ones_open_nothing(running, roles, company):
    """Ids of analysts, HR and another manager, transplanted, and thousands that were guessed."""
    foreign = ids_of(running, company, Role.ANALYST) + ids_of(running, company, Role.MANAGER, company.persons[1])
    foreign = foreign[::3] + [str(person) for person in company.persons[::9]] + [secrets.token_hex(8).upper() for _ in range(9)]
    read = roles[Role.ANALYST].get("/api/v1/scans/latest/people?limit=500").json()["people"]  # and ids as others were told them
    above = acting(running, Role.MANAGER, company.persons[0]).get("/api/v1/teams/company/map").json()["people"]
    foreign += [one["id"] for one in read[::3]] + [one["view_id"] for one in above[::3]]
    assert min(len(read), len(above)) > 20
    for role, place in ((Role.MANAGER, "/api/v1/colleagues/"), (Role.HR, "/api/v1/people/")):
        assert {roles[role].get(place + code).status_code for code in foreign} == {404}, role
    from ona.errors import NotFoundError
    from pipelines.access import Viewer
    from pipelines.access.policy import look

    scan = running.state.shelf.take("latest")
    for role in (Role.MANAGER, Role.HR):
        sight = look(running.state.ws, scan, Viewer("x", role, person=company.persons[MANAGER]))
        opened = 0
        for _ in range(5_000):
            try:
                sight.row_of(secrets.token_hex(8))
                opened += 1
            except NotFoundError:
                continue
        assert opened == 0


def test_a_cursor_is_good_for_one_viewer_one_scan_and_one_question(running, roles, company):
    analyst, hr = roles[Role.ANALYST], roles[Role.HR]
    place = "/api/v1/scans/latest/people?limit=9&sort=name"
    cursor = analyst.get(place).json()["next_cursor"]
    assert analyst.get(f"{place}&cursor={cursor}").status_code == 200
    other = acting(running, Role.ANALYST, company.persons[1])
    turned = base64.urlsafe_b64encode(bytes([base64.urlsafe_b64decode(cursor + "==")[0] ^ 1]) + base64.urlsafe_b64decode(cursor + "==")[1:])
    bad = [cursor[:-1], cursor[:20], turned.decode().rstrip("="), "A" * 32, "~~~~", "%00", hr.get(place).json()["next_cursor"]]
    for wrong in bad:
        assert analyst.get(f"{place}&cursor={wrong}").status_code == 404, wrong
    for client, address in ((other, place), (hr, place), (analyst, place.replace("name", "team")), (analyst, f"{place}&marked=true")):
        answer = client.get(f"{address}&cursor={cursor}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


def test_an_administrator_reads_no_name_no_id_and_no_number_of_anybody_by_any_route(running, routes, company, roles):
    """Over every route that answers an administrator who is nobody of the company; the control is an analyst on one of them."""
    ws, admin = running.state.ws, acting(running, Role.ADMIN)
    secret = {*ws.vault.names(company.persons).values(), *map(str, company.persons), *(f"p{n}@acme" for n in range(len(company.persons)))}
    secret |= {code for role in Role for code in ids_of(running, company, role, company.persons[MANAGER])}
    read = []
    for one in routes:
        if one.method == "GET" and one.path not in OPEN:
            answer = admin.get(filled(one.path), follow_redirects=False)
            read += [one.path] if answer.status_code == 200 else []
            assert [word for word in secret if word in answer.text] == [], one.path
    assert {"/viewers", "/api/v1/grants", "/connections", "/quality", "/api/v1/audit/count"} & set(read)
    assert len(read) > 15
    assert [word for word in secret if word in roles[Role.ANALYST].get("/api/v1/scans/latest/people").text]


def test_the_quality_report_lists_why_reporting_lines_are_not_believed(client, company):
    report = client.get("/api/v1/scans/latest/quality").json()["report"]
    assert report["tree_faults"] == {"loop": 0, "orphan": 1}
    page = client.get("/quality").text
    assert "Their manager is not in the directory" in page
    assert "in a circle" not in page


def numbers_near_people(value: object, inside: bool = False) -> list[object]:
    """Every number inside the records of people."""
    if isinstance(value, dict):
        inside = inside or "view_id" in value
        return [found for item in value.values() for found in numbers_near_people(item, inside)]
    if isinstance(value, list):
        return [found for item in value for found in numbers_near_people(item, inside)]
    return [value] if inside and isinstance(value, int | float) and not isinstance(value, bool) else []


def test_a_manager_reads_no_number_and_no_rank_about_anybody(running, roles, company):
    manager = roles[Role.MANAGER]
    found = [manager.get(f"/api/v1/teams/{unit}/map").json() for unit in ("company", "1")]
    found += [manager.get(f"/api/v1/colleagues/{one['view_id']}").json() for one in found[0]["people"]]
    assert len(found[0]["people"]) > 20
    assert numbers_near_people(found) == []
    for words in ("score", "rank", "percentile", '"value"'):
        assert words not in json.dumps(found)
    parts = running.openapi()["components"]["schemas"]
    for name in ("NamedPerson", "GroupNode", "Card", "NamedColleague", "Reason"):
        part = next(part for key, part in parts.items() if key.rpartition("__")[2].partition("-")[0] == name)
        assert not [one for one in json.dumps(part).split('"') if one in ("number", "score", "rank", "percentile", "integer")]


def test_the_order_of_named_people_says_nothing_of_their_scores(running, roles, company):
    from scipy.stats import spearmanr

    people = roles[Role.MANAGER].get("/api/v1/teams/company/map").json()["people"]
    assert [one["name"].casefold() for one in people] == sorted(one["name"].casefold() for one in people)
    scan = running.state.shelf.take("latest")
    codes = dict(zip(ids_of(running, company, Role.MANAGER, company.persons[MANAGER]), company.persons, strict=True))
    place = {int(person): row for row, person in enumerate(scan.persons)}
    scores = [scan.scores["overall"].value[place[codes[one["view_id"]]]] for one in people]
    assert abs(spearmanr(range(len(scores)), scores, nan_policy="omit").statistic) < 0.4  # 33 people: |rho| < .4 in 98 of 100 shuffles


def test_hr_reads_numbers_of_those_who_agreed_alone_and_may_not_rank_them(roles, company):
    hr = roles[Role.HR]
    found = hr.get("/api/v1/scans/latest/people?limit=500").json()
    assert found["sort"] == "name"
    assert all(one["named"] for one in found["people"])
    assert found["total"] == sum(i % 7 != 0 for i in range(len(company.persons)))  # every seventh did not agree
    assert hr.get("/api/v1/scans/latest/people?sort=score").status_code == 403


def test_what_the_groups_of_every_role_are_made_of_exposes_nobody(running, roles, company):
    """Sets read from the answers themselves: of each group with any figure, and of each that is shown."""
    import numpy as np
    import scipy.sparse as sp

    from pipelines.access import Viewer
    from pipelines.access.disclosed import leaks
    from pipelines.access.policy import look

    scan = running.state.shelf.take("latest")
    for role in (Role.MANAGER, Role.HR, Role.STEWARD):
        sight = look(running.state.ws, scan, Viewer("x", role, person=company.persons[MANAGER]))
        groups = roles[role].get("/api/v1/groups").json()["groups"]
        assert any(group["hidden"] for group in groups) or role is Role.MANAGER
        assert any(not group["hidden"] for group in groups)
        kinds = [("group" if group["id"].startswith("d") else "team", int(group["id"].removeprefix("d")), group) for group in groups]
        rows = [(sight.audience.counted & sight.within & (scan.units(kind) == code), group) for kind, code, group in kinds]
        shown = [mask for mask, group in rows if not group["hidden"]] + [sight.audience.counted & sight.within]
        figures = [mask for mask, group in rows if group["load_band"] is not None]
        nobody = np.zeros(len(scan.persons), bool)
        assert leaks(sp.csr_array(np.array(shown, dtype=np.int64)), nobody, 5) == []
        if figures:
            assert leaks(sp.csr_array(np.array(figures, dtype=np.int64)), sight.visible, 5) == []


def test_a_scan_that_was_not_published_is_absent_for_everybody_but_those_who_work_on_it(own_company, serve):
    from pipelines import publishing
    from pipelines.access import LOCAL_ANALYST

    client, ws = serve(own_company)
    hr = acting(client.app, Role.HR, own_company.persons[MANAGER])
    place = f"/api/v1/groups?scan={own_company.scan}"
    assert hr.get(place).status_code == 200
    publishing.withdraw(ws, own_company.scan, LOCAL_ANALYST, ["hr"])
    client.app.state.guests.forget_all()
    hidden, absent = hr.get(place), hr.get("/api/v1/groups?scan=nothing")
    assert without_id(hidden) == without_id(absent)
    assert hidden.status_code == 404
    assert hr.get("/api/v1/scans").json() == {"scans": []}
    assert client.get(place.replace("groups", "teams")).status_code == 200
