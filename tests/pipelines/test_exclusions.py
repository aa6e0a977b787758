"""HR's own list of pairs that are never matched: it holds, it is audited, and no board tells whose label an address belongs to."""

import shutil
from dataclasses import asdict, replace

import pytest
import skilled_company
import sqlalchemy as sa

from ona.errors import ConflictError, ForbiddenError, NotFoundError
from pipelines import access, audit
from pipelines.access import LOCAL_ANALYST, Viewer
from pipelines.access.policy import look
from pipelines.access.rights import Role
from pipelines.growth import exclusions, pairs, programmes
from pipelines.growth.mentoring_pool import ready
from pipelines.intake import people
from pipelines.rights import own_export
from pipelines.scans import open_scan
from pipelines.schema import AUDIT, EXCLUSIONS, PAIRS, PROGRAMMES
from pipelines.settings import load_settings
from pipelines.storage.workspace import open_workspace

HR, OTHER = Viewer("h", Role.HR), Viewer("o", Role.HR)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A company in which nobody is named, with a programme; made once, copied for each test."""
    home = tmp_path_factory.mktemp("excluded") / "home"
    return home, *skilled_company.with_programme(home, HR, seats=2)


@pytest.fixture
def place(made, tmp_path):
    shutil.copytree(made[0], tmp_path / "home")
    with open_workspace(load_settings(tmp_path / "home")) as ws:
        yield ws, access.ReadableScan(open_scan(ws)), made[1].persons, made[2]


def matched(ws, scan, programme, viewer=HR):
    """The first pair of the board as (mentee, mentor): persons and labels."""
    codes = look(ws, scan, viewer).codes
    person = {code: int(scan.persons[row]) for row, code in enumerate(codes)}
    rows = programmes.board(ws, viewer, scan, programme).rows
    labels = [(row.mentee, one.mentor) for row in rows for one in row.choices if one.chosen]
    return {(person[mentee], person[mentor]): (mentee, mentor) for mentee, mentor in labels}


def address(persons, person):
    return f"P{persons.index(person)}@ACME.example"


def board_of(ws, scan, programme):
    return asdict(programmes.board(ws, HR, scan, programme))


def test_two_labels_of_a_board_are_never_matched_again_until_they_are_taken_off(place):
    ws, scan, _, programme = place
    pair, (mentee, mentor) = next(iter(matched(ws, scan, programme).items()))
    label = next(row.label for row in programmes.board(ws, HR, scan, programme).rows if row.mentee == mentee)
    made = exclusions.exclude(ws, HR, scan, (mentor, label))
    assert pair not in matched(ws, scan, programme)
    row = ws.service.rows(sa.select(PROGRAMMES).where(PROGRAMMES.c.id == programme))[0]
    one = ready(ws, look(ws, scan, HR), row)
    at = one.mentees.person.tolist().index(pair[0]), one.mentors.person.tolist().index(pair[1])
    assert one.pool.forbidden["conflict"][at]
    with pytest.raises(ConflictError, match="conflict"):
        programmes.set_lock(ws, HR, scan, programme, (mentee, mentor), locked=True)
    (entry,) = exclusions.listed(ws, OTHER, scan)
    assert {entry.first, entry.second} == {label, look(ws, scan, OTHER).label(one.member(pair[1]))[0]}
    assert (entry.set_by, entry.mine) == ("h", False)
    exclusions.allow(ws, OTHER, made)
    assert pair in matched(ws, scan, programme)
    acts = ws.service.rows(sa.select(AUDIT.c.actor, AUDIT.c.action, AUDIT.c.object).order_by(AUDIT.c.seq.desc()).limit(2))
    assert [tuple(row) for row in acts] == [("o", "allow_pair", made), ("h", "exclude_pair", made)]
    assert audit.verify(ws).bad is None


def test_two_addresses_are_left_out_of_the_match_as_soon_as_both_are_named(place):
    ws, scan, persons, programme = place
    pair = next(iter(matched(ws, scan, programme)))
    for person in pair:
        people.set_consent(ws, person, "name_on_map", granted=True)
    assert pair in matched(ws, scan, programme)
    exclusions.exclude(ws, HR, scan, (address(persons, pair[0]), address(persons, pair[1])))
    assert pair not in matched(ws, scan, programme)
    names = ws.vault.names(list(pair))
    (entry,) = exclusions.listed(ws, OTHER, scan)
    assert (entry.first, entry.second) == (names[pair[0]], names[pair[1]])


def test_no_board_changes_by_the_address_of_somebody_who_is_not_named_and_yet_no_such_pair_forms(place):
    ws, scan, persons, programme = place
    pair, (mentee, _) = next(iter(matched(ws, scan, programme).items()))
    before = board_of(ws, scan, programme)
    exclusions.exclude(ws, HR, scan, (address(persons, pair[0]), address(persons, pair[1])))
    exclusions.exclude(ws, HR, scan, (mentee, address(persons, pair[1])))  # one of them by label is no way round
    assert board_of(ws, scan, programme) == before
    programmes.invite(ws, HR, scan, programme)
    row = ws.service.rows(sa.select(PAIRS).where(PAIRS.c.mentee == pair[0], PAIRS.c.mentor == pair[1]))[0]
    states = [pairs.answer(ws, Viewer("p", Role.EMPLOYEE, person=person), row.id, True).state for person in pair]
    assert states == ["accepted", "accepted"], "each reads it like one that the other has not answered"
    assert next(one.other for one in pairs.own_pairs(ws, Viewer("p", Role.EMPLOYEE, person=pair[0])) if one.id == row.id) is None
    assert next(line.state for line in pairs.pair_lines(ws, HR, scan, programme) if line.id == row.id) == "waiting"


def test_no_answer_tells_whose_label_an_address_belongs_to(place):
    """The same person under both descriptions, a pair twice, once by address and once by label: all are kept alike."""
    ws, scan, persons, programme = place
    pair, labels = next(iter(matched(ws, scan, programme).items()))
    exclusions.exclude(ws, HR, scan, labels)
    exclusions.exclude(ws, HR, scan, (address(persons, pair[0]), address(persons, pair[1])))
    exclusions.exclude(ws, HR, scan, (labels[0], address(persons, pair[0])))
    exclusions.exclude(ws, HR, scan, (labels[1], address(persons, pair[0])))
    assert len(exclusions.listed(ws, HR, scan)) == 4


def test_an_address_is_read_by_whoever_wrote_it_alone(place):
    ws, scan, persons, _ = place
    exclusions.exclude(ws, HR, scan, ("p20@acme.example", "P21@acme.example"))
    (own,), (others,) = (exclusions.listed(ws, viewer, scan) for viewer in (HR, OTHER))
    assert (own.first, own.second, own.mine) == ("p20@acme.example", "p21@acme.example", True)
    assert (others.first, others.second, others.mine) == (None, None, False)
    (looked,) = exclusions.listed(ws, replace(HR, acting=True), scan)
    assert (looked.first, looked.mine) == (None, False)
    told = own_export.export_own(ws, Viewer("p", Role.EMPLOYEE, person=persons[20]))["stored_mentoring_exclusions_as_first"]
    assert set(told[0]) == {"id", "first_by", "second_by", "at"}, "that there is an entry, neither with whom nor by whom"


def test_an_active_pair_that_hr_sees_ends_when_it_is_put_on_the_list(place):
    ws, scan, _, programme = place
    programmes.invite(ws, HR, scan, programme)
    row = ws.service.rows(sa.select(PAIRS))[0]
    for person in (row.mentee, row.mentor):
        pairs.answer(ws, Viewer("p", Role.EMPLOYEE, person=person), row.id, True)
    labels = tuple(look(ws, scan, HR).codes[scan.persons.tolist().index(person)] for person in (row.mentor, row.mentee))
    exclusions.exclude(ws, HR, scan, labels)
    after = ws.service.rows(sa.select(PAIRS).where(PAIRS.c.id == row.id))[0]
    assert (after.state, after.ended is not None) == ("ended", True)


def test_what_cannot_be_on_the_list_is_refused_and_nobody_else_reaches_it(place):
    ws, scan, persons, _ = place
    codes = look(ws, scan, HR).codes
    outside = codes[scan.persons.tolist().index(persons[44])]
    for wrong in ("nobody@acme.example", "a@b@c", "=cmd", outside, "FFFFFFFFFFFFFFFF", "Person", "\x00\x00\x00\x00"):
        with pytest.raises(NotFoundError, match="nobody of this address or label"):
            exclusions.exclude(ws, HR, scan, (wrong, "p20@acme.example"))
    with pytest.raises(ConflictError, match="one person"):
        exclusions.exclude(ws, HR, scan, ("p20@acme.example", "P20@ACME.example"))
    with pytest.raises(NotFoundError, match="no pair of this id"):
        exclusions.allow(ws, HR, "0" * 32)
    for viewer in (LOCAL_ANALYST, Viewer("m", Role.MANAGER, person=persons[2]), Viewer("s", Role.STEWARD)):
        with pytest.raises(ForbiddenError):
            exclusions.listed(ws, viewer, scan)
        with pytest.raises(ForbiddenError):
            exclusions.exclude(ws, viewer, scan, ("p20@acme.example", "p21@acme.example"))
    with pytest.raises(ForbiddenError, match="look as somebody"):
        exclusions.exclude(ws, replace(HR, acting=True), scan, ("p20@acme.example", "p21@acme.example"))
    assert ws.service.rows(sa.select(EXCLUSIONS)) == []
