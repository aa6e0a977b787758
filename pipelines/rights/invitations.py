"""Invite-to-reveal: HR asks somebody by view id, the person says yes or nothing, and only yes gives the name to whoever asked."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from ona.errors import ConflictError, NotFoundError
from pipelines import audit, consents
from pipelines.access.behind import member_behind, refuse_acting
from pipelines.access.policy import Readable, Viewer, demand, view_id
from pipelines.access.rights import Right
from pipelines.audit import Act
from pipelines.purposes import Purpose
from pipelines.schema import NAME_INVITATIONS
from pipelines.storage.workspace import Workspace

LIFE = timedelta(days=14)
"""How long an invitation waits for an answer."""

NEEDED = "mentor_pool"
"""Consent without which nobody is invited: candidates are those who want to be found."""

SentState = Literal["no_answer", "accepted", "expired"]
ReceivedState = Literal["open", "accepted", "declined", "expired"]


@dataclass(frozen=True)
class Sent:
    """An invitation as its inviter sees it: no and silence are the same."""

    id: str
    scan_id: str
    view_id: str
    purpose: str
    created: datetime
    expires: datetime
    state: SentState
    name: str | None


@dataclass(frozen=True)
class Received:
    """An invitation as the invited person sees it."""

    id: str
    purpose: str
    created: datetime
    expires: datetime
    state: ReceivedState


def invite(ws: Workspace, viewer: Viewer, scan: Readable, code: str, purpose: Purpose = Purpose.MENTORING) -> Sent:
    """Ask the person behind a view id to show their name to this viewer; asking twice is asking once.

    Raises NotFoundError for an id of nobody, and alike for somebody who is not in the mentor pool.
    """
    demand(ws, viewer, Right.PAIR)
    refuse_acting(viewer)
    person = member_behind(ws, scan, viewer, code)
    if not consents.agreed(ws, person, NEEDED):
        raise NotFoundError("There is nobody of this id in this scan for you. Ids change from scan to scan: start from the newest list.")
    now = ws.now()
    with audit.recorded(ws, Act(viewer.subject, viewer.role, "invite_person", str(person), purpose)) as connection:
        same = sa.and_(_mine(viewer), NAME_INVITATIONS.c.person == person, NAME_INVITATIONS.c.purpose == purpose)
        waiting = connection.execute(sa.select(NAME_INVITATIONS).where(same, NAME_INVITATIONS.c.expires > now)).first()
        if waiting is None:
            row = {"id": secrets.token_hex(16), "person": person, "scan": scan.id, "inviter": viewer.subject, "purpose": purpose}
            connection.execute(sa.insert(NAME_INVITATIONS).values(**row, created=now, expires=now + LIFE))
            waiting = connection.execute(sa.select(NAME_INVITATIONS).where(NAME_INVITATIONS.c.id == row["id"])).one()
    return _sent(ws, viewer, [waiting])[0]


def sent(ws: Workspace, viewer: Viewer) -> tuple[Sent, ...]:
    """Return the invitations that this viewer sent, the newest first, with the names of those who said yes."""
    demand(ws, viewer, Right.PAIR)
    newest = sa.select(NAME_INVITATIONS).where(_mine(viewer)).order_by(NAME_INVITATIONS.c.created.desc(), NAME_INVITATIONS.c.id)
    return _sent(ws, viewer, ws.service.rows(newest))


def received(ws: Workspace, viewer: Viewer) -> tuple[Received, ...]:
    """Return the invitations to the viewer's own person, the newest first."""
    demand(ws, viewer, Right.OWN_RECORD)
    newest = sa.select(NAME_INVITATIONS).where(NAME_INVITATIONS.c.person == viewer.person).order_by(NAME_INVITATIONS.c.created.desc())
    return tuple(_received(ws, row) for row in ws.service.rows(newest))


def answer(ws: Workspace, viewer: Viewer, invitation: str, accept: bool) -> Received:
    """Keep the viewer's own answer to an invitation; a yes can be taken back at any time.

    Raises NotFoundError when it is not theirs, and ConflictError when it waited too long.
    """
    demand(ws, viewer, Right.OWN_RECORD)
    refuse_acting(viewer)
    own = sa.and_(NAME_INVITATIONS.c.id == invitation, NAME_INVITATIONS.c.person == viewer.person)
    in_time = sa.or_(NAME_INVITATIONS.c.expires > ws.now(), sa.and_(NAME_INVITATIONS.c.accepted.is_(True), sa.literal(not accept)))
    with ws.service.begin() as connection:
        changed = connection.execute(sa.update(NAME_INVITATIONS).where(own, in_time).values(accepted=accept, answered=ws.now())).rowcount
        row = connection.execute(sa.select(NAME_INVITATIONS).where(own)).one_or_none()
    if row is None:
        raise NotFoundError("There is no invitation of this id for you.")
    if not changed:
        raise ConflictError("This invitation waited too long and is closed. Nothing was shown to anybody.")
    return _received(ws, row)


def _mine(viewer: Viewer) -> sa.ColumnElement[bool]:
    return NAME_INVITATIONS.c.inviter == viewer.subject


def _sent(ws: Workspace, viewer: Viewer, rows: Iterable[sa.Row[*tuple[Any, ...]]]) -> tuple[Sent, ...]:
    held = list(rows)
    shown = consents.shown_to(ws, viewer.subject)
    names = _names(ws, viewer, shown & {row.person for row in held if row.accepted})
    return tuple(_seen_by_inviter(ws, viewer, row, names) for row in held)


def _seen_by_inviter(ws: Workspace, viewer: Viewer, row: sa.Row[*tuple[Any, ...]], names: dict[int, str]) -> Sent:
    name = names.get(row.person) if row.accepted else None
    state: SentState = "accepted" if name else "no_answer" if row.expires > ws.now() else "expired"
    code = view_id(ws.keys, viewer.role, row.scan, row.person)
    return Sent(row.id, row.scan, code, row.purpose, row.created, row.expires, state, name)


def _names(ws: Workspace, viewer: Viewer, persons: Iterable[int]) -> dict[int, str]:
    wanted = sorted(persons)
    if wanted:
        audit.record(ws, *(Act(viewer.subject, viewer.role, "read_name", str(person)) for person in wanted))
    return ws.vault.names(wanted)


def _received(ws: Workspace, row: sa.Row[*tuple[Any, ...]]) -> Received:
    said: ReceivedState = "accepted" if row.accepted else "declined"
    state: ReceivedState = said if row.accepted is not None else "open" if row.expires > ws.now() else "expired"
    return Received(row.id, row.purpose, row.created, row.expires, state)
