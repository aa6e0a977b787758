"""Answers a second and waiting times of the service beside a bare FastAPI application: same server, same minute, generator included."""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx2
from bars import Bar
from load import HELLO, Load, fire, serving

from ona.rules import Rules
from ona.simulate.company import company
from ona.tables import AccountKind
from pipelines import jobs, publishing, scans
from pipelines.access import LOCAL_ANALYST
from pipelines.access.rights import Role
from pipelines.access.sessions import open_session, view_as
from pipelines.intake import simulated
from pipelines.keys import create_key
from pipelines.settings import Settings, load_settings
from pipelines.storage.workspace import Workspace, open_workspace

PEOPLE, WEEKS = 400, 13
ROUNDS, SECONDS = 5, 1.5
USERS = 50
HELLO_PORT, OWN_PORT = 18_651, 18_652
NO_LIMIT = "1000000000"

BARS = {"health": 0.80, "own score": 0.30, "50 people": 0.15, "team map": 0.10}
"""Least share of the bare application's answers a second."""

P99, P99_WITH_SCAN = 0.250, 2.0
"""Most seconds that one in a hundred of fifty readers waits, and how much longer with a scan running."""


def main() -> int:
    """Build a company, load it, print the table; 1 when a bar is missed."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        settings = build(home)
        (Path(folder) / "hello_app.py").write_text(HELLO)
        with (
            serving("hello_app:app", HELLO_PORT, PYTHONPATH=folder) as hello,
            serving("api.app:app_from_environment", OWN_PORT, ONA_HOME=str(home), ONA_READS_PER_MINUTE=NO_LIMIT) as own,
            open_workspace(settings) as ws,
        ):
            bars = [*rates(ws, hello, own), *waits(ws, own)]
    sys.stdout.write("\n".join(map(str, bars)) + "\n")
    return not all(bar.passed for bar in bars)


def build(home: Path) -> Settings:
    """Make a deployment with a streamed company and one sealed scan."""
    create_key(home / "key")
    (home / "ona.toml").write_text("deterministic_ids = true\n")
    simulation = company(people=PEOPLE, weeks=WEEKS, seed=7)
    with open_workspace(load_settings(home)) as ws:
        simulated.stream(ws, simulation)
        publishing.publish_everywhere(ws, scans.run(ws, Rules()).id, LOCAL_ANALYST)
    return load_settings(home)


def rates(ws: Workspace, hello: str, own: str) -> Iterator[Bar]:
    """Compare answers a second, the two servers in turn, median of several rounds."""
    routes = _routes(ws, own)
    shares: dict[str, list[float]] = {name: [] for name in routes}
    for path, cookie in routes.values():
        httpx2.get(f"http://{own}{path}", headers={"Cookie": cookie}, timeout=60).raise_for_status()  # the first of its kind is computed
    for _ in range(ROUNDS):
        least = fire(hello, ["/"], seconds=SECONDS).rate
        for name, (path, cookie) in routes.items():
            shares[name].append(_good(fire(own, [path], cookie=cookie, seconds=SECONDS)).rate / least)
    for name, found in shares.items():
        yield Bar(f"{name}: share of the bare application's answers a second", statistics.median(found), least=BARS[name])


def waits(ws: Workspace, own: str) -> Iterator[Bar]:
    """Let fifty readers ask for everything in turn, idle and with a scan running."""
    routes = _routes(ws, own)
    paths, cookie = [path for name, (path, _) in routes.items() if name != "own score"], routes["50 people"][1]
    idle = _good(fire(own, paths, cookie=cookie, connections=USERS, seconds=6))
    with _scanning(ws):
        busy = _good(fire(own, paths, cookie=cookie, connections=USERS, seconds=6))
    yield Bar(f"seconds that one in a hundred of {USERS} readers waits", idle.p99, most=P99)
    yield Bar("the same with a scan running, in times of the idle one", busy.p99 / idle.p99, most=P99_WITH_SCAN)


def _routes(ws: Workspace, own: str) -> dict[str, tuple[str, str]]:
    """Return path and cookie of each route that has a bar."""
    analyst = f"ona_session={open_session(ws, LOCAL_ANALYST.subject, Role.ANALYST)}"
    token = open_session(ws, LOCAL_ANALYST.subject, Role.ANALYST)
    people = scans.open_scan(ws).people.to_pandas()
    view_as(ws, token, Role.EMPLOYEE, int(people.loc[people["kind"] == AccountKind.MEMBER, "person"].iloc[0]))
    teams = httpx2.get(f"http://{own}/api/v1/teams", headers={"Cookie": analyst}).raise_for_status().json()["teams"]
    team = max((team for team in teams if not team["hidden"]), key=lambda team: team["people"])["id"]
    return {
        "health": ("/healthz", ""),
        "own score": ("/api/v1/me/result", f"ona_session={token}"),
        "50 people": ("/api/v1/scans/latest/people?limit=50", analyst),
        "team map": (f"/api/v1/teams/{team}/map", analyst),
    }


@contextmanager
def _scanning(ws: Workspace) -> Iterator[None]:
    """Have a worker at work on a scan."""
    beside = jobs.Beside(ws)
    job = jobs.ask(ws, LOCAL_ANALYST, "scan", {"weeks": WEEKS - 1})
    beside.attend()
    try:
        end = ws.now() + timedelta(minutes=1)
        while jobs.find(ws, job.id).state is not jobs.State.RUNNING and ws.now() < end:
            time.sleep(0.2)
        yield
    finally:
        jobs.cancel(ws, job.id)
        beside.stop()


def _good(found: Load) -> Load:
    if found.bad:
        raise SystemExit(f"{found.bad} of {found.requests} answers were refusals or faults")
    return found


if __name__ == "__main__":
    raise SystemExit(main())
