"""Server-side sessions: who is behind a cookie, in which of their roles, until when, and as whom the local operator looks."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from ona.errors import ForbiddenError
from pipelines import audit
from pipelines.access.held import Held, holder
from pipelines.access.policy import LOCAL_ANALYST, PREVIEWED, Viewer
from pipelines.access.rights import Reach, Right, Role, reach
from pipelines.audit import Act
from pipelines.schema import SESSIONS
from pipelines.storage.workspace import Workspace

LOCAL = LOCAL_ANALYST.subject
"""Who runs the service alone: the only one who needs no identity provider."""

SESSION_LIFE = timedelta(hours=12)
SESSION_IDLE = timedelta(minutes=30)

LOCAL_IDLE = timedelta(hours=2)
"""Longer than a company service allows: on loopback a new link needs a restart."""

SLIDE = timedelta(minutes=1)
"""A session's end is moved at most this often, so that reading a page rarely writes."""

TOKEN_BYTES = 32

NEEDS_PERSON = (Role.EMPLOYEE, Role.MANAGER)
"""Roles that mean nothing without somebody who holds them."""


@dataclass(frozen=True)
class Session:
    """What the database knows of a session."""

    subject: str
    role: Role
    created: datetime
    idle_end: datetime
    acting_role: Role | None
    acting_person: int | None


def open_session(ws: Workspace, subject: str, role: Role, *, since: datetime | None = None, provider_session: str | None = None) -> str:
    """Return the token of a new session, which is stored nowhere; ``since`` says when its holder proved who they are."""
    token, now = secrets.token_urlsafe(TOKEN_BYTES), ws.now()
    row = {"viewer": subject, "role": role, "created": since or now, "idle_end": now + _idle(subject), "end": now + SESSION_LIFE}
    with ws.service.begin(counts=False) as connection:
        connection.execute(sa.delete(SESSIONS).where(sa.or_(SESSIONS.c.end < now, SESSIONS.c.idle_end < now)))
        connection.execute(sa.insert(SESSIONS).values(hash=hashed(token), provider_session=provider_session, **row))
    audit.record(ws, Act(subject, role, "open_session"))
    return token


def session_viewer(ws: Workspace, token: str) -> Viewer | None:
    """Viewer behind a session, whose end moves on while it is used; None when it ended or its holder may not come in."""
    found = _session(ws, token)
    held = holder(ws, found.subject) if found else None
    if found is None or held is None:
        return None
    _slide(ws, token, found)
    return _viewer(ws, found, held)


def switch_role(ws: Workspace, token: str, role: Role) -> str:
    """Return the token of the session that takes this one's place, in another role held.

    Raises ForbiddenError when the viewer does not hold the role.
    """
    found = _session(ws, token)
    held = holder(ws, found.subject) if found else None
    if found is None or held is None or role not in held.roles:
        raise ForbiddenError(f"You do not hold the role {role}. Ask who administers the service to grant it.")
    fresh = secrets.token_urlsafe(TOKEN_BYTES)
    changed = {"hash": hashed(fresh), "role": role, "acting_role": None, "acting_person": None}
    with ws.service.begin(counts=False) as connection:
        connection.execute(sa.update(SESSIONS).where(SESSIONS.c.hash == hashed(token)).values(changed))
    audit.record(ws, Act(found.subject, role, "switch_role"))
    return fresh


def view_as(ws: Workspace, token: str, role: Role | None, person: int | None = None) -> None:
    """Let the local operator look as somebody in this role, or whoever may publish as a manager; with None as themself again.

    Raises ForbiddenError for everybody else, and when the role means nothing without a person.
    """
    found = _session(ws, token)
    if found is None or not _may_look(ws, found, role):
        raise ForbiddenError("Only who runs the service alone may look as anybody, and who publishes scans as a manager.")
    if role in NEEDS_PERSON and person is None:
        raise ForbiddenError(f"The role {role} belongs to a person. Say as whom you want to look.")
    with ws.service.begin(counts=False) as connection:
        changed = {"acting_role": role, "acting_person": person if role else None}
        connection.execute(sa.update(SESSIONS).where(SESSIONS.c.hash == hashed(token)).values(changed))
    audit.record(ws, Act(found.subject, found.role, "view_as", object=str(person or ""), purpose=role or "themself"))


