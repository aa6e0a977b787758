"""A weak root key never starts anything, and no key byte is shown."""

import base64
import dataclasses
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from ona.errors import SettingsError
from pipelines.keys import EXAMPLE_KEY, create_key, derive, load_keys
from pipelines.settings import Settings

GOOD = bytes(range(7, 39))


def keys_of(home: Path, text: str) -> object:
    return load_keys(Settings(home=home, key=SecretStr(text)))


@pytest.mark.parametrize(
    "text", [GOOD.hex(), base64.b64encode(GOOD).decode(), base64.urlsafe_b64encode(GOOD).decode().rstrip("="), GOOD.hex() + "\n"]
)
def test_a_key_may_be_hexadecimal_or_base64(tmp_path: Path, text: str) -> None:
    assert keys_of(tmp_path, text) == derive(GOOD)


@pytest.mark.parametrize("text", ["", "abc", GOOD[:31].hex(), (GOOD + b"x").hex(), "zz" * 32, "00" * 32, "77" * 32, EXAMPLE_KEY.hex()])
def test_a_weak_key_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError) as error:
        keys_of(tmp_path, text)
    assert not text or text not in str(error.value)


def test_without_any_key_the_operator_is_told_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ona init"):
        load_keys(Settings(home=tmp_path))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_a_key_file_that_others_can_touch_is_refused(tmp_path: Path, mode: int) -> None:
    create_key(tmp_path / "key").chmod(mode)
    with pytest.raises(SettingsError, match="chmod 600"):
        load_keys(Settings(home=tmp_path))


def test_a_new_key_is_private_and_random_and_never_replaces_an_old_one(tmp_path: Path) -> None:
    first = create_key(tmp_path / "a" / "key")
    assert first.stat().st_mode & 0o777 == 0o600
    assert list(first.parent.iterdir()) == [first]
    assert first.read_bytes() != create_key(tmp_path / "b" / "key").read_bytes()
    before = first.read_bytes()
    with pytest.raises(SettingsError, match="exists already"):
        create_key(first)
    assert first.read_bytes() == before


def test_each_purpose_has_its_own_key_made_by_hkdf(tmp_path: Path) -> None:
    """The expected bytes come from HKDF with the published info text, computed apart from the code under test."""
    keys = derive(GOOD)
    values = [value for value in dataclasses.astuple(keys) if isinstance(value, bytes)]
    assert len(values) == 8 == len(set(values))
    assert keys.vault_wrap == HKDF(SHA256(), 32, None, b"ona/v1/vault-wrap/1").derive(GOOD)
    assert derive(GOOD, 2).alias != keys.alias


def test_printed_keys_are_masked() -> None:
    assert repr(derive(GOOD)) == "Keys(version=1, …)"
