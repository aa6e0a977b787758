"""Pages of groups: the map of a viewer's units, its table and its heat map, and whoever agreed to be named on it."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import HTMLResponse

from api import maps
from api.access import GroupReader, NameReader, Place, ViewId
from api.languages import chosen
from api.pages.reading import PageScan
from api.placing import places
from api.rendering import render
from pipelines.access import Viewer
from pipelines.access.egos import ego_of, may_see_ties
from pipelines.access.named import read_colleague
from pipelines.access.policy import look
from pipelines.access.unit_answers import UnitMap, WeightBand
from pipelines.access.units import read_map

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

View = Annotated[Literal["map", "table", "heat"], Query()]
UNIT = r"^(company|d?[0-9]{1,9})$"
UnitId = Annotated[str, Path(pattern=UNIT)]


@router.get("/map")
def whole_map_page(request: Request, ws: Place, scan: PageScan, viewer: GroupReader, view: View = "map") -> Response:
    """Map of all units that the viewer may see."""
    return _map_page(request, ws, scan, viewer, "company", view)


@router.get("/map/{unit}")
def unit_map_page(request: Request, ws: Place, scan: PageScan, viewer: GroupReader, unit: UnitId, view: View = "map") -> Response:
    """Map of one unit among its neighbours."""
    return _map_page(request, ws, scan, viewer, unit, view)


@router.get("/map/people/{person_id}")
def colleague_page(request: Request, ws: Place, scan: PageScan, viewer: NameReader, person_id: ViewId) -> Response:
    """Somebody who agreed to be named, and why they stand out."""
    found = read_colleague(ws, scan, viewer, person_id)
    ego = drawn = None
    if may_see_ties(ws, scan, viewer):
        sight = look(ws, scan, viewer)
        ego = ego_of(sight, sight.row_of(person_id))
        drawing, layouts = maps.ego_drawing(ego), request.app.state.layouts
        where = layouts.of((scan.id, "ego", drawing.plan().digest()), drawing.plan()).positions()
        drawn = maps.network_map(drawing, where, chosen(request)) if ego.ties else None
    return render(request, "colleague.html", scan, found=found, ego=ego, drawn=drawn)


def contact_of(found: UnitMap) -> dict[tuple[str, str], WeightBand]:
    """Contact by pair of groups, either way round."""
    return {pair: tie.weight_band for tie in found.edges for pair in ((tie.a, tie.b), (tie.b, tie.a))}


def _map_page(request: Request, ws: Place, scan: PageScan, viewer: Viewer, unit: str, view: str) -> Response:
    found = read_map(ws, scan, viewer, unit)
    drawn = None
    if view == "map" and not found.hidden and found.nodes:
        where = places(request, scan, viewer, unit, lambda one: maps.unit_drawing(read_map(ws, one, viewer, unit)).plan())
        drawn = maps.network_map(maps.unit_drawing(found), where, chosen(request))
    return render(request, "units.html", scan, map=found, drawn=drawn, view=view, contact=contact_of(found))
