"""A file about single people needs a purpose, a reason, somebody else's signature and a job; it holds no name and lives for a day."""

import csv
import hashlib
import io
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import numpy as np
import openpyxl
import pyarrow.parquet as pq
import pytest
import sealed_scan
import signing_in
import sqlalchemy as sa

from ona.errors import ConflictError, ForbiddenError, NotFoundError, TooManyError
from pipelines import audit, erasure, export_files, exports, scans
from pipelines.access.exported import digest_of_people, linkage_risk, read_exported
from pipelines.access.policy import Viewer, look
from pipelines.access.rights import Role
from pipelines.exports import Wish
from pipelines.intake import people
from pipelines.jobs import register
from pipelines.jobs.worker import Worker
from pipelines.purposes import Purpose
from pipelines.retention import retain
from pipelines.schema import EXPORTS, JOBS, VIEWERS, WITHHELD
from pipelines.settings import Mode
from pipelines.storage.workspace import open_workspace

REASON = "The works council asked for the share of ties that cross departments."
PEOPLE = Wish("people", Purpose.NETWORK_HEALTH, REASON)
TIES = Wish("ties", Purpose.NETWORK_HEALTH, REASON)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    made = sealed_scan.build(tmp_path_factory.mktemp("exports") / "home", people=35)
    made = replace(made, settings=signing_in.company_settings(made.settings))
    with open_workspace(made.settings) as ws:
        signing_in.add_viewer(ws, "ann", Role.ANALYST)
        signing_in.add_viewer(ws, "sue", Role.STEWARD)
    return made


@pytest.fixture
def ws(built):
    with open_workspace(built.settings) as opened:
        yield opened
        with opened.service.begin() as connection:
            for table in (EXPORTS, JOBS, WITHHELD):
                connection.execute(sa.delete(table))
            connection.execute(sa.update(VIEWERS).values(state="active"))
            connection.execute(sa.update(VIEWERS).where(VIEWERS.c.id == "ann").values(roles=[Role.ANALYST]))
        export_files.sweep(opened)


@pytest.fixture
def scan(ws):
    return scans.open_scan(ws)


@pytest.fixture
def ann():
    return Viewer("ann", Role.ANALYST, roles=frozenset({Role.ANALYST}))


@pytest.fixture
def sue():
    return Viewer("sue", Role.STEWARD, roles=frozenset({Role.STEWARD}))


def written(ws, scan, ann, sue, wish=PEOPLE):
    """A file that was asked for, approved and written by a worker."""
    asked = exports.request(ws, ann, scan, wish)
    approved = exports.decide(ws, sue, asked.id, approve=True)
    assert approved.state == "writing"
    Worker(ws).take(approved.job)
    found = exports.find(ws, ann, asked.id)
    assert found.state == "ready", register.find(ws, approved.job)
    return found


def rows_of(ws, viewer, found, form):
    path = exports.take(ws, viewer, found.id, form)
    if form == "csv":
        return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))
    if form == "parquet":
        return pq.read_table(path).to_pylist()
    if form == "json":
        return json.loads(path.read_text())["rows"]
    page = openpyxl.load_workbook(path)["data"]
    head, *rows = [[cell.value for cell in row] for row in page.iter_rows()]
    return [dict(zip(head, row, strict=True)) for row in rows]


def acts_since(ws, before):
    return [(one.act.actor, one.act.action, one.act.result) for one in reversed(audit.entries(ws)) if one.seq > before]


def test_two_people_and_a_job_make_a_file_and_each_step_is_in_the_log(ws, scan, ann, sue):
    before = audit.count(ws)
    found = written(ws, scan, ann, sue)
    path = exports.take(ws, ann, found.id, "csv")
    assert (found.rows, found.forms) == (35, ("csv", "json", "parquet", "xlsx"))
    assert path.stat().st_mode & 0o777 == 0o600
    steps = [("ann", "ask_export"), ("sue", "decide_export"), ("ann", "write_export"), ("ann", "export")]
    assert acts_since(ws, before) == [(actor, action, "done") for actor, action in steps]
    assert audit.entries(ws, 1)[0].act.object == scan.id  # so everybody in the scan finds it among those who looked


