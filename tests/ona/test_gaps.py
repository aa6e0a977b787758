"""Gaps, risk and needs of a unit of four, all figures by hand; nudges and their effect; validity; the skill map."""

import numpy as np
import pytest

from ona.errors import NotEnoughDataError
from ona.gaps import Holding, UnitFigure, needs, ranked, unit_gaps, weights
from ona.nudges import COURSE, SHADOWING, Offers, choose, effect, is_held_out, quarter_of
from ona.skill_map import LABELS, MAP, ONET, Course, SkillTag, skills_of, tag
from ona.validity import auc, lift, validate

NO = float("nan")


def holding():
    """Four people, skills a and b: one holds a alone and it is about to expire; b is held by all but one."""
    return Holding(
        ("a", "b"),
        held=np.array([[1, 1], [0, 1], [0.5, 1], [0, 0.0]]),
        target=np.array([[1, 1], [1, 1], [1, 1], [NO, 0.5]]),
        expiring=np.array([[True, False], [False, False], [False, False], [False, False]]),
        central=np.array([0.9, 0.5, NO, 0.1]),
    )


def test_a_skill_that_hangs_on_one_central_person_about_to_lose_it_comes_first():
    """a: 1 holder, .5 * 1 + .25 * .9 + .25 * 1 = .975, mean gap (0 + 1 + .5) / 3; b: 3 holders."""
    first, second = ranked(holding(), {"a": 2.0})
    assert (first.skill, first.needed, first.holders, first.expiry) == ("a", 3, 1, 1)
    assert first.risk == pytest.approx(0.975)
    assert first.priority == pytest.approx(0.975 * 0.5 * 2)
    assert (second.skill, second.gap) == ("b", pytest.approx(0.5 / 4))
    assert second.risk == pytest.approx(0.5 / 3 + 0.25 * 0.7)


def test_a_skill_that_no_role_asks_for_is_no_gap():
    alone = holding()
    nobody = Holding(alone.skills, alone.held, np.full((4, 2), NO), alone.expiring, alone.central)
    assert ranked(nobody, {}) == []
    assert unit_gaps(nobody, np.zeros(4, np.int64)) == []


def test_units_are_told_how_many_of_those_asked_have_no_gap():
    found = {(one.unit, one.skill): (one.needed, one.covered) for one in unit_gaps(holding(), np.array([0, 0, 1, -1]))}
    assert found == {(0, "a"): (2, 0.5), (0, "b"): (2, 1), (1, "a"): (1, 0), (1, "b"): (1, 1)}


def test_needs_rise_with_tickets_and_delays_and_fall_with_courses_completed():
    gaps = [("Claims", one) for one in unit_gaps(holding(), np.zeros(4, np.int64)) if one.skill == "a"]
    risks = weights(ranked(holding(), {}))
    quiet = needs(gaps, risks, [], {})[0]
    tickets = UnitFigure("ticket_tag", "Claims", "a", 30, 100)
    loud = needs(
        gaps, risks, [tickets, UnitFigure("lms_completion", "Claims", "a", 9, 10), UnitFigure("ticket_tag", "Sales", "a", 9, 9)], {}
    )[0]
    assert loud.priority == pytest.approx(quiet.priority * (1 + (0.3 + 0.1) / 2))
    assert len(loud.figures) == 2
    assert quiet.finding == "unclear"
    assert needs(gaps, risks, [], {("Claims", "a"): "skill"})[0].finding == "skill"
    assert quiet.target == pytest.approx(0.67), "half of what is missing: 1/3 covered today"


def offers(taken=(), nearest=None):
    courses = (Course("long", "a", 90), Course("short", "a", 20), Course("other", "b", 30))
    return Offers("2026-Q3", 1, frozenset(taken), courses, nearest or {}, np.array([10, 11, 12, 13]))


def test_a_nudge_is_the_nearest_helper_else_the_shortest_course_for_the_gap_that_matters_most():
    gap = np.array([[1.0, 1.0], [0.0, 1.0], [NO, NO], [1.0, 0.0]])
    persons = np.array([10, 11, 12, 13])
    found = {
        one.person: one for one in choose(persons, gap, ("a", "b"), {"a": 2.0, "b": 1.0}, offers(nearest={"a": np.array([1, 1, 2, -1])}))
    }
    assert (found[10].kind, found[10].helper, found[10].minutes) == (SHADOWING, 11, 60)
    assert (found[11].kind, found[11].item) == (COURSE, "other")
    assert 12 not in found
    assert (found[13].kind, found[13].item) == (COURSE, "short"), "no path to a helper"


def test_nobody_gets_a_second_nudge_in_a_quarter():
    gap = np.ones((4, 1))
    persons = np.array([10, 11, 12, 13])
    assert {one.person for one in choose(persons, gap, ("a",), {}, offers(taken=(10, 12)))} == {11, 13}
    assert len(choose(persons, gap, ("a",), {}, offers())) == 4


