"""What readings about skills answer: cells with a state, bands for groups, and never a person's number where the role may not see it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from pipelines.access.answers import Axis, Score

CellState = Literal["verified", "expiring", "partial", "missing", "not-needed"]
CoverBand = Literal["few", "some", "many"]
Visibility = Literal["private", "org", "public"]


@dataclass(frozen=True)
class Skill:
    """One skill, with the code of a framework where there is one."""

    label: str
    kind: str  # hard, soft
    framework: str
    code: str


@dataclass(frozen=True)
class HeldBadge:
    """One badge of somebody, with how and when it was checked."""

    id: str
    person: str  # view id
    label: str
    name: str
    issuer: str
    standard: str
    level: str | None
    issued_on: date | None
    expires_on: date | None
    status: str
    method: str
    checked: datetime | None
    skills: tuple[Skill, ...]


@dataclass(frozen=True)
class BadgeList:
    """One page of badges, by person and name."""

    scan_id: str
    badges: tuple[HeldBadge, ...]
    total: int
    next_cursor: str | None


@dataclass(frozen=True)
class Cell:
    """One person and one skill."""

    state: CellState
    until: date | None
    badge: str | None


@dataclass(frozen=True)
class GridRow:
    """One person: influence on the left, skills on the right."""

    id: str
    label: str
    named: bool
    team: str | None
    marks: tuple[str, ...]
    hidden: tuple[str, ...]
    score: Score
    evidence: dict[str, str]  # state of the ledger by facet
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Grid:
    """People × skills."""

    scan_id: str
    skills: tuple[Skill, ...]
    rows: tuple[GridRow, ...]
    total: int
    next_cursor: str | None
    note: str | None


@dataclass(frozen=True)
class HeatCell:
    """How many of a unit hold a skill or carry a mark: a share for analysts, a band for everybody else."""

    share: float | None
    band: CoverBand | None
    said: str


@dataclass(frozen=True)
class HeatRow:
    """One unit of the heat map; no cells when it is hidden."""

    id: str
    name: str
    hidden: bool
    reason: str | None
    cells: tuple[HeatCell, ...]


@dataclass(frozen=True)
class Heat:
    """Units × skills, or units × archetypes."""

    scan_id: str
    minimum_group: int
    columns: tuple[str, ...]
    rows: tuple[HeatRow, ...]


@dataclass(frozen=True)
class TeamSkills:
    """Skills of a team or of the company: a spider chart and its table."""

    scan_id: str
    team: str
    name: str
    hidden: bool
    reason: str | None
    banded: bool  # values are bands, not shares
    axes: tuple[Axis, ...]


@dataclass(frozen=True)
class Priority:
    """One skill in the order of what it risks, with every part of the rank."""

    skill: str
    needed: int  # people whose role asks for it
    holders: int  # people who hold it in full
    scarcity: float
    centrality: float
    expiry: float
    gap: float
    value: float
    priority: float
