"""A manager suggests what somebody in their line could learn; the person sees it, says yes or no, and decides what the manager hears."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from ona.errors import ConflictError, NotFoundError
from pipelines import audit
from pipelines.access.behind import refuse_acting
from pipelines.access.own import own_person
from pipelines.access.policy import Viewer, demand
from pipelines.access.rights import Right
from pipelines.access.scope import scope_on
from pipelines.addresses import person_at
from pipelines.audit import Act
from pipelines.growth import profiles
from pipelines.intake import people, skill_tables
from pipelines.purposes import Purpose
from pipelines.schema import NEED_SUGGESTIONS
from pipelines.storage.workspace import Workspace

LIFE = timedelta(days=90)
"""How long a suggestion waits."""

MOST_OPEN = 50
"""Suggestions of one manager that wait at a time."""

SentState = Literal["suggested", "accepted", "closed"]
ReceivedState = Literal["open", "accepted", "declined", "expired"]

Row = sa.Row[*tuple[Any, ...]]


@dataclass(frozen=True)
class Sent:
    """A suggestion as the manager sees it: no, silence and a quiet yes are the same."""

    id: str
    name: str | None  # of people who agreed to be named
    skill: str
    made: datetime
    state: SentState


@dataclass(frozen=True)
class Received:
    """A suggestion as the person sees it."""

    id: str
    skill: str
    by: str | None
    made: datetime
    until: datetime
    state: ReceivedState
    told: bool  # whether the manager hears of the yes


def suggest(ws: Workspace, viewer: Viewer, address: str, skill: str) -> Sent:
    """Suggest a skill to somebody in the viewer's line; asking twice is asking once.

    Raises NotFoundError alike for an address of nobody and of somebody outside the line; whether somebody agreed or objected to
    anything changes nothing of the answer.
    """
    demand(ws, viewer, Right.SUGGEST_NEED)
    refuse_acting(viewer)
    if skill not in skill_tables.offered(ws):
        raise NotFoundError("There is no skill of this name to suggest. Choose one from the list.")
    person = person_at(ws, address)
    if person is None or person not in _line(ws, viewer):
        raise NotFoundError(
            "There is nobody of this address in your line. Write the work address of somebody who reports to you, directly or further down."
        )
    waiting = [row for row in _by(ws, viewer) if row.made > ws.now() - LIFE]
    same = next((row for row in waiting if (row.person, row.skill) == (person, skill)), None)
    if same is None:
        if len(waiting) >= MOST_OPEN:
            raise ConflictError(f"At most {MOST_OPEN} suggestions wait at a time. Let some of them run out first.")
        made = {"id": secrets.token_hex(16), "person": person, "manager": viewer.person, "skill": skill, "state": "open", "told": False}
        with audit.recorded(ws, Act(viewer.subject, viewer.role, "suggest_need", str(person), Purpose.MENTORING)) as connection:
            connection.execute(sa.insert(NEED_SUGGESTIONS).values(**made, made=ws.now(), answered=None))
        same = next(row for row in _by(ws, viewer) if row.id == made["id"])
    return _sent(ws, viewer, [same])[0]


def sent(ws: Workspace, viewer: Viewer) -> tuple[Sent, ...]:
    """Return the viewer's own suggestions, the newest first."""
    demand(ws, viewer, Right.SUGGEST_NEED)
    return _sent(ws, viewer, _by(ws, viewer))


def received(ws: Workspace, viewer: Viewer) -> tuple[Received, ...]:
    """Return what was suggested to the viewer, the newest first."""
    demand(ws, viewer, Right.OWN_RECORD)
    mine = sa.select(NEED_SUGGESTIONS).where(NEED_SUGGESTIONS.c.person == viewer.person)
    rows = ws.service.rows(mine.order_by(NEED_SUGGESTIONS.c.made.desc(), NEED_SUGGESTIONS.c.id))
    names = ws.vault.names([row.manager for row in rows if row.manager is not None])
    return tuple(_received(ws, row, names.get(row.manager)) for row in rows)


def answer(ws: Workspace, viewer: Viewer, suggestion: str, accept: bool, tell: bool = False) -> Received:
    """Keep the viewer's own answer; only a yes puts the skill among those they look for, and only ``tell`` lets the manager know of it.

    Raises NotFoundError when it is not theirs, and ConflictError when it was answered or waited too long.
    """
    demand(ws, viewer, Right.OWN_RECORD)
    refuse_acting(viewer)
    person = own_person(viewer)
    own = next((one for one in received(ws, viewer) if one.id == suggestion), None)
    if own is None:
        raise NotFoundError("There is no suggestion of this id for you.")
    if own.state != "open":
        raise ConflictError("This suggestion is closed: it was answered, or waited too long.")
    mine = sa.and_(NEED_SUGGESTIONS.c.id == suggestion, NEED_SUGGESTIONS.c.person == person, NEED_SUGGESTIONS.c.state == "open")
    values = {"state": "accepted" if accept else "declined", "told": accept and tell, "answered": ws.now()}
    with ws.service.begin() as connection:
        connection.execute(sa.update(NEED_SUGGESTIONS).where(mine).values(**values))
    if accept:
        profiles.put_profile(ws, person, profiles.profile_of(ws, person).wanting(own.skill))
    return next(one for one in received(ws, viewer) if one.id == suggestion)


def _line(ws: Workspace, viewer: Viewer) -> frozenset[int]:
    return frozenset() if viewer.person is None else scope_on(ws, viewer.person, ws.now().date(), viewer.stands_for)


def _by(ws: Workspace, viewer: Viewer) -> list[Row]:
    made = sa.select(NEED_SUGGESTIONS).where(NEED_SUGGESTIONS.c.manager == viewer.person)
    return list(ws.service.rows(made.order_by(NEED_SUGGESTIONS.c.made.desc(), NEED_SUGGESTIONS.c.id)))


def _sent(ws: Workspace, viewer: Viewer, rows: list[Row]) -> tuple[Sent, ...]:
    line, said, hidden = _line(ws, viewer), people.consents(ws), people.withheld(ws)
    shown = {row.person for row in rows if row.person in line and people.NAME_ON_MAP in said.get(row.person, ())} - hidden
    names = ws.vault.names(sorted(shown))
    return tuple(Sent(row.id, names.get(row.person), row.skill, row.made, _heard(ws, row)) for row in rows)


def _heard(ws: Workspace, row: Row) -> SentState:
    if row.told:
        return "accepted"
    return "suggested" if row.made > ws.now() - LIFE else "closed"


def _received(ws: Workspace, row: Row, by: str | None) -> Received:
    state: ReceivedState = row.state if row.state != "open" else "open" if row.made > ws.now() - LIFE else "expired"
    return Received(row.id, row.skill, by, row.made, row.made + LIFE, state, row.told)
