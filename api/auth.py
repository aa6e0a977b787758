"""The gate before every route: host, origin, session and the headers that every answer carries."""

import secrets
from urllib.parse import urlsplit

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problems
from pipelines.access import Viewer
from pipelines.access.links import SESSION_LIFE, session_viewer
from pipelines.workspace import Workspace

COOKIE = "ona_session"

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""Names under which the service answers; any other Host header is somebody's rebinding trick."""

OPEN_PATHS = ("/healthz", "/readyz")
OPEN_FOLDERS = ("/static/", "/open/")
"""All that an anonymous reader may ask for. Everything else needs a session, routes that do not exist included."""

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

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
        request.state.viewer = None
        guarded = _with_headers(send, request)
        try:
            refusal = await self._refusal(request)
            await (refusal or self.app)(scope, receive, guarded)
        except Exception as error:  # noqa: BLE001 - the outermost door: nothing may leave it unanswered, or with its cause
            await problems.fault(request, error)(scope, receive, guarded)

    async def _refusal(self, request: Request) -> Response | None:
        if not _is_our_host(request):
            said = "This service answers on the loopback address only. Open it as http://127.0.0.1 or http://localhost with its port."
            return problems.answer(request, problems.problem(request, "bad-host", said))
        if request.method not in SAFE_METHODS and not _is_our_page(request):
            said = "A change has to be asked for by a page of this service itself."
            return problems.answer(request, problems.problem(request, "refused", said))
        request.state.viewer = await run_in_threadpool(_viewer, request)
        if request.state.viewer is None and not is_open(request.url.path):
            return problems.answer(request, problems.problem(request, "sign-in-needed", problems.SIGN_IN))
        return None


def is_open(path: str) -> bool:
    """Whether an anonymous reader may ask for this path."""
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDERS)


def set_session(response: Response, session: str) -> None:
    """Give the browser its session: out of reach of scripts, never sent along from other sites."""
    response.set_cookie(COOKIE, session, max_age=int(SESSION_LIFE.total_seconds()), path="/", httponly=True, samesite="strict")


def clear_session(response: Response) -> None:
    """Take the session away again."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    response.headers["Clear-Site-Data"] = '"cookies", "cache"'


def _viewer(request: Request) -> Viewer | None:
    session = request.cookies.get(COOKIE)
    ws: Workspace = request.app.state.ws
    return session_viewer(ws, session) if session and not request.url.path.startswith("/static/") else None


def _is_our_host(request: Request) -> bool:
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname in LOOPBACK
    except ValueError:
        return False


def _is_our_page(request: Request) -> bool:
    """Origin of an unsafe request; a browser that sends no referrer sends ``null`` and says where it comes from elsewhere."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if origin not in (None, "null"):
        return origin == f"http://{request.headers.get('host')}" and site in (None, "same-origin")
    return site == "same-origin"


def _with_headers(send: Send, request: Request) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            headers["X-Request-ID"] = problems.request_id(request)
            headers.setdefault("Cache-Control", "private, no-store")
        await send(message)

    return send_with_headers
