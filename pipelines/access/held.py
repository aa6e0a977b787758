"""Which roles somebody holds now: what the identity provider said, what was granted, and what may not be joined."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from pipelines.access.policy import LOCAL_ANALYST
from pipelines.access.rights import MAY_NOT_BE_JOINED, Role
from pipelines.schema import GRANTS, PEOPLE_ROWS, VIEWERS
from pipelines.storage.workspace import Workspace

ACTIVE = "active"

FIRST_CHOICE = (Role.ANALYST, Role.HR, Role.MANAGER, Role.STEWARD, Role.AUDITOR, Role.ADMIN, Role.EMPLOYEE)
"""In which of several roles a session begins."""


@dataclass(frozen=True)
class Held:
    """Who somebody is and which roles they hold today, at least one."""

    roles: frozenset[Role]
    person: int | None = None
    stands_for: frozenset[int] = frozenset()

    @property
    def first(self) -> Role:
        """Role that a session begins in."""
        return next(role for role in FIRST_CHOICE if role in self.roles)


def holder(ws: Workspace, subject: str) -> Held | None:
    """Return what a viewer holds; None for one who is disabled, left the company or holds no role."""
    if subject == LOCAL_ANALYST.subject:
        return Held(frozenset({LOCAL_ANALYST.role})) if ws.settings.sign_in is None else None
    found = ws.service.rows(sa.select(VIEWERS).where(VIEWERS.c.id == subject, VIEWERS.c.state == ACTIVE))
    today = ws.now().date()
    if not found or has_left(ws, found[0].person, today):
        return None
    grants = valid_grants(ws, subject, today)
    roles = separated({Role(role) for role in found[0].roles} | {Role(grant.role) for grant in grants})
    stands_for = frozenset(int(grant.stands_for) for grant in grants if grant.stands_for is not None)
    return Held(roles, found[0].person, stands_for) if roles else None


def separated(roles: Iterable[Role]) -> frozenset[Role]:
    """Return the roles without those that may not be joined with another of them: whoever requests does not approve."""
    given = frozenset(roles)
    return given - {role for role in given if MAY_NOT_BE_JOINED.get(role, frozenset()) & given}


def valid_grants(ws: Workspace, subject: str, today: date) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return the approved grants of a viewer that hold on this day."""
    days = sa.and_(GRANTS.c.start <= today, sa.or_(GRANTS.c.end.is_(None), GRANTS.c.end > today))
    return ws.service.rows(sa.select(GRANTS).where(GRANTS.c.viewer == subject, GRANTS.c.state == ACTIVE, days))


def has_left(ws: Workspace, person: int | None, today: date) -> bool:
    """Whether every directory that knows this person says that they are gone."""
    if person is None:
        return False
    columns = (PEOPLE_ROWS.c.source, PEOPLE_ROWS.c.left)
    rows = ws.service.rows(sa.select(*columns).where(PEOPLE_ROWS.c.person == person).order_by(PEOPLE_ROWS.c.valid_from))
    newest = {row.source: row.left for row in rows}
    return bool(newest) and all(left is not None and left <= today for left in newest.values())
