"""Break-glass: whose record it is, told to one viewer for a day, after a reason, a second signature and entries in the audit log."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from ona.errors import ConflictError, ForbiddenError, NotFoundError, OnaError, TooManyError
from pipelines import audit
from pipelines.access.behind import member_behind, refuse_acting
from pipelines.access.policy import Readable, Viewer, demand, view_id
from pipelines.access.rights import Right, Role
from pipelines.audit import Act
from pipelines.purposes import Purpose
from pipelines.schema import REVEALS, WITHHELD
from pipelines.storage.workspace import Workspace

FRESH = timedelta(minutes=5)
"""How old a sign-in may be that asks for a name."""

WAITS, READABLE = timedelta(days=7), timedelta(hours=24)
"""How long a request waits for its second signature, and how long the name can be read afterwards."""

SHORTEST_REASON, LONGEST_REASON = 15, 2_000

DAY = timedelta(days=1)
MOST_OF_ONE, MOST_OF_ALL = 10, 50
"""Requests a day of one viewer, and of the whole company."""

State = Literal["pending", "approved", "declined", "expired"]
PENDING, APPROVED, DECLINED = "pending", "approved", "declined"


@dataclass(frozen=True)
class Reveal:
    """One request for a name, as the one who asked or the one who decides sees it."""

    id: str
    scan_id: str
    view_id: str | None  # for the requester alone
    purpose: str
    reason: str
    state: State
    created: datetime
    expires: datetime
    mine: bool


@dataclass(frozen=True)
class Name:
    """A name given out, until when it can be read here."""

    id: str
    name: str
    until: datetime


@dataclass(frozen=True)
class Notice:
    """What the person is told: their name was given out."""

    purpose: str
    decided: datetime
    read: datetime | None


def request(ws: Workspace, viewer: Viewer, scan: Readable, code: str, purpose: Purpose, reason: str) -> Reveal:
    """Ask to be told whose view id it is. Asking the same twice while it waits is asking once.

    Raises ForbiddenError without the right or with an old sign-in, NotFoundError for an id of nobody, TooManyError above the limits.
    """
    demand(ws, viewer, Right.REQUEST_REVEAL)
    act = Act(viewer.subject, viewer.role, "ask_reveal", purpose=purpose)
    try:
        refuse_acting(viewer)
        _refuse_old_sign_in(ws, viewer)
        said = plain_reason(reason)
        person = member_behind(ws, scan, viewer, code)
        with audit.recorded(ws, Act(act.actor, act.role, act.action, str(person), purpose)) as connection:
            row = _ask(ws, connection, viewer, (scan.id, person, purpose, said))
    except _KnownError as known:
        row = known.row
    except OnaError:
        audit.record(ws, Act(act.actor, act.role, act.action, purpose=purpose, result="refused"))
        raise
    return _reveal(ws, viewer, row)


def decide(ws: Workspace, viewer: Viewer, reveal: str, approve: bool) -> Reveal:
    """Give or refuse the second signature; of several at one moment exactly one counts.

    Raises ForbiddenError when the viewer may not sign this one, ConflictError when it is decided or ran out.
    """
    demand(ws, viewer, Right.APPROVE)
    act = Act(viewer.subject, viewer.role, "decide_reveal", purpose=APPROVED if approve else DECLINED)
    now = ws.now()
    try:
        refuse_acting(viewer)
        row = _row(ws, REVEALS.c.id == reveal)
        _refuse_wrong_signer(viewer, row)
        values = {"state": act.purpose, "decided": now, "decided_by": viewer.subject}
        open_one = sa.and_(REVEALS.c.id == reveal, REVEALS.c.state == PENDING, REVEALS.c.expires > now)
        with audit.recorded(ws, Act(act.actor, act.role, act.action, str(row.person), act.purpose)) as connection:
            ends = {"expires": now + READABLE} if approve else {}
            if connection.execute(sa.update(REVEALS).where(open_one).values(**values, **ends)).rowcount != 1:
                raise ConflictError("This request was decided before, or it waited too long. Load the list again.")
    except OnaError:
        audit.record(ws, Act(act.actor, act.role, act.action, purpose=act.purpose, result="refused"))
        raise
    return _reveal(ws, viewer, _row(ws, REVEALS.c.id == reveal))


def read_name(ws: Workspace, viewer: Viewer, reveal: str) -> Name:
    """Tell the name to whoever asked, once approved and for a day; the log has it before the name leaves the vault.

    Raises NotFoundError for everybody else, ConflictError while it is not approved or when the day is over.
    """
    demand(ws, viewer, Right.REQUEST_REVEAL)
    refuse_acting(viewer)
    now = ws.now()
    mine = sa.and_(REVEALS.c.id == reveal, REVEALS.c.requester == viewer.subject)
    row = _row(ws, mine)
    if row.state != APPROVED or row.expires <= now or _objected(ws, row.person):
        audit.record(ws, Act(viewer.subject, viewer.role, "read_name", purpose=row.purpose, result="refused"))
        raise ConflictError("There is no name to read: the request is not approved, or the day after its approval is over.")
    _note_reading(ws, viewer, row)
    name = ws.vault.names([row.person]).get(row.person)
    if name is None:
        raise ConflictError("No connected system gave a name for this record.")
    return Name(row.id, name, row.expires)


def asked(ws: Workspace, viewer: Viewer) -> tuple[Reveal, ...]:
    """Return the viewer's own requests, the newest first, without any name."""
    demand(ws, viewer, Right.REQUEST_REVEAL)
    newest = sa.select(REVEALS).where(REVEALS.c.requester == viewer.subject).order_by(REVEALS.c.created.desc(), REVEALS.c.id)
    return tuple(_reveal(ws, viewer, row) for row in ws.service.rows(newest))


