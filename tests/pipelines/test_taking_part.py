"""How people take part in mentoring by their own word, whom they avoid, and what a manager may suggest and hear back."""

import shutil
from dataclasses import replace
from datetime import timedelta

import pytest
import skilled_company
import sqlalchemy as sa

from ona.errors import ConflictError, ForbiddenError, NotFoundError
from ona.pairing import Weights
from pipelines import access
from pipelines.access import LOCAL_ANALYST, Viewer
from pipelines.access.policy import look
from pipelines.access.rights import Role
from pipelines.growth import own_growth, programmes, suggestions
from pipelines.growth.mentoring_pool import ready
from pipelines.growth.profiles import Profile
from pipelines.intake import people
from pipelines.rights import own_export
from pipelines.scans import open_scan
from pipelines.schema import NEED_SUGGESTIONS, PROGRAMMES
from pipelines.settings import load_settings
from pipelines.storage.workspace import open_workspace

HR = Viewer("h", Role.HR)
BOSS, MEMBER, STRANGER = 2, 12, 5
"""The second of the board leads Claims (11 to 18) among others, and not Pricing (3 to 10)."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A company in which nobody is named, with a programme; made once, copied for each test."""
    home = tmp_path_factory.mktemp("part") / "home"
    return home, *skilled_company.with_programme(home, HR)


@pytest.fixture
def place(made, tmp_path):
    shutil.copytree(made[0], tmp_path / "home")
    with open_workspace(load_settings(tmp_path / "home")) as ws:
        yield ws, access.ReadableScan(open_scan(ws)), made[1].persons, made[2]


def me(person, role=Role.EMPLOYEE):
    return Viewer(f"p{person}", role, person=person)


def pool_of(ws, scan, programme):
    row = ws.service.rows(sa.select(PROGRAMMES).where(PROGRAMMES.c.id == programme))[0]
    return ready(ws, look(ws, scan, HR), row)


def sides(one, person):
    return {name for name, side in (("mentee", one.mentees), ("mentor", one.mentors)) if person in side.person}


def test_what_somebody_says_of_their_side_outweighs_what_the_service_proposes(place):
    ws, scan, _, programme = place
    before = pool_of(ws, scan, programme)
    mentee, mentor = int(before.mentees.person[0]), int(before.mentors.person[0])
    for side, expected in (("none", set()), ("mentor", {"mentor"}), ("both", {"mentee", "mentor"}), (None, {"mentee"})):
        own_growth.change_profile(ws, me(mentee), Profile(side=side))
        assert sides(pool_of(ws, scan, programme), mentee) == expected, side
    own_growth.change_profile(ws, me(mentor), Profile(side="both", seats=3, wanted=("welding",), offered=("speaking",)))
    one = pool_of(ws, scan, programme)
    at, row = one.mentors.person.tolist().index(mentor), one.mentees.person.tolist().index(mentor)
    assert one.mentors.seats[at] == 3
    assert one.mentors.skills[at, one.names.index("speaking")]
    assert not one.mentors.skills[at, one.names.index("welding")]
    assert one.mentees.skills[row, one.names.index("welding")]
    assert one.pool.forbidden["same_person"][row, at], "nobody is their own mentor"


def test_no_side_brings_anybody_into_the_pool_who_did_not_agree_to_it(place):
    ws, scan, persons, programme = place
    own_growth.change_profile(ws, me(persons[3]), Profile(side="both"))
    assert sides(pool_of(ws, scan, programme), persons[3]) == set()
    people.set_consent(ws, persons[3], "mentor_pool", granted=True)
    assert sides(pool_of(ws, scan, programme), persons[3]) == {"mentee", "mentor"}
    people.withhold(ws, persons[3])
    assert sides(pool_of(ws, scan, programme), persons[3]) == set()


def test_similar_answers_and_hours_reach_the_match(place):
    ws, scan, _, programme = place
    one = pool_of(ws, scan, programme)
    mentee, mentor = int(one.mentees.person[0]), int(one.mentors.person[0])
    assert one.parts["similarity"].max() == 0
    own_growth.change_profile(ws, me(mentee), Profile(interests={"plan": 1.0, "talk": 0.5}))
    own_growth.change_profile(ws, me(mentor), Profile(interests={"plan": 0.75}, day_start=17, day_end=24))
    after = pool_of(ws, scan, programme)
    assert after.parts["similarity"][0, 0] == pytest.approx(0.75)
    assert after.pool.forbidden["hours"][0, 0], "seventeen to midnight and nine to five share no hour"
    assert not one.pool.forbidden["hours"][0, 0]


