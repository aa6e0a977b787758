"""Teams: the list of a scan, and what the map of one draws."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from api.access import Place, QueryScan, ScoreReader, fresh_query_scan
from api.models import TeamMap, Teams
from pipelines import access

router = APIRouter(prefix="/api/v1/teams", tags=["teams"], dependencies=[Depends(fresh_query_scan)])

TeamId = Annotated[str, Path(pattern=r"^(company|[0-9]{1,9})$", description="Id of a team, or `company`.")]


@router.get("", operation_id="list_teams")
def list_teams(ws: Place, scan: QueryScan, viewer: ScoreReader) -> Teams:
    """Teams of a scan by name; small ones are hidden with the reason."""
    return Teams.model_validate(access.read_teams(ws, scan, viewer))


@router.get("/{team_id}/map", operation_id="read_team_map")
def read_team_map(ws: Place, scan: QueryScan, viewer: ScoreReader, team_id: TeamId) -> TeamMap:
    """Return marks and lines of a team's map, or of the company's."""
    return TeamMap.model_validate(access.read_team_map(ws, scan, viewer, team_id))
