"""API tokens: shown once, stored as a hash, good for one role and some of its rights, for ninety days at most."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from ona.errors import ForbiddenError, NotFoundError
from pipelines import audit
from pipelines.access.held import holder
from pipelines.access.policy import Viewer
from pipelines.access.rights import Reach, Right, Role, reach
from pipelines.access.sessions import TOKEN_BYTES, hashed
from pipelines.audit import Act
from pipelines.schema import API_TOKENS
from pipelines.storage.workspace import Workspace

PREFIX = "ona_"
"""By which a token is recognised in a text that it should not be in."""

LONGEST = timedelta(days=90)

USED = timedelta(minutes=1)
"""The last use is written at most this often."""

KNOWN = frozenset(Right)

MOST = 20
"""Tokens of one viewer at a time."""

BY_HAND = frozenset({Right.APPROVE, Right.ADMINISTER, Right.REQUEST_REVEAL})
"""What takes a person in front of a page."""


@dataclass(frozen=True)
class Token:
    """What is known of a token; never the token."""

    id: str
    viewer: str
    role: Role
    rights: tuple[Right, ...]
    created: datetime
    expires: datetime
    used: datetime | None
    revoked: datetime | None


@dataclass(frozen=True)
class Scope:
    """What a token should be good for: a role, some of its rights (none named: all), and for how many days."""

    role: Role
    rights: Collection[Right] = ()
    days: int = LONGEST.days


def new_token(ws: Workspace, subject: str, scope: Scope) -> tuple[Token, str]:
    """Return what is stored of a new token, and the token itself, which is shown this once.

    Raises ForbiddenError when its owner does not hold the role or the rights.
    """
    held = holder(ws, subject)
    if held is None or scope.role not in held.roles:
        raise ForbiddenError(f"A token of the role {scope.role} can be made by somebody who holds it.")
    most = able(ws, scope.role)
    rights = frozenset(scope.rights) or most
    if rights - most:
        raise ForbiddenError(f"No token of the role {scope.role} can have the rights {', '.join(sorted(rights - most))}.")
    if len([one for one in list_tokens(ws, subject) if one.revoked is None and one.expires > ws.now()]) >= MOST:
        raise ForbiddenError(f"Nobody has more than {MOST} tokens at a time. Revoke one first.")
    return _store(ws, subject, Scope(scope.role, rights, scope.days))


def able(ws: Workspace, role: Role) -> frozenset[Right]:
    """Return all that a token of a role can have."""
    return frozenset(right for right in Right if reach(ws.settings.mode, role, right) is not Reach.NOBODY) - BY_HAND


def token_viewer(ws: Workspace, token: str) -> Viewer | None:
    """Viewer whom a token speaks for, with no right that it was not made for; None when it is unknown, revoked or too old."""
    now = ws.now()
    alive = sa.and_(API_TOKENS.c.hash == hashed(token), API_TOKENS.c.revoked.is_(None), API_TOKENS.c.expires > now)
    rows = ws.service.rows(sa.select(API_TOKENS).where(alive)) if token.startswith(PREFIX) else []
    held = holder(ws, rows[0].viewer) if rows else None
    if held is None or rows[0].role not in held.roles:
        return None
    found = _token(rows[0])
    if found.used is None or now - found.used > USED:
        with ws.service.begin(counts=False) as connection:
            connection.execute(sa.update(API_TOKENS).where(API_TOKENS.c.id == found.id).values(used=now))
    only, roles = frozenset(found.rights), frozenset({found.role})
    return Viewer(found.viewer, found.role, person=held.person, roles=roles, stands_for=held.stands_for, only=only, token=found.id)


def list_tokens(ws: Workspace, subject: str | None = None) -> list[Token]:
    """Return the tokens of a viewer, or of everybody, the newest first."""
    wanted = sa.select(API_TOKENS).order_by(API_TOKENS.c.created.desc(), API_TOKENS.c.id)
    return [_token(row) for row in ws.service.rows(wanted if subject is None else wanted.where(API_TOKENS.c.viewer == subject))]


def revoke(ws: Workspace, by: str, token: str, *, owner: str | None = None) -> None:
    """Make a token worthless; with ``owner`` only one of theirs.

    Raises NotFoundError when there is none of this id.
    """
    mine = sa.and_(API_TOKENS.c.id == token, *([API_TOKENS.c.viewer == owner] if owner is not None else []))
    with ws.service.begin(counts=False) as connection:
        known = connection.execute(sa.select(API_TOKENS.c.id).where(mine)).first()
        connection.execute(sa.update(API_TOKENS).where(mine, API_TOKENS.c.revoked.is_(None)).values(revoked=ws.now()))
    if known is None:
        raise NotFoundError("There is no token of this id for you. List them with: ona token list")
    audit.record(ws, Act(by, "", "revoke_token", object=token))


def _store(ws: Workspace, subject: str, scope: Scope) -> tuple[Token, str]:
    token, identity, now = f"{PREFIX}{secrets.token_urlsafe(TOKEN_BYTES)}", f"t{secrets.token_hex(6)}", ws.now()
    expires = now + min(timedelta(days=scope.days), LONGEST)
    row = {"id": identity, "viewer": subject, "role": scope.role, "rights": sorted(scope.rights), "created": now, "expires": expires}
    with ws.service.begin(counts=False) as connection:
        connection.execute(sa.insert(API_TOKENS).values(row | {"hash": hashed(token)}))
    audit.record(ws, Act(subject, scope.role, "make_token", object=identity))
    return Token(identity, subject, scope.role, tuple(sorted(scope.rights)), now, expires, None, None), token


def _token(row: "sa.Row[tuple[object, ...]]") -> Token:
    rights = tuple(Right(right) for right in row.rights if right in KNOWN)
    return Token(row.id, row.viewer, Role(row.role), rights, row.created, row.expires, row.used, row.revoked)
