"""The pool of a mentoring programme as the matching needs it: who is in it today, what they lack and have, hours, lines, distance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from scipy.sparse import csr_array

from ona.mentoring import Pool
from ona.pairing import Between, Mentors, Side, Weights, conflicts, forbidden, one_line, parts, steps_between, utility
from pipelines.access.holdings import Skills, skills
from pipelines.access.policy import Sight
from pipelines.access.readable import NO_UNIT, Bools, Floats, Ids
from pipelines.access.readings import marks
from pipelines.growth import exclusions, profiles
from pipelines.growth.profiles import NOTHING_SAID, Profile
from pipelines.schema import CONFLICTS, PAIRS, POOL
from pipelines.storage.workspace import Workspace

MENTEE, MENTOR = "mentee", "mentor"

WORKDAY = range(9, 17)
"""Local hours that count as working hours where nothing else is known."""

LATEST_START = timedelta(days=14)
"""How long a pair waits for both answers; see :mod:`pipelines.growth.pairs`."""

Row = sa.Row[*tuple[Any, ...]]


@dataclass(frozen=True, eq=False)
class Ready:
    """A pool with everything behind it; rows of mentees and mentors are by ascending person."""

    sight: Sight
    mentees: Side
    mentors: Mentors
    between: Between
    weights: Weights
    names: tuple[str, ...]  # of the skills
    gone: frozenset[tuple[int, int]]  # pairs that were tried before and did not form

    @cached_property
    def parts(self) -> dict[str, Floats]:
        """Parts of the utility."""
        return parts(self.mentees, self.mentors, self.between)

    @cached_property
    def pool(self) -> Pool:
        """What is matched."""
        rules = forbidden(self.mentees, self.mentors, self.between)
        return Pool(utility(self.parts, self.weights), rules, self.mentors.seats, self.mentees.person, self.mentors.person)

    @property
    def crossing(self) -> Bools:
        """Pairs of two departments."""
        return self.parts["crossing"] > 0

    def member(self, person: int) -> int:
        """Row of a person in the scan."""
        return int(np.searchsorted(self.sight.scan.persons, person))

    def covered(self, mentee: int, mentor: int) -> tuple[str, ...]:
        """Skills that the mentee lacks and the mentor has."""
        both = self.mentees.skills[mentee] & self.mentors.skills[mentor]
        return tuple(self.names[column] for column in np.flatnonzero(both))


def ready(ws: Workspace, sight: Sight, programme: Row) -> Ready:
    """Put a programme's pool together as of now: whoever took their consent back, objected or carries too much is not in it."""
    free = sight.candidates
    persons = sight.scan.persons
    place = {int(person): row for row, person in enumerate(persons) if free[row]}
    rows = [row for row in members(ws, programme) if row.person in place]
    sides = {side: [row for row in rows if row.side == side] for side in (MENTEE, MENTOR)}
    held = skills(sight)
    extra = sorted({skill for row in rows for skill in row.skills} - set(held.holding.skills))
    names = (*held.holding.skills, *extra)
    items = sorted({item for row in rows for item in row.interests})
    mentee, mentor = (_Half(sight, held, names, items, sides[side], place) for side in (MENTEE, MENTOR))
    mentees = Side(mentee.persons, mentee.agreed, mentee.group, mentee.hours, mentee.lacking, mentee.interests)
    shared = (mentor.persons, mentor.agreed, mentor.group, mentor.hours, mentor.having, mentor.interests)
    mentors = Mentors(*shared, seats=mentor.seats, helper=mentor.helper, overloaded=~mentor.agreed, tenure=mentor.tenure)
    gone = _gone(ws, str(programme.id))
    return Ready(sight, mentees, mentors, _between(ws, sight, mentee, mentor, gone), Weights(**programme.weights), names, gone)


@dataclass(frozen=True)
class Member:
    """Somebody on one side of a programme's pool."""

    person: int
    side: str
    seats: int
    skills: tuple[str, ...]  # wanted by a mentee beyond the role's targets, offered by a mentor beyond the badges
    interests: Mapping[str, float]
    hours: range | None = None  # local; None = usual working hours


def members(ws: Workspace, programme: Row) -> list[Member]:
    """Return who takes part on which side, by person: as set up, unless they say otherwise themselves."""
    stored = ws.service.rows(sa.select(POOL).where(POOL.c.programme == programme.id))
    set_up, said = {(int(row.person), str(row.side)): row for row in stored}, profiles.profiles(ws)
    wished = {(person, side) for person, one in said.items() for side in (MENTEE, MENTOR) if one.takes(side)}
    kept = {key for key in set_up if said.get(key[0], NOTHING_SAID).takes(key[1]) is not False}
    return [_member(*key, set_up.get(key), said.get(key[0], NOTHING_SAID), programme.seats) for key in sorted(kept | wished)]


def first_sides(sight: Sight) -> dict[int, str]:
    """Propose a side for everybody who agreed: mentors stand out or hold what roles ask for, mentees lack some of it."""
    held = skills(sight)
    gap = np.nan_to_num(held.holding.gap).sum(axis=1)
    asked = np.isfinite(held.holding.target)
    holds: Bools = np.any((held.holding.held >= 1) & asked, axis=1)
    found = {}
    for row in np.flatnonzero(sight.candidates).tolist():
        if marks(sight, row, "flagged") or holds[row]:
            found[int(sight.scan.persons[row])] = MENTOR
        elif gap[row] > 0:
            found[int(sight.scan.persons[row])] = MENTEE
    return found


