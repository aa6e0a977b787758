"""A person contests a result about themself; somebody answers it by hand, and nothing happens before."""

import secrets
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

import sqlalchemy as sa

from ona.errors import ConflictError, NotFoundError
from pipelines import audit
from pipelines.access.answers import Facet
from pipelines.access.behind import refuse_acting
from pipelines.access.policy import Viewer, demand, view_id
from pipelines.access.rights import Right, Role
from pipelines.audit import Act
from pipelines.schema import CONTESTS
from pipelines.storage.workspace import Workspace

OPEN = "open"
Answer = Literal["corrected", "upheld"]
"""Corrected: a fault was found and mended, the next scan shows it. Upheld: somebody looked, and found none."""


class Reason(StrEnum):
    """What a person may say is wrong; there is no free text, so that nothing about others gets in."""

    WRONG_FACTS = "wrong_facts"  # team, manager, function, dates
    WRONG_PERSON = "wrong_person"  # an account that is not theirs, or a missing one
    ABSENCE = "absence"  # away for part of the window
    ROLE_EXPLAINS = "role_explains"  # the duty makes the pattern, not the person
    NOT_ME = "not_me"  # it does not describe what they do
    OTHER = "other"


@dataclass(frozen=True)
class Contest:
    """One contested result; only an analyst gets the id under which the person is in their lists."""

    id: str
    scan_id: str
    facet: str
    reason: str
    ticket: str | None
    state: str
    created: datetime
    answered: datetime | None
    view_id: str | None = None


@dataclass(frozen=True)
class Contests:
    """Contested results, the open ones first, and how many there are in each state."""

    counts: dict[str, int]
    contests: tuple[Contest, ...]


def contest(ws: Workspace, viewer: Viewer, scan: str, facet: Facet, reason: Reason, ticket: str | None = None) -> Contest:
    """Contest the viewer's own result in a scan; while one on the same facet is open it is answered with that one."""
    demand(ws, viewer, Right.OWN_RECORD)
    refuse_acting(viewer)
    same = sa.and_(CONTESTS.c.person == viewer.person, CONTESTS.c.scan == scan, CONTESTS.c.facet == facet, CONTESTS.c.state == OPEN)
    row = {"id": secrets.token_hex(16), "person": viewer.person, "scan": scan, "facet": facet, "reason": reason, "ticket": ticket}
    with ws.service.begin() as connection:
        found = connection.execute(sa.select(CONTESTS).where(same)).first()
        if found is None:
            connection.execute(sa.insert(CONTESTS).values(**row, state=OPEN, created=ws.now()))
            found = connection.execute(sa.select(CONTESTS).where(CONTESTS.c.id == row["id"])).one()
    return _contest(found)


def own_contests(ws: Workspace, viewer: Viewer) -> tuple[Contest, ...]:
    """Return what the viewer contested, the newest first."""
    demand(ws, viewer, Right.OWN_RECORD)
    rows = ws.service.rows(sa.select(CONTESTS).where(CONTESTS.c.person == viewer.person).order_by(CONTESTS.c.created.desc()))
    return tuple(map(_contest, rows))


def read_contests(ws: Workspace, viewer: Viewer) -> Contests:
    """Return all contested results with their states, never with a name."""
    demand(ws, viewer, Right.ANSWER_CONTEST)
    rows = ws.service.rows(sa.select(CONTESTS).order_by(CONTESTS.c.state != OPEN, CONTESTS.c.created, CONTESTS.c.id))
    return Contests(dict(Counter(row.state for row in rows)), _with_ids(ws, viewer, rows))


def answer_contest(ws: Workspace, viewer: Viewer, identity: str, answer: Answer) -> Contest:
    """Answer a contested result; of several answers at one moment exactly one counts.

    Raises NotFoundError when there is none of this id, ConflictError when it is answered.
    """
    demand(ws, viewer, Right.ANSWER_CONTEST)
    refuse_acting(viewer)
    values = {"state": answer, "answered": ws.now(), "answered_by": viewer.subject}
    with audit.recorded(ws, Act(viewer.subject, viewer.role, "answer_contest", identity, answer)) as connection:
        found = connection.execute(sa.select(CONTESTS).where(CONTESTS.c.id == identity)).first()
        if found is None:
            raise NotFoundError("There is no contested result of this id.")
        if found.person == viewer.person:
            raise ConflictError("This is your own result. Somebody else has to answer.")
        still_open = sa.and_(CONTESTS.c.id == identity, CONTESTS.c.state == OPEN)
        if connection.execute(sa.update(CONTESTS).where(still_open).values(values)).rowcount != 1:
            raise ConflictError("This was answered already. Load the list again.")
        found = connection.execute(sa.select(CONTESTS).where(CONTESTS.c.id == identity)).one()
    return _with_ids(ws, viewer, [found])[0]


def _with_ids(ws: Workspace, viewer: Viewer, rows: Iterable[sa.Row[*tuple[Any, ...]]]) -> tuple[Contest, ...]:
    by_id = viewer.role is Role.ANALYST
    return tuple(_contest(row, view_id(ws.keys, viewer.role, row.scan, row.person) if by_id else None) for row in rows)


def _contest(row: sa.Row[*tuple[Any, ...]], code: str | None = None) -> Contest:
    return Contest(row.id, row.scan, row.facet, row.reason, row.ticket, row.state, row.created, row.answered, code)
