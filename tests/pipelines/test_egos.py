"""One person's ties are for their manager, in the open mode alone, in bands, among the people below that manager."""

from dataclasses import replace

import pytest
import sealed_scan
import sqlalchemy as sa

from ona.errors import ForbiddenError, NotFoundError
from pipelines import audit, publishing, scans
from pipelines.access import LOCAL_ANALYST
from pipelines.access.egos import MOST_ALTERS, read_ego
from pipelines.access.policy import Viewer, view_id
from pipelines.access.rights import Role
from pipelines.intake import people
from pipelines.schema import WITHHELD
from pipelines.settings import Mode
from pipelines.storage.workspace import open_workspace

HEAD, MEMBER, STRANGER = 2, 12, 5
"""The third of the board leads the leads of every other team, among them the one of person 12, not the one of person 5."""

WHY = publishing.Wanted(override="a simulated company, nobody is judged")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return sealed_scan.build(tmp_path_factory.mktemp("egos") / "home")


@pytest.fixture
def ws(built):
    with open_workspace(built.settings) as opened:
        made = replace(opened, settings=opened.settings.model_copy(update={"mode": Mode.OPEN}), memory={})
        publishing.publish(made, scans.open_scan(made), LOCAL_ANALYST, WHY)
        yield made
        with opened.service.begin() as connection:
            connection.execute(sa.delete(WITHHELD))


@pytest.fixture
def scan(ws):
    return scans.open_scan(ws)


@pytest.fixture
def manager(built):
    below = [at for at in range(3, 67) if sealed_scan.leader(at) == HEAD or sealed_scan.leader(sealed_scan.leader(at)) == HEAD]
    assert MEMBER in below
    assert STRANGER not in below
    return Viewer("m", Role.MANAGER, person=built.persons[HEAD])


def code(ws, built, at, head=HEAD):
    return view_id(ws.keys, f"manager {built.persons[head]}", built.scan, built.persons[at])


def test_the_ties_are_those_of_the_scan_below_the_manager_and_no_number_is_told(ws, scan, built, manager):
    found = read_ego(ws, scan, manager, code(ws, built, MEMBER))
    below = {built.persons[at]: code(ws, built, at) for at in range(3, 67) if HEAD in (sealed_scan.leader(at), _second(at))}
    ends = [(tie["source"], tie["target"]) for tie in scan.graphs["relationship"].to_pylist()]
    me = built.persons[MEMBER]
    alters = {below[b if a == me else a] for a, b in ends if me in (a, b) and {a, b} <= below.keys()}
    assert {one.view_id for one in found.people} == alters  # counted by hand from the sealed graph
    assert 3 < len(alters) <= MOST_ALTERS
    among = {frozenset((below[a], below[b])) for a, b in ends if {a, b} <= below.keys() and {below[a], below[b]} <= alters | {below[me]}}
    assert {frozenset((tie.a, tie.b)) for tie in found.ties} == among
    assert {tie.weight_band for tie in found.ties} <= {"weak", "medium", "strong"}
    assert [one.name for one in found.people] == sorted((one.name for one in found.people), key=str.casefold)
    act = audit.entries(ws, 1)[0].act
    assert (act.action, act.object) == ("read_person", str(me))


def _second(at):
    return sealed_scan.leader(sealed_scan.leader(at))


def test_out_of_scope_absent_and_objected_are_one_answer(ws, scan, built, manager):
    people.withhold(ws, built.persons[13])
    said = set()
    for one in (code(ws, built, STRANGER), code(ws, built, HEAD), code(ws, built, 13), "F" * 16):
        with pytest.raises(NotFoundError) as raised:
            read_ego(ws, scan, manager, one)
        said.add(str(raised.value))
    assert len(said) == 1
    assert code(ws, built, 13) not in {one.view_id for one in read_ego(ws, scan, manager, code(ws, built, MEMBER)).people}


@pytest.mark.parametrize("mode", [Mode.STANDARD, Mode.STRICT])
def test_no_other_mode_shows_them_to_anybody(ws, scan, built, manager, mode):
    narrow = replace(ws, settings=ws.settings.model_copy(update={"mode": mode}), memory={})
    with pytest.raises((NotFoundError, ForbiddenError)):
        read_ego(narrow, scan, manager, code(ws, built, MEMBER))


def test_a_scan_published_in_a_narrower_mode_stays_narrow(ws, scan, built, manager):
    narrow = replace(ws, settings=ws.settings.model_copy(update={"mode": Mode.STANDARD}), memory={})
    publishing.publish(narrow, scan, LOCAL_ANALYST, WHY)
    with pytest.raises(NotFoundError, match="open mode"):
        read_ego(ws, scan, manager, code(ws, built, MEMBER))


@pytest.mark.parametrize("role", [Role.HR, Role.ANALYST, Role.ADMIN, Role.STEWARD, Role.EMPLOYEE])
def test_nobody_but_a_manager_sees_them(ws, scan, built, role):
    viewer = Viewer("x", role, person=built.persons[HEAD])
    with pytest.raises((NotFoundError, ForbiddenError)):
        read_ego(ws, scan, viewer, view_id(ws.keys, role, built.scan, built.persons[MEMBER]))
