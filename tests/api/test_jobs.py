"""Jobs over the API: asked for, said beforehand, followed, cancelled; a request that arrives twice counts once."""

import json
import time
from dataclasses import replace
from datetime import date

import pytest

from pipelines import jobs
from pipelines.intake import people
from pipelines.jobs.worker import Worker

SAME_ORIGIN = {"Origin": "http://127.0.0.1:8765", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def served(own_company, serve):
    """A company of this test's own whose pages start no worker: what is asked for waits."""
    client, ws = serve(own_company)
    client.headers.update(SAME_ORIGIN)
    client.app.state.beside.attend = lambda: None
    return client, ws


def test_a_scan_is_accepted_with_the_place_to_follow_it(served):
    client, ws = served
    answer = client.post("/api/v1/scans", json={"quarter": "2026-Q3"})
    assert (answer.status_code, answer.headers["retry-after"]) == (202, "1")
    job = answer.json()
    assert answer.headers["location"] == f"/api/v1/jobs/{job['id']}"
    assert client.get(answer.headers["location"]).json() == job
    assert client.get("/api/v1/jobs").json() == {"jobs": [job], "attended": False}
    assert jobs.find(ws, job["id"]).body == {"quarter": "2026-Q3"}
    assert ws.service.rows(jobs.register.JOBS.select())[0].actor == "local"


def test_a_job_that_fails_says_why_and_what_to_do(served):
    client, ws = served
    place = client.post("/api/v1/scans", json={}).headers["location"]
    Worker(ws).take(place.rpartition("/")[2])
    found = client.get(place).json()
    assert (found["state"], found["error_code"]) == ("failed", "NotEnoughDataError")  # the fixture has no events
    assert "ona pull" in found["error"]


def test_a_waiting_job_is_cancelled(served):
    client, _ = served
    place = client.post("/api/v1/pulls", json={}).headers["location"]
    assert client.delete(place).json()["state"] == "cancelled"
    assert client.delete(place).status_code == 200
    assert client.delete("/api/v1/jobs/0123456789abcdef").status_code == 404


def test_events_tell_each_change_and_end_with_the_job(served):
    client, ws = served
    place = client.post("/api/v1/pulls", json={}).headers["location"]
    jobs.cancel(ws, place.rpartition("/")[2])
    answer = client.get(f"{place}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    assert [json.loads(one)["state"] for one in told] == ["cancelled"]
    assert "event: end" in answer.text
    assert answer.text.startswith("retry: ")


def test_the_same_request_with_the_same_key_gets_the_same_answer_and_another_is_refused(served):
    client, _ = served
    keyed = {"Idempotency-Key": "a-key-of-mine"}
    first, again = (client.post("/api/v1/scans", json={"weeks": 4}, headers=keyed) for _ in range(2))
    assert (again.status_code, again.content, again.headers["location"]) == (202, first.content, first.headers["location"])
    other = client.post("/api/v1/scans", json={"weeks": 5}, headers=keyed)
    assert (other.status_code, other.json()["code"]) == (422, "key-reused")
    assert len(client.get("/api/v1/jobs").json()["jobs"]) == 1
    assert client.post("/api/v1/scans", json={}, headers={"Idempotency-Key": "with space"}).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {"quarter": "2026-Q5"},
        {"quarter": "2026-Q3", "end": "2026-09-28"},
        {"end": "2026-09-29"},
        {"weeks": 0},
        {"weeks": "many"},
        {"dry_run": True, "role": "admin"},
        [],
    ],
)
def test_a_wish_that_means_nothing_is_refused_and_makes_no_job(served, body):
    client, _ = served
    answer = client.post("/api/v1/scans", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert client.get("/api/v1/jobs").json()["jobs"] == []


def test_a_connector_that_is_not_configured_is_refused_at_once(served):
    client, _ = served
    for dry_run in (True, False):
        assert client.post("/api/v1/pulls", json={"connectors": ["slack_export"], "dry_run": dry_run}).status_code == 404


def test_a_dry_run_says_what_would_be_read_and_makes_no_job(own_company, serve, tmp_path):
    table = tmp_path / "hr.csv"
    table.write_text("email,name\n" + "".join(f"p{i}@acme.example,P{i}\n" for i in range(30)))
    settings = own_company.settings.model_copy(update={"connectors": {"people": {"path": str(table)}}})
    client, ws = serve(replace(own_company, settings=settings))
    client.headers.update(SAME_ORIGIN)
    before = people.current_people(ws, date(2026, 9, 27)).num_rows
    found = client.post("/api/v1/pulls", json={"dry_run": True})
    assert found.status_code == 200
    told = found.json()
    assert [(one["connector"], one["gives"]) for one in told["connectors"]] == [("people", ["people"])]
    assert told["minutes"] > 0
    assert "never read" in told["not_read"][0]
    assert client.get("/api/v1/jobs").json()["jobs"] == []
    assert people.current_people(ws, date(2026, 9, 27)).num_rows == before


def test_the_first_job_of_a_single_user_service_starts_a_worker_beside_it(own_company, serve):
    client, _ = serve(own_company)
    client.headers.update(SAME_ORIGIN)
    place = client.post("/api/v1/scans", json={}).headers["location"]
    end = time.monotonic() + 60
    while client.get(place).json()["state"] in ("queued", "running") and time.monotonic() < end:
        time.sleep(0.2)
    assert client.get(place).json()["error_code"] == "NotEnoughDataError"
    assert client.get("/api/v1/jobs").json()["attended"]