@pytest.mark.parametrize("wish", [PEOPLE, TIES])
def test_all_forms_of_a_file_say_the_same_and_each_row_says_where_it_is_from(ws, scan, ann, sue, wish):
    found = written(ws, scan, ann, sue, wish)
    tables = {form: rows_of(ws, ann, found, form) for form in found.forms}

    def plain(row):
        return {name: "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value) for name, value in row.items()}

    numbers = {name for row in tables["json"] for name, value in row.items() if isinstance(value, float)}
    told = [{n: f"{float(v):.6g}" if n in numbers and v else v for n, v in row.items()} for row in tables["csv"]]
    assert told == [plain(row) for row in tables["json"]]
    assert [plain(row) for row in tables["parquet"]] == [plain(row) for row in tables["json"]]
    assert [plain(row) for row in tables["xlsx"]] == [plain(row) for row in tables["json"]]
    assert {(row["export"], row["purpose"], row["scan"]) for row in tables["json"]} == {(found.id, "network_health", scan.id)}
    assert {row["standing"] for row in tables["csv"]} == {"Not for pay, rating or dismissal."}
    for form, digest in ws.service.rows(sa.select(EXPORTS.c.forms))[0].forms.items():
        assert hashlib.sha256(export_files.path_of(ws, found.id, form).read_bytes()).hexdigest() == digest


def test_no_file_holds_a_name_and_no_id_of_one_is_in_another(ws, scan, built, ann, sue):
    first, second = (written(ws, scan, ann, sue, wish) for wish in (PEOPLE, replace(PEOPLE, purpose=Purpose.MENTORING)))
    texts = [exports.take(ws, ann, one.id, "csv").read_text("utf-8-sig") for one in (first, second)]
    names = set(ws.vault.names(built.persons).values())
    assert len(names) > 30
    assert not [name for name in names for text in texts if name in text]
    ids = [{row["person"] for row in rows_of(ws, ann, one, "json")} for one in (first, second)]
    pages = set(look(ws, scan, ann).codes)
    assert len(ids[0]) == 35
    assert not (ids[0] & ids[1])
    assert not (ids[0] & pages)
    assert sorted(row["helper"] or 0 for row in rows_of(ws, ann, first, "json")) == sorted(
        row["helper"] or 0 for row in rows_of(ws, ann, second, "json")
    )


def test_ties_are_in_thirds_and_as_many_as_in_the_scan(ws, scan, ann):
    found = read_exported(ws, scan, ann, "ties", "a file")
    assert len(found.rows) == scan.graphs["relationship"].num_rows
    counts = np.unique([row[2] for row in found.rows], return_counts=True)
    assert set(counts[0]) == {"weak", "medium", "strong"}
    assert max(counts[1]) - min(counts[1]) <= 2


def test_cells_that_a_spreadsheet_would_run_are_text(ws, scan, ann, sue, monkeypatch):
    labels = dict(scan.labels["team"])
    monkeypatch.setitem(scan.labels, "team", {code: f"=cmd|' /C calc'!{code}" for code in labels})
    asked = exports.request(ws, ann, scan, PEOPLE)
    row = ws.service.rows(sa.select(EXPORTS).where(EXPORTS.c.id == asked.id))[0]
    table = export_files._table(row, read_exported(ws, scan, ann, "people", asked.id))
    shown = [one for one in csv.DictReader(io.StringIO(export_files._bytes("csv", table).decode("utf-8-sig"))) if one["team"]]
    assert shown
    assert all(one["team"].startswith("'=") for one in shown)


def test_who_asked_cannot_approve_even_as_a_steward(ws, scan, ann, sue):
    asked = exports.request(ws, ann, scan, PEOPLE)
    with pytest.raises(ForbiddenError, match="cannot approve"):
        exports.decide(ws, replace(sue, subject="ann"), asked.id, approve=True)
    with pytest.raises(ForbiddenError):
        exports.decide(ws, ann, asked.id, approve=True)
    assert exports.find(ws, ann, asked.id).state == "pending"
    assert ws.service.rows(sa.select(JOBS)) == []


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ANALYST])
def test_only_an_analyst_asks(ws, scan, built, role):
    with pytest.raises(ForbiddenError):
        exports.request(ws, Viewer("x", role, person=built.persons[0]), scan, PEOPLE)


