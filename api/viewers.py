"""Who may come in, for administrators, and the roles that the privacy steward approves; nobody is named here."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from api.access import Place, may
from api.guests import Guests
from api.models import Answer
from pipelines.access import Viewer
from pipelines.access.rights import Right, Role
from pipelines.entrance import viewers
from pipelines.entrance.viewers import Wish

router = APIRouter(prefix="/api/v1", tags=["viewers"])

Administrator = Annotated[Viewer, Depends(may(Right.ADMINISTER))]
"""Somebody who administers the service, and reads nothing about anybody."""

Signer = Annotated[Viewer, Depends(may(Right.APPROVE))]
"""Somebody who may give the second signature."""

VIEWER_ID = "^v[0-9a-f]{16}$"
PathViewer = Annotated[str, Path(pattern=VIEWER_ID, examples=["v0f3c9a7d5b1e4c2f"])]
GrantId = Annotated[int, Path(ge=1, le=2**31 - 1)]


class ListedViewer(Answer):
    """Somebody who signed in at least once."""

    id: str
    state: str = Field(description="active or disabled.")
    roles: tuple[Role, ...]
    has_person: bool = Field(description="Whether the directory knows who they are.")
    seen: datetime = Field(description="Last sign-in, UTC.")


class ListedGrant(Answer):
    """A role that was asked for or given."""

    id: int
    viewer: str
    role: Role
    start: date
    end: date | None = Field(description="First day without it.")
    acting: bool = Field(description="Whether it stands in for another manager.")
    state: str = Field(description="requested, active, declined or revoked.")
    requested_by: str


class GrantWish(BaseModel):
    """Which role somebody should get."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    viewer: str = Field(pattern=VIEWER_ID)
    role: Role
    start: date | None = Field(default=None, description="First day; default: today.")
    end: date | None = Field(default=None, description="First day without it; an acting manager's grant needs one.")
    stands_for: str | None = Field(default=None, pattern=VIEWER_ID, description="Manager whom an acting manager stands in for.")

    def wish(self) -> Wish:
        """Return it as the flow takes it."""
        return Wish(self.viewer, self.role, self.start, self.end, self.stands_for)


class GrantDecision(BaseModel):
    """The second signature, or its refusal."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    approve: bool


class ViewerState(BaseModel):
    """Whether somebody is kept out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    disabled: bool


@router.get("/viewers", operation_id="list_viewers")
def list_viewers(ws: Place, viewer: Administrator) -> list[ListedViewer]:
    """List who has signed in, with the roles they hold today."""
    del viewer
    return [ListedViewer.model_validate(one) for one in viewers.list_viewers(ws)]


@router.put("/viewers/{viewer_id}/state", operation_id="set_viewer_state", status_code=204)
def set_viewer_state(request: Request, ws: Place, viewer: Administrator, viewer_id: PathViewer, state: ViewerState) -> None:
    """Keep somebody out, or let them in again; their sessions and tokens end at once."""
    viewers.disable(ws, viewer.subject, viewer_id, disabled=state.disabled)
    _ask_anew(request)


@router.get("/grants", operation_id="list_grants")
def list_grants(ws: Place, viewer: Administrator) -> list[ListedGrant]:
    """List every role that was asked for, the newest first."""
    del viewer
    return [ListedGrant.model_validate(one) for one in viewers.list_grants(ws)]


@router.post("/grants", operation_id="ask_grant", status_code=201)
def ask_grant(ws: Place, viewer: Administrator, wish: GrantWish) -> ListedGrant:
    """Ask that somebody else gets a role; the privacy steward decides."""
    return ListedGrant.model_validate(viewers.ask_grant(ws, viewer.subject, wish.wish()))


@router.get("/grants/inbox", operation_id="list_grants_to_decide")
def list_grants_to_decide(ws: Place, viewer: Signer) -> list[ListedGrant]:
    """List the roles that wait for a decision."""
    del viewer
    return [ListedGrant.model_validate(one) for one in viewers.list_grants(ws) if one.state == viewers.REQUESTED]


@router.post("/grants/{grant_id}/decision", operation_id="decide_grant")
def decide_grant(request: Request, ws: Place, viewer: Signer, grant_id: GrantId, decision: GrantDecision) -> ListedGrant:
    """Approve or decline a role that somebody else asked for; of several at one moment exactly one counts."""
    decided = viewers.decide_grant(ws, viewer.subject, grant_id, approve=decision.approve)
    _ask_anew(request)
    return ListedGrant.model_validate(decided)


@router.delete("/grants/{grant_id}", operation_id="revoke_grant")
def revoke_grant(request: Request, ws: Place, viewer: Administrator, grant_id: GrantId) -> ListedGrant:
    """Take a granted role back, at once."""
    revoked = viewers.revoke_grant(ws, viewer.subject, grant_id)
    _ask_anew(request)
    return ListedGrant.model_validate(revoked)


def _ask_anew(request: Request) -> None:
    guests: Guests = request.app.state.guests
    guests.forget_all()
