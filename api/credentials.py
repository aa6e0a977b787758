"""Credentials: asked for, taken along and revoked by their holder, signed by a steward, checked by everybody without signing in."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api.access import Place, may
from api.me import Own, OwnScan
from api.models import Answer
from api.rendering import render
from ona.errors import NotFoundError
from pipelines.access import ReadableScan, Viewer
from pipelines.access.rights import Right
from pipelines.growth import credential_forms, credentials, issuer
from pipelines.growth.credentials import Why
from pipelines.phrases import Phrase, say
from pipelines.storage.workspace import Workspace

router = APIRouter(prefix="/api/v1", tags=["credentials"])
public = APIRouter(include_in_schema=False)
"""What verifiers read; it holds nothing about anybody."""

Signer = Annotated[Viewer, Depends(may(Right.APPROVE))]
Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$", examples=["0f3c9a7d5b1e4c2f8a6d0b9e7c5a3f10"])]

TOKEN = "application/vc+jwt"
EVERYWHERE = {"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=300"}
"""Verifiers may run in a browser; what they read is public and changes seldom."""


CREDENTIAL_WORDS: dict[str, dict[str, Phrase]] = {
    "conditions": {
        "traces": say("The traces support it."),
        "peers": say("At least three colleagues named the person when they were asked."),
        "agree": say("Two sources say so, and none contradicts."),
        "strong": say("The evidence is strong."),
        "steady": say("It held when weeks were drawn anew, in two scans."),
    },
    "states": {
        "asked": say("waits for a signature"),
        "declined": say("not signed"),
        "signed": say("valid"),
        "revoked": say("revoked"),
        "expired": say("expired"),
    },
    "why": {
        "evidence": say("The evidence is too thin or contested."),
        "agreement": say("The works agreement does not cover it."),
        "other": say("Another reason."),
    },
}
"""Conditions, states and reasons in words."""


class Conditions(Answer):
    """What has to hold; told to the person, and to whoever signs without their name."""

    quarter: str
    traces: bool = Field(description="The traces support it.")
    peers: bool = Field(description="At least three colleagues named the person in a survey.")
    agree: bool = Field(description="Two sources support it and none contradicts.")
    strong: bool = Field(description="The evidence is strong.")
    steady: bool = Field(description="It holds over resampled weeks in two scans.")
    met: bool = Field(description="All of them hold.")


class Credential(Answer):
    """One credential as its holder sees it."""

    id: str
    quarter: str
    state: str = Field(description="asked, declined, signed, revoked or expired.")
    by_mail: bool = Field(description="Whether the holder's address stands in it, as a salted hash.")
    created: datetime
    valid_until: datetime | None
    ended: datetime | None = Field(description="When it was revoked.")
    why: str | None = Field(description="Why it was declined: evidence, agreement or other.")


class OwnCredentials(Answer):
    """What the viewer is offered, and what they asked for."""

    mode: str = Field(description="on, or dry-run: nothing is signed.")
    agreed: bool = Field(description="Whether the viewer agreed to be offered one.")
    conditions: Conditions | None
    may_ask: bool
    credentials: list[Credential]


class CredentialWish(BaseModel):
    """A request for an own credential."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    understood: Literal[True] = Field(description="Copies that were given away cannot be called back.")
    by_mail: bool = Field(False, description="Put the own address into it, as a salted hash; otherwise it holds a name that leads nowhere.")


class WaitingCredential(Answer):
    """A request as a steward sees it, without a name."""

    id: str
    quarter: str
    created: datetime
    conditions: Conditions
    mine: bool


class WaitingList(Answer):
    """What waits for a signature."""

    waiting: list[WaitingCredential]


