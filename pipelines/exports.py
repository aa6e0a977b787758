"""Files about single people: an analyst asks with a purpose, somebody else approves, a job writes, and the file can be taken for a day."""

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa

from ona.errors import ConflictError, ForbiddenError, NotFoundError, OnaError, TooManyError
from pipelines import audit, export_files, scans
from pipelines.access.behind import refuse_acting
from pipelines.access.exported import Content, Risk, digest_of_people, linkage_risk
from pipelines.access.policy import Readable, Viewer, demand
from pipelines.access.rights import Right
from pipelines.audit import Act
from pipelines.export_files import APPROVED, READY, Form
from pipelines.jobs import dispatch, register
from pipelines.jobs.register import State as JobState
from pipelines.purposes import Purpose
from pipelines.rights.reveals import plain_reason
from pipelines.schema import EXPORTS, JOBS
from pipelines.storage.workspace import Workspace

WAITS = timedelta(days=7)
"""How long a request waits for its second signature."""

MOST_A_DAY = 5
"""Requests a day of one viewer."""

DAY = timedelta(days=1)

PENDING, DECLINED, WITHDRAWN = "pending", "declined", "withdrawn"

State = Literal["pending", "declined", "withdrawn", "writing", "ready", "failed", "cancelled", "expired"]

FAILED: dict[JobState, State] = {JobState.FAILED: "failed", JobState.CANCELLED: "cancelled"}

ALONE = "You work alone here: take the file at once, from the list of people or the map, with a purpose. Nobody else has to approve."
NOBODY = "There is no request of this id for you."
GONE = "There is no file to take: it is not written yet, its day is over, or who is in it has changed since. Ask for it again."


@dataclass(frozen=True)
class Wish:
    """Which file, what for, and why."""

    content: Content
    purpose: Purpose
    reason: str


@dataclass(frozen=True)
class Export:
    """One request for a file, as the one who asked or the one who decides sees it."""

    id: str
    scan_id: str
    content: Content
    purpose: str
    reason: str
    state: State
    risk: Risk
    created: datetime
    expires: datetime  # of the request; once written, of the file
    mine: bool
    job: str | None
    rows: int | None
    forms: tuple[str, ...]


def request(ws: Workspace, viewer: Viewer, scan: Readable, wish: Wish) -> Export:
    """Ask for a file. Asking the same twice while it waits is asking once.

    Raises ForbiddenError without the right, ConflictError where nobody else could approve, TooManyError above the limit.
    """
    demand(ws, viewer, Right.REQUEST_EXPORT)
    said = plain_reason(wish.reason)
    act = Act(viewer.subject, viewer.role, "ask_export", purpose=wish.purpose)
    try:
        refuse_acting(viewer)
        if ws.settings.sign_in is None:
            raise ConflictError(ALONE)
        risk = linkage_risk(ws, scan, viewer, wish.content)
        identity = secrets.token_hex(16)
        asked = {"scan": scan.id, "content": wish.content, "requester": viewer.subject, "purpose": wish.purpose}
        with audit.recorded(ws, Act(act.actor, act.role, act.action, identity, wish.purpose)) as connection:
            _refuse_repeated(ws, connection, asked)
            sealed, version = ws.vault.seal_text(said, f"exports\0{identity}\0reason")
            row = asked | {"id": identity, "reason": sealed, "key_version": version, "risk": asdict(risk), "state": PENDING}
            connection.execute(sa.insert(EXPORTS).values(**row, created=ws.now(), expires=ws.now() + WAITS))
    except _KnownError as known:
        identity = known.id
    except OnaError:
        audit.record(ws, Act(act.actor, act.role, act.action, purpose=wish.purpose, result="refused"))
        raise
    return _export(ws, viewer, _row(ws, EXPORTS.c.id == identity))


