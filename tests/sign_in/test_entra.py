"""People of a tenant of Entra ID sign in through Microsoft's own library, and nothing but their account and application roles counts."""

from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from identity_provider import ACCOUNT, APPLICATION, CLIENT_ID, TENANT, serving_tenant
from pydantic import ValidationError

from api.auth import COOKIE
from api.sign_in import provider_of
from ona.errors import SettingsError, SignInRefusedError
from pipelines.access.rights import Role
from pipelines.access.sessions import session_viewer
from pipelines.entrance.entra import Entra
from pipelines.schema import SESSIONS, VIEWERS
from pipelines.settings import SignIn
from pipelines.storage.vault import Known

pytestmark = pytest.mark.parametrize("site", ["served_entra"], indirect=True, ids=[""])

OTHER_TENANT = "11111111-2222-4333-8444-555555555555"


def viewer_of(site, browser):
    return session_viewer(site.ws, browser.cookies[COOKIE])


def refused(site, **claims: object):
    """What somebody sees whose token has these claims."""
    site.provider.user = {"sub": "s1", "roles": ["Ona.Analyst"]}
    site.provider.bend_claims = lambda given: given.update(claims)
    browser = site.browser()
    answer = site.arrive(browser, site.reply(browser))
    assert COOKIE not in browser.cookies
    assert site.ws.service.rows(sa.select(SESSIONS)) == []
    return answer.status_code


def test_the_service_takes_the_library_of_the_tenant(site):
    assert isinstance(site.app.state.provider, Entra)
    assert isinstance(provider_of(site.ws.settings), Entra)


def test_a_person_signs_in_and_is_found_by_the_account_of_the_tenant(site):
    site.ws.vault.link([Known(("mail:p4@acme.example", f"entra:{TENANT}/{ACCOUNT}"))])
    browser = site.sign_in("Ona.Analyst", "Ona.Manager")
    viewer = viewer_of(site, browser)
    assert viewer.roles == {Role.ANALYST, Role.MANAGER}
    assert viewer.person == site.company.persons[4]
    assert browser.get("/api/v1/scans").status_code == 200


def test_the_request_carries_pkce_state_and_nonce_and_asks_for_no_lasting_access(site):
    address = site.browser().get("/sign-in/start").headers["location"]
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert urlsplit(address).path == f"/{TENANT}/oauth2/v2.0/authorize"
    assert (asked["code_challenge_method"], asked["response_type"], asked["client_id"]) == ("S256", "code", CLIENT_ID)
    assert len(asked["code_challenge"]) == 43
    assert min(len(asked["state"]), len(asked["nonce"])) >= 43
    assert set(asked["scope"].split()) == {"openid", "profile"}
    assert asked["redirect_uri"] == "http://127.0.0.1:8765/sign-in/callback"
    assert "prompt=login" in site.browser().get("/sign-in/start?again=1").headers["location"]
    assert "prompt" not in asked


def test_whoever_changes_their_address_stays_who_they_are_and_another_account_is_another_viewer(site):
    for sub, preferred in (("pairwise-1", "ann@acme.example"), ("pairwise-2", "ann.new@acme.example")):
        site.sign_in("Ona.Analyst", sub=sub, preferred_username=preferred)
    assert len(site.ws.service.rows(sa.select(VIEWERS))) == 1
    site.sign_in("Ona.Analyst", sub="pairwise-1", oid="9" * 8 + ACCOUNT[8:])
    assert len(site.ws.service.rows(sa.select(VIEWERS))) == 2


@pytest.mark.parametrize(
    "claims",
    [{"tid": OTHER_TENANT}, {"tid": None}, {"tid": TENANT.upper()}, {"oid": None}, {"oid": ""}, {"oid": [ACCOUNT]}],
    ids=["another tenant", "no tenant", "a tenant spelled otherwise", "no account", "an empty account", "several accounts"],
)
def test_an_account_that_is_not_of_this_tenant_is_refused(site, claims):
    assert refused(site, **claims) == 401


