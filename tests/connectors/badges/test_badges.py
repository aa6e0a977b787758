"""Badges: what tables and Open Badges files claim, never more."""

import hashlib
import json
from datetime import date

import pytest

from connectors.archive import FileError
from connectors.badges import open_badges, table
from connectors.base import Coverage

ASSERTION = {
    "type": "Assertion",
    "id": "https://b.example/a/1",
    "recipient": {"type": "email", "hashed": False, "identity": "Ada@x.example"},
    "badge": {"name": "Facilitator", "issuer": {"name": "Academy"}, "tags": "listening"},
    "issuedOn": "2026-01-05T10:00:00Z",
}
CREDENTIAL = {
    "type": ["VerifiableCredential", "AchievementCredential"],
    "issuer": {"id": "did:web:b.example", "name": "Academy"},
    "issuanceDate": "2026-01-05T10:00:00Z",
    "expirationDate": "2027-01-05T10:00:00Z",
    "credentialSubject": {"id": "mailto:ada@x.example", "achievement": {"name": "Mentor"}},
}


@pytest.fixture
def read(tmp_path):
    """Read documents as files of a folder."""

    def badges(*documents):
        for n, document in enumerate(documents):
            (tmp_path / f"{n}.json").write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
        coverage = Coverage()
        found = list(open_badges.Connector(open_badges.Config(path=tmp_path)).badges(coverage))
        coverage.accepted = len(found)
        assert coverage.balanced
        return found, coverage

    return badges


def test_an_assertion_names_its_holder_issuer_and_skills(read):
    (badge,), _ = read(ASSERTION)
    assert (badge.holder, badge.name, badge.issuer, badge.standard) == ("email:ada@x.example", "Facilitator", "Academy", "ob2")
    assert (badge.skills, badge.issued_on, badge.expires_on) == (("listening",), date(2026, 1, 5), None)


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({}, "holder-claimed"),
        ({"verification": {"type": "hosted"}}, "unknown"),
        ({"verify": {"type": "signed"}}, "unknown"),
        ({"revoked": True}, "revoked"),
    ],
)
def test_nothing_read_offline_is_called_verified(read, more, status):
    assert read(ASSERTION | more)[0][0].status == status


def test_a_hashed_holder_is_kept_as_hash_and_salt(read):
    digest = hashlib.sha256(b"ada@x.examplesalt").hexdigest()
    hashed = {"type": "email", "hashed": True, "salt": "salt", "identity": f"sha256${digest.upper()}"}
    assert read(ASSERTION | {"recipient": [hashed]})[0][0].holder == f"sha256$salt${digest}"


def test_a_credential_of_version_3_is_read_in_old_and_new_terms(read):
    hashed = {"identityHash": "sha256$" + "0" * 64, "hashed": True, "salt": "s", "identityType": "emailAddress"}
    new = {key: value for key, value in CREDENTIAL.items() if "Date" not in key} | {"validFrom": "2026-02-01", "proof": {"type": "x"}}
    new["credentialSubject"] = {"identifier": hashed, "achievement": {"name": {"en": "Mentor"}, "alignment": [{"targetName": "Coaching"}]}}
    (old, other), _ = read(CREDENTIAL, new)
    assert (old.holder, old.name, old.issuer, old.standard, old.status) == (
        "email:ada@x.example",
        "Mentor",
        "Academy",
        "ob3",
        "holder-claimed",
    )
    assert (old.issued_on, old.expires_on) == (date(2026, 1, 5), date(2027, 1, 5))
    assert (other.holder, other.name, other.skills, other.status) == ("sha256$s$" + "0" * 64, "Mentor", ("Coaching",), "unknown")
    assert old.id != other.id


def test_a_badge_class_beside_the_assertion_lends_its_name(read):
    other = {"type": "BadgeClass", "id": "https://b.example/b", "name": "Coach", "issuer": "https://b.example/i"}
    (badge,), _ = read(
        ASSERTION | {"badge": "https://b.example/b"}, other, {"type": "Issuer", "id": "https://b.example/i", "name": "Academy"}
    )
    assert (badge.name, badge.issuer) == ("Coach", "Academy")


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (ASSERTION | {"badge": "https://elsewhere.example"}, "badge_elsewhere"),
        (ASSERTION | {"recipient": {"identity": 7}}, "holder_missing"),
        (ASSERTION | {"recipient": "x"}, "holder_missing"),
        (ASSERTION | {"recipient": {"hashed": True, "identity": "md5$00"}}, "hash_unsupported"),
        (ASSERTION | {"recipient": {"identity": "nobody"}}, "address_at"),
        (ASSERTION | {"issuedOn": "soon"}, "date_unreadable"),
        (b'{"type":"Assertion","type":"x"}', "json_duplicate_key"),
        (b"{", "json_syntax"),
        (b"[" * 100_000, "json_depth"),
        (b'{"a":"' + b"x" * 2**20 + b'"}', "too_large"),
    ],
)
def test_a_bad_badge_is_quarantined_and_the_others_are_kept(read, document, code):
    found, coverage = read(document, CREDENTIAL)
    assert [badge.name for badge in found] == ["Mentor"]
    assert coverage.quarantined == {code: 1}


def badge_table(tmp_path, text, **options):
    path = tmp_path / "badges.csv"
    path.write_text(text)
    coverage = Coverage()
    return list(table.Connector(table.Config(path=path, **options)).badges(coverage)), coverage


def test_a_table_row_is_a_badge_of_an_address_or_an_employee(tmp_path):
    text = 'employee_id,email,badge,issuer,skills,issued_on\n007,,Coach,Academy,a;b,44197\n,Ada@x.example,Coach,Academy,"a, b",\n'
    badges, _ = badge_table(tmp_path, text)
    assert [badge.holder for badge in badges] == ["id:hr/007", "email:ada@x.example"]
    assert [badge.skills for badge in badges] == [("a", "b"), ("a", "b")]
    assert badges[0].issued_on == date(2021, 1, 1)
    assert badges[0].id != badges[1].id


@pytest.mark.parametrize(
    ("cell", "default", "status"),
    [
        ("", "unknown", "unknown"),
        ("Verified", "unknown", "unknown"),
        ("verified", "issuer-asserted", "issuer-asserted"),
        ("Revoked", "issuer-asserted", "revoked"),
        ("holder claimed", "unknown", "holder-claimed"),
    ],
)
def test_a_table_cannot_call_itself_verified(tmp_path, cell, default, status):
    assert badge_table(tmp_path, f"email,badge,status\na@x.example,Coach,{cell}\n", status=default)[0][0].status == status


def test_a_table_without_badge_or_holder_is_refused_and_bad_rows_are_counted(tmp_path):
    with pytest.raises(FileError):
        badge_table(tmp_path, "email,issuer\n")
    badges, coverage = badge_table(tmp_path, "email,badge\na@x.example,\nx,Coach\na@x.example\na@x.example,Coach\n")
    assert len(badges) == 1
    assert coverage.read == 4
    assert coverage.quarantined == {"badge_missing": 1, "address_at": 1, "column_count": 1}
