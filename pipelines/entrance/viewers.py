"""Who may come in: viewers as the identity provider vouches for them, invitations, and grants of roles that somebody else approves."""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from ona.errors import ConflictError, ForbiddenError, NotFoundError, SignInRefusedError
from pipelines import audit
from pipelines.access.held import ACTIVE, holder, separated, valid_grants
from pipelines.access.rights import MAY_NOT_BE_JOINED, Role
from pipelines.access.sessions import LOCAL, TOKEN_BYTES, end_sessions, hashed
from pipelines.audit import Act
from pipelines.schema import GRANTS, INVITATIONS, VIEWERS
from pipelines.storage.workspace import Workspace

DISABLED, REQUESTED, DECLINED, REVOKED = "disabled", "requested", "declined", "revoked"

INVITATION_LIFE = timedelta(days=3)

FIRST_ROLES = (Role.ADMIN, Role.STEWARD)
"""Roles that somebody has to have before anybody can grant one."""

LONGEST_ACTING = timedelta(days=366)


@dataclass(frozen=True)
class Identity:
    """Whom the provider vouches for."""

    issuer: str
    subject: str
    roles: Sequence[Role] = ()
    handle: str | None = None  # canonical address or account, only to find the person once


@dataclass(frozen=True)
class Grant:
    """A role asked for or given."""

    id: int
    viewer: str
    role: Role
    start: date
    end: date | None
    acting: bool
    state: str
    requested_by: str


@dataclass(frozen=True)
class ViewerRow:
    """One viewer as an administrator sees them: never by name."""

    id: str
    state: str
    roles: tuple[Role, ...]
    has_person: bool
    seen: datetime


@dataclass(frozen=True)
class Wish:
    """Which role somebody should get, from when to when; acting managers name whom they stand in for."""

    viewer: str
    role: Role
    start: date | None = None
    end: date | None = None
    stands_for: str | None = None


def identity_key(ws: Workspace, issuer: str, subject: str) -> str:
    """Return under what an identity is stored: a keyed digest, since subjects are handles too."""
    return hmac.digest(ws.keys.first[0], b"ona:v1\0viewer\0" + issuer.encode() + b"\0" + subject.encode(), "sha256").hex()


def admit(ws: Workspace, who: Identity) -> str:
    """Return the viewer of an identity, made at the first sign-in; the roles are as the provider says today."""
    key, now = identity_key(ws, who.issuer, who.subject), ws.now()
    person = ws.vault.person_of(who.handle) if who.handle else None
    with ws.service.begin() as connection:
        known = connection.execute(sa.select(VIEWERS).where(VIEWERS.c.identity == key)).first()
        fresh = {"roles": [str(role) for role in who.roles], "seen": now}
        if known is not None:
            fresh |= {"person": known.person if known.person is not None else person}
            connection.execute(sa.update(VIEWERS).where(VIEWERS.c.id == known.id).values(fresh))
            return str(known.id)
        identity = f"v{secrets.token_hex(8)}"
        row = {"id": identity, "identity": key, "person": person, "state": ACTIVE, "created": now}
        connection.execute(sa.insert(VIEWERS).values(row | fresh))
    return identity


def viewer_of(ws: Workspace, issuer: str, subject: str) -> str | None:
    """Return the viewer of an identity that signed in before, None when there is none."""
    rows = ws.service.rows(sa.select(VIEWERS.c.id).where(VIEWERS.c.identity == identity_key(ws, issuer, subject)))
    return str(rows[0].id) if rows else None


def invite(ws: Workspace, role: Role) -> str:
    """Return the path of a link that gives this role to whoever signs in with it first.

    Raises ForbiddenError when somebody holds the role already: from then on roles are granted.
    """
    if role not in FIRST_ROLES:
        raise ForbiddenError("Only the first admin and the first steward are invited. Other roles come from the provider or are granted.")
    if any(role in row.roles for row in list_viewers(ws) if row.state == ACTIVE):
        raise ForbiddenError(f"Somebody holds the role {role} already. Ask them: ona viewers grant, then the steward's approval.")
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with ws.service.begin() as connection:
        connection.execute(sa.insert(INVITATIONS).values(hash=hashed(token), role=role, expires=ws.now() + INVITATION_LIFE))
    audit.record(ws, Act(LOCAL, "operator", "invite", object=role))
    return f"/sign-in/invited/{token}"


