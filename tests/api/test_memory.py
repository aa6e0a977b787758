"""Answers kept in memory: the same bytes again, gone with the first change, noted each time, and never another viewer's."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

from api import memory
from pipelines import audit
from pipelines.access import LOCAL_ANALYST
from pipelines.access.rights import Role
from pipelines.access.sessions import open_session, view_as
from pipelines.intake.people import object_person, set_consent
from pipelines.storage.workspace import open_workspace

LIST = "/api/v1/scans/latest/people?limit=500"


def test_the_second_answer_is_the_first_ones_bytes_and_headers(client):
    first, again = client.get(LIST), client.get(LIST)
    assert again.content == first.content
    own = ("x-request-id", "ratelimit")
    assert {k: v for k, v in again.headers.items() if k not in own} == {k: v for k, v in first.headers.items() if k not in own}
    assert again.headers["x-request-id"] != first.headers["x-request-id"]


def test_every_look_at_a_person_is_in_the_audit_log_also_when_the_answer_comes_from_memory(client, running):
    person = client.get(LIST).json()["people"][0]["id"]
    before = audit.count(running.state.ws)
    for _ in range(4):
        assert client.get(f"/api/v1/people/{person}").status_code == 200
    (last,) = audit.entries(running.state.ws, 1)
    assert audit.count(running.state.ws) == before + 4
    assert last.act.action == "read_person"


def test_an_objection_in_this_process_is_seen_by_the_next_request(own_company, serve):
    client, ws = serve(own_company)
    names = [client.get(LIST).text for _ in range(2)]
    object_person(ws, own_company.hidden_helper)
    assert "Fia Abel" in names[1]
    assert "Fia Abel" not in client.get(LIST).text


def test_a_change_by_another_process_is_seen_within_a_second(own_company, serve):
    client, _ = serve(own_company)
    assert "Fia Abel" in client.get(LIST).text
    with open_workspace(own_company.settings) as other:
        set_consent(other, own_company.hidden_helper, "name_on_map", granted=False)
    time.sleep(1)
    assert "Fia Abel" not in client.get(LIST).text


def test_nobody_gets_what_was_kept_for_somebody_else(own_company, serve):
    client, ws = serve(own_company)
    assert client.get(LIST).status_code == 200
    token = open_session(ws, LOCAL_ANALYST.subject, Role.ANALYST)
    view_as(ws, token, Role.EMPLOYEE, own_company.persons[9])
    client.cookies.clear()
    client.cookies.set("ona_session", token)
    assert client.get(LIST).status_code == 403
    first = client.get("/api/v1/me/result")
    assert first.status_code == 200
    view_as(ws, token, Role.EMPLOYEE, own_company.persons[10])
    client.app.state.guests.forget_all()
    other = client.get("/api/v1/me/result")
    assert other.status_code == 200
    assert other.json() != first.json()
    client.cookies.clear()
    assert client.get(LIST).status_code == 401


def test_what_does_not_fit_leaves_the_oldest_first(client, monkeypatch):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"etag", b'"x"')]})
        await send({"type": "http.response.body", "body": b"x" * 400})

    monkeypatch.setattr(memory, "MOST_BYTES", 1_000)
    kept = memory.Memory(app)
    for name in ("a", "b", "c"):
        kept._keep((name,), memory.Answer("", [], b"", b"x" * 400, ()))
    assert [key[0] for key in kept._kept] == ["b", "c"]
    kept._keep(("c",), memory.Answer("", [], b"", b"x", ()))
    assert kept._bytes == 401


def test_many_who_ask_for_the_same_at_one_moment_have_it_computed_once():
    asked = []

    async def app(scope, receive, send):
        asked.append(scope["path"])
        await asyncio.sleep(0.02)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"etag", b'"x"')]})
        await send({"type": "http.response.body", "body": b"{}"})

    class Still:
        ws = object()

        async def mark(self):
            return "now"

    kept = memory.Memory(app)
    kept._moment = Still()
    served = SimpleNamespace(state=SimpleNamespace(ws=Still.ws))
    given = []

    async def ask(_):
        scope = {"type": "http", "method": "GET", "path": "/api/v1/x", "query_string": b"", "headers": []}

        async def send(message):
            if message["type"] == "http.response.body":
                given.append(message["body"])

        await kept({**scope, "state": {"viewer": LOCAL_ANALYST}, "app": served}, None, send)

    async def crowd():
        await asyncio.gather(*map(ask, range(8)))

    with ThreadPoolExecutor(1) as thread:  # its own: a browser test may have left a loop in this one
        thread.submit(lambda: asyncio.run(crowd())).result()
    assert (len(asked), given) == (1, [b"{}"] * 8)
