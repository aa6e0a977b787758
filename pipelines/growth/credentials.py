"""Credentials that people ask for: offered to themselves alone, signed by a steward who is told no name, revoked whenever they like."""

import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from ona.errors import ConflictError, NotFoundError
from pipelines import audit, consents
from pipelines.access.behind import refuse_acting
from pipelines.access.confirming import Conditions, conditions
from pipelines.access.own import own_person, own_scan
from pipelines.access.policy import Readable, Viewer, demand
from pipelines.access.readable import ReadableScan
from pipelines.access.rights import Right, Role
from pipelines.addresses import address_of
from pipelines.audit import Act
from pipelines.dates import months_after
from pipelines.growth import credential_forms, issuer
from pipelines.growth.credential_forms import Claims, Wanted
from pipelines.intake import people
from pipelines.scans import open_scan
from pipelines.schema import CREDENTIAL_PLACES, CREDENTIALS
from pipelines.storage.workspace import Workspace

PURPOSE = "credential"
"""Consent to be offered one."""

State = Literal["asked", "declined", "signed", "revoked", "expired"]
ASKED, DECLINED, SIGNED, REVOKED = "asked", "declined", "signed", "revoked"

Why = Literal["evidence", "agreement", "other"]
"""Why a steward does not sign: too thin or contested; not what was agreed with the works council; another reason."""

Row = sa.Row[*tuple[Any, ...]]


@dataclass(frozen=True)
class Credential:
    """One credential as its holder sees it."""

    id: str
    quarter: str
    state: State
    by_mail: bool
    created: datetime
    valid_until: datetime | None
    ended: datetime | None
    why: Why | None  # declined for


@dataclass(frozen=True)
class Own:
    """What a person is offered, and what they asked for."""

    mode: Literal["dry-run", "on"]
    agreed: bool  # to be offered one
    conditions: Conditions | None  # None when no scan holds the person, or they did not agree
    credentials: tuple[Credential, ...]

    @property
    def may_ask(self) -> bool:
        """Whether the person can ask now."""
        busy = any(one.state in (ASKED, SIGNED) for one in self.credentials)
        return self.agreed and self.conditions is not None and self.conditions.met and not busy


@dataclass(frozen=True)
class Waiting:
    """A request as a steward sees it: what holds, and nobody's name."""

    id: str
    quarter: str
    created: datetime
    conditions: Conditions
    mine: bool  # the steward's own: somebody else has to sign


def own_credentials(ws: Workspace, scan: Readable | None, viewer: Viewer) -> Own:
    """Return what the viewer is offered after a scan, and what they asked for; nothing of an offer is kept.

    Raises NotFoundError where no credentials are given.
    """
    demand(ws, viewer, Right.OWN_RECORD)
    mode = _mode(ws)
    person = own_person(viewer)
    agreed = consents.agreed(ws, person, PURPOSE)
    rows = ws.service.rows(sa.select(CREDENTIALS).where(CREDENTIALS.c.person == person).order_by(CREDENTIALS.c.created.desc()))
    return Own(mode, agreed, _conditions(ws, scan, viewer) if agreed else None, tuple(_credential(ws, row) for row in rows))


def ask(ws: Workspace, scan: Readable | None, viewer: Viewer, *, understood: bool, by_mail: bool = False) -> Credential:
    """Ask for a credential; the conditions have to hold, and the person has to know that copies cannot be called back.

    Raises ConflictError when they do not hold, or one waits or is valid already.
    """
    refuse_acting(viewer)
    own, person = own_credentials(ws, scan, viewer), own_person(viewer)
    if not understood:
        raise ConflictError("Say first that you understood what cannot be taken back.")
    if not own.may_ask or own.conditions is None:
        raise ConflictError("You cannot ask now: not every condition holds, or one of yours waits or is valid.")
    if by_mail and address_of(ws, person) is None:
        raise ConflictError("No address of yours is known here, so it cannot stand on a credential.")
    row = {"id": uuid.uuid4().hex, "person": person, "scan": own.conditions.scan, "quarter": own.conditions.quarter}
    with ws.service.begin() as connection:
        waits = sa.select(CREDENTIALS.c.id).where(CREDENTIALS.c.person == person, CREDENTIALS.c.state == ASKED)
        if connection.execute(waits).first() is not None:
            raise ConflictError("You asked already.")
        connection.execute(sa.insert(CREDENTIALS).values(**row, by_mail=by_mail, state=ASKED, created=ws.now()))
    return _credential(ws, _own_row(ws, viewer, str(row["id"])))