def test_of_approve_and_decline_at_one_moment_exactly_one_counts(ws, scan, ann, sue):
    for _ in range(4):
        asked = exports.request(ws, replace(ann, subject=f"ann{_}"), scan, PEOPLE)

        def decide(approve, asked=asked):
            try:
                return exports.decide(ws, sue, asked.id, approve=approve).state
            except ConflictError:
                return None

        with ThreadPoolExecutor(4) as pool:
            states = [state for state in pool.map(decide, (True, False, True, False)) if state]
        assert len(states) == 1
        jobs = ws.service.rows(sa.select(JOBS).where(JOBS.c.body["export"].as_string() == asked.id))
        assert len(jobs) == (states[0] == "writing")


def test_asking_the_same_twice_is_asking_once_and_a_sixth_file_a_day_is_refused(ws, scan, ann):
    assert exports.request(ws, ann, scan, PEOPLE).id == exports.request(ws, ann, scan, PEOPLE).id
    with ThreadPoolExecutor(4) as pool:
        ids = {one.id for one in pool.map(lambda _: exports.request(ws, ann, scan, TIES), range(4))}
    assert len(ids) == 1
    for purpose in (Purpose.MENTORING, Purpose.SELF_DEVELOPMENT):
        exports.request(ws, ann, scan, replace(PEOPLE, purpose=purpose))
    exports.request(ws, ann, scan, replace(TIES, purpose=Purpose.MENTORING))
    with pytest.raises(TooManyError):
        exports.request(ws, ann, scan, replace(TIES, purpose=Purpose.SELF_DEVELOPMENT))


def test_nobody_else_takes_the_file_and_nobody_after_a_day(ws, scan, ann, sue):
    found = written(ws, scan, ann, sue)
    for other in (replace(ann, subject="bob"),):
        with pytest.raises(NotFoundError):
            exports.take(ws, other, found.id, "csv")
    with pytest.raises(ForbiddenError):
        exports.take(ws, sue, found.id, "csv")
    later = replace(ws, now=lambda: found.expires)
    with pytest.raises(ConflictError):
        exports.take(later, ann, found.id, "csv")
    assert exports.find(later, ann, found.id).state == "expired"
    assert export_files.sweep(later) == 1
    assert not export_files.path_of(ws, found.id, "csv").exists()


def test_a_request_waits_a_week_and_no_longer(ws, scan, ann, sue):
    asked = exports.request(ws, ann, scan, PEOPLE)
    later = replace(ws, now=lambda: asked.created + timedelta(days=7, seconds=1))
    with pytest.raises(ConflictError):
        exports.decide(later, sue, asked.id, approve=True)
    assert exports.find(later, ann, asked.id).state == "expired"


@pytest.mark.parametrize("step", ["pending", "writing", "ready"])
def test_a_request_is_taken_back_at_any_step(ws, scan, ann, sue, step):
    asked = exports.request(ws, ann, scan, PEOPLE)
    job = None
    if step != "pending":
        job = exports.decide(ws, sue, asked.id, approve=True).job
    if step == "ready":
        Worker(ws).take(job)
    assert exports.withdraw(ws, ann, asked.id).state == "withdrawn"
    if step == "writing":
        assert register.find(ws, job).state == "cancelled"
        Worker(ws).take(job)
    if step == "pending":
        with pytest.raises(ConflictError):
            exports.decide(ws, sue, asked.id, approve=True)
    assert exports.find(ws, ann, asked.id).state == "withdrawn"
    assert not export_files.path_of(ws, asked.id, "csv").parent.exists()


def test_a_job_cancelled_between_two_forms_leaves_nothing(ws, scan, ann, sue):
    asked = exports.request(ws, ann, scan, PEOPLE)
    job = exports.decide(ws, sue, asked.id, approve=True).job
    told = []

    def tell(phase, done, total):
        told.append((phase, done))
        if done == 2:
            raise register.JobStoppedError("cancelled")

    with pytest.raises(register.JobStoppedError):
        export_files.write(ws, asked.id, tell)
    assert told == [("collect", 0), ("write", 0), ("write", 1), ("write", 2)]
    assert list((ws.home / "exports").iterdir()) == []
    register.cancel(ws, job)
    assert exports.find(ws, ann, asked.id).state == "cancelled"


