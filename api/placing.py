"""Places of a map's marks, carried over from the scan before, so that two quarters can be laid side by side."""

from collections.abc import Callable

from fastapi import Request

from api.access import Shelf
from api.layouts import Earlier, Layout, Layouts, Plan, Positions
from ona.errors import NotFoundError
from pipelines.access import ReadableScan, Viewer
from pipelines.access.carried import names_before, scan_before
from pipelines.storage.workspace import Workspace

PlanOf = Callable[[ReadableScan], Plan]
"""Reads the same map in any scan."""


def places(request: Request, scan: ReadableScan, viewer: Viewer, unit: str, plan_of: PlanOf) -> Positions:
    """Places of the map of one unit."""
    return _layout(request, scan, viewer, unit, plan_of).positions()


def _layout(request: Request, scan: ReadableScan, viewer: Viewer, unit: str, plan_of: PlanOf) -> Layout:
    ws: Workspace = request.app.state.ws
    layouts: Layouts = request.app.state.layouts
    shelf: Shelf = request.app.state.shelf
    plan = plan_of(scan)

    def earlier() -> Earlier | None:
        before = scan_before(ws, scan.id, viewer)
        if before is None:
            return None
        then = shelf.take(before, viewer)
        try:
            found = _layout(request, then, viewer, unit, plan_of)
        except NotFoundError:
            return None
        return Earlier(found, {name: name for name in plan.groups} | names_before(ws, scan, then, viewer))

    return layouts.of((scan.id, unit, plan.digest()), plan, earlier)
