"""Every refusal and fault as one RFC 9457 problem: the same words in JSON and on the page."""

import logging
import traceback
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from ona.errors import (
    ConflictError,
    ForbiddenError,
    NotEnoughDataError,
    NotFoundError,
    OnaError,
    RateLimitError,
    SuppressedError,
    TryLaterError,
)

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
    "sign-in-needed": (401, "Open the service by its one-time link"),
    "refused": (403, "Refused"),
    "forbidden": (403, "Not for your role"),
    "insufficient-group-size": (403, "Hidden to protect people"),
    "not-found": (404, "Not here"),
    "not-enough-data": (404, "Not enough data"),
    "method-not-allowed": (405, "Not possible here"),
    "conflict": (409, "Not possible any more"),
    "invalid-request": (422, "Not understood"),
    "bad-host": (421, "Wrong address"),
    "fault": (500, "A fault on our side"),
    "try-later": (503, "Try again soon"),
}
"""Status and title of each kind of problem."""

ERRORS: tuple[tuple[type[Exception], str], ...] = (
    (NotFoundError, "not-found"),
    (ForbiddenError, "forbidden"),
    (ConflictError, "conflict"),
    (SuppressedError, "insufficient-group-size"),
    (NotEnoughDataError, "not-enough-data"),
    (RateLimitError, "try-later"),
    (TryLaterError, "try-later"),
    (SignInNeededError, "sign-in-needed"),
    (RefusedError, "refused"),
)

SIGN_IN = "Nobody is signed in. Start the service with: ona serve, and open the link it prints. Links work once."

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
        drawn.headers["WWW-Authenticate"] = 'OneTimeLink realm="ona"'
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


def describe(schema: dict[str, object]) -> dict[str, object]:
    """Add to an OpenAPI document the problems that every route may answer with."""
    parts = schema.setdefault("components", {})
    assert isinstance(parts, dict)
    parts.setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
    parts["schemas"].pop("HTTPValidationError", None)
    parts["schemas"].pop("ValidationError", None)
    paths = schema["paths"]
    assert isinstance(paths, dict)
    for operations in paths.values():
        for operation in operations.values():
            operation["responses"] |= {str(status): _described(title) for status, title in KINDS.values()}
    return schema


def _described(title: str) -> dict[str, object]:
    return {"description": title, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def _of_kind(code: str) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def respond(request: Request, error: Exception) -> Response:
        return answer(request, problem(request, code, str(error)))

    return respond


async def _not_modified(_request: Request, error: Exception) -> Response:
    etag = error.etag if isinstance(error, NotModifiedError) else ""
    return Response(status_code=304, headers={"ETag": etag, "Cache-Control": "private, no-cache"})


async def _invalid(request: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    said = "; ".join(f"{'.'.join(str(step) for step in fault['loc'][1:])}: {fault['msg']}" for fault in faults)
    return answer(request, problem(request, "invalid-request", f"{said}. The OpenAPI document lists what each route takes."))


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = {404: "not-found", 405: "method-not-allowed"}.get(status, "invalid-request")
    said = {404: NOTHING_HERE, 405: "This address can be read, not changed."}.get(status, "The request could not be read.")
    found = problem(request, code, said)
    drawn = answer(request, found.model_copy(update={"status": status}))
    if isinstance(error, HTTPException) and error.headers:
        drawn.headers.update(error.headers)
    return drawn
