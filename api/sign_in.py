"""Ways in: the company's identity provider, an invitation, the role that a viewer acts in, and as whom the local operator looks."""

import logging
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.access import Place, Shelf, WordReader
from api.auth import BACK_CHANNEL, attempts_of, cookie_name, set_session
from api.guests import Guests
from api.paths import own_path
from api.rendering import render
from ona.errors import NotFoundError, SettingsError, SignInRefusedError, TryLaterError
from pipelines.access import ReadableScan, Viewer
from pipelines.access.acting import leader_of, person_behind
from pipelines.access.policy import demand
from pipelines.access.rights import Right, Role
from pipelines.access.sessions import end_session, switch_role, view_as
from pipelines.entrance import sign_in, viewers
from pipelines.entrance.provider import Provider
from pipelines.entrance.sign_in import SIGN_IN_LIFE, Reply
from pipelines.settings import Settings, SignIn

router = APIRouter(include_in_schema=False)

log = logging.getLogger(__name__)

CALLBACK = "/sign-in/callback"
LONGEST_ID = 64
LONGEST_REPLY = 4096

Next = Annotated[str, Query(alias="next")]
Said = Annotated[str, Query(max_length=LONGEST_REPLY)]


class LookWish(BaseModel):
    """As whom somebody wants to look; nobody: as themself again."""

    role: Role | None = None
    person: Annotated[str | None, Field(max_length=LONGEST_ID)] = None
    team: Annotated[int | None, Field(ge=0, le=2**31)] = None
    scan: Annotated[str, Field(max_length=LONGEST_ID)] = "latest"


def provider_of(settings: Settings) -> Provider | None:
    """Return the identity provider of the settings, None where one person works alone."""
    if settings.sign_in is None:
        return None
    return _kind(settings.sign_in)(settings.sign_in, f"{settings.public_url}{CALLBACK}")


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
    before = request.cookies.get(cookie_name(ws.settings), "")
    begun = sign_in.begin(ws, provider, own_path(after), invitation, again=again, before=before)
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
    strict = is_strict(guests.look_up(arrived.session))
    path = own_path(arrived.path)
    answer = render(request, "arrived.html", None, after=path) if strict else RedirectResponse(path, status_code=303)
    answer.delete_cookie(name, path="/", secure=ws.settings.public_url.startswith("https:"), httponly=True, samesite="lax")
    set_session(request, answer, arrived.session, strict=strict)
    return answer


def is_strict(viewer: Viewer | None) -> bool:
    """Whether a viewer's session is kept from every request that another site begins: an administrator's is, whatever they act as.

    The provider's redirect is such a request, so they arrive on a page of ours, which then leads on.
    """
    return viewer is not None and Role.ADMIN in viewer.roles


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
    session = switch_role(ws, _session(request), role)
    answer = RedirectResponse(own_path(after), status_code=303)
    set_session(request, answer, session, strict=is_strict(viewer))
    return answer


@router.post("/view-as")
def view_as_route(request: Request, ws: Place, viewer: WordReader, wish: Annotated[LookWish, Form()]) -> Response:
    """Look as a role, as a person (by view id) or as whoever leads a team; without a role, as oneself again."""
    if wish.role and ws.settings.sign_in is not None:
        demand(ws, viewer, Right.PUBLISH)
    shelf: Shelf = request.app.state.shelf
    named = wish.person or wish.team is not None
    whom = _whom(ws, shelf.take(wish.scan), wish.person, wish.team) if wish.role and named else None
    view_as(ws, _session(request), wish.role, whom)
    ahead = wish.role and wish.scan != "latest"
    return RedirectResponse(f"/map?{urlencode({'scan': wish.scan})}" if ahead else "/", status_code=303)


def _kind(settings: SignIn) -> type[Provider]:
    if settings.provider == "openid":
        return Provider
    try:
        from pipelines.entrance.entra import Entra  # noqa: PLC0415 - Microsoft's library is an extra
    except ImportError:
        raise SettingsError("Sign-in with Entra ID needs msal. Install it: python -m pip install -r locks/service.txt") from None
    return Entra


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
