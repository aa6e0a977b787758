"""Pages of those who run the analysis: connections, the wizard from dry run to result, jobs, and the release to audiences."""

from datetime import date, timedelta
from secrets import token_urlsafe
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, Field, field_validator

from api.access import Place, Publisher
from api.connections import Checker, ConnectorName, Looker
from api.jobs import JobId, Runner, Watcher, ask
from api.pages.map import UNIT, contact_of
from api.pages.reading import PageScan
from api.rendering import render
from ona.errors import OnaError
from pipelines import access, jobs, publishing, quarters
from pipelines.access.connections import read_connections
from pipelines.access.leaders import read_leaders
from pipelines.connecting import checked, takes_token
from pipelines.jobs import Forecast
from pipelines.publishing import AUDIENCES, Audience, Wanted
from pipelines.storage.workspace import Workspace

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

OFFERED = 4
"""Quarters to choose from."""

Quarter = Annotated[str | None, Query(pattern=r"^(20[0-9]{2}-Q[1-4]|weeks)$")]
FormQuarter = Annotated[str, Form(pattern=r"^(20[0-9]{2}-Q[1-4]|weeks)$")]


class Release(BaseModel):
    """The form of the publish wizard."""

    audience: list[Audience] = []
    unit: list[Annotated[str, Field(max_length=200)]] = Field([], max_length=500)
    until: date | None = None
    override: str = Field("", max_length=200)

    @field_validator("until", mode="before")
    @classmethod
    def _no_end(cls, value: object) -> object:
        """Read what a form sends when no day is chosen."""
        return None if value == "" else value

    def wanted(self) -> Wanted:
        """Say the same to the pipeline."""
        return Wanted(tuple(self.audience), tuple(self.unit), self.until, self.override)


@router.get("/connections")
def connections_page(request: Request, ws: Place, viewer: Looker) -> Response:
    """Show what is connected, when it was last read, and how well."""
    return _connections(request, ws, viewer, scopes=None, checked=None)


@router.post("/connections/{name}/check")
def check_page(request: Request, ws: Place, viewer: Checker, name: ConnectorName) -> Response:
    """Ask the vendor what the token may do, and show it beside the connector."""
    try:
        scopes, refused = checked(ws, name), None
    except OnaError as error:
        scopes, refused = None, str(error)
    return _connections(request, ws, viewer, scopes=scopes, checked=name, refused=refused)


@router.get("/scans")
def scans_page(request: Request, ws: Place, viewer: Watcher) -> Response:
    """List sealed scans, to whom they are released, and the jobs seen last."""
    entries = access.list_scans(ws, viewer)
    released: dict[str, list[publishing.Publication]] = {}
    for one in publishing.publications(ws):
        released.setdefault(one.scan, []).append(one)
    recent, attended = jobs.latest(ws, 10), jobs.is_attended(ws)
    return render(request, "scans.html", None, entries=entries, released=released, jobs=recent, attended=attended)


@router.get("/scans/new")
def new_scan_page(request: Request, ws: Place, viewer: Runner, quarter: Quarter = None, pull: bool = False) -> Response:
    """Choose what to analyse, and once it is chosen show what that would read."""
    del viewer
    forecast, refused = _forecast(ws, quarter, pull=pull) if quarter else (None, None)
    chosen = {"quarter": quarter, "pull": pull, "key": token_urlsafe(16)}
    return render(request, "new_scan.html", None, quarters=_offered(ws), asked=chosen, forecast=forecast, refused=refused)


@router.post("/scans/new")
def start_scan_page(
    request: Request, viewer: Runner, quarter: FormQuarter, key: Annotated[str, Form(max_length=64)], pull: Annotated[bool, Form()] = False
) -> Response:
    """Ask for the scan; sending the form twice asks once."""
    kept = ask(request, viewer, "scan", _body(quarter, pull=pull), key)
    return RedirectResponse(f"/jobs/{kept.place.rpartition('/')[2]}", status_code=303)


