"""Badges are checked again on schedule: what expired or was revoked since is told by status, never by holder."""

import json
from datetime import date, timedelta

import pytest

from connectors.base import RawPerson
from pipelines.intake import badges, pulls
from pipelines.intake.people import pull_people
from pipelines.jobs import dispatch, register
from pipelines.jobs.worker import Worker, _plan
from tests.pipelines.conftest import NOW, People

TODAY = date.today()


def assertion(number, **more):
    return {
        "@context": "https://w3id.org/openbadges/v2",
        "type": "Assertion",
        "id": f"https://academy.example/a/{number}",
        "recipient": {"type": "email", "hashed": False, "identity": f"p{number}@acme.example"},
        "badge": {"type": "BadgeClass", "name": "Mentor", "issuer": {"name": "Academy"}},
        "issuedOn": "2026-01-05T00:00:00Z",
    } | more


@pytest.fixture
def place(open_at, tmp_path):
    folder = tmp_path / "badges"
    folder.mkdir()

    def write(count, **more):
        (folder / "all.json").write_text(json.dumps([assertion(number, **more if number < 6 else {}) for number in range(count)]))

    with open_at(NOW, connectors={"badges_open_badges": {"path": str(folder)}}) as ws:
        pull_people(ws, "people", People([RawPerson((f"id:hr/{n}", f"email:p{n}@acme.example")) for n in range(12)]))
        yield ws, write


def run(ws):
    worker = Worker(ws)
    worker.plan("badges", dict)
    (job,) = [one for one in register.latest(ws) if one.state is register.State.QUEUED]
    worker.take(job.id)
    return register.find(ws, job.id)


def test_the_job_tells_what_changed_and_pages_tell_when_it_was_checked(place):
    ws, write = place
    write(12)
    first = run(ws)
    assert first.state is register.State.DONE, first.error
    assert first.result == {"checked": 12, "by_status": {"holder-claimed": 12}, "changed": [], "errors": []}
    write(12, expires=f"{TODAY - timedelta(days=1)}T00:00:00Z")
    second = run(ws)
    assert second.result["by_status"] == {"holder-claimed": 6, "expired": 6}
    assert second.result["changed"] == [{"before": "holder-claimed", "now": "expired", "badges": 6}]
    assert {check.checked for check in badges.checks(ws).values()} == {NOW}


def test_of_too_few_no_number_is_told_and_none_can_be_reckoned(place):
    ws, write = place
    write(12)
    run(ws)
    write(12, revoked=True)
    (ws.home.parent / "badges" / "all.json").write_text(
        json.dumps([assertion(number, revoked=True) if number < 2 else assertion(number) for number in range(12)])
    )
    found = run(ws).result
    assert found["by_status"] == {"holder-claimed": 10, "revoked": None}
    assert found["changed"] == [{"before": "holder-claimed", "now": "revoked", "badges": None}]
    assert found["checked"] is None, "the sum would tell"
    assert pulls.check_badges(ws).by_status == {"holder-claimed": 10, "revoked": 2}, "whoever runs the service sees all"


def test_badges_and_mail_are_planned_where_there_are_any(place):
    ws, _ = place
    queue = dispatch.open_queue(ws.settings, ws.keys)
    try:
        _plan(queue, Worker(ws))
        planned = {task.__name__ for task in queue._registry._periodic_tasks}
    finally:
        queue.storage.close()
    assert any("plan_badges" in name for name in planned)
    assert not any("plan_mail" in name for name in planned), "there is no mail server"
