"""Ways in: the company's identity provider, an invitation, the role that a viewer acts in, and as whom the local operator looks."""

import logging
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from api.access import Place, Shelf, WordReader
from api.auth import BACK_CHANNEL, attempts_of, cookie_name, set_session
from api.guests import Guests
from api.paths import own_path
from api.rendering import render
from ona.errors import NotFoundError, SignInRefusedError, TryLaterError
from pipelines import sign_in, viewers
from pipelines.access import ReadableScan
from pipelines.access.acting import leader_of, person_behind
from pipelines.access.rights import Role
from pipelines.access.sessions import end_session, switch_role, view_as
from pipelines.provider import Provider
from pipelines.settings import Settings
from pipelines.sign_in import SIGN_IN_LIFE, Reply

router = APIRouter(include_in_schema=False)

log = logging.getLogger(__name__)

CALLBACK = "/sign-in/callback"
LONGEST_ID = 64
LONGEST_REPLY = 4096

Next = Annotated[str, Query(alias="next")]
Said = Annotated[str, Query(max_length=LONGEST_REPLY)]


def provider_of(settings: Settings) -> Provider | None:
    """Return the identity provider of the settings, None where one person works alone."""
    return Provider(settings.sign_in, f"{settings.public_url}{CALLBACK}") if settings.sign_in else None


@router.get("/sign-in")
def sign_in_page(request: Request, after: Next = "/") -> Response:
    """Say how to come in."""
    return render(request, "sign_in.html", None, company=request.state.company, after=own_path(after), invitation=None)


@router.get("/sign-in/invited/{invitation}")
def invited_page(request: Request, ws: Place, invitation: str) -> Response:
    """Ask before an invitation is used: previews and scanners only look."""
    attempts = attempts_of(request)
    attempts.check()
    if not viewers.is_invited(ws, invitation):
        attempts.fail()
        raise SignInRefusedError("This invitation was used before, is too old, or never existed. Ask for a new one.")
    return render(request, "sign_in.html", None, company=request.state.company, after="/", invitation=invitation)


@router.get("/sign-in/start")
def start_route(
    request: Request,
    ws: Place,
    after: Next = "/",
    invitation: Annotated[str | None, Query(max_length=LONGEST_ID)] = None,
    again: Annotated[bool, Query(description="Ask for the password though the provider knows who it is.")] = False,
) -> Response:
    """Send the browser to the identity provider, with a secret that only it can bring back."""
    provider = _provider(request)
    attempts_of(request).check()
    begun = sign_in.begin(ws, provider, own_path(after), invitation, again=again)
    answer = RedirectResponse(begun.address, status_code=303)
    name, secure = _secret_name(request), ws.settings.public_url.startswith("https:")
    life = int(SIGN_IN_LIFE.total_seconds())
    answer.set_cookie(name, begun.secret, max_age=life, path="/", secure=secure, httponly=True, samesite="lax")
    return answer


@router.get(CALLBACK)
def callback_route(request: Request, ws: Place, state: Said = "", code: Said = "", iss: Said | None = None) -> Response:
    """Take the provider's reply for a session; whatever is wrong with it, the answer is the same."""
    provider, attempts = _provider(request), attempts_of(request)
    attempts.check()
    name = _secret_name(request)
    try:
        arrived = sign_in.finish(ws, provider, Reply(request.cookies.get(name, ""), state, code, iss))
    except SignInRefusedError:
        attempts.fail()
        raise
    attempts.clear()
    before = request.cookies.get(cookie_name(ws.settings), "")  # whoever was signed in on this browser is not any more
    end_session(ws, before)
    guests: Guests = request.app.state.guests
    guests.forget(before)
    answer = RedirectResponse(own_path(arrived.path), status_code=303)
    answer.delete_cookie(name, path="/", secure=ws.settings.public_url.startswith("https:"), httponly=True, samesite="lax")
    set_session(request, answer, arrived.session)
    return answer


@router.post(BACK_CHANNEL)
async def back_channel_route(request: Request, ws: Place) -> Response:
    """End the sessions that the identity provider's own server says are over (OpenID Connect Back-Channel Logout 1.0)."""
    provider = _provider(request)
    token = (await request.form()).get("logout_token")
    guests: Guests = request.app.state.guests
    try:
        ended = await run_in_threadpool(_ended, ws, provider, request, str(token or ""))
    except (SignInRefusedError, TryLaterError) as error:
        log.warning("a logout of the identity provider was not carried out: %s", type(error).__name__)
        return Response(status_code=400 if isinstance(error, SignInRefusedError) else 503, headers={"Cache-Control": "no-store"})
    if ended:
        guests.forget_all()
    return Response(status_code=200, headers={"Cache-Control": "no-store"})


@router.post("/role")
def role_route(
    request: Request, ws: Place, viewer: WordReader, role: Annotated[Role, Form()], after: Annotated[str, Form(alias="next")] = "/"
) -> Response:
    """Go on in another role that the viewer holds."""
    del viewer
    session = switch_role(ws, _session(request), role)
    answer = RedirectResponse(own_path(after), status_code=303)
    set_session(request, answer, session)
    return answer


@router.post("/view-as")
def view_as_route(
    request: Request,
    ws: Place,
    viewer: WordReader,
    role: Annotated[Role | None, Form()] = None,
    person: Annotated[str | None, Form(max_length=LONGEST_ID)] = None,
    team: Annotated[int | None, Form(ge=0, le=2**31)] = None,
) -> Response:
    """Look as a role, as a person (by view id) or as whoever leads a team; without a role, as oneself again."""
    del viewer
    shelf: Shelf = request.app.state.shelf
    whom = _whom(ws, shelf.take("latest"), person, team) if role and (person or team is not None) else None
    view_as(ws, _session(request), role, whom)
    return RedirectResponse("/", status_code=303)


def _whom(ws: Place, scan: ReadableScan, person: str | None, team: int | None) -> int | None:
    if person:
        return person_behind(ws, scan, person)
    return None if team is None else leader_of(ws, scan, team)


def _session(request: Request) -> str:
    """Session of this request, which is looked up anew from now on."""
    guests: Guests = request.app.state.guests
    session = str(request.state.session or "")
    guests.forget(session)
    return session


def _provider(request: Request) -> Provider:
    provider: Provider | None = request.app.state.provider
    if provider is None:
        raise NotFoundError("Nobody signs in here: the service is used by one person on its own machine. It prints a link: ona serve")
    return provider


def _ended(ws: Place, provider: Provider, request: Request, token: str) -> int:
    attempts_of(request).check()
    return sign_in.log_out(ws, provider, token)


def _secret_name(request: Request) -> str:
    """Name of the cookie that holds a begun sign-in."""
    return cookie_name(request.app.state.ws.settings).replace("session", "sign_in")