def inbox(ws: Workspace, viewer: Viewer) -> tuple[Reveal, ...]:
    """Return every request for the one who signs, those that wait first; whose record it is stays hidden from them too."""
    demand(ws, viewer, Right.APPROVE)
    order = (REVEALS.c.state != PENDING, REVEALS.c.created.desc(), REVEALS.c.id)
    return tuple(_reveal(ws, viewer, row) for row in ws.service.rows(sa.select(REVEALS).order_by(*order).limit(200)))


def notices(ws: Workspace, person: int) -> tuple[Notice, ...]:
    """Return what a person is told of their name being given out, from the second signature on."""
    given = sa.select(REVEALS).where(REVEALS.c.person == person, REVEALS.c.state == APPROVED).order_by(REVEALS.c.decided.desc())
    return tuple(Notice(row.purpose, row.decided, row.released) for row in ws.service.rows(given))


def plain_reason(reason: str) -> str:
    """Return a reason in single spaces; one that is too short, or has characters that no text needs, raises ValueError."""
    said = " ".join(reason.split())
    if not SHORTEST_REASON <= len(said) <= LONGEST_REASON or not said.isprintable():
        raise ValueError(f"a reason has {SHORTEST_REASON} to {LONGEST_REASON} readable characters")
    return said


class _KnownError(Exception):
    """The same request waits already."""

    def __init__(self, row: sa.Row[*tuple[Any, ...]]) -> None:
        super().__init__("known")
        self.row = row


def _refuse_old_sign_in(ws: Workspace, viewer: Viewer) -> None:
    """Where people sign in, a name needs a sign-in of the last minutes; a token has none."""
    if ws.settings.sign_in is None:
        return
    if viewer.signed_in is None or ws.now() - viewer.signed_in > FRESH:
        raise ForbiddenError("A name is asked for within five minutes of signing in. Sign out, sign in again, and ask then.")


def _refuse_wrong_signer(viewer: Viewer, row: sa.Row[*tuple[Any, ...]]) -> None:
    if row.requester == viewer.subject or Role.ADMIN in viewer.roles:
        raise ForbiddenError("Whoever asked, and whoever administers the service, does not sign. Somebody else has to.")


def _ask(ws: Workspace, connection: sa.Connection, viewer: Viewer, asked_for: tuple[str, int, str, str]) -> sa.Row[*tuple[Any, ...]]:
    """Store a request unless the same one waits, or the day's limits are reached."""
    scan, person, purpose, said = asked_for
    now = ws.now()
    same = sa.and_(REVEALS.c.requester == viewer.subject, REVEALS.c.person == person, REVEALS.c.purpose == purpose)
    waiting = connection.execute(sa.select(REVEALS).where(same, REVEALS.c.state == PENDING, REVEALS.c.expires > now)).first()
    if waiting:
        raise _KnownError(waiting)
    since = sa.select(sa.func.count()).select_from(REVEALS).where(REVEALS.c.created > now - DAY)
    of_all = connection.execute(since).scalar_one()
    of_one = connection.execute(since.where(REVEALS.c.requester == viewer.subject)).scalar_one()
    if of_one >= MOST_OF_ONE or of_all >= MOST_OF_ALL:
        raise TooManyError("As many names were asked for today as may be. Ask again tomorrow.", DAY.total_seconds())
    identity = secrets.token_hex(16)
    sealed, version = ws.vault.seal_text(said, f"reveals\0{identity}\0reason")
    row = {"id": identity, "person": person, "scan": scan, "requester": viewer.subject, "purpose": purpose, "reason": sealed}
    connection.execute(sa.insert(REVEALS).values(**row, key_version=version, state=PENDING, created=now, expires=now + WAITS))
    return connection.execute(sa.select(REVEALS).where(REVEALS.c.id == identity)).one()


def _note_reading(ws: Workspace, viewer: Viewer, row: sa.Row[*tuple[Any, ...]]) -> None:
    """Note the release the first time, and each further reading of the same day."""
    first = sa.and_(REVEALS.c.id == row.id, REVEALS.c.released.is_(None))
    about = (str(row.person), row.purpose)
    if row.released is None:
        try:
            with audit.recorded(ws, Act(viewer.subject, viewer.role, "release_name", *about)) as connection:
                if connection.execute(sa.update(REVEALS).where(first).values(released=ws.now())).rowcount != 1:
                    raise ConflictError("released at this moment")
        except ConflictError:
            audit.record(ws, Act(viewer.subject, viewer.role, "read_name", *about))
    else:
        audit.record(ws, Act(viewer.subject, viewer.role, "read_name", *about))


def _row(ws: Workspace, which: sa.ColumnElement[bool]) -> sa.Row[*tuple[Any, ...]]:
    rows = ws.service.rows(sa.select(REVEALS).where(which))
    if not rows:
        raise NotFoundError("There is no request of this id for you.")
    return rows[0]


def _objected(ws: Workspace, person: int) -> bool:
    return bool(ws.service.rows(sa.select(WITHHELD.c.person).where(WITHHELD.c.person == person)))


def _reveal(ws: Workspace, viewer: Viewer, row: sa.Row[*tuple[Any, ...]]) -> Reveal:
    mine = row.requester == viewer.subject
    over = row.state != DECLINED and row.expires <= ws.now()
    return Reveal(
        id=row.id,
        scan_id=row.scan,
        view_id=view_id(ws.keys, viewer.role, row.scan, row.person) if mine else None,
        purpose=row.purpose,
        reason=ws.vault.open_text(row.reason, f"reveals\0{row.id}\0reason", row.key_version),
        state="expired" if over else row.state,
        created=row.created,
        expires=row.expires,
        mine=mine,
    )
