"""Signing in: from the button, over the identity provider, to a session; every step holds for one browser, once."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from connectors.identity import HandleError, canonical, entra_handle
from ona.errors import NoRoleError, OnaError
from pipelines import audit
from pipelines.access.held import holder
from pipelines.access.rights import Role
from pipelines.access.sessions import TOKEN_BYTES, end_sessions, hashed, open_session
from pipelines.audit import Act
from pipelines.entrance import viewers
from pipelines.entrance.provider import Begun, Provider, refused
from pipelines.entrance.viewers import Identity, identity_key
from pipelines.schema import SIGN_INS
from pipelines.settings import SignIn
from pipelines.storage.workspace import Workspace

SIGN_IN_LIFE = timedelta(minutes=10)
LONGEST_CODE = 4096

LATEST = 2**40
"""Seconds since 1970: beyond every clock."""


@dataclass(frozen=True)
class Reply:
    """What came back from the provider by way of the browser."""

    secret: str
    state: str
    code: str
    issuer: str | None = None


@dataclass(frozen=True)
class Arrived:
    """Who signed in, and where they wanted to go."""

    session: str
    path: str


def begin(ws: Workspace, provider: Provider, path: str, invitation: str | None = None, *, again: bool = False, before: str = "") -> Begun:
    """Begin a sign-in, with the password once more where ``again`` says so; what is stored cannot end it without the browser's secret.

    ``before`` is the session that the browser has: its cookie may not be sent along on the way back from the provider.
    """
    state, now = secrets.token_urlsafe(TOKEN_BYTES), ws.now()
    begun = provider.begin(state, again=again)
    row = {"state": _bound(state, begun.secret), "expires": now + SIGN_IN_LIFE, "path": path}
    row |= {"before": hashed(before) if before else None}
    with ws.service.begin(counts=False) as connection:
        connection.execute(sa.delete(SIGN_INS).where(SIGN_INS.c.expires < now))
        connection.execute(sa.insert(SIGN_INS).values(**row, invitation=hashed(invitation) if invitation else None))
    return begun


def finish(ws: Workspace, provider: Provider, reply: Reply) -> Arrived:
    """Open a session for whom the provider vouches for.

    Raises SignInRefusedError for a reply that cannot be believed, NoRoleError for somebody who holds no role here.
    """
    try:
        return _finish(ws, provider, reply)
    except OnaError as error:
        audit.record(ws, Act("nobody", "", "sign_in", purpose=type(error).__name__, result="refused"))
        raise


def log_out(ws: Workspace, provider: Provider, token: str) -> int:
    """End the sessions that the provider says are over; return how many."""
    found = provider.logout(token)
    issuer = provider.settings.issuer
    session = identity_key(ws, issuer, f"sid\0{found.session}") if found.session else None
    if session is not None:
        return end_sessions(ws, provider_session=session)
    viewer = viewers.viewer_of(ws, issuer, found.subject or "")
    return end_sessions(ws, subject=viewer) if viewer else 0


def _finish(ws: Workspace, provider: Provider, reply: Reply) -> Arrived:
    if not reply.secret or not reply.state or not 0 < len(reply.code) <= LONGEST_CODE:
        raise refused()
    with ws.service.begin(counts=False) as connection:
        mine = sa.and_(SIGN_INS.c.state == _bound(reply.state, reply.secret), SIGN_INS.c.expires > ws.now())
        begun = connection.execute(sa.select(SIGN_INS).where(mine)).first()
        if begun is None or connection.execute(sa.delete(SIGN_INS).where(mine)).rowcount != 1:
            raise refused()
    provider.check_reply(reply.issuer)
    claims = provider.redeem(reply.secret, reply.state, reply.code)
    viewer = viewers.admit(ws, read_identity(provider, claims))
    if begun.invitation:
        viewers.accept(ws, viewer, begun.invitation)
    held = holder(ws, viewer)
    if held is None:
        raise NoRoleError("You are signed in with the company, but you have no role in this service. Ask who administers it for one.")
    sid = claims.get("sid")
    kept = identity_key(ws, provider.settings.issuer, f"sid\0{sid}") if isinstance(sid, str) and sid else None
    if begun.before:
        end_sessions(ws, stored=begun.before)
    audit.record(ws, Act(viewer, held.first, "sign_in"))
    return Arrived(open_session(ws, viewer, held.first, since=_proved(ws, claims), provider_session=kept), begun.path)


def _proved(ws: Workspace, claims: Mapping[str, Any]) -> datetime:
    """When the viewer last proved who they are: earlier than now where the provider knew them already and says so."""
    said = claims.get("auth_time")
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 < said < LATEST:
        return ws.now()
    return min(ws.now(), datetime.fromtimestamp(said, UTC).replace(tzinfo=None))


def read_identity(provider: Provider, claims: Mapping[str, Any]) -> Identity:
    """Return whom the claims mean: subject, roles by the explicit table, and the handle to find the person by."""
    settings = provider.settings
    return Identity(settings.issuer, provider.subject(claims), _roles(settings, claims.get(settings.role_claim)), _handle(settings, claims))


def _roles(settings: SignIn, given: object) -> Sequence[Role]:
    """Roles of the application roles that the table names; any other gives none."""
    names = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    return sorted({Role(settings.roles[name]) for name in names if isinstance(name, str) and name in settings.roles})


def _handle(settings: SignIn, claims: Mapping[str, Any]) -> str | None:
    """Canonical handle of a verified address, or of the account; None for what proves nothing."""
    try:
        if settings.person == "entra":
            return entra_handle(str(claims.get("tid", "")), str(claims.get("oid", "")))
        address = claims.get("email")
        return canonical(address) if isinstance(address, str) and claims.get("email_verified") is True else None
    except HandleError:
        return None


def _bound(state: str, secret: str) -> str:
    """Key of a begun sign-in: the state alone, seen in a log or a referrer, finds nothing."""
    return hashed(f"{state}\0{secret}")
