"""Working days: patterns, joining, leaving and absence; who is a member."""

from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa

from ona.gates import person_gates
from ona.graph import Graph
from ona.roster import Away, roster, weeks_of
from ona.rules import Rules
from ona.tables import ABSENCES, HOLIDAYS, PEOPLE, PRESENCE

MONDAY = date(2026, 6, 29)
WEEKS = np.arange("2026-06-29", "2026-09-28", 7, dtype="datetime64[D]")


def people(*rows):
    """PEOPLE of these rows; a person is a member unless said otherwise."""
    rows = [{"kind": 1} | row for row in rows]
    return pa.table([pa.array([row.get(f.name) for row in rows], f.type) for f in PEOPLE.schema], schema=PEOPLE.schema)


def presence(masks):
    """PRESENCE with these day masks by person and week."""
    rows = [(np.datetime64(WEEKS[week]).item(), person, mask) for person, weeks in masks.items() for week, mask in enumerate(weeks)]
    columns = {"week": [r[0] for r in rows], "account": [r[1] for r in rows], "days": [r[2] for r in rows]}
    return pa.table(
        {f.name: pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(len(rows), f.type) for f in PRESENCE.schema}
    )


def present(*persons):
    """Everybody is seen on every working day."""
    return presence({person: [31] * 13 for person in persons})


def test_everybody_works_from_monday_to_friday_unless_hr_knows_better():
    who = roster(people({"person": 1}, {"person": 2, "work_days": 0b0000111}), present(1, 2), np.array([], dtype=np.int64), WEEKS)
    assert who.worked.sum(axis=1).tolist() == [65, 39]


def test_days_before_joining_and_after_leaving_do_not_count():
    joined, left = date(2026, 7, 1), date(2026, 7, 10)
    who = roster(people({"person": 1, "joined": joined, "left": left}), present(1), np.array([], dtype=np.int64), WEEKS)
    assert who.worked[0].tolist() == [3, 4] + [0] * 11
    assert not who.members[0]


def test_ten_silent_working_days_are_an_absence_and_nine_are_not():
    """Person 1 is silent in weeks 2 and 3, person 2 in week 2 and four days of week 3."""
    masks = {1: [31, 0, 0] + [31] * 10, 2: [31, 0, 16] + [31] * 10}
    who = roster(people({"person": 1}, {"person": 2}), presence(masks), np.array([], dtype=np.int64), WEEKS)
    assert who.worked[0].tolist() == [5, 0, 0] + [5] * 10
    assert who.worked[1].tolist() == [5] * 13
    assert who.absent.tolist() == [True, False]


def test_part_time_is_never_inferred_from_silence():
    """Seen on Mondays only: no ten working days in a row are silent."""
    who = roster(people({"person": 1}), presence({1: [1] * 13}), np.array([], dtype=np.int64), WEEKS)
    assert who.worked.sum() == 65


def test_without_a_joining_date_who_is_first_seen_late_is_too_new_unless_tenure_does_not_matter():
    """Person 1 is seen from the first week, person 2 from the fifth; a tenure of 0 days asks for none."""
    who = roster(people({"person": 1}, {"person": 2}), presence({1: [31] * 13, 2: [0] * 4 + [31] * 9}), np.array([], dtype=np.int64), WEEKS)
    nobody = Graph.from_ties(pa.table({"source": [], "target": [], "weight": []}), people=np.array([1, 2]))
    rules = Rules(min_worked_days=0, min_turns=0, min_counterparties=0)
    assert person_gates(who, np.zeros(2), nobody, rules).tolist() == ["", "too_new"]
    assert person_gates(who, np.zeros(2), nobody, replace(rules, min_tenure_days=0)).tolist() == ["", ""]


def test_the_last_row_of_a_person_counts_and_all_managers_of_the_window_are_in_line():
    rows = people(
        {"person": 1, "valid_from": MONDAY, "manager": 2, "group": 5},
        {"person": 1, "valid_from": date(2026, 8, 3), "manager": 3, "group": 6},
        {"person": 2}, {"person": 3}, {"person": 4},
    )  # fmt: skip
    who = roster(rows, present(1), np.array([], dtype=np.int64), WEEKS)
    assert who.codes("group")[0] == 6
    assert who.in_line(np.array([0, 0, 0, 1]), np.array([1, 2, 3, 0])).tolist() == [True, True, False, True]


def test_strangers_to_hr_are_members_without_data():
    who = roster(PEOPLE.empty(), present(7), np.array([9]), WEEKS)
    assert who.persons.tolist() == [7, 9]
    assert who.members.all()
    assert np.isnan(who.level).all()


def test_a_circle_of_managers_has_no_depth():
    who = roster(people({"person": 1, "manager": 2}, {"person": 2, "manager": 1}), present(1, 2), np.array([], dtype=np.int64), WEEKS)
    assert np.isnan(who.level).all()


def test_weeks_run_without_gaps_and_the_latest_count():
    table = presence({1: [31]})
    late = table.set_column(0, "week", pa.array([date(2026, 9, 21)]))
    assert len(weeks_of(table, late, at_most=13)) == 13
    assert weeks_of(table, late, at_most=4)[-1] == np.datetime64("2026-09-21")


def away(absences=(), holidays=()):
    """Stated absences as (person, day) and holidays as (site, day)."""
    tables = []
    for rows, table in ((absences, ABSENCES), (holidays, HOLIDAYS)):
        columns = list(zip(*rows, strict=True)) or [[], []]
        arrays = [pa.array(column, kind) for column, kind in zip(columns, table.schema.types, strict=True)]
        tables.append(pa.table(arrays, schema=table.schema))
    return Away(*tables)


def test_stated_absences_are_no_working_days_however_short():
    """Two days off of person 1; a Sunday and a stranger change nothing."""
    days = [(1, MONDAY), (1, date(2026, 6, 30)), (1, date(2026, 7, 5)), (9, MONDAY), (2, date(2026, 1, 1))]
    who = roster(people({"person": 1}, {"person": 2}), present(1, 2), np.array([], dtype=np.int64), WEEKS, away(absences=days))
    assert who.worked.sum(axis=1).tolist() == [63, 65]
    assert who.absent.tolist() == [True, False]


def test_holidays_of_a_site_are_free_for_its_people_alone_and_no_absence():
    who = roster(
        people({"person": 1, "site": 4}, {"person": 2, "site": 5}, {"person": 3}),
        present(1, 2, 3),
        np.array([], dtype=np.int64),
        WEEKS,
        away(holidays=[(4, MONDAY), (4, date(2026, 7, 4))]),
    )
    assert who.worked.sum(axis=1).tolist() == [64, 65, 65]
    assert not who.absent.any()


def test_a_stated_absence_inside_a_silent_stretch_does_not_count_twice():
    """Silent for eleven working days, three of them stated: eight are too few to count by themselves."""
    masks = {1: [31, 0, 0, 30] + [31] * 9}
    days = [(1, date(2026, 7, day)) for day in (6, 7, 8)]
    who = roster(people({"person": 1}), presence(masks), np.array([], dtype=np.int64), WEEKS, away(absences=days))
    assert who.worked.sum() == 62
