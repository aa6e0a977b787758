"""A company whose people sign in with a provider on loopback, served by the whole application."""

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import identity_provider
import pytest
import sealed_scan
import sqlalchemy as sa
from fastapi.testclient import TestClient

from api.app import create_app
from api.auth import COOKIE, CSRF_HEADER
from pipelines.access.rights import Role
from pipelines.access.sessions import csrf_token, open_session
from pipelines.entrance import viewers
from pipelines.entrance.viewers import Identity
from pipelines.schema import API_TOKENS, ATTEMPTS, GRANTS, INVITATIONS, SESSIONS, VIEWERS
from pipelines.settings import Settings
from pipelines.storage.vault import Known
from pipelines.storage.workspace import Workspace, open_workspace

BASE = "http://127.0.0.1:8765"
SAME_ORIGIN = {"Origin": BASE, "Sec-Fetch-Site": "same-origin"}
ROLES = {f"Ona.{role.capitalize()}": role for role in ("employee", "manager", "hr", "analyst", "admin", "auditor", "steward")}


@dataclass
class Site:
    """The served company and its provider."""

    app: object
    ws: Workspace
    company: object
    provider: object
    trust: ssl.SSLContext | None = None  # of a provider that speaks TLS

    def browser(self) -> TestClient:
        """A browser that has never been here."""
        client = TestClient(self.app, base_url=BASE, raise_server_exceptions=False, follow_redirects=False)
        client.headers["Accept"] = "text/html"
        return client

    def reply(self, browser: TestClient, start: str = "/sign-in/start") -> str:
        """Go to the provider and return the address that it sends the browser back to."""
        begun = browser.get(start)
        assert begun.status_code == 303, begun.text
        return self.redirect_of(begun.headers["location"])

    def redirect_of(self, address: str) -> str:
        """Ask the provider and return where it sends the browser."""
        parts = urlsplit(address)
        secure = parts.scheme == "https"
        opened = HTTPSConnection(parts.netloc, timeout=10, context=self.trust) if secure else HTTPConnection(parts.netloc, timeout=10)
        with closing(opened) as connection:
            connection.request("GET", f"{parts.path}?{parts.query}")
            answer = connection.getresponse()
            assert answer.status == 302
            return str(answer.headers["location"])

    def sign_in(
        self, *roles: str, number: int | None = None, sub: str = "s1", start: str = "/sign-in/start", **claims: object
    ) -> TestClient:
        """Sign a person of the company in with these application roles."""
        address = {"email": f"p{number}@acme.example", "email_verified": True} if number is not None else {}
        self.provider.user = {"sub": sub, "roles": list(roles)} | address | claims
        browser = self.browser()
        self.arrive(browser, self.reply(browser, start))
        assert COOKIE in browser.cookies
        return self.with_form_token(browser)

    def enter(self, *roles: str, number: int | None = None, sub: str = "s1") -> TestClient:
        """Put somebody in a browser as a sign-in would, without going to the provider."""
        handle = f"email:p{number}@acme.example" if number is not None else None
        given = [Role(ROLES[role]) for role in roles]
        viewer = viewers.admit(self.ws, Identity(self.provider.issuer, sub, given, handle))
        browser = self.browser()
        browser.cookies.set(COOKIE, open_session(self.ws, viewer, given[0]), domain="127.0.0.1")
        return self.with_form_token(browser)

    def arrive(self, browser: TestClient, back: str):
        """Follow the provider's redirect into the service."""
        parts = urlsplit(back)
        return browser.get(f"{parts.path}?{parts.query}")

    def with_form_token(self, browser: TestClient) -> TestClient:
        """Send what every form of the session carries."""
        browser.headers.update(SAME_ORIGIN | {CSRF_HEADER: csrf_token(browser.cookies[COOKIE])})
        return browser


@pytest.fixture(scope="session")
def build_company() -> Callable[[Path], object]:
    """Build a company whose people the vault knows by their mail addresses."""

    def build(home: Path):
        company = sealed_scan.build(home, people=35)
        with open_workspace(company.settings) as ws:
            ws.vault.link([Known((f"mail:p{n}@acme.example", f"email:p{n}@acme.example")) for n in range(35)])
        return company

    return build


@pytest.fixture(scope="session")
def signing_company(build_company, tmp_path_factory):
    return build_company(tmp_path_factory.mktemp("signing") / "home")


@pytest.fixture(scope="session")
def running_provider() -> Iterator[object]:
    with identity_provider.serving() as provider:
        yield provider


@pytest.fixture(scope="session")
def company_settings(signing_company, running_provider) -> Settings:
    given = {
        "issuer": running_provider.issuer,
        "client_id": identity_provider.CLIENT_ID,
        "client_secret": identity_provider.CLIENT_SECRET,
        "roles": ROLES,
    }
    return Settings(home=signing_company.settings.home, deterministic_ids=True, sign_in=given, public_url=BASE)


@pytest.fixture(scope="session")
def served(signing_company, running_provider, company_settings) -> Iterator[Site]:
    app = create_app(company_settings)
    with TestClient(app, base_url=BASE):
        ws = app.state.ws
        yield Site(app, ws, signing_company, running_provider)


@pytest.fixture(scope="session")
def served_entra(signing_company, tmp_path_factory) -> Iterator[Site]:
    """The same company, whose people sign in with a tenant of Entra ID."""
    folder = tmp_path_factory.mktemp("tenant")
    with identity_provider.serving_tenant(folder) as provider, ExitStack() as stack:
        authority = folder / identity_provider.AUTHORITY
        given = {
            "provider": "entra",
            "issuer": provider.issuer,
            "client_id": identity_provider.CLIENT_ID,
            "client_certificate": folder / identity_provider.APPLICATION,
            "roles": ROLES,
        }
        settings = Settings(home=signing_company.settings.home, deterministic_ids=True, sign_in=given, public_url=BASE)
        app = create_app(settings)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SSL_CERT_FILE", str(authority))  # read when the service starts
            stack.enter_context(TestClient(app, base_url=BASE))
        yield Site(app, app.state.ws, signing_company, provider, ssl.create_default_context(cafile=authority))


@pytest.fixture
def site(request) -> Site:
    """Give the site with a provider that answers as it should, nobody disabled, and no failed attempts."""
    served = request.getfixturevalue(getattr(request, "param", "served"))
    served.provider.straighten()
    with served.ws.service.begin() as connection:
        for table in (API_TOKENS, ATTEMPTS, GRANTS, INVITATIONS, SESSIONS, VIEWERS):
            connection.execute(sa.delete(table))
    served.app.state.guests.forget_all()
    served.app.state.provider.forget()
    served.app.state.provider.clock = time.time
    return served


@pytest.fixture
def later(site) -> Iterator[Callable[..., None]]:
    """Move the service's clock until the test is over."""
    real = site.ws.now

    def move(ws: Workspace, **span: int) -> None:
        object.__setattr__(ws, "now", lambda: real() + timedelta(**span))
        site.app.state.guests.forget_all()

    yield move
    object.__setattr__(site.ws, "now", real)
