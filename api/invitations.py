"""Invite-to-reveal: HR asks somebody by id to show their name, and learns it only from a yes."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from api.access import Place, QueryScan, may
from api.models import Answer
from pipelines.access import Viewer
from pipelines.access.rights import Right
from pipelines.purposes import Purpose
from pipelines.rights import invitations

router = APIRouter(prefix="/api/v1/invitations", tags=["invitations"])

Inviter = Annotated[Viewer, Depends(may(Right.PAIR))]
"""Somebody who may pair mentors with mentees."""


class InvitationWish(BaseModel):
    """Who is invited, and what for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    person: str = Field(pattern="^[0-9A-Fa-f]{16}$", description="Id of the person in this scan for your role.")
    purpose: Purpose = Purpose.MENTORING


class SentInvitation(Answer):
    """An invitation as its sender sees it."""

    id: str
    scan_id: str
    view_id: str
    purpose: str
    created: datetime
    expires: datetime
    state: str = Field(description="no_answer, accepted or expired; a no looks like silence.")
    name: str | None = Field(description="Only after a yes.")


@router.post("", operation_id="send_invitation", status_code=201)
def send_invitation(ws: Place, viewer: Inviter, scan: QueryScan, wish: InvitationWish) -> SentInvitation:
    """Invite somebody of the mentor pool to show their name to you; asking twice is asking once."""
    return SentInvitation.model_validate(invitations.invite(ws, viewer, scan, wish.person, wish.purpose))


@router.get("", operation_id="list_sent_invitations")
def list_sent_invitations(ws: Place, viewer: Inviter) -> list[SentInvitation]:
    """List what the viewer sent, the newest first, with the names of those who said yes."""
    return [SentInvitation.model_validate(one) for one in invitations.sent(ws, viewer)]
