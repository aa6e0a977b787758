"""The road of a credential through the routes and pages: asked, signed, checked by a stranger, revoked; nobody else sees a trace of it."""

import json

import credentialed_company
import pytest
from credentialed_company import STAR, settings_of
from fastapi.testclient import TestClient
from signing_in import BASE, add_viewer, come_in

from api.app import create_app
from api.routes import rights_of_routes
from pipelines.access.rights import Reach, Right, Role, reach
from pipelines.growth import credentials
from pipelines.settings import Mode

TOKEN = "application/vc+jwt"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The served company, and a client for the helper, a steward and one of each other role."""
    made = credentialed_company.build(tmp_path_factory.mktemp("credential_site") / "home")
    app = create_app(settings_of(made.home, BASE, reads_per_minute=100_000))
    with TestClient(app, base_url=BASE):
        ws = app.state.ws
        add_viewer(ws, "star", Role.EMPLOYEE, person=made.persons[STAR])
        people = {role: add_viewer(ws, f"a {role}", role, person=made.persons[2]) for role in Role}
        clients = {role: come_in(app, name, role) for role, name in people.items()}
        yield app, come_in(app, "star", Role.EMPLOYEE), clients


def test_a_credential_is_asked_for_signed_checked_and_revoked(site):
    app, star, clients = site
    page = star.get("/me").text
    assert "I understood that copies cannot be called back." in page
    assert star.post("/api/v1/me/credentials", json={"understood": False}).status_code == 422
    assert star.post("/me/credentials", data={"by_mail": "true"}).status_code == 409
    assert star.post("/me/credentials", data={"understood": "true"}, follow_redirects=False).status_code == 303
    (asked,) = star.get("/api/v1/me/credentials").json()["credentials"]
    assert asked["state"] == "asked"
    seen = nobody_sees(app, {role: clients[role] for role in (Role.HR, Role.MANAGER)}, asked["id"])

    steward = clients[Role.STEWARD]
    (waits,) = steward.get("/api/v1/recognitions").json()["waiting"]
    assert waits["conditions"]["met"]
    assert set(waits) == {"id", "quarter", "created", "conditions", "mine"}
    shown = steward.get("/recognitions").text
    names = app.state.ws.vault.names(app.state.ws.vault.persons_of([f"email:p{STAR}@acme.example"]).values()).values()
    assert not [name for name in names if name in shown]
    assert steward.post(f"/recognitions/{asked['id']}", data={"sign": "true"}, follow_redirects=False).status_code == 303

    assert "Download" in star.get("/me").text
    answer = star.get(f"/api/v1/me/credentials/{asked['id']}/token")
    assert answer.headers["content-type"].startswith(TOKEN)
    assert answer.headers["cache-control"] == "no-store"
    seen |= nobody_sees(app, clients, asked["id"], answer.text)
    assert len(seen) > 20
    assert verdict(app, answer.text) == "valid"
    for role, client in clients.items():
        assert client.get(f"/api/v1/me/credentials/{asked['id']}/token").status_code == 404, role
        assert client.post(f"/api/v1/me/credentials/{asked['id']}/revocation").status_code == 404, role
    assert star.post(f"/me/credentials/{asked['id']}", data={"step": "revoke"}, follow_redirects=False).status_code == 303
    assert verdict(app, answer.text) == "revoked"
    assert star.get(f"/api/v1/me/credentials/{asked['id']}/token").status_code == 409
    assert "revoked" in star.get("/me").text.casefold()


def nobody_sees(app, clients, identity, token="no token"):
    """Fetch everything that anybody else may fetch by address alone, what a right alone decides over once; return what answered."""
    answered = set()
    mark = token[-40:]
    for one in rights_of_routes(app):
        if one.method != "GET" or "{" in one.path or one.path.startswith(("/api/v1/jobs", "/sign-in")):
            continue
        alike = {Right.READ_WORDS, Right.SEE_QUALITY, Right.READ_AUDIT}  # the same to whoever has it
        allowed = [role for role in clients if all(reach(Mode.STANDARD, role, right) is not Reach.NOBODY for right in one.rights)]
        for role in allowed[:1] if one.rights & alike else allowed:
            client = clients[role]
            if (role is Role.STEWARD and "recognitions" in one.path) or "/audit" in one.path:
                continue  # the log knows its number, see the test of the log
            answer = client.get(one.path)
            if answer.status_code == 200:
                answered.add(one.path)
                assert identity not in answer.text, (role, one.path)
                assert mark not in answer.text, (role, one.path)
    return answered


def verdict(app, token):
    """Ask openbadgeslib, which fetches what it needs without a session."""
    openbadgeslib = pytest.importorskip("openbadgeslib", reason="the extra `badges` is not installed")
    stranger = TestClient(app, base_url=BASE)

    def download(url):
        answer = stranger.get(url.replace("https://", "http://"))
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "*"
        return answer.content

    verifier = openbadgeslib.OB3Verifier.for_issuer_did("did:web:127.0.0.1%3A8765", download=download)
    try:
        credential = verifier.verify(token)
        status = {**credential.credential_status[0]}
        status["statusListCredential"] = status["statusListCredential"].replace("http://", "https://")
        credential.credential_status[:] = [status]
        verifier.check_status(credential, verify_list=False, download=download)
    except openbadgeslib.OB3VerificationError as error:
        return "revoked" if "revocation" in str(error) else str(error)
    return "valid"


def test_verifiers_need_no_session_and_learn_nothing_about_anybody(site):
    app, *_ = site
    stranger = TestClient(app, base_url=BASE)
    document = stranger.get("/.well-known/did.json").json()
    assert document["id"] == "did:web:127.0.0.1%3A8765"
    assert all("d" not in one["publicKeyJwk"] for one in document["verificationMethod"])
    achievement = stranger.get("/credentials/go-to-helper/1").json()
    assert achievement["criteria"]["id"] == f"{BASE}/credentials/go-to-helper/1"
    page = stranger.get("/credentials/go-to-helper/1", headers={"Accept": "text/html"})
    assert "not for pay, rating or dismissal" in page.text
    assert stranger.get("/credentials/status/1").headers["content-type"].startswith(TOKEN)
    for path in ("/credentials/status/2", "/credentials/", "/credentials/go-to-helper/2", "/.well-known/other"):
        assert stranger.get(path).status_code in (401, 404)


def test_a_dry_run_shows_the_steward_what_would_be_signed(site):
    app, star, clients = site
    ws = app.state.ws
    object.__setattr__(ws.settings, "credentials", "dry-run")
    try:
        wish = {"understood": True, "by_mail": False}
        asked = star.post("/api/v1/me/credentials", json=wish).json()
        assert "only trying this out" in star.get("/me").text
        steward = clients[Role.STEWARD]
        answer = steward.post(f"/api/v1/recognitions/{asked['id']}", json={"sign": True}).json()
        assert answer["signed"] is False
        assert answer["preview"]["type"] == ["VerifiableCredential", "OpenBadgeCredential"]
        assert "What would be signed" in steward.post(f"/recognitions/{asked['id']}", data={"sign": "true"}).text
        assert steward.post(f"/api/v1/recognitions/{asked['id']}", json={"sign": False, "why": "agreement"}).json()["preview"] is None
        assert "The works agreement does not cover it." in star.get("/me").text
        assert star.delete(f"/api/v1/me/credentials/{asked['id']}").status_code == 204
    finally:
        object.__setattr__(ws.settings, "credentials", "on")


def test_switched_off_nothing_is_offered_and_what_was_signed_can_still_be_checked(site):
    app, star, clients = site
    object.__setattr__(app.state.ws.settings, "credentials", "off")
    try:
        assert star.get("/api/v1/me/credentials").status_code == 404
        assert "A credential of my own" not in star.get("/me").text
        assert clients[Role.STEWARD].get("/recognitions").status_code == 404
        assert "/recognitions" not in clients[Role.STEWARD].get("/signatures").text
        assert TestClient(app, base_url=BASE).get("/.well-known/did.json").status_code == 200
    finally:
        object.__setattr__(app.state.ws.settings, "credentials", "on")
    assert "/recognitions" in clients[Role.STEWARD].get("/signatures").text
    assert json.dumps(credentials.counts(app.state.ws))
