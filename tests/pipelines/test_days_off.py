"""Days off are matched to persons and sites, replaced by the next reading, and reach ties and scans as working time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pytest
import sqlalchemy as sa

from connectors.base import Coverage, RawDaysOff, RawPerson
from ona.roster import Away, roster
from ona.tables import PRESENCE
from pipelines.intake import days_off, people
from pipelines.intake.days_off import pull_days_off
from pipelines.intake.people import object_person, pull_people
from pipelines.intake.pulls import pull
from pipelines.schema import ABSENCES
from pipelines.storage.workspace import Workspace
from tests.pipelines.conftest import People, handle

MONDAY = date(2026, 7, 6)
FRIDAY = MONDAY + timedelta(days=4)


@dataclass
class Off:
    """Yields the spans given."""

    given: Sequence[RawDaysOff]

    def days_off(self, coverage: Coverage) -> Iterator[RawDaysOff]:
        for span in self.given:
            coverage.read += 1
            yield span


@pytest.fixture
def persons(ws: Workspace) -> dict[str, int]:
    sites = {"ann": "Berlin", "bea": "Berlin", "cyd": "Dublin"}
    pull_people(ws, "people", People([RawPerson((handle(name), f"id:hr/{name}"), site=site) for name, site in sites.items()]))
    return {name: found for name in sites if (found := ws.vault.person_of(handle(name)))}


def off(name: str, first: date = MONDAY, last: date = FRIDAY) -> RawDaysOff:
    return RawDaysOff(first, last, person=handle(name))


def test_spans_become_days_and_a_second_reading_replaces_the_first(ws, persons):
    report = pull_days_off(ws, "days_off", Off([off("ann"), off("ann", FRIDAY, FRIDAY), RawDaysOff(FRIDAY, FRIDAY, site="Berlin")]))
    assert (report.accepted, report.balanced) == (3, True)
    assert days_off.absences(ws).to_pylist() == [{"person": persons["ann"], "day": MONDAY + timedelta(days=k)} for k in range(5)]
    pull_days_off(ws, "other", Off([off("cyd", MONDAY, MONDAY)]))
    pull_days_off(ws, "days_off", Off([off("bea", MONDAY, MONDAY)]))
    assert {row["person"] for row in days_off.absences(ws).to_pylist()} == {persons["bea"], persons["cyd"]}
    assert days_off.holidays(ws).num_rows == 0


def test_a_holiday_of_a_site_is_a_day_off_of_its_accounts_alone(ws, persons):
    pull_days_off(ws, "days_off", Off([off("ann", MONDAY, MONDAY), RawDaysOff(MONDAY, MONDAY, site="Berlin")]))
    accounts = people.accounts(ws)
    by_account = dict(zip(accounts["account"].to_pylist(), accounts["person"].to_pylist(), strict=True))
    away = days_off.away(ws, accounts)
    assert {(by_account[row["account"]], row["day"]) for row in away.to_pylist()} == {(persons["ann"], MONDAY), (persons["bea"], MONDAY)}
    assert away.num_rows == len({row["account"] for row in away.to_pylist()})  # each day once


def test_whom_and_what_nobody_knows_and_who_objected_is_counted_and_not_kept(ws, persons):
    object_person(ws, persons["cyd"])
    report = pull_days_off(ws, "days_off", Off([off("cyd"), off("zoe"), RawDaysOff(MONDAY, MONDAY, site="Atlantis")]))
    assert report.dropped == {"objected_or_protected": 1, "unmatched_person": 1, "unmatched_site": 1}
    assert report.balanced
    assert not list(ws.service.rows(sa.select(ABSENCES)))
    assert days_off.holidays(ws).num_rows == 0


def test_a_scan_counts_no_working_days_where_people_or_sites_were_off(ws, persons):
    pull_days_off(ws, "days_off", Off([off("ann"), RawDaysOff(FRIDAY, FRIDAY, site="Berlin")]))
    known = people.current_people(ws, FRIDAY)
    who = roster(
        known,
        PRESENCE.empty(),
        known["person"].to_numpy(),
        np.array([MONDAY], dtype="datetime64[D]"),
        Away(days_off.absences(ws), days_off.holidays(ws)),
    )
    worked = dict(zip(who.persons.tolist(), who.worked[:, 0].tolist(), strict=True))
    assert [worked[persons[name]] for name in ("ann", "bea", "cyd")] == [0, 4, 5]


def test_a_configured_table_is_pulled_after_people(ws, tmp_path):
    (tmp_path / "people.csv").write_text("employee_id,email,site\n1,ann@corp.example,Berlin\n", encoding="utf-8")
    (tmp_path / "days.csv").write_text("employee_id,first_day\n1,2026-07-06\n2,2026-07-06\n", encoding="utf-8")
    found = [
        outcome
        for name, path in (("people", "people.csv"), ("days_off", "days.csv"))
        for outcome in pull(ws, [name], {"path": str(tmp_path / path)})
    ]
    assert [(one.gives, one.error) for one in found] == [("people", None), ("days off", None)]
    assert days_off.absences(ws)["day"].to_pylist() == [date(2026, 7, 6)]