def test_the_held_out_share_is_drawn_by_seed_and_quarter_and_stays():
    drawn = np.array([is_held_out(person, "2026-Q3", 7) for person in range(5_000)])
    assert abs(drawn.mean() - 0.2) < 4 * np.sqrt(0.2 * 0.8 / 5_000)
    assert is_held_out(2**62 + 5, "2026-Q3", 7) == is_held_out(2**62 + 5, "2026-Q3", 7)
    later = np.array([is_held_out(person, "2026-Q4", 7) for person in range(5_000)])
    assert 0.1 < (drawn & later).mean() / drawn.mean() < 0.3, "who is held out once is not held out for ever"


def test_a_planted_effect_is_recovered_and_no_effect_is_reported_as_none():
    """Gap closed .3 more for those offered; 200 runs without an effect are told at most as often as the level allows."""
    rng = np.random.default_rng(3)
    control = rng.random(400) < 0.2
    before = np.ones(400)
    after = before - rng.normal(0.1, 0.2, 400) - 0.3 * ~control
    found = effect(before, after, control)
    assert found.told
    assert found.low < 0.3 < found.high
    told = sum(effect(before, before - rng.normal(0.1, 0.2, 400), control).told for _ in range(200))
    assert told <= 20, "5 % of 200, and three standard errors"


def test_an_effect_of_too_few_people_is_not_told():
    with pytest.raises(NotEnoughDataError):
        effect(np.ones(12), np.zeros(12), np.arange(12) < 9)


def test_quarters_are_named_by_year_and_number():
    from datetime import date

    assert [quarter_of(date(2026, month, 1)) for month in (1, 3, 4, 12)] == ["2026-Q1", "2026-Q1", "2026-Q2", "2026-Q4"]


def test_ranking_quality_is_the_chance_that_a_named_person_stands_above():
    """By hand: of the six pairs of a named and another person, five are in order and one is a tie."""
    score, named = np.array([5.0, 4, 3, 3, 1]), np.array([True, True, False, False, False])
    assert auc(score, named) == 1
    assert auc(np.array([5.0, 3, 3, 2, 1]), named) == pytest.approx(5.5 / 6)
    assert lift(np.arange(100.0), np.arange(100) >= 95) == 20
    assert np.isnan(auc(score, np.zeros(5, bool)))


def test_validity_is_told_inside_departments_and_planted_validity_is_found():
    rng = np.random.default_rng(5)
    department = np.repeat(np.arange(6), 100)
    named = rng.random(600) < 0.06
    score = rng.normal(size=600) + 2.0 * named
    found = validate(score, named, department)
    assert found.passed
    assert found.auc == pytest.approx(0.92, abs=3 * found.standard_error + 0.01)  # Phi(2 / sqrt 2)
    assert found.departments == 6
    noise = validate(rng.normal(size=600), named, department)
    assert not noise.passed
    assert abs(noise.auc - 0.5) < 3 * noise.standard_error
    shifted = validate(department + 0.01 * rng.normal(size=600), (department == 5) & (rng.random(600) < 0.5), department)
    assert abs(shifted.auc - 0.5) < 3 * shifted.standard_error, "a department that is named more proves nothing"


def test_too_few_nominations_prove_nothing():
    with pytest.raises(NotEnoughDataError):
        validate(np.arange(50.0), np.arange(50) < 5, np.zeros(50, np.int64))
    with pytest.raises(NotEnoughDataError):
        validate(np.arange(20.0), np.ones(20, bool), np.zeros(20, np.int64))


def test_the_skill_map_knows_a_hundred_skills_by_several_words():
    assert sum(MAP[label].kind == "soft" for label in LABELS) == 40
    assert sum(MAP[label].kind == "hard" for label in LABELS) >= 60
    assert tag("Public  Speaking").label == "speaking"
    assert (tag("negotiation").framework, tag("negotiation").code) == (ONET, "2.B.1.d")
    assert skills_of(["Scrum", "agile", " ", "Basket weaving"]) == ("agile", "basket weaving")
    assert tag("basket weaving").match == "manual"


def test_a_loaded_list_adds_to_the_map_and_lends_it_its_codes():
    """Targets and badges go by the same label, whatever list is loaded later."""
    esco = {
        "scrum": SkillTag("scrum", "hard", "ESCO", "S1", "exact", 1.0),
        "agile": SkillTag("agile", "hard", "ESCO", "S5.6", "exact", 1.0),
    }
    weaving = SkillTag("basket weaving", "hard", "ESCO", "S9", "exact", 1.0)
    assert (tag("Scrum", esco).label, tag("Scrum", esco).framework, tag("Scrum", esco).code) == ("agile", "ESCO", "S5.6")
    assert tag("basket weaving", {"basket weaving": weaving}) is weaving
    assert tag("negotiation", {"negotiation": weaving}).code == "2.B.1.d", "an own code stays"


def test_a_skill_is_found_by_its_code_too():
    assert tag("2.B.1.D").label == tag("Negotiating with people [2.B.1.d]").label == "negotiation"
    assert tag("Basket weaving [X.9]").label == "basket weaving", "a code that nobody knows leaves the word"
    assert skills_of(["Basket weaving [X.9]", "Basket Weaving"]) == ("basket weaving",)
