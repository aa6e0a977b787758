"""Private badges and people who did not agree: every door that is read, with real ids, in every form and role, searched byte by byte."""

import io
import re
import zipfile

import pytest
import skilled_company
import sqlalchemy as sa
from fastapi.testclient import TestClient

from api.app import create_app
from api.auth import COOKIE
from api.routes import rights_of_routes
from pipelines import publishing
from pipelines.access import LOCAL_ANALYST, Viewer, view_id
from pipelines.access.needs import read_needs
from pipelines.access.rights import Role
from pipelines.access.sessions import open_session
from pipelines.growth import exclusions, needs, pairs, programmes, suggestions, surveys
from pipelines.intake import people
from pipelines.rights import invitations
from pipelines.schema import PAIRS, VIEWERS
from pipelines.storage.service import put

BASE = "http://127.0.0.1:8765"
MANAGER = 2
UNNAMED = range(3, 40, 2)
NAMED, HIDDEN = 16, 13
"""Somebody who agreed to be named and somebody who did not, both in the manager's line."""

NEVER = ("/open/{link}", "/sign-in/invited/{invitation}", "/api/v1/jobs/{job_id}/events", "/sign-in/start", "/sign-in/callback")
"""Doors that lead elsewhere, or stay open."""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A company with pairs asked and one active, suggestions that wait, needs with targets, and a name that another partner knows."""
    company = skilled_company.build(tmp_path_factory.mktemp("bytes") / "home", people_count=45)
    app = create_app(company.settings)
    with TestClient(app, base_url=BASE):
        ws = app.state.ws
        skilled_company.add_addresses(ws, 45)
        for at in UNNAMED:
            people.set_consent(ws, company.persons[at], "name_on_map", granted=False)
        for person in company.persons[:40]:
            people.set_consent(ws, person, "survey", granted=True)
        publishing.publish_everywhere(ws, company.scan, LOCAL_ANALYST)
        yield app, company, happened(app, company)


def happened(app, company):
    ws, scan = app.state.ws, app.state.shelf.take("latest")
    other = Viewer("another partner", Role.HR)
    survey = surveys.open_survey(ws, LOCAL_ANALYST, "Pulse")
    programme = programmes.create(ws, other, scan, "Spring", seats=2)
    programmes.invite(ws, other, scan, programme)
    row = ws.service.rows(sa.select(PAIRS).where(PAIRS.c.state == "invited"))[0]
    for person in (row.mentee, row.mentor):
        pairs.answer(ws, Viewer("x", Role.EMPLOYEE, person=person), row.id, True)
    shown = company.persons[HIDDEN]
    sent = invitations.invite(ws, other, scan, view_id(ws.keys, Role.HR, scan.id, shown))
    invitations.answer(ws, Viewer("x", Role.EMPLOYEE, person=shown), sent.id, True)
    boss = Viewer("t-manager", Role.MANAGER, person=company.persons[MANAGER])
    for at in (HIDDEN, NAMED):
        suggestions.suggest(ws, boss, f"p{at}@acme.example", "negotiation")
    exclusions.exclude(ws, other, scan, (f"p{HIDDEN}@acme.example", f"p{UNNAMED[0]}@acme.example"))
    for one in read_needs(ws, scan, LOCAL_ANALYST).rows[:3]:
        needs.record_finding(ws, LOCAL_ANALYST, scan, (one.unit, one.skill), "skill")
    return {"survey_id": survey, "programme_id": programme, "pair_id": row.id}


def reader(app, role, person):
    ws, identity = app.state.ws, f"t-{role}"
    row = {"id": identity, "identity": identity, "person": person, "roles": [role], "state": "active"}
    with ws.service.begin() as connection:
        put(connection, VIEWERS, [row | {"created": ws.now(), "seen": ws.now()}])
    client = TestClient(app, base_url=BASE, raise_server_exceptions=False)
    client.cookies.set(COOKIE, open_session(ws, identity, role))
    return client


def addresses(app, company, role, ids):
    """Every door that is read, once for each object that stands in its place, and once for each form that it can take."""
    ws = app.state.ws
    audience = f"manager {company.persons[MANAGER]}" if role is Role.MANAGER else role
    people_of = [view_id(ws.keys, audience, company.scan, company.persons[at]) for at in (skilled_company.PRIVATE, HIDDEN, NAMED)]
    nothing = ["0" * 32]
    known = {name: [value] for name, value in ids.items()} | {"scan_id": ["latest"], "person_id": people_of}
    known |= {"team_id": ["company", "1", "3"], "unit": ["company", "1", "d1"]}
    known |= dict.fromkeys(("job_id", "reveal_id", "export_id", "credential_id"), nothing)
    forms = {path: formats(operations["get"]) for path, operations in app.openapi()["paths"].items() if "get" in operations}
    unknown, found = set(), []
    for path in sorted({one.path for one in rights_of_routes(app) if one.method == "GET"} - set(NEVER)):
        names = re.findall(r"{(\w+)[^}]*}", path)
        unknown |= set(names) - known.keys()
        filled = [path]
        for name in names:
            filled = [re.sub(rf"{{{name}[^}}]*}}", value, one, count=1) for one in filled for value in known.get(name, ["0"])]
        found += [one + query for one in filled for query in forms.get(path, [""])]
    assert unknown == set(), "a new kind of object has to be walked with a real id"
    return found


def silent(app, company, role):
    """Ids, in a role's eyes, of those who agreed neither to be named nor to be found as a mentor: not even under an id are they read."""
    audience = f"manager {company.persons[MANAGER]}" if role is Role.MANAGER else role
    return [view_id(app.state.ws.keys, audience, company.scan, company.persons[at]) for at in UNNAMED if at < 10]


