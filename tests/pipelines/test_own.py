"""The own record holds everything on oneself, nothing of others, and who looked by role; choices, contests and objections are one's own."""

import csv
import io
import json
import zipfile
from dataclasses import replace

import pytest
import sealed_scan
import sqlalchemy as sa

from ona.errors import ConflictError, ForbiddenError, NotFoundError
from pipelines import access, audit, consents, scans
from pipelines.access import own, trail
from pipelines.access.policy import Viewer
from pipelines.access.rights import Role
from pipelines.rights import contests, own_export, own_steps
from pipelines.rights.contests import Reason
from pipelines.schema import CONSENTS, METADATA
from pipelines.schema.holders import LINKS, row_columns
from pipelines.storage.workspace import open_workspace


@pytest.fixture
def built(tmp_path):
    return sealed_scan.build(tmp_path / "home", people=21)


@pytest.fixture
def ws(built):
    with open_workspace(built.settings) as opened:
        yield opened


@pytest.fixture
def me(built):
    return Viewer("viewer me", Role.EMPLOYEE, person=built.hidden_helper)


ANALYST = Viewer("viewer analyst", Role.ANALYST)


def test_the_own_result_is_the_one_that_the_analyst_reads(ws, built, me):
    scan = scans.open_scan(ws)
    code = access.view_id(ws.keys, Role.ANALYST, scan.id, built.hidden_helper)
    theirs = access.read_person(ws, scan, ANALYST, code)
    mine = own.read_own(ws, scan, me)
    assert mine.result.facets == theirs.facets
    assert mine.badges == theirs.row.badges
    assert next(fact for fact in mine.result.facts if fact.name == "asks").value == 31  # written by hand in the fixture


def test_who_looked_is_told_by_role_and_own_reading_is_not_a_look(ws, built, me):
    scan = scans.open_scan(ws)
    before = audit.count(ws)
    own.read_own(ws, scan, me)
    assert audit.count(ws) == before
    access.read_person(ws, scan, ANALYST, access.view_id(ws.keys, Role.ANALYST, scan.id, built.hidden_helper))
    audit.record(ws, audit.Act(me.subject, "analyst", "read_person", str(me.person)))  # themself, in another of their roles
    audit.record(
        ws, audit.Act("viewer analyst", "analyst", "export", scan.id), audit.Act("viewer analyst", "analyst", "export", "another scan")
    )
    taken, look = own.read_own(ws, scan, me).looks
    assert (taken.role, taken.action) == ("analyst", "export")
    assert (look.role, look.action, look.result) == ("analyst", "read_person", "done")
    assert "viewer analyst" not in repr(look)


def test_choices_are_added_and_the_newest_counts(ws, me):
    assert {one.purpose for one in own.read_own(ws, None, me).choices if one.granted} == {"name_on_map"}  # as the directory says
    own_steps.choose(ws, me, {"name_on_map": False, "nudge": True})
    own_steps.choose(ws, me, {"nudge": True})
    assert {one.purpose for one in consents.choices(ws, me.person) if one.granted} == {"nudge"}
    assert len(ws.service.rows(sa.select(CONSENTS).where(CONSENTS.c.person == me.person))) == 3  # directory, no, yes
    with pytest.raises(NotFoundError):
        own_steps.choose(ws, me, {"pay": True})


def test_an_objection_hides_at_once_and_is_taken_back(ws, built, me):
    scan = scans.open_scan(ws)
    code = access.view_id(ws.keys, Role.ANALYST, scan.id, built.hidden_helper)
    since = own_steps.object_to_analysis(ws, me)
    assert own_steps.object_to_analysis(ws, me) == since  # a second click changes nothing
    with pytest.raises(NotFoundError):
        access.read_person(ws, scan, ANALYST, code)
    assert own.read_own(ws, scan, me).result is not None  # what is held is still shown to oneself
    assert own_steps.withdraw(ws, me) is None
    assert access.read_person(ws, scan, ANALYST, code).row.id == code


def test_an_objection_does_not_wait_for_a_pull_or_scan_that_is_running(ws, me):
    with open_workspace(ws.settings) as other, other.exclusive():
        assert own_steps.object_to_analysis(ws, me) is not None


