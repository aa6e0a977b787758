"""HTML twins of the JSON routes: the same readings, drawn for people, usable without scripts."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.templating import Jinja2Templates

from api import charts, maps, measures, problems
from api.access import AskedScan, Place, ScoreReader, Shelf
from api.auth import COOKIE, clear_session, set_session
from api.people import PeopleParameters, ViewId
from api.problems import Problem
from api.teams import TeamId
from pipelines import access
from pipelines.access import ReadableScan, words
from pipelines.access.answers import PersonRow
from pipelines.access.links import end_session, is_open, spend_link

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

templates = Jinja2Templates(Path(__file__).parent / "templates")
templates.env.trim_blocks = templates.env.lstrip_blocks = True

CHANNELS = ("chat", "mail", "meeting")

CARDS, ROWS = 3, 6
"""Marks of each facet on the overview, as cards and as rows; the list of people has them all."""

Mark = tuple[str, PersonRow]

VERDICTS = {"usable": "good", "usable with caution": "care", "unusable": "bad"}
"""Look of each data-quality verdict; the words are always beside it."""


def asked_scan(request: Request, viewer: ScoreReader, scan: AskedScan = "latest") -> ReadableScan:
    """Scan that a page is about."""
    del viewer  # nobody reads a scan anonymously
    shelf: Shelf = request.app.state.shelf
    return shelf.take(scan)


PageScan = Annotated[ReadableScan, Depends(asked_scan)]


@router.get("/")
def overview_page(request: Request, ws: Place, scan: PageScan, viewer: ScoreReader) -> Response:
    """Who stands out, in sentences."""
    found = access.read_overview(ws, scan, viewer)
    quality = access.read_quality(ws, scan, viewer)
    shown = {"first_cards": _first(found.hidden, CARDS), "first_rows": _first(found.marked, ROWS)}
    return _page(request, "overview.html", scan, overview=found, report=quality.report, **shown)


@router.get("/people")
def people_page(request: Request, ws: Place, scan: PageScan, viewer: ScoreReader, asked: Annotated[PeopleParameters, Query()]) -> Response:
    """People beside their badges."""
    found = access.read_people(ws, scan, viewer, asked.query())
    teams = access.read_teams(ws, scan, viewer)
    first = request.url.remove_query_params("cursor")
    after = first.include_query_params(cursor=found.next_cursor) if found.next_cursor else None
    links = {"first_page": f"{first.path}?{first.query}", "next_page": f"{after.path}?{after.query}" if after else None}
    return _page(request, "people.html", scan, page=found, asked=asked, teams=teams, **links)


@router.get("/people/{person_id}")
def person_page(request: Request, ws: Place, scan: PageScan, viewer: ScoreReader, person_id: ViewId) -> Response:
    """One person and why."""
    return _page(request, "person.html", scan, person=access.read_person(ws, scan, viewer, person_id))


@router.get("/teams")
def teams_page(request: Request, ws: Place, scan: PageScan, viewer: ScoreReader) -> Response:
    """All teams."""
    return _page(request, "teams.html", scan, teams=access.read_teams(ws, scan, viewer))


@router.get("/teams/{team_id}")
def team_page(request: Request, ws: Place, scan: PageScan, viewer: ScoreReader, team_id: TeamId) -> Response:
    """Map of a team or of the company, with its table."""
    found = access.read_team_map(ws, scan, viewer, team_id)
    layouts: maps.Layouts = request.app.state.layouts
    drawn = None if found.hidden or not found.nodes else maps.network_map(found, layouts.of(found))
    return _page(request, "team.html", scan, map=found, drawn=drawn, mark_of=maps.mark_of)


@router.get("/company")
def company_page(request: Request, ws: Place, scan: PageScan, viewer: ScoreReader) -> Response:
    """Show how the company works together."""
    found = access.read_company(ws, scan, viewer)
    return _page(request, "company.html", scan, company=found, contact=access.read_contact(ws, scan, viewer))


@router.get("/quality")
def quality_page(request: Request, ws: Place, scan: PageScan, viewer: ScoreReader) -> Response:
    """Show what was seen, missed and dropped."""
    return _page(request, "quality.html", scan, report=access.read_quality(ws, scan, viewer).report)


@router.get("/help")
def help_page(request: Request, viewer: ScoreReader) -> Response:
    """Explain the words, and what each problem asks for."""
    del viewer
    return _page(request, "help.html", None, kinds=problems.KINDS)


@router.get("/glossary")
def glossary_page(request: Request, viewer: ScoreReader) -> Response:
    """Explain every measure: meaning, formula, range, cost and source."""
    del viewer
    return _page(request, "glossary.html", None, families=measures.families(), parts=measures.parts)


@router.get("/open/{link}")
def open_page(request: Request, ws: Place, link: str) -> Response:
    """Ask before the one-time link is spent: previews and scanners only look."""
    if not is_open(ws, link):
        return problems.answer(request, problems.problem(request, "sign-in-needed", SPENT))
    return templates.TemplateResponse(request, "open.html", {"link": link})


@router.post("/open/{link}")
def spend_page(request: Request, ws: Place, link: str) -> Response:
    """Spend the one-time link for a session."""
    session = spend_link(ws, link)
    if session is None:
        return problems.answer(request, problems.problem(request, "sign-in-needed", SPENT))
    answer = RedirectResponse("/", status_code=303)
    set_session(answer, session)
    return answer


@router.post("/sign-out")
def sign_out(request: Request, ws: Place, viewer: ScoreReader) -> Response:
    """End the session."""
    del viewer
    end_session(ws, request.cookies.get(COOKIE, ""))
    answer = templates.TemplateResponse(request, "left.html")
    clear_session(answer)
    return answer


SPENT = "This link was used before, is older than an hour, or never existed. Stop the service and start it again with: ona serve"


def error_page(request: Request, found: Problem) -> Response:
    """Draw a problem; before the first scan, say how to make one."""
    signed_in = getattr(request.state, "viewer", None) is not None
    empty = found.code == "not-found" and signed_in and not access.list_scans(request.app.state.ws, request.state.viewer)
    name = "empty.html" if empty else "problem.html"
    context = {"problem": found, "signed_in": signed_in, "standing": words.STANDING_LINE}
    return templates.TemplateResponse(request, name, context, status_code=found.status)


def _first(found: Sequence[Mark], most: int) -> list[Mark]:
    """Keep so many marks of each facet."""
    facets = list(dict.fromkeys(facet for facet, _ in found))
    return [one for facet in facets for one in [mark for mark in found if mark[0] == facet][:most]]


def _page(request: Request, name: str, scan: ReadableScan | None, **context: object) -> Response:
    ws, viewer = request.app.state.ws, request.state.viewer
    entries = access.list_scans(ws, viewer)
    current = next((entry for entry in entries if scan and entry.id == scan.id), None)
    shared = {"scans": entries, "scan": current, "words": words, "standing": words.STANDING_LINE, "signed_in": True}
    return templates.TemplateResponse(request, name, shared | context)


def _window(start: date, end: date) -> str:
    """Span of a half-open window as people say it."""
    last = end - timedelta(days=1)
    first = f"{start.day} {start:%b}" + ("" if start.year == last.year else f" {start.year}")
    return f"{first} – {last.day} {last:%b} {last.year}"


templates.env.filters |= {"window": _window}
templates.env.globals |= {
    "interval_bar": charts.interval_bar,
    "stacked_weeks": charts.stacked_weeks,
    "shade": charts.shade,
    "measure": measures.measure,
    "graph_of": measures.graph_of,
    "typeset": measures.typeset,
    "sentences": measures.sentences,
    "CHANNELS": CHANNELS,
    "VERDICTS": VERDICTS,
}
