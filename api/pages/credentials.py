"""Pages of credentials: the steps of the holder on their own page, and the list of a steward who signs."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from api.access import Place
from api.credentials import CREDENTIAL_WORDS, Id, Signer
from api.me import Own, OwnScan
from api.rendering import render
from pipelines.growth import credentials
from pipelines.growth.credential_forms import Claims
from pipelines.growth.credentials import Why

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.post("/me/credentials")
def ask_route(
    ws: Place, scan: OwnScan, viewer: Own, understood: Annotated[bool, Form()] = False, by_mail: Annotated[bool, Form()] = False
) -> Response:
    """Ask for a credential."""
    credentials.ask(ws, scan, viewer, understood=understood, by_mail=by_mail)
    return _back()


@router.post("/me/credentials/{credential_id}")
def step_route(ws: Place, viewer: Own, credential_id: Id, step: Annotated[Literal["withdraw", "revoke"], Form()]) -> Response:
    """Take a request back, or have a credential revoked."""
    if step == "withdraw":
        credentials.withdraw(ws, viewer, credential_id)
    else:
        credentials.revoke(ws, viewer, credential_id)
    return _back()


@router.get("/recognitions")
def waiting_page(request: Request, ws: Place, viewer: Signer) -> Response:
    """Show what waits for a signature."""
    return _page(request, credentials.waiting(ws, viewer), ws.settings.credentials)


@router.post("/recognitions/{credential_id}")
def decide_route(
    request: Request, ws: Place, viewer: Signer, credential_id: Id, sign: Annotated[bool, Form()], why: Annotated[Why, Form()] = "other"
) -> Response:
    """Sign or decline; in a dry run show what would be signed."""
    preview = None
    if sign:
        preview = credentials.sign(ws, viewer, credential_id)
    else:
        credentials.decline(ws, viewer, credential_id, why)
    if preview is None:
        return RedirectResponse("/recognitions", status_code=303)
    return _page(request, credentials.waiting(ws, viewer), ws.settings.credentials, preview)


def _page(request: Request, waiting: tuple[credentials.Waiting, ...], mode: str, preview: Claims | None = None) -> Response:
    shown = {"waiting": waiting, "mode": mode, "preview": preview, "credential_words": CREDENTIAL_WORDS}
    return render(request, "recognitions.html", None, **shown)


def _back() -> Response:
    return RedirectResponse("/me#credentials", status_code=303)
