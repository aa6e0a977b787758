"""The root key of a deployment and the keys derived from it, one for each purpose; no key byte is ever shown."""

import base64
import binascii
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ona.errors import SettingsError
from pipelines.settings import Settings

KEY_BYTES = 32
NONCE_BYTES = 12

EXAMPLE_KEY = bytes(range(KEY_BYTES))
"""The key of the published test vectors: everybody knows it."""

PURPOSES = ("alias", "event", "channel", "domain", "view", "vault-wrap", "cursor", "audit")


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """Keys of one version, each good for its purpose only."""

    alias: bytes
    event: bytes
    channel: bytes
    domain: bytes
    view: bytes
    vault_wrap: bytes
    cursor: bytes
    audit: bytes
    version: int = 1

    def __repr__(self) -> str:
        """Mask every byte."""
        return f"Keys(version={self.version}, …)"


def load_keys(settings: Settings) -> Keys:
    """Return the keys derived from ONA_KEY, or else from the key file.

    Raises SettingsError when the root key is missing, malformed, weak or readable by others.
    """
    if settings.key is not None:
        return derive(_checked(_decode(settings.key.get_secret_value().encode()), "ONA_KEY"))
    return derive(_checked(_decode(_read(settings.key_file)), f"The key file {settings.key_file}"))


def seal(key: bytes, text: str, about: str) -> str:
    """Return a text encrypted and bound to what it is about (AES-256-GCM, random nonce)."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, text.encode(), about.encode())).decode()


def unseal(key: bytes, sealed: str, about: str) -> str | None:
    """Return the text; None when it was sealed under another key or about something else, or was changed."""
    try:
        packed = base64.b64decode(sealed, validate=True)
        return AESGCM(key).decrypt(packed[:NONCE_BYTES], packed[NONCE_BYTES:], about.encode()).decode()
    except (InvalidTag, ValueError):
        return None


def derive(root: bytes, version: int = 1) -> Keys:
    """Return the keys of one version by HKDF-SHA-256 (RFC 5869), without looking at the root key's quality."""
    return Keys(**{purpose.replace("-", "_"): _hkdf(root, purpose, version) for purpose in PURPOSES}, version=version)


def create_key(path: Path) -> Path:
    """Write a new random root key, readable by its owner alone, in one step; an existing file is never replaced."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        _write(draft, base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
        path.hardlink_to(draft)  # unlike a rename, a link fails when the name is taken
    except FileExistsError:
        raise SettingsError(
            f"{path} exists already. A new key would make all stored names unreadable; move the old one away first."
        ) from None
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return path


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(1024)
    except FileNotFoundError:
        raise SettingsError(f"There is no root key: ONA_KEY is not set and {path} does not exist. Make one with: ona init") from None
    except OSError as error:
        raise SettingsError(
            f"The key file {path} cannot be read ({error.strerror}). It has to be a file of the user that runs ona."
        ) from None
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise SettingsError(f"The key file {path} can be read by others. Run: chmod 600 {path}")
    return content


def _decode(text: bytes) -> bytes:
    """Return the bytes behind 64 hexadecimal digits, behind base64, or the raw 32 bytes of a binary file."""
    if len(text) == KEY_BYTES:
        return text
    stripped = text.strip()
    try:
        return bytes.fromhex(stripped.decode("ascii"))
    except ValueError:
        pass
    try:
        return base64.b64decode(stripped.replace(b"-", b"+").replace(b"_", b"/") + b"=" * (-len(stripped) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _checked(root: bytes, origin: str) -> bytes:
    if len(root) != KEY_BYTES:
        raise SettingsError(f"{origin} does not hold {KEY_BYTES} bytes in hexadecimal or base64. Make a key with: openssl rand -hex 32")
    if len(set(root)) == 1:
        raise SettingsError(f"{origin} holds {KEY_BYTES} equal bytes, which anybody can guess. Make a key with: openssl rand -hex 32")
    if root == EXAMPLE_KEY:
        raise SettingsError(
            f"{origin} holds the example key of the documentation, which anybody knows. Make a key with: openssl rand -hex 32"
        )
    return root


def _hkdf(root: bytes, purpose: str, version: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=f"ona/v1/{purpose}/{version}".encode()).derive(root)
