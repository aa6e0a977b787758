"""The own record over HTTP: one reads one's own, every process sees an objection at once, and no answer tells who objected."""

import io
import json
import re
import time
import zipfile
from contextlib import ExitStack

import pytest
import sealed_scan
import signing_in
import sqlalchemy as sa
from fastapi.testclient import TestClient

from api import guests
from api.app import create_app
from pipelines.access import view_id
from pipelines.access.rights import Role
from pipelines.intake import people
from pipelines.schema import CONSENTS
from tests.api.conftest import BASE

HIDDEN_HELPER = 5
MANAGER = 1


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """One deployment behind two applications, as two worker processes are, and a viewer of each kind."""
    made = sealed_scan.build(tmp_path_factory.mktemp("own") / "home", people=67)
    settings = signing_in.company_settings(made.settings)
    with ExitStack() as stack:
        apps = [create_app(settings) for _ in range(2)]
        for app in apps:
            stack.enter_context(TestClient(app, base_url=BASE))
        ws = apps[0].state.ws
        who = {
            "me": (Role.EMPLOYEE, HIDDEN_HELPER),
            "other": (Role.EMPLOYEE, 9),
            "manager": (Role.MANAGER, MANAGER),
            "hr": (Role.HR, None),
            "analyst": (Role.ANALYST, None),
            "steward": (Role.STEWARD, None),
            "auditor": (Role.AUDITOR, None),
            "admin": (Role.ADMIN, None),
        }
        for name, (role, at) in who.items():
            signing_in.add_viewer(ws, name, role, person=None if at is None else made.persons[at])
        clients = {(name, k): signing_in.come_in(app, name, role) for name, (role, _) in who.items() for k, app in enumerate(apps)}
        yield Served(made, ws, clients)


class Served:
    def __init__(self, made, ws, clients):
        self.made, self.ws, self.clients = made, ws, clients
        self.person = made.persons[HIDDEN_HELPER]

    def ask(self, name, method, path, process=0, **more):
        return self.clients[name, process].request(method, path, follow_redirects=False, **more)

    def get(self, name, path, process=0, **more):
        answer = self.ask(name, "GET", path, process, **more)
        assert answer.status_code == 200, (path, answer.text[:300])
        return answer

    def code(self, role, person=None):
        return view_id(self.ws.keys, role, self.made.scan, person or self.person)


@pytest.fixture
def back(served):
    """Take back whatever a test let the person choose."""
    yield
    people.show_again(served.ws, served.person)
    with served.ws.service.begin() as connection:
        connection.execute(sa.delete(CONSENTS).where(CONSENTS.c.source == people.SELF))


def test_everybody_reads_their_own_record_and_no_other(served):
    mine, other = (served.get(name, "/api/v1/me").json() for name in ("me", "other"))
    assert mine["result"]["facets"][0]["marked"] is True  # the fixture's hidden helper
    assert mine["result"] != other["result"]
    assert [account["handle"] for account in mine["accounts"]] == ["mail:p5@acme.example"]
    for name in ("hr", "analyst", "admin"):
        assert served.ask(name, "GET", "/api/v1/me").status_code == 403
    assert served.get("me", "/api/v1/me/result").json() == mine["result"]


def test_the_page_says_what_the_program_is_told(served):
    mine = served.get("me", "/api/v1/me").json()
    page = served.get("me", "/me", headers={"Accept": "text/html"}).text
    for facet in mine["result"]["facets"]:
        if facet["score"]["value"] is not None:
            assert f"{facet['score']['low']:.1f}" in page
    assert mine["accounts"][0]["handle"] in page
    assert re.findall(r'name="granted" value="(\w+)"( checked)?', page) == [
        (c["purpose"], " checked" if c["granted"] else "") for c in mine["choices"]
    ]