def is_invited(ws: Workspace, token: str) -> bool:
    """Whether an invitation could still be used; looking uses nothing."""
    return bool(ws.service.rows(sa.select(INVITATIONS.c.hash).where(_open_invitation(ws, hashed(token)))))


def accept(ws: Workspace, viewer: str, invitation: str) -> None:
    """Give the invited role to a viewer, once; ``invitation`` is the stored hash.

    Raises SignInRefusedError when it was used or is too old.
    """
    with ws.service.begin() as connection:
        found = connection.execute(sa.select(INVITATIONS.c.role).where(_open_invitation(ws, invitation))).first()
        taken = connection.execute(sa.update(INVITATIONS).where(_open_invitation(ws, invitation)).values(spent_by=viewer)).rowcount
        if found is None or taken != 1:
            raise SignInRefusedError("This invitation was used before, is too old, or never existed. Ask for a new one.")
        today, now = ws.now().date(), ws.now()
        decided = {"requested_by": LOCAL, "requested": now, "decided_by": LOCAL, "decided": now}
        connection.execute(sa.insert(GRANTS).values(viewer=viewer, role=found.role, start=today, state=ACTIVE, **decided))


def list_viewers(ws: Workspace) -> list[ViewerRow]:
    """Return everybody who signed in at least once, the newest sign-in first."""
    rows = ws.service.rows(sa.select(VIEWERS).order_by(VIEWERS.c.seen.desc(), VIEWERS.c.id))
    return [ViewerRow(row.id, row.state, _roles(ws, row), row.person is not None, row.seen) for row in rows]


def list_grants(ws: Workspace) -> list[Grant]:
    """Return all grants that were asked for, the newest first."""
    return [_grant(row) for row in ws.service.rows(sa.select(GRANTS).order_by(GRANTS.c.id.desc()))]


def ask_grant(ws: Workspace, by: str, wish: Wish) -> Grant:
    """Ask that a viewer gets a role; a steward has to approve.

    Raises ForbiddenError when somebody asks for themself, ConflictError when the role may not be joined with one they hold.
    """
    if by == wish.viewer:
        raise ForbiddenError("Nobody can ask for a role of their own. Another administrator has to ask.")
    stands_for = _stood_for(ws, wish)
    start = wish.start or ws.now().date()
    if wish.end is not None and not start < wish.end <= start + LONGEST_ACTING:
        raise ConflictError("The end has to come after the start, within a year.")
    _check_joined(ws, wish)
    asked = {"viewer": wish.viewer, "role": wish.role, "stands_for": stands_for, "start": start, "end": wish.end}
    with ws.service.begin() as connection:
        new = sa.insert(GRANTS).values(**asked, state=REQUESTED, requested_by=by, requested=ws.now()).returning(GRANTS.c.id)
        number = connection.execute(new).scalar_one()
    audit.record(ws, Act(by, "admin", "ask_grant", object=wish.viewer, purpose=wish.role))
    return _grant_of(ws, number)


def decide_grant(ws: Workspace, by: str, number: int, *, approve: bool) -> Grant:
    """Approve or decline a role that somebody else asked for, for somebody else.

    Raises ConflictError when it was decided before.
    """
    found = _grant_of(ws, number)
    if by in (found.requested_by, found.viewer):
        raise ForbiddenError("Who asked for a role, or would get it, cannot approve it. Another steward has to.")
    if approve:
        _check_joined(ws, Wish(found.viewer, found.role))
    _decide(ws, found, by, REQUESTED, ACTIVE if approve else DECLINED)
    return _grant_of(ws, number)


def operator_decides(ws: Workspace, number: int, *, approve: bool) -> Grant:
    """Approve or decline from the command line, as long as there is no steward who could.

    Raises ForbiddenError when there is one.
    """
    if any(Role.STEWARD in row.roles for row in list_viewers(ws) if row.state == ACTIVE):
        raise ForbiddenError("There is a privacy steward: they approve roles, on the page of viewers.")
    return decide_grant(ws, f"{LOCAL}-operator", number, approve=approve)


