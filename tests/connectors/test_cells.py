"""Text tables and their cells: good rows are kept, damaged ones counted, doubtful dates refused."""

import io
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.archive import FileError
from connectors.cells import CellError, Csv, day, instant, normal_header, number, plausible, positions, second_zero, truth

BERLIN = ZoneInfo("Europe/Berlin")


def table(text, **options):
    return Csv(io.BytesIO(text if isinstance(text, bytes) else text.encode()), **options)


def rows(text, **options):
    return [row.fault or list(row.cells) for row in table(text, **options).rows()]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_from_the_header(delimiter):
    assert rows(f"a{delimiter}b\n1{delimiter}x y\n") == [["1", "x y"]]


def test_a_byte_order_mark_and_any_line_end_are_accepted():
    assert table("\ufeffEmployee ID;b\r\n1;2\r\n").header == ("employee_id", "b")
    assert rows("\ufeffa;b\r\n1;2\r\n\r\n3;4") == [["1", "2"], ["3", "4"]]


def test_a_table_of_the_header_only_has_no_rows():
    assert rows("a,b\n") == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "csv_empty"),
        (b"\n", "csv_empty"),
        ("a,b".encode("utf-16"), "csv_encoding"),
        (b",".join(b"c%d" % n for n in range(10_000)) + b"\n", "csv_columns"),
    ],
)
def test_a_file_that_is_no_table_is_refused(text, code):
    with pytest.raises(FileError) as caught:
        table(text)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        ("1", "column_count"),
        ("1,2,3", "column_count"),
        ("1,\0", "nul_byte"),
        ('1,"2', "unbalanced_quote"),
        ('1,"2"3', "unbalanced_quote"),
        ("1," + "x" * 70_000, "field_too_long"),
        ("1," + "x" * 3_000_000, "row_too_long"),
    ],
)
def test_a_damaged_row_is_a_fault_and_its_neighbours_stay(bad, fault):
    assert rows(f"a,b\n1,2\n{bad}\n3,4\n") == [["1", "2"], fault, ["3", "4"]]


def test_a_byte_that_is_no_utf8_spoils_its_row_only_and_another_encoding_may_be_named():
    assert rows(b"a,b\n\xfc,2\n3,4\n") == ["encoding", ["3", "4"]]
    assert rows(b"a,b\n\xfc,2\n", encoding="cp1252") == [["ü", "2"]]


def test_quoted_cells_may_hold_delimiters_quotes_and_lines():
    assert rows('a,b\n"x, ""y""\nz",2\n3,4\n') == [['x, "y"\nz', "2"], ["3", "4"]]


def test_a_quote_that_never_closes_costs_one_row_not_the_file():
    good = [[str(n), "x"] for n in range(200)]
    assert rows('a,b\n1,"open\n' + "".join(f"{n},x\n" for n in range(200))) == ["unbalanced_quote", *good]


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1), min_size=2, max_size=2), max_size=5))
def test_what_the_standard_library_writes_is_read_back(cells):
    import csv

    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([["a", "b"], *cells])
    assert rows(out.getvalue(), delimiter=",") == cells


@given(st.binary(max_size=300))
def test_any_bytes_give_rows_or_a_typed_error(data):
    try:
        found = rows(data)
    except FileError:
        return
    assert all(isinstance(row, (list, str)) for row in found)


@pytest.mark.parametrize(
    ("name", "normal"), [("Employee ID", "employee_id"), ("ReportsToID", "reports_to_id"), (" E-Mail ", "e_mail"), ("ID", "id")]
)
def test_headers_have_one_form(name, normal):
    assert normal_header(name) == normal


def test_a_mapped_column_that_stands_twice_is_refused():
    assert positions(("a", "b", "b"), {"x": "A"}) == {"x": 0}
    with pytest.raises(FileError) as caught:
        positions(("a", "b", "b"), {"x": "b"})
    assert caught.value.code == "column_twice"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2026-07-01", date(2026, 7, 1)),
        ("2026-07-01 08:00:00", date(2026, 7, 1)),
        ("2026-07-01T10:00:00Z", date(2026, 7, 1)),
        ("44197", date(2021, 1, 1)),  # Excel's serial of 1 January 2021
        ("44197.0", date(2021, 1, 1)),
        ("31.12.2027", date(2027, 12, 31)),
        ("12/31/2027", date(2027, 12, 31)),
        ("05/05/2026", date(2026, 5, 5)),
        ("", None),
    ],
)
def test_dates_are_read_in_the_forms_of_spreadsheets(cell, expected):
    assert day(cell) == expected


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("03/04/2026", "date_ambiguous"),
        ("31/31/2026", "date_unreadable"),
        ("soon", "date_unreadable"),
        ("0001-01-01", "date_out_of_range"),
        *(
            (text, "date_unreadable") for text in ("01/07/26", "1.7.26", "26-07-01", "010726", "260701", "July 1, 26")
        ),  # two digits of a year
    ],
)
def test_a_date_that_could_be_two_or_none_is_refused(cell, code):
    with pytest.raises(CellError) as caught:
        day(cell)
    assert caught.value.code == code


def test_a_configured_order_settles_a_date():
    assert day("03/04/2026", "dmy") == date(2026, 4, 3)
    assert day("03/04/2026", "mdy") == date(2026, 3, 4)


def test_wall_times_become_utc_through_their_zone_and_gaps_are_refused():
    assert instant(datetime(2026, 7, 1, 10), BERLIN) == 1782892800 * 10**6
    assert instant(datetime(2026, 10, 25, 2, 30), BERLIN) + 3600 * 10**6 == instant(datetime(2026, 10, 25, 2, 30, fold=1), BERLIN)
    for wall, zone, code in ((datetime(2026, 3, 29, 2, 30), BERLIN, "time_in_dst_gap"), (datetime(2026, 1, 1), None, "zone_missing")):
        with pytest.raises(CellError) as caught:
            instant(wall, zone)
        assert caught.value.code == code


@pytest.mark.parametrize(
    ("moment", "code"), [(0, "time_not_positive"), (-1, "time_not_positive"), (10**15 + 86_400 * 10**6 + 1, "time_in_future")]
)
def test_times_before_1970_or_more_than_a_day_ahead_are_refused(moment, code):
    with pytest.raises(CellError) as caught:
        plausible(moment, now=10**15)
    assert caught.value.code == code


def test_a_day_ahead_is_still_plausible():
    assert plausible(10**15 + 86_400 * 10**6, now=10**15)


def test_truth_and_numbers_are_read_or_refused():
    assert [truth(cell) for cell in ("Yes", "ja", "1", "", "no")] == [True, True, True, False, False]
    assert number("0,5", 0, 1) == 0.5
    assert number("", 0, 1) is None
    for call, code in (
        (lambda: truth("perhaps"), "truth_unreadable"),
        (lambda: number("x", 0, 1), "number_unreadable"),
        (lambda: number("nan", 0, 1), "number_out_of_range"),
    ):
        with pytest.raises(CellError) as caught:
            call()
        assert caught.value.code == code


def test_the_first_second_of_a_minute_is_flagged():
    at = int(datetime(2026, 7, 1, 10, 0, 0, 999_999, tzinfo=UTC).timestamp() * 10**6)
    assert second_zero(at)
    assert not second_zero(at + 2)
