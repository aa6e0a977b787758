"""Viva's person-to-person files: weeks and months, columns of contact, whose ids they are, and the vendor's own sample."""

import csv
from datetime import date, timedelta
from pathlib import Path

import pytest

from connectors.archive import FileError
from connectors.base import Coverage
from connectors.files.viva import Config, Connector, weeks_of

HEADER = "PrimaryCollaborator_PersonId,SecondaryCollaborator_PersonId,MetricDate,{}\n"
SAMPLE = Path(__file__).parents[4] / "shared/data/vivainsights_sample"


@pytest.fixture
def read(tmp_path):
    """Read a table given as text."""

    def found(text, **settings):
        path = tmp_path / "p2p.csv"
        path.write_text(text, encoding="utf-8-sig")
        coverage = Coverage()
        ties = list(Connector(Config(path=path, **settings)).ties(coverage))
        coverage.accepted = len(ties)
        assert coverage.balanced
        return ties, coverage

    return found


@pytest.mark.parametrize(
    ("day", "monday"),
    [("2026-07-04", "2026-07-06"), ("2026-07-05", "2026-07-06"), ("2026-07-06", "2026-07-06")],
    ids=["from Saturday", "from Sunday", "from Monday"],
)
def test_a_week_is_the_one_that_holds_its_middle_whatever_day_it_begins_on(read, day, monday):
    ((tie,), _) = read(HEADER.format("Collaboration_hours") + f"a,b,{day},1.5\n")
    assert (tie.weeks, tie.amount) == ((date.fromisoformat(monday),), 1.5)


def test_a_month_is_the_weeks_whose_middle_it_holds():
    assert weeks_of(date(2026, 7, 1)) == tuple(date(2026, 6, 29) + timedelta(weeks=number) for number in range(5))  # 1 July is a Wednesday
    every = [week for month in range(1, 13) for week in weeks_of(date(2026, month, 1))]
    assert every == [date(2025, 12, 29) + timedelta(weeks=number) for number in range(53)]  # no week twice, none left out


def test_dates_tell_weeks_from_months_and_what_they_leave_open_is_asked_for(read):
    ties, _ = read(HEADER.format("Meeting_Count") + "a,b,2026-07-01,1\na,b,2026-08-01,1\n")
    assert [len(tie.weeks) for tie in ties] == [5, 4]
    for days in (("2026-07-06", "2026-07-08"), ("2026-06-01",)):  # days; a Monday that is the first of a month
        table = HEADER.format("Meeting_Count") + "".join(f"a,b,{day},1\n" for day in days)
        with pytest.raises(FileError, match="span_unknown"):
            read(table)
        assert read(table, span="week")[0]


def test_the_columns_of_contact_are_found_or_named_and_added_up(read):
    table = HEADER.format("Meeting_Count,Mail_Count,Diverse_tie_type,Kontakt") + "a,b,2026-07-06,2,3,9,7\n"
    assert read(table)[0][0].amount == 5
    assert read(table, amount=("Kontakt", "Mail_Count"))[0][0].amount == 10
    for settings in ({"amount": ("Hours",)}, {"columns": {"subject": "Kontakt"}}):
        with pytest.raises(FileError):
            read(table, **settings)
    with pytest.raises(FileError, match="amount_unknown"):
        read(HEADER.format("Kontakt") + "a,b,2026-07-06,2\n")


def test_translated_headers_are_mapped(read):
    ties, _ = read(
        "Person,Kollege,Datum,Kontakt\na,b,2026-07-06,2\n",
        columns={"one": "Person", "other": "Kollege", "date": "Datum"},
        amount=("Kontakt",),
    )
    assert (ties[0].one, ties[0].other) == ("id:viva/a", "id:viva/b")


def test_a_table_says_who_stands_behind_the_ids_and_others_are_counted(read, tmp_path):
    (tmp_path / "ids.csv").write_text("person_id,employee_id,email\na,E1,\nb,,Bea@Acme.example\nc,E1,\n")
    table = HEADER.format("Meeting_Count") + "a,b,2026-07-06,2\na,x,2026-07-06,2\na,c,2026-07-06,2\n"
    ties, coverage = read(table, people_file=tmp_path / "ids.csv")
    assert [(tie.one, tie.other) for tie in ties] == [("id:hr/E1", "email:bea@acme.example")]
    assert coverage.dropped == {"person_unmapped": 2}  # unknown, or one person under two ids
    (tmp_path / "ids.csv").write_text("person_id\na\n")
    with pytest.raises(FileError, match="people_file"):
        read(table, people_file=tmp_path / "ids.csv")


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the vendor's samples lie beside the repository")
def test_every_row_of_the_vendors_sample_arrives_and_files_of_groups_are_refused():
    coverage = Coverage()
    ties = list(Connector(Config(path=SAMPLE / "p2p_data.csv", date_order="dmy", span="month")).ties(coverage))
    with (SAMPLE / "p2p_data.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(tie.one, tie.other, tie.amount) for tie in ties] == [
        (
            f"id:viva/{row['PrimaryCollaborator_PersonId']}",
            f"id:viva/{row['SecondaryCollaborator_PersonId']}",
            float(row["Strong_tie_score"]),
        )
        for row in rows
    ]
    assert len(rows) == 2_014
    for name in ("p2g_data.csv", "g2g_data.csv", "mt_data.csv"):
        with pytest.raises(FileError, match="columns_missing"):
            list(Connector(Config(path=SAMPLE / name, span="month")).ties(Coverage()))