def decide(ws: Workspace, viewer: Viewer, identity: str, approve: bool) -> Export:
    """Give or refuse the second signature; of several at one moment exactly one counts, and approval asks for the job that writes.

    Raises ForbiddenError for whoever asked, ConflictError when it is decided or ran out.
    """
    demand(ws, viewer, Right.APPROVE)
    act = Act(viewer.subject, viewer.role, "decide_export", object=identity, purpose=APPROVED if approve else DECLINED)
    now = ws.now()
    try:
        refuse_acting(viewer)
        row = _row(ws, EXPORTS.c.id == identity)
        if row.requester == viewer.subject:
            raise ForbiddenError("Who asked for a file cannot approve it. Another steward has to.")
        open_one = sa.and_(EXPORTS.c.id == identity, EXPORTS.c.state == PENDING, EXPORTS.c.expires > now)
        decided = {"state": act.purpose, "decided": now, "decided_by": viewer.subject}
        with audit.recorded(ws, act) as connection:
            if connection.execute(sa.update(EXPORTS).where(open_one).values(**decided)).rowcount != 1:
                raise ConflictError("This request was decided before, was withdrawn, or waited too long. Load the list again.")
            job = _ask_job(ws, connection, row) if approve else None
    except OnaError:
        audit.record(ws, Act(act.actor, act.role, act.action, purpose=act.purpose, result="refused"))
        raise
    if job is not None:
        dispatch.wake(ws, job)
    return _export(ws, viewer, _row(ws, EXPORTS.c.id == identity))


def withdraw(ws: Workspace, viewer: Viewer, identity: str) -> Export:
    """Take a request back: what waits is not decided any more, what is being written stops, what is written goes.

    Raises NotFoundError for a request of somebody else.
    """
    demand(ws, viewer, Right.REQUEST_EXPORT)
    refuse_acting(viewer)
    row = _mine(ws, viewer, identity)
    open_one = sa.and_(EXPORTS.c.id == identity, EXPORTS.c.state.in_((PENDING, APPROVED, READY)))
    with audit.recorded(ws, Act(viewer.subject, viewer.role, "withdraw_export", object=identity, purpose=row.purpose)) as connection:
        connection.execute(sa.update(EXPORTS).where(open_one).values(state=WITHDRAWN))
    if row.job:
        register.cancel(ws, row.job)
    export_files.drop(ws, identity)
    return _export(ws, viewer, _mine(ws, viewer, identity))


def take(ws: Workspace, viewer: Viewer, identity: str, form: Form) -> Path:
    """Return where the file lies, for whoever asked, for a day; the log has it first.

    Raises NotFoundError for everybody else and for a form there is not, ConflictError when there is nothing to take.
    """
    demand(ws, viewer, Right.REQUEST_EXPORT)
    refuse_acting(viewer)
    row = _mine(ws, viewer, identity)
    act = Act(viewer.subject, viewer.role, "export", object=row.scan, purpose=row.purpose)
    if row.state == READY and form not in row.forms:
        raise NotFoundError(f"This file has more rows than {form} can hold. It is there as: {', '.join(sorted(row.forms))}.")
    path = export_files.path_of(ws, identity, form)
    if row.state != READY or row.expires <= ws.now() or not path.exists() or not _holds_the_same(ws, viewer, row):
        audit.record(ws, Act(act.actor, act.role, act.action, act.object, act.purpose, "refused"))
        raise ConflictError(GONE)
    audit.record(ws, act)
    return path


def find(ws: Workspace, viewer: Viewer, identity: str) -> Export:
    """Return one of the viewer's own requests."""
    demand(ws, viewer, Right.REQUEST_EXPORT)
    return _export(ws, viewer, _mine(ws, viewer, identity))


def asked(ws: Workspace, viewer: Viewer) -> tuple[Export, ...]:
    """Return the viewer's own requests, the newest first."""
    demand(ws, viewer, Right.REQUEST_EXPORT)
    newest = sa.select(EXPORTS).where(EXPORTS.c.requester == viewer.subject).order_by(EXPORTS.c.created.desc(), EXPORTS.c.id)
    return tuple(_export(ws, viewer, row) for row in ws.service.rows(newest.limit(200)))


