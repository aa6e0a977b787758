"""One-time links and sessions of the single-user mode: only hashes are stored, and a link is spent by one click."""

import hashlib
import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa

from pipelines import audit
from pipelines.access.policy import LOCAL_ANALYST, Viewer
from pipelines.audit import Act
from pipelines.schema import TOKENS
from pipelines.workspace import Workspace

LINK_LIFE = timedelta(hours=1)
SESSION_LIFE = timedelta(hours=12)

SESSION_IDLE = timedelta(hours=2)
"""Longer than a signed-in company service allows: on loopback a new link needs a restart."""

SLIDE = timedelta(minutes=5)
"""A session's end is moved at most this often, so that reading a page rarely writes."""

TOKEN_BYTES = 32


def issue_link(ws: Workspace) -> str:
    """Path that opens a session once, within an hour."""
    return f"/open/{_store(ws, 'one_time', LINK_LIFE)}"


def is_open(ws: Workspace, link: str) -> bool:
    """Whether a link could still be spent; looking spends nothing."""
    return bool(ws.service.rows(sa.select(TOKENS.c.hash).where(_unspent(link, "one_time", ws.now()))))


def spend_link(ws: Workspace, link: str) -> str | None:
    """Spend a one-time link for a new session token; None when it is unknown, old or spent."""
    now = ws.now()
    with ws.service.begin() as connection:
        spent = connection.execute(sa.update(TOKENS).where(_unspent(link, "one_time", now)).values(spent=now))
        if spent.rowcount != 1:
            return None
        connection.execute(sa.delete(TOKENS).where(TOKENS.c.expires < now))
    audit.record(ws, Act(LOCAL_ANALYST.subject, LOCAL_ANALYST.role, "open_session"))
    return _store(ws, "session", SESSION_IDLE)


def session_viewer(ws: Workspace, session: str) -> Viewer | None:
    """Viewer behind a session token, whose end moves on while it is used."""
    now = ws.now()
    found = ws.service.rows(sa.select(TOKENS.c.created, TOKENS.c.expires).where(_unspent(session, "session", now)))
    if not found:
        return None
    created, expires = found[0]
    end = min(_time(created) + SESSION_LIFE, now + SESSION_IDLE)
    if end - _time(expires) > SLIDE:
        with ws.service.begin() as connection:
            connection.execute(sa.update(TOKENS).where(TOKENS.c.hash == _hash(session)).values(expires=end))
    return LOCAL_ANALYST


def end_session(ws: Workspace, session: str) -> None:
    """Make a session token worthless."""
    with ws.service.begin() as connection:
        ended = connection.execute(sa.delete(TOKENS).where(TOKENS.c.hash == _hash(session), TOKENS.c.kind == "session")).rowcount
    if ended:
        audit.record(ws, Act(LOCAL_ANALYST.subject, LOCAL_ANALYST.role, "end_session"))


def _store(ws: Workspace, kind: str, life: timedelta) -> str:
    token, now = secrets.token_urlsafe(TOKEN_BYTES), ws.now()
    with ws.service.begin() as connection:
        connection.execute(sa.insert(TOKENS).values(hash=_hash(token), kind=kind, created=now, expires=now + life))
    return token


def _unspent(token: str, kind: str, now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(TOKENS.c.hash == _hash(token), TOKENS.c.kind == kind, TOKENS.c.spent.is_(None), TOKENS.c.expires > now)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _time(value: object) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError("a token's time is a datetime")
    return value