def formats(operation):
    """Forms that a route offers, and what a file about people needs."""
    values = [one["schema"] for one in operation.get("parameters", ()) if one["name"] == "format"]
    kinds = re.findall(r"'(csv|xlsx|parquet|graphml|gexf)'", str(values))
    return [
        "",
        *(f"?format={kind}&purpose=mentoring" if "purpose" in str(operation["parameters"]) else f"?format={kind}" for kind in kinds),
    ]


def searched(answer):
    """Bytes of an answer; of what is packed, what it holds."""
    if answer.content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
            return b"\n".join(packed.read(name) for name in packed.namelist())
    return answer.content


OTHERS = (Role.ANALYST, Role.STEWARD, Role.AUDITOR, Role.ADMIN)


@pytest.mark.parametrize("role", [Role.HR, Role.MANAGER, *(pytest.param(role, marks=pytest.mark.soak) for role in OTHERS)])
def test_no_byte_tells_of_a_private_badge_or_of_somebody_who_did_not_agree(served, role):
    app, company, ids = served
    names = app.state.ws.vault.names([company.persons[at] for at in UNNAMED])
    told = rf"\b(?:{'|'.join(map(re.escape, names.values()))})\b"
    absent = silent(app, company, role) if role in (Role.HR, Role.MANAGER) else []
    listed = [re.escape(f"p{at}@acme.example") for at in (HIDDEN, UNNAMED[0])]  # as another partner wrote them
    wanted = re.compile("|".join([told, *absent, *(listed if role is Role.HR else [])]).encode())
    client = reader(app, role, company.persons[MANAGER] if role is Role.MANAGER else None)
    found, opened = [], []
    for address in addresses(app, company, role, ids):
        answer = client.get(address, follow_redirects=False)
        assert answer.status_code < 500, address
        text = searched(answer)
        opened += [address] if answer.status_code == 200 else []
        found += [address] if b"zzprivate" in text.lower() or wanted.search(text) else []
    assert found == []
    assert len(opened) >= {Role.HR: 40, Role.MANAGER: 25, Role.ANALYST: 50}.get(role, 8), len(opened)
    if role is Role.HR:
        everything = {
            f"/mentoring/{ids['programme_id']}",
            "/mentoring/exclusions",
            "/api/v1/mentoring/exclusions",
            "/needs",
            "/skills",
            "/api/v1/skills/needs.xlsx",
            "/api/v1/skills/grid.xlsx",
        }
        assert everything <= set(opened)


def test_the_same_search_finds_what_may_be_told(served):
    """A control: whoever agreed is named to a manager, the holder reads their badge, and the other partner the name they were shown."""
    app, company, ids = served
    ws = app.state.ws
    manager = reader(app, Role.MANAGER, company.persons[MANAGER])
    assert ws.vault.names([company.persons[NAMED]])[company.persons[NAMED]] in manager.get("/suggest").text
    holder = reader(app, Role.EMPLOYEE, company.persons[skilled_company.PRIVATE])
    assert "zzprivate" in holder.get("/my-badges").text.lower()
    scan = app.state.shelf.take("latest")
    lines = pairs.pair_lines(ws, Viewer("another partner", Role.HR), scan, ids["programme_id"])
    assert any(not line.mentee.startswith("Person ") for line in lines)
