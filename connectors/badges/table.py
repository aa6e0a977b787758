"""The badge table: CSV with one badge or certificate per row."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from connectors.archive import FileError, read_bytes
from connectors.base import Coverage, RawBadge
from connectors.cells import CellError, Csv, Row, day
from connectors.columns import TableConfig, placed
from connectors.identity import HandleError, address_reader, id_handle

MAX_TEXT = 200
MAX_SKILLS = 50
CLAIMABLE = ("holder-claimed", "expired", "revoked", "suspended", "unknown")
"""What a table may say of itself: nothing in it proves that an issuer stands behind a badge."""

COLUMNS = {
    "id": ("badge_id", "id", "certificate_id"),
    "email": ("email", "holder_email", "recipient_email", "employee_email", "recipient", "holder"),
    "employee_id": ("employee_id", "person_id", "holder_id"),
    "name": ("badge", "badge_name", "name", "certificate", "certification", "title"),
    "issuer": ("issuer", "issued_by", "organization", "provider"),
    "skills": ("skills", "skill", "tags"),
    "level": ("level",),
    "issued_on": ("issued_on", "issued_at", "issue_date", "issued", "date"),
    "expires_on": ("expires_on", "expires_at", "expiry_date", "expires", "valid_until"),
    "status": ("status", "state"),
}
"""What a column is → the normal header names that are taken for it, the first found wins."""


class Config(TableConfig):
    """Where the table lies and how its columns are named."""

    path: Path
    namespace: str = "hr"
    """Of the employee ids, as in the HR table."""
    status: Literal["issuer-asserted", "holder-claimed", "unknown"] = "unknown"
    """Where a row says nothing: ``issuer-asserted`` when the issuer wrote the table, ``holder-claimed`` when the holders did."""


class Connector:
    """Reads a badge table."""

    def __init__(self, config: Config) -> None:
        """Take the file and its column map."""
        self._config = config
        self._address = address_reader(config.addresses)

    def badges(self, coverage: Coverage) -> Iterator[RawBadge]:
        """Yield one badge per row."""
        with Csv(read_bytes(self._config.path), self._config.delimiter, self._config.encoding) as table:
            at = self._positions(table.header)
            for row in table.rows():
                coverage.read += 1
                try:
                    badge = self._badge(row, at)
                except (CellError, HandleError) as error:
                    coverage.quarantined[error.code] += 1
                else:
                    yield badge

    def _positions(self, header: tuple[str, ...]) -> dict[str, int]:
        at = placed(header, COLUMNS, self._config.columns)
        if "name" not in at or not at.keys() & {"email", "employee_id"}:
            raise FileError(
                "columns_missing", "There is no badge column, or none for its holder", "Set `columns` in the connector's settings."
            )
        return at

    def _badge(self, row: Row, at: dict[str, int]) -> RawBadge:
        if row.fault is not None:
            raise CellError(row.fault)
        cells = {role: row.cells[n].strip() for role, n in at.items()}
        order = self._config.date_order
        address = cells.get("email")
        name, issuer = _label(cells["name"]), _label(cells.get("issuer", ""))
        if not name:
            raise CellError("badge_missing")
        number = cells.get("id") or hashlib.sha256("\0".join(row.cells).encode()).hexdigest()[:32]
        return RawBadge(
            id=f"badge:{issuer}/{number}",
            holder=self._address(address) if address else id_handle(self._config.namespace, cells.get("employee_id", "").removeprefix("'")),
            name=name,
            issuer=issuer,
            standard="table",
            skills=_skills(cells.get("skills", "")),
            level=_label(cells.get("level", "")) or None,
            issued_on=day(cells.get("issued_on", ""), order),
            expires_on=day(cells.get("expires_on", ""), order),
            status=self._status(cells.get("status", "")),
        )

    def _status(self, text: str) -> str:
        """Return the row's status; one that only a check could give is read as the configured one."""
        status = text.lower().replace("_", "-").replace(" ", "-")
        return status if status in CLAIMABLE or (status == self._config.status) else self._config.status


def _skills(text: str) -> tuple[str, ...]:
    separator = "|" if "|" in text else ";" if ";" in text else ","
    return tuple(dict.fromkeys(_label(part) for part in text.split(separator)[:MAX_SKILLS] if part.strip()))


def _label(text: str) -> str:
    """Return a label without the apostrophe that spreadsheets put before formulas."""
    label = text.strip().removeprefix("'")
    if len(label) > MAX_TEXT or not (label.isprintable() or not label):
        raise CellError("label_unreadable")
    return label
