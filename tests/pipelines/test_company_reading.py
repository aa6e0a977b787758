"""The company as a whole through the policy: no small department, no withheld person, no number that a scan does not hold."""

import pytest
import sealed_scan

from pipelines import access
from pipelines.access import LOCAL_ANALYST
from pipelines.access.company import STATEMENTS, percent, rough_percent
from pipelines.people import object_person
from pipelines.scans import open_scan
from pipelines.workspace import open_workspace

NOTES = {
    "communities": {"number": 12, "agreement": {"departments": {"ami": 0.61}}},
    "e_i": {"observed": -0.4, "mean": 0.6},
    "reciprocity": 0.72,
    "cover": {"covered": 0.51, "by_chance": 0.4, "by_degree": 0.48},
    "fragility": {"attack": 0.2, "chance": 0.4},
    "asks": {"top_share": 0.273},
}


@pytest.fixture
def ws(tmp_path):
    company = sealed_scan.build(tmp_path / "home")
    with open_workspace(company.settings) as opened:
        yield opened


def test_only_departments_of_the_minimum_group_are_shown(ws):
    found = access.read_company(ws, open_scan(ws), LOCAL_ANALYST)
    assert len(found.departments) >= 2
    assert all(one.people >= found.minimum_group for one in found.departments)
    assert [one.name for one in found.departments] == sorted(one.name for one in found.departments)
    assert all(one.inside is None or 0 <= one.inside <= 1 for one in found.departments)
    assert all(one.carriers is None or one.carriers >= 3 for one in found.departments)


def test_a_department_that_objections_make_too_small_disappears(ws):
    before = access.read_company(ws, open_scan(ws), LOCAL_ANALYST).departments
    smallest = min(before, key=lambda one: one.people)
    sight = access.policy.look(ws, open_scan(ws), LOCAL_ANALYST)
    code = next(int(c) for c in sight.sizes("group") if sight.scan.unit_name("group", int(c)) == smallest.name)
    for row in sight.members("group", code)[: smallest.people - 4].tolist():
        object_person(ws, int(sight.scan.persons[row]))
    after = access.read_company(ws, open_scan(ws), LOCAL_ANALYST).departments
    assert smallest.name not in [one.name for one in after]
    assert len(after) == len(before) - 2  # a second one goes with it, or the company's total would give it back


def test_a_scan_without_the_numbers_says_nothing_about_the_company(ws):
    assert access.read_company(ws, open_scan(ws), LOCAL_ANALYST).statements == ()
    assert [statement({}, percent) for statement in STATEMENTS] == [None] * len(STATEMENTS)


def test_the_numbers_are_told_in_sentences():
    """By hand: an index of -.4 means that (1 + .4) / 2 of contact stays inside; .2 of .4 is half."""
    told = [statement(NOTES, percent) for statement in STATEMENTS]
    plain = [one.sentence.replace("\u00a0", " ") for one in told]
    assert [one.figure.replace("\u00a0", " ") for one in told] == ["12", "70 %", "72 %", "51 %", "50 %", "27 %"]
    assert "61 %" in plain[0]
    assert "20 % by chance" in plain[1]
    assert "at random reach 40 %, the best connected 48 %" in plain[3]


def test_whoever_reads_no_single_people_is_told_shares_in_steps_of_five_points():
    told = [statement(NOTES, rough_percent).figure.replace("\u00a0", " ") for statement in STATEMENTS]
    assert told == ["12", "about 70 %", "about 70 %", "about 50 %", "about 50 %", "about 25 %"]
