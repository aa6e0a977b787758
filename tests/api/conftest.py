"""The small company behind a client that is signed in, one that is not, and one for each test that changes something."""

from collections.abc import Callable, Iterator

import pytest
import sealed_scan
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from api.auth import COOKIE, CSRF_HEADER
from pipelines.access import issue_link
from pipelines.access.sessions import csrf_token
from pipelines.storage.workspace import Workspace

BASE = "http://127.0.0.1:8765"
SAME_ORIGIN = {"Origin": BASE, "Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="session")
def company(tmp_path_factory):
    return sealed_scan.build(tmp_path_factory.mktemp("company") / "home")


@pytest.fixture
def own_company(tmp_path):
    """A company of this test's own, to withhold, rename and erase in."""
    return sealed_scan.build(tmp_path / "home", people=35)


@pytest.fixture(scope="session")
def app(company) -> FastAPI:
    return create_app(company.settings)


@pytest.fixture(scope="session")
def running(app) -> Iterator[FastAPI]:
    """The application with its deployment opened."""
    with TestClient(app, base_url=BASE):
        yield app


@pytest.fixture(scope="session")
def client(running) -> TestClient:
    return signed_in(running)


@pytest.fixture
def stranger(running) -> TestClient:
    return TestClient(running, base_url=BASE, raise_server_exceptions=False)


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[TestClient, Workspace]]]:
    """Serve a company and sign in."""
    opened: list[TestClient] = []

    def start(company) -> tuple[TestClient, Workspace]:
        app = create_app(company.settings)
        host = TestClient(app, base_url=BASE)
        host.__enter__()
        opened.append(host)
        return signed_in(app), app.state.ws

    yield start
    for host in opened:
        host.__exit__(None, None, None)


def signed_in(app: FastAPI) -> TestClient:
    """Spend a fresh one-time link."""
    client = TestClient(app, base_url=BASE, raise_server_exceptions=False)
    assert client.post(issue_link(app.state.ws), headers=SAME_ORIGIN, follow_redirects=False).status_code == 303
    client.headers[CSRF_HEADER] = csrf_token(client.cookies[COOKIE])
    return client