def test_a_contest_is_open_until_somebody_else_answers_it_once(ws, built, me):
    first = own_steps.contest(ws, me, "latest", "helper", Reason.ROLE_EXPLAINS, "HR-42")
    assert own_steps.contest(ws, me, "latest", "helper", Reason.NOT_ME).id == first.id
    steward = Viewer("steward", Role.STEWARD)
    found = contests.read_contests(ws, steward)
    assert (found.counts, [one.view_id for one in found.contests]) == ({"open": 1}, [None])
    (seen,) = contests.read_contests(ws, ANALYST).contests
    assert seen.view_id == access.view_id(ws.keys, Role.ANALYST, built.scan, built.hidden_helper)
    with pytest.raises(ConflictError, match="own result"):
        contests.answer_contest(ws, replace(ANALYST, person=me.person), first.id, "upheld")
    assert contests.answer_contest(ws, steward, first.id, "corrected").state == "corrected"
    with pytest.raises(ConflictError, match="already"):
        contests.answer_contest(ws, ANALYST, first.id, "upheld")
    assert contests.own_contests(ws, me)[0].state == "corrected"


def test_looking_as_somebody_changes_nothing_for_them(ws, me):
    acting = replace(me, acting=True)
    for step in (
        lambda: own_steps.object_to_analysis(ws, acting),
        lambda: own_steps.withdraw(ws, acting),
        lambda: own_steps.choose(ws, acting, {"nudge": True}),
        lambda: own_steps.contest(ws, acting, "latest", "helper", Reason.OTHER),
        lambda: own_export.export_own(ws, acting),
    ):
        with pytest.raises(ForbiddenError, match="only look"):
            step()
    seen = own.read_own(ws, scans.open_scan(ws), acting)
    assert seen.result is not None
    assert seen.accounts == ()  # an address is a name


def test_a_viewer_whom_no_directory_knows_has_no_record(ws):
    with pytest.raises(ForbiddenError):
        own.read_own(ws, None, ANALYST)


def test_the_download_holds_the_person_and_nobody_else(ws, built, me):
    own_steps.choose(ws, me, {"nudge": True})
    own_steps.contest(ws, me, "latest", "helper", Reason.OTHER, "=cmd")
    text = own_export.as_json(own_export.export_own(ws, me))
    told = json.loads(text)
    name = ws.vault.names([me.person])[me.person]
    assert told["name"] == [{"name": name}]
    assert [row["facet"] for row in told["result_flags"]] == ["helper", "broker"]
    assert len(told["stored_badges"]) == 3  # the fixture gives this person three
    others = [str(person) for person in built.persons if person != me.person]
    assert not [person for person in others if person in text]
    strangers = set(ws.vault.names(built.persons).values()) - {name}
    assert not [one for one in strangers if one in text]


def test_the_tables_of_the_download_open_as_text(ws, me):
    own_steps.contest(ws, me, "latest", "helper", Reason.OTHER, "=cmd")
    with zipfile.ZipFile(io.BytesIO(own_export.as_tables(own_export.export_own(ws, me)))) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("contests.csv").decode())))
        assert set(archive.namelist()) >= {"about.csv", "accounts.csv", "result_scores.csv", "events.csv"}
    assert rows[0]["ticket"] == "'=cmd"


def test_the_download_leaves_no_table_out_that_holds_a_person():
    """Whatever table is added later: its number columns are persons that erasure and download know, or listed here as counts."""
    counts = {
        *(
            "audit.seq",
            "badges.badge",
            "badge_choices.badge",
            "evidence.row",
            "files.rows",
            "files.bytes",
            "jobs.done",
            "jobs.total",
            "leases.fence",
        ),
        *("pulls.read", "pulls.accepted", "pulls.duplicate", "pull_counts.rows", "stale_parts.late", "exports.rows"),
    }
    known = {str(column) for column in (*row_columns(), *LINKS)}
    numbers = {str(column) for table in METADATA.sorted_tables for column in table.columns if isinstance(column.type, sa.BigInteger)}
    assert numbers - counts == known


def test_the_auditor_reads_pseudonyms_and_pages_that_do_not_overlap(ws, built, me):
    auditor = Viewer("auditor", Role.AUDITOR)
    before = audit.count(ws)
    audit.record(ws, *(audit.Act("x", "analyst", "read_person", str(person)) for person in built.persons[:7]))
    page = trail.read_audit(ws, auditor, limit=5)
    assert [line.seq - before for line in page.entries] == [8, 7, 6, 5, 4]  # the eighth is this very reading
    following = trail.read_audit(ws, auditor, limit=5, cursor=page.next_cursor)
    assert [line.seq - before for line in following.entries][:3] == [3, 2, 1]
    said = repr((page, following))
    assert not [person for person in built.persons if str(person) in said]
    for wrong in ("", "x" * 40, page.next_cursor[:-4], page.next_cursor[::-1]):
        with pytest.raises(NotFoundError):
            trail.read_audit(ws, auditor, cursor=wrong)
    for role in (Role.ADMIN, Role.ANALYST, Role.EMPLOYEE):
        with pytest.raises(ForbiddenError):
            trail.read_audit(ws, replace(me, role=role))
    assert trail.count_audit(ws, replace(me, role=Role.ADMIN)) == audit.count(ws)
