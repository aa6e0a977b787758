"""Pages about who may come in: viewers, roles and everybody's tokens for administrators, and one's own way in for everybody."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, Field, field_validator

from api.access import Place, WordReader
from api.guests import Guests
from api.rendering import render
from api.tokens import TokenId, own_hands
from api.viewers import VIEWER_ID, Administrator, GrantId, PathViewer, Signer
from pipelines.access import Viewer
from pipelines.access.rights import Right, Role
from pipelines.entrance import tokens, viewers
from pipelines.entrance.tokens import LONGEST, Scope, Token
from pipelines.entrance.viewers import Wish
from pipelines.phrases import Phrase, say

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

RIGHTS: Mapping[Right, Phrase] = {
    Right.READ_WORDS: say("read help, glossary and notice"),
    Right.OWN_RECORD: say("read and change the own record"),
    Right.SEE_GROUPS: say("read groups and figures of the company"),
    Right.SEE_NAMED: say("read people who agreed to be named"),
    Right.SEE_SCORES: say("read one person's numbers by id"),
    Right.RANK: say("sort people by a score"),
    Right.SEE_QUALITY: say("read data quality and jobs"),
    Right.RUN: say("start pulls and scans"),
    Right.PUBLISH: say("publish and preview scans"),
    Right.SUGGEST_NEED: say("suggest what somebody should learn"),
    Right.ASSESS_NEEDS: say("list and weigh what people should learn"),
    Right.PAIR: say("pair mentors with mentees"),
    Right.COUNT_PAIRS: say("count pairs"),
    Right.REQUEST_EXPORT: say("ask for files about single people"),
    Right.ANSWER_CONTEST: say("answer contested results"),
    Right.COUNT_AUDIT: say("count entries of the audit log"),
    Right.READ_AUDIT: say("read the audit log"),
}
"""What a token may be good for; what takes a person in front of a page is not among them."""

GRANT_STATES: Mapping[str, Phrase] = {
    "requested": say("waits for a signature"),
    "active": say("active"),
    "declined": say("declined"),
    "revoked": say("taken back"),
}

GRANT_LOOKS: Mapping[str, str] = {"requested": "queued", "active": "live", "declined": "failed", "revoked": "ended"}


class GrantForm(BaseModel):
    """The form that asks for a role."""

    viewer: str = Field(pattern=VIEWER_ID)
    role: Role
    start: date | None = None
    end: date | None = None
    stands_for: str | None = Field(None, pattern=VIEWER_ID)

    @field_validator("start", "end", "stands_for", mode="before")
    @classmethod
    def _nothing_chosen(cls, value: object) -> object:
        """Read what a form sends when nothing is chosen."""
        return None if value == "" else value


class TokenForm(BaseModel):
    """The form that makes a token."""

    right: list[Right] = Field([], max_length=len(Right))
    days: int = Field(LONGEST.days, ge=1, le=LONGEST.days)


def grant_words() -> dict[str, object]:
    """Return what the pages of those who ask and those who sign say of roles."""
    return {"grant_states": GRANT_STATES, "grant_looks": GRANT_LOOKS}


@router.get("/viewers")
def viewers_page(request: Request, ws: Place, viewer: Administrator) -> Response:
    """Show who has signed in, which roles were asked for, and whose tokens there are; nobody is named."""
    found, today = viewers.list_viewers(ws), ws.now().date()
    shown = {
        "viewers": found,
        "grants": viewers.list_grants(ws),
        "tokens": tokens.list_tokens(ws),
        "own": viewer.subject,
        "missing": [role for role in viewers.FIRST_ROLES if not any(role in one.roles for one in found)],
        "today": today,
        "now": ws.now(),
    }
    return render(request, "viewers.html", None, **shown, told=grant_words())


@router.post("/viewers/grants")
def ask_grant_route(ws: Place, viewer: Administrator, wish: Annotated[GrantForm, Form()]) -> Response:
    """Ask that somebody gets a role; the privacy steward decides."""
    viewers.ask_grant(ws, viewer.subject, Wish(wish.viewer, wish.role, wish.start, wish.end, wish.stands_for))
    return RedirectResponse("/viewers#roles", status_code=303)


@router.post("/viewers/grants/{grant_id}/revocation")
def revoke_grant_route(request: Request, ws: Place, viewer: Administrator, grant_id: GrantId) -> Response:
    """Take a role back at once."""
    viewers.revoke_grant(ws, viewer.subject, grant_id)
    return _changed(request, "/viewers#roles")


@router.post("/viewers/{viewer_id}/state")
def viewer_state_route(
    request: Request, ws: Place, viewer: Administrator, viewer_id: PathViewer, disabled: Annotated[bool, Form()]
) -> Response:
    """Keep somebody out, or let them in again."""
    viewers.disable(ws, viewer.subject, viewer_id, disabled=disabled)
    return _changed(request, "/viewers#viewers")


@router.post("/viewers/tokens/{token_id}/revocation")
def revoke_token_route(request: Request, ws: Place, viewer: Administrator, token_id: TokenId) -> Response:
    """Make anybody's token worthless."""
    tokens.revoke(ws, viewer.subject, token_id)
    return _changed(request, "/viewers#tokens")


@router.post("/signatures/grants/{grant_id}")
def sign_grant_route(request: Request, ws: Place, viewer: Signer, grant_id: GrantId, approve: Annotated[bool, Form()]) -> Response:
    """Sign for a role, or decline."""
    viewers.decide_grant(ws, viewer.subject, grant_id, approve=approve)
    return _changed(request, "/signatures#roles")


@router.get("/account")
def account_page(request: Request, ws: Place, viewer: WordReader) -> Response:
    """Show one's own way in: id, roles and tokens."""
    return _account(request, ws, viewer)


@router.post("/account/tokens")
def make_token_route(request: Request, ws: Place, viewer: WordReader, wish: Annotated[TokenForm, Form()]) -> Response:
    """Make a token for the role that the viewer acts in, and show it this once."""
    own_hands(viewer)
    made, token = tokens.new_token(ws, viewer.subject, Scope(viewer.role, wish.right, wish.days))
    return _account(request, ws, viewer, made=made, token=token)


@router.post("/account/tokens/{token_id}/revocation")
def revoke_own_token_route(request: Request, ws: Place, viewer: WordReader, token_id: TokenId) -> Response:
    """Make one of the viewer's own tokens worthless."""
    tokens.revoke(ws, viewer.subject, token_id, owner=viewer.subject)
    return _changed(request, "/account#tokens")


def _account(request: Request, ws: Place, viewer: Viewer, *, made: Token | None = None, token: str = "") -> Response:
    shown = {
        "tokens": () if viewer.acting else tokens.list_tokens(ws, viewer.subject),
        "able": [(right, RIGHTS[right]) for right in RIGHTS if right in tokens.able(ws, viewer.role)],
        "longest": LONGEST.days,
        "made": made,
        "token": token,
        "now": ws.now(),
    }
    return render(request, "account.html", None, **shown)


def _changed(request: Request, place: str) -> Response:
    """Ask the database anew about everybody, and go back."""
    guests: Guests = request.app.state.guests
    guests.forget_all()
    return RedirectResponse(place, status_code=303)
