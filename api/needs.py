"""Needs: the ranked list of units and skills with what a debrief found, and what managers suggest to people in their line."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access import GroupReader, Place, QueryScan, may
from api.models import Answer
from api.skills import HeatCell
from pipelines import audit
from pipelines.access import Viewer
from pipelines.access.need_answers import Finding, Outcome, Pressing, UnitKind
from pipelines.access.need_answers import Needs as Found
from pipelines.access.needs import read_needs
from pipelines.access.rights import Right
from pipelines.audit import Act
from pipelines.growth import needs, suggestions
from pipelines.purposes import Purpose
from pipelines.sheets import MEDIA, Kind, sheet
from pipelines.storage.workspace import Workspace

router = APIRouter(prefix="/api/v1", tags=["skills"])

Assessor = Annotated[Viewer, Depends(may(Right.ASSESS_NEEDS))]
"""A viewer who may say what a debrief found."""

Suggester = Annotated[Viewer, Depends(may(Right.SUGGEST_NEED))]
"""A manager, to people in their line."""

LABEL = r"^[^\x00-\x1f\x7f]{1,200}$"

UnitName = Annotated[str, Field(pattern=LABEL, examples=["Claims"])]
SkillName = Annotated[str, Field(pattern=LABEL, examples=["facilitation"])]
Target = Annotated[float, Field(gt=0, le=1, description="Share without a gap to be reached by the next scan; analysts alone set one.")]
Address = Annotated[str, Field(min_length=3, max_length=254, description="Work address, as the directory knows it.")]


class Wish(BaseModel):
    """Base of what is sent to us: nothing beside the fields named."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FindingWish(Wish):
    """What a debrief found."""

    unit: UnitName
    skill: SkillName
    finding: Finding = Field(description="skill is met by learning; capacity, process and tooling are not.")
    target: Target | None = None


class SuggestionWish(Wish):
    """What somebody in the viewer's line could learn."""

    address: Address
    skill: SkillName


class NeedFigure(Answer):
    """One figure about a unit and a skill."""

    kind: UnitKind
    said: str


class Need(Answer):
    """One unit and one skill in which something is missing."""

    unit: str
    skill: str
    pressing: Pressing
    priority: float | None = Field(description="Risk × gap × value × (1 + pressure of the figures); for analysts.")
    gap: float | None = Field(description="Mean gap of those whose role asks for it; for analysts.")
    covered: HeatCell = Field(description="People without a gap, of those whose role asks for it.")
    target: float | None = Field(description="Share without a gap to be reached by the next scan; for analysts.")
    aim: str = Field(description="The same in words: hundredths, or the next band.")
    figures: list[NeedFigure]
    finding: Finding
    planned: bool = Field(description="Whether a debrief of this scan set the target; otherwise it is proposed.")


class FollowUp(Answer):
    """What became of a target of an earlier scan."""

    unit: str
    skill: str
    finding: Finding
    measured: date = Field(description="First day after the window of the scan on which it was set.")
    then: str
    aim: str
    now: str
    outcome: Outcome


class UnaskedFigure(Answer):
    """Something that figures of a unit speak of and no role there asks for."""

    unit: str
    skill: str


class NeedList(Answer):
    """Needs, the most pressing first."""

    scan_id: str
    end: date
    minimum_group: int
    exact: bool = Field(description="Numbers; else bands, and the order inside a step is by name.")
    rows: list[Need]
    follow_ups: list[FollowUp]
    hidden: bool = Field(description="Whether something is left out because too few people stand behind it.")
    unasked: list[UnaskedFigure]


class Planned(Answer):
    """What was kept."""

    unit: str
    skill: str
    finding: Finding
    target: float | None = Field(description="For analysts.")


class Suggestion(Answer):
    """A suggestion as the manager sees it."""

    id: str
    name: str | None = Field(description="Of people who agreed to be named.")
    skill: str
    made: datetime
    state: suggestions.SentState = Field(description="No, silence and a quiet yes are the same; accepted when the person lets you know.")


class SuggestionList(Answer):
    """The viewer's suggestions, the newest first."""

    suggestions: list[Suggestion]


@router.get("/skills/needs", operation_id="read_needs")
def list_needs(ws: Place, scan: QueryScan, viewer: GroupReader) -> NeedList:
    """Needs of units with the numbers behind each, its target, and what became of earlier targets; never of one person."""
    return needs_of(read_needs(ws, scan, viewer))


