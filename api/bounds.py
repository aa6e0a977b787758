"""Sizes and types that no request may leave: address, headers, body, and JSON where JSON is asked for."""

import asyncio
import time

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

MOST_PATH, MOST_QUERY, MOST_HEADERS = 2_000, 8_000, 32_000
"""Bytes; the server in front refuses far longer ones itself."""

MOST_BODY = 1 << 20

MOST_SECONDS = 20.0
"""A body has to be here by then; who sends one byte a second holds nothing up."""

JSON = "application/json"


TOO_LARGE = f"The body is longer than {MOST_BODY:,} bytes. Nothing here takes as much."


def breach(request: Request) -> tuple[str, str] | None:
    """Return code and sentence of the first bound that a request leaves, None when it keeps them all."""
    scope, headers = request.scope, request.headers
    if len(scope.get("raw_path") or scope["path"]) > MOST_PATH or len(scope["query_string"]) > MOST_QUERY:
        return "address-too-long", f"The address is longer than {MOST_PATH:,} bytes, or its parameters than {MOST_QUERY:,}."
    if sum(len(name) + len(value) for name, value in headers.raw) > MOST_HEADERS:
        return "headers-too-large", f"The headers are longer than {MOST_HEADERS:,} bytes."
    length = headers.get("content-length", "")
    if length and "transfer-encoding" in headers:
        return "invalid-request", "The body says its length in two ways. Say it once."
    if length and (not length.isascii() or not length.isdigit() or int(length[:12]) > MOST_BODY):
        return "too-large", TOO_LARGE
    has_body = length not in ("", "0") or "transfer-encoding" in headers
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if has_body and request.method not in ("GET", "HEAD", "OPTIONS") and scope["path"].startswith("/api/") and kind != JSON:
        return "wrong-type", f"This address takes {JSON}."
    return None


def counted(receive: Receive) -> Receive:
    """Stop reading a body that grows longer than any route reads, whatever its headers said, or that does not end."""
    seen, ended = 0, False
    latest = time.monotonic() + MOST_SECONDS

    async def receive_counted() -> Message:
        nonlocal seen, ended
        if ended:
            return await receive()  # the reader hangs up, some day
        try:
            message = await asyncio.wait_for(receive(), max(0.0, latest - time.monotonic()))
        except TimeoutError:
            raise HTTPException(408) from None
        seen, ended = seen + len(message.get("body", b"")), not message.get("more_body", False)
        if seen > MOST_BODY:
            raise HTTPException(413)
        return message

    return receive_counted
