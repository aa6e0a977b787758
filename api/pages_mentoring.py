"""Pages of mentoring: programmes, the match board, a brief without scores, and a person's own pairs; all of it works with scripts off."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel

from api.access import Pairer, Place
from api.mentoring import NAME, Code, Id, Own
from api.pages import PageScan
from api.rendering import render
from ona.errors import ConflictError, NotFoundError
from ona.pairing import Weights
from pipelines import pairs, programmes

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


class LockForm(BaseModel):
    """A pair to hold, or to let go, as the board's buttons send it."""

    mentee: Code
    mentor: Code
    locked: bool


@router.get("/mentoring")
def programmes_page(request: Request, ws: Place, scan: PageScan, viewer: Pairer) -> Response:
    """List programmes, and set one up."""
    return render(
        request, "mentoring.html", scan, programmes=programmes.programmes(ws, viewer), weights=Weights(), most=programmes.MOST_SEATS
    )


@router.post("/mentoring")
def make_page(
    ws: Place,
    scan: PageScan,
    viewer: Pairer,
    name: Annotated[str, Form(pattern=NAME)],
    seats: Annotated[int, Form(ge=1, le=programmes.MOST_SEATS)] = 1,
) -> Response:
    """Set up a programme and open its board."""
    return _board_of(programmes.create(ws, viewer, scan, name, seats=seats))


@router.get("/mentoring/{programme_id}")
def board_page(request: Request, ws: Place, scan: PageScan, viewer: Pairer, programme_id: Id) -> Response:
    """Match board of a programme."""
    found = programmes.board(ws, viewer, scan, programme_id)
    lines = pairs.pair_lines(ws, viewer, scan, programme_id)
    return render(request, "match_board.html", scan, board=found, lines=lines)


@router.post("/mentoring/{programme_id}/locks")
def lock_page(request: Request, ws: Place, scan: PageScan, viewer: Pairer, programme_id: Id, wish: Annotated[LockForm, Form()]) -> Response:
    """Hold a pair or let it go; a lock that cannot be is explained on the board."""
    try:
        programmes.set_lock(ws, viewer, scan, programme_id, (wish.mentee, wish.mentor), locked=wish.locked)
    except ConflictError as error:
        found = programmes.board(ws, viewer, scan, programme_id)
        lines = pairs.pair_lines(ws, viewer, scan, programme_id)
        return render(request, "match_board.html", scan, status=409, board=found, lines=lines, refused=str(error))
    return _board_of(programme_id)


@router.post("/mentoring/{programme_id}/invitations")
def invite_page(ws: Place, scan: PageScan, viewer: Pairer, programme_id: Id) -> Response:
    """Ask both sides of every matched pair."""
    programmes.invite(ws, viewer, scan, programme_id)
    return _board_of(programme_id)


@router.get("/mentoring/{programme_id}/pairs/{pair_id}")
def brief_page(request: Request, ws: Place, scan: PageScan, viewer: Pairer, programme_id: Id, pair_id: Id) -> Response:
    """One page about a pair to print and talk over; no score is on it."""
    line = next((one for one in pairs.pair_lines(ws, viewer, scan, programme_id) if one.id == pair_id), None)
    if line is None:
        raise NotFoundError("There is no pair of this id in this programme.")
    return render(request, "pair_brief.html", scan, line=line, days=pairs.CHECKS)


@router.get("/my-mentoring")
def own_pairs_page(request: Request, ws: Place, viewer: Own) -> Response:
    """Show the viewer's own pairs: what is asked, what is due."""
    return render(request, "my_mentoring.html", None, pairs=pairs.own_pairs(ws, viewer))


@router.post("/my-mentoring/{pair_id}/answer")
def answer_page(ws: Place, viewer: Own, pair_id: Id, accept: Annotated[bool, Form()]) -> Response:
    """Keep the viewer's yes or no."""
    pairs.answer(ws, viewer, pair_id, accept)
    return _own_page()


@router.post("/my-mentoring/{pair_id}/check-ins")
def check_in_page(
    ws: Place,
    viewer: Own,
    pair_id: Id,
    day: Annotated[int, Form(ge=30, le=90)],
    met: Annotated[int, Form(ge=0, le=60)],
    useful: Annotated[int, Form(ge=1, le=5)],
) -> Response:
    """Keep two answers."""
    pairs.check_in(ws, viewer, pair_id, day, met=met, useful=useful)
    return _own_page()


@router.post("/my-mentoring/{pair_id}/end")
def end_page(ws: Place, viewer: Own, pair_id: Id) -> Response:
    """End one's own pair."""
    pairs.leave(ws, viewer, pair_id)
    return _own_page()


def _board_of(programme: str) -> Response:
    return RedirectResponse(f"/mentoring/{programme}", status_code=303)


def _own_page() -> Response:
    return RedirectResponse("/my-mentoring", status_code=303)
