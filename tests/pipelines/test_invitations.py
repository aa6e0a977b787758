"""HR invites by id: only a yes gives the name, and no looks like silence."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sealed_scan
import sqlalchemy as sa

from ona.errors import ConflictError, ForbiddenError, NotFoundError
from pipelines import audit, consents, scans
from pipelines.access.policy import Viewer, view_id
from pipelines.access.rights import Role
from pipelines.intake import people
from pipelines.rights import invitations
from pipelines.schema import NAME_INVITATIONS
from pipelines.storage.workspace import open_workspace

YES, NO, SILENT, OUTSIDE = 3, 4, 5, 6
HR = Viewer("viewer-hr", Role.HR, roles=frozenset({Role.HR}))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    made = sealed_scan.build(tmp_path_factory.mktemp("invitations") / "home", people=21)
    with open_workspace(made.settings) as ws:
        for at in (YES, NO, SILENT):
            people.set_consent(ws, made.persons[at], "mentor_pool", granted=True)
    return made


@pytest.fixture
def ws(built):
    with open_workspace(built.settings) as opened:
        yield opened
        with opened.service.begin() as connection:
            connection.execute(sa.delete(NAME_INVITATIONS))


def invite(ws, built, at, viewer=HR):
    scan = scans.open_scan(ws)
    return invitations.invite(ws, viewer, scan, view_id(ws.keys, Role.HR, scan.id, built.persons[at]))


def own(built, at):
    return Viewer(f"viewer {at}", Role.EMPLOYEE, person=built.persons[at])


def answer(ws, built, at, accept):
    (received,) = invitations.received(ws, own(built, at))
    return invitations.answer(ws, own(built, at), received.id, accept)


def bare(sent):
    """What HR sees of an invitation but for its id and its person's."""
    return replace(sent, id="", view_id="", created=None, expires=None)


def test_a_yes_gives_the_name_to_whoever_asked_alone(ws, built):
    assert invite(ws, built, YES).name is None
    assert answer(ws, built, YES, accept=True).state == "accepted"
    (sent,) = invitations.sent(ws, HR)
    assert (sent.state, sent.name) == ("accepted", ws.vault.names([built.persons[YES]])[built.persons[YES]])
    assert invitations.sent(ws, replace(HR, subject="another")) == ()


def test_the_name_is_in_the_log_before_it_leaves(ws, built):
    invite(ws, built, YES)
    answer(ws, built, YES, accept=True)
    before = audit.count(ws)
    invitations.sent(ws, HR)
    assert [(e.act.action, e.act.object) for e in audit.entries(ws, audit.count(ws) - before)] == [("read_name", str(built.persons[YES]))]


def test_no_looks_like_silence_before_and_after_it_ran_out(ws, built):
    for at in (NO, SILENT):
        invite(ws, built, at)
    answer(ws, built, NO, accept=False)
    one, other = invitations.sent(ws, HR)
    assert bare(one) == bare(other)
    with open_workspace(built.settings, now=lambda: ws.now() + invitations.LIFE) as later:
        one, other = invitations.sent(later, HR)
        assert one.state == "expired"
        assert bare(one) == bare(other)


def test_asking_again_says_nothing_about_the_answer(ws, built):
    first = {at: invite(ws, built, at) for at in (NO, SILENT)}
    answer(ws, built, NO, accept=False)
    again = {at: invite(ws, built, at) for at in (NO, SILENT)}
    assert again == first


def test_who_is_not_in_the_mentor_pool_is_nobody(ws, built):
    with pytest.raises(NotFoundError) as outside:
        invite(ws, built, OUTSIDE)
    with pytest.raises(NotFoundError) as absent:
        invitations.invite(ws, HR, scans.open_scan(ws), "0" * 16)
    assert str(outside.value) == str(absent.value)


def test_a_yes_can_be_taken_back(ws, built):
    invite(ws, built, YES)
    answer(ws, built, YES, accept=True)
    answer(ws, built, YES, accept=False)
    assert [(one.state, one.name) for one in invitations.sent(ws, HR)] == [("no_answer", None)]
    assert consents.shown_to(ws, HR.subject) == frozenset()


def test_an_objection_takes_the_name_back_and_looks_like_silence(ws, built):
    for at in (YES, SILENT):
        invite(ws, built, at)
    answer(ws, built, YES, accept=True)
    people.withhold(ws, built.persons[YES])
    try:
        one, other = invitations.sent(ws, HR)
        assert bare(one) == bare(other)
        assert (one.name, other.name) == (None, None)
    finally:
        people.show_again(ws, built.persons[YES])


def test_nobody_answers_for_another_or_while_only_looking(ws, built):
    sent = invite(ws, built, YES)
    with pytest.raises(NotFoundError):
        invitations.answer(ws, own(built, NO), sent.id, accept=True)
    with pytest.raises(ForbiddenError):
        invitations.answer(ws, replace(own(built, YES), acting=True), sent.id, accept=True)


def test_an_answer_comes_in_time_but_a_yes_is_taken_back_at_any_time(ws, built):
    invite(ws, built, YES)
    invite(ws, built, NO)
    answer(ws, built, YES, accept=True)
    with open_workspace(built.settings, now=lambda: ws.now() + invitations.LIFE + timedelta(days=1)) as later:
        with pytest.raises(ConflictError):
            answer(later, built, NO, accept=True)
        assert answer(later, built, YES, accept=False).state == "declined"


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.HR])
def test_only_hr_invites(ws, built, role):
    with pytest.raises(ForbiddenError):
        invite(ws, built, YES, replace(HR, role=role, person=built.persons[0]))
