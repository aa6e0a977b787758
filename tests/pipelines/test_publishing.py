"""A scan is released to audiences and frozen; before that only analysts see it; what may be seen is explained."""

import json
from dataclasses import asdict, replace
from datetime import date, timedelta

import pytest
import sealed_scan
import sqlalchemy as sa
from typer.testing import CliRunner

from ona.errors import ConflictError, ForbiddenError, NotFoundError, SettingsError
from pipelines import access, audit, publishing
from pipelines.access import LOCAL_ANALYST, ReadableScan, Viewer
from pipelines.access.explain import explain_group, explain_person, explain_right
from pipelines.access.mentors import read_mentors
from pipelines.access.named import read_colleague
from pipelines.access.policy import look, view_id
from pipelines.access.rights import Right, Role
from pipelines.access.units import read_groups, read_map
from pipelines.cli import app
from pipelines.intake.people import object_person, set_consent
from pipelines.publishing import Wanted
from pipelines.scans import open_scan
from pipelines.schema import PUBLICATIONS
from pipelines.settings import Mode, Settings, load_settings
from pipelines.storage.workspace import open_workspace

HR = Viewer("h", Role.HR)
OPEN_MODE = {"mode": "open", "dpia_ref": "DPIA 7", "policy_ref": "Policy 3", "works_council_ref": "none exists"}


@pytest.fixture
def company(tmp_path):
    return sealed_scan.build(tmp_path / "home")


@pytest.fixture
def ws(company):
    with open_workspace(company.settings) as opened:
        yield opened


@pytest.fixture
def scan(ws):
    return ReadableScan(open_scan(ws))


def manager(company) -> Viewer:
    """The second of the board: Claims, Payments, Search and others report to their leads, and these to her."""
    return Viewer("m", Role.MANAGER, person=company.persons[2])


def test_without_a_publication_only_who_works_on_scans_sees_one(ws, company, scan):
    publishing.withdraw(ws, scan.id, LOCAL_ANALYST)
    for viewer in (HR, manager(company), Viewer("e", Role.EMPLOYEE, person=company.persons[5])):
        assert access.list_scans(ws, viewer) == ()
        with pytest.raises(NotFoundError):
            look(ws, scan, viewer)
    assert access.list_scans(ws, LOCAL_ANALYST)
    assert publishing.publications(ws) == ()


def test_a_publication_ends_on_its_day_and_is_for_its_departments(company, scan):
    with open_workspace(company.settings) as ws:
        publishing.publish(ws, scan, LOCAL_ANALYST, Wanted(("manager",), ("Finance",), ws.now().date() + timedelta(days=7)))
        now = ws.now()
        assert access.list_scans(ws, manager(company)) == ()  # the board is in Engineering
        lead = Viewer("l", Role.MANAGER, person=company.persons[11])  # leads Claims, in Finance
        assert access.list_scans(ws, lead)
        assert access.list_scans(ws, HR)
    with open_workspace(company.settings, now=lambda: now + timedelta(days=7)) as later:
        assert access.list_scans(later, lead) == ()


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (Wanted(()), SettingsError),
        (Wanted(("press",)), SettingsError),
        (Wanted(units=("No such department",)), NotFoundError),
        (Wanted(until=date(2020, 1, 1)), SettingsError),
    ],
)
def test_a_wish_that_makes_no_sense_changes_nothing(ws, scan, wanted, error):
    before = publishing.publications(ws)
    with pytest.raises(error):
        publishing.publish(ws, scan, LOCAL_ANALYST, wanted)
    assert publishing.publications(ws) == before


def test_unusable_data_is_held_back_until_somebody_says_why_and_the_log_keeps_it(ws, scan):
    bad = ReadableScan(replace(scan.sealed, quality={**scan.sealed.quality, "verdict": "unusable"}))
    publishing.withdraw(ws, scan.id, LOCAL_ANALYST)
    for reason in ("", "just do it"):
        with pytest.raises(ConflictError, match="quality report"):
            publishing.publish(ws, bad, LOCAL_ANALYST, Wanted(override=reason))
    assert publishing.publications(ws) == ()
    publishing.publish(ws, bad, LOCAL_ANALYST, Wanted(override="the gap is a company holiday"))
    assert "company holiday" in audit.entries(ws, 1)[0].act.purpose


def test_only_analysts_publish_and_preview(ws, company, scan):
    for viewer in (HR, manager(company), Viewer("a", Role.ADMIN), Viewer("s", Role.STEWARD)):
        for act in (lambda v=viewer: publishing.publish(ws, scan, v, Wanted()), lambda v=viewer: publishing.withdraw(ws, scan.id, v)):
            with pytest.raises(ForbiddenError):
                act()
        with pytest.raises(ForbiddenError):
            publishing.preview(ws, scan, viewer, "0000")


