"""Pages of skills: the certification grid, heat maps of units, and the spider chart of a team."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from api.access import GroupReader, Place, Ranker, ScoreReader
from api.pages.reading import PageScan
from api.rendering import has, render
from api.skills import TeamId
from pipelines.access import ReadableScan
from pipelines.access.rights import Right
from pipelines.access.skills import read_archetype_heat, read_grid, read_priorities, read_skill_heat, read_team_skills

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

ON_A_PAGE = 40

By = Annotated[Literal["skill", "archetype"], Query()]
Cursor = Annotated[str | None, Query(max_length=64)]
Team = Annotated[str, Query(pattern=r"^[0-9]{0,9}$")]


@router.get("/skills")
def grid_page(request: Request, ws: Place, scan: PageScan, viewer: ScoreReader, team: Team = "", cursor: Cursor = None) -> Response:
    """Show people × skills, with influence beside."""
    found = read_grid(ws, scan, viewer, team=int(team) if team else None, limit=ON_A_PAGE, cursor=cursor)
    after = request.url.include_query_params(cursor=found.next_cursor) if found.next_cursor else None
    next_page = f"{after.path}?{after.query}" if after else None
    return _page(request, "skills.html", scan, grid=found, next_page=next_page)


@router.get("/skill-units")
def heat_page(request: Request, ws: Place, scan: PageScan, viewer: GroupReader, by: By = "skill") -> Response:
    """Show units × skills or archetypes."""
    read = read_skill_heat if by == "skill" else read_archetype_heat
    return _page(request, "skill_units.html", scan, heat=read(ws, scan, viewer), by=by, team=read_team_skills(ws, scan, viewer))


@router.get("/skill-priorities")
def priorities_page(request: Request, ws: Place, scan: PageScan, viewer: Ranker) -> Response:
    """Show what is most pressing, with every part of the rank."""
    return _page(request, "skill_priorities.html", scan, priorities=read_priorities(ws, scan, viewer))


@router.get("/skill-teams/{team_id}")
def team_page(request: Request, ws: Place, scan: PageScan, viewer: GroupReader, team_id: TeamId) -> Response:
    """Show the spider chart of a team."""
    return _page(request, "skill_team.html", scan, team=read_team_skills(ws, scan, viewer, team_id))


def _page(request: Request, name: str, scan: ReadableScan, **context: object) -> Response:
    """Draw a page; the tab of people is there for whoever may open it."""
    people_tab = has(request.app.state.ws, request.state.viewer, Right.SEE_SCORES)
    return render(request, name, scan, people_tab=people_tab, **context)
