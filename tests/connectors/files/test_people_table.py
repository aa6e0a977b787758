"""HR tables: who is there, under which handles, and what a spreadsheet does to cells."""

from datetime import date
from pathlib import Path

import pytest

from connectors.archive import FileError
from connectors.base import Coverage
from connectors.files.people import Config, Connector
from ona.tables import AccountKind

REPORTS = Path(__file__).parents[4] / "shared" / "data" / "manufacturing_email" / "reportsto.csv"


@pytest.fixture
def read(tmp_path):
    """Read a CSV text and check its account."""

    def people(text, **options):
        path = tmp_path / "hr.csv"
        path.write_bytes(text.encode())
        coverage = Coverage()
        found = list(Connector(Config(path=path, **options)).people(coverage))
        coverage.accepted = len(found)
        assert coverage.balanced
        return found, coverage

    return people


def test_ids_keep_their_zeros_and_addresses_are_aliases(read):
    (one,), _ = read(
        "Employee ID;E-Mail;Aliases\n007;Ada@x.example;a@x.example;\n".replace("a@x.example;\n", '"a@x.example;smtp:b@x.example"\n')
    )
    assert one.handles == ("id:hr/007", "email:ada@x.example", "email:a@x.example", "email:b@x.example")


def test_a_manager_may_be_named_by_id_or_address_and_trees_are_not_judged_here(read):
    people, coverage = read("employee_id,manager_id\n1,1\n2,3\n3,2\n4,ada@x.example\n5,99\n6,\n1,2\n")
    assert [person.manager for person in people] == ["id:hr/1", "id:hr/3", "id:hr/2", "email:ada@x.example", "id:hr/99", None, "id:hr/2"]
    assert not coverage.quarantined


def test_rows_of_several_dates_are_versions_and_repeated_rows_are_dropped(read):
    people, coverage = read("employee_id,team,snapshot_date\n1,A,2026-01-01\n1,B,2026-04-01\n1,B,2026-04-01\n")
    assert [(person.team, person.valid_from) for person in people] == [("A", date(2026, 1, 1)), ("B", date(2026, 4, 1))]
    assert coverage.dropped == {"row_repeated": 1}


@pytest.mark.parametrize(
    ("cell", "mask"),
    [
        ("", 0b11111),
        ("Mon,Tue,Wed", 0b111),
        ("mon-fri"[:3], 0b1),
        ("Monday Thursday", 0b1001),
        ("11001", 0b10011),
        ("1111100", 0b11111),
        ("31", 31),
        ("Mo", None),
        ("200", None),
    ],
)
def test_working_days_are_read_in_words_bits_or_as_a_mask(read, cell, mask):
    people, coverage = read(f'employee_id,work_days\n1,"{cell}"\n')
    assert [person.work_days for person in people] == ([] if mask is None else [mask])
    assert coverage.quarantined.total() == (mask is None)


@pytest.mark.parametrize(("cell", "fte"), [("", 1.0), ("0.5", 0.5), ("0,5", 0.5), ("80%", 0.8), ("80", 0.8)])
def test_part_time_is_read_as_a_share_or_percent(read, cell, fte):
    assert read(f"employee_id;fte\n1;{cell}\n")[0][0].fte == pytest.approx(fte)


def test_formula_cells_stay_text(read):
    (one,), _ = read('employee_id,name,team\n\'007,"\'=HYPERLINK(""x"")",+sum\n')
    assert (one.handles, one.name, one.team) == (("id:hr/007",), '=HYPERLINK("x")', "+sum")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("1,not an address,,", "address_at"),
        (",,,", "handle_missing"),
        ("1,,03/04/2026,", "date_ambiguous"),
        ("1,,,perhaps", "truth_unreadable"),
        ("1,,", "column_count"),
    ],
)
def test_a_bad_row_is_quarantined_and_the_others_are_kept(read, line, code):
    people, coverage = read(f"employee_id,email,start_date,on_call\n{line}\n2,b@x.example,2026-01-01,yes\n")
    assert [person.handles[0] for person in people] == ["id:hr/2"]
    assert coverage.quarantined == {code: 1}


def test_other_column_names_are_mapped_and_wrong_maps_refused(read):
    assert read("nr,boss\n7,8\n", columns={"employee_id": "Nr", "manager": "Boss"})[0][0].manager == "id:hr/8"
    for columns, code in (({"salary": "x"}, "columns_unknown"), ({"team": "x"}, "columns_missing"), ({}, "columns_missing")):
        with pytest.raises(FileError) as caught:
            read("nr,boss\n", columns=columns)
        assert caught.value.code == code


def test_kinds_consents_and_slack_ids_are_read(read):
    people, coverage = read("employee_id,kind,named_on_map,objected,slack_id\n1,ROOM,yes,,T1/U1\n2,intern,,yes,U2\n", slack_team="T9")
    assert [person.kind for person in people] == [AccountKind.ROOM, AccountKind.MEMBER]
    assert [person.handles[-1] for person in people] == ["slack:T1/U1", "slack:T9/U2"]
    assert (people[0].named_on_map, people[1].objected) == (True, True)
    assert coverage.notes == {"kind_unknown": 1}


def test_a_slack_id_without_a_team_leaves_its_person_in_place(read):
    people, coverage = read("employee_id,slack_id\n1,U1\n2,T1/U2\n")
    assert [person.handles for person in people] == [("id:hr/1",), ("id:hr/2", "slack:T1/U2")]
    assert (coverage.notes, coverage.quarantined) == ({"slack_id_without_team": 1}, {})


def test_the_manufacturing_company_has_154_employees_7_technical_and_6_former_accounts():
    if not REPORTS.exists():
        pytest.skip("the manufacturing e-mail data set is not beside the repository")
    kinds = {"former employee account": "FORMER", "technical email account - not used by employees": "TECHNICAL"}
    coverage = Coverage()
    people = list(Connector(Config(path=REPORTS, namespace="firm", kind_from_manager=kinds)).people(coverage))
    assert coverage.read == len(people) == 167
    assert [sum(person.kind is kind for person in people) for kind in (AccountKind.MEMBER, AccountKind.TECHNICAL, AccountKind.FORMER)] == [
        154,
        7,
        6,
    ]
    assert all(person.manager is None for person in people if person.kind is not AccountKind.MEMBER)
    assert next(person for person in people if person.handles == ("id:firm/86",)).manager == "id:firm/86"
