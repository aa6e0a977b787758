"""The gate before every route: host, origin, session and the headers that every answer carries."""

import hmac
import secrets
from typing import Literal
from urllib.parse import urlencode, urlsplit

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import bounds, problems
from api.guests import Guests
from api.limiter import Limiter
from api.problems import RefusedError
from ona.errors import TooManyError
from pipelines.access import Viewer
from pipelines.access.sessions import SESSION_LIFE, csrf_token
from pipelines.entrance.attempts import Attempts
from pipelines.entrance.tokens import token_viewer
from pipelines.settings import LOOPBACK, Settings
from pipelines.storage.workspace import Workspace

COOKIE = "ona_session"
PREFIX = "__Host-"
"""A browser takes a cookie of this prefix from this very host only, over an encrypted connection."""

CSRF_FIELD, CSRF_HEADER = "csrf_token", "X-CSRF-Token"

OPEN_PATHS = ("/healthz", "/readyz", "/metrics", "/sign-in", "/.well-known/did.json")
OPEN_FOLDERS = ("/static/", "/open/", "/sign-in/", "/credentials/")
"""All that an anonymous reader may ask for. Everything else needs a session, routes that do not exist included."""

INSIDE_PATHS = ("/healthz", "/readyz", "/metrics")
"""What the machines beside the service ask for by its loopback address, whatever its public one is."""

BACK_CHANNEL = "/sign-in/back-channel"
"""Where the identity provider's own server says that somebody signed out there."""

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

LOOKING_PATHS = ("/view-as", "/sign-out")
"""All that may be changed by whoever looks as somebody else: that they do."""

LOOKING = "You only look as somebody else. Nothing is changed in their name; go back to your own view first."

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
    "X-Frame-Options": "DENY",
}

PROTECTING = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
OURS = frozenset(name for name, _ in PROTECTING)
"""The same as the wire has them: they go with every answer, and no route says otherwise."""


class Gate:
    """Lets a request through to its route, or answers it with a problem."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before ``app``."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        request.state.request_id = secrets.token_hex(8)
        request.state.viewer = request.state.session = request.state.allowance = None
        request.state.company = _settings(request).sign_in is not None
        guarded = _with_headers(send, request)
        try:
            refusal = await self._refusal(request)
            await (refusal or self.app)(scope, bounds.counted(receive), guarded)
        except Exception as error:  # noqa: BLE001 - the outermost door: nothing may leave it unanswered, or with its cause
            await problems.refusal(request, error)(scope, receive, guarded)

    async def _refusal(self, request: Request) -> Response | None:
        path: str = request.scope["path"]  # what the router matches; as part of an address it would end at a decoded question mark
        refused = _misplaced(request, path)
        if refused is not None:
            turned_away = problems.answer(request, problems.problem(request, *refused))
            turned_away.headers["Connection"] = "close"  # what follows on this line is no request to be trusted
            return turned_away
        if path.startswith("/static/") or path in INSIDE_PATHS:
            return None
        await _find_viewer(request)
        viewer: Viewer | None = request.state.viewer
        if viewer is None:
            return None if is_open(path) else _ask_to_sign_in(request, path)
        if viewer.acting and request.method not in SAFE_METHODS and path not in LOOKING_PATHS:
            return problems.answer(request, problems.problem(request, "forbidden", LOOKING))
        return await _too_often(request, viewer)


def is_open(path: str) -> bool:
    """Whether an anonymous reader may ask for this path."""
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDERS)


def cookie_name(settings: Settings) -> str:
    """Name of the session's cookie."""
    return f"{PREFIX if _is_secure(settings) else ''}{COOKIE}"


def set_session(request: Request, response: Response, session: str, *, strict: bool = False) -> None:
    """Give the browser its session: out of reach of scripts, never sent along with changes that other sites ask for.

    A strict one is not sent along with anything that another site asks for, a link or the way back from the provider included.
    """
    settings = _settings(request)
    same_site: Literal["lax", "strict"] = "strict" if strict or settings.sign_in is None else "lax"
    life = int(SESSION_LIFE.total_seconds())
    name, secure = cookie_name(settings), _is_secure(settings)
    response.set_cookie(name, session, max_age=life, path="/", secure=secure, httponly=True, samesite=same_site)


def clear_session(request: Request, response: Response) -> None:
    """Take the session away again."""
    settings = _settings(request)
    response.delete_cookie(cookie_name(settings), path="/", secure=_is_secure(settings), httponly=True, samesite="lax")
    response.headers["Clear-Site-Data"] = '"cookies", "cache"'


def csrf_field(request: Request) -> Markup:
    """Hidden field that every form of a page carries, so that no other page can send it."""
    session: str | None = request.state.session
    return Markup('<input type="hidden" name="{}" value="{}">').format(CSRF_FIELD, csrf_token(session)) if session else Markup("")


async def check_csrf(request: Request) -> None:
    """Refuse a change that the session's own pages did not ask for; programs with a token of their own carry no cookie to misuse."""
    session: str | None = getattr(request.state, "session", None)
    if session is None or request.method in SAFE_METHODS:
        return
    given = request.headers.get(CSRF_HEADER)
    if given is None and request.headers.get("content-type", "").startswith(FORMS):
        given = str((await request.form()).get(CSRF_FIELD, ""))
    if not hmac.compare_digest(csrf_token(session).encode(), (given or "").encode()):
        raise RefusedError("This form is out of date or comes from elsewhere. Open the page again and repeat the step.")


