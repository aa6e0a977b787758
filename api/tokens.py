"""API tokens: everybody makes and revokes their own; administrators see that there are some, and revoke any."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from api.access import Place, WordReader, may
from api.guests import Guests
from api.models import Answer
from ona.errors import ForbiddenError
from pipelines.access import Viewer
from pipelines.access.rights import Right, Role
from pipelines.entrance import tokens
from pipelines.entrance.tokens import LONGEST, Scope

router = APIRouter(prefix="/api/v1/tokens", tags=["tokens"])

Administrator = Annotated[Viewer, Depends(may(Right.ADMINISTER))]
"""Somebody who administers the service."""

TokenId = Annotated[str, Path(pattern="^t[0-9a-f]{12}$", examples=["t0f3c9a7d5b1e"])]


class ListedToken(Answer):
    """What is known of a token; never the token."""

    id: str
    viewer: str
    role: Role
    rights: tuple[Right, ...]
    created: datetime
    expires: datetime
    used: datetime | None = Field(description="Last use, to the minute.")
    revoked: datetime | None


class NewToken(ListedToken):
    """A token just made."""

    token: str = Field(description="Shown this once. Send it as `Authorization: Bearer …`, never in an address.")


class TokenWish(BaseModel):
    """What a token should be good for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Role = Field(description="One of the roles that you hold.")
    rights: tuple[Right, ...] = Field(
        default=(), max_length=len(Right), description="Some of the role's rights; none: all a token may have."
    )
    days: int = Field(default=LONGEST.days, ge=1, le=LONGEST.days)


@router.get("", operation_id="list_own_tokens")
def list_own_tokens(ws: Place, viewer: WordReader) -> list[ListedToken]:
    """List the viewer's own tokens."""
    return [ListedToken.model_validate(one) for one in tokens.list_tokens(ws, viewer.subject)]


@router.post("", operation_id="make_token", status_code=201)
def make_token(ws: Place, viewer: WordReader, wish: TokenWish) -> NewToken:
    """Make a token; a token cannot make another."""
    own_hands(viewer)
    made, token = tokens.new_token(ws, viewer.subject, Scope(wish.role, wish.rights, wish.days))
    return NewToken(**ListedToken.model_validate(made).model_dump(), token=token)


@router.delete("/{token_id}", operation_id="revoke_own_token", status_code=204)
def revoke_own_token(request: Request, ws: Place, viewer: WordReader, token_id: TokenId) -> None:
    """Make one of the viewer's own tokens worthless."""
    tokens.revoke(ws, viewer.subject, token_id, owner=viewer.subject)
    _ask_anew(request)


@router.get("/all", operation_id="list_all_tokens")
def list_all_tokens(ws: Place, viewer: Administrator) -> list[ListedToken]:
    """List everybody's tokens: whose, for what, until when, last used."""
    del viewer
    return [ListedToken.model_validate(one) for one in tokens.list_tokens(ws)]


@router.delete("/all/{token_id}", operation_id="revoke_any_token", status_code=204)
def revoke_any_token(request: Request, ws: Place, viewer: Administrator, token_id: TokenId) -> None:
    """Make anybody's token worthless."""
    tokens.revoke(ws, viewer.subject, token_id)
    _ask_anew(request)


def own_hands(viewer: Viewer) -> None:
    """Raise ForbiddenError for a token, and for whoever looks as somebody else."""
    if viewer.token is not None or viewer.acting:
        raise ForbiddenError("Tokens are made by somebody who is signed in as themself. Sign in on the page.")


def _ask_anew(request: Request) -> None:
    guests: Guests = request.app.state.guests
    guests.forget_all()
