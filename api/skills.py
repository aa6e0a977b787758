"""Skills beside influence: the certification grid, skills of a team, heat maps of units, and what is most pressing."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field

from api.access import GroupReader, Place, QueryScan, Ranker, ScoreReader, fresh_query_scan
from api.badges import Skill
from api.models import Answer, Axis, Score
from pipelines import audit
from pipelines.access import Viewer
from pipelines.access.skill_answers import CellState, CoverBand, Grid
from pipelines.access.skills import read_archetype_heat, read_grid, read_priorities, read_skill_heat, read_team_skills
from pipelines.audit import Act
from pipelines.sheets import MEDIA, Kind, sheet
from pipelines.storage.workspace import Workspace

router = APIRouter(prefix="/api/v1", tags=["skills"], dependencies=[Depends(fresh_query_scan)])

LARGEST_GRID = 200
EVERYBODY = 1_000_000

TeamId = Annotated[str, Path(pattern=r"^(company|[0-9]{1,9})$", description="Id of a team, or `company`.")]


class Cell(Answer):
    """One person and one skill."""

    state: CellState = Field(description="verified, expiring within 60 days, partial (stated, not confirmed), missing, or not-needed.")
    until: date | None
    badge: str | None


class GridRow(Answer):
    """One person: influence on the left, skills on the right, never combined."""

    id: str
    label: str
    named: bool
    team: str | None
    marks: list[str]
    hidden: list[str]
    score: Score
    evidence: dict[str, str] = Field(description="agree, contested, single-source or silent, by facet.")
    cells: list[Cell] = Field(description="One for each of the grid's skills, in their order.")


class SkillGrid(Answer):
    """People × skills, by name."""

    scan_id: str
    skills: list[Skill]
    rows: list[GridRow]
    total: int
    next_cursor: str | None
    note: str | None


class TeamSkills(Answer):
    """Spider chart of a team."""

    scan_id: str
    team: str
    name: str
    hidden: bool
    reason: str | None
    banded: bool = Field(description="Whether values are bands (few, some, many) drawn as rings, not shares.")
    axes: list[Axis]


class HeatCell(Answer):
    """How many of a unit."""

    share: float | None = Field(description="For analysts; null where only a band may be told.")
    band: CoverBand | None
    said: str


class HeatRow(Answer):
    """One unit."""

    id: str
    name: str
    hidden: bool
    reason: str | None
    cells: list[HeatCell]


class Heat(Answer):
    """Units × skills, or units × archetypes."""

    scan_id: str
    minimum_group: int
    columns: list[str]
    rows: list[HeatRow]


class Priority(Answer):
    """One skill in the order of what it risks, with every part of the rank."""

    skill: str
    needed: int = Field(description="People whose role asks for it.")
    holders: int = Field(description="People who hold it in full.")
    scarcity: float
    centrality: float
    expiry: float
    gap: float = Field(description="Mean gap of those whose role asks for it.")
    value: float = Field(description="Business value, the analyst's weight.")
    priority: float = Field(description="Risk × gap × value; risk = .5 scarcity + .25 centrality + .25 expiry.")


class Priorities(Answer):
    """Skills, the most pressing first."""

    skills: list[Priority]


Team = Annotated[int | None, Query(ge=0, description="Id of a team.")]
Limit = Annotated[int, Query(ge=1, le=LARGEST_GRID, description="People on a page.")]
Cursor = Annotated[str | None, Query(max_length=64, description="`next_cursor` of the page before.")]
By = Annotated[Literal["skill", "archetype"], Query(description="What the columns are.")]


@router.get("/skills/grid", operation_id="read_skill_grid")
def skill_grid(ws: Place, scan: QueryScan, viewer: ScoreReader, team: Team = None, limit: Limit = 50, cursor: Cursor = None) -> SkillGrid:
    """Certification grid: influence beside badges, by name."""
    return SkillGrid.model_validate(read_grid(ws, scan, viewer, team=team, limit=limit, cursor=cursor))


@router.get("/skills/grid.csv", operation_id="download_skill_grid_csv", response_class=Response)
def grid_csv(ws: Place, scan: QueryScan, viewer: ScoreReader, team: Team = None) -> Response:
    """Download the same table as CSV."""
    return grid_file("csv", ws, read_grid(ws, scan, viewer, team=team, limit=EVERYBODY), viewer)


@router.get("/skills/grid.xlsx", operation_id="download_skill_grid_xlsx", response_class=Response)
def grid_xlsx(ws: Place, scan: QueryScan, viewer: ScoreReader, team: Team = None) -> Response:
    """Download the same table as a workbook."""
    return grid_file("xlsx", ws, read_grid(ws, scan, viewer, team=team, limit=EVERYBODY), viewer)


@router.get("/skills/heat", operation_id="read_skill_heat")
def skill_heat(ws: Place, scan: QueryScan, viewer: GroupReader, by: By = "skill") -> Heat:
    """Units × skills, or units × archetypes; small units are hidden with the reason."""
    read = read_skill_heat if by == "skill" else read_archetype_heat
    return Heat.model_validate(read(ws, scan, viewer))


@router.get("/skills/priorities", operation_id="read_skill_priorities")
def skill_priorities(ws: Place, scan: QueryScan, viewer: Ranker) -> Priorities:
    """Skills by risk and business value, with every part of the rank."""
    return Priorities.model_validate({"skills": read_priorities(ws, scan, viewer)})


@router.get("/teams/{team_id}/skills", operation_id="read_team_skills")
def team_skills(ws: Place, scan: QueryScan, viewer: GroupReader, team_id: TeamId) -> TeamSkills:
    """Skills of a team beside how it works together: shares for analysts, bands for everybody else."""
    return TeamSkills.model_validate(read_team_skills(ws, scan, viewer, team_id))


def grid_file(kind: Kind, ws: Workspace, grid: Grid, viewer: Viewer) -> Response:
    """Return a grid as a file, noted in the audit log."""
    audit.record(ws, Act(viewer.subject, viewer.role, "export", object=grid.scan_id, purpose=f"skill grid {kind}"))
    columns = ["person", "label", "team", "stands_out", "hidden", "influence", "influence_low", "influence_high", "helper", "broker"]
    columns += [one.label for one in grid.skills]
    rows = []
    for row in grid.rows:
        score = row.score
        influence = [", ".join(row.marks), ", ".join(row.hidden), score.value, score.low, score.high]
        influence += [row.evidence.get("helper"), row.evidence.get("broker")]
        cells = [cell.state + (f" until {cell.until}" if cell.until and cell.state != "missing" else "") for cell in row.cells]
        rows.append([row.id, row.label, row.team, *influence, *cells])
    head = {"Content-Disposition": f'attachment; filename="skills-{grid.scan_id[:12]}.{kind}"'}
    return Response(sheet(kind, columns, rows), media_type=MEDIA[kind], headers=head)
