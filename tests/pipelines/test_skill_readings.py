"""What each role reads about skills: the grid, bands of units, the ledger of a person; private badges and small groups are nobody's."""

import json
from dataclasses import asdict
from datetime import timedelta

import numpy as np
import pytest
import sealed_scan
import skilled_company

from connectors.archive import FileError
from ona.errors import ForbiddenError, NotFoundError, TableError
from pipelines import access, publishing
from pipelines.access import LOCAL_ANALYST, Viewer
from pipelines.access.policy import look
from pipelines.access.rights import Role
from pipelines.access.skills import (
    read_archetype_heat,
    read_badges,
    read_grid,
    read_priorities,
    read_skill_heat,
    read_team_skills,
)
from pipelines.intake import badges, skill_tables
from pipelines.intake.skill_tables import load
from pipelines.scans import open_scan
from pipelines.storage.workspace import open_workspace


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    made = skilled_company.build(tmp_path_factory.mktemp("skills") / "home")
    with open_workspace(made.settings) as opened:
        publishing.publish_everywhere(opened, made.scan, LOCAL_ANALYST)
    return made


@pytest.fixture
def ws(company):
    with open_workspace(company.settings) as opened:
        yield opened


@pytest.fixture
def scan(ws):
    return access.ReadableScan(open_scan(ws))


HR = Viewer("h", Role.HR)


def person(ws, scan, company, number):
    sight = look(ws, scan, LOCAL_ANALYST)
    return access.read_person(ws, scan, LOCAL_ANALYST, sight.codes[sight.scan.persons.tolist().index(company.persons[number])])


def evidence(found, facet="helper"):
    return next(one for one in found.evidence if one.facet == facet)


def test_a_helper_whom_colleagues_confirm_is_called_so_and_without_them_only_indicated(ws, scan, company):
    found = evidence(person(ws, scan, company, skilled_company.LABELLED))
    assert (found.state, found.label, found.certain) == ("agree", "go-to helper", True)
    assert {one.source: one.label for one in found.without}["peer_360"] == "may be a go-to helper: one source indicates it"
    said = {one.source: (one.verdict, one.answers) for one in found.sources}
    assert said["peer_360"] == ("supports", 6)
    assert said["recognition"] == ("silent", None)


def test_a_helper_whom_colleagues_contradict_is_called_nothing(ws, scan, company):
    found = evidence(person(ws, scan, company, skilled_company.CONTESTED))
    assert (found.state, found.label) == ("contested", None)
    assert found.value is not None, "both figures stay to be seen"


def test_the_grid_says_of_each_skill_held_ending_stated_missing_or_not_needed(ws, scan, company):
    grid = read_grid(ws, scan, LOCAL_ANALYST, limit=500)
    names = [one.label for one in grid.skills]
    assert {"agile", "aws", "quality"} <= set(names), "what roles ask for is always there"
    row = dict(zip_persons(ws, scan, company, grid))
    today = ws.now().date()
    cell = row[9].cells[names.index("agile")]  # the ninth holds Scrum Master, verified, until a year from now
    assert (cell.state, cell.until, cell.badge) == ("verified", today + timedelta(days=400), "Scrum Master")
    assert row[15].cells[names.index("agile")].state == "expiring"
    assert row[6].cells[names.index("agile")].state == "partial", "the holder says so, nobody confirms it"
    assert row[9].cells[names.index("quality")].state == "missing"
    assert row[9].cells[names.index("architecture")].state == "not-needed"
    assert [one.label for one in grid.rows if one.named] == sorted((one.label for one in grid.rows if one.named), key=str.casefold)


def zip_persons(ws, scan, company, grid):
    sight = look(ws, scan, LOCAL_ANALYST)
    number = {sight.codes[row]: company.persons.index(int(person)) for row, person in enumerate(sight.scan.persons)}
    return [(number[one.id], one) for one in grid.rows]


def test_pages_of_the_grid_do_not_overlap_and_an_unknown_page_is_not_found(ws, scan):
    first = read_grid(ws, scan, LOCAL_ANALYST, limit=30)
    second = read_grid(ws, scan, LOCAL_ANALYST, limit=30, cursor=first.next_cursor)
    assert not {one.id for one in first.rows} & {one.id for one in second.rows}
    with pytest.raises(NotFoundError):
        read_grid(ws, scan, LOCAL_ANALYST, cursor="FFFF")


def test_hr_reads_of_those_alone_who_agreed_to_be_named(ws, scan):
    grid = read_grid(ws, scan, HR, limit=500)
    assert grid.rows
    assert all(one.named for one in grid.rows)
    assert len(grid.rows) < read_grid(ws, scan, LOCAL_ANALYST, limit=1).total


def test_units_are_told_to_hr_in_bands_and_to_analysts_in_shares_and_small_ones_to_nobody(ws, scan):
    exact, banded = read_skill_heat(ws, scan, LOCAL_ANALYST), read_skill_heat(ws, scan, HR)
    assert any(cell.share for row in exact.rows for cell in row.cells)
    assert all(cell.share is None and cell.band for row in banded.rows for cell in row.cells)
    assert not any(char.isdigit() for row in banded.rows for cell in row.cells for char in cell.said.replace("fewer than 5", ""))
    team = read_team_skills(ws, scan, LOCAL_ANALYST, "company")
    assert not team.banded
    assert all(axis.low <= axis.value <= axis.high for axis in team.axes)
    assert read_team_skills(ws, scan, HR, "company").banded


