"""Days off as CSV: spans in which a person was away, and holidays of a site; why somebody was away is never read."""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

from connectors.archive import FileError, read_bytes
from connectors.base import Coverage, RawDaysOff
from connectors.cells import CellError, Csv, Row, day
from connectors.columns import TableConfig, placed
from connectors.identity import HandleError, address_reader, handle

MAX_LABEL = 200
MAX_DAYS = 1100
"""Longest span: three years of parental leave; a longer one is a typing error in a year."""

COLUMNS = {
    "person": ("employee_id", "person", "employee", "email", "id", "person_id", "employee_number"),
    "site": ("site", "location", "office"),
    "first": ("first_day", "start_date", "start", "from", "day", "date"),
    "last": ("last_day", "end_date", "end", "to", "until"),
}
"""What a column is → the normal header names that are taken for it, the first found wins. No other column is looked at."""


class Config(TableConfig):
    """Where the table lies and how its columns are named."""

    path: Path
    namespace: str = "hr"
    """Of employee ids, as in the HR table."""


class Connector:
    """Reads a table of days off."""

    def __init__(self, config: Config) -> None:
        """Take the file and the column map."""
        self._config = config
        self._address = address_reader(config.addresses)

    def days_off(self, coverage: Coverage) -> Iterator[RawDaysOff]:
        """Yield one span per row: of the person in it, or of the site where the row names no person."""
        with Csv(read_bytes(self._config.path), self._config.delimiter, self._config.encoding) as table:
            at = self._positions(table.header)
            for row in table.rows():
                coverage.read += 1
                try:
                    yield self._span(row, at)
                except (CellError, HandleError) as error:
                    coverage.quarantined[error.code] += 1

    def _positions(self, header: tuple[str, ...]) -> dict[str, int]:
        at = placed(header, COLUMNS, self._config.columns)
        if "first" not in at or not at.keys() & {"person", "site"}:
            raise FileError(
                "columns_missing", "There is no first, or neither person nor site", "Set `columns` in the connector's settings."
            )
        return at

    def _span(self, row: Row, at: Mapping[str, int]) -> RawDaysOff:
        if row.fault is not None:
            raise CellError(row.fault)
        cells = {role: row.cells[place].strip().removeprefix("'") for role, place in at.items()}
        first, last = self._days(cells)
        if cells.get("person"):
            return RawDaysOff(first, last, person=handle(cells["person"], self._config.namespace, self._address))
        site = cells.get("site", "")
        if not site:
            raise CellError("person_missing")
        if len(site) > MAX_LABEL or not site.isprintable():
            raise CellError("label_unreadable")
        return RawDaysOff(first, last, site=site)

    def _days(self, cells: Mapping[str, str]) -> tuple[date, date]:
        """Return the first and the last day; a row with one date is one day."""
        first = day(cells["first"], self._config.date_order)
        if first is None:
            raise CellError("date_missing")
        last = day(cells.get("last", ""), self._config.date_order) or first
        if not 0 <= (last - first).days < MAX_DAYS:
            raise CellError("span_unreadable")
        return first, last
