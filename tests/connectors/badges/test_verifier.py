"""Verification: every kind of bad badge gets its status, minted by the library or by hand; nothing is fetched unless listed."""

import base64
import gzip
import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from connectors.archive import FileError
from connectors.badges import open_badges, verifier
from connectors.base import Coverage

openbadgeslib = pytest.importorskip("openbadgeslib", reason="the extra `badges` is not installed")
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: E402
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: E402
from openbadgeslib import Achievement, Issuer, KeyEd25519, KeyRSA, OB2Signer, OB3Signer, OpenBadgeCredential  # noqa: E402
from openbadgeslib.ob2.models import Assertion, IdentityObject, Verification  # noqa: E402
from openbadgeslib.ob3.did import did_key_from_pem  # noqa: E402

ISSUER = "did:web:academy.example"
STATUS = "https://academy.example/status/1"
NOW = datetime.now(UTC)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"><title>CANARY</title></svg>'
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


@pytest.fixture(scope="module")
def keys():
    """Mint two key pairs: the academy's and a stranger's."""
    return [KeyEd25519().generate_keypair() for _ in range(2)]


def credential(**more):
    given = {"issuer": Issuer(id=ISSUER, name="Academy"), "recipient_id": "mailto:ada@x.example", "issuance_date": NOW - timedelta(days=9)}
    achievement = Achievement(id="https://academy.example/mentor", name="Mentor", description="CANARY", criteria_narrative="CANARY")
    return OpenBadgeCredential(**given | {"achievement": achievement} | more)


@pytest.fixture
def read(tmp_path, keys):
    """Write one badge file, read it with the academy's key configured, and give its status and method."""

    def status(data, name="badge.jwt", *, beside=None, key=None, believed=(ISSUER,), download=None, hosts=("academy.example",)):
        folder = tmp_path / "badges"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (tmp_path / "academy.pem").write_bytes(key or keys[0][1])
        for file, content in ({name: data} | (beside or {})).items():
            (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())
        issuers = dict.fromkeys(believed, tmp_path / "academy.pem")
        connector = open_badges.Connector(open_badges.Config(path=folder, issuers=issuers, hosts=hosts))
        connector.download = download
        coverage = Coverage()
        found = list(connector.badges(coverage))
        coverage.accepted = len(found)
        assert coverage.balanced
        assert "CANARY" not in str([(b.id, b.holder, b.name, b.issuer, b.skills, b.level) for b in found])
        if not found:
            return dict(coverage.quarantined)
        assert [(badge.holder, badge.name, badge.issuer) for badge in found] == [("email:ada@x.example", "Mentor", "Academy")]
        return found[0].status, found[0].method

    return status


def by_hand(private, payload):
    """Sign a payload without the library: RFC 7515 with EdDSA (RFC 8037)."""
    private = private if isinstance(private, Ed25519PrivateKey) else _loaded(private)
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    header = {"alg": "EdDSA", "typ": "JWT", "jwk": {"kty": "OKP", "crv": "Ed25519", "x": _base64(public)}}
    text = f"{_base64(json.dumps(header).encode())}.{_base64(json.dumps(payload).encode())}"
    return f"{text}.{_base64(private.sign(text.encode()))}"


def _loaded(pem):
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return load_pem_private_key(pem, None)