def test_a_band_never_tells_of_fewer_people_than_the_minimum(ws, scan):
    """Whatever is marked: fewer than five people of a unit, or none, read alike."""
    from pipelines.access.skills import _heat_cell

    sight = look(ws, scan, HR)
    rows = np.flatnonzero(sight.counted)[:8]
    said = set()
    for some in range(5):
        marked = np.zeros(len(sight.scan.persons), dtype=bool)
        marked[rows[:some]] = True
        said.add(_heat_cell(sight, rows, marked))
    assert len(said) == 1


def test_a_team_that_is_too_small_has_no_chart(ws, scan, company):
    sight = look(ws, scan, LOCAL_ANALYST)
    board = next(code for code, name in sight.scan.sealed.labels["team"].items() if name == sealed_scan.SMALL_TEAM)
    found = read_team_skills(ws, scan, LOCAL_ANALYST, str(board))
    assert (found.hidden, found.axes) == (True, ())
    with pytest.raises(NotFoundError):
        read_team_skills(ws, scan, LOCAL_ANALYST, "99999")


def test_archetypes_are_exclusive(ws, scan):
    found = read_archetype_heat(ws, scan, LOCAL_ANALYST)
    assert all(sum(cell.share for cell in row.cells) <= 1 for row in found.rows)


def test_priorities_are_the_analysts_alone(ws, scan):
    found = read_priorities(ws, scan, LOCAL_ANALYST)
    assert [one.priority for one in found] == sorted((one.priority for one in found), reverse=True)
    assert {one.skill for one in found} == {"agile", "aws", "quality"}
    with pytest.raises(ForbiddenError):
        read_priorities(ws, scan, HR)


def test_a_private_badge_reaches_its_holder_and_nobody_else(ws, scan, company):
    holder = Viewer("self", Role.EMPLOYEE, person=company.persons[skilled_company.PRIVATE])
    for viewer in (LOCAL_ANALYST, HR):
        told = [read_grid(ws, scan, viewer, limit=500), read_badges(ws, scan, viewer, limit=500), read_skill_heat(ws, scan, viewer)]
        told += [access.read_people(ws, scan, viewer, access.people.PeopleQuery(limit=500))] if viewer is LOCAL_ANALYST else []
        assert "zzprivate" not in json.dumps([asdict(one) for one in told], default=str).casefold()
    from pipelines.access.own import read_own

    assert skilled_company.PRIVATE_NAME in [one.name for one in read_own(ws, scan, holder).badges]


def test_a_person_makes_a_badge_private_and_it_is_gone_at_once(tmp_path):
    company = skilled_company.build(tmp_path / "home", people_count=35)
    with open_workspace(company.settings) as ws:
        scan = access.ReadableScan(open_scan(ws))
        one = company.persons[9]
        before = read_badges(ws, scan, LOCAL_ANALYST, limit=500).total
        held = badges.visibilities(ws, one)
        for badge in held:
            badges.choose_visibility(ws, one, badge, "private")
        assert read_badges(ws, scan, LOCAL_ANALYST, limit=500).total == before - len(held)
        with pytest.raises(NotFoundError):
            badges.choose_visibility(ws, company.persons[10], next(iter(held)), "private")
        badges.choose_visibility(ws, one, next(iter(held)), "public")
        assert read_badges(ws, scan, LOCAL_ANALYST, limit=500).total == before - len(held) + 1


def test_badges_carry_how_and_when_they_were_checked(ws, scan):
    found = read_badges(ws, scan, LOCAL_ANALYST, limit=500)
    assert {(one.status, one.method) for one in found.badges} >= {("verified", "own-signature"), ("holder-claimed", "none")}
    assert all(one.checked for one in found.badges)
    assert found.total == len({one.id for one in found.badges})


def test_tables_are_loaded_row_by_row_and_what_cannot_be_read_is_counted(tmp_path):
    company = skilled_company.build(tmp_path / "home", people_count=35)
    path = tmp_path / "table.csv"
    with open_workspace(company.settings) as ws:
        path.write_text(
            "item,skill,title,minutes,url\nc1,Scrum,Short,20,https://x.example/1\nc2,,None,20,\nc3,sql,Bad,20,javascript:a(1)\n"
        )
        found = load(ws, "catalogue", path)
        assert (found.kept, found.quarantined) == (1, {"skill_missing": 1, "bad_url": 1})
        assert skill_tables.catalogue(ws)[0][0].skill == "agile"
        path.write_text("role,skill,level,value\nEngineer,Scrum,2,1\nEngineer,sql,1,5\nEngineer,sql,0.5,5\n,python,,\n")
        found = load(ws, "targets", path)
        assert (found.kept, found.duplicate, sum(found.quarantined.values())) == (2, 1, 1)
        assert {(one.function, one.skill, one.level) for one in skill_tables.targets(ws)} == {
            ("Engineer", "sql", 0.5),
            ("*", "python", 1.0),
        }
        path.write_text("kind,unit,skill,count,of\nticket tag,Sales,sql,5,9\nticket_tag,Sales,aws,9,5\nmood,Sales,sql,1,2\n")
        found = load(ws, "units", path)
        assert (found.kept, found.quarantined) == (1, {"count_outside_total": 1, "unknown_kind": 1})
        path.write_text("framework,code,label\nESCO,http://data.europa.eu/esco/skill/x,Basket weaving\n")
        assert load(ws, "skills", path).kept == 1
        assert skill_tables.skill_tags(ws)["basket weaving"].framework == "ESCO"
        path.write_text("who,what\n1,2\n")
        with pytest.raises(TableError, match="skill"):
            load(ws, "targets", path)
        path.write_text("")
        with pytest.raises((FileError, TableError)):
            load(ws, "targets", path)
