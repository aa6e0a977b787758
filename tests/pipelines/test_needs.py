"""Needs of units: figures beside gaps, bands for those who may not count, a finding with a target, and the next scan held against it."""

import json
import shutil
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
import skilled_company
import sqlalchemy as sa

from ona.errors import ConflictError, ForbiddenError, NotFoundError
from pipelines import access, audit, publishing
from pipelines.access import LOCAL_ANALYST, Viewer
from pipelines.access.needs import Assessment, read_needs
from pipelines.access.policy import look
from pipelines.access.rights import Role
from pipelines.growth.needs import keep_readings, record_finding
from pipelines.intake import people, skill_tables
from pipelines.intake.skill_tables import Target, load
from pipelines.scans import open_scan
from pipelines.schema import BADGE_ROWS, NEED_FINDINGS, NEED_READINGS
from pipelines.settings import load_settings
from pipelines.storage.workspace import open_workspace

HR, STEWARD = Viewer("h", Role.HR), Viewer("s", Role.STEWARD)

UNITS = """kind,unit,skill,count,of
lms_completion,Engineering,quality,6,18
ticket_tag,engineering,quality,30,100
project_delay,Engineering,quality,2,4
lms_completion,Finance,quality,2,18
lms_completion,Finance,quality,1,3
ticket_tag,Nowhere,quality,1,2
ticket_tag,Finance,negotiation,5,20
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("needs")
    company = skilled_company.build(folder / "home")
    (folder / "units.csv").write_text(UNITS)
    with open_workspace(company.settings) as ws:
        kept = load(ws, "units", folder / "units.csv")
        for person in company.persons[::2]:  # else all but a few of every unit are named, and a figure of it would be theirs
            people.set_consent(ws, person, "name_on_map", granted=False)
        publishing.publish_everywhere(ws, company.scan, LOCAL_ANALYST)
    assert (kept.kept, kept.quarantined) == (6, {"too_few_people": 1}), "a figure about three people is one about persons"
    return folder / "home", company


@pytest.fixture
def place(made, tmp_path):
    shutil.copytree(made[0], tmp_path / "home")
    with open_workspace(load_settings(tmp_path / "home")) as ws:
        yield ws, access.ReadableScan(open_scan(ws))


def need(found, unit="Engineering", skill="quality"):
    return next(one for one in found.rows if (one.unit, one.skill) == (unit, skill))


def test_one_list_holds_gaps_and_the_figures_of_the_unit_with_a_target_for_each(place):
    ws, scan = place
    found = read_needs(ws, scan, LOCAL_ANALYST)
    assert [one.priority for one in found.rows] == sorted((one.priority for one in found.rows), reverse=True)
    one = need(found)
    assert {figure.kind: figure.said for figure in one.figures} == {
        "lms_completion": "6 of 18 people completed a course",
        "ticket_tag": "30 of 100 customer tickets are about it",
        "project_delay": "2 of 4 projects were late for want of it",
    }
    sight = look(ws, scan, LOCAL_ANALYST)
    gap = Assessment(sight).told["Engineering", "quality"]
    risk = next(one for one in Assessment(sight).skills.risks() if one.skill == "quality")
    pressure = 1 + (2 / 3 + 0.3 + 0.5) / 3  # two thirds have not completed it, .3 of the tickets, half of the projects
    assert one.priority == pytest.approx(risk.risk * risk.value * gap.gap * pressure, abs=5e-4)
    assert one.target == pytest.approx(0.5), "nobody of Engineering holds it: half of what is missing"
    assert (one.finding, one.planned) == ("unclear", False)
    assert found.unasked == (("Finance", "negotiation"),)
    assert "Nowhere" not in json.dumps([vars(row) for row in found.rows], default=str)


def test_a_course_that_fewer_than_five_completed_is_told_as_such_to_everybody(place):
    ws, scan = place
    for viewer in (LOCAL_ANALYST, STEWARD):
        said = [figure.said for figure in need(read_needs(ws, scan, viewer), "Finance").figures if figure.kind == "lms_completion"]
        assert said == ["fewer than 5 people completed a course"]


def test_whoever_reads_bands_reads_no_number_and_no_order_inside_a_step(place):
    ws, scan = place
    found = read_needs(ws, scan, HR)
    assert found.rows
    assert not found.exact
    assert all((one.priority, one.gap, one.target, one.covered.share) == (None, None, None, None) for one in found.rows)
    words = " ".join([one.aim + one.covered.said + " ".join(figure.said for figure in one.figures) for one in found.rows])
    assert not any(letter.isdigit() for letter in words.replace("fewer than 5", ""))
    keys = [(("first", "next", "later").index(one.pressing), one.unit, one.skill) for one in found.rows]
    assert keys == sorted(keys)


def asked_of(sight, people_asked, holders):
    """Read needs as if quality were asked of so many people of Engineering, of whom so many hold it."""
    one = Assessment(sight)
    holding, column = one.skills.holding, one.skills.holding.skills.index("quality")
    rows = [row for row in range(len(sight.scan.persons)) if unit_of(sight.scan, int(sight.scan.persons[row])) == "Engineering"]
    target, held = np.full_like(holding.target, np.nan), holding.held.copy()
    target[rows[:people_asked], column] = 1.0
    held[:, column] = 0.0
    held[rows[:holders], column] = 1.0
    one.__dict__["skills"] = replace(one.skills, holding=replace(holding, target=target, held=held))
    return set(one.told), set(one.listed)


def test_no_need_stands_on_fewer_people_than_the_minimum(place):
    """Asked of four, or lacking to four: to those who read bands the unit is not on the list, as where nothing is missing."""
    ws, scan = place
    here = {("Engineering", "quality")}
    for viewer in (LOCAL_ANALYST, HR):
        sight = look(ws, scan, viewer)
        assert asked_of(sight, 4, 0) == (set(), set()), viewer.role
        assert asked_of(sight, 12, 0) == (here, here)
    assert asked_of(look(ws, scan, HR), 12, 8) == (here, set())
    assert asked_of(look(ws, scan, HR), 12, 12) == (here, set())
    assert asked_of(look(ws, scan, LOCAL_ANALYST), 12, 8) == (here, here)
    sight = look(ws, scan, STEWARD)
    assert {unit for unit, _ in Assessment(sight).every} == {sight.scan.unit_name("group", code) for _, code in shown(sight)}


def shown(sight):
    return [(kind, code) for kind, code in sight.pattern.cells if kind == "group" and sight.is_shown(kind, code)]


def test_a_manager_reads_needs_of_teams_in_their_line_alone(place, made):
    ws, scan = place
    manager = Viewer("m", Role.MANAGER, person=made[1].persons[2])
    units = {one.unit for one in read_needs(ws, scan, manager).rows}
    names = set(scan.sealed.labels["team"].values())
    assert units < names
    assert "Pricing" not in units, "another manager's"
    assert "Board" not in units, "three people"


def test_whoever_objected_is_in_no_figure_of_the_analyst(place, made):
    ws, scan = place
    before = Assessment(look(ws, scan, LOCAL_ANALYST)).told["Engineering", "agile"].needed
    people.withhold(ws, next(p for p in made[1].persons if unit_of(scan, p) == "Engineering"))
    assert Assessment(look(ws, scan, LOCAL_ANALYST)).told["Engineering", "agile"].needed == before - 1


def unit_of(scan, person):
    rows = scan.persons.tolist()
    return scan.unit_name("group", int(scan.units("group")[rows.index(person)])) if person in rows else None


def test_a_finding_is_from_the_list_and_its_target_above_what_is_reached(place):
    ws, scan = place
    about = ("Engineering", "agile")
    with pytest.raises(NotFoundError, match="no finding"):
        record_finding(ws, LOCAL_ANALYST, scan, about, "laziness")
    with pytest.raises(NotFoundError, match="no need"):
        record_finding(ws, LOCAL_ANALYST, scan, ("Board", "agile"), "skill")
    with pytest.raises(ConflictError, match="reached already"):
        record_finding(ws, LOCAL_ANALYST, scan, about, "skill", 0.01)
    with pytest.raises(ForbiddenError, match="analyst"):
        record_finding(ws, HR, scan, about, "skill", 0.9)
    for viewer in (Viewer("m", Role.MANAGER, person=1), Viewer("s", Role.STEWARD)):
        with pytest.raises(ForbiddenError):
            record_finding(ws, viewer, scan, about, "skill")
    assert record_finding(ws, LOCAL_ANALYST, scan, about, "process", 0.9) == 0.9
    one = need(read_needs(ws, scan, LOCAL_ANALYST), *about)
    assert (one.finding, one.target, one.planned) == ("process", 0.9, True)
    record_finding(ws, HR, scan, about, "skill")
    assert len(ws.service.rows(sa.select(NEED_FINDINGS))) == 1, "a second debrief of the same scan replaces the first"
    assert audit.count(ws) >= 2


@pytest.mark.parametrize(("holders", "outcome"), [(("agile",), "reached"), ((), "not-reached")])
def test_the_next_scan_says_whether_the_target_was_reached(place, holders, outcome):
    """Set a quarter ago; by then everybody's role asks for no more than was reached, or for what nobody holds."""
    ws, scan = place
    record_finding(ws, LOCAL_ANALYST, scan, ("Engineering", "quality"), "skill", 0.6)
    record_finding(ws, LOCAL_ANALYST, scan, ("Finance", "quality"), "capacity")
    before = read_needs(ws, scan, LOCAL_ANALYST)
    assert before.follow_ups == (), "its own scan is not the next one"
    with ws.service.begin() as connection:  # as if it had been set on the scan before
        connection.execute(sa.update(NEED_FINDINGS).values(measured=before.end - timedelta(days=91)))
    if holders:
        skill_tables.put_targets(ws, (Target("*", "quality", 0.0, 1.0), Target("*", "agile", 1.0, 1.0)))
    keep_readings(ws, scan)
    found = read_needs(ws, scan, LOCAL_ANALYST)
    assert {(one.unit, one.finding): one.outcome for one in found.follow_ups} == {
        ("Engineering", "skill"): outcome,
        ("Finance", "capacity"): outcome,
    }
    assert {one.aim for one in found.follow_ups} >= {"60 in 100"}
    banded = read_needs(ws, scan, HR).follow_ups
    assert {one.outcome for one in banded} == {outcome}
    assert not any(letter.isdigit() for one in banded for letter in (one.then + one.aim + one.now).replace("fewer than 5", ""))


