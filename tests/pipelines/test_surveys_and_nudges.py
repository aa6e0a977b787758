"""Pulse surveys and nudges: who is asked, what counts, what is held out, and what each tells to whom."""

import shutil
from dataclasses import replace
from datetime import timedelta

import pytest
import skilled_company
import sqlalchemy as sa

from ona.errors import ConflictError, ForbiddenError, NotEnoughDataError, NotFoundError
from pipelines import access
from pipelines.access import LOCAL_ANALYST, Viewer
from pipelines.access.rights import Role
from pipelines.growth import nudges, surveys
from pipelines.intake import people, skill_tables
from pipelines.scans import open_scan
from pipelines.schema import ANSWERS, CATALOGUE, EVIDENCE_ROWS, NUDGES
from pipelines.settings import load_settings
from pipelines.storage.workspace import open_workspace


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A company whose first forty agree to surveys and steps; made once, copied for each test."""
    home = tmp_path_factory.mktemp("growth") / "home"
    company = skilled_company.build(home, people_count=45)
    with open_workspace(company.settings) as ws:
        for person in company.persons[:40]:
            people.set_consent(ws, person, "survey", granted=True)
            people.set_consent(ws, person, "nudge", granted=True)
        with ws.service.begin() as connection:
            course = {"item": "c1", "skill": "quality", "title": "Quality in ten minutes", "minutes": 10, "url": "https://learn.example/q"}
            connection.execute(sa.insert(CATALOGUE).values(**course))
    return home, company.persons


@pytest.fixture
def place(made, tmp_path):
    home, persons = made
    shutil.copytree(home, tmp_path / "home")
    with open_workspace(load_settings(tmp_path / "home")) as ws:
        yield ws, access.ReadableScan(open_scan(ws)), persons


def as_person(person):
    return Viewer(f"p{person}", Role.EMPLOYEE, person=person)


def later(ws, days):
    return replace(ws, now=lambda: ws.now() + timedelta(days=days))


def names_for(ws, viewer, survey, text):
    return [one.id for one in surveys.find_colleagues(ws, viewer, survey, text)]


def everybody_names(ws, persons, survey, share, target="fia abel"):
    for person in persons[: round(40 * share)]:
        viewer = as_person(person)
        surveys.answer(ws, viewer, survey, names_for(ws, viewer, survey, target)[:1], ["facilitation"])


def test_only_those_who_agreed_are_asked_and_only_those_who_agreed_can_be_named(place):
    ws, _, persons = place
    survey = surveys.open_survey(ws, LOCAL_ANALYST, "Pulse")
    asked, not_asked = as_person(persons[3]), as_person(persons[44])
    assert [one.id for one in surveys.own_surveys(ws, asked)] == [survey]
    assert surveys.own_surveys(ws, not_asked) == ()
    with pytest.raises(NotFoundError):
        surveys.answer(ws, not_asked, survey, [])
    with pytest.raises(NotFoundError):
        surveys.find_colleagues(ws, not_asked, survey, "abel")
    found = {one.name for one in surveys.find_colleagues(ws, asked, survey, "ABEL")}
    assert found
    assert "Ada Abel" not in found, "the first did not opt in to being named"
    assert surveys.find_colleagues(ws, asked, survey, "a") == ()


def test_an_answer_replaces_the_one_before_and_names_five_others_at_most(place):
    ws, _, persons = place
    survey = surveys.open_survey(ws, LOCAL_ANALYST, "Pulse")
    viewer = as_person(persons[3])
    codes = names_for(ws, viewer, survey, "abel") + names_for(ws, viewer, survey, "bauer")
    with pytest.raises(ConflictError, match="at most 5"):
        surveys.answer(ws, viewer, survey, codes[:6])
    with pytest.raises(NotFoundError):
        surveys.answer(ws, viewer, survey, ["0" * 16])
    with pytest.raises(NotFoundError):
        surveys.answer(ws, viewer, survey, codes[:1], ["mind reading"])
    surveys.answer(ws, viewer, survey, [*codes[:3], codes[0]])
    surveys.answer(ws, viewer, survey, codes[3:4])
    assert len(ws.service.rows(sa.select(ANSWERS))) == 1
    own = ws.vault.names([persons[3]])[persons[3]]
    assert own not in {one.name for one in surveys.find_colleagues(ws, viewer, survey, own)}, "nobody names themselves"


def test_enough_answers_become_evidence_and_too_few_are_dropped(place):
    """65 % of forty is twenty-six: twenty-five are too few."""
    ws, _, persons = place
    few = surveys.open_survey(ws, LOCAL_ANALYST, "Few")
    everybody_names(ws, persons, few, 25 / 40)
    assert surveys.close_survey(ws, LOCAL_ANALYST, few).gate == "too-few"
    evidence = sa.select(EVIDENCE_ROWS).where(EVIDENCE_ROWS.c.source == "survey")
    assert ws.service.rows(evidence) == []
    enough = surveys.open_survey(ws, LOCAL_ANALYST, "Enough")
    everybody_names(ws, persons, enough, 26 / 40)
    assert surveys.surveys(ws, LOCAL_ANALYST)[0].response is None, "told when it is closed"
    closed = surveys.close_survey(ws, LOCAL_ANALYST, enough)
    assert (closed.gate, closed.response) == ("caution", 0.65)
    found = ws.service.rows(evidence)
    assert {row.facet for row in found} == {"helper", "facilitation"}
    assert {row.person for row in found} == {persons[5]}
    assert ws.service.rows(sa.select(ANSWERS)) == []
    with pytest.raises(ConflictError):
        surveys.close_survey(ws, LOCAL_ANALYST, enough)
    assert surveys.gate(32, 40) == "good"


def test_after_closing_nobody_answers(place):
    ws, _, persons = place
    survey = surveys.open_survey(ws, LOCAL_ANALYST, "Pulse", days=3)
    with pytest.raises(ConflictError, match="closed"):
        surveys.answer(later(ws, 4), as_person(persons[3]), survey, [])
    surveys.close_survey(ws, LOCAL_ANALYST, survey)
    with pytest.raises(ConflictError, match="closed"):
        surveys.answer(ws, as_person(persons[3]), survey, [])


def test_validity_is_the_analysts_and_needs_enough_people_who_are_named(place):
    ws, scan, _ = place
    with pytest.raises(NotEnoughDataError):
        surveys.validation(ws, LOCAL_ANALYST, scan)
    with pytest.raises(ForbiddenError):
        surveys.validation(ws, Viewer("h", Role.HR), scan)
    with pytest.raises(ForbiddenError):
        surveys.open_survey(ws, Viewer("h", Role.HR), "Pulse")


def named_by_three(ws, scan, persons, *, best):
    """Let three colleagues name the four of each department whom the helper facet puts first, or last."""
    columns, units = scan.scores["helper"], scan.units("group")
    place = {"source": "survey", "facet": "helper", "team": None, "value": 1.0, "scale_low": 0.0, "scale_high": 1.0, "weight": 1.0}
    rows = []
    for unit in set(units[units >= 0].tolist()):
        told = [at for at in range(len(units)) if units[at] == unit and columns.reason[at] is None]
        in_order = sorted(told, key=lambda at: columns.percentile[at], reverse=best)
        rows += [{"person": int(scan.persons[at]), "rater": persons[rater]} for at in in_order[:4] for rater in (0, 1, 2)]
    with ws.service.begin() as connection:
        day = ws.now().date()
        connection.execute(sa.delete(EVIDENCE_ROWS).where(EVIDENCE_ROWS.c.source == "survey"))
        connection.execute(
            sa.insert(EVIDENCE_ROWS),
            [place | row | {"connector": "survey v", "row": 9_000 + at, "day": day} for at, row in enumerate(rows)],
        )
    return len(rows) // 3


def test_validity_is_told_by_department_to_the_analyst(place):
    """Named are the first of each department, then the last: every pair is in order, then none."""
    ws, scan, persons = place
    named = named_by_three(ws, scan, persons, best=True)
    found = surveys.validation(ws, LOCAL_ANALYST, scan)
    assert (found.auc, found.named) == (1.0, named)
    assert found.departments >= 2
    assert found.lift > 1
    named_by_three(ws, scan, persons, best=False)
    found = surveys.validation(ws, LOCAL_ANALYST, scan)
    assert (found.auc, found.passed) == (0.0, False)


def test_one_step_a_quarter_for_those_who_agreed_and_a_share_is_held_out(place):
    ws, scan, persons = place
    chosen = nudges.make_nudges(ws, LOCAL_ANALYST, scan)
    assert 0 < chosen <= 40
    assert nudges.make_nudges(ws, LOCAL_ANALYST, scan) == 0, "a second run in the quarter adds nothing"
    rows = ws.service.rows(sa.select(NUDGES))
    assert {row.person for row in rows} <= set(persons[:40])
    held = [row for row in rows if row.control]
    assert 0 < len(held) < len(rows) / 2
    assert nudges.own_nudge(ws, as_person(held[0].person)) is None, "held out looks like nothing to offer"
    offered = next(row for row in rows if not row.control)
    own = nudges.own_nudge(ws, as_person(offered.person))
    assert own.minutes > 0
    assert own.skill in own.reason


def test_a_step_is_accepted_put_off_or_called_wrong_and_its_helper_is_named_only_then(place):
    ws, scan, _ = place
    with ws.service.begin() as connection:
        connection.execute(sa.delete(CATALOGUE))
    nudges.make_nudges(ws, LOCAL_ANALYST, scan)
    shown = [row for row in ws.service.rows(sa.select(NUDGES)) if not row.control]
    hour = next(row for row in shown if row.kind == "shadowing")
    viewer = as_person(hour.person)
    assert nudges.answer(ws, viewer, "not_now").state == "not_now"
    assert nudges.helper_of(ws, viewer) is None
    assert nudges.answer(ws, viewer, "accepted").state == "accepted"
    assert nudges.helper_of(ws, viewer) == ws.vault.names([hour.helper])[hour.helper]
    with pytest.raises(ConflictError):
        nudges.answer(ws, viewer, "wrong")
    people.set_consent(ws, hour.helper, "mentor_pool", granted=False)
    assert nudges.helper_of(ws, viewer) is None, "the helper took it back"
    people.set_consent(ws, hour.person, "nudge", granted=False)
    assert nudges.own_nudge(ws, viewer) is None
    with pytest.raises(NotFoundError):
        nudges.answer(ws, as_person(10**18), "accepted")


def test_a_quarter_is_told_with_its_effect_or_why_there_is_none(place):
    ws, scan, _ = place
    nudges.make_nudges(ws, LOCAL_ANALYST, scan)
    quarter = ws.service.rows(sa.select(NUDGES.c.quarter))[0].quarter
    found = nudges.nudge_counts(ws, LOCAL_ANALYST, scan, quarter)
    assert (found.effect is None) == (found.why_not is not None)
    assert found.accepted == 0
    assert skill_tables.catalogue(ws)[0][1] == "Quality in ten minutes"
