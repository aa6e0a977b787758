"""A mentoring programme from draft to check-in: nobody is named before they say yes, no reads like silence, rules hold."""

import csv
import io
import shutil
from collections import Counter
from dataclasses import asdict, replace
from datetime import timedelta

import icalendar
import pyarrow as pa
import pytest
import skilled_company
import sqlalchemy as sa

from ona.errors import ConflictError, ForbiddenError, NotFoundError
from pipelines import access, publishing
from pipelines.access import LOCAL_ANALYST, Viewer
from pipelines.access.policy import look
from pipelines.access.rights import Role
from pipelines.growth import pairs, programmes
from pipelines.growth.mentoring_pool import managers_of
from pipelines.intake import people
from pipelines.scans import open_scan
from pipelines.schema import CONFLICTS, PAIRS, POOL
from pipelines.settings import load_settings
from pipelines.storage.workspace import open_workspace

HR = Viewer("h", Role.HR)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A company in which nobody is named but who says so, with a programme; made once, copied for each test."""
    home = tmp_path_factory.mktemp("mentoring") / "home"
    company = skilled_company.build(home, people_count=45)
    with open_workspace(company.settings) as ws:
        for person in company.persons:
            people.set_consent(ws, person, "name_on_map", granted=False)
        publishing.publish_everywhere(ws, company.scan, LOCAL_ANALYST)
        return home, programmes.create(ws, HR, access.ReadableScan(open_scan(ws)), "Spring", seats=2)


@pytest.fixture
def place(made, tmp_path):
    home, programme = made
    shutil.copytree(home, tmp_path / "home")
    with open_workspace(load_settings(tmp_path / "home")) as ws:
        yield ws, access.ReadableScan(open_scan(ws)), programme


def persons_of(ws, programme):
    return [(row.mentee, row.mentor) for row in ws.service.rows(sa.select(PAIRS).where(PAIRS.c.programme == programme))]


def as_person(person):
    return Viewer(f"p{person}", Role.EMPLOYEE, person=person)


def later(ws, days):
    return replace(ws, now=lambda: ws.now() + timedelta(days=days))


def test_the_board_matches_everybody_it_can_and_says_why_for_each(place):
    ws, scan, programme = place
    board = programmes.board(ws, HR, scan, programme)
    assert board.rows
    assert board.quality.matched > 0.5
    for row in board.rows:
        chosen = [one for one in row.choices if one.chosen]
        assert bool(chosen) != bool(row.unmatched)
        assert all(one.reasons and one.fit > 0 for one in chosen)
    load = {}
    for row in board.rows:
        for one in row.choices:
            load[one.mentor] = load.get(one.mentor, 0) + one.chosen
    assert max(load.values()) <= 2


def test_no_name_is_on_the_board_before_somebody_says_yes(place):
    ws, scan, programme = place
    names = set(ws.vault.names(scan.persons.tolist()).values())
    said = str(asdict(programmes.board(ws, HR, scan, programme)))
    assert not [name for name in names if name in said]
    assert "Person " in said


def test_the_board_tells_no_score_of_somebody_who_is_not_named(place):
    """Neither as a part of the fit, nor by a fit so fine that it could be taken apart."""
    ws, scan, programme = place
    choices = [one for row in programmes.board(ws, HR, scan, programme).rows for one in row.choices]
    assert choices
    assert not [part for one in choices for part in one.parts if part.part == "helper"]
    assert {one.fit % 5 for one in choices} == {0}


def test_a_pair_forms_when_both_say_yes_and_names_are_told_by_then(place):
    ws, scan, programme = place
    assert programmes.invite(ws, HR, scan, programme) == len(persons_of(ws, programme))
    mentee, mentor = persons_of(ws, programme)[0]
    own = pairs.own_pairs(ws, as_person(mentee))[0]
    assert (own.state, own.other, own.side) == ("open", None, "mentee")
    assert pairs.answer(ws, as_person(mentee), own.id, True).state == "accepted"
    line = next(one for one in pairs.pair_lines(ws, HR, scan, programme) if one.id == own.id)
    names = ws.vault.names([mentee, mentor])
    assert (line.state, line.mentee) == ("waiting", names[mentee])
    assert line.mentor.startswith("Person "), "the mentor has not answered"
    both = pairs.answer(ws, as_person(mentor), own.id, True)
    assert (both.state, both.other) == ("active", names[mentee])
    assert pairs.pair_lines(ws, Viewer("another", Role.HR), scan, programme)[0].mentor.startswith("Person "), (
        "another partner was not shown it"
    )


def test_no_and_silence_read_alike_until_the_time_is_over(place):
    ws, scan, programme = place
    programmes.invite(ws, HR, scan, programme)
    (one, _), (other, _) = persons_of(ws, programme)[:2]
    before = {line.id: line.state for line in pairs.pair_lines(ws, HR, scan, programme)}
    pairs.answer(ws, as_person(one), pairs.own_pairs(ws, as_person(one))[0].id, False)
    assert {line.id: line.state for line in pairs.pair_lines(ws, HR, scan, programme)} == before
    after = pairs.pair_lines(later(ws, 15), HR, scan, programme)
    assert {line.state for line in after} == {"closed"}
    with pytest.raises(ConflictError):
        pairs.answer(later(ws, 15), as_person(other), pairs.own_pairs(ws, as_person(other))[0].id, True)
    with pytest.raises(ConflictError, match="closed"):
        pairs.answer(ws, as_person(one), pairs.own_pairs(ws, as_person(one))[0].id, True)


def test_a_stranger_finds_no_pair(place):
    ws, scan, programme = place
    programmes.invite(ws, HR, scan, programme)
    pair = ws.service.rows(sa.select(PAIRS))[0]
    stranger = next(person for person in scan.persons.tolist() if person not in (pair.mentor, pair.mentee))
    with pytest.raises(NotFoundError):
        pairs.answer(ws, as_person(stranger), pair.id, True)
    with pytest.raises(ForbiddenError):
        programmes.board(ws, LOCAL_ANALYST, scan, programme)
    with pytest.raises(ForbiddenError, match="look as somebody"):
        programmes.invite(ws, replace(HR, acting=True), scan, programme)


def test_check_ins_are_asked_after_thirty_sixty_and_ninety_days_until_the_end(place):
    ws, scan, programme = place
    programmes.invite(ws, HR, scan, programme)
    mentee, mentor = persons_of(ws, programme)[0]
    pair = pairs.own_pairs(ws, as_person(mentee))[0].id
    for person in (mentee, mentor):
        pairs.answer(ws, as_person(person), pair, True)
    assert pairs.own_pairs(ws, as_person(mentee))[0].due == ()
    with pytest.raises(ConflictError):
        pairs.check_in(ws, as_person(mentee), pair, 30, met=2, useful=4)
    month = later(ws, 31)
    assert pairs.own_pairs(month, as_person(mentee))[0].due == (30,)
    for person in (mentee, mentor):
        pairs.check_in(month, as_person(person), pair, 30, met=2, useful=4)
    assert next(line for line in pairs.pair_lines(month, HR, scan, programme) if line.id == pair).answered == (30,)
    assert pairs.leave(month, as_person(mentor), pair).state == "ended"
    assert pairs.own_pairs(later(ws, 95), as_person(mentee))[0].due == ()
    assert (mentee, mentor) not in board_pairs(ws, scan, programme), "a pair that ended is not matched again"


def test_what_check_ins_said_is_told_from_the_minimum_group_on_and_in_steps(place):
    """Four people, then five: each day is told for itself, rounded so that one more answer does not show."""
    ws, scan, programme = place
    programmes.invite(ws, HR, scan, programme)
    month, told = later(ws, 31), []
    for mentee, mentor in persons_of(ws, programme)[:5]:
        pair = pairs.own_pairs(ws, as_person(mentee))[0].id
        for person in (mentee, mentor):
            pairs.answer(ws, as_person(person), next(one.id for one in pairs.own_pairs(ws, as_person(person)) if one.id == pair), True)
        pairs.check_in(month, as_person(mentee), pair, 30, met=3, useful=4)
        told.append(pairs.pulses(ws, HR, programme)[0])
    assert told[3] == pairs.Pulse(30, None, None, None)
    assert told[4] == pairs.Pulse(30, 5, 3.0, 4.0)
    assert [one.people for one in pairs.pulses(ws, HR, programme)] == [5, None, None]
    with pytest.raises(ForbiddenError):
        pairs.pulses(ws, LOCAL_ANALYST, programme)


def board_pairs(ws, scan, programme):
    sight = look(ws, scan, HR)
    person = {code: int(scan.persons[row]) for row, code in enumerate(sight.codes)}
    rows = programmes.board(ws, HR, scan, programme).rows
    return {(person[row.mentee], person[one.mentor]) for row in rows for one in row.choices if one.chosen}


def test_a_lock_holds_its_cost_is_told_and_one_too_many_is_refused(place):
    ws, scan, programme = place
    board = programmes.board(ws, HR, scan, programme)
    wanted = Counter(one.mentor for row in board.rows for one in row.choices)
    mentor = wanted.most_common(1)[0][0]
    first, second, third = [row.mentee for row in board.rows if any(one.mentor == mentor for one in row.choices)][:3]
    programmes.set_lock(ws, HR, scan, programme, (first, mentor), locked=True)
    locked = programmes.board(ws, HR, scan, programme)
    held = next(one for one in locked.rows if one.mentee == first)
    assert [one.mentor for one in held.choices if one.chosen and one.locked] == [mentor]
    assert locked.cost_of_locks == pytest.approx(board.quality.total - locked.quality.total, abs=1e-9)
    programmes.set_lock(ws, HR, scan, programme, (second, mentor), locked=True)
    with pytest.raises(ConflictError, match="more locked pairs than seats"):
        programmes.set_lock(ws, HR, scan, programme, (third, mentor), locked=True)
    programmes.set_lock(ws, HR, scan, programme, (first, mentor), locked=False)
    after = programmes.board(ws, HR, scan, programme)
    assert {row.mentee for row in after.rows if any(one.locked for one in row.choices)} == {second}


def test_whoever_takes_their_consent_back_or_is_on_the_conflict_list_is_not_paired(place):
    ws, scan, programme = place
    mentee, mentor = next(iter(board_pairs(ws, scan, programme)))
    with ws.service.begin() as connection:
        connection.execute(sa.insert(CONFLICTS).values(first=mentor, second=mentee))
    assert (mentee, mentor) not in board_pairs(ws, scan, programme)
    people.set_consent(ws, mentee, "mentor_pool", granted=False)
    assert mentee not in {one for one, _ in board_pairs(ws, scan, programme)}
    people.object_person(ws, mentor)
    assert mentor not in {other for _, other in board_pairs(ws, scan, programme)}


def test_an_empty_pool_has_an_empty_board(place):
    ws, scan, programme = place
    with ws.service.begin() as connection:
        connection.execute(sa.delete(POOL))
    board = programmes.board(ws, HR, scan, programme)
    assert (board.rows, board.quality.matched) == ((), 0)
    assert programmes.invite(ws, HR, scan, programme) == 0


def test_files_for_other_tools_hold_labels_and_states_and_no_score(place):
    ws, scan, programme = place
    programmes.invite(ws, HR, scan, programme)
    mentee, mentor = persons_of(ws, programme)[0]
    pair = pairs.own_pairs(ws, as_person(mentee))[0].id
    for person in (mentee, mentor):
        pairs.answer(ws, as_person(person), pair, True)
    from pipelines.sheets import sheet

    text = sheet("csv", *pairs.export_rows(ws, HR, scan, programme)).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["state"] for row in rows} == {"active", "waiting"}
    assert not {"score", "fit", "utility", "influence"} & set(rows[0])
    assert str(mentee) not in text
    calendar = icalendar.Calendar.from_ical(pairs.export_calendar(ws, HR, scan, programme))
    assert len(calendar.walk("VEVENT")) == 3


def test_those_who_oversee_see_numbers_from_the_minimum_group_on(place):
    ws, scan, programme = place
    steward = Viewer("s", Role.STEWARD)
    assert pairs.counts(ws, steward).pairs == {"waiting": 0, "active": 0, "closed": 0, "ended": 0}
    programmes.invite(ws, HR, scan, programme)
    mentee, mentor = persons_of(ws, programme)[0]
    pair = pairs.own_pairs(ws, as_person(mentee))[0].id
    for person in (mentee, mentor):
        pairs.answer(ws, as_person(person), pair, True)
    found = pairs.counts(ws, steward)
    assert found.pairs["active"] is None, "one pair is fewer than five"
    assert found.people is not None


def test_managers_are_read_exactly_although_some_have_none():
    """Two ids that are one number to a float."""
    first, second = 2**62 + 1, 2**62 + 2
    table = pa.table({"person": pa.array([first, second], pa.int64()), "manager": pa.array([second, None], pa.int64())})
    assert managers_of(table) == {first: second}
