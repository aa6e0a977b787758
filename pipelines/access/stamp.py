"""A cheap mark of everything that changes an answer without changing a scan, and what is remembered while it stands."""

from collections.abc import Callable
from typing import TypeVar, cast

import sqlalchemy as sa

from pipelines.schema import (
    BADGE_CHOICES,
    BADGE_ROWS,
    CONSENTS,
    EVIDENCE_ROWS,
    GRANTS,
    NAME_INVITATIONS,
    PEOPLE_ROWS,
    POINTERS,
    PUBLICATIONS,
    PULLS,
    SCANS,
    TARGETS,
    THRESHOLDS,
    WITHHELD,
)
from pipelines.storage.service import LATEST
from pipelines.storage.workspace import Workspace

Made = TypeVar("Made")

MOST_REMEMBERED = 1_024
"""Things kept in memory; the oldest leaves first."""

_PARTS = (
    sa.select(sa.func.max(CONSENTS.c.id)),
    sa.select(sa.func.count()).select_from(CONSENTS),
    sa.select(sa.func.max(WITHHELD.c.at)),
    sa.select(sa.func.count()).select_from(WITHHELD),
    sa.select(sa.func.sum(WITHHELD.c.person % 1_000_003)),
    sa.select(sa.func.max(PULLS.c.id)),  # people, badges and their names change with a pull
    sa.select(sa.func.count()).select_from(PEOPLE_ROWS),
    sa.select(sa.func.max(BADGE_ROWS.c.checked)),
    sa.select(sa.func.count()).select_from(BADGE_ROWS),
    sa.select(sa.func.max(PUBLICATIONS.c.id)),
    sa.select(sa.func.count()).select_from(PUBLICATIONS).where(PUBLICATIONS.c.withdrawn.is_(None)),
    sa.select(sa.func.max(GRANTS.c.decided)),
    sa.select(sa.func.max(THRESHOLDS.c.id)),
    sa.select(sa.func.max(SCANS.c.created)),
    sa.select(sa.func.count()).select_from(SCANS).where(SCANS.c.state == "sealed"),
    sa.select(sa.func.max(POINTERS.c.scan)).where(POINTERS.c.name == LATEST),
    sa.select(sa.func.max(NAME_INVITATIONS.c.answered)),
    sa.select(sa.func.max(BADGE_CHOICES.c.at)),
    sa.select(sa.func.count()).select_from(EVIDENCE_ROWS),
    sa.select(sa.func.sum(EVIDENCE_ROWS.c.value)),
    sa.select(sa.func.count()).select_from(TARGETS),
    sa.select(sa.func.sum(TARGETS.c.level + TARGETS.c.value)),
)

_STATEMENT = sa.select(*(part.scalar_subquery() for part in _PARTS))


def stamp(ws: Workspace) -> str:
    """Return a mark that changes with objections, consents, people, names, badges, grants, publications, and with the day."""
    (row,) = ws.service.rows(_STATEMENT)
    return "|".join(map(str, (ws.now().date(), *row)))


def remembered(ws: Workspace, name: str, mark: str, make: Callable[[], Made]) -> Made:
    """Return what was made under this name while the mark was the same, else make it anew."""
    kept = ws.memory.get(name)
    if kept is None or kept[0] != mark:
        kept = (mark, make())
        ws.memory.pop(name, None)
        ws.memory[name] = kept
        while len(ws.memory) > MOST_REMEMBERED:
            ws.memory.pop(next(iter(tuple(ws.memory))), None)  # a copy: other threads write as well
    return cast(Made, kept[1])  # one name always stands for one type
