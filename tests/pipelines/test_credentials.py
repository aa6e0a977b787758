"""Credentials: asked for by the person alone, signed without a name, checked by the code of others, revoked, expiring, without a figure."""

import base64
import gzip
import hashlib
import json
import shutil
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import credentialed_company
import numpy as np
import pytest
import sqlalchemy as sa
from credentialed_company import EARLIER, NEWEST, NOW, STAR, settings_of

from ona.errors import ConflictError, ForbiddenError, NotFoundError, SettingsError
from pipelines import audit, erasure, retention
from pipelines.access import ReadableScan, Viewer
from pipelines.access.confirming import conditions
from pipelines.access.rights import Role
from pipelines.dates import months_after
from pipelines.growth import credential_forms, credentials, issuer
from pipelines.intake import people
from pipelines.rights import own_export
from pipelines.scans import open_scan
from pipelines.schema import CREDENTIAL_PLACES, CREDENTIALS, EVIDENCE_ROWS
from pipelines.settings import Settings
from pipelines.storage.workspace import open_workspace

PUBLIC = "https://ona.acme.example"
STEWARD = Viewer("steward", Role.STEWARD)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return credentialed_company.build(tmp_path_factory.mktemp("credentials") / "home")


@pytest.fixture
def place(made, tmp_path):
    """Open a copy in which credentials are on, at a fixed time."""
    shutil.copytree(made.home, tmp_path / "home")

    @contextmanager
    def opened(now=NOW, **more):
        with open_workspace(settings_of(tmp_path / "home", PUBLIC, **more), lambda: now) as ws:
            yield ws

    opened.persons = made.persons
    return opened


def holder(place):
    return Viewer("star", Role.EMPLOYEE, person=place.persons[STAR])


def newest(ws):
    return ReadableScan(open_scan(ws, NEWEST))


def signed(ws, place, **more):
    found = credentials.ask(ws, newest(ws), holder(place), understood=True, **more)
    assert credentials.sign(ws, STEWARD, found.id) is None
    return found.id, credentials.token(ws, holder(place), found.id)