def managers_of(people: pa.Table) -> dict[int, int]:
    """Return person → manager; read from Arrow, for in pandas ids with gaps become floats, which are not exact."""
    pairs = zip(people["person"].to_pylist(), people["manager"].to_pylist(), strict=True)
    return {person: manager for person, manager in pairs if manager is not None}


def _member(person: int, side: str, row: Row | None, said: Profile, seats: int) -> Member:
    own = said.wanted if side == MENTEE else said.offered
    skills_of = tuple(dict.fromkeys((*(row.skills if row else ()), *own)))
    hours = range(said.day_start, said.day_end) if said.day_start is not None and said.day_end is not None else None
    return Member(
        person, side, said.seats or (row.seats if row else seats), skills_of, {**(row.interests if row else {}), **said.interests}, hours
    )


@dataclass(frozen=True, eq=False)
class _Half:
    """One side of the pool as arrays."""

    sight: Sight
    held: Skills
    names: tuple[str, ...]
    items: Sequence[str]
    rows: Sequence[Member]
    place: Mapping[int, int]

    @cached_property
    def persons(self) -> Ids:
        return np.array([row.person for row in self.rows], dtype=np.int64)

    @cached_property
    def at(self) -> Ids:
        return np.array([self.place[row.person] for row in self.rows], dtype=np.int64)

    @property
    def agreed(self) -> Bools:
        return np.ones(len(self.rows), dtype=np.bool_)

    @property
    def group(self) -> Ids:
        units = self.sight.scan.units("group")[self.at]
        return np.where(units == NO_UNIT, -1, units)

    @property
    def hours(self) -> Bools:
        zones = self.sight.scan.table["zone"]
        day = date.fromisoformat(str(self.sight.scan.sealed.manifest["end"]))
        usual = self.sight.ws.settings.zone
        named = [zone if isinstance(zone := zones.iloc[row], str) else usual for row in self.at]
        wanted = [(name, row.hours or WORKDAY) for name, row in zip(named, self.rows, strict=True)]
        known = {one: _utc_hours(*one, day) for one in set(wanted)}
        return np.array([known[one] for one in wanted], dtype=np.bool_).reshape(len(wanted), 24)

    @property
    def lacking(self) -> Bools:
        gap = np.nan_to_num(self.held.holding.gap[self.at]) > 0
        return self._with_own(gap)

    @property
    def having(self) -> Bools:
        return self._with_own(self.held.holding.held[self.at] >= 1)

    @property
    def interests(self) -> Floats:
        told = [[row.interests.get(item, np.nan) for item in self.items] for row in self.rows]
        return np.array(told, dtype=np.float64).reshape(len(self.rows), len(self.items))

    @property
    def seats(self) -> Ids:
        return np.array([row.seats for row in self.rows], dtype=np.int64)

    @property
    def helper(self) -> Floats:
        columns = self.sight.scan.scores.get("helper")
        if columns is None:
            return np.full(len(self.rows), np.nan)
        told = np.array([columns.reason[row] is None for row in self.at], dtype=np.bool_)
        return np.where(told, columns.percentile_low[self.at], np.nan)

    @property
    def tenure(self) -> Floats:
        day = date.fromisoformat(str(self.sight.scan.sealed.manifest["end"]))
        joined = [self.sight.scan.table["joined"].iloc[row] for row in self.at]
        return np.array([(day - one).days if isinstance(one, date) and one == one else np.nan for one in joined], dtype=np.float64)  # noqa: PLR0124 - NaT

    def _with_own(self, skills_of_all: Bools) -> Bools:
        """Add what people said themselves."""
        found = np.zeros((len(self.rows), len(self.names)), dtype=np.bool_)
        found[:, : skills_of_all.shape[1]] = skills_of_all
        place = {name: column for column, name in enumerate(self.names)}
        for at, row in enumerate(self.rows):
            found[at, [place[skill] for skill in row.skills]] = True
        return found


def _between(ws: Workspace, sight: Sight, mentee: _Half, mentor: _Half, gone: frozenset[tuple[int, int]]) -> Between:
    managers = managers_of(sight.scan.sealed.people)
    source, target, weight = sight.scan.ties("relationship")
    n = len(sight.scan.persons)
    own = [(int(row.first), int(row.second)) for row in ws.service.rows(sa.select(CONFLICTS))]
    listed = [*own, *exclusions.shown(ws, sight.standing.named)]
    return Between(
        one_line=one_line(mentee.persons, mentor.persons, managers),
        conflict=conflicts(mentee.persons, mentor.persons, [*listed, *gone]),
        steps=steps_between(csr_array((weight, (source, target)), shape=(n, n)), mentee.at, mentor.at),
    )


def _gone(ws: Workspace, programme: str) -> frozenset[tuple[int, int]]:
    """Pairs that waited their time without two answers: only then does a decline look like silence."""
    ended = sa.and_(PAIRS.c.programme == programme, PAIRS.c.state.in_(("invited", "declined")), PAIRS.c.started < ws.now() - LATEST_START)
    over = sa.and_(PAIRS.c.programme == programme, PAIRS.c.state == "ended")
    return frozenset((int(row.mentee), int(row.mentor)) for row in ws.service.rows(sa.select(PAIRS).where(sa.or_(ended, over))))


def _utc_hours(zone: str, hours: range, day: date) -> list[bool]:
    shift = datetime.combine(day, time(12), ZoneInfo(zone)).utcoffset() or timedelta()
    utc = {round(hour - shift.total_seconds() / 3600) % 24 for hour in hours}
    return [hour in utc for hour in range(24)]
