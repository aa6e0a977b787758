"""Tables as CSV and XLSX in memory: the same columns as on the page, and no cell that a spreadsheet would take for a formula."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

from pipelines.reports import cell

Kind = Literal["csv", "xlsx"]

MEDIA: dict[Kind, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

WIDEST = 60
"""Characters of the widest column."""

Rows = Sequence[Sequence[object]]
Pairs = Sequence[tuple[str, str]]


def sheet(kind: Kind, columns: Sequence[str], rows: Rows, *, meanings: Pairs = (), notes: Pairs = ()) -> bytes:
    """Return a table as a file of this kind; a workbook also explains its columns and says where it comes from."""
    return _csv(columns, rows) if kind == "csv" else _xlsx(columns, rows, {"columns": meanings, "notes": notes})


def parquet(columns: Sequence[str], rows: Rows, *, meanings: Pairs = (), notes: Pairs = ()) -> bytes:
    """Return a table as a Parquet file; what its columns mean and where it comes from is in its metadata."""
    table = pa.table({name: [row[at] for row in rows] for at, name in enumerate(columns)})
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({**dict(notes), **{f"column {name}": said for name, said in meanings}}), sink)
    return sink.getvalue()


def _csv(columns: Sequence[str], rows: Rows) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([cell(name) for name in columns])
    writer.writerows([_plain(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")  # with a mark, or spreadsheets read umlauts wrongly


def _xlsx(columns: Sequence[str], rows: Rows, beside: Mapping[str, Pairs]) -> bytes:
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "constant_memory": False}
    with xlsxwriter.Workbook(buffer, options) as book:
        page = book.add_worksheet("data")
        head = book.add_format({"bold": True, "bottom": 1})
        page.write_row(0, 0, [str(name) for name in columns], head)
        page.freeze_panes(1, 1)
        for at, row in enumerate(rows, 1):
            for column, value in enumerate(row):
                _write(page, at, column, value)
        for column, name in enumerate(columns):
            longest = max([len(str(name)), *(len(str(row[column] or "")) for row in rows)])
            page.set_column(column, column, min(WIDEST, longest + 2))
        for title, pairs in beside.items():
            if pairs:
                _add_pairs(book.add_worksheet(title), pairs)
    return buffer.getvalue()


def _add_pairs(page: xlsxwriter.workbook.Worksheet, pairs: Pairs) -> None:
    """Write names and what is said of them, one a line."""
    page.set_column(0, 0, WIDEST // 2)
    page.set_column(1, 1, 2 * WIDEST)
    for at, (name, said) in enumerate(pairs):
        _write(page, at, 0, name)
        _write(page, at, 1, said)


def _write(page: xlsxwriter.workbook.Worksheet, row: int, column: int, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        text = _plain(value)
        if text != "":
            page.write_string(row, column, str(text))
    else:
        page.write_number(row, column, value)


def _plain(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return cell(value)