@pytest.mark.parametrize(
    ("wanted", "kind", "said"),
    [
        (Profile(side="boss"), NotFoundError, "not one of those offered"),
        (Profile(wanted=("reading minds",)), NotFoundError, "not one of those offered"),
        (Profile(interests={"star sign": 1.0}), NotFoundError, "not one of those offered"),
        (Profile(interests={"plan": 7.0}), ConflictError, "between 1 and 5"),
        (Profile(seats=0), ConflictError, "1 to 5"),
        (Profile(seats=99), ConflictError, "1 to 5"),
        (Profile(day_start=9), ConflictError, "start and an end"),
        (Profile(day_start=9, day_end=10), ConflictError, "start and an end"),
        (Profile(offered=("agile",) * 9), ConflictError, "at most 8"),
    ],
)
def test_a_profile_that_cannot_be_is_refused_and_changes_nothing(place, wanted, kind, said):
    ws, _, persons, _ = place
    with pytest.raises(kind, match=said):
        own_growth.change_profile(ws, me(persons[12]), wanted)
    assert own_growth.own_profile(ws, me(persons[12])) == Profile()
    with pytest.raises(ForbiddenError, match="look as somebody"):
        own_growth.change_profile(ws, replace(me(persons[12]), acting=True), Profile())


def test_whoever_is_avoided_is_not_paired_and_neither_told_nor_exported_nor_named(place):
    ws, scan, persons, programme = place
    one = pool_of(ws, scan, programme)
    mentee, mentor = int(one.mentees.person[0]), int(one.mentors.person[0])
    address = f"P{persons.index(mentor)}@ACME.example"
    own_growth.avoid(ws, me(mentee), address)
    assert pool_of(ws, scan, programme).pool.forbidden["conflict"][0, 0]
    (listed,) = own_growth.avoided(ws, me(mentee))
    assert listed.name is None, "not named to the one who wrote the address either"
    assert own_growth.avoided(ws, me(mentor)) == ()
    assert not [name for name in own_export.export_own(ws, me(mentor)) if "conflict" in name]
    with pytest.raises(NotFoundError):
        own_growth.avoid_no_more(ws, me(mentor), listed.id)
    for address, kind in (
        ("nobody@acme.example", NotFoundError),
        ("no address", NotFoundError),
        (f"p{persons.index(mentee)}@acme.example", ConflictError),
    ):
        with pytest.raises(kind):
            own_growth.avoid(ws, me(mentee), address)
    own_growth.avoid_no_more(ws, me(mentee), listed.id)
    assert not pool_of(ws, scan, programme).pool.forbidden["conflict"][0, 0]


def test_a_suggestion_feeds_the_mentee_side_only_after_the_persons_yes(place):
    ws, scan, persons, programme = place
    boss, member = me(persons[BOSS], Role.MANAGER), me(persons[MEMBER])
    sent = suggestions.suggest(ws, boss, f"p{MEMBER}@acme.example", "negotiation")
    assert suggestions.suggest(ws, boss, f"p{MEMBER}@acme.example", "negotiation") == sent, "asking twice is asking once"
    assert own_growth.own_profile(ws, member) == Profile()
    (received,) = suggestions.received(ws, member)
    assert (received.skill, received.state, received.by) == ("negotiation", "open", ws.vault.names([persons[BOSS]])[persons[BOSS]])
    suggestions.answer(ws, member, received.id, True)
    assert own_growth.own_profile(ws, member) == Profile(side="mentee", wanted=("negotiation",))
    one = pool_of(ws, scan, programme)
    row = one.mentees.person.tolist().index(persons[MEMBER])
    assert one.mentees.skills[row, one.names.index("negotiation")]


def test_no_and_silence_and_a_quiet_yes_read_alike_to_the_manager(place):
    ws, _, persons, _ = place
    boss = me(persons[BOSS], Role.MANAGER)
    for at in (12, 13, 14, 15):
        suggestions.suggest(ws, boss, f"p{at}@acme.example", "negotiation")
    for at, accept, tell in ((12, False, True), (13, True, False), (14, True, True)):
        suggestions.answer(ws, me(persons[at]), suggestions.received(ws, me(persons[at]))[0].id, accept, tell)
    assert own_growth.own_profile(ws, me(persons[12])) == Profile(), "a no changes nothing"
    found = suggestions.sent(ws, boss)
    assert sorted(one.state for one in found) == ["accepted", "suggested", "suggested", "suggested"]
    assert {one.name for one in found} == {None}, "nobody here agreed to be named"
    assert "declined" not in str(own_export.export_own(ws, replace(boss, role=Role.EMPLOYEE)))
    later = replace(ws, now=lambda: ws.now() + suggestions.LIFE + timedelta(days=1))
    assert sorted(one.state for one in suggestions.sent(later, boss)) == ["accepted", "closed", "closed", "closed"]
    with pytest.raises(ConflictError, match="closed"):
        suggestions.answer(later, me(persons[15]), suggestions.received(later, me(persons[15]))[0].id, True)
    with pytest.raises(ConflictError, match="closed"):
        suggestions.answer(ws, me(persons[12]), suggestions.received(ws, me(persons[12]))[0].id, True)


