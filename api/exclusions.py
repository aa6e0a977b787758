"""Pairs that are never matched: HR's own list, by work address or by label."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from api.access import Pairer, Place, QueryScan
from api.models import Answer
from pipelines.growth import exclusions

router = APIRouter(prefix="/api/v1/mentoring/exclusions", tags=["mentoring"])

Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$", examples=["0f3c9a7d5b1e4c2f8a6d0b9e7c5a3f10"])]
End = Annotated[
    str,
    Field(min_length=4, max_length=254, description="Work address, or a label or id as the board shows it.", examples=["ada@acme.example"]),
]


class ExclusionWish(BaseModel):
    """Two people who are never to be paired."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first: End
    second: End


class Exclusion(Answer):
    """One pair on the list."""

    id: str
    first: str | None = Field(description="Name or label as everywhere, or the address for whoever wrote it; null: not shown by name.")
    second: str | None
    at: datetime
    set_by: str = Field(description="Id of the viewer who put it on the list.")
    mine: bool


class ExclusionList(Answer):
    """The list, the newest first."""

    scan_id: str
    pairs: list[Exclusion]


@router.get("", operation_id="list_exclusions")
def list_exclusions(ws: Place, scan: QueryScan, viewer: Pairer) -> ExclusionList:
    """Return the pairs that are never matched, with who put each on the list."""
    return ExclusionList.model_validate({"scan_id": scan.id, "pairs": exclusions.listed(ws, viewer, scan)})


@router.post("", operation_id="exclude_pair", status_code=201)
def exclude_pair(ws: Place, scan: QueryScan, viewer: Pairer, wish: ExclusionWish) -> Exclusion:
    """Never pair two people, in any programme; noted in the audit log."""
    made = exclusions.exclude(ws, viewer, scan, (wish.first, wish.second))
    return Exclusion.model_validate(next(one for one in exclusions.listed(ws, viewer, scan) if one.id == made))


@router.delete("/{exclusion_id}", operation_id="allow_pair", status_code=204)
def allow_pair(ws: Place, viewer: Pairer, exclusion_id: Id) -> None:
    """Take a pair off the list; noted in the audit log."""
    exclusions.allow(ws, viewer, exclusion_id)
