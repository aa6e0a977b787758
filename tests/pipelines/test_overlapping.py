"""Between scans of overlapping weeks no mark follows from a band that moved: a group that a few joined or left waits with its figures."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import sealed_scan
from sealed_scan import WINDOW

from ona.rules import Rules
from pipelines import publishing, scans
from pipelines.access import LOCAL_ANALYST, ReadableScan, Viewer
from pipelines.access.company import read_company
from pipelines.access.disclosed import COMPANY
from pipelines.access.policy import look
from pipelines.access.rights import Role
from pipelines.access.skills import read_team_skills
from pipelines.access.teams import read_teams
from pipelines.access.units import read_map
from pipelines.publishing import Wanted
from pipelines.scans import Heading, Window
from pipelines.storage.workspace import open_workspace

HR, STEWARD = Viewer("h", Role.HR), Viewer("s", Role.STEWARD)
GONE = 40
"""Somebody in a team of seven, who is in the scan of the company and not in the next."""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return sealed_scan.build(tmp_path_factory.mktemp("overlapping") / "home")


@pytest.fixture
def ws(built):
    with open_workspace(built.settings) as opened:
        yield opened
        for row in opened.service.list_scans():
            if row.id != built.scan:
                opened.service.drop_scan(row.id)
        publishing.publish(opened, scans.open_scan(opened, built.scan), LOCAL_ANALYST, Wanted())


@pytest.fixture
def next_scan(ws, built, request):
    """Seal a scan so many weeks later, without these people."""

    def made(weeks: int, without: set[int], audiences=publishing.AUDIENCES) -> ReadableScan:
        persons = [person for at, person in enumerate(built.persons) if at not in without]
        found = sealed_scan.scan_of(ws, replace(built, persons=persons), np.random.default_rng(7))
        found = replace(found, people=found.people.filter(pc.is_in(found.people["person"], pa.array(persons))))
        later, number = timedelta(weeks=weeks), abs(hash((request.node.name, weeks, *sorted(without)))) % 10**12
        window = Window(WINDOW.start + later, WINDOW.end + later)
        scans.seal(ws, Heading(f"{number:020d}", window, Rules()), found, sealed_scan.quality_of())
        scan = ReadableScan(scans.open_scan(ws, f"{number:020d}"))
        publishing.publish(ws, scan, LOCAL_ANALYST, Wanted(audiences))
        return scan

    return made


def team_of(built, ws, at: int) -> str:
    scan = ReadableScan(scans.open_scan(ws, built.scan))
    return str(scan.units("team")[scan.persons.tolist().index(built.persons[at])])


def told(ws, scan, viewer=STEWARD) -> set[str]:
    """Groups with figures, by name."""
    sight = look(ws, scan, viewer)
    shown = [(kind, code) for kind, code in sight.pattern.cells if sight.pattern.has_figures(kind, code)]
    return {"" if kind == COMPANY else sight.scan.unit_name(kind, code) for kind, code in shown}


def test_a_group_that_one_left_waits_with_its_figures_and_the_others_do_not(ws, built, next_scan):
    first = ReadableScan(scans.open_scan(ws, built.scan))
    scan, team = next_scan(1, {GONE}), team_of(built, ws, GONE)
    sight = look(ws, scan, STEWARD)
    name = sight.scan.unit_name("team", int(team))
    department = sight.scan.unit_name("group", int(first.units("group")[first.persons.tolist().index(built.persons[GONE])]))
    assert told(ws, first) - told(ws, scan) == {name, department, ""}
    cards = read_map(ws, scan, STEWARD, team).cards
    assert all(card.hidden and "fewer than 5 people joined or left" in card.sentence for card in cards)
    assert any(not card.hidden for card in read_map(ws, first, STEWARD, team).cards)
    drawn = read_map(ws, scan, STEWARD)
    assert {node.load_band for node in drawn.nodes if node.id == team} == {None}
    assert drawn.edges
    assert not [edge for edge in drawn.edges if team in (edge.a, edge.b)]
    assert [edge for edge in read_map(ws, first, STEWARD).edges if team in (edge.a, edge.b)]
    assert read_team_skills(ws, scan, STEWARD, team).hidden
    assert not read_team_skills(ws, first, STEWARD, team).hidden
    assert read_company(ws, scan, STEWARD).statements == ()
    assert read_company(ws, first, STEWARD).statements
    assert department not in {one.name for one in read_company(ws, scan, STEWARD).departments}


def test_whoever_reads_single_people_is_told_as_before(ws, built, next_scan):
    scan = next_scan(1, {GONE})
    assert told(ws, scan, LOCAL_ANALYST) == told(ws, ReadableScan(scans.open_scan(ws, built.scan)), LOCAL_ANALYST)
    assert len(read_teams(ws, scan, LOCAL_ANALYST).teams) > 5


def test_nothing_waits_when_the_weeks_do_not_overlap_or_nobody_left(ws, built, next_scan):
    first = told(ws, ReadableScan(scans.open_scan(ws, built.scan)))
    assert told(ws, next_scan(13, {GONE})) == first
    assert told(ws, next_scan(-2, set())) == first  # the same people as in the scan that it overlaps with


def test_of_a_company_that_five_left_the_whole_is_told_and_each_team_waits(ws, built, next_scan):
    scan = next_scan(1, {24, 33, 40, 47, 54})
    found, sight = told(ws, scan), look(ws, scan, STEWARD)
    assert "" in found
    assert not found & {sight.scan.unit_name("team", int(team_of(built, ws, at))) for at in (24, 33, 40, 47, 54)}


def test_what_was_taken_back_was_told(ws, built, next_scan):
    publishing.withdraw(ws, built.scan, LOCAL_ANALYST, ["hr"])
    assert "" not in told(ws, next_scan(1, {GONE}), HR)


def test_what_was_told_to_others_alone_holds_nothing_back(ws, next_scan):
    next_scan(26, {GONE}, ("manager",))
    scan = next_scan(27, set())
    assert "" in told(ws, scan, HR)
    assert "" not in told(ws, scan, STEWARD)  # who sees every scan
