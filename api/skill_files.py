"""Skills as files: heat maps of units, spider charts of teams and the ranking of skills, under the policy of the pages."""

from fastapi import APIRouter, Response

from api.access import GroupReader, Place, QueryScan, Ranker
from api.skills import By, TeamId
from pipelines import audit
from pipelines.access import Viewer
from pipelines.access.skill_answers import Heat, TeamSkills
from pipelines.access.skills import read_archetype_heat, read_priorities, read_skill_heat, read_team_skills
from pipelines.audit import Act
from pipelines.purposes import Purpose
from pipelines.sheets import MEDIA, Kind, sheet
from pipelines.storage.workspace import Workspace

router = APIRouter(prefix="/api/v1", tags=["skills"])

Rows = list[list[object]]


@router.get("/skills/heat.csv", operation_id="download_skill_heat_csv", response_class=Response)
def heat_csv(ws: Place, scan: QueryScan, viewer: GroupReader, by: By = "skill") -> Response:
    """Download units × skills, or units × archetypes, as CSV; small units are hidden in it as well."""
    return _heat("csv", ws, viewer, read_skill_heat(ws, scan, viewer) if by == "skill" else read_archetype_heat(ws, scan, viewer))


@router.get("/skills/heat.xlsx", operation_id="download_skill_heat_xlsx", response_class=Response)
def heat_xlsx(ws: Place, scan: QueryScan, viewer: GroupReader, by: By = "skill") -> Response:
    """Download the same as a workbook."""
    return _heat("xlsx", ws, viewer, read_skill_heat(ws, scan, viewer) if by == "skill" else read_archetype_heat(ws, scan, viewer))


@router.get("/teams/{team_id}/skills.csv", operation_id="download_team_skills_csv", response_class=Response)
def team_csv(ws: Place, scan: QueryScan, viewer: GroupReader, team_id: TeamId) -> Response:
    """Download the spider chart of a team as CSV."""
    return _team("csv", ws, viewer, read_team_skills(ws, scan, viewer, team_id))


@router.get("/teams/{team_id}/skills.xlsx", operation_id="download_team_skills_xlsx", response_class=Response)
def team_xlsx(ws: Place, scan: QueryScan, viewer: GroupReader, team_id: TeamId) -> Response:
    """Download the same as a workbook."""
    return _team("xlsx", ws, viewer, read_team_skills(ws, scan, viewer, team_id))


@router.get("/skills/priorities.csv", operation_id="download_priorities_csv", response_class=Response)
def priorities_csv(ws: Place, scan: QueryScan, viewer: Ranker) -> Response:
    """Download skills by risk and business value as CSV."""
    return _priorities("csv", ws, scan, viewer)


@router.get("/skills/priorities.xlsx", operation_id="download_priorities_xlsx", response_class=Response)
def priorities_xlsx(ws: Place, scan: QueryScan, viewer: Ranker) -> Response:
    """Download the same as a workbook."""
    return _priorities("xlsx", ws, scan, viewer)


def _heat(kind: Kind, ws: Workspace, viewer: Viewer, heat: Heat) -> Response:
    rows: Rows = []
    for row in heat.rows:
        cells = [str(cell.said) if cell.share is None else cell.share for cell in row.cells]
        rows.append([row.name, *(cells or ["hidden"] * len(heat.columns))])
    return _file(kind, ws, viewer, (f"skill-units-{heat.scan_id[:12]}", heat.scan_id), ["unit", *heat.columns], rows)


def _team(kind: Kind, ws: Workspace, viewer: Viewer, team: TeamSkills) -> Response:
    numbers: Rows = [[one.name, one.kind, one.value, one.low, one.high, str(one.said)] for one in team.axes]
    rows = [[*row[:2], None, None, None, row[5]] for row in numbers] if team.banded else numbers
    columns = ["axis", "kind", "share", "low", "high", "says"]
    return _file(kind, ws, viewer, (f"skills-of-{team.team}-{team.scan_id[:12]}", team.scan_id), columns, rows)


def _priorities(kind: Kind, ws: Workspace, scan: QueryScan, viewer: Viewer) -> Response:
    columns = ["skill", "priority", "needed", "holders", "gap", "scarcity", "centrality", "expiry", "value"]
    rows: Rows = [[getattr(one, name) for name in columns] for one in read_priorities(ws, scan, viewer)]
    return _file(kind, ws, viewer, (f"skill-priorities-{scan.id[:12]}", scan.id), columns, rows)


def _file(kind: Kind, ws: Workspace, viewer: Viewer, called: tuple[str, str], columns: list[str], rows: Rows) -> Response:
    """Return a table as a file, noted in the audit log."""
    name, scan = called
    audit.record(ws, Act(viewer.subject, viewer.role, "export", scan, Purpose.NETWORK_HEALTH))
    notes = (("scan", scan), ("purpose", Purpose.NETWORK_HEALTH.value))
    head = {"Content-Disposition": f'attachment; filename="{name}.{kind}"'}
    return Response(sheet(kind, columns, rows, notes=notes), media_type=MEDIA[kind], headers=head)
