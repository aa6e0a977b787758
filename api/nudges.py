"""Nudges: the viewer's own step of this quarter, and for analysts how a quarter went and what it changed."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from api.access import Place, QueryScan, Ranker, may
from api.models import Answer
from pipelines.access import Viewer
from pipelines.access.rights import Right
from pipelines.growth import nudges

router = APIRouter(prefix="/api/v1/nudges", tags=["nudges"])

Own = Annotated[Viewer, Depends(may(Right.OWN_RECORD))]
Runner = Annotated[Viewer, Depends(may(Right.RUN))]
Quarter = Annotated[str, Query(pattern=r"^20[0-9]{2}-Q[1-4]$", examples=["2026-Q3"])]


class SaidWish(BaseModel):
    """What the viewer says to the step."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    said: Literal["accepted", "not_now", "wrong"]


class Nudge(Answer):
    """One small step."""

    quarter: str
    kind: str = Field(description="course or shadowing.")
    skill: str
    title: str
    url: str | None
    minutes: int
    reason: str
    state: nudges.State


class OwnNudge(Answer):
    """The viewer's step of this quarter; null when there is none."""

    nudge: Nudge | None
    helper: str | None = Field(description="The colleague of an accepted hour, while both consents of theirs hold.")


class Effect(Answer):
    """Gap closed among those offered minus among those held out."""

    difference: float
    low: float
    high: float
    offered: int
    held_out: int
    told: bool = Field(description="Whether the 95 % interval leaves no doubt about the sign.")


class NudgeCounts(Answer):
    """How a quarter went; null under the minimum group."""

    quarter: str
    offered: int | None
    held_out: int | None
    accepted: int | None
    effect: Effect | None
    why_not: str | None


class Made(Answer):
    """How many steps were chosen, those held out among them."""

    chosen: int


@router.get("", operation_id="read_own_nudge")
def read_own(ws: Place, viewer: Own) -> OwnNudge:
    """Return the viewer's step of this quarter."""
    return OwnNudge.model_validate({"nudge": nudges.own_nudge(ws, viewer), "helper": nudges.helper_of(ws, viewer)})


@router.post("/answer", operation_id="answer_nudge")
def answer_nudge(ws: Place, viewer: Own, wish: SaidWish) -> Nudge:
    """Accept the step, put it off, or say that it is wrong; nobody else is told."""
    return Nudge.model_validate(nudges.answer(ws, viewer, wish.said))


@router.post("", operation_id="make_nudges", status_code=201)
def make(ws: Place, scan: QueryScan, viewer: Runner) -> Made:
    """Choose this quarter's step for everybody who agreed and has none yet."""
    return Made(chosen=nudges.make_nudges(ws, viewer, scan))


@router.get("/effect", operation_id="read_nudge_effect")
def read_effect(ws: Place, scan: QueryScan, viewer: Ranker, quarter: Quarter) -> NudgeCounts:
    """Tell how a quarter's steps went, and what they changed against those held out."""
    return NudgeCounts.model_validate(nudges.nudge_counts(ws, viewer, scan, quarter))
