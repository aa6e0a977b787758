"""What no client of ours would send, byte by byte over a socket: answered with a refusal or hung up on, and the server serves on."""

import json
import re
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass

import pytest
from processes import free_port, running

from pipelines.access import LOCAL_ANALYST
from pipelines.access.rights import Role
from pipelines.access.sessions import csrf_token, open_session
from pipelines.storage.workspace import open_workspace
from tests.sign_in.test_real_processes import Browser

HURRIED = """
import sys
from pathlib import Path
from api import bounds
from pipelines.serving import serve
from pipelines.settings import load_settings
bounds.MOST_SECONDS = 1.0  # of a body; twenty would be a long test
serve(load_settings(Path(sys.argv[1])), port=int(sys.argv[2]))
"""


@dataclass(frozen=True)
class Served:
    """A server of one person, and the session that they have."""

    port: int
    session: str

    def head(self, line: str, *headers: str) -> bytes:
        """Return the head of a request that this session might send."""
        own = [f"Host: 127.0.0.1:{self.port}", f"Origin: http://127.0.0.1:{self.port}", "Sec-Fetch-Site: same-origin"]
        own += [f"Cookie: ona_session={self.session}", f"X-CSRF-Token: {csrf_token(self.session)}"]
        return "\r\n".join([line, *own, *headers, "", ""]).encode("latin-1")

    def lives(self) -> bool:
        """Whether somebody else is answered meanwhile; seconds, as the machine may be busy with other things."""
        begun = time.monotonic()
        return Browser().ask(f"http://127.0.0.1:{self.port}/healthz")[0] == 200 and time.monotonic() - begun < 5.0


@pytest.fixture(scope="module")
def served(build_company, tmp_path_factory) -> Iterator[Served]:
    company = build_company(tmp_path_factory.mktemp("raw") / "home")
    with open_workspace(company.settings) as ws:
        session = open_session(ws, LOCAL_ANALYST.subject, Role.ANALYST)
    port = free_port()
    command = [sys.executable, "-c", HURRIED, company.settings.home, port]
    with running(command, tmp_path_factory.mktemp("output"), f"http://127.0.0.1:{port}/healthz"):
        yield Served(port, session)


def said(port: int, *pieces: bytes, pause: float = 0.0) -> bytes:
    """Send bytes, piece by piece; return all that comes back until the server hangs up or has said all it will."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=4)) as line:
        with suppress(ConnectionError):
            for piece in pieces:
                line.sendall(piece)
                time.sleep(pause)
        found = b""
        with suppress(ConnectionError, TimeoutError):
            line.settimeout(1.5)
            while piece := line.recv(65_536):
                found += piece
        return found


def status(answer: bytes) -> int:
    """Return the status, 0 when the server hung up without one."""
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    return int(found[1]) if found else 0


def test_a_body_that_comes_byte_by_byte_is_given_up_and_holds_nobody_up(served):
    head = served.head("POST /api/v1/scans HTTP/1.1", "Content-Type: application/json", "Content-Length: 60")
    with closing(socket.create_connection(("127.0.0.1", served.port), timeout=10)) as line:
        line.sendall(head)
        begun = time.monotonic()
        while time.monotonic() - begun < 0.5:  # what arrives after the door is shut would cut off its answer
            line.sendall(b"{")
            time.sleep(0.1)
        assert served.lives()
        answer = line.recv(65_536)
        while not answer.endswith(b"}"):  # head and body may come apart
            answer += line.recv(65_536)
        assert time.monotonic() - begun > 0.8
    assert status(answer) == 408
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "too-slow"
    assert served.lives()


def test_a_body_without_end_is_cut_off(served):
    head = served.head("POST /api/v1/scans HTTP/1.1", "Content-Type: application/json", "Transfer-Encoding: chunked")
    piece = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    assert status(said(served.port, head, *[piece] * 40)) == 413
    assert served.lives()


GET = "GET /api/v1/scans HTTP/1.1"
POST = "POST /api/v1/scans HTTP/1.1"
JSON = "Content-Type: application/json"

MALFORMED = {
    "two lengths": (POST, (JSON, "Content-Length: 2", "Content-Length: 3"), b"{}"),
    "a length and chunks": (POST, (JSON, "Content-Length: 2", "Transfer-Encoding: chunked"), b"0\r\n\r\nGET /x HTTP/1.1\r\n\r\n"),
    "a length below nothing": (POST, (JSON, "Content-Length: -1"), b"{}"),
    "a length in words": (POST, (JSON, "Content-Length: two"), b"{}"),
    "a length of more digits than any": (POST, (JSON, f"Content-Length: {'9' * 30}"), b"{}"),
    "an encoding nobody knows": (POST, (JSON, "Transfer-Encoding: gzip, chunked"), b"2\r\n{}\r\n0\r\n\r\n"),
    "a chunk that says another size": (POST, (JSON, "Transfer-Encoding: chunked"), b"zz\r\n{}\r\n0\r\n\r\n"),
    "a zero byte in a header": (GET, ("X-A: a\0b",), b""),
    "a header without a name": (GET, (": x",), b""),
    "a space before the colon": (GET, ("X-A : b",), b""),
    "a second host": (GET, ("Host: evil.example",), b""),
    "a line that is no request": ("GET", (), b""),
    "a zero byte in the address": ("GET /\0 HTTP/1.1", (), b""),
    "an address of another host": ("GET http://evil.example/api/v1/scans HTTP/1.1", ("X-A: b",), b""),
    "a tunnel": ("CONNECT evil.example:443 HTTP/1.1", (), b""),
    "a method nobody knows": ("BREW /api/v1/scans HTTP/1.1", (), b""),
    "a line longer than all that is read": (f"GET /{'a' * 200_000} HTTP/1.1", (), b""),
    "a header longer than all that is read": (GET, (f"X-A: {'a' * 200_000}",), b""),
    "two thousand headers": (GET, tuple(f"X-{n}: {'a' * 20}" for n in range(2_000)), b""),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_what_is_no_request_is_refused_and_the_server_serves_on(served, what):
    line, headers, body = MALFORMED[what]
    found = status(said(served.port, served.head(line, *headers) + body))
    assert found == 0 or 400 <= found < 500, found
    assert served.lives()


def test_a_request_behind_a_refused_one_is_not_answered(served):
    """Two requests in one body are how a proxy in front is fooled: what follows a malformed one is never taken for a request."""
    hidden = served.head("GET /api/v1/scans HTTP/1.1")
    answer = said(served.port, served.head(POST, JSON, "Content-Length: 2", "Transfer-Encoding: chunked") + b"0\r\n\r\n" + hidden)
    assert status(answer) == 422
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b'"scans"' not in answer


def test_a_hundred_lines_that_say_nothing_keep_nobody_out(served):
    lines = [socket.create_connection(("127.0.0.1", served.port), timeout=4) for _ in range(100)]
    try:
        for line in lines:
            line.sendall(b"GET / HTTP/1.1\r\nHost: 127")
        assert served.lives()
    finally:
        for line in lines:
            line.close()