def _misplaced(request: Request, path: str) -> tuple[str, str] | None:
    """Code and sentence for a request that comes to the wrong place, from the wrong place, or in the wrong form."""
    if not _is_our_host(request, path):
        return "bad-host", f"This service answers at {_address(request)} only. Open it there."
    by_page = request.method not in SAFE_METHODS and path != BACK_CHANNEL and "authorization" not in request.headers
    if by_page and not _is_our_page(request):
        return "refused", "A change has to be asked for by a page of this service itself."
    return bounds.breach(request)


async def _find_viewer(request: Request) -> None:
    """Put the viewer behind the token or the session onto the request, from memory where they were here a moment ago."""
    guests: Guests = request.app.state.guests
    bearer = request.headers.get("authorization")
    if bearer is not None:
        kind, _, token = bearer.partition(" ")
        if kind.lower() == "bearer":
            address = request.client.host if request.client else ""
            request.state.viewer = await guests.greet(token.strip(), lambda given: _by_token(request, given), address)
        return
    session = request.cookies.get(cookie_name(_settings(request)))
    viewer = await guests.greet(session, guests.look_up) if session else None
    if viewer:
        request.state.viewer, request.state.session = viewer, session


def _by_token(request: Request, token: str) -> Viewer | None:
    """Viewer behind an API token; whoever guesses has to wait longer each time."""
    guests: Guests = request.app.state.guests
    attempts = attempts_of(request)
    attempts.check()
    viewer = guests.look_up(token, token_viewer)
    if viewer is None:
        attempts.fail()
    return viewer


def attempts_of(request: Request) -> Attempts:
    """Failed attempts from the address that a request comes from."""
    return Attempts(request.app.state.ws, request.client.host if request.client else "")


def _ask_to_sign_in(request: Request, path: str) -> Response:
    """Send a page's reader of a company to the way in, tell everybody else where it is."""
    company, is_page = request.state.company, "text/html" in request.headers.get("accept", "")
    if company and is_page and request.method == "GET" and not path.startswith("/api/"):
        wanted = f"{path}?{request.url.query}" if request.url.query else path
        return RedirectResponse(f"/sign-in?{urlencode({'next': wanted})}", status_code=303)
    said = problems.SIGN_IN_COMPANY if company else problems.SIGN_IN
    if request.headers.get("authorization", "").lower().startswith("bearer "):
        said = problems.BAD_TOKEN
    return problems.answer(request, problems.problem(request, "sign-in-needed", said))


async def _too_often(request: Request, viewer: Viewer) -> Response | None:
    """Count the request of a token or of a company's viewer; who runs the service alone may read as often as they like."""
    if viewer.token is None and not request.state.company:
        return None
    limiter: Limiter = request.app.state.limiter
    allowance = request.state.allowance = await limiter.take(viewer.token or viewer.subject)
    if allowance.allowed:
        return None
    said = f"More than {allowance.limit} requests in a minute. Wait {allowance.reset} seconds."
    return problems.refusal(request, TooManyError(said, allowance.reset))


def _settings(request: Request) -> Settings:
    ws: Workspace = request.app.state.ws
    return ws.settings


def _is_secure(settings: Settings) -> bool:
    return settings.public_url.startswith("https:")


def _address(request: Request) -> str:
    return _settings(request).public_url or "http://127.0.0.1 or http://localhost with its port"


def _is_our_host(request: Request, path: str) -> bool:
    public = _settings(request).public_url
    try:
        asked = urlsplit(f"//{request.headers.get('host', '')}")
        if public and not (path in INSIDE_PATHS and asked.hostname in LOOPBACK):
            return asked.netloc.lower() == urlsplit(public).netloc.lower()
        return asked.hostname in LOOPBACK
    except ValueError:
        return False


def _is_our_page(request: Request) -> bool:
    """Origin of an unsafe request; a browser that sends no referrer sends ``null`` and says where it comes from elsewhere."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if origin not in (None, "null"):
        ours = _settings(request).public_url or f"http://{request.headers.get('host')}"
        return origin == ours and site in (None, "same-origin")
    return site == "same-origin"


def _with_headers(send: Send, request: Request) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = [pair for pair in message["headers"] if pair[0] not in OURS]
            private = [] if any(name == b"cache-control" for name, _ in own) else [(b"cache-control", b"private, no-store")]
            message["headers"] = [*own, *private, *PROTECTING, *_of_this_answer(request)]
        await send(message)

    return send_with_headers


def _of_this_answer(request: Request) -> list[tuple[bytes, bytes]]:
    """Headers that differ from answer to answer, as the wire has them."""
    found = {"x-request-id": problems.request_id(request)}
    if request.state.allowance is not None:
        found |= {name.lower(): value for name, value in request.state.allowance.headers.items()}
    if _is_secure(_settings(request)):
        found["strict-transport-security"] = "max-age=31536000; includeSubDomains"
    return [(name.encode(), value.encode("latin-1")) for name, value in found.items()]