def withdraw(ws: Workspace, viewer: Viewer, identity: str) -> None:
    """Take a request back, or put one away that was declined: nothing of it is left."""
    refuse_acting(viewer)
    row = _own_row(ws, viewer, identity)
    with ws.service.begin() as connection:
        gone = sa.delete(CREDENTIALS).where(CREDENTIALS.c.id == row.id, CREDENTIALS.c.state.in_((ASKED, DECLINED)))
        if connection.execute(gone).rowcount != 1:
            raise ConflictError("This one is signed. You can have it revoked.")


def revoke(ws: Workspace, viewer: Viewer, identity: str) -> Credential:
    """Revoke an own credential: from now on whoever checks it is told so; the log knows the number, and not whose it is."""
    refuse_acting(viewer)
    row = _own_row(ws, viewer, identity)
    _revoke(ws, row.id, Act("holder", "holder", "revoke_credential", row.id))
    return _credential(ws, _own_row(ws, viewer, identity))


def revoke_here(ws: Workspace, identity: str) -> None:
    """Revoke a credential by its id (``urn:uuid:…``) as whoever runs the service: somebody left and asks, or it was a mistake."""
    number = identity.removeprefix("urn:uuid:").replace("-", "").lower()
    _revoke(ws, number, Act("local", "operator", "revoke_credential", number, "operator"))


def token(ws: Workspace, viewer: Viewer, identity: str) -> str:
    """Return an own credential as it was signed."""
    refuse_acting(viewer)
    row = _own_row(ws, viewer, identity)
    if _credential(ws, row).state != SIGNED:
        raise ConflictError("This credential is not valid, so there is nothing to take along.")
    return str(row.token)


def waiting(ws: Workspace, viewer: Viewer) -> tuple[Waiting, ...]:
    """Return what waits for a steward's signature, the oldest first, without any name."""
    demand(ws, viewer, Right.APPROVE)
    _mode(ws)
    rows = ws.service.rows(sa.select(CREDENTIALS).where(CREDENTIALS.c.state == ASKED).order_by(CREDENTIALS.c.created, CREDENTIALS.c.id))
    scan = _newest(ws, rows[0]) if rows else None
    found = ((row, _still(ws, scan, row)) for row in rows)
    return tuple(Waiting(row.id, row.quarter, row.created, held, row.person == viewer.person) for row, held in found if held)


def sign(ws: Workspace, viewer: Viewer, identity: str) -> Claims | None:
    """Sign what was asked for, if every condition still holds; in a dry run return what would be signed, and change nothing.

    Raises ConflictError when a condition fails, it is the viewer's own, or another steward was faster.
    """
    row = _to_decide(ws, viewer, identity)
    held = _still(ws, _newest(ws, row), row)
    if held is None or not held.met:
        raise ConflictError("The conditions do not hold any more. Decline it, and the person is told why.")
    keys, now = issuer.load(ws.settings), ws.now().replace(microsecond=0)
    address = address_of(ws, row.person) if row.by_mail else None
    if row.by_mail and address is None:
        raise ConflictError("The person wants their address on it, and none is known any more. Decline it.")
    end = datetime.combine(months_after(now.date(), ws.settings.credential_months), now.time())
    wanted = Wanted(row.id, row.quarter, (now, end), 0, address)
    if _mode(ws) == "dry-run":
        return credential_forms.claims(ws, wanted)
    with audit.recorded(ws, Act(viewer.subject, viewer.role, "sign_credential", row.id)) as connection:
        spent = set(connection.execute(sa.select(CREDENTIAL_PLACES.c.place)).scalars())
        place = credential_forms.free_place(ws, spent)
        made = keys.sign(credential_forms.claims(ws, replace(wanted, place=place)))
        connection.execute(sa.insert(CREDENTIAL_PLACES).values(place=place))
        values = {"state": SIGNED, "decided": now, "decided_by": viewer.subject, "place": place, "valid_until": end, "token": made}
        _decided(connection, row.id, values)
    return None