def test_outside_the_line_and_absent_are_one_refusal_and_an_objection_changes_nothing(place):
    ws, _, persons, _ = place
    boss = me(persons[BOSS], Role.MANAGER)
    said = set()
    for address in (f"p{STRANGER}@acme.example", "nobody@acme.example", "=cmd", f"p{BOSS}@acme.example", "p0@acme.example"):
        with pytest.raises(NotFoundError) as refused:
            suggestions.suggest(ws, boss, address, "negotiation")
        said.add(str(refused.value))
    assert len(said) == 1
    people.withhold(ws, persons[MEMBER])
    assert suggestions.suggest(ws, boss, f"p{MEMBER}@acme.example", "negotiation").state == "suggested"
    with pytest.raises(NotFoundError, match="no skill"):
        suggestions.suggest(ws, boss, f"p{MEMBER}@acme.example", "obedience")
    for viewer in (me(persons[BOSS]), HR, LOCAL_ANALYST):
        with pytest.raises(ForbiddenError):
            suggestions.suggest(ws, viewer, f"p{MEMBER}@acme.example", "negotiation")
    with pytest.raises(ForbiddenError, match="look as somebody"):
        suggestions.suggest(ws, replace(boss, acting=True), f"p{MEMBER}@acme.example", "negotiation")


def test_a_stranger_answers_no_suggestion(place):
    ws, _, persons, _ = place
    suggestions.suggest(ws, me(persons[BOSS], Role.MANAGER), f"p{MEMBER}@acme.example", "negotiation")
    identity = ws.service.rows(sa.select(NEED_SUGGESTIONS.c.id))[0].id
    with pytest.raises(NotFoundError):
        suggestions.answer(ws, me(persons[13]), identity, True)


def test_bad_pools_are_refused_or_explained(place):
    """Mentee = mentor, everything forbidden, more locks than seats, and no part of the fit that counts."""
    ws, scan, _, programme = place
    one = pool_of(ws, scan, programme)
    mentors, mentees = one.mentors.person.tolist(), one.mentees.person.tolist()
    own_growth.change_profile(ws, me(mentors[0]), Profile(side="both"))
    codes = look(ws, scan, HR).codes
    code = {int(person): codes[row] for row, person in enumerate(scan.persons)}
    with pytest.raises(ConflictError, match="same_person"):
        programmes.set_lock(ws, HR, scan, programme, (code[mentors[0]], code[mentors[0]]), locked=True)
    fits = [row for row in range(len(mentees)) if one.pool.allowed[row, 0]][:2]
    programmes.set_lock(ws, HR, scan, programme, (code[mentees[fits[0]]], code[mentors[0]]), locked=True)
    with pytest.raises(ConflictError, match="more locked pairs than seats"):
        programmes.set_lock(ws, HR, scan, programme, (code[mentees[fits[1]]], code[mentors[0]]), locked=True)
    with pytest.raises(ConflictError, match="counts"):
        programmes.weigh(ws, HR, programme, Weights(0, 0, 0, 0, 0))
    for mentee in mentees:
        own_growth.change_profile(ws, me(mentee), Profile(side="mentee", day_start=0, day_end=3))
    board = programmes.board(ws, HR, scan, programme)
    alone = [row for row in board.rows if row.mentee != code[mentors[0]]]
    assert {row.unmatched for row in alone} == {"fewer than three working hours in common with any mentor"}
    assert all(not row.choices for row in alone)
    assert programmes.invite(ws, HR, scan, programme) <= 1


def test_weights_change_the_match_and_what_a_held_pair_costs_is_told_of_each(place):
    ws, scan, _, programme = place
    before = programmes.board(ws, HR, scan, programme)
    row = next(row for row in before.rows if sum(not one.chosen for one in row.choices))
    other = next(one for one in row.choices if not one.chosen)
    programmes.set_lock(ws, HR, scan, programme, (row.mentee, other.mentor), locked=True)
    board = programmes.board(ws, HR, scan, programme)
    costs = {one.mentee: one.cost_of_lock for one in board.rows if one.cost_of_lock is not None}
    assert costs == {row.mentee: pytest.approx(board.cost_of_locks)}
    programmes.weigh(ws, HR, programme, Weights(gap=0, helper=0, similarity=0, distance=0, crossing=1))
    assert programmes.board(ws, HR, scan, programme).weights.crossing == 1