def part(token, at):
    text = token.split(".")[at]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def checked_by_hand(ws, token):
    """Check a token with nothing of ours and nothing of a badge library: RFC 7515, RFC 7518 and the did:web document."""
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicNumbers
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    def number(text):
        return int.from_bytes(base64.urlsafe_b64decode(text + "=="), "big")

    document = issuer.load(ws.settings).document()
    head = part(token, 0)
    (method,) = [one for one in document["verificationMethod"] if one["id"] == head["kid"]]
    key = method["publicKeyJwk"]
    assert "d" not in key
    public = EllipticCurvePublicNumbers(number(key["x"]), number(key["y"]), SECP256R1()).public_key()
    text, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    public.verify(encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")), text.encode(), ECDSA(SHA256()))
    return part(token, 1)


def checked_by_library(ws, token):
    """Check a token with openbadgeslib as a stranger would: the issuer's keys and the status list are fetched from its address."""
    openbadgeslib = pytest.importorskip("openbadgeslib", reason="the extra `badges` is not installed")
    asked = []

    def download(url):
        asked.append(url)
        documents = {
            f"{PUBLIC}/.well-known/did.json": lambda: json.dumps(issuer.load(ws.settings).document()).encode(),
            f"{PUBLIC}/credentials/status/1": lambda: credentials.status_list(ws).encode(),
        }
        return documents[url]()

    verifier = openbadgeslib.OB3Verifier.for_issuer_did("did:web:ona.acme.example", download=download)
    found = verifier.verify(token)
    verifier.check_status(found, verify_list=True, download=download)
    return found


def revoked_bits(ws):
    subject = part(credentials.status_list(ws), 1)["credentialSubject"]
    text = subject["encodedList"]
    assert text[0] == "u"
    return np.unpackbits(np.frombuffer(gzip.decompress(base64.urlsafe_b64decode(text[1:] + "==")), np.uint8))


def test_nothing_is_offered_while_it_is_off_or_without_consent(place):
    with place(credentials="off") as ws:
        for door in (
            lambda: credentials.own_credentials(ws, newest(ws), holder(place)),
            lambda: credentials.ask(ws, newest(ws), holder(place), understood=True),
            lambda: credentials.waiting(ws, STEWARD),
        ):
            with pytest.raises(NotFoundError):
                door()
    with place() as ws:
        other = Viewer("other", Role.EMPLOYEE, person=place.persons[8])
        own = credentials.own_credentials(ws, newest(ws), other)
        assert (own.agreed, own.conditions, own.may_ask) == (False, None, False)
        with pytest.raises(ConflictError):
            credentials.ask(ws, newest(ws), other, understood=True)


def test_every_condition_has_to_hold(place):
    with place() as ws:
        found = conditions(ws, newest(ws), holder(place))
        assert found.met
        assert (found.traces, found.peers, found.agree, found.strong, found.steady) == (True,) * 5
        assert found.quarter == "2026-Q3"
        with ws.service.begin() as connection:
            connection.execute(sa.delete(EVIDENCE_ROWS).where(EVIDENCE_ROWS.c.source == "survey", EVIDENCE_ROWS.c.row >= 10_002))
        assert not conditions(ws, newest(ws), holder(place)).peers, "two colleagues are too few"
        for person in place.persons[9:30:5]:
            about = conditions(ws, newest(ws), Viewer("p", Role.EMPLOYEE, person=person))
            assert not about.met
        people.withhold(ws, place.persons[STAR])
        assert conditions(ws, newest(ws), holder(place)) is None


def test_one_scan_alone_is_not_steady(place):
    with place() as ws:
        ws.service.drop_scan(EARLIER)
        own = credentials.own_credentials(ws, newest(ws), holder(place))
        assert not own.conditions.steady
        assert not own.may_ask
        with pytest.raises(ConflictError):
            credentials.ask(ws, newest(ws), holder(place), understood=True)


def test_a_signed_credential_is_verified_by_a_library_and_by_hand(place):
    with place() as ws:
        _, token = signed(ws, place)
        by_hand = checked_by_hand(ws, token)
        found = checked_by_library(ws, token)
        assert found.issuer.id == by_hand["iss"] == "did:web:ona.acme.example"
        assert by_hand["validUntil"][:10] == str(months_after(NOW.date(), 12))
        assert by_hand["name"] == "Go-to helper 2026-Q3"
        head, body, signature = token.split(".")
        text = base64.urlsafe_b64encode(json.dumps(part(token, 1) | {"name": "Best of all"}).encode()).rstrip(b"=").decode()
        with pytest.raises(Exception, match="ignature"):
            checked_by_library(ws, f"{head}.{text}.{signature}")
        assert body != text


def test_it_holds_no_figure_no_name_and_no_address_unless_wished(place):
    with place() as ws:
        _, token = signed(ws, place)
        claims = part(token, 1)
        names = [name.casefold() for name in ws.vault.names(place.persons).values()]
        text = json.dumps(claims).casefold()
        assert not [name for name in names if name in text]
        assert not [word for word in ("score", "percentile", "centrality", "acme.example/people", "mail") if word in text]
        assert str(place.persons[STAR]) not in text
        assert set(claims["credentialSubject"]) == {"id", "type", "achievement"}
        assert claims["credentialSubject"]["id"].startswith("urn:uuid:")
        numbers = [
            value for value in json.loads(json.dumps(claims), parse_int=lambda n: ("n", int(n))).items() if isinstance(value[1], tuple)
        ]
        assert {name for name, _ in numbers} == {"nbf", "exp"}, "the only numbers are its dates"


def test_the_address_stands_in_it_as_a_salted_hash_when_wished(place):
    with place() as ws:
        _, token = signed(ws, place, by_mail=True)
        (identity,) = part(token, 1)["credentialSubject"]["identifier"]
        wanted = hashlib.sha256(f"p{STAR}@acme.example{identity['salt']}".encode()).hexdigest()
        assert identity["identityHash"] == f"sha256${wanted}"
        assert f"p{STAR}@" not in token
        checked_by_library(ws, token)


def test_two_credentials_cannot_be_joined_by_their_holder(place):
    with place() as ws:
        first, token = signed(ws, place)
        credentials.revoke(ws, holder(place), first)
        _, again = signed(ws, place)
        one, other = part(token, 1), part(again, 1)
        assert one["credentialSubject"]["id"] != other["credentialSubject"]["id"]
        assert one["id"] != other["id"]


def test_a_revoked_credential_is_told_apart_at_once_and_giving_one_changes_no_bit(place):
    with place() as ws:
        before = revoked_bits(ws)
        identity, token = signed(ws, place)
        assert np.array_equal(revoked_bits(ws), before), "whoever watches the list learns of no new credential"
        credentials.revoke(ws, holder(place), identity)
        at = int(part(token, 1)["credentialStatus"]["statusListIndex"])
        assert np.flatnonzero(revoked_bits(ws) != before).tolist() == [at]
        with pytest.raises(Exception, match="revocation"):
            checked_by_library(ws, token)
        with pytest.raises(ConflictError):
            credentials.token(ws, holder(place), identity)
        with pytest.raises(NotFoundError):
            credentials.revoke(ws, holder(place), identity)


def test_it_ends_by_itself(place):
    with place(credential_months=3) as ws:
        identity, token = signed(ws, place)
    with place(now=NOW + timedelta(days=100)) as ws:
        own = credentials.own_credentials(ws, newest(ws), holder(place))
        assert [one.state for one in own.credentials] == ["expired"]
        assert own.may_ask, "an expired one is no reason not to ask again"
        with pytest.raises(ConflictError):
            credentials.token(ws, holder(place), identity)
        assert part(token, 1)["exp"] - part(token, 1)["nbf"] < 93 * 86_400


def test_a_steward_decides_without_a_name_and_never_about_themself(place):
    with place() as ws:
        asked = credentials.ask(ws, newest(ws), holder(place), understood=True)
        (waits,) = credentials.waiting(ws, STEWARD)
        assert (waits.id, waits.mine, waits.conditions.met) == (asked.id, False, True)
        assert "name" not in {*vars(waits), *vars(waits.conditions)}
        own = Viewer("s", Role.STEWARD, person=place.persons[STAR])
        for step in (lambda: credentials.sign(ws, own, asked.id), lambda: credentials.decline(ws, own, asked.id, "other")):
            with pytest.raises(ConflictError, match="somebody else"):
                step()
        for role in set(Role) - {Role.STEWARD}:
            viewer = Viewer("x", role, person=place.persons[1])
            with pytest.raises(ForbiddenError):
                credentials.waiting(ws, viewer)
            with pytest.raises(ForbiddenError):
                credentials.sign(ws, viewer, asked.id)
        credentials.decline(ws, STEWARD, asked.id, "evidence")
        (one,) = credentials.own_credentials(ws, newest(ws), holder(place)).credentials
        assert (one.state, one.why) == ("declined", "evidence")
        with pytest.raises(NotFoundError):
            credentials.sign(ws, STEWARD, asked.id)


def test_whoever_takes_a_request_back_leaves_no_trace(place):
    with place() as ws:
        before = audit.count(ws)
        asked = credentials.ask(ws, newest(ws), holder(place), understood=True)
        credentials.withdraw(ws, holder(place), asked.id)
        assert ws.service.rows(sa.select(CREDENTIALS)) == []
        assert audit.count(ws) == before
        assert credentials.waiting(ws, STEWARD) == ()


def test_a_condition_that_fails_in_between_stops_the_signature(place):
    with place() as ws:
        asked = credentials.ask(ws, newest(ws), holder(place), understood=True)
        with ws.service.begin() as connection:
            connection.execute(sa.delete(EVIDENCE_ROWS).where(EVIDENCE_ROWS.c.source == "survey"))
        with pytest.raises(ConflictError, match="do not hold"):
            credentials.sign(ws, STEWARD, asked.id)
        people.set_consent(ws, place.persons[STAR], credentials.PURPOSE, granted=False)
        assert credentials.waiting(ws, STEWARD) == ()
        with pytest.raises(ConflictError):
            credentials.sign(ws, STEWARD, asked.id)


def test_asking_needs_to_know_and_happens_once(place):
    with place() as ws:
        with pytest.raises(ConflictError, match="understood"):
            credentials.ask(ws, newest(ws), holder(place), understood=False)
        with pytest.raises(ForbiddenError):
            credentials.ask(ws, newest(ws), replace(holder(place), acting=True), understood=True)
        signed(ws, place)
        with pytest.raises(ConflictError):
            credentials.ask(ws, newest(ws), holder(place), understood=True)
        with pytest.raises(ConflictError, match="revoked"):
            credentials.withdraw(ws, holder(place), credentials.own_credentials(ws, newest(ws), holder(place)).credentials[0].id)
        stranger = Viewer("o", Role.EMPLOYEE, person=place.persons[8])
        identity = ws.service.rows(sa.select(CREDENTIALS.c.id))[0].id
        for door in (credentials.token, credentials.revoke, credentials.withdraw):
            with pytest.raises(NotFoundError):
                door(ws, stranger, identity)


def test_a_dry_run_shows_what_would_be_signed_and_signs_nothing(place):
    with place(credentials="dry-run") as ws:
        asked = credentials.ask(ws, newest(ws), holder(place), understood=True)
        preview = credentials.sign(ws, STEWARD, asked.id)
        assert preview["name"] == "Go-to helper 2026-Q3"
        (row,) = ws.service.rows(sa.select(CREDENTIALS))
        assert (row.state, row.token, row.place) == ("asked", None, None)
        assert ws.service.rows(sa.select(CREDENTIAL_PLACES)) == []


def test_the_log_tells_of_signatures_by_their_number_alone(place):
    with place() as ws:
        identity, _ = signed(ws, place)
        credentials.revoke(ws, holder(place), identity)
        told = [(one.act.actor, one.act.action, one.act.object) for one in audit.entries(ws, 2)]
        assert told == [("holder", "revoke_credential", identity), ("steward", "sign_credential", identity)]
        assert all(str(place.persons[STAR]) not in str(one) for one in audit.entries(ws, 5))


def test_an_erased_person_leaves_a_place_that_reads_as_revoked_and_is_never_given_again(place):
    with place() as ws:
        _, token = signed(ws, place)
        at = int(part(token, 1)["credentialStatus"]["statusListIndex"])
        export = own_export.export_own(ws, holder(place))
        assert [row["state"] for row in export["stored_credentials"]] == ["signed"]
        assert "decided_by" not in export["stored_credentials"][0]
        erasure.erase(ws, place.persons[STAR])
        assert ws.service.rows(sa.select(CREDENTIALS)) == []
        assert revoked_bits(ws)[at] == 1
        assert credential_forms.free_place(ws, {at}) != at
        with pytest.raises(Exception, match="revocation"):
            checked_by_library(ws, token)


def test_what_is_over_is_deleted_in_time_and_a_valid_one_stays(place):
    with place(credential_months=12, keep_months=3) as ws:
        signed(ws, place)
    with place(now=NOW + timedelta(days=200), keep_months=3) as ws:
        retention.retain(ws)
        assert len(ws.service.rows(sa.select(CREDENTIALS))) == 1
    with place(now=NOW + timedelta(days=500), keep_months=3) as ws:
        retention.retain(ws)
        assert ws.service.rows(sa.select(CREDENTIALS)) == []
        assert len(ws.service.rows(sa.select(CREDENTIAL_PLACES))) == 1


def test_what_was_signed_with_an_older_key_stays_verifiable_and_its_secret_is_gone(place):
    with place() as ws:
        _, token = signed(ws, place)
        path = ws.settings.issuer_key_file
        before = path.read_text()
        with pytest.raises(SettingsError, match="rotate"):
            issuer.create(path)
        kid = issuer.create(path, again=True)
        assert kid not in before
        assert json.loads(before)["d"] not in path.read_text()
        assert oct(path.stat().st_mode & 0o777) == "0o600"
        checked_by_hand(ws, token)
        keys = issuer.load(ws.settings)
        assert len(keys.public) == 2
        assert all("d" not in one["publicKeyJwk"] for one in keys.document()["verificationMethod"])
        assert json.loads(path.read_text().splitlines()[-1])["d"] not in repr(keys)


@pytest.mark.parametrize("text", ["", "{}", "not json", '{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "k", "d": "AA"}'])
def test_a_damaged_key_or_one_that_others_read_is_refused_in_a_sentence(place, text):
    with place() as ws:
        path = ws.settings.issuer_key_file
        path.write_text(text)
        with pytest.raises(SettingsError, match="damaged"):
            issuer.load(ws.settings)
        path.chmod(0o644)
        with pytest.raises(SettingsError, match="chmod 600"):
            issuer.load(ws.settings)
        path.unlink()
        with pytest.raises(NotFoundError, match="ona credentials key"):
            issuer.load(ws.settings)


def test_the_settings_ask_for_an_address_a_name_and_the_agreement(tmp_path):
    with pytest.raises(ValueError, match="public_url, credential_issuer, works_council_ref"):
        Settings(home=tmp_path, credentials="on")
    with pytest.raises(ValueError, match="less than or equal to 12"):
        Settings(home=tmp_path, credential_months=13)
    assert Settings(home=tmp_path).credentials == "off"