def decline(ws: Workspace, viewer: Viewer, identity: str, why: Why) -> None:
    """Do not sign; the person is told the reason, and nobody else that they asked."""
    row = _to_decide(ws, viewer, identity)
    with audit.recorded(ws, Act(viewer.subject, viewer.role, "decline_credential", row.id, why)) as connection:
        _decided(connection, row.id, {"state": DECLINED, "decided": ws.now(), "decided_by": viewer.subject, "why": why})


def status_list(ws: Workspace) -> str:
    """Return the signed status list: whoever checks a credential reads it, and learns of that place alone."""
    keys = issuer.load(ws.settings)
    spent = [row.place for row in ws.service.rows(sa.select(CREDENTIAL_PLACES.c.place))]
    live = [row.place for row in ws.service.rows(sa.select(CREDENTIALS.c.place).where(CREDENTIALS.c.state == SIGNED))]
    return keys.sign(credential_forms.status_claims(ws, ws.now(), spent, live))


def counts(ws: Workspace) -> Mapping[str, int]:
    """Return how many credentials there are in each state, for whoever runs the service."""
    return dict(Counter(_credential(ws, row).state for row in ws.service.rows(sa.select(CREDENTIALS))))


def _mode(ws: Workspace) -> Literal["dry-run", "on"]:
    if ws.settings.credentials == "off":
        raise NotFoundError("No credentials are given here.")
    return ws.settings.credentials


def _conditions(ws: Workspace, scan: Readable | None, viewer: Viewer) -> Conditions | None:
    try:
        return conditions(ws, scan, viewer) if scan else None
    except NotFoundError:  # it is released to others, and not to the role that the person acts in
        return None


def _still(ws: Workspace, scan: Readable | None, row: Row) -> Conditions | None:
    """Return what holds of whoever asked; None when they took their consent back or objected."""
    if row.person in people.withheld(ws) or not consents.agreed(ws, row.person, PURPOSE):
        return None
    return _conditions(ws, scan, _holder(row))


def _newest(ws: Workspace, row: Row) -> Readable | None:
    """Return the newest scan that people read about themselves."""
    found = own_scan(ws, _holder(row))
    return ReadableScan(open_scan(ws, found)) if found else None


def _holder(row: Row) -> Viewer:
    return Viewer("credentials", Role.EMPLOYEE, person=row.person)


def _to_decide(ws: Workspace, viewer: Viewer, identity: str) -> Row:
    demand(ws, viewer, Right.APPROVE)
    refuse_acting(viewer)
    _mode(ws)
    rows = ws.service.rows(sa.select(CREDENTIALS).where(CREDENTIALS.c.id == identity, CREDENTIALS.c.state == ASKED))
    if not rows:
        raise NotFoundError("Nothing of this id waits for a signature.")
    if rows[0].person == viewer.person:
        raise ConflictError("You asked for this yourself: somebody else has to sign.")
    return rows[0]


def _decided(connection: sa.Connection, identity: str, values: Mapping[str, object]) -> None:
    asked = sa.and_(CREDENTIALS.c.id == identity, CREDENTIALS.c.state == ASKED)
    if connection.execute(sa.update(CREDENTIALS).where(asked).values(**values)).rowcount != 1:
        raise ConflictError("This was decided or taken back before. Load the list again.")


def _revoke(ws: Workspace, identity: str, act: Act) -> None:
    valid = sa.and_(CREDENTIALS.c.id == identity, CREDENTIALS.c.state == SIGNED)
    with audit.recorded(ws, act) as connection:
        if connection.execute(sa.update(CREDENTIALS).where(valid).values(state=REVOKED, ended=ws.now(), token=None)).rowcount != 1:
            raise NotFoundError("There is no signed credential of this id.")


def _own_row(ws: Workspace, viewer: Viewer, identity: str) -> Row:
    demand(ws, viewer, Right.OWN_RECORD)
    rows = ws.service.rows(sa.select(CREDENTIALS).where(CREDENTIALS.c.id == identity, CREDENTIALS.c.person == viewer.person))
    if not rows:
        raise NotFoundError("You have no credential of this id.")
    return rows[0]


def _credential(ws: Workspace, row: Row) -> Credential:
    over = row.state == SIGNED and row.valid_until <= ws.now()
    state: State = "expired" if over else row.state
    return Credential(row.id, row.quarter, state, row.by_mail, row.created, row.valid_until, row.ended, row.why)
