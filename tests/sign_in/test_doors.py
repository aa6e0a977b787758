"""Forms from elsewhere, false hosts, long requests, guesses and floods are turned away at the door."""

import re
from pathlib import Path

import pytest

from api import app as application
from api.auth import BACK_CHANNEL, CSRF_HEADER, SAFE_METHODS
from api.limiter import Limiter
from api.paths import own_path
from pipelines.entrance.attempts import DAY, FREE, LONGEST, MOST, Attempts, pause

TEMPLATES = Path(application.__file__).parent / "templates"

UNSAFE = sorted(
    (method, re.sub(r"{[^}]+}", "1", route.path))
    for router in application.RESOURCES
    for route in router.routes
    for method in route.methods - set(SAFE_METHODS)
    if route.path != BACK_CHANNEL
)


@pytest.fixture
def analyst(site):
    return site.enter("Ona.Analyst", number=3)


def ask(browser, method: str, path: str, **headers: str | None):
    """Send an empty change with these headers in place of the page's own."""
    given = {"Content-Type": "application/json"} if path.startswith("/api/") else {"Content-Type": "application/x-www-form-urlencoded"}
    changed = {name: browser.headers.pop(name) for name in headers if name in browser.headers}
    sent = {name: value for name, value in headers.items() if value is not None}
    try:
        return browser.request(method, path, headers=given | sent, content=b"{}" if path.startswith("/api/") else b"")
    finally:
        browser.headers.update(changed)


def test_there_are_changes_to_protect():
    assert len(UNSAFE) > 10


