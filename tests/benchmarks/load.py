"""A load generator over keep-alive connections, and a server to load: each a process of its own, so that neither waits for the other."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

HELLO = "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/')\nasync def hello():\n    return {'hello': 'world'}\n"
"""The rival: the framework alone, asynchronous, without a database, a session, a policy or a protecting header."""


@dataclass(frozen=True)
class Load:
    """What came back in one run."""

    requests: int
    seconds: float
    p50: float  # seconds
    p99: float
    bad: int  # answers other than 200

    @property
    def rate(self) -> float:
        """Return requests per second."""
        return self.requests / self.seconds


@contextmanager
def serving(target: str, port: int, **environment: str) -> Iterator[str]:
    """Serve an application by uvicorn, as ``ona serve`` does; yield its address."""
    program = (
        "import sys, uvicorn; uvicorn.run(sys.argv[1], factory=sys.argv[1].startswith('api'), host='127.0.0.1', port=int(sys.argv[2]), "
    )
    program += "log_level='warning', server_header=False, access_log=False)"
    child = subprocess.Popen([sys.executable, "-c", program, target, str(port)], cwd=ROOT, env={**os.environ, **environment})
    try:
        _wait(port)
        yield f"127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait(30)


def fire(address: str, paths: Sequence[str], *, cookie: str = "", connections: int = 16, seconds: float = 3.0, warm: float = 1.0) -> Load:
    """Load an address from another process."""
    told = json.dumps([address, list(paths), cookie, connections, seconds, warm])
    done = subprocess.run([sys.executable, __file__, told], capture_output=True, text=True, check=True)
    return Load(**json.loads(done.stdout))


async def _fire(address: str, paths: Sequence[str], cookie: str, connections: int, seconds: float, warm: float) -> Load:
    host, _, port = address.rpartition(":")
    head = f" HTTP/1.1\r\nHost: {address}\r\nAccept: application/json\r\n" + (f"Cookie: {cookie}\r\n" if cookie else "") + "\r\n"
    requests = [f"GET {path}{head}".encode() for path in paths]
    start = time.perf_counter() + warm
    times: list[float] = []
    bad = [0]

    async def read(number: int) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        turn = number
        while (begun := time.perf_counter()) < start + seconds:
            writer.write(requests[turn % len(requests)])
            status = await _answer(reader)
            if begun >= start:
                times.append(time.perf_counter() - begun)
                bad[0] += status != b"200"
            turn += 1
        writer.close()

    await asyncio.gather(*(read(number) for number in range(connections)))
    if not times:
        raise SystemExit(f"no answer within {seconds} seconds")
    times.sort()
    return Load(len(times), seconds, times[len(times) // 2], times[int(len(times) * 0.99)], bad[0])


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """Read one answer whole and return its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    at = lower.find(b"content-length:")
    if at < 0:
        while (size := int(await reader.readline(), 16)) > 0:
            await reader.readexactly(size + 2)
        await reader.readline()
    else:
        await reader.readexactly(int(lower[at + 15 : lower.index(b"\r\n", at)]))
    return head[9:12]


def _wait(port: int) -> None:
    import socket

    end = time.monotonic() + 60
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on {port}")


if __name__ == "__main__":
    found = asyncio.run(_fire(*json.loads(sys.argv[1])))
    sys.stdout.write(json.dumps(found.__dict__))
