"""Canonical forms and tokens: the published vectors, and what holds for every input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.identity import (
    AddressRules,
    HandleError,
    address_reader,
    alias_token,
    canonical,
    entra_handle,
    event_id,
    handle,
    id_handle,
    slack_handle,
    token_text,
)

KEY = bytes(range(32))

# The five vectors of the pseudonymisation specification, computed there with another program.
VECTORS = [
    ("person", "email:alice@example.com", "6reph76pnfdjkpnu6xqahe7ahiv5yra5"),
    ("person", "email:zoë.müller@xn--bcher-kva.example", "zbee26x77xiwqjizfx2xjppssm75ndmf"),
    ("person", "slack:T024BE7LD/U024BE7LH", "llstwxgdz4qnnkcmblfgag77a6hloak5"),
    (
        "person",
        "entra:6fbb1a2e-7c1b-4d6a-9a40-0f2f2f6d1c11/0d2a7f9c-55aa-4a8e-b7a1-1f0c6a1f9e77",
        "46om25viw3cb773gmjpl2o44uz34yrgr",
    ),
    ("domain", "supplier.example", "wyptpia62xcn3spd2fdybvx4sliq4n6h"),
]


@pytest.mark.parametrize(("namespace", "text", "token"), VECTORS)
def test_a_token_equals_its_published_vector(namespace, text, token):
    assert token_text(alias_token(KEY, namespace, text)) == token


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Alice <ALICE+news@Example.COM.>", "alice@example.com"),
        ("Zoe\u0308.Müller@Bücher.example", "zoë.müller@xn--bcher-kva.example"),
        ("\uff41lice@example.com", "alice@example.com"),
        ("straße@example.com", "straße@example.com"),
        ("\u0130lker@example.com", "i\u0307lker@example.com"),
        ("al.ice@example.com", "al.ice@example.com"),
        ("  mailto:Bob@Example.com\n", "bob@example.com"),
        ('"a@b"@example.com', '"a@b"@example.com'),
        ("straße@STRASSE.example", "straße@strasse.example"),
        ("a@straße.example", "a@xn--strae-oqa.example"),  # UTS-46 without the transitional mapping
    ],
)
def test_an_address_has_one_canonical_form(raw, expected):
    assert canonical(raw) == f"email:{expected}"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", "address_at"),
        ("nobody", "address_at"),
        ("a@b@example.com", "address_at"),
        ("a\0b@example.com", "address_control"),
        ("a\u200bb@example.com", "address_control"),
        ("a\x07b@example.com", "address_control"),
        ("+tag@example.com", "address_local"),
        ("a b@example.com", "address_local"),
        ("\uff20@example.com", "address_local"),
        ("x" * 65 + "@example.com", "address_long"),
        ("x" * 5000, "address_long"),
        ("a" * 20 + "@" + ".".join(["x" * 60] * 4) + ".example", "address_long"),
        ("a@exa mple.com", "address_domain"),
        ("a@-x-.example", "address_domain"),
        ("undisclosed-recipients:;", "address_at"),
    ],
)
def test_what_is_no_address_is_refused_by_code_and_never_repeated(raw, code):
    with pytest.raises(HandleError) as caught:
        canonical(raw)
    assert caught.value.code == code
    assert not raw or raw not in str(caught.value)


def test_a_company_may_keep_plus_signs_ignore_dots_and_join_domains():
    rules = AddressRules(frozenset({"plus.example"}), frozenset({"dots.example"}), {"old.example": "new.example"})
    assert canonical("a+b@plus.example", rules) == "email:a+b@plus.example"
    assert canonical("a.l.i@dots.example", rules) == "email:ali@dots.example"
    assert canonical("ada@Old.example", rules) == "email:ada@new.example"


def test_one_reader_remembers_only_a_bounded_number_of_addresses():
    reader = address_reader()
    reader("a@b.example")
    assert reader("a@b.example") == "email:a@b.example"
    assert reader.cache_info().hits == 1
    assert reader.cache_info().maxsize is not None


def test_account_ids_keep_their_case_and_zeros():
    assert slack_handle("T1", "U7a") == "slack:T1/U7a"
    assert entra_handle(" 6FBB1A2E-7c1b-4d6a-9a40-0f2f2f6d1c11", "0D2A7F9C-55aa-4a8e-b7a1-1f0c6a1f9e77 ") == VECTORS[3][1]
    assert id_handle("hr", " 007 ") == "id:hr/007"
    assert handle("A@b.example", "hr") == "email:a@b.example"
    assert handle("7", "hr") == "id:hr/7"


@pytest.mark.parametrize(
    "refused",
    [
        lambda: slack_handle("T1", "U/7"),
        lambda: slack_handle("", "U7"),
        lambda: entra_handle("x", "y"),
        lambda: id_handle("h r", "7"),
        lambda: id_handle("hr", ""),
        lambda: id_handle("hr", "a\nb"),
    ],
)
def test_malformed_account_ids_are_refused(refused):
    with pytest.raises(HandleError):
        refused()


def test_an_event_id_is_a_signed_64_bit_digest_that_only_the_key_gives():
    # By openssl: printf 'ona:v1\\0event\\0mail:x' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0001…1f, the first 8 bytes.
    assert event_id(KEY, "mail:x").to_bytes(8, "big", signed=True).hex() == "809cd4a5b78894a3"
    assert event_id(KEY, "mail:x") != event_id(KEY[::-1], "mail:x")
    assert event_id(KEY, "mail:x") != event_id(KEY, "mail:y")
    ids = [event_id(KEY, str(n)) for n in range(1000)]
    assert len(set(ids)) == 1000
    assert min(ids) < 0 < max(ids)
    assert all(-(2**63) <= i < 2**63 for i in ids)


ADDRESSES = st.one_of(
    st.text(max_size=40),
    st.emails(),
    st.builds("{}@{}".format, st.text(max_size=20), st.sampled_from(["b.example", "Bücher.example", "\uff42.example", "x。y"])),
    st.builds('"{}"@b.example'.format, st.text(max_size=12)),
)


@given(ADDRESSES)
def test_every_text_is_either_canonical_for_good_or_refused(raw):
    try:
        once = canonical(raw)
    except HandleError:
        return
    assert canonical(once) == once
    assert canonical(once.removeprefix("email:")) == once
    assert len(once.encode()) <= 254 + len("email:")


@given(st.text(max_size=300), st.text(max_size=300))
def test_every_id_has_a_handle_or_is_refused(namespace, value):
    try:
        found = id_handle(namespace, value)
    except HandleError:
        return
    assert found.startswith(f"id:{namespace}/")
    assert id_handle(namespace, found.removeprefix(f"id:{namespace}/")) == found
