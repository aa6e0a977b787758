"""Answers kept in memory: a tagged one stays the same bytes for a viewer and address until an objection, a consent or a scan changes it."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipelines import audit
from pipelines.access import Viewer
from pipelines.access.stamp import stamp
from pipelines.audit import Act
from pipelines.storage.workspace import Workspace

UNSEEN_SECONDS, LATEST_SECONDS = 0.25, 0.75
"""How long a change made by another process may go unseen before the database is asked again, and while it is being asked.

One made by this process is seen by the next request.
"""

CONSTANT = ("/healthz",)

MOST_BYTES = 48 << 20
MOST_ANSWER = 2 << 20

Headed = list[tuple[bytes, bytes]]
Key = tuple[object, ...]


@dataclass(frozen=True)
class Answer:
    """One answer as it left its route, and what the audit log has to say each time it is given."""

    mark: str
    headers: Headed
    etag: bytes
    body: bytes
    acts: tuple[Act, ...]
    route: object = None  # for the figures


class Moment:
    """The mark of all that may change an answer, asked of the database once a moment and after each change made here."""

    def __init__(self, ws: Workspace) -> None:
        """Know nothing yet."""
        self.ws = ws
        self._changes, self._asked, self._mark = -1, 0.0, ""
        self._asking: asyncio.Task[None] | None = None

    async def mark(self) -> str:
        """Return the mark of now, without waiting for the database where the last one may still stand for a moment."""
        changes, age = self.ws.service.changes.count, time.monotonic() - self._asked
        if self._changes == changes and age < LATEST_SECONDS:
            if age >= UNSEEN_SECONDS:
                self._ask()
            return self._mark
        while self._changes < changes or time.monotonic() - self._asked >= LATEST_SECONDS:
            await asyncio.shield(self._ask())
        return self._mark

    def _ask(self) -> asyncio.Task[None]:
        if self._asking is None or self._asking.done() or self._asking.get_loop() is not asyncio.get_running_loop():
            self._asking = asyncio.create_task(self._renew())
        return self._asking

    async def _renew(self) -> None:
        changes, asked = self.ws.service.changes.count, time.monotonic()
        found = await run_in_threadpool(_marked, self.ws)
        self._changes, self._asked, self._mark = changes, asked, found


class Memory:
    """Stands between the gate and the routes, and answers what was answered before."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before ``app``, with nothing kept."""
        self.app = app
        self._moment: Moment | None = None
        self._kept: OrderedDict[Key, Answer] = OrderedDict()
        self._learning: dict[Key, asyncio.Event] = {}
        self._bytes = 0
        self._lock = Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        viewer: Viewer | None = scope.get("state", {}).get("viewer") if scope["type"] == "http" else None
        if scope.get("path") in CONSTANT and scope["method"] == "GET":
            await self._constant(scope, receive, send)
            return
        if viewer is None or scope["method"] != "GET" or not scope["path"].startswith("/api/"):
            await self.app(scope, receive, send)
            return
        ws: Workspace = scope["app"].state.ws
        if self._moment is None or self._moment.ws is not ws:
            self._moment, self._kept, self._bytes = Moment(ws), OrderedDict(), 0
        mark, headers = await self._moment.mark(), Headers(scope=scope)
        key: Key = (viewer, scope["path"], scope["query_string"], headers.get("accept"))
        known = self._take(key, mark)
        if known is None and key in self._learning:
            await self._learning[key].wait()  # one of many that ask for the same at one moment finds it out for all
            known = self._take(key, mark)
        if known is None:
            await self._learn(key, mark, (scope, receive, send))
            return
        scope["route"] = known.route
        if known.acts:
            await run_in_threadpool(audit.record, ws, *known.acts)
        await _give(known, headers, send)

    async def _constant(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is the same for everybody as long as the process lives."""
        key: Key = (scope["path"],)
        known = self._take(key, "")
        if known is None:
            head, body = await _overheard(self.app, (scope, receive, send))
            if head["status"] == 200:
                self._keep(key, Answer("", head["headers"], b"", body, (), scope.get("route")))
        else:
            scope["route"] = known.route
            await _give(known, Headers(), send)

    async def _learn(self, key: Key, mark: str, call: tuple[Scope, Receive, Send]) -> None:
        """Let the route answer, and keep the answer when it is tagged."""
        found = self._learning[key] = asyncio.Event()
        try:
            with audit.overheard() as acts:
                head, body = await _overheard(self.app, call)
            self._keep_tagged(key, mark, (head, body, acts), call[0].get("route"))
        finally:
            found.set()
            if self._learning.get(key) is found:
                del self._learning[key]

    def _keep_tagged(self, key: Key, mark: str, heard: tuple[Message, bytes, Sequence[Act]], route: object) -> None:
        head, body, acts = heard
        tag = next((value for name, value in head["headers"] if name == b"etag"), b"")
        if tag and head["status"] == 200 and len(body) <= MOST_ANSWER:
            self._keep(key, Answer(mark, head["headers"], tag, body, tuple(acts), route))

    def _take(self, key: Key, mark: str) -> Answer | None:
        with self._lock:
            found = self._kept.get(key)
            if found is None or found.mark != mark:
                return None
            self._kept.move_to_end(key)
            return found

    def _keep(self, key: Key, found: Answer) -> None:
        with self._lock:
            before = self._kept.pop(key, None)
            self._kept[key] = found
            self._bytes += len(found.body) - (len(before.body) if before else 0)
            while self._bytes > MOST_BYTES:
                self._bytes -= len(self._kept.popitem(last=False)[1].body)


async def _overheard(app: ASGIApp, call: tuple[Scope, Receive, Send]) -> tuple[Message, bytes]:
    """Let the route answer; return the head of its answer, as it was before the gate added its own, and the body."""
    scope, receive, send = call
    head: Message = {"status": 0, "headers": []}
    parts: list[bytes] = []

    async def listen(message: Message) -> None:
        if message["type"] == "http.response.start":
            head.update(status=message["status"], headers=list(message["headers"]))
        elif scope["path"] in CONSTANT or any(name == b"etag" for name, _ in head["headers"]):
            parts.append(message.get("body", b""))
        await send(message)

    await app(scope, receive, listen)
    return head, b"".join(parts)


async def _give(known: Answer, asked: Headers, send: Send) -> None:
    """Send an answer again, or say that the reader's copy is still right."""
    tags: Sequence[str] = [tag.strip().removeprefix("W/") for tag in asked.get("if-none-match", "").split(",")]
    if known.etag and known.etag.decode("latin-1") in tags:
        kept = [pair for pair in known.headers if pair[0] in (b"etag", b"cache-control")]
        await send({"type": "http.response.start", "status": 304, "headers": kept})
        await send({"type": "http.response.body", "body": b""})
        return
    await send({"type": "http.response.start", "status": 200, "headers": list(known.headers)})
    await send({"type": "http.response.body", "body": known.body})


def _marked(ws: Workspace) -> str:
    held = [(row.id, row.successor) for row in ws.service.list_scans()]
    return f"{stamp(ws)} {ws.service.latest_scan()} {held}"
