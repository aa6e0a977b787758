"""Readings of the audit log: all of it for the auditor, counts for the administrator, one's own acts for everybody."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ona.errors import NotFoundError
from pipelines import audit, scans
from pipelines.access.policy import Viewer, demand, view_id
from pipelines.access.rights import Right
from pipelines.audit import Act, Entry, Verdict
from pipelines.keys import seal, unseal
from pipelines.storage.workspace import Workspace

PAGE, LARGEST_PAGE = 100, 500

ABOUT = "page of the audit log"
LONGEST_NUMBER = 19  # digits of a person's number; ids of scans have 20 characters


@dataclass(frozen=True)
class Line:
    """One entry; people stand under a pseudonym that is the same in every entry and leads nowhere else."""

    seq: int
    at: datetime
    actor: str
    role: str
    action: str
    object: str
    purpose: str
    result: str


@dataclass(frozen=True)
class AuditPage:
    """Entries, the newest first."""

    entries: tuple[Line, ...]
    next_cursor: str | None


def read_audit(ws: Workspace, viewer: Viewer, limit: int = PAGE, cursor: str | None = None) -> AuditPage:
    """Return a page of the log; that it was read is in the log before it leaves."""
    demand(ws, viewer, Right.READ_AUDIT)
    before = None if cursor is None else _opened(ws, cursor)
    audit.record(ws, Act(viewer.subject, viewer.role, "read_audit"))
    return _page(ws, audit.entries(ws, min(limit, LARGEST_PAGE), before=before), limit)


def own_acts(ws: Workspace, viewer: Viewer, limit: int = PAGE) -> tuple[Line, ...]:
    """Return what the viewer did, the newest first."""
    demand(ws, viewer, Right.OWN_RECORD)
    return tuple(_line(ws, entry) for entry in audit.entries(ws, min(limit, LARGEST_PAGE), actor=viewer.subject))


def count_audit(ws: Workspace, viewer: Viewer) -> int:
    """Return how many entries the log holds."""
    demand(ws, viewer, Right.COUNT_AUDIT)
    return audit.count(ws)


def verify_audit(ws: Workspace, viewer: Viewer) -> Verdict:
    """Walk the log's chain and hold it against its checkpoints and those in the scans."""
    demand(ws, viewer, Right.READ_AUDIT)
    return audit.verify(ws, scans.audit_marks(ws))


def _page(ws: Workspace, entries: Sequence[Entry], limit: int) -> AuditPage:
    more = len(entries) == limit and entries[-1].seq > 1
    following = seal(ws.keys.cursor, str(entries[-1].seq), ABOUT) if more else None
    return AuditPage(tuple(_line(ws, entry) for entry in entries), _url_safe(following) if following else None)


def _line(ws: Workspace, entry: Entry) -> Line:
    act = entry.act
    is_person = act.object.isdigit() and len(act.object) <= LONGEST_NUMBER
    about = view_id(ws.keys, "audit", "", int(act.object)) if is_person else act.object
    return Line(entry.seq, entry.at, act.actor, act.role, act.action, about, act.purpose, act.result)


def _opened(ws: Workspace, cursor: str) -> int:
    found = unseal(ws.keys.cursor, cursor.replace("-", "+").replace("_", "/"), ABOUT)
    if found is None:
        raise NotFoundError("This page of the log no longer exists. Start from the first page.")
    return int(found)


def _url_safe(sealed: str) -> str:
    return base64.urlsafe_b64encode(base64.b64decode(sealed)).decode()
