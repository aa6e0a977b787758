"""Erasure of one person: from the vault, the service database, the buffer, the weekly tables, every sealed scan and every file to take."""

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from ona.errors import NotFoundError
from pipelines import audit
from pipelines.audit import Act
from pipelines.schema import KEPT_ANSWERS
from pipelines.schema.holders import LINKS, row_columns, rows_of, tables_last_first
from pipelines.storage.removal import remove
from pipelines.storage.workspace import EXPORTS_FOLDER, Workspace

Reseal = Callable[[Workspace, int], int]
"""Seals a successor of every scan that holds the person, and returns how many there were."""


@dataclass(frozen=True)
class ErasureReport:
    """What an erasure removed."""

    accounts: int
    service_rows: int
    lake_rows: int
    scans: int

    def to_json(self) -> dict[str, int]:
        """Return the report as plain values."""
        return asdict(self)


def erase(ws: Workspace, person: int, reseal: Reseal | None = None) -> ErasureReport:
    """Remove a person for good; a tombstone keeps later pulls from bringing them back.

    The vault goes last, after the notes that it goes: whoever is interrupted runs the same command again.

    Raises NotFoundError when nobody of this id is known.
    """
    with ws.exclusive():
        accounts = ws.vault.accounts_of(person)
        if not accounts and not _is_known(ws, person):
            ws.vault.database.compact()  # an erasure that was killed at its very end left this to do
            raise NotFoundError("There is no person of this id. List them with: ona people")
        lake_rows = remove(ws.lake, {person, *accounts})
        service_rows = _forget(ws, person)
        scans = reseal(ws, person) if reseal else 0
        shutil.rmtree(ws.home / EXPORTS_FOLDER, ignore_errors=True)  # they may be in any of the files; all can be asked for again
        audit.note_erasure(ws, person)
        audit.record(ws, Act("local", "operator", "erase", object=str(person)))
        ws.vault.erase(person)
    return ErasureReport(len(accounts), service_rows, lake_rows, scans)


def _is_known(ws: Workspace, person: int) -> bool:
    return any(ws.service.rows(sa.select(column).where(column == person).limit(1)) for column in row_columns())


def _forget(ws: Workspace, person: int) -> int:
    """Delete the rows about the person and what hangs on them, take the person out of the rows of others, and wipe the free pages.

    Answers kept for requests that come twice may hold anything, so all of them go.
    """
    with ws.service.begin() as connection:
        count = 0
        for table in tables_last_first():
            about = rows_of(table, person)
            if about is not None:
                count += connection.execute(sa.delete(table).where(about)).rowcount
        for column in LINKS:
            connection.execute(sa.update(column.table).where(column == person).values({column.name: None}))
        connection.execute(sa.delete(KEPT_ANSWERS))
    ws.service.compact()
    return count