def test_a_preview_shows_what_the_manager_will_see_before_anything_is_published(ws, company, scan):
    code = view_id(ws.keys, Role.ANALYST, scan.id, company.persons[2])
    shown = read_map(ws, scan, manager(company))
    publishing.withdraw(ws, scan.id, LOCAL_ANALYST)
    previewed = publishing.preview(ws, scan, LOCAL_ANALYST, code)
    assert asdict(previewed) == asdict(shown)
    with pytest.raises(NotFoundError):
        read_map(ws, scan, manager(company))


def test_thresholds_rise_at_once_and_never_fall_for_what_was_published(company):
    with open_workspace(Settings(**company.settings.model_dump() | {"minimum_group": 12})) as ws:
        scan = ReadableScan(open_scan(ws))
        assert look(ws, scan, HR).minimum == 12
        publishing.publish(ws, scan, LOCAL_ANALYST, Wanted())
    with open_workspace(company.settings) as ws:
        assert look(ws, scan, HR).minimum == 12  # frozen with the publication
        assert look(ws, scan, LOCAL_ANALYST).minimum == 5


def test_no_row_and_no_manifest_takes_the_minimum_group_under_five(ws, scan):
    with ws.service.begin() as connection:
        connection.execute(sa.update(PUBLICATIONS).values(minimum_group=1))
    low = ReadableScan(replace(scan.sealed, manifest={**scan.sealed.manifest, "minimum_group": 1}))
    assert look(ws, low, HR).minimum == 5
    with pytest.raises(ValueError, match="minimum_group"):
        Settings(**ws.settings.model_dump() | {"minimum_group": 4})


def test_a_wider_mode_does_not_reach_back_and_a_narrower_one_does(company):
    with open_workspace(Settings(**company.settings.model_dump() | OPEN_MODE)) as ws:
        scan = ReadableScan(open_scan(ws))
        assert look(ws, scan, manager(company)).mode == Mode.STANDARD
        publishing.publish(ws, scan, LOCAL_ANALYST, Wanted())
        opened = read_map(ws, scan, manager(company))
        below = look(ws, scan, manager(company))
        assert len(opened.people) == below.within.sum()
        assert read_colleague(ws, scan, manager(company), opened.people[0].view_id).reasons
    with open_workspace(Settings(**company.settings.model_dump() | {"mode": "strict"})) as ws:
        assert look(ws, scan, manager(company)).minimum == 10
        assert read_map(ws, scan, manager(company)).people == ()
        with pytest.raises(ForbiddenError):
            read_colleague(ws, scan, manager(company), opened.people[0].view_id)


def test_a_manager_who_opens_somebody_named_is_noted_with_them(ws, scan, company):
    viewer = manager(company)
    shown = read_map(ws, scan, viewer).people[0]
    read_colleague(ws, scan, viewer, shown.view_id)
    with pytest.raises(NotFoundError):
        read_colleague(ws, scan, viewer, "0" * 16)
    refused, read = audit.entries(ws, 2)
    person = int(read.act.object)
    assert (read.act.actor, read.act.role, read.act.action) == (viewer.subject, "manager", "read_person")
    assert ws.vault.names([person]) == {person: shown.name}
    assert (refused.act.object, refused.act.result) == ("", "refused")


@pytest.mark.parametrize("missing", ["dpia_ref", "policy_ref", "works_council_ref"])
def test_open_mode_does_not_start_without_its_papers(company, monkeypatch, missing):
    for name, value in OPEN_MODE.items():
        monkeypatch.setenv(f"ONA_{name.upper()}", "" if name == missing else value)
    with pytest.raises(SettingsError, match=missing):
        load_settings(company.settings.home)
    monkeypatch.setenv(f"ONA_{missing.upper()}", "none exists")
    assert load_settings(company.settings.home).mode == "open"


def test_in_standard_a_manager_sees_by_name_whom_agreed_below_them_and_nobody_else(ws, company, scan):
    viewer = manager(company)
    found = read_map(ws, scan, viewer)
    names = ws.vault.names(company.persons)
    below = look(ws, scan, viewer).within
    agreed = {names[person] for i, person in enumerate(company.persons) if i % 7 and below[scan.persons.tolist().index(person)]}
    assert {one.name for one in found.people} == agreed
    assert names[company.persons[1]] not in {one.name for one in found.people}  # a peer
    assert names[company.persons[2]] not in {one.name for one in found.people}  # herself
    assert [one.name for one in found.people] == sorted((one.name for one in found.people), key=str.casefold)


