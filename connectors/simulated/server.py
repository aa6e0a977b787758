"""The fake vendors as one ASGI application over the simulated company, served over TLS by a throw-away authority."""

import re
import tempfile
import threading
import time
import zlib
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import trustme
import uvicorn

from connectors.simulated.vendors import VENDORS
from connectors.simulated.world import Call, Reply, Route, Vendor, World

HOST = "127.0.0.1"
HTML = b"<!DOCTYPE html><html><head><title>Server Error</title></head><body><h1>Something went wrong</h1></body></html>"
BOMB = 64  # MiB of zeros
SLOW = 600.0  # seconds
STARTED_WITHIN = 20.0  # seconds

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]


class FakeVendors:
    """The application: finds the route, asks for the token, counts against the limit, fails as planned, else answers."""

    def __init__(self, world: World, vendors: Sequence[Vendor] = VENDORS) -> None:
        """Collect the routes of the vendors."""
        self.world = world
        self._routes = [(_pattern(route.path), route, vendor) for vendor in vendors for route in vendor.routes(world)]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        call = await _decoded(scope, receive)
        found = self._find(call)
        if found is None:
            await _send(send, Reply({"error": "no such method"}, 404))
            return
        call, route, vendor = found
        if hasattr(self.world.clock, "_lock"):  # a fake clock: answers take time too
            self.world.clock.sleep(self.world.latency)
        wait = self.world.wait_for(route)
        if wait is not None:
            reply = vendor.refusal("limited")
            await _send(send, replace(reply, headers={**reply.headers, "Retry-After": str(wait)}))
            return
        fault = None if route.steady else self.world.faults.draw(route.method, self.world.clock.now())
        await self._answer(send, fault, lambda: self._reply(call, route, vendor), vendor)

    def _find(self, call: Call) -> tuple[Call, Route, Vendor] | None:
        for pattern, route, vendor in self._routes:
            match = pattern.fullmatch(call.path)
            if match and call.verb in route.verbs:
                return replace(call, parts=match.groupdict()), route, vendor
        return None

    def _reply(self, call: Call, route: Route, vendor: Vendor) -> Reply:
        if route.public:
            return route.handler(self.world, call)
        scopes = self.world.tokens.spend(call.headers.get("authorization", "").removeprefix("Bearer "))
        if isinstance(scopes, str):
            return vendor.refusal(scopes)
        return route.handler(self.world, replace(call, scopes=scopes))

    async def _answer(self, send: Send, fault: str | None, reply: Callable[[], Reply], vendor: Vendor) -> None:
        if fault in (None, "cut_off", "drop", "slow"):
            await self._deliver(send, fault, reply())
        elif fault in _MADE:
            await _send(send, _MADE[fault])
        elif fault.startswith("429"):
            refused = vendor.refusal("limited")
            pause = {"429_bare": None, "429": "1"}.get(fault, fault.removeprefix("429:"))
            await _send(send, replace(refused, headers={} if pause is None else {"Retry-After": pause}))
        elif fault == "bomb":
            await _send(send, Reply(_bomb(), 200, {"Content-Encoding": "gzip", "Content-Type": "application/json"}))
        else:
            await _send(send, replace(vendor.refusal("failed"), status=int(fault)))

    async def _deliver(self, send: Send, fault: str | None, reply: Reply) -> None:
        if fault == "cut_off":
            await _send(send, replace(reply, content=reply.body[: max(1, len(reply.body) // 2)]))
        elif fault == "drop":
            await _send(send, reply, claimed=len(reply.body) + 100)
        else:
            await _send(send, reply, slow=(lambda: self.world.clock.sleep(SLOW)) if fault == "slow" else None)


_MADE = {
    "html": Reply(HTML, 502, {"Content-Type": "text/html"}),
    "html_200": Reply(HTML, 200, {"Content-Type": "text/html"}),
    "empty": Reply(b"", 200),
    "redirect": Reply(b"", 302, {"Location": "https://elsewhere.example/steal"}),
}


@dataclass(frozen=True)
class Running:
    """Fake vendors that listen."""

    address: str  # https://127.0.0.1:port
    authority: Path  # certificate file that clients have to trust


@contextmanager
def serve(world: World, *, port: int = 0, folder: Path | None = None, vendors: Sequence[Vendor] = VENDORS) -> Iterator[Running]:
    """Serve the vendors from a thread until the block ends; the authority's certificate lies in the folder (else a temporary one)."""
    with tempfile.TemporaryDirectory(prefix="fake-vendors-") as temporary:
        authority, chain = _certificates(folder or Path(temporary), Path(temporary))
        server = uvicorn.Server(_config(FakeVendors(world, vendors), port, chain))
        thread = threading.Thread(target=server.run, name="fake-vendors", daemon=True)
        thread.start()
        try:
            yield Running(f"https://{HOST}:{_port(server, thread)}", authority)
        finally:
            server.should_exit = True
            thread.join(STARTED_WITHIN)


def _config(application: FakeVendors, port: int, chain: Path) -> uvicorn.Config:
    quiet = {"log_config": None, "log_level": "critical", "access_log": False, "server_header": False, "date_header": False}
    return uvicorn.Config(application, HOST, port, lifespan="off", ws="none", ssl_certfile=chain, ssl_keyfile=chain, **quiet)  # type: ignore[arg-type]


def _port(server: uvicorn.Server, thread: threading.Thread) -> int:
    """Return the port once the server listens."""
    deadline = time.monotonic() + STARTED_WITHIN
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise OSError(98, "The fake vendors cannot listen on this port")
        time.sleep(0.01)
    return int(server.servers[0].sockets[0].getsockname()[1])


def _certificates(public: Path, private: Path) -> tuple[Path, Path]:
    """Write the authority's certificate, and the server's own with its key; both are forgotten with the process."""
    authority = trustme.CA()
    issued = authority.issue_cert(HOST, "localhost")
    names = public / "fake-authority.pem", private / "server.pem"
    authority.cert_pem.write_to_path(str(names[0]))
    issued.private_key_and_cert_chain_pem.write_to_path(str(names[1]))
    return names


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path.replace(".", r"\.").replace("$", r"\$")))


async def _decoded(scope: Message, receive: Receive) -> Call:
    headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    given = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        given |= dict(parse_qsl(body.decode(), keep_blank_values=True))
    return Call(scope["method"], scope["path"], {}, given, headers, body, f"https://{headers.get('host', HOST)}")


async def _send(send: Send, reply: Reply, *, claimed: int | None = None, slow: Callable[[], None] | None = None) -> None:
    """Send an answer; one that claims more bytes than it has is cut off by the connection's end."""
    body = reply.body
    headers = {"Content-Type": "application/json; charset=utf-8", **reply.headers, "Content-Length": str(claimed or len(body))}
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": pairs})
    if slow is not None:
        slow()
    await send({"type": "http.response.body", "body": body, "more_body": claimed is not None})


def _bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    zeros = bytes(2**20)
    return b"".join([packer.compress(zeros) for _ in range(BOMB)] + [packer.flush()])
