"""Nudges: at most one small step a person and quarter, for those who agreed to it; a share is held out to see what it changes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
import sqlalchemy as sa
from scipy.sparse import csr_array

from ona.errors import ConflictError, NotEnoughDataError, NotFoundError
from ona.nudges import SHADOWING, Effect, Nudge, Offers, choose, effect, quarter_of
from ona.pairing import nearest
from pipelines import audit, consents
from pipelines.access.behind import refuse_acting
from pipelines.access.holdings import skills
from pipelines.access.policy import Readable, Sight, Viewer, demand, look
from pipelines.access.readable import OVERLOAD
from pipelines.access.rights import Right
from pipelines.audit import Act
from pipelines.intake import people, skill_tables
from pipelines.phrases import Phrase, say
from pipelines.schema import NUDGES
from pipelines.storage.workspace import Workspace
from pipelines.thresholds import minimum

AGREED, MAY_BE_ASKED = "nudge", "mentor_pool"
"""Consents: to be offered a step, and to be the colleague whom others come to for an hour."""

Said = Literal["accepted", "not_now", "wrong"]
State = Literal["offered", "accepted", "not_now", "wrong"]


@dataclass(frozen=True)
class OwnNudge:
    """The one step of this quarter, as the person sees it."""

    quarter: str
    kind: str  # course, shadowing
    skill: str
    title: str
    url: str | None
    minutes: int
    reason: Phrase
    state: State


@dataclass(frozen=True)
class NudgeCounts:
    """How a quarter went; None under the minimum group."""

    quarter: str
    offered: int | None
    held_out: int | None
    accepted: int | None
    effect: Effect | None
    why_not: str | None


def make_nudges(ws: Workspace, viewer: Viewer, scan: Readable) -> int:
    """Choose this quarter's step for everybody who agreed and has none yet; return how many were chosen, those held out among them."""
    demand(ws, viewer, Right.RUN)
    refuse_acting(viewer)
    sight, quarter = look(ws, scan, viewer), quarter_of(ws.now().date())
    found = skills(sight)
    said, hidden = people.consents(ws), people.withheld(ws)
    agreed = np.array([AGREED in said.get(int(person), ()) and person not in hidden for person in sight.scan.persons], dtype=np.bool_)
    gap = np.where(agreed[:, None], found.holding.gap, np.nan)
    chosen = choose(
        sight.scan.persons, gap, found.holding.skills, {one.skill: one.priority for one in found.risks()}, _offers(sight, quarter)
    )
    with audit.recorded(ws, Act(viewer.subject, viewer.role, "make_nudges", quarter)) as connection:
        if chosen:
            connection.execute(sa.insert(NUDGES), [_row(one, quarter, ws.now()) for one in chosen])
    return len(chosen)


def own_nudge(ws: Workspace, viewer: Viewer) -> OwnNudge | None:
    """Return the viewer's step of this quarter; None when there is none, or when they are held out: the two look alike."""
    demand(ws, viewer, Right.OWN_RECORD)
    quarter = quarter_of(ws.now().date())
    mine = sa.and_(NUDGES.c.person == viewer.person, NUDGES.c.quarter == quarter, NUDGES.c.control.is_(False))
    rows = ws.service.rows(sa.select(NUDGES).where(mine))
    if not rows or not _agrees(ws, viewer.person, AGREED):
        return None
    row = rows[0]
    course = next(((one, title, url) for one, title, url in skill_tables.catalogue(ws) if one.item == row.item), None)
    if row.kind == SHADOWING:
        title, url, minutes = say("An hour beside a colleague who knows {skill}", skill=row.skill), None, 60
    elif course:
        title, url, minutes = Phrase.plain(course[1]), course[2], course[0].minutes
    else:
        return None  # the course left the catalogue
    reason = say("Your role asks for {skill}, and no badge on record shows it.", skill=row.skill)
    return OwnNudge(quarter, row.kind, row.skill, title, url, minutes, reason, row.state)


def answer(ws: Workspace, viewer: Viewer, said: Said) -> OwnNudge:
    """Keep what the viewer says to this quarter's step; nobody else is told.

    Raises NotFoundError when there is none.
    """
    refuse_acting(viewer)
    own = own_nudge(ws, viewer)
    if own is None:
        raise NotFoundError("There is no suggestion for you this quarter.")
    if own.state == "accepted":
        raise ConflictError("You accepted this suggestion already.")
    mine = sa.and_(NUDGES.c.person == viewer.person, NUDGES.c.quarter == own.quarter)
    with ws.service.begin() as connection:
        connection.execute(sa.update(NUDGES).where(mine).values(state=said, said=ws.now()))
    changed = own_nudge(ws, viewer)
    if changed is None:
        raise NotFoundError("There is no suggestion for you this quarter.")
    return changed