def later(ws, scan):
    """Seal where departments stand a quarter after a scan, as if the next one were there."""
    with ws.service.begin() as connection:
        rows = [dict(row._mapping) for row in connection.execute(sa.select(NEED_READINGS))]
        end = read_needs(ws, scan, LOCAL_ANALYST).end
        connection.execute(sa.insert(NEED_READINGS), [row | {"measured": end + timedelta(days=91)} for row in rows])


def test_what_became_of_a_target_is_written_once(place):
    """Neither other rules nor other badges, nor a second run of the same scan, change what was found when it was sealed."""
    ws, scan = place
    record_finding(ws, LOCAL_ANALYST, scan, ("Engineering", "quality"), "skill", 0.6)
    with ws.service.begin() as connection:
        connection.execute(sa.update(NEED_FINDINGS).values(measured=date(2026, 6, 29)))
    assert [one.outcome for one in read_needs(ws, scan, LOCAL_ANALYST).follow_ups] == ["hidden"], "before it is sealed nothing is told"
    assert keep_readings(ws, scan) > 0
    before = {viewer.role: read_needs(ws, scan, viewer).follow_ups for viewer in (LOCAL_ANALYST, HR)}
    assert before[Role.ANALYST][0].outcome == "not-reached"
    skill_tables.put_targets(ws, (Target("*", "quality", 0.0, 1.0),))
    with ws.service.begin() as connection:
        connection.execute(sa.update(BADGE_ROWS).values(status="revoked"))
    assert keep_readings(ws, scan) == 0
    assert {viewer.role: read_needs(ws, scan, viewer).follow_ups for viewer in (LOCAL_ANALYST, HR)} == before


