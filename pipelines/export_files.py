"""The files of approved requests: written whole or not at all, kept for a day, taken away when a person in them objects or is erased."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, get_args

import sqlalchemy as sa

from ona.errors import ConflictError, ForbiddenError
from pipelines import audit, scans, sheets
from pipelines.access.exported import MEANINGS, Exported, read_exported
from pipelines.access.held import holder
from pipelines.access.policy import Viewer
from pipelines.access.rights import Role
from pipelines.access.words import STANDING_LINE
from pipelines.audit import Act
from pipelines.schema import EXPORTS
from pipelines.storage.lake import fsync_folder
from pipelines.storage.workspace import EXPORTS_FOLDER, Workspace

Form = Literal["csv", "xlsx", "parquet", "json"]

FORMS: tuple[Form, ...] = get_args(Form)

APPROVED, READY = "approved", "ready"

READABLE = timedelta(hours=24)
"""How long a file can be taken."""

MOST_SHEET_ROWS = 1_048_575
"""Rows of a worksheet below its head; a longer table has no XLSX form."""

Progress = Callable[[str, int, int | None], None]
Row = sa.Row[*tuple[Any, ...]]


@dataclass(frozen=True)
class Table:
    """The rows of a file with what marks it as this file."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[object]]
    meanings: sheets.Pairs
    notes: sheets.Pairs


def write(ws: Workspace, identity: str, progress: Progress) -> Mapping[str, object]:
    """Write every form of an approved file; it can be taken once all are there.

    Raises ForbiddenError when who asked may not have it any more, ConflictError when it was withdrawn.
    """
    sweep(ws)
    row = ws.service.rows(sa.select(EXPORTS).where(EXPORTS.c.id == identity, EXPORTS.c.state == APPROVED))
    if not row:
        raise ConflictError("This file was withdrawn before it was written.")
    progress("collect", 0, None)
    found = _found(ws, row[0])
    forms = _written(ws, row[0], found, progress)
    if not _settle(ws, row[0], found, forms):
        drop(ws, identity)
        raise ConflictError("This file was withdrawn while it was written.")
    return {"export": identity, "rows": len(found.rows), "forms": sorted(forms)}


def path_of(ws: Workspace, identity: str, form: Form) -> Path:
    """Return where a form of a file lies."""
    return _folder(ws) / identity / f"{identity}.{form}"


def drop(ws: Workspace, identity: str) -> None:
    """Remove a file in all its forms."""
    shutil.rmtree(_folder(ws) / identity, ignore_errors=True)


def sweep(ws: Workspace) -> int:
    """Remove files whose day is over, and what a killed job left; return how many."""
    fresh = sa.and_(EXPORTS.c.state == READY, EXPORTS.c.expires > ws.now())
    kept = {row.id for row in ws.service.rows(sa.select(EXPORTS.c.id).where(sa.or_(EXPORTS.c.state == APPROVED, fresh)))}
    over = [path for path in _there(ws) if path.name.removeprefix(".") not in kept]
    for path in over:
        shutil.rmtree(path, ignore_errors=True)
    return len(over)


def _found(ws: Workspace, row: Row) -> Exported:
    """Read what the file holds, as far as who asked for it may have it at this moment."""
    held = holder(ws, row.requester)
    if held is None or Role.ANALYST not in held.roles:
        raise ForbiddenError("Who asked for this file does not hold the role any more.")
    viewer = Viewer(row.requester, Role.ANALYST, person=held.person, roles=held.roles)
    return read_exported(ws, scans.open_scan(ws, row.scan), viewer, row.content, row.id)


def _written(ws: Workspace, row: Row, found: Exported, progress: Progress) -> dict[str, str]:
    """Write all forms beside their place and move them there in one step; return the SHA-256 of each."""
    draft = _folder(ws) / f".{row.id}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    table = _table(row, found)
    forms = [form for form in FORMS if form != "xlsx" or len(table.rows) <= MOST_SHEET_ROWS]
    digests: dict[str, str] = {}
    try:
        for number, form in enumerate(forms):
            progress("write", number, len(forms))
            digests[form] = _write(draft / f"{row.id}.{form}", _bytes(form, table))
        progress("write", len(forms), len(forms))
        fsync_folder(draft)
        drop(ws, row.id)
        draft.rename(_folder(ws) / row.id)
        fsync_folder(_folder(ws))
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return digests


def _settle(ws: Workspace, row: Row, found: Exported, forms: Mapping[str, str]) -> bool:
    """Say that the file is there, unless it was withdrawn meanwhile."""
    mine = sa.and_(EXPORTS.c.id == row.id, EXPORTS.c.state == APPROVED)
    values = {"state": READY, "expires": ws.now() + READABLE, "rows": len(found.rows), "forms": dict(forms), "people": found.people}
    act = Act(row.requester, Role.ANALYST, "write_export", object=row.id, purpose=row.purpose)
    with audit.recorded(ws, act) as connection:
        return bool(connection.execute(sa.update(EXPORTS).where(mine).values(**values)).rowcount)


def _table(row: Row, found: Exported) -> Table:
    """Mark every row with file, scan, purpose and the standing line, so that a part of the file still says where it is from."""
    mark = (row.id, row.scan, row.purpose, str(STANDING_LINE))
    meanings = [*MEANINGS[row.content].items(), ("export", "The file, as the audit log knows it.")]
    notes = [("export", row.id), ("scan", row.scan), ("purpose", row.purpose), ("standing", str(STANDING_LINE)), *_risk(row)]
    columns = (*found.columns, "export", "scan", "purpose", "standing")
    return Table(columns, [(*one, *mark) for one in found.rows], meanings, notes)


def _risk(row: Row) -> Iterator[tuple[str, str]]:
    """Say in the file how easily people are found again in it."""
    yield "found again by little", f"{row.risk['unique']:.0%}"
    yield "found again by more", f"{row.risk['unique_closely']:.0%}"


def _bytes(form: Form, table: Table) -> bytes:
    if form == "json":
        rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        said = {"notes": dict(table.notes), "columns": dict(table.meanings), "rows": rows}
        return json.dumps(said, ensure_ascii=False, indent=1).encode()
    if form == "parquet":
        return sheets.parquet(table.columns, table.rows, meanings=table.meanings, notes=table.notes)
    return sheets.sheet(form, table.columns, table.rows, meanings=table.meanings, notes=table.notes)


def _write(path: Path, content: bytes) -> str:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return hashlib.sha256(content).hexdigest()


def _there(ws: Workspace) -> list[Path]:
    return sorted(_folder(ws).iterdir()) if _folder(ws).exists() else []


def _folder(ws: Workspace) -> Path:
    return ws.home / EXPORTS_FOLDER
