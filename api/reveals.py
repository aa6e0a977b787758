"""Break-glass: HR asks whose record it is, a steward signs, and the name can be read for a day by whoever asked."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.access import Place, QueryScan, may
from api.models import Answer
from pipelines.access import Viewer
from pipelines.access.rights import Right
from pipelines.purposes import Purpose
from pipelines.rights import reveals
from pipelines.rights.reveals import LONGEST_REASON, SHORTEST_REASON

router = APIRouter(prefix="/api/v1/reveals", tags=["reveals"])

Requester = Annotated[Viewer, Depends(may(Right.REQUEST_REVEAL))]
"""Somebody who may ask for a name."""

Signer = Annotated[Viewer, Depends(may(Right.APPROVE))]
"""Somebody who may give the second signature."""

RevealId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", examples=["0f3c9a7d5b1e4c2f8a6d0b9e7c5a3f10"])]
ViewId = Annotated[str, Field(pattern="^[0-9A-Fa-f]{16}$", description="Id of the person in this scan for your role.")]
Reason = Annotated[str, Field(min_length=SHORTEST_REASON, max_length=LONGEST_REASON), AfterValidator(reveals.plain_reason)]


class RevealWish(BaseModel):
    """Whose name is asked for, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    person: ViewId
    purpose: Purpose
    reason: Reason = Field(description="What the name is needed for; the steward reads it.")


class Decision(BaseModel):
    """The second signature, or its refusal."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    approve: bool


class Reveal(Answer):
    """A request for a name, without the name."""

    id: str
    scan_id: str
    view_id: str | None = Field(description="For whoever asked alone.")
    purpose: str
    reason: str
    state: str = Field(description="pending, approved, declined or expired.")
    created: datetime
    expires: datetime = Field(description="Of the request; once approved, of the name.")
    mine: bool


class Name(Answer):
    """A name given out."""

    id: str
    name: str
    until: datetime


@router.post("", operation_id="request_reveal", status_code=201)
def request_reveal(ws: Place, viewer: Requester, scan: QueryScan, wish: RevealWish) -> Reveal:
    """Ask to be told whose id it is, within five minutes of signing in."""
    return Reveal.model_validate(reveals.request(ws, viewer, scan, wish.person, wish.purpose, wish.reason))


@router.get("", operation_id="list_own_reveals")
def list_own_reveals(ws: Place, viewer: Requester) -> list[Reveal]:
    """List what the viewer asked for, the newest first."""
    return [Reveal.model_validate(one) for one in reveals.asked(ws, viewer)]


@router.get("/inbox", operation_id="list_reveals_to_sign")
def list_reveals_to_sign(ws: Place, viewer: Signer) -> list[Reveal]:
    """List what waits for a signature, and what was decided."""
    return [Reveal.model_validate(one) for one in reveals.inbox(ws, viewer)]


@router.post("/{reveal_id}/approval", operation_id="decide_reveal")
def decide_reveal(ws: Place, viewer: Signer, reveal_id: RevealId, decision: Decision) -> Reveal:
    """Sign or decline; of several at one moment exactly one counts."""
    return Reveal.model_validate(reveals.decide(ws, viewer, reveal_id, decision.approve))


@router.get("/{reveal_id}/name", operation_id="read_revealed_name")
def read_revealed_name(ws: Place, viewer: Requester, reveal_id: RevealId) -> Name:
    """Read the name, once approved and for a day; the log has it first."""
    return Name.model_validate(reveals.read_name(ws, viewer, reveal_id))