def test_a_scan_that_a_later_one_followed_keeps_its_figures_and_its_targets(place):
    ws, scan = place
    about = ("Engineering", "agile")
    record_finding(ws, LOCAL_ANALYST, scan, about, "skill", 0.9)
    keep_readings(ws, scan)
    before = {(one.unit, one.skill): (one.covered, one.gap) for one in read_needs(ws, scan, LOCAL_ANALYST).rows}
    later(ws, scan)
    skill_tables.put_targets(ws, (Target("*", "agile", 0.0, 1.0), Target("*", "quality", 0.0, 1.0)))
    assert {(one.unit, one.skill): (one.covered, one.gap) for one in read_needs(ws, scan, LOCAL_ANALYST).rows} == before
    with pytest.raises(ConflictError, match="newest scan"):
        record_finding(ws, LOCAL_ANALYST, scan, about, "process", 0.95)
    assert need(read_needs(ws, scan, LOCAL_ANALYST), *about).target == 0.9


def test_a_manager_reads_no_finding_of_a_department_that_shares_its_name_with_a_team(place, made):
    ws, scan = place
    manager = Viewer("m", Role.MANAGER, person=made[1].persons[2])
    team = read_needs(ws, scan, manager).rows[0]
    record_finding(ws, LOCAL_ANALYST, scan, ("Engineering", "quality"), "skill", 0.6)
    with ws.service.begin() as connection:
        connection.execute(sa.update(NEED_FINDINGS).values(unit=team.unit, skill=team.skill))
    assert need(read_needs(ws, scan, manager), team.unit, team.skill).finding == "unclear"
    with ws.service.begin() as connection:
        connection.execute(sa.update(NEED_FINDINGS).values(measured=date(2026, 6, 29)))
    assert read_needs(ws, scan, manager).follow_ups == ()


def test_a_unit_that_became_too_small_has_no_outcome(place):
    ws, scan = place
    record_finding(ws, LOCAL_ANALYST, scan, ("Engineering", "quality"), "skill")
    with ws.service.begin() as connection:
        connection.execute(sa.update(NEED_FINDINGS).values(measured=sa.func.date("2026-06-29"), skill="welding"))
    found = read_needs(ws, scan, LOCAL_ANALYST).follow_ups
    assert [(one.outcome, one.now) for one in found] == [("hidden", "hidden to protect people")]
