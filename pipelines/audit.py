"""Who did what to whose data: an insert-only log whose entries are chained by hash, with sealed checkpoints in a second place.

Entries name people by their random vault id, never by name, so that erasure and permanence agree.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from ona.errors import SettingsError
from pipelines.schema import AUDIT
from pipelines.workspace import Workspace

Action = Literal["open_session", "end_session", "read_person", "export", "erase", "restore"]
Result = Literal["done", "refused"]

FIRST = bytes(32)
"""What the first entry's hash is chained to."""

CHECKPOINT_ENTRIES = 1_000
"""A checkpoint is written each time the log passes a multiple of this, and with the first entry of each hour."""

BATCH = 5_000
WRITERS = 0x6F6E61  # one number for all processes: PostgreSQL lets one of them at a time append


@dataclass(frozen=True)
class Act:
    """One thing that somebody did."""

    actor: str
    role: str
    action: Action
    object: str = ""  # vault id of a person, or id of a scan
    purpose: str = ""
    result: Result = "done"


@dataclass(frozen=True)
class Entry:
    """An act in the log."""

    seq: int
    at: datetime  # naive UTC
    act: Act


@dataclass(frozen=True)
class Verdict:
    """Whether the log is whole."""

    entries: int
    bad: int | None  # first entry that is not what was written
    why: str


def record(ws: Workspace, *acts: Act) -> None:
    """Append acts to the log; all are stored durably, or none."""
    at = ws.now()
    with ws.service.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(WRITERS)))
        last = connection.execute(sa.select(AUDIT).order_by(AUDIT.c.seq.desc()).limit(1)).one_or_none()
        seq, previous = (last.seq, last.hash) if last else (0, FIRST)
        rows: list[dict[str, object]] = []
        for number, act in enumerate(acts, seq + 1):
            previous = _chained(previous, Entry(number, at, act))
            rows.append({"seq": number, "at": at, "hash": previous, **asdict(act)})
        connection.execute(sa.insert(AUDIT), rows)
    end = seq + len(acts)
    if last is None or _hour(last.at) != _hour(at) or end // CHECKPOINT_ENTRIES > seq // CHECKPOINT_ENTRIES:
        _checkpoint(ws, end, previous)


def entries(ws: Workspace, limit: int = 100) -> list[Entry]:
    """Return the latest entries, the newest first."""
    return [entry for entry, _ in _rows(ws, sa.select(AUDIT).order_by(AUDIT.c.seq.desc()).limit(limit))]


def verify(ws: Workspace) -> Verdict:
    """Walk the chain from its first entry and hold it against every checkpoint."""
    marks = _marks(ws)
    if marks is None:
        return Verdict(0, 0, f"a line of {ws.settings.audit_checkpoints.name} was not written by this service")
    previous, number = FIRST, 0
    for entry, stored in _walk(ws):
        number += 1
        previous = _chained(previous, Entry(number, entry.at, entry.act))
        if entry.seq != number:
            return Verdict(number, number, "an entry is missing here")
        if not hmac.compare_digest(previous, stored):
            return Verdict(number, number, "an entry, or one before it, was changed")
        if marks.get(number, set()) - {stored}:
            return Verdict(number, number, "the chain is not the one that the checkpoints saw")
    if max(marks, default=0) > number:
        return Verdict(number, number + 1, f"entries were cut from the end: a checkpoint saw {max(marks):,}")
    return Verdict(number, None, "")


def _walk(ws: Workspace) -> Iterator[tuple[Entry, bytes]]:
    """All entries in order, some at a time."""
    after = 0
    while True:
        rows = _rows(ws, sa.select(AUDIT).where(AUDIT.c.seq > after).order_by(AUDIT.c.seq).limit(BATCH))
        yield from rows
        if len(rows) < BATCH:
            return
        after = rows[-1][0].seq


def _rows(ws: Workspace, statement: "sa.Select[tuple[object, ...]]") -> list[tuple[Entry, bytes]]:
    found = ws.service.rows(statement)
    acts = (Act(row.actor, row.role, row.action, row.object, row.purpose, row.result) for row in found)
    return [(Entry(row.seq, row.at, act), row.hash) for row, act in zip(found, acts, strict=True)]


def _chained(previous: bytes, entry: Entry) -> bytes:
    """Hash of an entry and all before it; JSON escapes whatever could pass for two fields or two lines."""
    fields: Sequence[object] = (entry.seq, entry.at.isoformat(), *astuple(entry.act))
    return hashlib.sha256(previous + json.dumps(fields, separators=(",", ":")).encode()).digest()


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def note_erasure(ws: Workspace, person: int) -> None:
    """Note in the second place that a person was erased, so that a backup from before is put right when it is restored."""
    _note(ws, {"erased": person})


def erased(ws: Workspace, place: Path) -> list[int]:
    """Return everybody whose erasure a second place has noted, in that order.

    Raises SettingsError when a line was not written by this deployment.
    """
    notes = _notes(ws, place)
    if notes is None:
        raise SettingsError(f"A line of {place.name} was not written with this deployment's key. Name the file that belongs to the backup.")
    return [int(str(note["erased"])) for note in notes if "erased" in note]


def _checkpoint(ws: Workspace, seq: int, digest: bytes) -> None:
    """Note in the second place that the log held so many entries with this hash."""
    _note(ws, {"seq": seq, "hash": digest.hex()})


def _note(ws: Workspace, fields: Mapping[str, object]) -> None:
    path = ws.settings.audit_checkpoints
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="ascii") as file:  # one short line in append mode: two writers do not mix
        file.write(json.dumps({**fields, "seal": _seal(ws, fields)}) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _seal(ws: Workspace, fields: Mapping[str, object]) -> str:
    return hmac.digest(ws.keys.audit, json.dumps(fields, sort_keys=True).encode(), "sha256").hex()


def _notes(ws: Workspace, path: Path) -> list[dict[str, object]] | None:
    """Every line of a second place, None when one was not written by this deployment."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            note = json.loads(line)
            seal = note.pop("seal")
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        if not hmac.compare_digest(_seal(ws, note), str(seal)):
            return None
        found.append(note)
    return found


def _marks(ws: Workspace) -> dict[int, set[bytes]] | None:
    """Hashes that the checkpoints saw by entry, None when a line is not ours."""
    notes = _notes(ws, ws.settings.audit_checkpoints)
    if notes is None:
        return None
    marks: dict[int, set[bytes]] = {}
    for note in notes:
        if "seq" in note:
            marks.setdefault(int(str(note["seq"])), set()).add(bytes.fromhex(str(note["hash"])))
    return marks