@pytest.mark.parametrize(
    "claims",
    [
        {"roles": [], "groups": ["Ona.Admin", "Ona.Analyst"]},
        {"roles": None, "wids": ["Ona.Admin"], "_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://g"}}},
        {"roles": ["ona.analyst"], "hasgroups": True},
    ],
    ids=["groups", "overage", "another spelling"],
)
def test_groups_are_never_roles_and_their_overage_is_never_fetched(site, claims):
    asked = len(site.provider.asked)
    assert refused(site, **claims) == 403
    assert {path.rpartition("/")[2] for path in site.provider.asked[asked:]} <= {"authorize", "token", "keys", "openid-configuration"}


def test_no_token_of_the_tenant_is_kept(site):
    site.sign_in("Ona.Analyst")
    cache = site.app.state.provider._application.token_cache
    assert [found for kind in ("AccessToken", "RefreshToken", "IdToken", "Account") for found in cache.search(kind)] == []


def test_a_tenant_that_sends_the_keys_elsewhere_is_refused(site):
    site.provider.described = {"jwks_uri": "https://203.0.113.9/keys"}
    assert refused(site) == 401


def test_an_application_that_proves_itself_with_another_certificate_gets_nothing(site, tmp_path):
    with serving_tenant(tmp_path):
        pass
    settings = site.ws.settings.sign_in.model_copy(update={"client_certificate": tmp_path / APPLICATION})
    other = Entra(settings, site.app.state.provider.redirect)
    other._trust = site.app.state.provider._trust
    begun = other.begin("state")
    code = parse_qs(urlsplit(site.redirect_of(begun.address)).query)["code"][0]
    with pytest.raises(SignInRefusedError):
        other.redeem(begun.secret, "state", code)


def test_a_secret_does_where_there_is_no_certificate(site):
    settings = site.ws.settings.sign_in.model_copy(update={"client_certificate": None})
    provider = Entra(settings, site.app.state.provider.redirect)
    provider._trust = site.app.state.provider._trust
    with pytest.raises(SettingsError, match="client_certificate or client_secret_file"):
        provider.begin("state")
    site.provider.application, kept = None, site.provider.application
    try:
        with_secret = Entra(SignIn(**settings.model_dump() | {"client_secret": "not-a-secret"}), provider.redirect)
        with_secret._trust = provider._trust
        begun = with_secret.begin("state")
        code = parse_qs(urlsplit(site.redirect_of(begun.address)).query)["code"][0]
        site.provider.user = {"sub": "s1", "roles": ["Ona.Analyst"]}
        assert with_secret.redeem(begun.secret, "state", code)["oid"] == ACCOUNT
    finally:
        site.provider.application = kept


def test_a_certificate_that_others_may_read_is_not_used(site, tmp_path):
    loose = tmp_path / "loose.pem"
    loose.write_text("not a key")
    loose.chmod(0o644)
    provider = Entra(site.ws.settings.sign_in.model_copy(update={"client_certificate": loose}), "http://127.0.0.1:8765/sign-in/callback")
    provider._trust = site.app.state.provider._trust
    with pytest.raises(SettingsError, match="readable by others"):
        provider.begin("state")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"issuer": "https://login.microsoftonline.com/common/v2.0"}, "one tenant"),
        ({"issuer": "https://login.microsoftonline.com/organizations/v2.0"}, "one tenant"),
        ({"issuer": f"https://sts.windows.net/{TENANT}/"}, "one tenant"),
        ({"issuer": f"http://127.0.0.1/{TENANT}/v2.0"}, "one tenant"),
        ({"role_claim": "groups"}, "groups are never read"),
        ({"provider": "openid", "client_certificate": "a.pem"}, "for provider entra"),
    ],
)
def test_settings_that_would_let_in_others_are_refused(site, changes, said):
    given = {"provider": "entra", "issuer": site.provider.issuer, "client_id": "x", "roles": {"Ona.Analyst": "analyst"}}
    assert SignIn(**given).person == "entra"
    with pytest.raises(ValidationError, match=said):
        SignIn(**given | changes)