@pytest.mark.parametrize(
    "headers",
    [
        {CSRF_HEADER: None},
        {CSRF_HEADER: "0" * 64},
        {CSRF_HEADER: b"\xe9"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": None, "Sec-Fetch-Site": None},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_no_change_is_made_without_the_form_token_or_from_another_origin(analyst, headers):
    for method, path in UNSAFE:
        answer = ask(analyst, method, path, **headers)
        assert (answer.status_code, "Refused" in answer.text) == (403, True), (method, path)


def test_with_the_form_token_the_same_changes_reach_their_routes(analyst):
    refused = [path for method, path in UNSAFE if path != "/sign-out" and "Refused" in ask(analyst, method, path).text]
    assert refused == []


def test_the_form_token_of_another_session_is_none(site, analyst):
    other = site.enter("Ona.Analyst", sub="s2")
    assert ask(analyst, "POST", "/sign-out", **{CSRF_HEADER: other.headers[CSRF_HEADER]}).status_code == 403


def test_the_form_token_may_come_in_the_form(analyst):
    token = analyst.headers.pop(CSRF_HEADER)
    assert analyst.post("/role", data={"role": "analyst"}).status_code == 403
    assert analyst.post("/role", data={"role": "analyst", "csrf_token": token}).status_code == 303


def test_every_form_that_changes_something_carries_the_token():
    texts = {path.name: path.read_text() for path in TEMPLATES.glob("*.html")}
    forms = [(name, form) for name, text in texts.items() for form in re.findall(r"<form[^>]*post.*?</form>", text, re.DOTALL)]
    assert len(forms) > 3
    assert [name for name, form in forms if "csrf" not in form] == []


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_json_routes_take_json_only(analyst, kind):
    headers = {"Content-Type": kind} if kind else {}
    answer = analyst.post("/api/v1/tokens", content=b'{"role": "analyst"}', headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "wrong-type")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:8766", "127.0.0.1", "localhost:8765", "", "[", "127.0.0.1:8765@evil.example"])
def test_only_the_public_address_is_answered(analyst, host):
    answer = analyst.get("/api/v1/scans", headers={"Host": host})
    assert (answer.status_code, answer.json()["code"]) == (421, "bad-host")


def test_what_a_stranger_says_was_forwarded_changes_no_address(site):
    spoofed = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Forwarded": "host=evil.example"}
    answer = site.browser().get("/people", headers=spoofed)
    assert answer.headers["location"] == "/sign-in?next=%2Fpeople"
    begun = site.browser().get("/sign-in/start", headers=spoofed)
    assert "evil" not in begun.headers["location"]
    assert "redirect_uri=http%3A%2F%2F127.0.0.1%3A8765%2Fsign-in%2Fcallback" in begun.headers["location"]


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [
        ("/" + "a" * 2_001, {}, "address-too-long"),
        ("/people?sort=" + "a" * 8_001, {}, "address-too-long"),
        ("/people", {"X-Padding": "a" * 33_000}, "headers-too-large"),
    ],
)
def test_long_requests_are_not_read(analyst, path, headers, code):
    assert analyst.get(path, headers={"Accept": "application/json"} | headers).json()["code"] == code


def test_a_long_body_is_not_read_whatever_its_headers_say(analyst):
    kind = {"Content-Type": "application/json"}
    assert analyst.post("/api/v1/tokens", content=b" " * (1 << 20) + b"{}", headers=kind).status_code == 413
    pieces = (b" " * 65_536 for _ in range(40))
    answer = analyst.post("/api/v1/tokens", content=pieces, headers=kind)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "https://evil.example",
    "http:evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/a\r\nLocation: //evil.example",
    "javascript:alert(1)",
    "evil.example",
    " /people",
    "/%0d%0aSet-Cookie:x",
    "",
    "/" + "a" * 600,
    "/é",
]


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_nobody_is_sent_to_another_place(site, wanted):
    kept = own_path(wanted)
    assert kept == "/" or (kept == wanted and "%0d" in kept)
    site.provider.user = {"sub": "s1", "roles": ["Ona.Analyst"]}
    browser = site.browser()
    begun = browser.get("/sign-in/start", params={"next": wanted})
    done = site.arrive(browser, site.redirect_of(begun.headers["location"]))
    assert done.headers["location"] in ("/", "/%0d%0aSet-Cookie:x")
    assert "evil" not in done.headers["location"]


@pytest.mark.parametrize("wanted", ["/", "/people", "/people?sort=reach&scan=latest", "/teams/3"])
def test_pages_of_ours_are_gone_to(wanted):
    assert own_path(wanted) == wanted


def test_a_viewer_reads_so_often_a_minute_and_is_told_when_to_go_on(site, analyst):
    site.app.state.limiter = Limiter(site.ws, 3)
    try:
        found = [analyst.get("/api/v1/scans") for _ in range(5)]
        other = site.enter("Ona.Analyst", sub="s2").get("/api/v1/scans")
    finally:
        site.app.state.limiter = Limiter(site.ws, site.ws.settings.reads_per_minute)
    assert [answer.status_code for answer in found] == [200, 200, 200, 429, 429]
    assert [answer.headers["ratelimit"].partition(";t=")[0] for answer in found[:4]] == [f'"reads";r={left}' for left in (2, 1, 0, 0)]
    assert found[0].headers["ratelimit-policy"] == '"reads";q=3;w=60'
    assert found[3].json()["code"] == "too-many"
    assert 1 <= int(found[3].headers["retry-after"]) <= 60
    assert other.status_code == 200


def test_the_default_is_120_a_minute(site):
    assert site.ws.settings.reads_per_minute == 120


def test_the_pause_doubles_after_five_failures_and_nobody_is_locked_out_for_good():
    assert [pause(n).total_seconds() for n in range(1, 10)] == [0, 0, 0, 0, 1, 2, 4, 8, 16]
    assert pause(MOST - 1) == LONGEST
    assert pause(MOST) == DAY


def test_guesses_wait_longer_each_time_also_after_a_restart(site, later):
    stranger = site.browser()
    guess = {"Authorization": "Bearer ona_guessed"}
    found = [stranger.get("/api/v1/scans", headers=guess).status_code for _ in range(FREE + 1)]
    assert found == [401] * FREE + [429]
    waiting = stranger.get("/api/v1/scans", headers=guess)
    assert waiting.headers["retry-after"] == "1"
    assert stranger.get("/sign-in/start").status_code == 429
    again = Attempts(site.ws, "testclient")  # as a new process would see it: nothing is kept in memory
    later(site.ws, seconds=2)
    again.check()
    again.fail()
    later(site.ws, seconds=3)
    assert stranger.get("/api/v1/scans", headers=guess).status_code == 429
    later(site.ws, seconds=5)
    site.sign_in("Ona.Analyst")
    assert stranger.get("/api/v1/scans", headers=guess).status_code == 401  # a success forgives


def test_a_guess_and_a_token_that_was_revoked_look_alike(site, analyst):
    made = analyst.post("/api/v1/tokens", json={"role": "analyst"}).json()
    analyst.delete(f"/api/v1/tokens/{made['id']}")
    guesses = [f"Bearer {token}" for token in (made["token"], "ona_guess", "x")]
    answers = [site.browser().get("/api/v1/scans", headers={"Accept": "application/json", "Authorization": guess}) for guess in guesses]
    kinds = {(answer.status_code, answer.json()["detail"], answer.headers["www-authenticate"]) for answer in answers}
    assert len(kinds) == 1
    assert kinds.pop()[0] == 401