@router.get("/skills/needs.csv", operation_id="download_needs_csv", response_class=Response)
def needs_csv(ws: Place, scan: QueryScan, viewer: GroupReader) -> Response:
    """Download the same list as CSV."""
    return _file("csv", ws, read_needs(ws, scan, viewer), viewer)


@router.get("/skills/needs.xlsx", operation_id="download_needs_xlsx", response_class=Response)
def needs_xlsx(ws: Place, scan: QueryScan, viewer: GroupReader) -> Response:
    """Download the same list as a workbook."""
    return _file("xlsx", ws, read_needs(ws, scan, viewer), viewer)


@router.post("/skills/needs/findings", operation_id="record_finding", status_code=201)
def record_finding(ws: Place, scan: QueryScan, viewer: Assessor, wish: FindingWish) -> Planned:
    """Keep what a debrief found about a unit and a skill; the next scan is held against the target."""
    target = needs.record_finding(ws, viewer, scan, (wish.unit, wish.skill), wish.finding, wish.target)
    told = target if viewer.role == "analyst" else None
    return Planned(unit=wish.unit, skill=wish.skill, finding=wish.finding, target=told)


@router.get("/mentoring/suggestions", operation_id="list_suggestions")
def list_suggestions(ws: Place, viewer: Suggester) -> SuggestionList:
    """Return what the viewer suggested; whether somebody said no is told to nobody."""
    return SuggestionList.model_validate({"suggestions": suggestions.sent(ws, viewer)})


@router.post("/mentoring/suggestions", operation_id="suggest_need", status_code=201)
def suggest_need(ws: Place, viewer: Suggester, wish: SuggestionWish) -> Suggestion:
    """Suggest a skill to somebody in the viewer's line; nothing happens before that person says yes."""
    return Suggestion.model_validate(suggestions.suggest(ws, viewer, wish.address, wish.skill))


def needs_of(found: Found) -> NeedList:
    """Return needs as they are sent."""
    pairs = [UnaskedFigure(unit=unit, skill=skill) for unit, skill in found.unasked]
    return NeedList.model_validate({**vars(found), "unasked": pairs}, from_attributes=True)


MEANINGS = (
    ("unit", "Department, or team for managers."),
    ("pressing", "Which third of the highest priority: first, next, later."),
    ("priority", "Risk × gap × value × (1 + pressure of the unit's figures)."),
    ("gap", "Mean gap of those whose role asks for the skill."),
    ("without_a_gap", "People without a gap, of those whose role asks for it."),
    ("target", "Share without a gap to be reached by the next scan, or the next band."),
    ("finding", "Of the debrief: skill, capacity, process, tooling, unclear."),
    ("outcome", "Of the target that an earlier scan set: reached, not-reached, hidden."),
)


def _file(kind: Kind, ws: Workspace, found: Found, viewer: Viewer) -> Response:
    """Return the list as a file, noted in the audit log."""
    audit.record(ws, Act(viewer.subject, viewer.role, "export", found.scan_id, Purpose.NETWORK_HEALTH))
    kinds: tuple[UnitKind, ...] = ("lms_completion", "ticket_tag", "project_delay")
    columns = ["unit", "skill", "pressing", "priority", "gap", "without_a_gap", "target", "target_set", *kinds, "finding", "outcome"]
    became = {(one.unit, one.skill): one.outcome for one in found.follow_ups}
    rows: list[list[object]] = []
    for one in found.rows:
        said = {figure.kind: figure.said for figure in one.figures}
        numbers = [one.priority, one.gap, str(one.covered.said), one.target if found.exact else str(one.aim)]
        beside = [said.get(name) for name in kinds]
        planned = "by debrief" if one.planned else "proposed"
        rows.append([one.unit, one.skill, one.pressing, *numbers, planned, *beside, one.finding, became.get((one.unit, one.skill))])
    notes = (("scan", found.scan_id), ("minimum_group", str(found.minimum_group)), ("purpose", Purpose.NETWORK_HEALTH.value))
    head = {"Content-Disposition": f'attachment; filename="needs-{found.scan_id[:12]}.{kind}"'}
    return Response(sheet(kind, columns, rows, meanings=MEANINGS, notes=notes), media_type=MEDIA[kind], headers=head)
