"""Health, readiness, figures and logs: what machines ask for, and that none of it holds a person."""

import io
import json
import logging
import random
from dataclasses import replace

import pytest

from api.measuring import Figures
from pipelines import logs
from pipelines.jobs import register
from pipelines.keys import create_key
from pipelines.settings import load_settings

NAMES = ("Fia Abel", "acme.example", "Ada", "Bauer")


def test_health_says_that_the_process_answers_and_nothing_else(stranger):
    for _ in range(2):
        assert stranger.get("/healthz").json() == {"status": "ok", "checks": {}}
    assert stranger.post("/healthz").status_code in (403, 405)


def test_readiness_names_what_it_checked_and_a_company_also_needs_a_worker(own_company, serve, monkeypatch):
    client, ws = serve(own_company)
    assert client.get("/readyz").json() == {"status": "ok", "checks": {"database": True, "schema": True, "key": True}}
    company = replace(ws, settings=ws.settings.model_copy(update={"sign_in": object()}))
    from starlette.responses import Response

    from api.health import read_readiness

    request = type("Request", (), {"app": type("App", (), {"state": type("State", (), {"ws": company})})})
    answer = Response()
    assert read_readiness(request, answer).checks["worker"] is False
    assert answer.status_code == 503
    register.beat(ws, "w", ws.now(), [])
    assert read_readiness(request, answer).status == "ok"


def test_a_schema_of_another_program_makes_the_service_unready(own_company, serve):
    client, ws = serve(own_company)
    with ws.service.begin() as connection:
        connection.exec_driver_sql("UPDATE schema_version SET version = version - 1")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["schema"]) == (503, False)


def test_figures_are_for_this_machine_alone(running, client, company):
    from fastapi.testclient import TestClient

    near = TestClient(running, base_url="http://127.0.0.1:8765", client=("127.0.0.1", 5))
    assert near.get("/metrics").status_code == 200
    assert near.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 401
    assert client.get("/metrics").status_code == 401  # signed in, from elsewhere


def test_figures_take_a_token_of_their_own_where_one_is_set(own_company, serve, tmp_path):
    token = tmp_path / "token"
    token.write_text("f" * 40 + "\n")
    client, _ = serve(replace(own_company, settings=own_company.settings.model_copy(update={"metrics_token_file": token})))
    assert client.get("/metrics", headers={"Authorization": f"Bearer {'f' * 40}"}).status_code == 200
    assert client.get("/metrics", headers={"Authorization": f"Bearer {'g' * 40}"}).status_code == 401


def test_figures_count_answers_by_template_and_hold_no_person(own_company, serve):
    client, ws = serve(own_company)
    people = client.get("/api/v1/scans/latest/people").json()["people"]
    for one in people[:5]:
        for _ in range(2):
            client.get(f"/api/v1/people/{one['id']}")
    client.get("/api/v1/secret-path-of-mine")
    figures = client.app.state.figures
    figures.look(ws)
    from prometheus_client import generate_latest

    text = generate_latest(figures.registry).decode()
    assert 'route="/api/v1/people/{person_id}",status="200"} 10.0' in text
    assert "secret-path" not in text
    assert not [one["id"] for one in people if one["id"] in text]
    assert not [person for person in own_company.persons if str(person) in text]
    assert "ona_scan_age_seconds" in text


def test_no_label_grows_with_the_methods_and_addresses_that_strangers_invent(stranger, running):
    before = len(list(running.state.figures.registry.collect()))
    for number in range(30):
        stranger.request(f"M{number}", f"/x{number}")
        stranger.get(f"/y{number}")
    labels = {(s.labels.get("method"), s.labels.get("route")) for m in running.state.figures.registry.collect() for s in m.samples}
    assert len([method for method, _ in labels if method and method.startswith("M")]) == 0
    assert not [route for _, route in labels if route and route[:2] in ("/x", "/y")]
    assert len(list(running.state.figures.registry.collect())) == before


@pytest.fixture
def logged():
    """Everything that is logged meanwhile, as it would be written."""
    stream, root = io.StringIO(), logging.getLogger()
    before = root.handlers, root.level
    logs.configure("info", stream)
    yield stream
    root.handlers, root.level = before[0], before[1]
    root.setLevel(before[1])


@pytest.mark.parametrize("many", [150, pytest.param(10_000, marks=pytest.mark.soak)])
def test_mixed_requests_log_keys_of_the_list_and_no_name(own_company, serve, logged, many):
    client, _ = serve(own_company)
    ids = [one["id"] for one in client.get("/api/v1/scans/latest/people").json()["people"]]
    rng = random.Random(7)
    paths = ["/api/v1/scans", "/api/v1/teams?name=Fia+Abel", "/api/v1/nothing/ada@acme.example", "/api/v1/jobs"]
    paths += ["/api/v1/people/Ada%20Bauer", "/healthz", "/api/v1/scans/latest/people?cursor=ada@acme.example", "/static/none.css"]
    paths += [f"/api/v1/people/{one}" for one in ids[:5]]
    for _ in range(many):
        client.get(rng.choice(paths), headers={"User-Agent": "Fia Abel", "X-Request-ID": "Ada"})
    logging.getLogger("api.broken").error("failed", extra={"name_of_somebody": "Fia Abel", "code": "x"})
    logging.getLogger("somebody.elses").warning("cannot read %s", "Fia Abel <fia@acme.example>")
    try:
        raise ValueError("Fia Abel")
    except ValueError:
        logging.getLogger("huey").exception("Unhandled exception in task %s.", "Fia Abel")
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    assert len(lines) >= many
    assert {key for line in lines for key in line} <= logs.KEYS
    assert not [name for name in (*NAMES, *ids) if name in logged.getvalue()]
    assert {"event", "status", "route", "ms"} <= set(lines[10])
    assert lines[-1]["error"] == "ValueError"


def test_a_token_of_the_figures_that_anybody_could_guess_is_refused(tmp_path):
    create_key(tmp_path / "key")
    (tmp_path / "token").write_text("short")
    settings = load_settings(tmp_path).model_copy(update={"metrics_token_file": tmp_path / "token"})
    with pytest.raises(Exception, match="shorter than 32") as refused:
        settings.metrics_token()
    assert "'short'" not in str(refused.value)


def test_two_applications_in_one_process_count_apart():
    one, other = Figures(), Figures()
    one.refused.labels("404").inc()
    assert not [s for m in other.registry.collect() for s in m.samples if s.labels.get("status") == "404"]
