"""Pages of mentoring: programmes, the match board, a brief without scores, and a person's own pairs; all of it works with scripts off."""

from collections import Counter
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, Field

from api.access import Pairer, Place
from api.mentoring import NAME, Code, Id, Own
from api.pages.reading import PageScan
from api.rendering import render
from ona.errors import ConflictError, NotFoundError
from ona.pairing import Weights
from pipelines.growth import pairs, programmes, suggestions
from pipelines.growth.programmes import BoardRow

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


Hundredths = Annotated[int, Field(ge=0, le=100)]

ON_A_PAGE = 20
"""Mentees on a page of the board."""

Shown = Literal["", "unmatched", "matched", "held", "waiting", "active"]


class BoardFilter(BaseModel):
    """Which mentees the board lists; those without a mentor come first."""

    show: Shown = ""
    text: str = Field("", max_length=60, pattern=r"^[^\x00-\x1f\x7f]*$")
    page: int = Field(1, ge=1, le=10_000)
    at: str = Field("", pattern="^([0-9A-Fa-f]{16})?$", description="Mentee whose choices are open.")

    def keeps(self, row: BoardRow) -> bool:
        """Whether a mentee is listed; the one whose choices are open stays, whatever became of them."""
        if row.mentee == self.at.upper():
            return True
        said = " ".join([row.label, *row.lacking, *(one.label for one in row.choices if one.chosen)]).casefold()
        return self.show in ("", state_of(row)) and " ".join(self.text.casefold().split()) in said

    @property
    def query(self) -> str:
        """The same as the query of an address."""
        return urlencode({name: value for name, value in self.model_dump().items() if value not in ("", 1)})


class LockForm(BoardFilter):
    """A pair to hold, or to let go, as the board's buttons send it, and where on the board they stand."""

    mentee: Code
    mentor: Code
    locked: bool


class WeightsForm(BaseModel):
    """Weights of the fit in hundredths, as their sliders send them."""

    gap: Hundredths = 35
    helper: Hundredths = 20
    similarity: Hundredths = 20
    distance: Hundredths = 15
    crossing: Hundredths = 10

    @property
    def weights(self) -> Weights:
        """The same in parts of one."""
        return Weights(**{name: value / 100 for name, value in self.model_dump(include=set(WeightsForm.model_fields)).items()})


class ProgrammeForm(WeightsForm):
    """A programme to set up."""

    name: str = Field(pattern=NAME)
    seats: int = Field(1, ge=1, le=programmes.MOST_SEATS)


def state_of(row: BoardRow) -> str:
    """Where a mentee stands, in one word."""
    if row.unmatched or row.state in ("waiting", "active"):
        return "unmatched" if row.unmatched else row.state
    return "held" if any(one.chosen and one.locked for one in row.choices) else "matched"


@router.get("/mentoring")
def programmes_page(request: Request, ws: Place, scan: PageScan, viewer: Pairer) -> Response:
    """List programmes, and set one up."""
    return render(
        request, "mentoring.html", scan, programmes=programmes.programmes(ws, viewer), weights=Weights(), most=programmes.MOST_SEATS
    )


@router.post("/mentoring")
def make_page(ws: Place, scan: PageScan, viewer: Pairer, wish: Annotated[ProgrammeForm, Form()]) -> Response:
    """Set up a programme and open its board."""
    return _board_of(programmes.create(ws, viewer, scan, wish.name, seats=wish.seats, weights=wish.weights))


@router.get("/mentoring/{programme_id}")
def board_page(
    request: Request, ws: Place, scan: PageScan, viewer: Pairer, programme_id: Id, asked: Annotated[BoardFilter, Query()]
) -> Response:
    """Match board of a programme."""
    return _board_page(request, ws, scan, viewer, (programme_id, asked))


@router.post("/mentoring/{programme_id}/locks")
def lock_page(request: Request, ws: Place, scan: PageScan, viewer: Pairer, programme_id: Id, wish: Annotated[LockForm, Form()]) -> Response:
    """Hold a pair or let it go; a lock that cannot be is explained on the board."""
    asked = BoardFilter(show=wish.show, text=wish.text, page=wish.page, at=wish.mentee)
    try:
        programmes.set_lock(ws, viewer, scan, programme_id, (wish.mentee, wish.mentor), locked=wish.locked)
    except ConflictError as error:
        return _board_page(request, ws, scan, viewer, (programme_id, asked), refused=str(error))
    return _board_of(programme_id, asked)


@router.post("/mentoring/{programme_id}/weights")
def weigh_page(ws: Place, viewer: Pairer, programme_id: Id, wish: Annotated[WeightsForm, Form()]) -> Response:
    """Weigh the parts of the fit anew and match again."""
    programmes.weigh(ws, viewer, programme_id, wish.weights)
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
    return render(request, "my_mentoring.html", None, pairs=pairs.own_pairs(ws, viewer), suggested=suggestions.received(ws, viewer))


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


def _board_page(
    request: Request, ws: Place, scan: PageScan, viewer: Pairer, where: tuple[str, BoardFilter], refused: str | None = None
) -> Response:
    """Draw a page of the board; the figures are those of the whole."""
    programme, asked = where
    found, lines = programmes.board(ws, viewer, scan, programme), pairs.pair_lines(ws, viewer, scan, programme)
    kept = sorted((row for row in found.rows if asked.keeps(row)), key=lambda row: row.unmatched is None)
    pages = max(1, -(-len(kept) // ON_A_PAGE))
    opened = next((at for at, row in enumerate(kept) if row.mentee == asked.at.upper()), None)
    here = min(asked.page, pages) if opened is None else 1 + opened // ON_A_PAGE
    answer = render(
        request,
        "match_board.html",
        scan,
        board=found,
        lines=lines,
        pulses=pairs.pulses(ws, viewer, programme),
        refused=refused,
        asked=asked.model_copy(update={"page": here}),
        rows=kept[(here - 1) * ON_A_PAGE : here * ON_A_PAGE],
        kept=len(kept),
        pages=pages,
        counts=Counter(map(state_of, found.rows)),
        query_of=lambda page: asked.model_copy(update={"page": page, "at": ""}).query,
    )
    answer.status_code = 409 if refused else 200
    return answer


def _board_of(programme: str, asked: BoardFilter | None = None) -> Response:
    query = asked.query if asked else ""
    return RedirectResponse(f"/mentoring/{programme}" + (f"?{query}#m-{asked.at}" if asked and query else ""), status_code=303)


def _own_page() -> Response:
    return RedirectResponse("/my-mentoring", status_code=303)
