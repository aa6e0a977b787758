"""Person-to-person files of Viva Insights: contact that Microsoft has added up, so it enters as ties and never as events."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from connectors.archive import FileError, read_bytes
from connectors.base import Coverage, RawTie
from connectors.cells import CellError, Csv, Row, day, normal_header, number, positions
from connectors.columns import TableConfig, placed
from connectors.identity import HandleError, address_reader, handle, id_handle

COLUMNS = {
    "one": ("primary_collaborator_person_id", "person_id"),
    "other": ("secondary_collaborator_person_id",),
    "date": ("metric_date",),
}
"""What a column is → the normal header names that are taken for it. No other column but those of the amount is looked at."""

AMOUNTS = (
    ("strong_tie_score",),
    ("diverse_tie_score",),
    ("collaboration_hours",),
    ("meeting_hours", "email_hours", "chat_hours", "call_hours"),
    ("meeting_count", "mail_count", "email_count", "chat_count", "call_count"),
)
"""Columns of contact; the first group of which one is there is added up, unless the settings name others."""

LARGEST = 1e6
MIDDLE = timedelta(days=3)
"""From the first day of a week to its middle: weeks begin on Saturday, Sunday or Monday, as the tenant likes."""

HOW_TO = (
    "1. In Viva Insights make a person-to-person query, grouped by week or month, and download its CSV file.",
    '2. In ona.toml: [connectors.viva] with path = "p2p.csv", and date_order = "dmy" or "mdy" where dates are not written 2026-07-06',
    "3. Viva names people by ids of its own. Give people_file = a CSV with the columns person_id and employee_id (or email), as your",
    "   tenant's administrator can export it; without it the ids stay strangers to everybody else in the company.",
    "4. ona pull viva --dry-run",
)
"""Steps that an operator takes, in words."""


class Config(TableConfig):
    """Where the file lies and what its columns mean."""

    path: Path
    people_file: Path | None = None
    """Table of person_id and employee_id or email, which says who stands behind Viva's ids."""
    amount: tuple[str, ...] = ()
    """Columns that are added up as the amount of contact."""
    span: Literal["week", "month"] | None = None
    """What one row covers; found from the dates when it is not set."""
    namespace: str = "viva"
    """Of Viva's own ids."""
    employee_namespace: str = "hr"
    """Of the employee ids in ``people_file``, as in the HR table."""


class Connector:
    """Reads one person-to-person file."""

    def __init__(self, config: Config) -> None:
        """Take the file and the column map."""
        self._config = config
        self._address = address_reader(config.addresses)

    def ties(self, coverage: Coverage) -> Iterator[RawTie]:
        """Yield one tie per row; its people stay as the file or ``people_file`` names them."""
        people = self._people() if self._config.people_file else None
        span = self._config.span or self._span()
        with self._open(self._config.path) as table:
            at, amounts = self._positions(table.header)
            for row in table.rows():
                coverage.read += 1
                try:
                    tie = self._tie(row, at, amounts, span)
                except (CellError, HandleError) as error:
                    coverage.quarantined[error.code] += 1
                    continue
                named = tie if people is None else _named(tie, people)
                if named is None or not named.amount:
                    coverage.dropped["person_unmapped" if named is None else "no_contact"] += 1
                else:
                    yield named

    def _tie(self, row: Row, at: Mapping[str, int], amounts: list[int], span: str) -> RawTie:
        if row.fault is not None:
            raise CellError(row.fault)
        one, other = (id_handle(self._config.namespace, row.cells[at[end]].strip().removeprefix("'")) for end in ("one", "other"))
        if one == other:
            raise CellError("tie_to_oneself")
        begin = day(row.cells[at["date"]], self._config.date_order)
        if begin is None:
            raise CellError("date_missing")
        found = [number(row.cells[place], 0, LARGEST) for place in amounts]
        if all(value is None for value in found):
            raise CellError("amount_missing")
        return RawTie(one, other, weeks_of(begin) if span == "month" else (_monday(begin + MIDDLE),), sum(value or 0.0 for value in found))

    def _positions(self, header: tuple[str, ...]) -> tuple[dict[str, int], list[int]]:
        at = placed(header, COLUMNS, self._config.columns)
        if missing := COLUMNS.keys() - at.keys():
            raise FileError(
                "columns_missing",
                f"There is no column for: {', '.join(sorted(missing))}; a file of groups has no persons",
                "Export a person-to-person query, or set `columns` in the connector's settings.",
            )
        named = [normal_header(name) for name in self._config.amount]
        wanted = named or [name for name in next((names for names in AMOUNTS if set(names) & set(header)), ()) if name in header]
        found = [header.index(name) for name in wanted if name in header]
        if not found or (named and len(found) < len(named)):
            raise FileError("amount_unknown", "No column of contact is known here", "Set `amount` to the columns that count it.")
        return at, found

    def _span(self) -> Literal["week", "month"]:
        """Return what a row covers, from all dates of the file: first days of months, or days whole weeks apart."""
        with self._open(self._config.path) as table:
            place, order = self._positions(table.header)[0]["date"], self._config.date_order
            dates = {found for row in table.rows() if row.fault is None and (found := _day(row.cells[place], order)) is not None}
        month, week = all(one.day == 1 for one in dates), len({one.toordinal() % 7 for one in dates}) <= 1
        if month == week and dates and not (month and len(dates) == 1 and _begins_no_week(dates)):
            raise FileError(
                "span_unknown", "The dates are neither weeks nor months apart, or could be both", "Set `span` to week or month, no days."
            )
        return "month" if month else "week"

    def _people(self) -> dict[str, str]:
        """Return who stands behind Viva's ids: the handle of each."""
        config, found = self._config, dict[str, str]()
        with self._open(config.people_file or Path()) as table:
            at = positions(table.header, {"id": "person_id", "employee": "employee_id", "email": "email"})
            if "id" not in at or len(at) < 2:
                raise FileError("columns_missing", "people_file lacks person_id, or employee_id or email", "Add the columns.")
            for row in (row for row in table.rows() if row.fault is None):
                cells = {role: row.cells[place].strip().removeprefix("'") for role, place in at.items()}
                named = cells.get("employee") or cells.get("email")
                if cells["id"] and named:
                    found[id_handle(config.namespace, cells["id"])] = handle(named, config.employee_namespace, self._address)
        return found

    def _open(self, path: Path) -> Csv:
        return Csv(read_bytes(path), self._config.delimiter, self._config.encoding)


def weeks_of(first: date) -> tuple[date, ...]:
    """Return the Mondays of the weeks whose middle lies in the month that begins on a day."""
    mondays = [_monday(first) + timedelta(weeks=number) for number in range(6)]
    return tuple(one for one in mondays if (one + MIDDLE).month == first.month)


def _named(tie: RawTie, people: Mapping[str, str]) -> RawTie | None:
    """Return the tie between the people behind the ids; None when one of them is not in the table."""
    one, other = people.get(tie.one), people.get(tie.other)
    return None if one is None or other is None or one == other else RawTie(one, other, tie.weeks, tie.amount)


def _begins_no_week(dates: set[date]) -> bool:
    return all(one.weekday() in range(1, 5) for one in dates)


def _monday(on: date) -> date:
    return on - timedelta(days=on.weekday())


def _day(cell: str, order: str | None) -> date | None:
    try:
        return day(cell, order)
    except CellError:
        return None