def _base64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def written_by_hand(**more):
    """Write the claims of a credential as the specification lists them."""
    began = (NOW - timedelta(days=9)).replace(microsecond=0)
    return {
        "@context": ["https://www.w3.org/ns/credentials/v2", "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],
        "id": "urn:uuid:8d4b1d0e-7f0b-4b0e-9b36-000000000001",
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": "Mentor",
        "issuer": {"id": ISSUER, "type": ["Profile"], "name": "Academy"},
        "validFrom": began.isoformat().replace("+00:00", "Z"),
        "credentialSubject": {
            "id": "mailto:ada@x.example",
            "type": ["AchievementSubject"],
            "achievement": {
                "id": "https://academy.example/mentor",
                "type": ["Achievement"],
                "name": "Mentor",
                "description": "CANARY",
                "criteria": {"narrative": "CANARY"},
            },
        },
        "iss": ISSUER,
        "sub": "mailto:ada@x.example",
        "jti": "urn:uuid:8d4b1d0e-7f0b-4b0e-9b36-000000000001",
        "nbf": int(began.timestamp()),
    } | more


def changed(token):
    """Change the holder's achievement in a signed token and keep the signature."""
    head, body, signature = token.split(".")
    text = base64.urlsafe_b64decode(body + "==").replace(b"academy.example/mentor", b"academy.example/expert")
    return f"{head}.{_base64(text)}.{signature}"


def test_a_credential_of_a_known_issuer_is_verified_minted_by_the_library_or_by_hand(read, keys):
    assert read(OB3Signer(keys[0][0], "EdDSA").sign(credential())) == ("verified", "signature")
    assert read(by_hand(keys[0][0], written_by_hand())) == ("verified", "signature")


def test_a_credential_that_was_changed_or_signed_by_another_fails(read, keys):
    token = OB3Signer(keys[0][0], "EdDSA").sign(credential())
    assert read(changed(token)) == ("failed", "signature")
    assert read(OB3Signer(keys[1][0], "EdDSA").sign(credential())) == ("failed", "signature")
    assert read(by_hand(keys[1][0], written_by_hand())) == ("failed", "signature")


def test_a_wrong_context_fails(read, keys):
    assert read(by_hand(keys[0][0], written_by_hand(**{"@context": ["https://elsewhere.example/v1"]}))) == ("failed", "signature")


def test_an_expired_credential_is_expired_and_a_changed_one_is_worse(read, keys):
    over = OB3Signer(keys[0][0], "EdDSA").sign(credential(expiration_date=NOW - timedelta(days=1)))
    assert read(over) == ("expired", "signature")
    assert read(changed(over)) == ("failed", "signature")
    ended = (NOW - timedelta(days=1)).replace(microsecond=0)
    hand = by_hand(keys[0][0], written_by_hand(validUntil=ended.isoformat().replace("+00:00", "Z"), exp=int(ended.timestamp())))
    assert read(hand) == ("expired", "signature")
    assert read(changed(hand)) == ("failed", "signature")


def test_an_unknown_issuer_stays_unknown_and_a_key_of_its_own_proves_nobody(read, keys):
    assert read(OB3Signer(keys[0][0], "EdDSA").sign(credential()), believed=()) == ("unknown", "none")
    own = did_key_from_pem(keys[1][1])
    token = OB3Signer(keys[1][0], "EdDSA").sign(credential(issuer=Issuer(id=own, name="Academy")))
    assert read(token) == ("holder-claimed", "own-signature")
    assert read(changed(token)) == ("failed", "own-signature")


@pytest.mark.parametrize(
    ("purpose", "bit", "status"), [("revocation", 1, "revoked"), ("suspension", 1, "suspended"), ("revocation", 0, "verified")]
)
@pytest.mark.parametrize("minted", ["by_library", "by_hand"])
def test_a_status_list_is_asked_only_on_a_listed_host(read, keys, purpose, bit, status, minted):
    entry = {
        "id": f"{STATUS}#0",
        "type": "BitstringStatusListEntry",
        "statusPurpose": purpose,
        "statusListIndex": "0",
        "statusListCredential": STATUS,
    }
    signer = OB3Signer(keys[0][0], "EdDSA")
    token = signer.sign(credential(credential_status=[entry]))
    if minted == "by_hand":
        token = by_hand(keys[0][0], written_by_hand(credentialStatus=[entry]))
    bits = bytes([bit << 7]) + bytes(16_383)
    listed = {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": STATUS,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": ISSUER,
        "validFrom": "2026-01-01T00:00:00Z",
        "credentialSubject": {
            "id": f"{STATUS}#list",
            "type": "BitstringStatusList",
            "statusPurpose": purpose,
            "encodedList": "u" + _base64(gzip.compress(bits)),
        },
        "iss": ISSUER,
        "jti": STATUS,
        "nbf": 1767225600,
    }
    asked = []

    def download(url):
        asked.append(url)
        return signer.sign_payload(listed).encode()

    assert read(token, download=download) == (status, "signature")
    assert asked == [STATUS]
    assert read(token) == ("unknown", "signature")  # offline: it may have been revoked
    assert read(token, download=download, hosts=("other.example",)) == ("unknown", "signature")
    assert asked == [STATUS]


def test_baked_images_hold_what_their_tokens_hold(read, keys):
    signer, badge = OB3Signer(keys[0][0], "EdDSA"), credential()
    assert read(signer.sign_into_svg(badge, SVG), "a.svg") == ("verified", "signature")
    assert read(signer.sign_into_png(badge, PNG), "a.png") == ("verified", "signature")
    assert read(OB3Signer(keys[1][0], "EdDSA").sign_into_png(badge, PNG), "a.png") == ("failed", "signature")


def test_signed_assertions_of_version_2_are_checked_as_tokens_and_in_images(read):
    private, public = KeyRSA().generate_keypair()
    classes = {"id": "https://academy.example/mentor.json", "type": "BadgeClass", "name": "Mentor"}
    classes["issuer"] = {"id": "https://academy.example/issuer.json", "name": "Academy"}
    more = {"beside": {"class.json": json.dumps(classes)}, "key": public, "believed": ("https://academy.example/issuer.json",)}

    def assertion(**given):
        recipient = IdentityObject(type="email", hashed=False, identity="ada@x.example")
        how = Verification(type="SignedBadge", creator="https://academy.example/key.json")
        return Assertion(recipient=recipient, badge=classes["id"], verification=how, **given)

    token = OB2Signer(private).sign(assertion())
    head, body, signature = token.split(".")
    later = base64.urlsafe_b64decode(body + "==").replace(b'"issuedOn"', b'"expires": "2099-01-01T00:00:00Z", "issuedOn"')
    assert read(token, "a.jws", **more) == ("verified", "signature")
    assert read(OB2Signer(private).sign_into_svg(assertion(), SVG), "a.svg", **more) == ("verified", "signature")
    assert read(OB2Signer(private).sign_into_png(assertion(), PNG), "a.png", **more) == ("verified", "signature")
    assert read(f"{head}.{_base64(later)}.{signature}", "a.jws", **more) == ("failed", "signature")
    over = OB2Signer(private).sign(assertion(issued_on=NOW - timedelta(days=9), expires=NOW - timedelta(days=2)))
    assert read(over, "a.jws", **more) == ("expired", "signature")
    assert read(token, "a.jws", **more | {"believed": ()}) == ("unknown", "none")


def test_a_hosted_assertion_is_verified_only_by_the_copy_at_its_own_address(read):
    issuer = {
        "@context": "https://w3id.org/openbadges/v2",
        "type": "Issuer",
        "id": "https://academy.example/issuer.json",
        "name": "Academy",
        "url": "https://academy.example",
        "email": "a@academy.example",
    }
    classes = {
        "@context": "https://w3id.org/openbadges/v2",
        "type": "BadgeClass",
        "id": "https://academy.example/mentor.json",
        "name": "Mentor",
        "description": "CANARY",
        "image": "https://academy.example/i.png",
        "criteria": {"narrative": "CANARY"},
        "issuer": issuer["id"],
    }
    assertion = {
        "@context": "https://w3id.org/openbadges/v2",
        "type": "Assertion",
        "id": "https://academy.example/a/1.json",
        "recipient": {"type": "email", "hashed": False, "identity": "ada@x.example"},
        "badge": classes["id"],
        "issuedOn": "2026-01-05T10:00:00Z",
        "verification": {"type": "HostedBadge"},
    }
    served = {document["id"]: document for document in (issuer, classes, assertion)}
    asked = []

    def download(url):
        asked.append(url)
        return json.dumps(served[url]).encode()

    file = json.dumps([assertion, classes, issuer])
    assert read(file, "a.json") == ("unknown", "none")
    assert read(file, "a.json", download=download, hosts=()) == ("unknown", "none")
    assert asked == []
    status, method = read(file, "a.json", download=download)
    assert (status, method) == ("verified", "hosted")
    served[assertion["id"]] = assertion | {"recipient": {"type": "email", "hashed": False, "identity": "bo@x.example"}}
    assert read(file, "a.json", download=download) == ("failed", "hosted")


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.jwt", b"a.b", "json_syntax"),
        ("a.jwt", b"aaaa.!!!!.cccc", "json_syntax"),
        ("a.jwt", b"aaaa.bbbb.cccc", "json_encoding"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "nothing_baked"),
        ("a.png", PNG, "nothing_baked"),
        ("a.svg", SVG, "nothing_baked"),
        ("a.svg", b'<!DOCTYPE x [<!ENTITY a "CANARY">]><svg>&a;</svg>', "nothing_baked"),
        ("a.svg", b"x" * (2**20 + 1), "too_large"),
    ],
)
def test_a_file_that_holds_no_badge_is_counted_by_code(read, name, data, code):
    assert read(data, name) == {code: 1}


@pytest.mark.parametrize(
    "url",
    [
        "http://academy.example/x",
        "https://academy.example:8443/x",
        "https://user@academy.example/x",
        "javascript:alert(1)",
        "https://127.0.0.1/x",
        "https://academy.example.evil.example/x",
        "https://[::1",
        7,
    ],
)
def test_no_other_address_is_ever_asked(url):
    anchors = verifier.Anchors({}, frozenset({"academy.example"}), lambda _: b"")
    assert not anchors.reaches(url)
    if isinstance(url, str):
        with pytest.raises(ValueError, match="may not be fetched"):
            anchors.fetch(url)


def test_without_the_extra_a_signature_is_unknown_and_an_image_says_what_is_missing(read, keys, monkeypatch):
    token = OB3Signer(keys[0][0], "EdDSA").sign(credential())
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert read(token) == ("unknown", "none")
    assert read(PNG, "b.png") == {"extra_missing": 1}
    with pytest.raises(FileError, match="extra"):
        verifier.baked(PNG)