def helper_of(ws: Workspace, viewer: Viewer) -> str | None:
    """Return the colleague of an accepted hour by name, if they still agree to both: to be asked, and to be named."""
    demand(ws, viewer, Right.OWN_RECORD)
    quarter = quarter_of(ws.now().date())
    mine = sa.and_(NUDGES.c.person == viewer.person, NUDGES.c.quarter == quarter, NUDGES.c.state == "accepted")
    rows = ws.service.rows(sa.select(NUDGES.c.helper).where(mine))
    helper = rows[0].helper if rows else None
    if (
        helper is None
        or helper in people.withheld(ws)
        or not _agrees(ws, helper, MAY_BE_ASKED)
        or not _agrees(ws, helper, people.NAME_ON_MAP)
    ):
        return None
    return ws.vault.names([helper]).get(helper)


def nudge_counts(ws: Workspace, viewer: Viewer, scan: Readable, quarter: str) -> NudgeCounts:
    """Return how a quarter's steps went and what they changed, those offered against those held out; for analysts."""
    demand(ws, viewer, Right.RANK)
    sight, k = look(ws, scan, viewer), minimum(ws).holds
    rows = ws.service.rows(sa.select(NUDGES).where(NUDGES.c.quarter == quarter))
    held = [row for row in rows if row.control]
    found, why = None, None
    try:
        found = _effect(sight, rows)
    except NotEnoughDataError as error:
        why = str(error)

    def told(number: int) -> int | None:
        return number if number == 0 or number >= k else None

    accepted = sum(row.state == "accepted" for row in rows)
    return NudgeCounts(quarter, told(len(rows) - len(held)), told(len(held)), told(accepted), found, why)


def _effect(sight: Sight, rows: Sequence[sa.Row[*tuple[Any, ...]]]) -> Effect:
    """Compare the gaps of then with those of this scan."""
    found = skills(sight)
    place = {skill: column for column, skill in enumerate(found.holding.skills)}
    member = {int(person): at for at, person in enumerate(sight.scan.persons)}
    known = [row for row in rows if row.person in member and row.skill in place]
    before = np.array([row.gap_before for row in known], dtype=np.float64)
    after = np.array([np.nan_to_num(found.holding.gap[member[row.person], place[row.skill]]) for row in known], dtype=np.float64)
    return effect(before, after, np.array([row.control for row in known], dtype=np.bool_))


def _offers(sight: Sight, quarter: str) -> Offers:
    ws, found = sight.ws, skills(sight)
    taken = frozenset(int(row.person) for row in ws.service.rows(sa.select(NUDGES.c.person).where(NUDGES.c.quarter == quarter)))
    said = people.consents(ws)
    overload = sight.scan.facts.get(OVERLOAD)
    tired = np.zeros(len(sight.scan.persons), dtype=np.bool_) if overload is None else np.nan_to_num(overload) > 0
    asked = {MAY_BE_ASKED, people.NAME_ON_MAP}  # whoever is suggested is named to whoever accepts
    free = np.array([asked <= said.get(int(person), set()) for person in sight.scan.persons], dtype=np.bool_) & ~tired
    free &= ~np.isin(sight.scan.persons, list(people.withheld(ws)))
    holds = (found.holding.held >= 1) & free[:, None]
    asked_of = np.nan_to_num(found.holding.gap).max(axis=0, initial=0.0) > 0
    source, target, weight = sight.scan.ties("relationship")
    n = len(sight.scan.persons)
    ties = csr_array((np.tile(weight, 2), (np.r_[source, target], np.r_[target, source])), shape=(n, n))
    near = {
        skill: nearest(ties, np.flatnonzero(holds[:, column]))[0]
        for column, skill in enumerate(found.holding.skills)
        if asked_of[column] and holds[:, column].any()
    }
    courses = [course for course, _, _ in skill_tables.catalogue(ws)]
    return Offers(quarter, ws.settings.seed, taken, courses, near, sight.scan.persons)


def _row(one: Nudge, quarter: str, now: datetime) -> dict[str, object]:
    same = {name: value for name, value in asdict(one).items() if name not in ("minutes", "gap")}
    return same | {"quarter": quarter, "state": "offered", "made": now, "said": None, "gap_before": one.gap}


def _agrees(ws: Workspace, person: int | None, purpose: str) -> bool:
    return person is not None and consents.agreed(ws, person, purpose)
