"""Teams: the list of a scan, what the map of one draws, and the groups of managers, HR and the works council."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from api.access import GroupReader, NameReader, Pairer, Place, QueryScan, Ranker, ViewId, fresh_query_scan
from api.files import GRAPHS, TABLES, AsGraph, AsTable
from api.models import TeamMap, Teams
from api.unit_models import Ego, Groups, Mentors, NamedColleague, UnitMap
from pipelines import access
from pipelines.access.egos import read_ego
from pipelines.access.mentors import read_mentors
from pipelines.access.named import read_colleague
from pipelines.access.rights import Role
from pipelines.access.units import read_groups, read_map

router = APIRouter(prefix="/api/v1", tags=["teams"], dependencies=[Depends(fresh_query_scan)])

TeamId = Annotated[str, Path(pattern=r"^(company|[0-9]{1,9})$", description="Id of a team, or `company`.")]
UnitId = Annotated[str, Path(pattern=r"^(company|d?[0-9]{1,9})$", description="Id of a team, of a department (`d3`), or `company`.")]


@router.get("/teams", operation_id="list_teams", response_model=Teams, responses=TABLES)
def list_teams(ws: Place, scan: QueryScan, viewer: Ranker, wish: AsTable) -> Teams | Response:
    """Teams of a scan by name; small ones are hidden with the reason."""
    found = Teams.model_validate(access.read_teams(ws, scan, viewer))
    notes = [("scan", found.scan_id), ("minimum_group", str(found.minimum_group))]
    return wish.table(found.teams, notes) if wish.is_file else found


@router.get("/teams/{team_id}/map", operation_id="read_team_map", response_model=TeamMap | UnitMap, responses=GRAPHS)
def read_team_map(ws: Place, scan: QueryScan, viewer: GroupReader, team_id: UnitId, wish: AsGraph) -> TeamMap | UnitMap | Response:
    """Return marks and lines of a team's map, or of the company's: people for an analyst, groups in bands for everybody else."""
    if viewer.role is not Role.ANALYST:
        groups = UnitMap.model_validate(read_map(ws, scan, viewer, team_id))
        return wish.drawing(groups.nodes, groups.edges, [("scan", groups.scan_id)]) if wish.is_file else groups
    found = TeamMap.model_validate(access.read_team_map(ws, scan, viewer, team_id))
    if wish.is_file and not found.units:
        wish.permit(ws, viewer, scan.id)
    return (
        wish.drawing(found.nodes, found.ties, [("scan", found.scan_id), *(("note", note) for note in found.notes)])
        if wish.is_file
        else found
    )


@router.get("/groups", operation_id="list_groups")
def list_groups(ws: Place, scan: QueryScan, viewer: GroupReader) -> Groups:
    """Return departments and teams that the viewer may open, in bands, and those that are hidden, with the reason."""
    return Groups.model_validate(read_groups(ws, scan, viewer))


@router.get("/colleagues/{person_id}", operation_id="read_colleague")
def read_one_colleague(ws: Place, scan: QueryScan, viewer: NameReader, person_id: ViewId) -> NamedColleague:
    """Return why somebody who agreed to be named is drawn as they are: words and one band, never a number."""
    return NamedColleague.model_validate(read_colleague(ws, scan, viewer, person_id))


@router.get("/colleagues/{person_id}/ties", operation_id="read_colleague_ties")
def read_colleague_ties(ws: Place, scan: QueryScan, viewer: NameReader, person_id: ViewId) -> Ego:
    """Return whom somebody works with, in bands, among the people below this manager: in the open mode alone."""
    return Ego.model_validate(read_ego(ws, scan, viewer, person_id))


@router.get("/mentors", operation_id="list_mentors")
def list_mentors(ws: Place, scan: QueryScan, viewer: Pairer) -> Mentors:
    """Return who agreed to be looked at as a mentor and is free, without names until they agree to that as well."""
    return Mentors.model_validate(read_mentors(ws, scan, viewer))
