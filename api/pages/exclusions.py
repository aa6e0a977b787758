"""Page of the pairs that are never matched: HR's own list, with a form that works with scripts off."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from api.access import Pairer, Place
from api.exclusions import Id
from api.pages.reading import PageScan
from api.rendering import render
from ona.errors import ConflictError, NotFoundError
from pipelines.growth import exclusions

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

Typed = Annotated[str, Form(max_length=254)]


@router.get("/mentoring/exclusions")
def exclusions_page(request: Request, ws: Place, scan: PageScan, viewer: Pairer) -> Response:
    """Show the list and the form that adds to it."""
    return _page(request, ws, scan, viewer)


@router.post("/mentoring/exclusions")
def exclude_page(request: Request, ws: Place, scan: PageScan, viewer: Pairer, first: Typed, second: Typed) -> Response:
    """Put a pair on the list, or say on the same page why it cannot be."""
    try:
        exclusions.exclude(ws, viewer, scan, (first, second))
    except (ConflictError, NotFoundError) as error:
        answer = _page(request, ws, scan, viewer, refused=str(error), typed=(first, second))
        answer.status_code = 409
        return answer
    return _back()


@router.post("/mentoring/exclusions/{exclusion_id}")
def allow_page(ws: Place, viewer: Pairer, exclusion_id: Id) -> Response:
    """Take a pair off the list."""
    exclusions.allow(ws, viewer, exclusion_id)
    return _back()


def _page(
    request: Request, ws: Place, scan: PageScan, viewer: Pairer, *, refused: str | None = None, typed: tuple[str, str] = ("", "")
) -> Response:
    found = exclusions.listed(ws, viewer, scan)
    return render(request, "mentoring_exclusions.html", scan, pairs=found, refused=refused, typed=typed)


def _back() -> Response:
    return RedirectResponse("/mentoring/exclusions", status_code=303)