def test_what_a_killed_job_left_is_swept_and_the_job_writes_it_again(ws, scan, ann, sue):
    asked = exports.request(ws, ann, scan, PEOPLE)
    job = exports.decide(ws, sue, asked.id, approve=True).job
    draft = ws.home / "exports" / f".{asked.id}"
    draft.mkdir(parents=True)
    (draft / "half.csv").write_text("half")
    (ws.home / "exports" / ".0000").mkdir()
    Worker(ws).take(job)
    assert exports.find(ws, ann, asked.id).state == "ready"
    assert [path.name for path in (ws.home / "exports").iterdir()] == [asked.id]


@pytest.mark.parametrize("lost", [{"state": "disabled"}, {"roles": [Role.AUDITOR]}], ids=["disabled", "another role"])
def test_who_lost_the_role_meanwhile_gets_no_file(ws, scan, ann, sue, lost):
    asked = exports.request(ws, ann, scan, PEOPLE)
    job = exports.decide(ws, sue, asked.id, approve=True).job
    with ws.service.begin() as connection:
        connection.execute(sa.update(VIEWERS).where(VIEWERS.c.id == "ann").values(**lost))
    Worker(ws).take(job)
    assert register.find(ws, job).error_code == "ForbiddenError"
    assert exports.find(ws, ann, asked.id).state == "failed"


def test_somebody_who_objects_takes_the_file_away(ws, scan, built, ann, sue):
    found = written(ws, scan, ann, sue)
    before = digest_of_people(ws, scan, ann)
    people.withhold(ws, built.persons[4])
    assert digest_of_people(ws, scan, ann) != before
    with pytest.raises(ConflictError):
        exports.take(ws, ann, found.id, "json")
    assert not export_files.path_of(ws, found.id, "json").exists()
    assert exports.find(ws, ann, found.id).state == "expired"
    assert len(read_exported(ws, scan, ann, "people", "x").rows) == 34


def test_an_erasure_takes_every_file_away(tmp_path):
    made = sealed_scan.build(tmp_path / "home", people=21)
    settings = signing_in.company_settings(made.settings)
    with open_workspace(settings) as ws:
        signing_in.add_viewer(ws, "ann", Role.ANALYST)
        scan, ann = scans.open_scan(ws), Viewer("ann", Role.ANALYST)
        found = written(ws, scan, ann, Viewer("sue", Role.STEWARD))
        erasure.erase(ws, made.persons[9])
        assert exports.find(ws, ann, found.id).state == "expired"
        assert not (ws.home / "exports").exists()


def test_strict_mode_has_no_such_files_and_who_works_alone_needs_no_request(ws, scan, built, ann):
    strict = replace(ws, settings=ws.settings.model_copy(update={"mode": Mode.STRICT}))
    with pytest.raises(ForbiddenError):
        exports.request(strict, ann, scan, PEOPLE)
    alone = replace(ws, settings=ws.settings.model_copy(update={"sign_in": None}))
    with pytest.raises(ConflictError, match="alone"):
        exports.request(alone, ann, scan, PEOPLE)


def test_the_linkage_risk_is_the_share_of_people_who_are_like_nobody_else(ws, scan, ann):
    risk = linkage_risk(ws, scan, ann, "ties")
    edges = scan.graphs["relationship"].to_pylist()
    around: dict[int, list[int]] = {}
    for edge in edges:
        around.setdefault(edge["source"], []).append(edge["target"])
        around.setdefault(edge["target"], []).append(edge["source"])
    degrees = {one: len(others) for one, others in around.items()}
    profiles = {one: (degrees[one], *sorted(degrees[other] for other in others)) for one, others in around.items()}
    for share, known in ((risk.unique, degrees), (risk.unique_closely, profiles)):
        alone = sum(list(known.values()).count(value) == 1 for value in known.values()) / len(known)
        assert share == pytest.approx(alone)  # counted one by one
    assert risk.people == len(around)
    assert 0 < risk.unique < risk.unique_closely


def test_requests_are_forgotten_when_the_log_may_be(ws, scan, ann):
    asked = exports.request(ws, ann, scan, PEOPLE)
    years = replace(ws, now=lambda: asked.created + timedelta(days=31 * ws.settings.audit_months))
    retain(years, dry_run=True)
    assert retain(years, dry_run=True).rows >= 1