def test_the_download_comes_as_one_document_or_as_tables(served):
    told = json.loads(served.get("me", "/api/v1/me/export").content)
    answer = served.get("me", "/api/v1/me/export?format=csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="held-on-me.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert {name.removesuffix(".csv") for name in archive.namelist()} == set(told)
    assert served.ask("me", "GET", "/api/v1/me/export?format=exe").status_code == 422


def eventually(check, seconds=2.0):
    """Wait as long as another process may keep an answer: a moment, and far less than the minute that is promised."""
    end = time.monotonic() + seconds
    while not check() and time.monotonic() < end:
        time.sleep(0.05)
    assert check()


@pytest.mark.usefixtures("back")
def test_an_objection_in_one_process_is_seen_by_the_other_though_it_remembers_its_answers(served):
    path = f"/api/v1/people/{served.code(Role.ANALYST)}"
    lists = f"/api/v1/scans/{served.made.scan}/people?limit=500"
    for process in (0, 1):
        served.get("analyst", path, process)
        tag = served.get("analyst", lists, process).headers["etag"]
        assert served.ask("analyst", "GET", lists, process, headers={"If-None-Match": tag}).status_code == 304
    assert served.ask("me", "POST", "/api/v1/me/objection").json()["objected"]
    for process in (0, 1):
        eventually(lambda process=process: served.ask("analyst", "GET", path, process).status_code == 404)
        answer = served.ask("analyst", "GET", lists, process, headers={"If-None-Match": tag})
        assert answer.status_code == 200
        assert served.code(Role.ANALYST) not in answer.text
    assert served.get("me", "/api/v1/me", 1).json()["objected"]


def everything(served, name, paths):
    """Everything that a viewer is shown, without what changes from request to request."""
    bodies = {}
    for path in paths:
        answer = served.ask(name, "GET", path, headers={"Accept": "text/html, application/json"})
        text = re.sub(r"\b[0-9a-f]{16}\b", "", answer.text) if answer.status_code >= 400 else answer.text  # ids of requests
        bodies[path] = (answer.status_code, text)
    return bodies


@pytest.mark.usefixtures("back")
def test_managers_and_hr_get_the_same_bytes_of_somebody_who_objected_as_of_somebody_who_never_opted_in(served):
    paths = {
        "manager": ["/api/v1/groups", "/api/v1/teams/company/map", "/map", "/map/company"],
        "hr": ["/api/v1/groups", "/api/v1/teams/company/map", "/api/v1/mentors", "/map", "/candidates"],
    }
    for name, role in (("manager", f"manager {served.made.persons[MANAGER]}"), ("hr", Role.HR)):
        paths[name] += [f"/api/v1/colleagues/{served.code(role)}", f"/map/people/{served.code(role)}", f"/people/{served.code(role)}"]
    named = {name: everything(served, name, paths[name]) for name in paths}
    served.ask("me", "PUT", "/api/v1/me/visibility", json={"name_on_map": False, "mentor_pool": False})
    never = {name: everything(served, name, paths[name]) for name in paths}
    assert never != named  # a control: opting out is seen by this comparison
    served.ask("me", "POST", "/api/v1/me/objection")
    assert {name: everything(served, name, paths[name]) for name in paths} == never
    served.ask("me", "PUT", "/api/v1/me/visibility", json={"name_on_map": True, "mentor_pool": True})
    assert {name: everything(served, name, paths[name]) for name in paths} == never  # whatever somebody agreed to who objects


@pytest.mark.usefixtures("back")
def test_forms_change_what_programs_change(served):
    token = served.clients["me", 0].headers["X-CSRF-Token"]

    def send(path, **fields):
        answer = served.ask("me", "POST", path, data={"csrf_token": token, **fields})
        assert answer.status_code == 303, answer.text
        return served.get("me", "/api/v1/me").json()

    assert {c["purpose"] for c in send("/me/visibility", granted=["survey", "nudge"])["choices"] if c["granted"]} == {"survey", "nudge"}
    assert not [c for c in send("/me/visibility")["choices"] if c["granted"]]
    assert send("/me/objection")["objected"]
    assert send("/me/objection/withdrawal")["objected"] is None
    assert send("/me/contests", facet="helper", reason="absence", ticket="")["contests"][0]["reason"] == "absence"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/api/v1/me/visibility", {"pay": True}),
        ("PUT", "/api/v1/me/visibility", {"nudge": "maybe"}),
        ("POST", "/api/v1/me/contests", {"facet": "helper", "reason": "because"}),
        ("POST", "/api/v1/me/contests", {"facet": "helper", "reason": "other", "person": 1}),
        ("POST", "/api/v1/me/contests", {"facet": "helper", "reason": "other", "ticket": "a b"}),
        ("POST", "/api/v1/me/invitations/0", {"accept": True}),
    ],
)
def test_what_is_not_offered_is_not_understood(served, method, path, body):
    assert served.ask("me", method, path, json=body).status_code == 422


def test_every_change_needs_the_forms_own_token(served):
    client = served.clients["me", 0]
    bare = {key: value for key, value in client.headers.items() if key.lower() != "x-csrf-token"}
    with TestClient(client.app, base_url=BASE, headers=bare, cookies=client.cookies) as other:
        for path in ("/api/v1/me/objection", "/me/objection", "/me/visibility", "/me/contests"):
            assert other.post(path).status_code == 403
    assert served.get("me", "/api/v1/me").json()["objected"] is None