def end_session(ws: Workspace, token: str) -> None:
    """Make a session worthless."""
    _end(ws, SESSIONS.c.hash == hashed(token))


def end_sessions(ws: Workspace, *, subject: str | None = None, provider_session: str | None = None, stored: str | None = None) -> int:
    """End all sessions of a viewer, those of one session at the identity provider, or the one stored under a hash; return how many."""
    named = [(SESSIONS.c.viewer, subject), (SESSIONS.c.provider_session, provider_session), (SESSIONS.c.hash, stored)]
    wanted = [column == value for column, value in named if value is not None]
    return _end(ws, sa.and_(*wanted)) if wanted else 0


def csrf_token(token: str) -> str:
    """Return what every form of this session carries: nobody who cannot read the cookie can know it."""
    return hmac.digest(token.encode(), b"ona:v1\0csrf", "sha256").hex()


def hashed(token: str) -> str:
    """Return under what a token is stored: its entropy is full, so a plain hash keeps it."""
    return hashlib.sha256(token.encode()).hexdigest()


def _end(ws: Workspace, which: sa.ColumnElement[bool]) -> int:
    with ws.service.begin(counts=False) as connection:
        ended = connection.execute(sa.select(SESSIONS.c.viewer, SESSIONS.c.role).where(which)).all()
        connection.execute(sa.delete(SESSIONS).where(which))
    if ended:
        audit.record(ws, *(Act(row.viewer, row.role, "end_session") for row in ended))
    return len(ended)


def _session(ws: Workspace, token: str) -> Session | None:
    now = ws.now()
    alive = sa.and_(SESSIONS.c.hash == hashed(token), SESSIONS.c.end > now, SESSIONS.c.idle_end > now)
    rows = ws.service.rows(sa.select(SESSIONS).where(alive))
    if not rows:
        return None
    row = rows[0]
    acting = Role(row.acting_role) if row.acting_role else None
    return Session(row.viewer, Role(row.role), row.created, row.idle_end, acting, row.acting_person)


def _may_look(ws: Workspace, found: Session, role: Role | None) -> bool:
    """Whether the holder of a session may look as this role, or as themself again."""
    if ws.settings.sign_in is None:
        return found.subject == LOCAL
    if role is None:
        return found.acting_role is not None
    return role is Role.MANAGER and reach(ws.settings.mode, found.role, Right.PUBLISH) is not Reach.NOBODY


def _viewer(ws: Workspace, found: Session, held: Held) -> Viewer:
    if found.acting_role and _may_look(ws, found, found.acting_role) and found.role in held.roles:
        looked = Viewer(found.subject, found.acting_role, person=found.acting_person, roles=held.roles, acting=True)
        return looked if found.subject == LOCAL else replace(looked, preview=True, only=PREVIEWED)
    role = found.role if found.role in held.roles else held.first
    began = None if found.subject == LOCAL else found.created
    return Viewer(found.subject, role, person=held.person, roles=held.roles, stands_for=held.stands_for, signed_in=began)


def _slide(ws: Workspace, token: str, found: Session) -> None:
    end = ws.now() + _idle(found.subject)
    if end - found.idle_end > SLIDE:
        with ws.service.begin(counts=False) as connection:
            connection.execute(sa.update(SESSIONS).where(SESSIONS.c.hash == hashed(token)).values(idle_end=end))


def _idle(subject: str) -> timedelta:
    return LOCAL_IDLE if subject == LOCAL else SESSION_IDLE