def test_an_objection_leaves_managers_and_hr_the_bytes_of_somebody_who_never_agreed(ws, company, scan):
    """Byte for byte: objecting and never having agreed look alike, and no figure of a group moves before the next scan."""
    person = company.persons[12]  # stands out as a connector
    viewers = (manager(company), HR)
    set_consent(ws, person, "name_on_map", granted=False)
    never = [repr((read_map(ws, scan, one), read_groups(ws, scan, one))) for one in viewers]
    set_consent(ws, person, "name_on_map", granted=True)
    named = [repr((read_map(ws, scan, one), read_groups(ws, scan, one))) for one in viewers]
    object_person(ws, person)
    objected = [repr((read_map(ws, scan, one), read_groups(ws, scan, one))) for one in viewers]
    assert objected == never
    assert named != never


def test_mentors_are_who_agreed_to_the_pool_and_nameless_until_they_agree_to_that(ws, company, scan):
    assert read_mentors(ws, scan, HR).candidates == ()
    unnamed, named, gone = company.persons[7], company.persons[8], company.persons[9]
    for person in (unnamed, named, gone):
        set_consent(ws, person, "mentor_pool", granted=True)
    object_person(ws, gone)
    found = {one.named: one for one in read_mentors(ws, scan, HR).candidates}
    assert len(found) == 2
    assert found[True].label == ws.vault.names([named])[named]
    assert found[False].label.startswith("Person ")
    assert ws.vault.names([unnamed])[unnamed] not in repr(found)
    with pytest.raises(ForbiddenError):
        read_mentors(ws, scan, manager(company))


@pytest.mark.parametrize(
    ("role", "place", "expected"),
    [
        (Role.ANALYST, 5, ("allowed", "In scope")),
        (Role.HR, 5, ("allowed", "agreed")),
        (Role.HR, 7, ("not found", "did not agree")),
        (Role.MANAGER, 12, ("allowed", "agreed")),
        (Role.MANAGER, 4, ("not found", "reporting tree")),
        (Role.MANAGER, 14, ("not found", "did not agree")),
        (Role.ADMIN, 5, ("forbidden", "no single people")),
    ],
)
def test_the_policy_says_verdict_rule_scope_and_reason(ws, company, scan, role, place, expected):
    code = view_id(ws.keys, Role.ANALYST, scan.id, company.persons[place])
    found = explain_person(ws, scan, Viewer("x", role, person=company.persons[2]), code)
    assert found.verdict == expected[0]
    assert expected[1] in found.reason
    assert str(role) in found.rule


def test_the_policy_explains_an_objection_groups_and_rights(ws, company, scan):
    object_person(ws, company.persons[5])
    code = view_id(ws.keys, Role.ANALYST, scan.id, company.persons[5])
    assert "objected" in explain_person(ws, scan, HR, code).reason
    labels = {name: str(code) for code, name in scan.sealed.labels["team"].items()}
    assert explain_group(ws, scan, HR, labels["Board"]).verdict == "hidden"
    assert explain_group(ws, scan, HR, labels["Search"]).verdict == "allowed"
    assert explain_group(ws, scan, manager(company), labels["Pricing"]).verdict == "not found"
    assert explain_group(ws, scan, Viewer("a", Role.ADMIN), labels["Search"]).verdict == "forbidden"
    assert explain_right(ws, HR, Right.PUBLISH, "publish").verdict == "forbidden"
    assert explain_right(ws, LOCAL_ANALYST, Right.PUBLISH, "publish").verdict == "allowed"


def test_the_verbs_publish_and_explain(company):
    run = CliRunner()

    def ona(*words: str):
        return run.invoke(app, [*words, "--home", str(company.settings.home)])

    done = ona("publish", "--to", "hr", "--until", "2099-01-01", "--json")
    assert {one["audience"]: one["until"] for one in json.loads(done.stdout)}["hr"] == "2099-01-01"
    assert "employee, manager" in ona("withdraw", "--from", "hr").stdout
    assert isinstance(ona("publish", "--to", "press").exception, SettingsError)
    found = json.loads(ona("policy", "explain", "manager", "/api/v1/mentors", "--json").stdout)
    assert (found["verdict"], found["object"]) == ("forbidden", "/api/v1/mentors")
    assert "Verdict  allowed" in ona("policy", "explain", "analyst", "company").stdout
    assert isinstance(ona("policy", "explain", "nobody", "company").exception, NotFoundError)


def test_of_a_team_that_reaches_beyond_a_managers_people_only_theirs_count(ws, company, scan):
    """The lead of Claims: of the whole company, members and sizes are those of the seven below them."""
    sight = look(ws, scan, Viewer("l", Role.MANAGER, person=company.persons[11]))
    code = next(code for code, name in scan.sealed.labels["team"].items() if name == "Claims")
    assert {int(scan.persons[row]) for row in sight.members("team", code)} == set(company.persons[12:19])
    assert sight.sizes("team") == {code: 7}