class DecisionWish(BaseModel):
    """What a steward decides."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sign: bool
    why: Why = Field("other", description="Reason not to sign.")


class Decision(Answer):
    """What came of it."""

    signed: bool
    preview: dict[str, Any] | None = Field(description="In a dry run: what would have been signed.")


@router.get("/me/credentials", operation_id="read_own_credentials")
def read_own_credentials(ws: Place, scan: OwnScan, viewer: Own) -> OwnCredentials:
    """Return what the viewer is offered, and the credentials that they asked for."""
    return OwnCredentials.model_validate(credentials.own_credentials(ws, scan, viewer))


@router.post("/me/credentials", operation_id="ask_credential", status_code=201)
def ask_credential(ws: Place, scan: OwnScan, viewer: Own, wish: CredentialWish) -> Credential:
    """Ask for a credential about what colleagues recognised."""
    return Credential.model_validate(credentials.ask(ws, scan, viewer, understood=wish.understood, by_mail=wish.by_mail))


@router.delete("/me/credentials/{credential_id}", operation_id="withdraw_credential", status_code=204)
def withdraw_credential(ws: Place, viewer: Own, credential_id: Id) -> None:
    """Take a request back; nothing of it is left."""
    credentials.withdraw(ws, viewer, credential_id)


@router.post("/me/credentials/{credential_id}/revocation", operation_id="revoke_credential")
def revoke_credential(ws: Place, viewer: Own, credential_id: Id) -> Credential:
    """Revoke an own credential, at any time and without a reason."""
    return Credential.model_validate(credentials.revoke(ws, viewer, credential_id))


@router.get(
    "/me/credentials/{credential_id}/token",
    operation_id="download_credential",
    response_class=Response,
    responses={200: {"description": "The signed credential (VC-JWT).", "content": {TOKEN: {"schema": {"type": "string"}}}}},
)
def download_credential(ws: Place, viewer: Own, credential_id: Id) -> Response:
    """Take an own credential along as it was signed; it is posted nowhere."""
    headers = {"Content-Disposition": 'attachment; filename="go-to-helper.jwt"', "Cache-Control": "no-store"}
    return Response(credentials.token(ws, viewer, credential_id), media_type=TOKEN, headers=headers)


@router.get("/recognitions", operation_id="list_waiting_credentials")
def list_waiting(ws: Place, viewer: Signer) -> WaitingList:
    """Return the requests that wait for a signature, without any name."""
    return WaitingList(waiting=[WaitingCredential.model_validate(one) for one in credentials.waiting(ws, viewer)])


@router.post("/recognitions/{credential_id}", operation_id="decide_credential")
def decide_credential(ws: Place, viewer: Signer, credential_id: Id, wish: DecisionWish) -> Decision:
    """Sign or decline; only the person is told."""
    if not wish.sign:
        credentials.decline(ws, viewer, credential_id, wish.why)
        return Decision(signed=False, preview=None)
    preview = credentials.sign(ws, viewer, credential_id)
    return Decision(signed=preview is None, preview=preview)


@public.get("/.well-known/did.json")
def did_document(ws: Place) -> Response:
    """Return the public keys that credentials are signed with."""
    return JSONResponse(issuer.load(ws.settings).document(), headers=EVERYWHERE)


@public.get("/credentials/status/1")
def status_list(ws: Place) -> Response:
    """Return the signed list of what is no longer valid."""
    return Response(credentials.status_list(ws), media_type=TOKEN, headers=EVERYWHERE)


@public.get("/credentials/go-to-helper/1")
def criteria(request: Request, ws: Place) -> Response:
    """Say what the credential means: as a page for people, as JSON for programs."""
    if not issuer.is_there(ws.settings):
        raise NotFoundError("No credentials are given here.")
    if "text/html" not in request.headers.get("accept", ""):
        return JSONResponse(credential_forms.achievement(ws), headers=EVERYWHERE | {"Vary": "Accept"})
    answer = render(request, "credential_criteria.html", None, achievement=credential_forms.achievement(ws))
    answer.headers["Vary"] = "Accept"
    return answer


def shown_credentials(ws: Workspace, scan: ReadableScan | None, viewer: Viewer) -> credentials.Own | None:
    """Return what the part of the own page shows; None where no credentials are given."""
    return None if ws.settings.credentials == "off" else credentials.own_credentials(ws, scan, viewer)
