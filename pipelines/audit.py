"""Who did what to whose data: an insert-only log whose entries are chained by hash, with sealed checkpoints in a second place.

Entries name people by their random vault id, never by name, so that erasure and permanence agree.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, astuple, dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from ona.errors import SettingsError, TryLaterError
from pipelines.schema import AUDIT
from pipelines.storage.workspace import Workspace

Action = Literal[
    "open_session",
    "end_session",
    "read_person",
    "export",
    "erase",
    "restore",
    "switch_role",
    "view_as",
    "sign_in",
    "disable_viewer",
    "invite",
    "ask_grant",
    "decide_grant",
    "make_token",
    "revoke_token",
    "ask_reveal",
    "decide_reveal",
    "release_name",
    "ask_export",
    "decide_export",
    "withdraw_export",
    "write_export",
    "read_name",
    "invite_person",
    "answer_contest",
    "read_audit",
    "rotate_keys",
    "retain",
    "publish",
    "withdraw",
    "preview",
    "make_programme",
    "lock_pair",
    "weigh_programme",
    "invite_pairs",
    "open_survey",
    "close_survey",
    "make_nudges",
    "sign_credential",
    "decline_credential",
    "revoke_credential",
    "make_issuer_key",
    "mail_nudges",
    "undo_join",
    "change_minimum",
    "record_finding",
    "suggest_need",
    "exclude_pair",
    "allow_pair",
]
Result = Literal["done", "refused"]

FIRST = bytes(32)
"""What the first entry's hash is chained to."""

CHECKPOINT_ENTRIES = 1_000
"""A checkpoint is written each time the log passes a multiple of this, and with the first entry of each hour."""

BATCH = 5_000
WRITERS = 0x6F6E61  # one number for all processes: PostgreSQL lets one of them at a time append


_HEARD: ContextVar[list["Act"] | None] = ContextVar("heard", default=None)


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
    """Append acts to the log; all are stored durably, or none. Threads that record at one moment share one append."""
    heard = _HEARD.get()
    if heard is not None:
        heard.extend(acts)
    ws.journal.put(acts, lambda waiting: _store(ws, waiting))


@contextmanager
def overheard() -> Iterator[list[Act]]:
    """Yield the list of acts that are recorded meanwhile in this context, so that an answer given again is recorded again."""
    heard: list[Act] = []
    before = _HEARD.set(heard)
    try:
        yield heard
    finally:
        _HEARD.reset(before)


@contextmanager
def recorded(ws: Workspace, *acts: Act) -> Iterator[sa.Connection]:
    """Change something in one transaction with its entries in the log: both are stored, or neither."""
    with ws.service.begin() as connection:
        _wait_turn(connection)  # at the start, so that two such changes never see the same state before
        yield connection
        mark = _append(connection, ws.now(), acts)
    _note_mark(ws, mark)


def head(ws: Workspace) -> dict[str, object]:
    """Return how many entries the log holds and the hash of the last, sealed; for the manifest of a scan."""
    last = ws.service.rows(sa.select(AUDIT.c.seq, AUDIT.c.hash).order_by(AUDIT.c.seq.desc()).limit(1))
    fields: dict[str, object] = {"seq": int(last[0].seq), "hash": last[0].hash.hex()} if last else {"seq": 0, "hash": FIRST.hex()}
    return {**fields, "seal": _seal(ws, fields)}


def entries(
    ws: Workspace, limit: int = 100, *, before: int | None = None, actor: str | None = None, objects: Collection[str] | None = None
) -> list[Entry]:
    """Return the latest entries, the newest first; only those before an entry, of an actor, or about some objects, where given."""
    statement = sa.select(AUDIT).order_by(AUDIT.c.seq.desc()).limit(limit)
    if before is not None:
        statement = statement.where(AUDIT.c.seq < before)
    if actor is not None:
        statement = statement.where(AUDIT.c.actor == actor)
    if objects is not None:
        statement = statement.where(AUDIT.c.object.in_(sorted(objects)))
    return [entry for entry, _ in _rows(ws, statement)]


