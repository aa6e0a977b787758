"""The small company behind a real server, and Chromium to look at it; skipped where Chromium or Playwright is missing."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sealed_scan
import uvicorn

from api.app import create_app
from api.auth import COOKIE
from pipelines.access import issue_link
from pipelines.access.rights import Role
from pipelines.access.sessions import LOCAL, open_session, view_as

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
FLAGS += " --disable-component-update --disable-sync"


@dataclass
class Site:
    """A served company."""

    base: str
    app: object
    company: object
    sessions: dict[Role, str] = field(default_factory=dict)

    def link(self) -> str:
        """Address that opens a session once."""
        return self.base + issue_link(self.app.state.ws)

    def person_as(self, role: Role) -> int | None:
        """Whom somebody in this role is: a manager of several teams, somebody who stands out, or nobody in particular."""
        return {Role.MANAGER: self.company.persons[1], Role.EMPLOYEE: self.company.hidden_helper}.get(role)

    def storage(self, role: Role) -> dict[str, object]:
        """Storage of a browser in which the local operator looks as this role."""
        ws = self.app.state.ws
        if role not in self.sessions:
            self.sessions[role] = open_session(ws, LOCAL, Role.ANALYST)
            if role is not Role.ANALYST:
                view_as(ws, self.sessions[role], role, self.person_as(role))
        cookie = {"name": COOKIE, "value": self.sessions[role], "domain": "127.0.0.1", "path": "/", "expires": -1}
        return {"cookies": [cookie | {"httpOnly": True, "secure": False, "sameSite": "Strict"}], "origins": []}


@dataclass
class Seen:
    """What a page complained about, and what it asked others for."""

    complaints: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)


@contextmanager
def served(company: object, port: int = 0) -> Iterator[Site]:
    """Serve a company on this port, else on a free one."""
    app = create_app(company.settings)
    door = socket.socket()
    door.bind(("127.0.0.1", port))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
    thread.start()
    end = time.monotonic() + 20
    while not server.started and time.monotonic() < end:
        time.sleep(0.05)
    yield Site(f"http://127.0.0.1:{door.getsockname()[1]}", app, company)
    server.should_exit = True
    thread.join(timeout=10)
    door.close()


@pytest.fixture(scope="session")
def serve_company() -> Callable[..., AbstractContextManager[Site]]:
    return served


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Iterator[Site]:
    with served(sealed_scan.build(tmp_path_factory.mktemp("site") / "home")) as found:
        yield found


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    if not CHROMIUM.exists():
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS.split())
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def session(site, browser) -> dict[str, object]:
    """Storage of a browser that opened the link and pressed the button."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(site.link())
    page.get_by_role("button", name="Open the results").click()
    page.wait_for_url(site.base + "/overview")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def look(site, browser, session) -> Iterator[Callable[..., tuple[object, Seen]]]:
    """Open a page of the site and listen to it."""
    contexts = []

    def opened(path: str, role: Role | None = None, at: Site = site, **options: object) -> tuple[object, Seen]:
        context = browser.new_context(storage_state=at.storage(role) if role else session, **options)
        contexts.append(context)
        page, seen = context.new_page(), Seen()
        page.on("console", lambda message: seen.complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith((at.base, "data:")) else seen.outside.append(asked.url))
        page.goto(at.base + path)
        return page, seen

    yield opened
    for context in contexts:
        context.close()
