"""A small streamed company, scanned and sealed through the pipeline: the record on disk, its guards and its reports."""

import csv
from dataclasses import replace
from datetime import date, datetime

import pyarrow.parquet as pq
import pytest

from ona.errors import NotEnoughDataError, NotFoundError, SettingsError, TableError
from ona.rules import Rules
from ona.simulate.company import company
from pipelines import doctor, reports, scans
from pipelines.access import LOCAL_ANALYST
from pipelines.intake import simulated
from pipelines.keys import create_key
from pipelines.settings import load_settings, write_template
from pipelines.storage.workspace import open_workspace

NOW = datetime(2026, 8, 5, 12)
"""A Wednesday in the sixth simulated week: five weeks are over."""

SIMULATED = company(people=60, weeks=6, seed=5)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A deployment with the streamed company and one scan of its four last whole weeks."""
    place = tmp_path_factory.mktemp("streamed") / "home"
    write_template(place)
    create_key(place / "key")
    with open_workspace(load_settings(place), now=lambda: NOW) as ws:
        simulated.stream(ws, SIMULATED)
        scans.run(ws, Rules(weeks=4))
    return place


@pytest.fixture
def ws(home):
    with open_workspace(load_settings(home), now=lambda: NOW) as opened:
        yield opened


def test_a_streamed_company_is_whole_and_its_ids_are_the_vaults(ws, tmp_path_factory):
    place = tmp_path_factory.mktemp("whole") / "home"
    write_template(place)
    create_key(place / "key")
    with open_workspace(load_settings(place), now=lambda: NOW) as other:
        assert simulated.stream(other, SIMULATED) == SIMULATED.events().num_rows
        events = other.lake.read("events")
    assert events.num_rows == SIMULATED.events().num_rows
    assert not set(events["sender"].to_pylist()) & set(SIMULATED.people["person"].to_pylist())


def test_the_running_week_waits_until_it_is_over(ws):
    window = scans.plan(ws, 4)
    assert (window.start, window.end) == (date(2026, 7, 6), date(2026, 8, 3))


def test_a_window_that_ends_in_the_middle_of_a_week_or_holds_no_event_is_refused(ws):
    with pytest.raises(SettingsError, match="Monday"):
        scans.plan(ws, 4, date(2026, 7, 28))  # a Tuesday
    with pytest.raises(NotEnoughDataError, match="no event"):
        scans.plan(ws, 4, date(2030, 1, 7))


def test_a_window_before_all_events_is_refused_with_the_first_week(ws):
    with pytest.raises(NotEnoughDataError, match="2026-06-29"):
        scans.plan(ws, 4, date(2026, 1, 5))


def test_the_same_input_and_rules_are_the_same_scan_and_another_seed_is_another(ws):
    first = scans.run(ws, Rules(weeks=4))
    assert scans.run(ws, Rules(weeks=4)).id == first.id
    other = scans.run(ws, replace(Rules(weeks=4), seed=1))
    assert other.id != first.id
    assert scans.list_scans(ws)[0].people == first.people.num_rows


def test_a_sealed_file_that_changed_is_not_served(ws):
    sealed = scans.run(ws, replace(Rules(weeks=4), seed=2))
    path = sealed.folder / "scores.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(TableError, match=r"scores\.parquet"):
        scans.open_scan(ws, sealed.id)
    scans.run(ws, Rules(weeks=4))


def test_a_scan_that_does_not_exist_is_missing_whatever_its_id_looks_like(ws):
    for wrong in ("ffff", "../../etc", ""):
        with pytest.raises(NotFoundError):
            scans.open_scan(ws, wrong)


def test_leftovers_of_a_killed_scan_are_swept_by_the_next_one(ws):
    draft = ws.home / "scans" / ".half"
    draft.mkdir()
    (draft / "scores.parquet").touch()
    scans.run(ws, Rules(weeks=4))
    assert not draft.exists()


def test_nothing_in_the_report_counts_a_group_under_the_minimum(ws):
    coverage = scans.open_scan(ws).quality["coverage"]
    sizes = scans.open_scan(ws).people.to_pandas().query("kind == 1").groupby("group").size()
    assert len(coverage["by_department"]) == int((sizes > 5).sum())  # whoever reads it may be one of them


def test_bots_rooms_and_shared_mailboxes_are_listed_for_the_operator_and_not_in_the_sealed_report(ws):
    sealed = scans.open_scan(ws)
    listed = doctor.technical_accounts(ws, sealed)
    assert {"bot", "shared"} <= {row["kind"] for row in listed}
    assert not [row["handle"] for row in listed if row["handle"] in str(sealed.quality)]


@pytest.mark.parametrize("hostile", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "＝1"])
def test_no_spreadsheet_takes_an_exported_cell_for_a_formula(hostile):
    assert reports.cell(hostile) == "'" + str(hostile)
    assert reports.cell(-1.5) == -1.5


def test_an_exported_table_has_one_row_for_each_member_and_names_its_scan(ws, tmp_path):
    sealed = scans.open_scan(ws)
    count = reports.export(ws, sealed, LOCAL_ANALYST, tmp_path / "people.csv", reports.Wish())
    with (tmp_path / "people.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    members = (pq.read_table(sealed.folder / "people.parquet").to_pandas().kind == 1).sum()
    assert len(rows) == count == members
    assert {row["scan"] for row in rows} == {sealed.id}


def test_an_unknown_format_is_refused_before_anything_is_written(ws, tmp_path):
    with pytest.raises(SettingsError, match=r"\.graphml"):
        reports.export(ws, scans.open_scan(ws), LOCAL_ANALYST, tmp_path / "people.xls", reports.Wish())
    assert not list(tmp_path.iterdir())
