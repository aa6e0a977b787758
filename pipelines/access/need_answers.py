"""What readings about needs answer: one ranked list with the numbers behind each, its target, and what became of earlier targets."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from pipelines.access.skill_answers import HeatCell
from pipelines.phrases import Phrase

Pressing = Literal["first", "next", "later"]
Finding = Literal["skill", "capacity", "process", "tooling", "unclear"]
UnitKind = Literal["lms_completion", "ticket_tag", "project_delay"]
Outcome = Literal["reached", "not-reached", "hidden"]


@dataclass(frozen=True)
class NeedFigure:
    """One figure about a unit and a skill: a count for analysts, a band for everybody else."""

    kind: UnitKind
    said: Phrase


@dataclass(frozen=True)
class Need:
    """One unit and one skill in which something is missing, with all that speaks for it."""

    unit: str
    skill: str
    pressing: Pressing
    priority: float | None  # risk × gap × value × (1 + pressure of the figures); for analysts
    gap: float | None  # mean gap of those whose role asks for it; for analysts
    covered: HeatCell  # people without a gap, of those whose role asks for it
    target: float | None  # share without a gap to be reached by the next scan; for analysts
    aim: Phrase  # the same in words
    figures: tuple[NeedFigure, ...]
    finding: Finding  # of the debrief; unclear until there was one
    planned: bool  # whether a debrief of this scan set the target


@dataclass(frozen=True)
class FollowUp:
    """What became of a target that was set on an earlier scan."""

    unit: str
    skill: str
    finding: Finding
    measured: date  # first day after the window of the scan on which it was set
    then: Phrase
    aim: Phrase
    now: Phrase
    outcome: Outcome


@dataclass(frozen=True)
class Needs:
    """Needs of the units that a viewer may see, the most pressing first."""

    scan_id: str
    end: date  # first day after the window
    minimum_group: int
    exact: bool  # numbers, not bands
    rows: tuple[Need, ...]
    follow_ups: tuple[FollowUp, ...]
    hidden: bool  # whether something is left out because too few people stand behind it
    unasked: tuple[tuple[str, str], ...]  # unit and skill that figures speak of, and no role of the unit asks for
