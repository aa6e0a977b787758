"""Whatever is wrong with a provider's answer, nobody is signed in, and the service says the same calm sentence each time."""

import base64
import hmac
import json
import time

import pytest
import sqlalchemy as sa
from joserfc import jwt
from joserfc.jwk import RSAKey

from api.auth import COOKIE
from pipelines.schema import SESSIONS, VIEWERS

pytestmark = pytest.mark.parametrize("site", ["served", "served_entra"], indirect=True, ids=["any provider", "Entra ID"])
"""Every refusal holds for both ways: through Authlib, and through msal."""

OTHER = RSAKey.generate_key(2048, {"kid": "other"})


def unsigned(claims: dict) -> str:
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


def signed_with_the_public_key(site):
    """The old trick: a symmetric signature with what everybody may read."""
    public = site.provider.keys.keys[0].as_pem(private=False)

    def sign(claims: dict) -> str:
        head, body = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({"alg": "HS256", "kid": "k1"}, claims))
        mac = base64.urlsafe_b64encode(hmac.digest(public, head + b"." + body, "sha256")).rstrip(b"=")
        return b".".join((head, body, mac)).decode()

    return sign


def without_signature(site):
    return lambda claims: site.provider.signed(claims).rpartition(".")[0] + "."


def of_somebody_else(claims: dict) -> str:
    return jwt.encode({"alg": "RS256", "kid": "k1"}, claims, OTHER)


def put(**changes):
    return lambda claims: claims.update(changes)


def drop(name):
    return lambda claims: claims.pop(name)


NOW = int(time.time())

BENT_CLAIMS = {
    "wrong issuer": put(iss="https://login.evil.example"),
    "no issuer": drop("iss"),
    "wrong audience": put(aud="somebody-else"),
    "no audience": drop("aud"),
    "audience of several without azp": put(aud=["ona-test", "somebody-else"]),
    "wrong azp": put(aud=["ona-test", "somebody-else"], azp="somebody-else"),
    "wrong azp of one audience": put(azp="somebody-else"),
    "wrong nonce": put(nonce="replayed"),
    "no nonce": drop("nonce"),
    "expired": put(iat=NOW - 7200, exp=NOW - 3600),
    "expired a little more than the leeway": put(exp=NOW - 90),
    "no expiry": drop("exp"),
    "an expiry that is no number": put(exp="tomorrow"),
    "issued in the future": put(iat=NOW + 3600, exp=NOW + 7200),
    "not valid yet": put(nbf=NOW + 3600),
    "no subject": drop("sub"),
    "an empty subject": put(sub=""),
    "a subject that is a list": put(sub=["s1"]),
    "a wrong hash of the access token": put(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
}

BENT_SIGNATURES = {
    "unsigned": lambda site: unsigned,
    "signature cut off": without_signature,
    "symmetric with the public key": signed_with_the_public_key,
    "another key under the same name": lambda site: of_somebody_else,
    "an unknown key": lambda site: lambda claims: jwt.encode({"alg": "RS256", "kid": "k9"}, claims, OTHER),
    "not a token": lambda site: lambda claims: "nonsense",
    "an algorithm of an unknown name": lambda site: lambda claims: "eyJhbGciOiJSUzMyIn0." + site.provider.signed(claims).partition(".")[2],
    "very long": lambda site: lambda claims: site.provider.signed(claims | {"padding": "x" * 200_000}),
}

BENT_REPLIES = {
    "another state": put(state="another"),
    "no state": drop("state"),
    "another issuer in the reply": put(iss="https://login.evil.example"),
    "a code that was never given": put(code="guessed"),
    "no code": drop("code"),
    "an empty code": put(code=""),
    "an error instead of a code": lambda reply: (reply.pop("code"), reply.update(error="access_denied", error_description="<b>no</b>")),
}

BENT_ANSWERS = {
    "no id token": drop("id_token"),
    "an id token that is no text": put(id_token=7),
    "an error": lambda answer: (answer.clear(), answer.update(error="invalid_grant")),
}


def assert_refused(site, browser, back: str) -> None:
    answer = site.arrive(browser, back)
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False), answer.text
    assert "was not completed" in answer.text
    assert "evil" not in answer.text
    assert "<b>" not in answer.text
    assert COOKIE not in browser.cookies
    assert site.ws.service.rows(sa.select(SESSIONS)) == []
    assert site.ws.service.rows(sa.select(VIEWERS)) == []


def begun(site):
    site.provider.user = {"sub": "s1", "roles": ["Ona.Analyst"]}
    browser = site.browser()
    return browser, site.reply(browser)


@pytest.mark.parametrize("name", BENT_CLAIMS)
def test_claims_that_are_not_as_they_have_to_be(site, name):
    site.provider.bend_claims = BENT_CLAIMS[name]
    assert_refused(site, *begun(site))


