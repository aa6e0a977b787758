"""HR's own list of pairs that are never matched: by work address or by label, audited, and no way to learn whose label is whose."""

import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
import sqlalchemy as sa

from ona.errors import ConflictError, NotFoundError
from pipelines import audit
from pipelines.access.behind import refuse_acting
from pipelines.access.policy import Readable, Sight, Viewer, demand, look
from pipelines.access.rights import Right
from pipelines.addresses import address_of, person_at
from pipelines.audit import Act
from pipelines.schema import EXCLUSIONS, PAIRS
from pipelines.storage.workspace import Workspace

MOST_LISTED = 500

LABEL = re.compile(r"(?:\S+ )?([0-9A-F]{4,16})", re.IGNORECASE)
"""Label or id of a candidate, as boards and lists show it."""

By = Literal["address", "label"]

End = tuple[int, By]

Row = sa.Row[*tuple[Any, ...]]


@dataclass(frozen=True)
class Exclusion:
    """A pair on the list, as one viewer reads it."""

    id: str
    first: str | None  # name or label as everywhere; else the address, for whoever wrote it; None = somebody who is not shown by name
    second: str | None
    at: datetime
    set_by: str  # viewer
    mine: bool


def listed(ws: Workspace, viewer: Viewer, scan: Readable) -> tuple[Exclusion, ...]:
    """Return the list, the newest first."""
    demand(ws, viewer, Right.PAIR)
    sight = look(ws, scan, viewer)
    place = {int(person): at for at, person in enumerate(sight.scan.persons)}
    rows = ws.service.rows(sa.select(EXCLUSIONS).order_by(EXCLUSIONS.c.at.desc(), EXCLUSIONS.c.id))
    return tuple(_exclusion(sight, place, row) for row in rows)


def exclude(ws: Workspace, viewer: Viewer, scan: Readable, ends: tuple[str, str]) -> str:
    """Put two people on the list, each by work address or label, and return the id of the entry; an active pair that HR sees ends.

    What is on the list already, or turns out to be one person under two descriptions, is kept without a word: an answer that differed
    would tell whose label it is. Raises NotFoundError for nobody and ConflictError for the same text twice or a full list.
    """
    demand(ws, viewer, Right.PAIR)
    refuse_acting(viewer)
    sight = look(ws, scan, viewer)
    first, second = (_end(sight, text.strip()) for text in ends)
    if first == second:
        raise ConflictError("These two are one person: nobody is paired with themself.")
    if ws.service.rows(sa.select(sa.func.count().label("n")).select_from(EXCLUSIONS))[0].n >= MOST_LISTED:
        raise ConflictError(f"The list holds at most {MOST_LISTED} pairs. Take some off it first.")
    made = {"id": secrets.token_hex(16), "first": first[0], "second": second[0], "first_by": first[1], "second_by": second[1]}
    with audit.recorded(ws, Act(viewer.subject, viewer.role, "exclude_pair", str(made["id"]), "mentoring")) as connection:
        connection.execute(sa.insert(EXCLUSIONS).values(**made, set_by=viewer.subject, at=ws.now()))
        if _is_shown(first, sight.named) and _is_shown(second, sight.named):
            active = sa.and_(_of(PAIRS.c.mentee, PAIRS.c.mentor, first[0], second[0]), PAIRS.c.state == "active")
            connection.execute(sa.update(PAIRS).where(active).values(state="ended", ended=ws.now()))
    return str(made["id"])


def allow(ws: Workspace, viewer: Viewer, identity: str) -> None:
    """Take a pair off the list.

    Raises NotFoundError when it is not on it.
    """
    demand(ws, viewer, Right.PAIR)
    refuse_acting(viewer)
    with audit.recorded(ws, Act(viewer.subject, viewer.role, "allow_pair", identity, "mentoring")) as connection:
        if connection.execute(sa.delete(EXCLUSIONS).where(EXCLUSIONS.c.id == identity)).rowcount != 1:
            raise NotFoundError("There is no pair of this id on the list.")


def shown(ws: Workspace, named: Collection[int]) -> list[tuple[int, int]]:
    """Return the pairs that the matching leaves out: both ends were given by label, or agreed to be named.

    Were the others left out too, a board before and after would tell which of its labels an address belongs to.
    """
    rows = ws.service.rows(sa.select(EXCLUSIONS))
    return [(row.first, row.second) for row in rows if all(_is_shown(end, named) for end in _ends(row))]


def holds(ws: Workspace, one: int, other: int) -> bool:
    """Whether two people are on the list, however they were given: such a pair never becomes active."""
    return bool(ws.service.rows(sa.select(EXCLUSIONS.c.id).where(_of(EXCLUSIONS.c.first, EXCLUSIONS.c.second, one, other))))


def _is_shown(end: End, named: Collection[int]) -> bool:
    person, by = end
    return by == "label" or person in named


def _ends(row: Row) -> tuple[End, End]:
    return (int(row.first), row.first_by), (int(row.second), row.second_by)


def _of(left: sa.Column[int], right: sa.Column[int], one: int, other: int) -> sa.ColumnElement[bool]:
    return sa.or_(sa.and_(left == one, right == other), sa.and_(left == other, right == one))


def _end(sight: Sight, text: str) -> End:
    """Read who is meant; of labels only those of people who can be on a board."""
    if "@" in text:
        person = person_at(sight.ws, text)
        if person is None:
            raise _nobody()
        return person, "address"
    label = LABEL.fullmatch(text)
    here = np.flatnonzero(sight.candidates).tolist()
    found = [row for row in here if label and sight.codes[row].startswith(label[1].upper())]
    if len(found) != 1:
        raise _nobody()
    return int(sight.scan.persons[found[0]]), "label"


def _nobody() -> NotFoundError:
    return NotFoundError(
        "There is nobody of this address or label. Write a work address as the directory knows it, or a label as the board shows it."
    )


def _exclusion(sight: Sight, place: dict[int, int], row: Row) -> Exclusion:
    mine = row.set_by == sight.viewer.subject and not sight.viewer.acting
    first, second = (_told(sight, place, end, mine) for end in _ends(row))
    return Exclusion(row.id, first, second, row.at, row.set_by, mine)


def _told(sight: Sight, place: dict[int, int], end: End, mine: bool) -> str | None:
    person, by = end
    at = place.get(person)
    if at is not None and person not in sight.withheld and (by == "label" or person in sight.told_by_name):
        return sight.label(at)[0]
    return address_of(sight.ws, person) if by == "address" and mine else None
