"""Mentoring: programmes and their match board for HR, a person's own pairs, and counts for those who oversee."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access import Pairer, Place, QueryScan, may
from api.models import Answer
from ona.pairing import Weights
from pipelines.access import Viewer
from pipelines.access.rights import Right
from pipelines.growth import pairs, programmes
from pipelines.sheets import MEDIA, Kind, sheet

router = APIRouter(prefix="/api/v1/mentoring", tags=["mentoring"])

Own = Annotated[Viewer, Depends(may(Right.OWN_RECORD))]
"""Anybody whom the directory knows, about their own pairs."""

PairCounter = Annotated[Viewer, Depends(may(Right.COUNT_PAIRS))]
"""Who may see how many there are, and nobody of them."""

Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$", examples=["0f3c9a7d5b1e4c2f8a6d0b9e7c5a3f10"])]
Code = Annotated[str, Field(pattern="^[0-9A-Fa-f]{16}$", examples=["7F3A09C1D2E4B5A6"])]
Weight = Annotated[float, Field(ge=0, le=1)]
NAME = r"^[^\x00-\x1f\x7f<>]{1,80}$"


class Wish(BaseModel):
    """Base of what is sent to us: nothing beside the fields named."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PartWeights(Wish):
    """How much each part of the fit counts; shown beside every match."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)

    gap: Weight = Field(0.35, description="Share of what the mentee lacks that the mentor has.")
    helper: Weight = Field(0.20, description="How clearly the mentor is asked by many: the lower end of the interval.")
    similarity: Weight = Field(0.20, description="Similar answers to the questions about what matters at work.")
    distance: Weight = Field(0.15, description="Two or three steps apart: new to each other, with somebody who can introduce them.")
    crossing: Weight = Field(0.10, description="Another department.")


class ProgrammeWish(Wish):
    """A programme to set up with everybody who agreed to be in the pool."""

    name: str = Field(pattern=NAME, examples=["Spring 2027"])
    seats: int = Field(1, ge=1, le=programmes.MOST_SEATS, description="Mentees of each mentor.")
    weights: PartWeights = Field(default_factory=lambda: PartWeights.model_validate({}))


class LockWish(Wish):
    """A pair to hold, or to let go."""

    mentee: Code
    mentor: Code
    locked: bool = True


class AnswerWish(Wish):
    """Yes or no to a pair."""

    accept: bool


class CheckInWish(Wish):
    """Two answers after 30, 60 or 90 days."""

    day: Literal[30, 60, 90]
    met: int = Field(ge=0, le=60, description="How often the pair met since the last time.")
    useful: int = Field(ge=1, le=5, description="How useful it was, 1 to 5.")


class Programme(Answer):
    """One programme."""

    id: str
    name: str
    state: programmes.RunState
    created: datetime
    mentees: int
    mentors: int
    pairs: int = Field(description="Pairs that were asked so far.")


class ProgrammeList(Answer):
    """Programmes, the newest first."""

    programmes: list[Programme]


class Part(Answer):
    """One part of a fit."""

    part: str
    value: float
    weight: float
    contribution: float


class Choice(Answer):
    """One mentor who fits."""

    mentor: str
    label: str
    fit: int = Field(description="Hundredths of the most there could be, in steps of five; a fit of two people, not a score of one.")
    reasons: list[str]
    parts: list[Part]
    chosen: bool
    locked: bool


class BoardRow(Answer):
    """One mentee with the best mentors."""

    mentee: str
    label: str
    lacking: list[str]
    choices: list[Choice]
    state: programmes.PairState
    unmatched: str | None = Field(description="Why there is no mentor.")
    cost_of_lock: float | None = Field(description="What the held pair costs by itself; null where none is held, or more than twelve are.")


class Quality(Answer):
    """How good and how fair the match is."""

    total: float
    mean: float
    least: float
    matched: float = Field(description="Share of mentees with a mentor.")
    preferred: float = Field(description="Share of those who have one of their best three.")
    blocking: int = Field(description="Pairs who would both rather have each other.")
    load_gini: float = Field(description="0 when every mentor has the same number of mentees.")
    crossing: float | None = Field(description="Share of pairs between departments.")


class Board(Answer):
    """The match board."""

    scan_id: str
    programme: Programme
    weights: PartWeights
    quality: Quality
    cost_of_locks: float = Field(description="Total without the locks minus total with them.")
    rows: list[BoardRow]


class Invited(Answer):
    """How many pairs were asked."""

    pairs: int


class PairLine(Answer):
    """A pair as HR follows it."""

    id: str
    mentee: str
    mentor: str
    state: programmes.PairState = Field(description="No and silence read alike until the time to answer is over.")
    asked: datetime | None
    active: datetime | None
    reasons: list[str]
    answered: list[int] = Field(description="Check-ins that both answered.")


class Pulse(Answer):
    """What people of a programme said to one check-in, both sides together; null under the minimum group."""

    day: int
    people: int | None = Field(description="Who answered, in steps of five.")
    met: float | None = Field(description="Mean since the last time, in halves.")
    useful: float | None = Field(description="Mean of 1 to 5, in halves.")


class PairList(Answer):
    """Pairs of a programme."""

    pairs: list[PairLine]
    pulses: list[Pulse]


class OwnPair(Answer):
    """A pair as one of its two people sees it."""

    id: str
    programme: str
    side: str
    state: pairs.OwnState
    other: str | None = Field(description="The other's name, when both said yes.")
    reasons: list[str]
    answer_until: datetime | None
    active: datetime | None
    due: list[int]
    done: list[int]


class OwnPairs(Answer):
    """The viewer's own pairs."""

    pairs: list[OwnPair]