def test_a_name_is_asked_for_signed_and_read(served):
    wish = {"person": served.code(Role.HR), "purpose": "mentoring", "reason": "The only link between two plants is leaving."}
    asked = served.ask("hr", "POST", "/api/v1/reveals", json=wish)
    assert (asked.status_code, asked.json()["state"]) == (201, "pending")
    place = f"/api/v1/reveals/{asked.json()['id']}"
    assert served.ask("hr", "GET", f"{place}/name").status_code == 409
    inbox = served.get("steward", "/api/v1/reveals/inbox").json()
    assert (inbox[0]["view_id"], inbox[0]["reason"]) == (None, wish["reason"])
    for name in ("hr", "admin", "analyst", "manager", "auditor"):
        assert served.ask(name, "POST", f"{place}/approval", json={"approve": True}).status_code == 403
    assert served.ask("steward", "POST", f"{place}/approval", json={"approve": True}).json()["state"] == "approved"
    assert served.ask("steward", "POST", f"{place}/approval", json={"approve": False}).status_code == 409
    assert served.get("hr", f"{place}/name").json()["name"] == served.ws.vault.names([served.person])[served.person]
    mine = served.get("me", "/api/v1/me").json()
    assert mine["notices"][0]["purpose"] == "mentoring"
    assert {"ask_reveal", "release_name"} <= {look["action"] for look in mine["looks"]}
    assert "steward" not in json.dumps(mine["looks"])


@pytest.mark.parametrize(
    "wrong",
    [{"purpose": "promotion"}, {"reason": "too short"}, {"reason": " " * 40}, {"person": "7F3A"}, {"approve": True}, {"purpose": None}],
)
def test_a_request_that_lacks_something_is_not_understood(served, wrong):
    wish = {"person": served.code(Role.HR), "purpose": "mentoring", "reason": "The only link between two plants is leaving."}
    assert served.ask("hr", "POST", "/api/v1/reveals", json=wish | wrong).status_code == 422


def test_a_store_that_is_down_leaves_reads_of_own_data_only(served):
    path = f"/api/v1/people/{served.code(Role.ANALYST)}"
    with served.ws.service.begin() as connection:
        connection.exec_driver_sql("CREATE TRIGGER down BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'down'); END")
    try:
        answer = served.ask("analyst", "GET", path)
        assert (answer.status_code, answer.json()["code"]) == (503, "try-later")
        assert served.ask("analyst", "GET", path, 1).status_code == 503
        assert served.ask("auditor", "GET", "/api/v1/audit").status_code == 503
        served.get("me", "/api/v1/me")
        served.get("me", "/api/v1/me/export")
    finally:
        with served.ws.service.begin() as connection:
            connection.exec_driver_sql("DROP TRIGGER down")
    served.get("analyst", path)


def test_the_log_is_for_the_auditor_and_its_length_for_the_administrator(served):
    assert served.get("auditor", "/api/v1/audit?limit=3").json()["entries"][0]["action"] == "read_audit"
    assert served.get("auditor", "/api/v1/audit/verification").json()["bad"] is None
    assert served.get("admin", "/api/v1/audit/count").json()["entries"] > 3
    assert served.ask("admin", "GET", "/api/v1/audit").status_code == 403
    assert {line["actor"] for line in served.get("me", "/api/v1/me/audit").json()} <= {"me"}
    assert served.ask("auditor", "GET", "/api/v1/audit?cursor=abc").status_code == 404


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("me", "/me"),
        ("me", "/notice"),
        ("admin", "/notice"),
        ("hr", "/reveals"),
        ("steward", "/signatures"),
        ("steward", "/contests"),
        ("analyst", "/contests"),
        ("auditor", "/audit"),
        ("auditor", "/audit?verify=true"),
    ],
)
def test_each_page_opens_for_its_role(served, name, path):
    page = served.get(name, path, headers={"Accept": "text/html"}).text
    assert "<h1>" in page
    assert str(served.person) not in page


def test_the_notice_follows_the_settings(served):
    page = served.get("admin", "/notice", headers={"Accept": "text/html"}).text
    assert "28 days" in page
    assert "13 months" in page
    assert "fewer than 5 people" in page


def test_sessions_are_looked_up_again_in_moments():
    """An objection does not pass through this memory; it must only stay far below the promised minute."""
    assert guests.KEPT_SECONDS < 60


def test_the_local_operator_looks_at_a_record_and_changes_nothing_for_its_person(client, company):
    code = client.get("/api/v1/scans/latest/people?limit=500").json()["people"][0]["id"]
    try:
        assert (
            client.post(
                "/view-as", data={"role": "employee", "person": code}, headers=client_headers(client), follow_redirects=False
            ).status_code
            == 303
        )
        record = client.get("/api/v1/me").json()
        assert record["result"]["scan_id"] == company.scan
        assert {look["role"] for look in record["looks"]} <= {"analyst"}
        for method, path, body in (
            ("POST", "/api/v1/me/objection", None),
            ("DELETE", "/api/v1/me/objection", None),
            ("PUT", "/api/v1/me/visibility", {"nudge": True}),
            ("POST", "/api/v1/me/contests", {"facet": "helper", "reason": "other"}),
            ("GET", "/api/v1/me/export", None),
        ):
            answer = client.request(method, path, json=body, headers=client_headers(client))
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path
    finally:
        assert client.post("/view-as", headers=client_headers(client), follow_redirects=False).status_code == 303


def client_headers(client):
    return {"Origin": BASE, "Sec-Fetch-Site": "same-origin", "X-CSRF-Token": client.headers["X-CSRF-Token"]}
