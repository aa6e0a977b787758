"""What each person agreed to, purpose by purpose, and whom they showed their name to; read anew for every answer."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from pipelines.schema import CONSENTS, NAME_INVITATIONS, WITHHELD
from pipelines.storage.workspace import Workspace

PURPOSES = ("name_on_map", "mentor_pool", "credential", "survey", "nudge")
"""All that can be agreed to; each is off until the person says yes, and can be taken back."""


@dataclass(frozen=True)
class Choice:
    """One choice of a person, the newest of its purpose."""

    purpose: str
    granted: bool
    source: str | None = None  # connector, or the person; None = never asked
    at: datetime | None = None


def choices(ws: Workspace, person: int) -> tuple[Choice, ...]:
    """Return a person's choice for every purpose, no where nothing was said."""
    rows = ws.service.rows(sa.select(CONSENTS).where(CONSENTS.c.person == person).order_by(CONSENTS.c.id))
    last = {row.purpose: Choice(row.purpose, row.granted, row.source, row.at) for row in rows}
    return tuple(last.get(purpose, Choice(purpose, granted=False)) for purpose in PURPOSES)


def agreed(ws: Workspace, person: int, purpose: str) -> bool:
    """Return whether a person agreed to one purpose and did not take it back."""
    return any(one.granted for one in choices(ws, person) if one.purpose == purpose)


def shown_to(ws: Workspace, subject: str) -> frozenset[int]:
    """Return the persons who accepted this viewer's invitation to show their name, those who objected since left out."""
    mine = (NAME_INVITATIONS.c.inviter == subject) & NAME_INVITATIONS.c.accepted.is_(True)
    rows = ws.service.rows(
        sa.select(NAME_INVITATIONS.c.person).where(mine & NAME_INVITATIONS.c.person.not_in(sa.select(WITHHELD.c.person)))
    )
    return frozenset(int(row.person) for row in rows)
