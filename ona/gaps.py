"""Where skills are missing: gaps per person and unit, ranked by risk and business value, and one list of needs with its numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ids = NDArray[np.int64]

HELD: Mapping[str, float] = {"verified": 1.0, "issuer-asserted": 1.0, "holder-claimed": 0.5, "unknown": 0.5}
"""How far a badge of each status counts as holding its skills; expired, revoked, suspended and failed ones do not."""

EXPIRES_WITHIN_DAYS = 60

RISK: Mapping[str, float] = {"scarcity": 0.5, "centrality": 0.25, "expiry": 0.25}
"""Weights of the parts of risk; policy, shown beside every rank."""

UNIT_SOURCES = ("lms_completion", "ticket_tag", "project_delay")
"""Evidence about units: courses completed, customer tickets with a tag, delayed projects."""

FINDINGS = ("skill", "capacity", "process", "tooling", "unclear")
"""What a debrief may find behind a gap; only ``skill`` is met by learning."""


@dataclass(frozen=True, eq=False)
class Holding:
    """Who holds what and who should: people × skills.

    Parameters
    ----------
    held
        How far each person holds each skill, in [0, 1], ``(n, s)``.
    target
        How far the role asks for it, in [0, 1], ``(n, s)``; NaN = not asked.
    expiring
        Whether what they hold ends within 60 days, ``(n, s)``.
    central
        Percentile of the helper facet in [0, 1], ``(n,)``; NaN = unknown.
    """

    skills: tuple[str, ...]
    held: Floats
    target: Floats
    expiring: Bools
    central: Floats

    @property
    def gap(self) -> Floats:
        """How much of the target is missing, ``(n, s)``; NaN where nothing is asked."""
        return np.where(np.isnan(self.target), np.nan, np.maximum(self.target - self.held, 0.0))

    def among(self, rows: Bools) -> "Holding":
        """Return the same of these people alone."""
        return Holding(self.skills, self.held[rows], self.target[rows], self.expiring[rows], self.central[rows])


@dataclass(frozen=True)
class SkillRisk:
    """How much hangs on how few: one skill."""

    skill: str
    needed: int  # people whose role asks for it
    holders: int  # people who hold it in full
    scarcity: float
    centrality: float
    expiry: float
    risk: float  # weighted by RISK
    gap: float  # mean gap of those whose role asks for it
    value: float  # the analyst's weight
    priority: float  # risk times gap times value


@dataclass(frozen=True)
class UnitGap:
    """One skill in one unit."""

    unit: int
    skill: str
    needed: int
    covered: float  # share of those asked who have no gap
    gap: float


@dataclass(frozen=True)
class UnitFigure:
    """One figure about a unit and a skill: ``count`` of ``of``."""

    kind: str
    unit: str
    skill: str
    count: float
    of: float


@dataclass(frozen=True)
class Need:
    """One line of the list of needs, with all that speaks for it."""

    unit: str
    skill: str
    priority: float
    gap: float
    figures: tuple[UnitFigure, ...]
    finding: str
    target: float  # share without a gap to be reached by the next scan
    covered: float  # today


def ranked(holding: Holding, value: Mapping[str, float]) -> list[SkillRisk]:
    """Rank skills by risk times gap times business value, the first most urgent; skills that no role asks for are left out."""
    found = [_risk(holding, column, value.get(skill, 1.0)) for column, skill in enumerate(holding.skills)]
    return sorted((one for one in found if one.needed), key=lambda one: (-one.priority, one.skill))


def unit_gaps(holding: Holding, unit: Ids) -> list[UnitGap]:
    """Return every unit and skill that some role in the unit asks for."""
    gap, found = holding.gap, []
    for code in np.unique(unit[unit >= 0]):
        inside = gap[unit == code]
        asked = np.isfinite(inside)
        for column in np.flatnonzero(asked.any(axis=0)):
            some = inside[asked[:, column], column]
            found.append(UnitGap(int(code), holding.skills[column], len(some), float((some <= 0).mean()), float(some.mean())))
    return found


def weights(risks: Sequence[SkillRisk]) -> dict[str, float]:
    """Return risk × business value by skill: how much a gap in it weighs."""
    return {one.skill: one.risk * one.value for one in risks}


def needs(
    gaps: Sequence[tuple[str, UnitGap]], weight: Mapping[str, float], figures: Sequence[UnitFigure], findings: Mapping[tuple[str, str], str]
) -> list[Need]:
    """Put gaps and unit figures into one list, the most pressing first.

    Parameters
    ----------
    gaps
        Unit's name and gap.
    weight
        Risk × value by skill; see :func:`weights`.
    findings
        What a debrief found, by unit and skill; one of ``FINDINGS``.

    Notes
    -----
    Priority of a unit = risk × gap × value of the skill, times one plus the mean pressure of the unit's figures: the share of tickets
    with the tag, of projects delayed, and of people who have *not* completed the course.
    """
    known = {(one.unit, one.skill) for one in figures}
    found = []
    for unit, gap in gaps:
        own = tuple(one for one in figures if (one.unit, one.skill) == (unit, gap.skill)) if (unit, gap.skill) in known else ()
        pressure = float(np.mean([_pressure(one) for one in own])) if own else 0.0
        finding = findings.get((unit, gap.skill), "unclear")
        target = min(1.0, gap.covered + max(0.1, (1 - gap.covered) / 2))
        priority = weight.get(gap.skill, 0.0) * gap.gap * (1 + pressure)
        found.append(Need(unit, gap.skill, priority, gap.gap, own, finding, round(target, 2), gap.covered))
    return sorted((one for one in found if one.priority > 0), key=lambda one: (-one.priority, one.unit, one.skill))


def _risk(holding: Holding, column: int, value: float) -> SkillRisk:
    gap = holding.gap[:, column]
    asked = np.isfinite(gap)
    holders = holding.held[:, column] >= 1
    count = int(holders.sum())
    central = holding.central[holders]
    known = central[np.isfinite(central)]
    scarcity = 1.0 / max(count, 1)
    centrality = float(known.mean()) if known.size else 0.5
    expiry = float(holding.expiring[holders, column].mean()) if count else 1.0
    risk = RISK["scarcity"] * scarcity + RISK["centrality"] * centrality + RISK["expiry"] * expiry
    mean = float(gap[asked].mean()) if asked.any() else 0.0
    return SkillRisk(
        skill=holding.skills[column],
        needed=int(asked.sum()),
        holders=count,
        scarcity=scarcity,
        centrality=centrality,
        expiry=expiry,
        risk=risk,
        gap=mean,
        value=value,
        priority=risk * mean * value,
    )


def _pressure(figure: UnitFigure) -> float:
    share = min(1.0, figure.count / figure.of) if figure.of > 0 else 0.0
    return 1 - share if figure.kind == "lms_completion" else share
