"""Every refusal and fault as one RFC 9457 problem: the same words in JSON and on the page."""

import logging
import math
import traceback
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from api.strict import ParameterError
from ona.errors import (
    ConflictError,
    ConnectorError,
    ForbiddenError,
    NoRoleError,
    NotEnoughDataError,
    NotFoundError,
    OnaError,
    RateLimitError,
    SettingsError,
    SignInRefusedError,
    SuppressedError,
    TooManyError,
    TryLaterError,
)
from pipelines.jobs import KeyReusedError

MEDIA_TYPE = "application/problem+json"

RETRY_SECONDS = 5

log = logging.getLogger(__name__)

ErrorPage = Callable[[Request, "Problem"], Response]
"""Draws a problem for people."""


class Problem(BaseModel):
    """What went wrong, for whom to fix, and how (RFC 9457)."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="Place on the help page that explains this kind of problem.", examples=["/help#not-found"])
    title: str = Field(description="Kind of problem, the same text each time.")
    status: int = Field(description="HTTP status.")
    detail: str = Field(description="What was seen, what was expected, what to do.")
    code: str = Field(description="Stable code of the kind of problem.", examples=["not-found"])
    request_id: str = Field(description="Names this request in the log of the service.")


class NotModifiedError(Exception):
    """The reader's copy is still right."""

    def __init__(self, etag: str) -> None:
        """Keep the tag that both sides hold."""
        super().__init__(etag)
        self.etag = etag


class SignInNeededError(Exception):
    """Nobody is signed in."""


class RefusedError(Exception):
    """The request comes from another place than our own pages."""


KINDS: dict[str, tuple[int, str]] = {
    "sign-in-needed": (401, "Sign in first"),
    "sign-in-refused": (401, "Not signed in"),
    "no-role": (403, "No role here yet"),
    "refused": (403, "Refused"),
    "forbidden": (403, "Not for your role"),
    "insufficient-group-size": (403, "Hidden to protect people"),
    "not-found": (404, "Not here"),
    "not-enough-data": (404, "Not enough data"),
    "method-not-allowed": (405, "Not possible here"),
    "too-slow": (408, "Too slow to be read"),
    "conflict": (409, "Not possible any more"),
    "key-reused": (422, "Key used before"),
    "invalid-request": (422, "Not understood"),
    "too-large": (413, "Too long to be read"),
    "address-too-long": (414, "Address too long"),
    "wrong-type": (415, "Not in a form that is read here"),
    "bad-host": (421, "Wrong address"),
    "source-failed": (424, "A connected system refused or did not answer"),
    "not-set-up": (409, "Not set up for this"),
    "too-many": (429, "Asked too often"),
    "headers-too-large": (431, "Headers too long"),
    "fault": (500, "A fault on our side"),
    "try-later": (503, "Try again soon"),
}
"""Status and title of each kind of problem."""

SECURITY = {
    "session": {"type": "apiKey", "in": "cookie", "name": "ona_session", "description": "Of a browser that signed in."},
    "token": {"type": "http", "scheme": "bearer", "description": "Of a program; made on the page of one's own tokens."},
}
"""How a request says who asks; a change that a session asks for also carries its X-CSRF-Token."""

ERRORS: tuple[tuple[type[Exception], str], ...] = (
    (NotFoundError, "not-found"),
    (KeyReusedError, "key-reused"),
    (ParameterError, "invalid-request"),
    (NoRoleError, "no-role"),
    (ForbiddenError, "forbidden"),
    (SignInRefusedError, "sign-in-refused"),
    (TooManyError, "too-many"),
    (ConflictError, "conflict"),
    (SuppressedError, "insufficient-group-size"),
    (NotEnoughDataError, "not-enough-data"),
    (RateLimitError, "try-later"),
    (ConnectorError, "source-failed"),
    (SettingsError, "not-set-up"),
    (TryLaterError, "try-later"),
    (SignInNeededError, "sign-in-needed"),
    (RefusedError, "refused"),
)

SIGN_IN = "Nobody is signed in. Start the service with: ona serve, and open the link it prints. Links work once."

SIGN_IN_COMPANY = "Nobody is signed in. Open this service in the browser and sign in with the company, or send a token."

BAD_TOKEN = (
    "This token is not known here, has expired or was revoked, or its owner may no longer come in. Make another with: ona token new; "
    "in a company sign in and make it there."
)

NOTHING_HERE = "There is nothing at this address for you."


def problem(request: Request, code: str, detail: str) -> Problem:
    """Fill in what every problem of this kind shares."""
    status, title = KINDS[code]
    return Problem(type=f"/help#{code}", title=title, status=status, detail=detail, code=code, request_id=request_id(request))