def revoke_grant(ws: Workspace, by: str, number: int) -> Grant:
    """Take a granted role back at once; nobody has to approve that."""
    _decide(ws, _grant_of(ws, number), by, ACTIVE, REVOKED)
    return _grant_of(ws, number)


def disable(ws: Workspace, by: str, viewer: str, *, disabled: bool = True) -> None:
    """Keep a viewer out, or let them in again; open sessions end at once."""
    with ws.service.begin() as connection:
        changed = connection.execute(sa.update(VIEWERS).where(VIEWERS.c.id == viewer).values(state=DISABLED if disabled else ACTIVE))
    if not changed.rowcount:
        raise NotFoundError(NOBODY)
    if disabled:
        end_sessions(ws, subject=viewer)
    audit.record(ws, Act(by, "admin", "disable_viewer", object=viewer, purpose="" if disabled else "enable"))


NOBODY = "There is no viewer of this id. List them with: ona viewers list"


def _decide(ws: Workspace, found: Grant, by: str, before: str, after: str) -> None:
    mine = sa.and_(GRANTS.c.id == found.id, GRANTS.c.state == before)
    with ws.service.begin() as connection:
        changed = connection.execute(sa.update(GRANTS).where(mine).values(state=after, decided_by=by, decided=ws.now()))
        if changed.rowcount != 1:
            raise ConflictError(f"This grant is {found.state}, not {before}. List them again.")
    audit.record(ws, Act(by, "steward", "decide_grant", object=found.viewer, purpose=f"{after}:{found.role}"))


def _check_joined(ws: Workspace, wish: Wish) -> None:
    """Whoever approves requests is none of those who make them."""
    rows = ws.service.rows(sa.select(VIEWERS).where(VIEWERS.c.id == wish.viewer, VIEWERS.c.state == ACTIVE))
    if not rows:
        raise NotFoundError(NOBODY)
    both = {*_roles(ws, rows[0]), wish.role}
    if separated(both) != both:
        never = ", ".join(sorted(role for roles in MAY_NOT_BE_JOINED.values() for role in roles))
        raise ConflictError(f"The privacy steward may not also be {never}. Take the other role back first.")


def _stood_for(ws: Workspace, wish: Wish) -> int | None:
    if wish.stands_for is None:
        return None
    if wish.role is not Role.MANAGER or wish.end is None:
        raise ConflictError("Only a manager is stood in for, and until a day that has to be named.")
    rows = ws.service.rows(sa.select(VIEWERS.c.person).where(VIEWERS.c.id == wish.stands_for, VIEWERS.c.person.is_not(None)))
    if not rows:
        raise NotFoundError("The manager to stand in for has never signed in. Ask them to sign in once.")
    return int(rows[0].person)


def _roles(ws: Workspace, row: "sa.Row[tuple[object, ...]]") -> tuple[Role, ...]:
    held = holder(ws, row.id)
    if held is not None:
        return tuple(sorted(held.roles))
    granted = {Role(grant.role) for grant in valid_grants(ws, row.id, ws.now().date())}
    return tuple(sorted(separated({Role(role) for role in row.roles} | granted)))


def _open_invitation(ws: Workspace, stored: str) -> sa.ColumnElement[bool]:
    return sa.and_(INVITATIONS.c.hash == stored, INVITATIONS.c.spent_by.is_(None), INVITATIONS.c.expires > ws.now())


def _grant_of(ws: Workspace, number: int) -> Grant:
    rows = ws.service.rows(sa.select(GRANTS).where(GRANTS.c.id == number))
    if not rows:
        raise NotFoundError("There is no grant of this number. List them with: ona viewers list")
    return _grant(rows[0])


def _grant(row: "sa.Row[tuple[object, ...]]") -> Grant:
    acting = row.stands_for is not None
    return Grant(row.id, row.viewer, Role(row.role), row.start, row.end, acting, row.state, row.requested_by)
