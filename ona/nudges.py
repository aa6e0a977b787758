"""One small next step a quarter: which, for whom, who is held out to measure it, and what it changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ona.errors import NotEnoughDataError
from ona.skill_map import Course

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ids = NDArray[np.int64]

CONTROL_SHARE = 0.2
"""Share of those who would get a nudge who get none, so that its effect can be measured."""

SHADOWING_MINUTES = 60

FEWEST_IN_GROUP = 10
"""People on each side below whom no effect is told."""

COURSE, SHADOWING = "course", "shadowing"


@dataclass(frozen=True)
class Nudge:
    """One suggestion; a person who is held out is never shown it."""

    person: int
    kind: str  # course, shadowing
    skill: str
    minutes: int
    item: str | None
    helper: int | None
    gap: float
    control: bool


@dataclass(frozen=True)
class Effect:
    """What the suggestion changed: share of gap closed, those offered minus those held out."""

    difference: float
    low: float  # 95 % interval
    high: float
    offered: int
    held_out: int

    @property
    def told(self) -> bool:
        """Whether the interval leaves no doubt about the sign."""
        return self.low > 0 or self.high < 0


def quarter_of(day: date) -> str:
    """Name of the calendar quarter, ``2026-Q3``."""
    return f"{day.year}-Q{(day.month + 2) // 3}"


def is_held_out(person: int, quarter: str, seed: int, share: float = CONTROL_SHARE) -> bool:
    """Whether a person is held out this quarter: drawn by seed, quarter and person, so that asking again changes nothing."""
    words = [seed, person & 0xFFFFFFFF, person >> 32, *quarter.encode("ascii")]
    return bool(np.random.default_rng(np.random.SeedSequence(words)).random() < share)


def choose(
    persons: Ids,
    gap: Floats,
    skills: Sequence[str],
    priority: Mapping[str, float],
    offers: "Offers",
) -> list[Nudge]:
    """Choose at most one step for each person: the gap of highest priority for which there is a helper or a course.

    Parameters
    ----------
    gap
        People × skills, NaN = not asked.
    priority
        Of each skill for the company; what is not named comes last.
    """
    order = sorted(range(len(skills)), key=lambda column: (-priority.get(skills[column], 0.0), skills[column]))
    found = []
    for row, person in enumerate(persons.tolist()):
        for column in order:
            missing = gap[row, column]
            nudge = offers.step(int(person), row, skills[column], float(missing)) if missing > 0 else None
            if nudge:
                found.append(nudge)
                break
    return found


@dataclass(frozen=True, eq=False)
class Offers:
    """What can be suggested this quarter.

    Parameters
    ----------
    quarter, seed
        Draw who is held out.
    taken
        Persons who had a suggestion this quarter: they get no other.
    courses
        The learning catalogue.
    nearest
        Skill → for every row the row of the nearest colleague who agreed to be shadowed, holds it and is not overloaded; -1 = nobody.
    persons
        Ids of those rows.
    """

    quarter: str
    seed: int
    taken: frozenset[int]
    courses: Sequence[Course]
    nearest: Mapping[str, Ids]
    persons: Ids

    def step(self, person: int, row: int, skill: str, gap: float) -> Nudge | None:
        """Suggest the nearest helper, else the shortest course; None when the person had one or there is neither."""
        if person in self.taken:
            return None
        control = is_held_out(person, self.quarter, self.seed)
        near = int(self.nearest[skill][row]) if skill in self.nearest else -1
        if near not in (-1, row):
            return Nudge(person, SHADOWING, skill, SHADOWING_MINUTES, None, int(self.persons[near]), gap, control)
        fitting = sorted((course for course in self.courses if course.skill == skill), key=lambda course: (course.minutes, course.item))
        if fitting:
            return Nudge(person, COURSE, skill, fitting[0].minutes, fitting[0].item, None, gap, control)
        return None


def effect(before: Floats, after: Floats, control: Bools) -> Effect:
    """Compare how much of the gap closed, everybody who was offered a step against everybody held out, whatever they answered.

    Raises NotEnoughDataError when either side has fewer than ten people.

    Notes
    -----
    Welch's interval; by the draw, not by who accepted, since those who accept differ anyway.
    """
    closed = before - after
    offered, held = closed[~control], closed[control]
    if min(len(offered), len(held)) < FEWEST_IN_GROUP:
        raise NotEnoughDataError(f"An effect needs {FEWEST_IN_GROUP} people who were offered a step and {FEWEST_IN_GROUP} held out.")
    difference = float(offered.mean() - held.mean())
    if not (offered.std() or held.std()):
        return Effect(difference, difference, difference, len(offered), len(held))
    interval = stats.ttest_ind(offered, held, equal_var=False).confidence_interval(0.95)
    return Effect(difference, float(interval.low), float(interval.high), len(offered), len(held))
