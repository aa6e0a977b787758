"""Sets of key people through the policy: those of the graph, named as elsewhere, without whoever objected, for analysts alone."""

from dataclasses import replace

import pyarrow as pa
import pytest
import sealed_scan

from ona.errors import ForbiddenError
from ona.graph import EDGES, Graph
from ona.key_players import reach
from pipelines.access import LOCAL_ANALYST, Viewer
from pipelines.access.key_people import NOBODY, TOO_FEW, TOO_LARGE, chosen, read_key_people
from pipelines.access.policy import look
from pipelines.access.rights import Role
from pipelines.intake.people import object_person
from pipelines.scans import open_scan
from pipelines.settings import Mode
from pipelines.storage.workspace import open_workspace


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


def relationships(sight) -> Graph:
    """Relationships among everybody whom the analyst sees, as member rows."""
    source, target, weight = sight.scan.ties("relationship")
    table = {"source": source, "target": target, "weight": weight}
    return Graph.from_ties(pa.table(table), people=sight.rows, layer="relationship")


def test_sets_have_the_numbers_of_the_graph_and_lie_between_chance_and_what_is_proved(ws):
    scan = open_scan(ws)
    sight, found = look(ws, scan, LOCAL_ANALYST), read_key_people(ws, scan, LOCAL_ANALYST, 4)
    graph, row = relationships(sight), {code: at for at, code in enumerate(sight.codes)}
    cover, near, hold = found.sets
    assert [one.kind for one in found.sets] == ["cover", "reach", "hold"]
    assert (found.people, found.size) == (len(sight.rows), 4)
    members = {one.kind: [row[person.id] for person in one.members] for one in found.sets}
    assert near.value == pytest.approx(reach(graph, members["reach"]), abs=5e-4)
    for one in (cover, near):
        assert one.before < one.by_chance < one.value <= one.bound <= 1
        assert one.by_degree <= one.value
        values = [person.so_far for person in one.members]
        assert values == sorted(values)
        assert values[-1] == one.value
    assert hold.reason == NOBODY  # the company of the fixture is dense
    assert hold.members == ()


def test_whoever_holds_a_company_together_is_told_beside_chance():
    """Two circles of six that two people join, 0 and 6: without these two there are two parts of five, 1 - 40 / 90 of the pairs apart."""
    ends = [(a, b) for first in (0, 6) for a in range(first, first + 6) for b in range(first, a)] + [(0, 6)]
    source, target = zip(*ends, strict=True)
    ties = pa.table({"source": source, "target": target, "weight": [1.0] * len(ends)})
    hold = chosen(Graph.from_ties(ties, layer="relationship"), 2)[2]
    assert set(hold.rows) == {0, 6}
    assert (hold.before, hold.values[-1], hold.bound) == (0, pytest.approx(1 - 40 / 90), None)
    assert hold.by_chance < hold.values[-1]


def test_people_are_told_as_everywhere_else_and_objections_hold_at_once(own_ws):
    ws, scan = own_ws, open_scan(own_ws)
    sight, before = look(ws, scan, LOCAL_ANALYST), read_key_people(ws, scan, LOCAL_ANALYST)
    first = before.sets[0].members[0]
    at = sight.codes.index(first.id)
    assert (first.label, first.named) == look(ws, scan, LOCAL_ANALYST).label(at)
    object_person(ws, int(sight.scan.persons[at]))
    after = read_key_people(ws, open_scan(ws), LOCAL_ANALYST)
    assert after.people == before.people - 1
    assert first.id not in {person.id for one in after.sets for person in one.members}


def test_nobody_but_an_analyst_reads_who_is_key_and_in_strict_mode_nobody(ws, company):
    scan = open_scan(ws)
    for role in set(Role) - {Role.ANALYST}:
        with pytest.raises(ForbiddenError):
            read_key_people(ws, scan, Viewer(f"test-{role}", role, person=company.persons[2]))
    strict = replace(ws, settings=ws.settings.model_copy(update={"mode": Mode.STRICT}))
    with pytest.raises(ForbiddenError):
        read_key_people(strict, scan, LOCAL_ANALYST)


def test_a_set_that_cannot_be_chosen_says_why_and_the_others_stay(ws, monkeypatch):
    scan = open_scan(ws)
    monkeypatch.setattr("ona.key_players.LIMIT", 10)
    cover, near, hold = read_key_people(ws, scan, LOCAL_ANALYST, 3).sets
    assert cover.reason is None
    assert len(cover.members) == 3
    assert (near.reason, hold.reason) == (TOO_LARGE, TOO_LARGE)
    assert near.members == hold.members == ()


@pytest.mark.parametrize("people", [0, 1, 2, 3])
def test_a_company_smaller_than_the_set_has_none(people):
    """Of three people a set of three knows all, and after three have left nobody is there to be apart."""
    graph = Graph.from_ties(pa.table({"source": [], "target": [], "weight": []}, schema=EDGES.schema), people=range(people))
    found = chosen(graph, 3)
    assert [one.reason for one in found] == ([None, None, TOO_FEW] if people == 3 else [TOO_FEW] * 3)
