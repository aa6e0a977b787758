"""Nobody comes in without a session, and every answer carries its protection."""

import re
from datetime import timedelta

import pytest

from api import auth, pages, problems
from api.app import create_app
from pipelines.access import issue_link
from pipelines.access.links import LINK_LIFE, spend_link
from pipelines.access.sessions import LOCAL_IDLE, SESSION_LIFE, csrf_token, session_viewer
from pipelines.storage.workspace import open_workspace

SAME_ORIGIN = {"Origin": "http://127.0.0.1:8765", "Sec-Fetch-Site": "same-origin"}
OPEN = {"/healthz", "/readyz"}


def filled(path: str) -> str:
    """Put something into each parameter of a path."""
    return re.sub(r"{[^}]+}", "latest", path)


def test_every_route_of_the_openapi_document_but_two_needs_a_session(app, stranger):
    paths = app.openapi()["paths"]
    assert set(paths) > OPEN
    for path, operations in paths.items():
        for method in operations:
            answer = stranger.request(method, filled(path), headers=SAME_ORIGIN)
            assert answer.status_code == (200 if path in OPEN else 401), path


def test_every_page_but_the_way_in_needs_a_session(stranger):
    walked = 0
    for route in pages.reading.router.routes:
        for method in route.methods:
            answer = stranger.request(method, filled(route.path), headers={**SAME_ORIGIN, "Accept": "text/html"})
            assert answer.status_code == 401, route.path  # a link that was never issued is refused alike
            walked += 1
    assert walked >= 10


@pytest.mark.parametrize("path", ["/api/v1/openapi.json", "/docs", "/redoc", "/nothing", "/api/v1/nothing", "/static/../app.py"])
def test_what_does_not_exist_and_what_is_closed_look_alike_to_strangers(stranger, path):
    assert stranger.get(path).status_code == 401


def test_whoever_sends_a_token_that_is_not_good_is_told_of_the_token(stranger):
    refused = stranger.get("/api/v1/scans", headers={"Authorization": "Bearer ona_guessed"})
    assert (refused.status_code, refused.json()["detail"]) == (401, problems.BAD_TOKEN)
    assert stranger.get("/api/v1/scans").json()["detail"] == problems.SIGN_IN


def test_looking_at_the_link_spends_nothing_and_the_button_spends_it_once(running, stranger):
    link = issue_link(running.state.ws)
    for _ in range(3):
        shown = stranger.get(link, headers={"Accept": "text/html"})
        assert shown.status_code == 200
        assert f'action="{link}"' in shown.text
        assert not stranger.cookies
    spent = stranger.post(link, headers=SAME_ORIGIN, follow_redirects=False)
    assert (spent.status_code, spent.headers["location"]) == (303, "/")
    assert stranger.get("/api/v1/scans").status_code == 200
    stranger.cookies.clear()
    assert stranger.post(link, headers=SAME_ORIGIN).status_code == 401
    assert stranger.get(link).status_code == 401


def test_the_session_is_opaque_and_out_of_reach_of_scripts_and_other_sites(running, stranger):
    cookie = stranger.post(issue_link(running.state.ws), headers=SAME_ORIGIN, follow_redirects=False).headers["set-cookie"]
    name, _, rest = cookie.partition("=")
    value = rest.split(";")[0]
    assert name == auth.COOKIE
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= {part.strip() for part in rest.split(";")}
    assert len(value) >= 43  # 256 bits in base64


def test_only_hashes_of_links_and_sessions_are_stored(own_company):
    with open_workspace(own_company.settings) as ws:
        link = issue_link(ws)
        session = spend_link(ws, link.rpartition("/")[2])
    stored = b"".join(path.read_bytes() for path in own_company.settings.home.glob("service.sqlite*"))
    assert link.rpartition("/")[2].encode() not in stored
    assert session.encode() not in stored