@pytest.mark.parametrize("name", BENT_SIGNATURES)
def test_signatures_that_prove_nothing(site, name):
    site.provider.sign = BENT_SIGNATURES[name](site)
    assert_refused(site, *begun(site))


@pytest.mark.parametrize("name", BENT_REPLIES)
def test_replies_that_were_bent_on_the_way(site, name):
    site.provider.bend_reply = BENT_REPLIES[name]
    assert_refused(site, *begun(site))


@pytest.mark.parametrize("name", BENT_ANSWERS)
def test_answers_of_the_token_endpoint_without_a_token(site, name):
    site.provider.bend_answer = BENT_ANSWERS[name]
    assert_refused(site, *begun(site))


def test_a_reply_without_issuer_from_a_provider_that_always_names_itself(site):
    site.provider.described = {"authorization_response_iss_parameter_supported": True}
    site.provider.bend_reply = drop("iss")
    assert_refused(site, *begun(site))


def test_a_provider_that_calls_itself_otherwise(site):
    site.provider.described = {"issuer": "https://login.evil.example"}
    answer = site.browser().get("/sign-in/start")
    assert (answer.status_code, "evil" in answer.text) == (401, False)


def test_a_description_that_sends_the_code_elsewhere(site):
    site.provider.described = {"token_endpoint": "https://203.0.113.9/token" if site.trust else "http://203.0.113.9/token"}
    assert_refused(site, *begun(site))


def test_a_reply_works_once_and_in_the_browser_that_asked_for_it(site):
    browser, back = begun(site)
    assert_refused(site, site.browser(), back)  # a stolen reply, or one that is forced upon somebody
    thief = site.browser()
    site.reply(thief)
    assert_refused(site, thief, back)
    again, codes = site.browser(), dict(site.provider.codes)
    again.cookies = browser.cookies  # a copy, taken before the service clears them
    assert site.arrive(browser, back).status_code == 303
    browser.cookies.delete(COOKIE)
    assert site.arrive(browser, back).status_code == 401
    site.provider.codes.update(codes)  # a careless provider, that would take its code twice, is not asked
    assert site.arrive(again, back).status_code == 401


def test_a_code_of_another_sign_in_fails_at_the_provider_for_want_of_its_verifier(site):
    browser, _ = begun(site)
    codes = set(site.provider.codes)
    begun(site)
    stolen = (set(site.provider.codes) - codes).pop()
    site.provider.bend_reply = put(code=stolen)
    assert_refused(site, browser, site.reply(browser))
    assert stolen not in site.provider.codes  # the provider was asked, and said no


def test_a_sign_in_that_took_too_long(site, later):
    browser, back = begun(site)
    later(site.ws, minutes=11)
    assert_refused(site, browser, back)


def test_a_new_key_is_asked_for_once(site):
    begun_with = site.sign_in("Ona.Analyst")
    assert begun_with.get("/api/v1/scans").status_code == 200
    site.provider.rotate("k2")
    site.app.state.provider.clock = lambda: time.time() + 31  # the pause between two forced looks is over
    asked = site.provider.asked.count(site.provider.places["keys"])
    site.sign_in("Ona.Analyst")
    assert site.provider.asked.count(site.provider.places["keys"]) == asked + 1


def test_strangers_cannot_make_us_ask_for_keys_all_the_time(site):
    site.sign_in("Ona.Analyst")
    asked = site.provider.asked.count(site.provider.places["keys"])
    for _ in range(3):
        token = jwt.encode({"alg": "RS256", "kid": "k9"}, site.provider.claims(events={}), OTHER)
        assert site.browser().post("/sign-in/back-channel", data={"logout_token": token}).status_code == 400
    assert site.provider.asked.count(site.provider.places["keys"]) - asked <= 1


def test_a_provider_that_is_down_keeps_nobody_out_who_is_in(site):
    browser = site.sign_in("Ona.Analyst")
    site.provider.down = True
    site.app.state.provider.forget()
    assert browser.get("/api/v1/scans").status_code == 200
    answer = site.browser().get("/sign-in/start")
    assert answer.status_code == 503
    assert "Who is signed in stays so" in answer.text
    assert answer.headers["retry-after"]


def test_unknown_application_roles_give_no_role(site):
    site.provider.user = {"sub": "s1", "roles": ["Ona.Root", "admin", "Ona.Analyst "]}
    browser = site.browser()
    answer = site.arrive(browser, site.reply(browser))
    assert answer.status_code == 403
    assert "no role" in answer.text
    assert COOKIE not in browser.cookies


@pytest.mark.parametrize("claims", [{"email": "p3@acme.example"}, {"email": "p3@acme.example", "email_verified": "true"}])
def test_an_address_that_is_not_verified_finds_nobody(site, claims):
    site.sign_in("Ona.Analyst", sub="s7", **claims)
    assert [row.person for row in site.ws.service.rows(sa.select(VIEWERS))] == [None]
