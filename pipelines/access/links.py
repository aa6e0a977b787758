"""One-time links of the single-user mode: only hashes are stored, and a link is spent by one click for a session."""

import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa

from pipelines.access.policy import LOCAL_ANALYST
from pipelines.access.sessions import LOCAL, TOKEN_BYTES, hashed, open_session
from pipelines.schema import TOKENS
from pipelines.storage.workspace import Workspace

LINK_LIFE = timedelta(hours=1)
ONE_TIME = "one_time"


def issue_link(ws: Workspace) -> str:
    """Path that opens a session once, within an hour."""
    token, now = secrets.token_urlsafe(TOKEN_BYTES), ws.now()
    with ws.service.begin(counts=False) as connection:
        connection.execute(sa.insert(TOKENS).values(hash=hashed(token), kind=ONE_TIME, created=now, expires=now + LINK_LIFE))
    return f"/open/{token}"


def is_open(ws: Workspace, link: str) -> bool:
    """Whether a link could still be spent; looking spends nothing."""
    return bool(ws.service.rows(sa.select(TOKENS.c.hash).where(_unspent(link, ws.now()))))


def spend_link(ws: Workspace, link: str) -> str | None:
    """Spend a one-time link for a new session token; None when it is unknown, old or spent."""
    now = ws.now()
    if ws.settings.sign_in is not None:
        return None
    with ws.service.begin(counts=False) as connection:
        spent = connection.execute(sa.update(TOKENS).where(_unspent(link, now)).values(spent=now))
        if spent.rowcount != 1:
            return None
        connection.execute(sa.delete(TOKENS).where(TOKENS.c.expires < now))
    return open_session(ws, LOCAL, LOCAL_ANALYST.role)


def _unspent(token: str, now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(TOKENS.c.hash == hashed(token), TOKENS.c.kind == ONE_TIME, TOKENS.c.spent.is_(None), TOKENS.c.expires > now)
