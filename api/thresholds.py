"""The minimum group that holds, and the privacy steward's signature for a lower one that the settings ask for."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from api.access import Place, may
from api.models import Answer
from pipelines import publishing, thresholds
from pipelines.access import Viewer
from pipelines.access.rights import Right
from pipelines.settings import MINIMUM_GROUP

router = APIRouter(prefix="/api/v1/minimum-group", tags=["viewers"])

Signer = Annotated[Viewer, Depends(may(Right.APPROVE))]
"""Somebody who may give the second signature."""

Number = Annotated[int, Field(ge=MINIMUM_GROUP, le=1_000, description="Fewest people of a group that is shown.")]


class MinimumGroup(Answer):
    """What holds, and what the settings ask for."""

    holds: int
    wanted: int = Field(description="What the settings say; where it is less than what holds, it waits for a signature.")
    waits: bool


class Lowering(BaseModel):
    """The number that is signed for: the one that the settings ask for."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    minimum_group: Number


@router.get("", operation_id="read_minimum_group")
def read_minimum_group(ws: Place, viewer: Signer) -> MinimumGroup:
    """Return the minimum group that holds, and what the settings ask for."""
    del viewer
    return MinimumGroup.model_validate(thresholds.minimum(ws))


@router.post("", operation_id="lower_minimum_group")
def lower_minimum_group(ws: Place, viewer: Signer, asked: Lowering) -> MinimumGroup:
    """Sign that the lower number of the settings holds from now on; scans and releases made before keep theirs."""
    publishing.lower_minimum(ws, viewer, asked.minimum_group)
    return MinimumGroup.model_validate(thresholds.minimum(ws))
