"""The small company behind a real server, and Chromium to look at it; skipped where Chromium or Playwright is missing."""

import importlib.util
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn

from api.app import create_app
from pipelines.access import issue_link

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

    def link(self) -> str:
        """Address that opens a session once."""
        return self.base + issue_link(self.app.state.ws)


@dataclass
class Seen:
    """What a page complained about, and what it asked others for."""

    complaints: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Iterator[Site]:
    path = Path(__file__).parents[1] / "fixtures" / "sealed_scan.py"
    if "sealed_scan" not in sys.modules:
        spec = importlib.util.spec_from_file_location("sealed_scan", path)
        sys.modules["sealed_scan"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["sealed_scan"])
    company = sys.modules["sealed_scan"].build(tmp_path_factory.mktemp("site") / "home")
    app = create_app(company.settings)
    door = socket.socket()
    door.bind(("127.0.0.1", 0))
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
    page.wait_for_url(site.base + "/")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def look(site, browser, session) -> Iterator[Callable[..., tuple[object, Seen]]]:
    """Open a page of the site and listen to it."""
    contexts = []

    def opened(path: str, **options: object) -> tuple[object, Seen]:
        context = browser.new_context(storage_state=session, **options)
        contexts.append(context)
        page, seen = context.new_page(), Seen()
        page.on("console", lambda message: seen.complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith((site.base, "data:")) else seen.outside.append(asked.url))
        page.goto(site.base + path)
        return page, seen

    yield opened
    for context in contexts:
        context.close()
