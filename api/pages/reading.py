"""HTML twins of the JSON routes: the same readings, drawn for people, usable without scripts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from api import maps, measures, problems
from api.access import GroupReader, Place, QualityReader, QueryScan, Ranker, ScoreReader, ViewId, WordReader
from api.auth import clear_session, set_session
from api.guests import Guests
from api.languages import chosen, switched
from api.people import PeopleParameters
from api.placing import places
from api.problems import Problem
from api.rendering import menu, render
from api.scans import SetSize
from api.teams import TeamId
from pipelines import access
from pipelines.access.answers import PersonRow
from pipelines.access.company import read_company
from pipelines.access.key_answers import LARGEST_SIZE, SIZE
from pipelines.access.key_people import read_key_people
from pipelines.access.links import is_open, spend_link
from pipelines.access.sessions import end_session
from pipelines.jobs import next_time
from pipelines.storage.workspace import Workspace

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

CARDS, ROWS = 3, 6
"""Marks of each facet on the overview, as cards and as rows; the list of people has them all."""

Mark = tuple[str, PersonRow]

PageScan = QueryScan
"""Scan that a page is about."""


@router.get("/")
def home_page(request: Request, ws: Place, viewer: WordReader) -> Response:
    """Lead to the first page of the viewer's menu."""
    entries, kept = menu(ws, viewer), switched(request)
    return RedirectResponse((entries[0].path if entries else "/help") + (f"?lang={kept}" if kept else ""), status_code=303)


@router.get("/overview")
def overview_page(request: Request, ws: Place, scan: PageScan, viewer: Ranker) -> Response:
    """Who stands out, in sentences."""
    found = access.read_overview(ws, scan, viewer)
    quality = access.read_quality(ws, scan, viewer)
    cards, rows = _first(found.hidden, CARDS), _first(found.marked, ROWS)
    return render(request, "overview.html", scan, overview=found, report=quality.report, first_cards=cards, first_rows=rows)


@router.get("/people")
def people_page(request: Request, ws: Place, scan: PageScan, viewer: Ranker, asked: Annotated[PeopleParameters, Query()]) -> Response:
    """People beside their badges."""
    found = access.read_people(ws, scan, viewer, asked.query())
    teams = access.read_teams(ws, scan, viewer)
    first = request.url.remove_query_params("cursor")
    after = first.include_query_params(cursor=found.next_cursor) if found.next_cursor else None
    next_page = f"{after.path}?{after.query}" if after else None
    return render(
        request, "people.html", scan, page=found, asked=asked, teams=teams, first_page=f"{first.path}?{first.query}", next_page=next_page
    )


@router.get("/people/{person_id}")
def person_page(request: Request, ws: Place, scan: PageScan, viewer: ScoreReader, person_id: ViewId) -> Response:
    """One person and why."""
    return render(request, "person.html", scan, person=access.read_person(ws, scan, viewer, person_id))


@router.get("/teams")
def teams_page(request: Request, ws: Place, scan: PageScan, viewer: Ranker) -> Response:
    """All teams."""
    return render(request, "teams.html", scan, teams=access.read_teams(ws, scan, viewer))


@router.get("/teams/{team_id}")
def team_page(request: Request, ws: Place, scan: PageScan, viewer: Ranker, team_id: TeamId) -> Response:
    """Map of a team or of the company, with its table."""
    found = access.read_team_map(ws, scan, viewer, team_id)
    drawing = maps.team_drawing(found)
    where = places(request, scan, viewer, team_id, lambda one: maps.team_drawing(access.read_team_map(ws, one, viewer, team_id)).plan())
    drawn = None if found.hidden or not found.nodes else maps.network_map(drawing, where, chosen(request))
    return render(request, "team.html", scan, map=found, drawn=drawn, mark_of=maps.mark_of)


@router.get("/company")
def company_page(request: Request, ws: Place, scan: PageScan, viewer: GroupReader) -> Response:
    """Show how the company works together."""
    found = read_company(ws, scan, viewer)
    return render(request, "company.html", scan, company=found, contact=found.contact)


@router.get("/key-people")
def key_people_page(request: Request, ws: Place, scan: PageScan, viewer: Ranker, size: SetSize = SIZE) -> Response:
    """Show which few people are key together, in three ways."""
    return render(request, "key_people.html", scan, found=read_key_people(ws, scan, viewer, size), largest=LARGEST_SIZE)


@router.get("/quality")
def quality_page(request: Request, ws: Place, scan: PageScan, viewer: QualityReader) -> Response:
    """Show what was seen, missed and dropped."""
    return render(request, "quality.html", scan, report=access.read_quality(ws, scan, viewer).report)


@router.get("/help")
def help_page(request: Request, viewer: WordReader) -> Response:
    """Explain the words, and what each problem asks for."""
    del viewer
    return render(request, "help.html", None, kinds=problems.KINDS)


@router.get("/glossary")
def glossary_page(request: Request, viewer: WordReader) -> Response:
    """Explain every measure: meaning, formula, range, cost and source."""
    del viewer
    return render(request, "glossary.html", None, families=measures.families(), parts=measures.parts)


@router.get("/open/{link}")
def open_page(request: Request, ws: Place, link: str) -> Response:
    """Ask before the one-time link is spent: previews and scanners only look."""
    if not is_open(ws, link):
        return problems.answer(request, problems.problem(request, "sign-in-needed", SPENT))
    return render(request, "open.html", None, link=link)


@router.post("/open/{link}")
def spend_page(request: Request, ws: Place, link: str) -> Response:
    """Spend the one-time link for a session."""
    session = spend_link(ws, link)
    if session is None:
        return problems.answer(request, problems.problem(request, "sign-in-needed", SPENT))
    answer = RedirectResponse("/", status_code=303)
    set_session(request, answer, session)
    return answer


@router.post("/sign-out")
def sign_out(request: Request, ws: Place, viewer: WordReader) -> Response:
    """End the session."""
    del viewer
    guests: Guests = request.app.state.guests
    guests.forget(request.state.session)
    end_session(ws, request.state.session)
    request.state.viewer = request.state.session = None
    answer = render(request, "left.html", None)
    clear_session(request, answer)
    return answer


SPENT = "This link was used before, is older than an hour, or never existed. Stop the service and start it again with: ona serve"


def error_page(request: Request, found: Problem) -> Response:
    """Draw a problem; before the first scan, say how to make one."""
    signed_in = getattr(request.state, "viewer", None) is not None
    empty = found.code == "not-found" and signed_in and not access.list_scans(request.app.state.ws, request.state.viewer)
    name = "empty.html" if empty else "problem.html"
    answer = render(request, name, None, problem=found, planned=_planned(request.app.state.ws) if empty else None)
    answer.status_code = found.status
    return answer


def _planned(ws: Workspace) -> datetime | None:
    """When the next scan is due by the schedule."""
    lines = (ws.settings.scan_schedule, ws.settings.quarter_schedule)
    return min((at for at in (next_time(line, ws.now()) for line in lines) if at is not None), default=None)


def _first(found: Sequence[Mark], most: int) -> list[Mark]:
    """Keep so many marks of each facet."""
    facets = list(dict.fromkeys(facet for facet, _ in found))
    return [one for facet in facets for one in [mark for mark in found if mark[0] == facet][:most]]