def count(ws: Workspace) -> int:
    """Return how many entries the log holds."""
    return int(ws.service.rows(sa.select(sa.func.count()).select_from(AUDIT))[0][0])


def verify(ws: Workspace, sealed: Iterable[Mapping[str, object]] = ()) -> Verdict:
    """Walk the chain from its first entry and hold it against every checkpoint, those in the manifests of scans (``sealed``) among them."""
    marks = _marks(ws)
    if marks is None:
        return Verdict(0, 0, f"a line of {ws.settings.audit_checkpoints.name} was not written by this service")
    for mark in sealed:
        fields = {name: mark.get(name) for name in ("seq", "hash")}
        if not hmac.compare_digest(_seal(ws, fields), str(mark.get("seal"))):
            return Verdict(0, 0, "the checkpoint in a scan's manifest was not written by this service")
        marks.setdefault(int(str(mark["seq"])), set()).add(bytes.fromhex(str(mark["hash"])))
    marks.pop(0, None)  # of a scan made before the first entry
    return _held_against(ws, marks)


def _held_against(ws: Workspace, marks: Mapping[int, Collection[bytes]]) -> Verdict:
    previous, number = FIRST, 0
    for entry, stored in _walk(ws):
        number += 1
        previous = _chained(previous, Entry(number, entry.at, entry.act))
        if entry.seq != number:
            return Verdict(number, number, "an entry is missing here")
        if not hmac.compare_digest(previous, stored):
            return Verdict(number, number, "an entry, or one before it, was changed")
        if set(marks.get(number, ())) - {stored}:
            return Verdict(number, number, "the chain is not the one that the checkpoints saw")
    if max(marks, default=0) > number:
        return Verdict(number, number + 1, f"entries were cut from the end: a checkpoint saw {max(marks):,}")
    return Verdict(number, None, "")


def _store(ws: Workspace, waiting: Sequence[tuple[object, ...]]) -> None:
    acts = [act for some in waiting for act in some if isinstance(act, Act)]
    with ws.service.begin(counts=False) as connection:
        mark = _append(connection, ws.now(), acts)
    _note_mark(ws, mark)


def _wait_turn(connection: sa.Connection) -> None:
    """Let one writer at a time go on; SQLite's transactions do that by themselves."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(WRITERS)))


def _append(connection: sa.Connection, at: datetime, acts: Sequence[Act]) -> tuple[int, bytes] | None:
    """Chain acts to the last entry; return the place and hash of the new last one where a checkpoint is due."""
    with _plain_errors():
        _wait_turn(connection)
        last = connection.execute(sa.select(AUDIT).order_by(AUDIT.c.seq.desc()).limit(1)).one_or_none()
        seq, previous = (last.seq, last.hash) if last else (0, FIRST)
        rows: list[dict[str, object]] = []
        for number, act in enumerate(acts, seq + 1):
            previous = _chained(previous, Entry(number, at, act))
            rows.append({"seq": number, "at": at, "hash": previous, **asdict(act)})
        connection.execute(sa.insert(AUDIT), rows)
    end = seq + len(acts)
    due = last is None or _hour(last.at) != _hour(at) or end // CHECKPOINT_ENTRIES > seq // CHECKPOINT_ENTRIES
    return (end, previous) if due else None


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Turn whatever keeps the log from being written into one sentence: what cannot be noted is not done."""
    try:
        yield
    except (sa.exc.SQLAlchemyError, OSError):
        raise TryLaterError(
            "The audit log cannot be written, so nothing was shown or changed. Try again; if it stays so: ona doctor."
        ) from None


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


def _note_mark(ws: Workspace, mark: tuple[int, bytes] | None) -> None:
    """Note in the second place that the log held so many entries with this hash."""
    if mark:
        with _plain_errors():
            _note(ws, {"seq": mark[0], "hash": mark[1].hex()})


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
