"""Jobs: claimed once, followed, cancelled, revived, fenced; signed JSON in the queue; requests that arrive twice."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from ona.errors import NotFoundError, TryLaterError
from ona.rules import Rules
from ona.simulate.company import company
from pipelines import jobs, scans
from pipelines.access import LOCAL_ANALYST
from pipelines.intake import simulated
from pipelines.intake.skill_tables import Target, put_targets
from pipelines.jobs import Kept, KeyReusedError, State, bodies, dispatch, once, register, worker
from pipelines.jobs.worker import Worker
from pipelines.keys import create_key
from pipelines.schema import (
    CONSENTS,
    CONTESTS,
    CREDENTIALS,
    EXCLUSIONS,
    EXPORTS,
    GRANTS,
    JOBS,
    KEPT_ANSWERS,
    LEASES,
    NAME_INVITATIONS,
    NEED_READINGS,
    PAIRS,
    PUBLICATIONS,
    REVEALS,
    VIEWERS,
    WITHHELD,
)
from pipelines.settings import load_settings, write_template
from pipelines.storage import leases
from pipelines.storage.workspace import open_workspace

NOW = datetime(2026, 8, 5, 12)


@pytest.fixture(scope="module")
def streamed(tmp_path_factory):
    """A deployment with five whole weeks of events and one scan."""
    place = tmp_path_factory.mktemp("jobs") / "home"
    write_template(place)
    create_key(place / "key")
    with open_workspace(load_settings(place), now=lambda: NOW) as ws:
        simulated.stream(ws, company(people=60, weeks=6, seed=5))
        scans.run(ws, Rules(weeks=3))
    return place


@pytest.fixture
def full(streamed):
    with open_workspace(load_settings(streamed), now=lambda: NOW) as opened:
        yield opened


def asked(ws, kind="retention", **body):
    return jobs.ask(ws, LOCAL_ANALYST, kind, body)


def test_a_job_is_taken_once_and_its_end_is_stored(ws):
    job = asked(ws)
    ran = []
    for one in (Worker(ws), Worker(ws)):
        one._run = lambda job, progress: ran.append(job.id) or {"rows": 3}
        one.take(job.id)
    found = jobs.find(ws, job.id)
    assert ran == [job.id]
    assert (found.state, found.result, found.attempts, found.ended) == (State.DONE, {"rows": 3}, 1, True)


def test_the_progress_of_a_scan_is_stored_step_by_step_and_its_result_names_the_scan(full):
    job, seen = asked(full, "scan", weeks=4), []
    put_targets(full, (Target("*", "agile", 1.0, 1.0),))

    def run(taken, progress):
        def told(*step):
            progress(*step)
            seen.append(jobs.find(full, job.id).phase)

        return bodies.scan(full, taken.body, told)

    Worker(full, run).take(job.id)
    found = jobs.find(full, job.id)
    assert list(dict.fromkeys(seen))[-4:] == ["load", "scan", "checks", "seal"]
    assert (found.state, found.result["scan"]) == (State.DONE, scans.open_scan(full).id)
    manifest = scans.open_scan(full).manifest
    assert manifest["weeks"] == 4
    kept = full.service.rows(sa.select(NEED_READINGS))
    assert {str(row.measured) for row in kept} == {manifest["end"]}, "with a scan stands where departments are, for the next to look back"


OUTCOMES = (REVEALS, NAME_INVITATIONS, PAIRS, GRANTS, CREDENTIALS, CONTESTS, EXPORTS, VIEWERS, PUBLICATIONS, EXCLUSIONS, CONSENTS, WITHHELD)


def test_no_kind_of_job_changes_what_becomes_of_anybody(full):
    """A file is the one thing that a job makes about people, and that job starts with two signatures."""

    def outcomes():
        return [[tuple(row) for row in full.service.rows(sa.select(table))] for table in OUTCOMES]

    ran, before = [], outcomes()
    for kind, body in {"scan": {"weeks": 3}, "pull": {}, "retention": {}, "badges": {}, "mail": {}, "export": {"export": "0" * 32}}.items():
        job = asked(full, kind, **body)
        Worker(full).take(job.id)
        ran.append((kind, jobs.find(full, job.id).ended))
    assert ran == [(kind, True) for kind in ("scan", "pull", "retention", "badges", "mail", "export")]
    assert set(bodies.BODIES) == {kind for kind, _ in ran}
    assert outcomes() == before


def test_a_cancelled_scan_leaves_the_last_one_as_it_was(full):
    # a window that no other test scans: a scan that is sealed already has nothing to cancel
    before, job = scans.open_scan(full).id, asked(full, "scan", weeks=5)

    def run(taken, progress):
        def told(phase, done, total):
            if phase == "checks":
                assert jobs.cancel(full, job.id).cancelling
            progress(phase, done, total)

        return bodies.scan(full, taken.body, told)

    Worker(full, run).take(job.id)
    assert jobs.find(full, job.id).state is State.CANCELLED
    assert scans.open_scan(full).id == before
    assert full.service.rows(sa.select(LEASES.c.holder))[0].holder is None


def test_a_worker_that_stood_still_while_another_took_the_scan_over_cannot_seal(full, streamed):
    overtaking = []

    def stand_still(phase, done, _total):
        if (phase, done) == ("seal", 0):
            (full.home / "lock").unlink()  # as on a shared volume whose lock was lost with its machine
            with open_workspace(load_settings(streamed), now=lambda: NOW) as other:
                overtaking.append(scans.run(other, replace(Rules(weeks=2), seed=11)).id)

    with pytest.raises(TryLaterError, match="took the scan over"):
        scans.run(full, replace(Rules(weeks=2), seed=12), progress=stand_still)
    assert [scans.open_scan(full).id] == overtaking
    held = {path.name for path in (full.home / "scans").iterdir() if not path.name.startswith(".")}
    assert held == {one.id for one in scans.list_scans(full)}
    assert scans.run(full, replace(Rules(weeks=2), seed=12)).id != overtaking[0]


def test_the_lease_of_another_machine_is_respected_until_it_runs_out(full):
    held = {"name": "scan", "fence": 77, "holder": "elsewhere:1:x", "until": NOW + timedelta(seconds=30)}
    with full.service.begin() as connection:
        connection.execute(sa.delete(LEASES))
        connection.execute(sa.insert(LEASES).values(held))
    with pytest.raises(TryLaterError, match="Another machine"):
        scans.run(full, Rules(weeks=2))
    with open_workspace(full.settings, now=lambda: NOW + timedelta(seconds=31)) as later:
        scans.run(later, Rules(weeks=2))
        assert later.service.rows(sa.select(LEASES.c.fence))[0].fence == 78


def test_a_job_whose_worker_died_waits_again_and_is_given_up_after_three_deaths(home):
    clock = [NOW]
    with open_workspace(load_settings(home), now=lambda: clock[0]) as ws:
        job = asked(ws)
        for attempt in (1, 2, 3):
            assert register.claim(ws, job.id, f"w{attempt}").attempts == attempt
            clock[0] += register.SILENT
            assert register.revive(ws) == []  # a minute of silence is not death yet
            clock[0] += timedelta(seconds=1)
            assert register.revive(ws) == ([job.id] if attempt < 3 else [])
        assert (jobs.find(ws, job.id).state, jobs.find(ws, job.id).error_code) == (State.FAILED, "WorkerDied")


def test_a_worker_that_lost_its_job_can_neither_tell_nor_end_it(home):
    clock = [NOW]
    with open_workspace(load_settings(home), now=lambda: clock[0]) as ws:
        job = asked(ws)
        stale = register.claim(ws, job.id, "stale")
        clock[0] += timedelta(minutes=2)
        register.revive(ws)
        register.claim(ws, job.id, "fresh")
        with pytest.raises(register.JobStoppedError, match="Another worker"):
            register.tell(ws, stale, "seal", 1, 1)
        register.end(ws, stale, State.DONE, result={})
        assert jobs.find(ws, job.id).state is State.RUNNING


def test_a_fault_nobody_foresaw_is_stored_by_kind_and_the_text_is_not(ws):
    job = asked(ws)

    def fail(_job, _progress):
        raise ValueError("Ada Abel <ada@acme.example>")

    Worker(ws, fail).take(job.id)
    found = jobs.find(ws, job.id)
    assert (found.state, found.error_code) == (State.FAILED, "ValueError")
    assert "Ada" not in str(ws.service.rows(sa.select(JOBS)))


def test_a_busy_deployment_makes_a_job_wait_and_not_fail(ws):
    job = asked(ws)

    def busy(_job, _progress):
        raise TryLaterError("Another pull or scan is writing.")

    one = Worker(ws, busy)
    for expected in (State.QUEUED, State.QUEUED, State.FAILED):
        one.take(job.id)
        assert jobs.find(ws, job.id).state is expected


def test_a_waiting_job_is_cancelled_at_once_and_an_ended_one_stays(ws):
    job = asked(ws)
    assert jobs.cancel(ws, job.id).state is State.CANCELLED
    Worker(ws).take(job.id)
    assert jobs.cancel(ws, job.id).state is State.CANCELLED
    with pytest.raises(NotFoundError):
        jobs.cancel(ws, "0" * 16)


def test_the_queue_holds_signed_json_and_no_pickle(home, database_url):
    settings = load_settings(home)
    if database_url.startswith("postgresql"):
        settings = settings.model_copy(update={"service_url": database_url})
    with open_workspace(settings) as ws:
        job = jobs.ask(ws, LOCAL_ANALYST, "retention", {})
        queue = dispatch.open_queue(settings, ws.keys)
        (message,) = queue.storage.enqueued_items()
        assert b'"args":["' + job.id.encode() + b'"]' in bytes(message)
        assert bytes(message)[:64].isalnum()
        assert b"\x80" not in bytes(message)  # what every pickle since protocol 2 begins with
        taken = []
        dispatch.attach(queue, taken.append)
        queue.execute(queue.dequeue())
        assert taken == [job.id]
        queue.storage.enqueue(bytes(message).replace(job.id.encode(), b"f" * 16))
        with pytest.raises(ValueError, match="not written by this deployment"):
            queue.dequeue()
        path = home / "jobs.sqlite"
        held = b"".join(one.read_bytes() for one in home.glob("jobs.sqlite*"))
        queue.storage.close()
    if not database_url.startswith("postgresql"):
        assert job.id.encode() in held
        assert b"\x80\x04\x95" not in held  # the start of a pickle's frame
        assert path.stat().st_mode & 0o077 == 0


def test_the_same_key_and_request_make_one_job_and_another_request_is_refused(ws):
    def twice(body, key="k1", viewer=LOCAL_ANALYST):
        return jobs.ask_once(ws, viewer, "scan", body, key, lambda job: Kept(202, job.id, "{}"))

    first = twice({"weeks": 4})
    assert twice({"weeks": 4}) == first
    with pytest.raises(KeyReusedError):
        twice({"weeks": 5})
    assert twice({"weeks": 5}, viewer=replace(LOCAL_ANALYST, subject="other")).place != first.place
    assert twice({"weeks": 4}, key=None).place != first.place
    assert len(jobs.latest(ws)) == 3


def test_a_key_counts_for_a_day_and_is_then_forgotten(home):
    clock = [NOW]
    with open_workspace(load_settings(home), now=lambda: clock[0]) as ws:
        draw = lambda job: Kept(202, job.id, "{}")  # noqa: E731 - one line says it
        first = jobs.ask_once(ws, LOCAL_ANALYST, "retention", {}, "k", draw)
        clock[0] += once.KEPT + timedelta(seconds=1)
        assert jobs.ask_once(ws, LOCAL_ANALYST, "scan", {}, "k", draw).place != first.place
        clock[0] += once.KEPT + timedelta(seconds=1)
        assert once.forget(ws) == 1
        assert ws.service.rows(sa.select(KEPT_ANSWERS)) == []


def test_eight_requests_with_one_key_at_one_time_make_one_job(ws):
    def send(_):
        return jobs.ask_once(ws, LOCAL_ANALYST, "retention", {}, "k", lambda job: Kept(202, job.id, "{}")).place

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(send, range(8)))) == 1
    assert len(jobs.latest(ws)) == 1


def test_the_schedule_plans_a_kind_once_and_the_quarter_is_the_last_complete_one(ws):
    queue = dispatch.open_queue(ws.settings, ws.keys)
    one = Worker(ws)
    worker._plan(queue, one)
    assert len(queue._registry.periodic_tasks) == 4
    due = {type(task).__name__ for task in queue.read_periodic(datetime(2026, 10, 5, 7))}
    assert due == {"plan_quarter"}
    one.plan("scan", lambda: bodies.last_quarter(ws))
    one.plan("scan", lambda: bodies.last_quarter(ws))
    (job,) = jobs.latest(ws)
    assert job.body == {"quarter": "2026-Q3"}  # the clock of the fixture stands in the week after it
    assert bodies.window(job.body) == (13, date(2026, 9, 28))
    queue.storage.close()


def test_a_forecast_counts_what_a_scan_would_read_and_changes_nothing(full):
    before = len(jobs.latest(full)), scans.open_scan(full).id
    found = jobs.forecast_scan(full, {"weeks": 4})
    assert (found.start, found.end, found.weeks) == (date(2026, 7, 6), date(2026, 8, 3), 4)
    assert found.rows > 1_000
    assert found.people >= 60
    assert "message text" in found.not_read[0]
    assert (len(jobs.latest(full)), scans.open_scan(full).id) == before


def test_a_worker_beside_the_pages_works_at_low_priority_says_it_lives_and_ends_with_them(home):
    with open_workspace(load_settings(home)) as ws:
        beside = jobs.Beside(ws)
        job = asked(ws)
        beside.attend()
        child = beside._child.pid
        beside.attend()
        assert beside._child.pid == child
        wait_until(lambda: jobs.find(ws, job.id).ended)
        assert jobs.find(ws, job.id).state is State.DONE
        assert jobs.is_attended(ws)
        assert os.getpriority(os.PRIO_PROCESS, child) >= worker.NICENESS
        assert os.getsid(child) == child, "Ctrl-C at the pages would reach it, and they would then wait in vain for it to stop"
        beside.stop()
        assert not Path(f"/proc/{child}").exists()
        assert not jobs.is_attended(ws)


def test_a_lease_is_renewed_while_it_is_held_and_given_back_at_the_end(home, monkeypatch):
    monkeypatch.setattr(leases, "LIFE", timedelta(seconds=0.4))
    with open_workspace(load_settings(home)) as ws:
        row = lambda: ws.service.rows(sa.select(LEASES))[0]  # noqa: E731 - one line says it
        with leases.hold(ws, "scan"):
            first = row().until
            wait_until(lambda: row().until > first + leases.LIFE, 10)
        assert (row().holder, row().fence) == (None, 1)


def test_a_cancelled_job_whose_worker_died_is_not_taken_up_again(home):
    clock = [NOW]
    with open_workspace(load_settings(home), now=lambda: clock[0]) as ws:
        job = asked(ws)
        register.claim(ws, job.id, "w")
        assert jobs.cancel(ws, job.id).cancelling
        clock[0] += register.SILENT + timedelta(seconds=1)
        assert register.revive(ws) == []
        found = jobs.find(ws, job.id)
        assert (found.state, found.cancelling, found.finished) == (State.CANCELLED, False, clock[0])


def test_jobs_are_forgotten_after_their_time_but_for_those_that_wait(home):
    clock = [NOW]
    with open_workspace(load_settings(home), now=lambda: clock[0]) as ws:
        ended, waiting = asked(ws), asked(ws)
        jobs.cancel(ws, ended.id)
        clock[0] += register.KEPT
        assert register.forget(ws) == 0
        clock[0] += timedelta(seconds=1)
        assert register.forget(ws) == 1
        assert [one.id for one in jobs.latest(ws)] == [waiting.id]


def wait_until(holds, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)