class PairCounts(Answer):
    """How the programmes go; null under the minimum group."""

    programmes: int
    people: int | None
    pairs: dict[str, int | None]


@router.get("/programmes", operation_id="list_programmes")
def list_programmes(ws: Place, viewer: Pairer) -> ProgrammeList:
    """Programmes, the newest first."""
    return ProgrammeList.model_validate({"programmes": programmes.programmes(ws, viewer)})


@router.post("/programmes", operation_id="make_programme", status_code=201)
def make_programme(ws: Place, scan: QueryScan, viewer: Pairer, wish: ProgrammeWish) -> Programme:
    """Set up a programme; nobody is asked or told anything yet."""
    weights = Weights(**wish.weights.model_dump())
    made = programmes.create(ws, viewer, scan, wish.name, seats=wish.seats, weights=weights)
    return Programme.model_validate(next(one for one in programmes.programmes(ws, viewer) if one.id == made))


@router.get("/programmes/{programme_id}", operation_id="read_match_board")
def read_board(ws: Place, scan: QueryScan, viewer: Pairer, programme_id: Id) -> Board:
    """Match board: each mentee with the five mentors that fit best, and why."""
    return Board.model_validate(programmes.board(ws, viewer, scan, programme_id))


@router.post("/programmes/{programme_id}/locks", operation_id="lock_pair")
def lock_pair(ws: Place, scan: QueryScan, viewer: Pairer, programme_id: Id, wish: LockWish) -> Board:
    """Hold a pair or let it go, and match the others again."""
    programmes.set_lock(ws, viewer, scan, programme_id, (wish.mentee, wish.mentor), locked=wish.locked)
    return Board.model_validate(programmes.board(ws, viewer, scan, programme_id))


@router.post("/programmes/{programme_id}/invitations", operation_id="invite_pairs")
def invite_pairs(ws: Place, scan: QueryScan, viewer: Pairer, programme_id: Id) -> Invited:
    """Ask both sides of every matched pair that was not asked yet."""
    return Invited(pairs=programmes.invite(ws, viewer, scan, programme_id))


@router.get("/programmes/{programme_id}/pairs", operation_id="list_programme_pairs")
def list_pairs(ws: Place, scan: QueryScan, viewer: Pairer, programme_id: Id) -> PairList:
    """Pairs that were asked, with what became of them."""
    lines, pulses = pairs.pair_lines(ws, viewer, scan, programme_id), pairs.pulses(ws, viewer, programme_id)
    return PairList.model_validate({"pairs": lines, "pulses": pulses})


@router.get("/programmes/{programme_id}/pairs.csv", operation_id="download_pairs_csv", response_class=Response)
def pairs_csv(ws: Place, scan: QueryScan, viewer: Pairer, programme_id: Id) -> Response:
    """Download the pairs as CSV for another mentoring tool; no score is in it."""
    return _file("csv", *pairs.export_rows(ws, viewer, scan, programme_id))


@router.get("/programmes/{programme_id}/pairs.xlsx", operation_id="download_pairs_xlsx", response_class=Response)
def pairs_xlsx(ws: Place, scan: QueryScan, viewer: Pairer, programme_id: Id) -> Response:
    """Download the pairs as a workbook; no score is in it."""
    return _file("xlsx", *pairs.export_rows(ws, viewer, scan, programme_id))


@router.get("/programmes/{programme_id}/check-ins.ics", operation_id="download_check_ins", response_class=Response)
def check_ins_ics(ws: Place, scan: QueryScan, viewer: Pairer, programme_id: Id) -> Response:
    """Download the check-ins of active pairs as a calendar."""
    found = pairs.export_calendar(ws, viewer, scan, programme_id)
    return Response(found, media_type="text/calendar", headers={"Content-Disposition": 'attachment; filename="check-ins.ics"'})


@router.get("/pairs", operation_id="list_own_pairs")
def own_pairs(ws: Place, viewer: Own) -> OwnPairs:
    """Return the viewer's own pairs."""
    return OwnPairs.model_validate({"pairs": pairs.own_pairs(ws, viewer)})


@router.post("/pairs/{pair_id}/answer", operation_id="answer_pair")
def answer_pair(ws: Place, viewer: Own, pair_id: Id, wish: AnswerWish) -> OwnPair:
    """Say yes or no to a pair; no is never shown to anybody as a no."""
    return OwnPair.model_validate(pairs.answer(ws, viewer, pair_id, wish.accept))


@router.post("/pairs/{pair_id}/check-ins", operation_id="answer_check_in")
def answer_check_in(ws: Place, viewer: Own, pair_id: Id, wish: CheckInWish) -> OwnPair:
    """Answer two questions after 30, 60 or 90 days."""
    return OwnPair.model_validate(pairs.check_in(ws, viewer, pair_id, wish.day, met=wish.met, useful=wish.useful))


@router.post("/pairs/{pair_id}/end", operation_id="end_pair")
def end_pair(ws: Place, viewer: Own, pair_id: Id) -> OwnPair:
    """End one's own pair, without a reason."""
    return OwnPair.model_validate(pairs.leave(ws, viewer, pair_id))


@router.get("/counts", operation_id="count_pairs")
def count_pairs(ws: Place, viewer: PairCounter) -> PairCounts:
    """Count programmes and pairs; fewer than the minimum group is not told."""
    return PairCounts.model_validate(pairs.counts(ws, viewer))


def _file(kind: Kind, columns: list[str], rows: list[list[object]]) -> Response:
    head = {"Content-Disposition": f'attachment; filename="pairs.{kind}"'}
    return Response(sheet(kind, columns, rows), media_type=MEDIA[kind], headers=head)