def test_links_and_sessions_end_by_themselves(own_company):
    now = [None]
    with open_workspace(own_company.settings) as plain:
        start = plain.now()
    with open_workspace(own_company.settings, now=lambda: now[0]) as ws:
        now[0] = start
        late = issue_link(ws).rpartition("/")[2]
        session = spend_link(ws, issue_link(ws).rpartition("/")[2])
        now[0] = start + LINK_LIFE + timedelta(seconds=1)
        assert spend_link(ws, late) is None
        steps = 0
        while session_viewer(ws, session) is not None:  # in use all the time, so that only the absolute end counts
            now[0] += timedelta(minutes=30)
            steps += 1
            assert steps < 100
        assert timedelta(0) <= now[0] - (start + SESSION_LIFE) <= timedelta(minutes=30)
        idle = spend_link(ws, issue_link(ws).rpartition("/")[2])
        now[0] += LOCAL_IDLE + timedelta(seconds=1)
        assert session_viewer(ws, idle) is None


def test_signing_out_makes_the_session_worthless(running):
    from starlette.testclient import TestClient

    client = TestClient(running, base_url="http://127.0.0.1:8765")
    client.post(issue_link(running.state.ws), headers=SAME_ORIGIN, follow_redirects=False)
    kept = client.cookies[auth.COOKIE]
    left = client.post("/sign-out", headers=SAME_ORIGIN | {auth.CSRF_HEADER: csrf_token(kept)})
    assert (left.status_code, left.headers["clear-site-data"]) == (200, '"cookies", "cache"')
    client.cookies.set(auth.COOKIE, kept)
    assert client.get("/api/v1/scans").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://127.0.0.1:8765", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_no_other_page_can_spend_a_link_or_sign_anybody_out(running, stranger, headers):
    link = issue_link(running.state.ws)
    for path in (link, "/sign-out"):
        answer = stranger.post(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "refused")
    assert stranger.post(link, headers={"Origin": "null", "Sec-Fetch-Site": "same-origin"}, follow_redirects=False).status_code == 303


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.7:8765", "", "[", "localhost.evil:80"])
def test_a_rebound_name_gets_nothing(client, host):
    answer = client.get("/api/v1/scans", headers={"Host": host})
    assert (answer.status_code, answer.json()["code"]) == (421, "bad-host")


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost:8765", "[::1]:8765"])
def test_the_loopback_names_are_answered(client, host):
    assert client.get("/api/v1/scans", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/people", "/healthz", "/static/site.css", "/static/vis/vis-network.min.js", "/api/v1/scans", "/nothing", "/open/x"]
)
def test_every_answer_carries_the_headers(client, path):
    headers = client.get(path).headers
    assert headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert "access-control-allow-origin" not in headers
    assert re.fullmatch(r"[0-9a-f]{16}", headers["x-request-id"])


def test_a_fault_of_ours_is_a_problem_with_the_headers_and_without_its_cause(own_company):
    from starlette.testclient import TestClient

    app = create_app(own_company.settings)

    @app.get("/healthz/broken")
    def broken() -> None:
        raise KeyError("Fia Abel")

    with TestClient(app, base_url="http://127.0.0.1:8765", raise_server_exceptions=False) as client:
        client.post(issue_link(app.state.ws), headers=SAME_ORIGIN, follow_redirects=False)
        answer = client.get("/healthz/broken")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == problems.MEDIA_TYPE
    assert "content-security-policy" in answer.headers
    assert "Fia" not in answer.text
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_pages_about_people_are_never_kept_by_a_cache(client):
    for path in ("/", "/people", "/teams", "/quality"):
        assert client.get(path).headers["cache-control"] == "private, no-store"


def test_only_the_two_files_that_the_map_needs_come_out_of_pyvis(client):
    assert client.get("/static/vis/vis-network.min.js").status_code == 200
    assert client.get("/static/vis/vis-network.css").status_code == 200
    for path in (
        "/static/vis/../tom-select/tom-select.css",
        "/static/vis/utils.js",
        "/static/vis/",
        "/static/vis/%2e%2e/bindings/utils.js",
    ):
        assert client.get(path).status_code == 404
