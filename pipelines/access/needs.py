"""Needs of units: what roles ask for and few hold, beside courses, tickets and delays of the unit; never of one person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import sqlalchemy as sa

from ona import gaps
from ona.gaps import UnitFigure, UnitGap
from pipelines.access.disclosed import GROUP, TEAM
from pipelines.access.holdings import Skills, skills
from pipelines.access.need_answers import FollowUp, Need, NeedFigure, Needs, Pressing
from pipelines.access.policy import LOCAL_ANALYST, Readable, Sight, Viewer, demand, look
from pipelines.access.readable import NO_UNIT
from pipelines.access.rights import Right, Role
from pipelines.access.shares import BANDS, band, share_of
from pipelines.access.skill_answers import CoverBand, HeatCell
from pipelines.access.steps import is_exact
from pipelines.intake import skill_tables
from pipelines.intake.skill_tables import PEOPLE
from pipelines.phrases import Phrase, say
from pipelines.schema import NEED_FINDINGS, NEED_READINGS
from pipelines.storage.workspace import Workspace

ABOVE: Mapping[CoverBand, CoverBand] = {"few": "some", "some": "many", "many": "many"}
"""Band to be reached next."""

STEPS: tuple[tuple[float, Pressing], ...] = ((2 / 3, "first"), (1 / 3, "next"))
"""Parts of the highest priority from which a need is called so."""

TARGET_STEP = 0.05

Row = sa.Row[*tuple[Any, ...]]
Key = tuple[str, str]


@dataclass(frozen=True, eq=False)
class Assessment:
    """Gaps of the units that a viewer may see, by name of the unit and skill."""

    sight: Sight

    @cached_property
    def skills(self) -> Skills:
        """Who holds what."""
        return skills(self.sight)

    @cached_property
    def attribute(self) -> tuple[str, str]:
        """Kind of unit in the pattern and in the scan: a manager's are teams, everybody else's departments."""
        return (TEAM, "team") if self.sight.viewer.role is Role.MANAGER else (GROUP, "group")

    @cached_property
    def every(self) -> dict[Key, UnitGap]:
        """Every unit and skill that roles ask for, small ones too: as of now, or as they stood where a later scan is sealed."""
        _, name = self.attribute
        counted = self.sight.counted & self.sight.within
        now = gaps.unit_gaps(self.skills.holding, np.where(counted, self.sight.scan.units(name), NO_UNIT))
        found = self.kept.values() if self.is_over and self.kept else now
        codes = {code: self.sight.scan.unit_name(name, code) for code in self.shown}
        return {(codes[one.unit], one.skill): one for one in found if one.unit in codes}

    @cached_property
    def shown(self) -> frozenset[int]:
        """Codes of the units of which figures are told to this viewer."""
        kind, name = self.attribute
        codes = np.unique(self.sight.scan.units(name)).tolist()
        return frozenset(code for code in codes if code != NO_UNIT and self.sight.pattern.has_figures(kind, code))

    @cached_property
    def readings(self) -> tuple[Row, ...]:
        """What was kept when the scan was sealed."""
        return tuple(self.sight.ws.service.rows(sa.select(NEED_READINGS).where(NEED_READINGS.c.measured == self.end)))

    @cached_property
    def weights(self) -> Mapping[str, float]:
        """How much a gap in each skill weighs: as of now, or as it was where a later scan is sealed."""
        if self.is_over and self.kept:
            return {row.skill: row.weight for row in self.readings}
        return gaps.weights(self.skills.risks(self.sight.counted))

    @cached_property
    def kept(self) -> dict[Key, UnitGap]:
        """Where each department stood when the scan was sealed; of teams nothing is kept."""
        if self.attribute[1] != "group":
            return {}
        codes = {label: code for code, label in self.sight.scan.sealed.labels.get("group", {}).items()}
        here = (row for row in self.readings if row.unit in codes)
        return {(row.unit, row.skill): UnitGap(codes[row.unit], row.skill, row.asked, row.covered / row.asked, row.gap) for row in here}

    @cached_property
    def is_over(self) -> bool:
        """Whether a later scan is sealed: from then on nothing about this one changes."""
        later = sa.select(NEED_READINGS.c.measured).where(NEED_READINGS.c.measured > self.end).limit(1)
        return bool(self.sight.ws.service.rows(later))

    @cached_property
    def told(self) -> dict[Key, UnitGap]:
        """Those behind which enough people stand: a skill asked of three people would tell of three people."""
        return {key: one for key, one in self.every.items() if one.needed >= self.sight.minimum}

    @cached_property
    def listed(self) -> dict[Key, UnitGap]:
        """Those in which something is missing; to whoever reads bands, in which it is missing for enough people.

        Without that, a unit and skill that is not on the list would tell that everybody there holds it.
        """
        least = 1 if is_exact(self.sight) else self.sight.minimum
        return {key: one for key, one in self.told.items() if one.needed - without_gap(one) >= least}

    @cached_property
    def end(self) -> date:
        """First day after the window."""
        return date.fromisoformat(str(self.sight.scan.sealed.manifest["end"]))

    @cached_property
    def found(self) -> tuple[Row, ...]:
        """What debriefs found on this scan and before it, the newest first; they are about departments, of which a manager reads none."""
        if self.attribute[1] != "group":
            return ()
        newest = sa.select(NEED_FINDINGS).where(NEED_FINDINGS.c.measured <= self.end).order_by(NEED_FINDINGS.c.measured.desc())
        return tuple(self.sight.ws.service.rows(newest))

    def covered(self, gap: UnitGap) -> HeatCell:
        """Say how many have no gap."""
        return share_of(self.sight, without_gap(gap), gap.needed)


def read_needs(ws: Workspace, scan: Readable, viewer: Viewer) -> Needs:
    """Needs by priority: numbers for analysts, bands for everybody else; small units and figures of few people are left out."""
    demand(ws, viewer, Right.SEE_GROUPS)
    one = Assessment(look(ws, scan, viewer))
    names = {one.sight.scan.unit_name(one.attribute[1], code) for code in one.shown}
    figures = [figure for figure in _figures(one) if figure.unit in names]
    planned = {(row.unit, row.skill): row for row in one.found if row.measured == one.end}
    last = {(row.unit, row.skill): row for row in reversed(one.found)}
    listed = gaps.needs(
        [(unit, gap) for (unit, _), gap in one.listed.items()],
        one.weights,
        figures,
        {key: str(row.finding) for key, row in last.items()},
    )
    highest = max((need.priority for need in listed), default=0.0)
    rows = [_need(one, need, need.priority / highest, planned.get((need.unit, need.skill))) for need in listed]
    asked = {key for key, gap in one.every.items() if gap.needed}
    return Needs(
        scan_id=one.sight.scan.id,
        end=one.end,
        minimum_group=one.sight.minimum,
        exact=is_exact(one.sight),
        rows=tuple(rows if is_exact(one.sight) else sorted(rows, key=_by_step)),
        follow_ups=tuple(_follow_up(one, row) for row in _earlier(one) if row.unit in names),
        hidden=not is_exact(one.sight) or len(one.told) < len(one.every),
        unasked=tuple(sorted({(figure.unit, figure.skill) for figure in figures} - asked)),
    )


def measured(ws: Workspace, scan: Readable) -> Mapping[Key, tuple[UnitGap, float]]:
    """Return where every department stands now in each skill that its roles ask for, with its weight; what is kept of a scan."""
    one = Assessment(look(ws, scan, LOCAL_ANALYST))
    found = gaps.unit_gaps(one.skills.holding, np.where(one.sight.counted, one.sight.scan.units("group"), NO_UNIT))
    weight = gaps.weights(one.skills.risks(one.sight.counted))
    return {(str(one.sight.scan.unit_name("group", gap.unit)), gap.skill): (gap, weight[gap.skill]) for gap in found}


def without_gap(gap: UnitGap) -> int:
    """Return how many people have no gap."""
    return round(gap.covered * gap.needed)


def proposed(need: float) -> float:
    """Return a target in steps of five hundredths: half of what is missing, and a tenth at least."""
    return min(1.0, TARGET_STEP * round(min(1.0, need + max(0.1, (1 - need) / 2)) / TARGET_STEP))


def _figures(one: Assessment) -> list[UnitFigure]:
    """Figures under the names that the scan has for units; of courses only what tells of no fewer people than the minimum group."""
    known = {unit.casefold(): unit for unit, _ in one.every}
    k, found = one.sight.minimum, []
    for figure in skill_tables.unit_figures(one.sight.ws):
        name = known.get(figure.unit.casefold(), figure.unit)
        count = figure.count
        if figure.kind == PEOPLE:
            if figure.of < k:
                continue
            count = 0.0 if count < k else figure.of if figure.of - count < k else count
        found.append(UnitFigure(figure.kind, name, figure.skill, count, figure.of))
    return found


def _need(one: Assessment, need: gaps.Need, part: float, planned: Row | None) -> Need:
    exact, gap = is_exact(one.sight), one.listed[need.unit, need.skill]
    covered, target = one.covered(gap), float(planned.target) if planned else proposed(need.covered)
    return Need(
        unit=need.unit,
        skill=need.skill,
        pressing=next((step for least, step in STEPS if part >= least), "later"),
        priority=round(need.priority, 3) if exact else None,
        gap=round(need.gap, 3) if exact else None,
        covered=covered,
        target=target if exact else None,
        aim=_aim(covered.band, target),
        figures=tuple(_said(one, figure) for figure in need.figures),
        finding=need.finding,  # type: ignore[arg-type]  # one of FINDINGS, as it was stored
        planned=planned is not None,
    )


def _by_step(need: Need) -> tuple[int, str, str]:
    """Order for whoever reads bands: the exact order would tell what bands hide."""
    return (("first", "next", "later").index(need.pressing), need.unit.casefold(), need.skill)


def _aim(now: CoverBand | None, target: float) -> Phrase:
    return say("{percent} in 100", percent=round(100 * target)) if now is None else BANDS[ABOVE[now]]


def _said(one: Assessment, figure: UnitFigure) -> NeedFigure:
    return NeedFigure(figure.kind, _people_said(one, figure) if figure.kind == PEOPLE else _things_said(one, figure))  # type: ignore[arg-type]  # a kind of UNIT_SOURCES


def _people_said(one: Assessment, figure: UnitFigure) -> Phrase:
    k = one.sight.minimum
    if figure.count < k:
        return say("fewer than {k} people completed a course", k=k)
    if not is_exact(one.sight):
        return _completed(band(figure.count / figure.of))
    if figure.of - figure.count < k:
        return say("all but fewer than {k} people completed a course", k=k)
    return say("{count} of {all} people completed a course", count=round(figure.count), all=round(figure.of))


def _completed(found: CoverBand) -> Phrase:
    return {
        "few": say("few people completed a course"),
        "some": say("some people completed a course"),
        "many": say("many people completed a course"),
    }[found]


def _things_said(one: Assessment, figure: UnitFigure) -> Phrase:
    tickets, count, total = figure.kind == "ticket_tag", round(figure.count), round(figure.of)
    if is_exact(one.sight):
        return (
            say("{count} of {all} customer tickets are about it", count=count, all=total)
            if tickets
            else say("{count} of {all} projects were late for want of it", count=count, all=total)
        )
    found = band(figure.count / figure.of)
    return _tickets(found) if tickets else _projects(found)


def _tickets(found: CoverBand) -> Phrase:
    return {
        "few": say("few customer tickets are about it"),
        "some": say("some customer tickets are about it"),
        "many": say("many customer tickets are about it"),
    }[found]


def _projects(found: CoverBand) -> Phrase:
    return {
        "few": say("few projects were late for want of it"),
        "some": say("some projects were late for want of it"),
        "many": say("many projects were late for want of it"),
    }[found]


def _earlier(one: Assessment) -> Sequence[Row]:
    """Return the last finding of each unit and skill that an earlier scan has."""
    newest: dict[Key, Row] = {}
    for row in one.found:
        if row.measured < one.end:
            newest.setdefault((row.unit, row.skill), row)
    return [newest[key] for key in sorted(newest)]


def _follow_up(one: Assessment, row: Row) -> FollowUp:
    """Hold an earlier target against what was kept when this scan was sealed; bands against bands for whoever reads bands."""
    gap, then = one.kept.get((row.unit, row.skill)), share_of(one.sight, row.covered, row.asked)
    same = {"unit": row.unit, "skill": row.skill, "finding": row.finding, "measured": row.measured, "aim": _aim(then.band, row.target)}
    if gap is None or gap.needed < one.sight.minimum:
        return FollowUp(**same, then=_phrase(then), now=say("hidden to protect people"), outcome="hidden")
    now = one.covered(gap)
    if now.band is None or then.band is None:
        reached = gap.covered >= row.target - 1e-9
    else:
        order = tuple(BANDS)
        reached = order.index(now.band) >= order.index(ABOVE[then.band])
    return FollowUp(**same, then=_phrase(then), now=_phrase(now), outcome="reached" if reached else "not-reached")


def _phrase(cell: HeatCell) -> Phrase:
    return cell.said if isinstance(cell.said, Phrase) else Phrase.plain(cell.said)
