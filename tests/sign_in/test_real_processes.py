"""The whole road between processes: the command line serves a company, a provider of somebody else's making vouches, nothing is played."""

import http.client
import json
import re
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import identity_provider
import pytest
from processes import free_port, running

ONA = Path(sys.executable).with_name("ona")
PEOPLE = {
    "ann": {"email": "p3@acme.example", "email_verified": True, "roles": ["Ona.Analyst"]},
    "bob": {"email": "p4@acme.example", "email_verified": True, "roles": ["Somebody.Else"]},
}


@dataclass
class Browser:
    """As much of a browser as a sign-in needs: it keeps cookies by port and follows nothing by itself."""

    cookies: dict = field(default_factory=dict)
    trust: ssl.SSLContext | None = None  # of a provider that speaks TLS

    def ask(self, url: str, form: dict | None = None, **headers: str) -> tuple[int, dict, str]:
        parts = urlsplit(url)
        jar = self.cookies.setdefault(parts.port, {})
        sent = {"Accept": "text/html", "Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())} | headers
        body = None if form is None else urlencode(form)
        if body is not None:
            origin = f"{parts.scheme}://{parts.netloc}"
            sent |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": origin, "Sec-Fetch-Site": "same-origin"}
        opened = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        secure = {"context": self.trust} if self.trust and parts.scheme == "https" else {}
        with closing(opened(parts.hostname, parts.port, timeout=30, **secure)) as connection:
            connection.request("GET" if form is None else "POST", f"{parts.path or '/'}?{parts.query}", body, sent)
            answer = connection.getresponse()
            text = answer.read().decode()
            for cookie in answer.headers.get_all("set-cookie") or ():
                name, _, rest = cookie.partition("=")
                jar[name] = rest.partition(";")[0]
            return answer.status, dict(answer.headers.items()), text


@pytest.fixture(scope="module")
def places(build_company, tmp_path_factory) -> Iterator[tuple[str, str]]:
    """Addresses of a served company and of its provider."""
    company = build_company(tmp_path_factory.mktemp("served") / "home")
    home, ports = company.settings.home, (free_port(), free_port())
    public, issuer = (f"http://127.0.0.1:{port}" for port in ports)
    settings = [f'public_url = "{public}"', f"port = {ports[0]}", "deterministic_ids = true", "[sign_in]", f'issuer = "{issuer}"']
    (home / "ona.toml").write_text("\n".join([*settings, 'client_id = "ona"', "[sign_in.roles]", '"Ona.Analyst" = "analyst"', ""]))
    users = [part for sub, claims in PEOPLE.items() for part in ("--user-claims", json.dumps({"sub": sub} | claims))]
    provider = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", ports[1], "--require-nonce", "true", *users]
    secret = {"ONA_SIGN_IN__CLIENT_SECRET": "not-a-secret"}
    with (
        running(provider, tmp_path_factory.mktemp("provider"), issuer, AUTHLIB_INSECURE_TRANSPORT="1"),
        running([ONA, "serve", "--home", home], tmp_path_factory.mktemp("service"), f"{public}/healthz", **secret),
    ):
        yield public, issuer


def come_back(browser: Browser, public: str, form: dict) -> tuple[int, dict, str]:
    """Go to the provider, answer its form, and bring its reply to the service."""
    status, headers, _ = browser.ask(f"{public}/sign-in/start?next=/company")
    while status == 429:  # the guesses of another test came from the same address
        time.sleep(int(headers["retry-after"]))
        status, headers, _ = browser.ask(f"{public}/sign-in/start?next=/company")
    assert status == 303
    status, headers, text = browser.ask(headers["location"], form)
    assert status == 302, text
    assert headers["Location"].startswith(f"{public}/sign-in/callback?")
    return browser.ask(headers["Location"])


def test_a_person_signs_in_reads_and_signs_out(places):
    public, _ = places
    browser = Browser()
    status, headers, _ = browser.ask(f"{public}/company")
    assert (status, headers["location"]) == (303, "/sign-in?next=%2Fcompany")
    status, headers, text = come_back(browser, public, {"sub": "ann"})
    assert (status, headers["location"]) == (303, "/company"), text
    assert browser.ask(f"{public}/api/v1/scans", Accept="application/json")[0] == 200
    status, _, page = browser.ask(f"{public}/company")
    assert status == 200
    token = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', page)[1]
    assert browser.ask(f"{public}/sign-out", {})[0] == 403
    kept = dict(browser.cookies[urlsplit(public).port])
    assert browser.ask(f"{public}/sign-out", {"csrf_token": token})[0] == 200
    browser.cookies[urlsplit(public).port] = kept
    assert browser.ask(f"{public}/api/v1/scans", Accept="application/json")[0] == 401


def test_somebody_without_a_role_and_somebody_who_said_no_stay_outside(places):
    public, _ = places
    for form, code in (({"sub": "bob"}, 403), ({"action": "deny"}, 401)):
        browser = Browser()
        assert come_back(browser, public, form)[0] == code
        assert browser.ask(f"{public}/api/v1/scans", Accept="application/json")[0] == 401


def test_the_server_believes_no_header_about_where_a_request_comes_from(places):
    public, _ = places
    spoofed = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
    guess = {"Authorization": "Bearer ona_guess", "Accept": "application/json"}
    found = [Browser().ask(f"{public}/api/v1/scans", **guess, **spoofed | {"X-Forwarded-For": f"203.0.113.{n}"})[0] for n in range(7)]
    assert found[-1] == 429  # one address, whatever each of them said
    assert Browser().ask(f"{public}/healthz", Host="evil.example")[0] == 421


def test_headers_that_are_too_long_break_nothing(places):
    public, _ = places
    assert Browser().ask(f"{public}/company", **{"X-Padding": "a" * 40_000})[0] == 431
    with suppress(ConnectionError, http.client.BadStatusLine):  # the server may hang up before it has read them all
        assert Browser().ask(f"{public}/company", **{"X-Padding": "a" * 200_000})[0] == 400
    assert Browser().ask(f"{public}/healthz")[0] == 200


@pytest.fixture(scope="module")
def tenant(tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """Issuer of a tenant of Entra ID in a process of its own, and the folder with what to trust and to prove oneself with."""
    folder = tmp_path_factory.mktemp("tenant")
    claims = json.dumps({"sub": "pairwise", "roles": ["Ona.Analyst"], "groups": ["Ona.Admin"]})
    command = [sys.executable, identity_provider.__file__, folder, claims]
    with subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip(), folder
        process.stdin.close()


def test_a_person_of_a_tenant_signs_in_through_the_library_of_microsoft(build_company, tenant, tmp_path_factory):
    issuer, folder = tenant
    company = build_company(tmp_path_factory.mktemp("of_tenant") / "home")
    home, port = company.settings.home, free_port()
    public = f"http://127.0.0.1:{port}"
    settings = [f'public_url = "{public}"', f"port = {port}", "deterministic_ids = true", "[sign_in]", 'provider = "entra"']
    settings += [f'issuer = "{issuer}"', f'client_id = "{identity_provider.CLIENT_ID}"']
    settings += [f'client_certificate = "{folder / identity_provider.APPLICATION}"', "[sign_in.roles]", '"Ona.Analyst" = "analyst"', ""]
    (home / "ona.toml").write_text("\n".join(settings))
    authority = folder / identity_provider.AUTHORITY
    trusted = {"SSL_CERT_FILE": str(authority)}
    with running([ONA, "serve", "--home", home], tmp_path_factory.mktemp("service_of_tenant"), f"{public}/healthz", **trusted):
        browser = Browser(trust=ssl.create_default_context(cafile=authority))
        status, headers, text = browser.ask(f"{public}/sign-in/start?next=/company")
        assert status == 303, text
        status, headers, _ = browser.ask(headers["location"])
        assert status == 302
        status, headers, text = browser.ask(headers["Location"])
        assert (status, headers["location"]) == (303, "/company"), text
        assert browser.ask(f"{public}/api/v1/scans", Accept="application/json")[0] == 200
        assert browser.ask(f"{public}/api/v1/viewers", Accept="application/json")[0] == 403  # what the groups say is nobody's role
