"""The company as a whole through the policy: no small department, no withheld person, no number that a scan does not hold."""

from dataclasses import replace

import pytest
import sealed_scan

from pipelines import access
from pipelines.access import LOCAL_ANALYST, Viewer
from pipelines.access.company import EXACT, IN_STEPS, STATEMENTS, read_company
from pipelines.access.figures import figures
from pipelines.access.rights import Role
from pipelines.intake.people import object_person
from pipelines.scans import open_scan
from pipelines.storage.workspace import open_workspace

NOTES = {
    "communities": {"number": 12, "agreement": {"departments": {"ami": 0.61}}},
    "e_i": {"observed": -0.4, "mean": 0.6},
    "reciprocity": 0.72,
    "cover": {"covered": 0.51, "by_chance": 0.4, "by_degree": 0.48},
    "fragility": {"attack": 0.2, "chance": 0.4},
    "asks": {"top_share": 0.273},
}


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    return sealed_scan.build(tmp_path_factory.mktemp("company") / "home")


@pytest.fixture(scope="module")
def ws(company):
    with open_workspace(company.settings) as opened:
        yield opened


@pytest.fixture
def own_ws(tmp_path):
    """A deployment in which somebody may object."""
    with open_workspace(sealed_scan.build(tmp_path / "home").settings) as opened:
        yield opened


def looking(company, role: Role) -> Viewer:
    return Viewer(f"test-{role}", role, person=company.persons[2])


def test_only_departments_of_the_minimum_group_are_shown(ws):
    found = read_company(ws, open_scan(ws), LOCAL_ANALYST)
    assert len(found.departments) >= 2
    assert all(one.people >= found.minimum_group for one in found.departments)
    assert [one.name for one in found.departments] == sorted(one.name for one in found.departments)
    assert all(one.inside is None or 0 <= one.inside <= 1 for one in found.departments)
    assert all(one.carriers is None or one.carriers >= 3 for one in found.departments)


def test_a_department_that_objections_make_too_small_disappears(own_ws):
    ws = own_ws
    before = read_company(ws, open_scan(ws), LOCAL_ANALYST).departments
    smallest = min(before, key=lambda one: one.people)
    sight = access.policy.look(ws, open_scan(ws), LOCAL_ANALYST)
    code = next(int(c) for c in sight.sizes("group") if sight.scan.unit_name("group", int(c)) == smallest.name)
    for row in sight.members("group", code)[: smallest.people - 4].tolist():
        object_person(ws, int(sight.scan.persons[row]))
    after = read_company(ws, open_scan(ws), LOCAL_ANALYST).departments
    assert smallest.name not in [one.name for one in after]
    assert len(after) == len(before) - 2  # a second one goes with it, or the company's total would give it back
    told = read_company(ws, open_scan(ws), LOCAL_ANALYST)
    assert told.silo.departments == tuple(one.name for one in after)
    assert smallest.name not in told.contact.departments


def test_a_scan_without_the_numbers_says_nothing_about_the_company(ws):
    scan = open_scan(ws)
    found = read_company(ws, replace(scan, manifest=scan.manifest | {"notes": {"warnings": []}}), LOCAL_ANALYST)
    assert (found.statements, found.figures, found.silo) == ((), (), None)
    assert {one.closed_z for one in found.departments} == {None}
    assert [statement({}, EXACT) for statement in STATEMENTS] == [None] * len(STATEMENTS)


def test_the_numbers_are_told_in_sentences():
    """By hand: an index of -.4 means that (1 + .4) / 2 of contact stays inside; .2 of .4 is half."""
    told = [statement(NOTES, EXACT) for statement in STATEMENTS]
    plain = [one.sentence.replace("\u00a0", " ") for one in told]
    assert [one.figure.replace("\u00a0", " ") for one in told] == ["12", "70 %", "72 %", "51 %", "50 %", "27 %"]
    assert "61 %" in plain[0]
    assert "20 % by chance" in plain[1]
    assert "at random reach 40 %, the best connected 48 %" in plain[3]


def test_whoever_reads_no_single_people_is_told_groups_and_shares_in_steps_of_five():
    told = [statement(NOTES, IN_STEPS).figure.replace("\u00a0", " ") for statement in STATEMENTS]
    assert told == ["about 10", "about 70 %", "about 70 %", "about 50 %", "about 50 %", "about 25 %"]


def test_an_analyst_reads_how_far_each_two_departments_lie_from_chance(ws):
    """The scan's departments have codes in the order of z 3.5, 4.5, ..., and -2.5 between each two; ratios are exp(z / 4)."""
    found = read_company(ws, open_scan(ws), LOCAL_ANALYST)
    k = len(found.silo.departments)
    assert found.silo.departments == tuple(one.name for one in found.departments)
    assert sorted(found.silo.z[at][at] for at in range(k)) == sorted(one.closed_z for one in found.departments)
    cells = [(ratio, z) for row, other in zip(found.silo.ratio, found.silo.z, strict=True) for ratio, z in zip(row, other, strict=True)]
    assert all((ratio is None) == (z is None) for ratio, z in cells)
    assert {ratio for ratio, z in cells if z == -2.5} == {0.54}
    assert len([z for _, z in cells if z is not None]) > k


def test_a_cell_with_too_few_people_at_an_end_is_hidden_beside_chance_as_well(ws):
    """Of the attention a dozen ties are left: hardly a cell has five people at both ends."""
    scan = open_scan(ws)
    found = read_company(ws, scan, LOCAL_ANALYST)
    sparse = replace(scan, graphs=scan.graphs | {"attention": scan.graphs["attention"].slice(0, 12)})
    hidden = read_company(ws, sparse, LOCAL_ANALYST).silo
    assert sum(z is None for row in hidden.z for z in row) > sum(z is None for row in found.silo.z for z in row)
    assert [[z is None for z in row] for row in hidden.z] == [[ratio is None for ratio in row] for row in hidden.ratio]


def test_every_measure_of_the_company_is_told_beside_chance():
    told = {(one.name, one.part): (one.value, one.by_chance) for one in figures(NOTES)}
    assert told == {
        ("ei_index", None): (-0.4, 0.6),
        ("reciprocity", None): (0.72, None),
        ("agreement", "departments"): (0.61, 0.0),
        ("top_share", None): (0.273, None),
        ("robustness", None): (0.2, 0.4),
        ("cover_set", "3 in 100 people"): (0.51, 0.4),
    }


@pytest.mark.parametrize("role", [Role.HR, Role.MANAGER, Role.STEWARD])
def test_whoever_is_told_steps_reads_neither_exact_figures_nor_deviations(ws, company, role):
    found = read_company(ws, open_scan(ws), looking(company, role))
    assert found.in_steps
    assert (found.figures, found.silo) == ((), None)
    assert {one.closed_z for one in found.departments} <= {None}


def test_the_quality_report_tells_no_reason_of_a_few_people(ws, company):
    """Of 66 people seven were asked too rarely and one is new: eight for other reasons; the one of the other score is told of nowhere."""
    report = access.read_quality(ws, open_scan(ws, company.scan), looking(company, Role.STEWARD)).report
    assert report["scored"] == {"helper": {"scored": 58, "other": 8}, "broker": {"scored": 63}}
