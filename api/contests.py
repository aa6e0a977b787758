"""Contested results: counted and answered by hand, without a name."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from api.access import Place, may
from api.models import Answer, Contest
from pipelines.access import Viewer
from pipelines.access.rights import Right
from pipelines.rights import contests
from pipelines.rights.contests import Answer as Outcome

router = APIRouter(prefix="/api/v1/contests", tags=["contests"])

Answerer = Annotated[Viewer, Depends(may(Right.ANSWER_CONTEST))]
"""Somebody who answers what people say is wrong."""

ContestId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", examples=["0f3c9a7d5b1e4c2f8a6d0b9e7c5a3f10"])]


class Contested(Contest):
    """A contested result; whose it is, only an analyst can look up, by the id in their lists."""

    view_id: str | None


class ContestList(Answer):
    """All contested results, the open ones first."""

    counts: dict[str, int] = Field(description="How many there are in each state.")
    contests: list[Contested]


class OutcomeWish(BaseModel):
    """What came of looking into it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answer: Outcome = Field(description="corrected: a fault was mended, the next scan shows it; upheld: none was found.")


@router.get("", operation_id="list_contests")
def list_contests(ws: Place, viewer: Answerer) -> ContestList:
    """Contested results and how many are open."""
    return ContestList.model_validate(contests.read_contests(ws, viewer))


@router.post("/{contest_id}/answer", operation_id="answer_contest")
def answer_contest(ws: Place, viewer: Answerer, contest_id: ContestId, wish: OutcomeWish) -> Contested:
    """Answer one; of several answers at one moment exactly one counts."""
    return Contested.model_validate(contests.answer_contest(ws, viewer, contest_id, wish.answer))