def request_id(request: Request) -> str:
    """Id that the gate gave to this request."""
    return str(getattr(request.state, "request_id", "none"))


def answer(request: Request, found: Problem) -> Response:
    """Answer as JSON to programs and as a page to people."""
    page: ErrorPage | None = getattr(request.app.state, "error_page", None)
    is_page = not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", "")
    drawn = page(request, found) if page and is_page else JSONResponse(found.model_dump(), found.status, media_type=MEDIA_TYPE)
    drawn.headers["Cache-Control"] = "no-store"
    if found.status == HTTPStatus.UNAUTHORIZED:
        company = getattr(request.state, "company", False)
        drawn.headers["WWW-Authenticate"] = 'Bearer realm="ona"' if company else 'OneTimeLink realm="ona"'
    if found.status == HTTPStatus.SERVICE_UNAVAILABLE:
        drawn.headers["Retry-After"] = str(RETRY_SECONDS)
    return drawn


def install(app: FastAPI) -> None:
    """Answer every error of the application as a problem."""
    for kind, code in ERRORS:
        app.add_exception_handler(kind, _of_kind(code))
    app.add_exception_handler(NotModifiedError, _not_modified)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


def fault(request: Request, error: Exception) -> Response:
    """Answer an error that nobody expected; the log names its kind and place, never its text, which may hold data."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown"
    log.error("a request failed: %s at %s, request %s", type(error).__name__, place, request_id(request))
    said = str(error) if isinstance(error, OnaError) else "The service failed on this request; nothing was changed. Report the request id."
    return answer(request, problem(request, "fault", said))


def refusal(request: Request, error: Exception) -> Response:
    """Answer an error before any route was reached: as its kind where it has one, else as a fault."""
    code = next((code for kind, code in ERRORS if isinstance(error, kind)), None)
    return fault(request, error) if code is None else _answer_error(request, code, error)


def describe(schema: dict[str, object]) -> dict[str, object]:
    """Add to an OpenAPI document the problems that every route may answer with."""
    parts = schema.setdefault("components", {})
    assert isinstance(parts, dict)
    parts.setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
    parts["securitySchemes"] = SECURITY
    schema["security"] = [{name: []} for name in SECURITY]
    parts["schemas"].pop("HTTPValidationError", None)
    parts["schemas"].pop("ValidationError", None)
    paths = schema["paths"]
    assert isinstance(paths, dict)
    for path, operations in paths.items():
        for operation in operations.values():
            if not path.startswith("/api/"):
                operation["security"] = []
            own = {status: one for status, one in operation["responses"].items() if status != "422"}  # the framework's word for it
            problems = {str(status): _described(title) for status, title in KINDS.values()}
            operation["responses"] = problems | {status: _joined(one, problems.get(status)) for status, one in own.items()}
    return schema


def _joined(own: dict[str, object], problem: dict[str, object] | None) -> dict[str, object]:
    """Return an answer of a route that may also be a problem."""
    if problem is None:
        return own
    mine, theirs = own.get("content"), problem["content"]
    return own | {"content": {**mine, **theirs} if isinstance(mine, dict) and isinstance(theirs, dict) else theirs}


def _described(title: str) -> dict[str, object]:
    return {"description": title, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def _of_kind(code: str) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def respond(request: Request, error: Exception) -> Response:
        return _answer_error(request, code, error)

    return respond


def _answer_error(request: Request, code: str, error: Exception) -> Response:
    drawn = answer(request, problem(request, code, str(error)))
    if isinstance(error, TooManyError):
        drawn.headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    return drawn


async def _not_modified(_request: Request, error: Exception) -> Response:
    etag = error.etag if isinstance(error, NotModifiedError) else ""
    return Response(status_code=304, headers={"ETag": etag, "Cache-Control": "private, no-cache"})


async def _invalid(request: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    said = "; ".join(f"{'.'.join(str(step) for step in fault['loc'][1:])}: {fault['msg']}" for fault in faults)
    return answer(request, problem(request, "invalid-request", f"{said}. The OpenAPI document lists what each route takes."))


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = {404: "not-found", 405: "method-not-allowed", 408: "too-slow", 413: "too-large"}.get(status, "invalid-request")
    said = {404: NOTHING_HERE, 405: "This address can be read, not changed."}.get(status, "The request could not be read.")
    found = problem(request, code, said)
    drawn = answer(request, found if status == 400 else found.model_copy(update={"status": status}))  # the document knows no 400
    if isinstance(error, HTTPException) and error.headers:
        drawn.headers.update(error.headers)
    return drawn