@router.get("/jobs/{job_id}")
def job_page(request: Request, ws: Place, viewer: Watcher, job_id: JobId) -> Response:
    """Show how far a job is; without scripts the page looks again by itself."""
    found = jobs.find(ws, job_id)
    return render(request, "job.html", None, job=found, attended=jobs.is_attended(ws))


@router.post("/jobs/{job_id}/cancel")
def cancel_page(ws: Place, viewer: Runner, job_id: JobId) -> Response:
    """Cancel a job and go back to it."""
    del viewer
    jobs.cancel(ws, job_id)
    return RedirectResponse(f"/jobs/{job_id}", status_code=303)


@router.get("/publish")
def publish_page(request: Request, ws: Place, scan: PageScan, viewer: Publisher) -> Response:
    """Choose who sees a scan, of which departments, until when; look at it as a manager first."""
    return _publish_page(request, ws, scan, viewer)


@router.post("/publish")
def publish_now_page(request: Request, ws: Place, scan: PageScan, viewer: Publisher, wish: Annotated[Release, Form()]) -> Response:
    """Release a scan, or say on the same page why it cannot be."""
    try:
        publishing.publish(ws, scan, viewer, wish.wanted())
    except OnaError as error:
        return _publish_page(request, ws, scan, viewer, refused=str(error))
    return RedirectResponse(f"/publish?scan={scan.id}", status_code=303)


@router.post("/publish/withdraw")
def withdraw_page(ws: Place, scan: PageScan, viewer: Publisher, audience: Annotated[Audience, Form()]) -> Response:
    """Take a release back from one audience."""
    publishing.withdraw(ws, scan.id, viewer, [audience])
    return RedirectResponse(f"/publish?scan={scan.id}", status_code=303)


@router.get("/look-as")
def look_as_page(request: Request, ws: Place, scan: PageScan, viewer: Publisher) -> Response:
    """Let the local operator choose as whom to look, and an analyst of a company as which manager."""
    return render(request, "look_as.html", scan, leaders=read_leaders(ws, scan, viewer))


@router.get("/preview")
def preview_page(
    request: Request,
    ws: Place,
    scan: PageScan,
    viewer: Publisher,
    manager: Annotated[str, Query(max_length=64)],
    unit: Annotated[str, Query(pattern=UNIT)] = "company",
) -> Response:
    """Show the map as one manager would see it."""
    found = publishing.preview(ws, scan, viewer, manager, unit)
    return render(request, "units.html", scan, map=found, drawn=None, view="table", contact=contact_of(found), previewed=manager)


def _connections(request: Request, ws: Workspace, viewer: access.Viewer, **about: object) -> Response:
    found = read_connections(ws, viewer)
    return render(request, "connections.html", None, connections=found, takes_token=takes_token, **about)


def _publish_page(request: Request, ws: Workspace, scan: PageScan, viewer: Publisher, refused: str | None = None) -> Response:
    verdict = str(access.read_quality(ws, scan, viewer).report.get("verdict", "unknown"))
    return render(
        request,
        "publish.html",
        scan,
        audiences=AUDIENCES,
        departments=sorted(scan.sealed.labels.get("group", {}).values(), key=str.casefold),
        leaders=read_leaders(ws, scan, viewer),
        refused=refused,
        released={one.audience: one for one in publishing.publications(ws, scan.id)},
        tomorrow=ws.now().date() + timedelta(days=1),
        verdict=verdict,
    )


def _offered(ws: Workspace) -> list[quarters.Quarter]:
    found = [quarters.last_complete(ws.now().date())]
    while len(found) < OFFERED:
        found.append(found[-1].previous)
    return found


def _body(quarter: str, *, pull: bool) -> dict[str, object]:
    return ({"pull": True} if pull else {}) | ({} if quarter == "weeks" else {"quarter": quarter})


def _forecast(ws: Workspace, quarter: str, *, pull: bool) -> tuple[Forecast | None, str | None]:
    """Return what a scan would read, or why it cannot be made."""
    try:
        return jobs.forecast_scan(ws, _body(quarter, pull=pull)), None
    except OnaError as error:
        return None, str(error)