def inbox(ws: Workspace, viewer: Viewer) -> tuple[Export, ...]:
    """Return every request for the one who signs, those that wait first."""
    demand(ws, viewer, Right.APPROVE)
    order = (EXPORTS.c.state != PENDING, EXPORTS.c.created.desc(), EXPORTS.c.id)
    return tuple(_export(ws, viewer, row) for row in ws.service.rows(sa.select(EXPORTS).order_by(*order).limit(200)))


class _KnownError(OnaError):
    """The same was asked before and still waits."""

    def __init__(self, identity: str) -> None:
        """Keep which request."""
        super().__init__("asked before")
        self.id = identity


def _refuse_repeated(ws: Workspace, connection: sa.Connection, asked_for: dict[str, str]) -> None:
    same = sa.and_(*(EXPORTS.c[name] == value for name, value in asked_for.items()))
    waiting = connection.execute(sa.select(EXPORTS.c.id).where(same, EXPORTS.c.state == PENDING, EXPORTS.c.expires > ws.now())).first()
    if waiting is not None:
        raise _KnownError(waiting.id)
    mine = sa.and_(EXPORTS.c.requester == asked_for["requester"], EXPORTS.c.created > ws.now() - DAY)
    if connection.execute(sa.select(sa.func.count()).where(mine)).scalar_one() >= MOST_A_DAY:
        raise TooManyError(f"{MOST_A_DAY} files were asked for within a day. Ask again tomorrow.", DAY.total_seconds())


def _ask_job(ws: Workspace, connection: sa.Connection, row: sa.Row[*tuple[Any, ...]]) -> str:
    job = register.add(ws, connection, "export", {"export": row.id}, (row.requester, "analyst"))
    connection.execute(sa.update(EXPORTS).where(EXPORTS.c.id == row.id).values(job=job.id))
    return job.id


def _holds_the_same(ws: Workspace, viewer: Viewer, row: sa.Row[*tuple[Any, ...]]) -> bool:
    """Whether everybody in the file may still be in it; otherwise it is removed at once."""
    if digest_of_people(ws, scans.open_scan(ws, row.scan), viewer) == row.people:
        return True
    export_files.drop(ws, row.id)
    return False


def _mine(ws: Workspace, viewer: Viewer, identity: str) -> sa.Row[*tuple[Any, ...]]:
    return _row(ws, sa.and_(EXPORTS.c.id == identity, EXPORTS.c.requester == viewer.subject))


def _row(ws: Workspace, which: sa.ColumnElement[bool]) -> sa.Row[*tuple[Any, ...]]:
    rows = ws.service.rows(sa.select(EXPORTS).where(which))
    if not rows:
        raise NotFoundError(NOBODY)
    return rows[0]


def _export(ws: Workspace, viewer: Viewer, row: sa.Row[*tuple[Any, ...]]) -> Export:
    return Export(
        id=row.id,
        scan_id=row.scan,
        content=row.content,
        purpose=row.purpose,
        reason=ws.vault.open_text(row.reason, f"exports\0{row.id}\0reason", row.key_version),
        state=_state(ws, row),
        risk=Risk(**row.risk),
        created=row.created,
        expires=row.expires,
        mine=row.requester == viewer.subject,
        job=row.job,
        rows=row.rows,
        forms=tuple(sorted(row.forms or ())),
    )


def _state(ws: Workspace, row: sa.Row[*tuple[Any, ...]]) -> State:
    """Return where a request stands: what its job has come to, once there is one."""
    if row.state == APPROVED:
        states = ws.service.rows(sa.select(JOBS.c.state).where(JOBS.c.id == row.job))
        return FAILED.get(JobState(states[0].state), "writing") if states else "failed"
    if row.state == READY:
        gone = row.expires <= ws.now() or not any(export_files.path_of(ws, row.id, form).exists() for form in row.forms)
        return "expired" if gone else "ready"
    if row.state == PENDING and row.expires <= ws.now():
        return "expired"
    found: State = row.state
    return found
