"""The root key of a deployment and the keys derived from it, one for each purpose; no key byte is ever shown."""

import base64
import binascii
import os
import secrets
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ona.errors import SettingsError
from pipelines.settings import Settings

KEY_BYTES = 32
NONCE_BYTES = 12
MOST_BYTES = 16_384  # of a key file

EXAMPLE_KEY = bytes(range(KEY_BYTES))
"""The key of the published test vectors: everybody knows it."""

PURPOSES = ("alias", "event", "channel", "domain", "view", "vault-wrap", "cursor", "audit")

STAYING = ("event", "channel", "domain", "view", "cursor", "audit")
"""Purposes whose keys are those of the first version for good: what they made is stored without the text that it was made from."""

RETIRED = "retired"
"""In place of a root key that is no longer kept; the first one leaves behind the keys that stay, after a colon."""


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """Keys of one version, each good for its purpose only; older versions still open what was sealed under them."""

    alias: bytes
    event: bytes
    channel: bytes
    domain: bytes
    view: bytes
    vault_wrap: bytes
    cursor: bytes
    audit: bytes
    version: int = 1
    first: tuple[bytes, bytes] = (b"", b"")  # alias and vault-wrap key of version 1: tombstones are made with them for good
    others: Mapping[int, tuple[bytes, bytes]] = field(default_factory=dict)  # the same two of the other versions that are kept

    def __repr__(self) -> str:
        """Mask every byte."""
        return f"Keys(version={self.version}, …)"

    def at(self, version: int) -> "Keys":
        """Return the keys with another version in use.

        Raises SettingsError when that version is retired, or newer than the key that this process was started with.
        """
        if version == self.version:
            return self
        if version not in self.others:
            raise SettingsError(
                f"Names are sealed under key version {version}, which is not here. Start again with the key file that ona keys rotate "
                "wrote; for a backup, with the key file of its time."
            )
        alias, vault_wrap = self.others[version]
        others = {other: pair for other, pair in self.others.items() if other != version}
        return replace(
            self, alias=alias, vault_wrap=vault_wrap, version=version, others={**others, self.version: (self.alias, self.vault_wrap)}
        )


def load_keys(settings: Settings) -> Keys:
    """Return the keys derived from ONA_KEY, or else from the key file.

    Raises SettingsError when the root key is missing, malformed, weak or readable by others.
    """
    if settings.key is not None:
        return keys_from(settings.key.get_secret_value().encode(), "ONA_KEY")
    return keys_from(_read(settings.key_file), f"The key file {settings.key_file}")


def keys_from(content: bytes, origin: str) -> Keys:
    """Return the keys behind a key file's content: one root key a line, the newest last.

    Raises SettingsError when a root key is malformed or weak, or none is left.
    """
    parts = [content] if len(content) == KEY_BYTES else content.replace(b",", b" ").split() or [b""]
    made = [None if part.startswith(RETIRED.encode()) else derive(_checked(_decode(part), origin), at) for at, part in enumerate(parts, 1)]
    kept = [one for one in made if one is not None]
    if not kept or made[-1] is None:
        raise SettingsError(f"{origin} ends in a retired key, so nothing can be opened. Restore it from your copy.")
    newest, others = kept[-1], {one.version: (one.alias, one.vault_wrap) for one in kept[:-1]}
    stays = made[0] or _left_behind(parts[0], origin)
    return replace(stays, alias=newest.alias, vault_wrap=newest.vault_wrap, version=newest.version, others=others)


def retired(root: bytes) -> str:
    """Return the line that takes the place of the first root key: the keys that stay, which do not lead back to it."""
    keys = derive(root)
    packed = b"".join(getattr(keys, purpose) for purpose in STAYING) + b"".join(keys.first)
    return f"{RETIRED}:{base64.b64encode(packed).decode()}"


def versions(content: bytes) -> Sequence[str]:
    """Return the lines of a key file, one a version."""
    if len(content) == KEY_BYTES:
        return [base64.b64encode(content).decode()]
    return [part.decode("ascii") for part in content.split()]


def root_of(line: str) -> bytes:
    """Return the root key in a line of a key file; empty when it is retired."""
    return b"" if line.startswith(RETIRED) else _decode(line.encode())


def seal_field(keys: Keys, text: str, place: str) -> bytes:
    """Return a field encrypted under the version in use and bound to its place (AES-256-GCM, random nonce)."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(keys.vault_wrap).encrypt(nonce, text.encode(), _bound(place, keys.version))


def open_field(keys: Keys, sealed: bytes, place: str, version: int) -> str:
    """Return the text of a field that was sealed under some version.

    Raises SettingsError when the version is not kept, the key is another, or the field was changed or moved.
    """
    try:
        return AESGCM(keys.at(version).vault_wrap).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound(place, version)).decode()
    except InvalidTag:
        raise SettingsError(
            "The vault does not open with this key, or it was changed by hand. Use the key that it was made with."
        ) from None


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
    made = {purpose.replace("-", "_"): _hkdf(root, purpose, version) for purpose in PURPOSES}
    return Keys(**made, version=version, first=(made["alias"], made["vault_wrap"]))  # type: ignore[arg-type]  # bytes all, by PURPOSES


def new_root() -> str:
    """Return a new random root key as a line of a key file."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def replace_key_file(path: Path, lines: Sequence[str]) -> None:
    """Write the lines of a key file in one durable step, readable by its owner alone."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        _write(draft, "".join(f"{line}\n" for line in lines).encode())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)


def read_key_file(path: Path) -> bytes:
    """Return the content of a key file that its owner alone can read."""
    return _read(path)


def create_key(path: Path) -> Path:
    """Write a new random root key, readable by its owner alone, in one step; an existing file is never replaced."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        _write(draft, f"{new_root()}\n".encode())
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
            content = file.read(MOST_BYTES)
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


def _left_behind(line: bytes, origin: str) -> Keys:
    """Return the keys of the first version that its retired root key left behind; the other two are of no use any more."""
    _, _, text = line.decode("ascii", "replace").partition(":")
    try:
        packed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        packed = b""
    if len(packed) != KEY_BYTES * (len(STAYING) + 2):
        raise SettingsError(f"{origin} is damaged: what its first, retired key left behind is not whole. Restore it from your copy.")
    cut = [packed[start : start + KEY_BYTES] for start in range(0, len(packed), KEY_BYTES)]
    return Keys(**dict(zip((*STAYING, "alias", "vault_wrap"), cut, strict=True)), first=(cut[-2], cut[-1]))  # type: ignore[arg-type]  # bytes all


def _bound(place: str, version: int) -> bytes:
    """Return the associated data that ties a ciphertext to its place."""
    return f"ona:v1\0{place}\0{version}".encode()


def _hkdf(root: bytes, purpose: str, version: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=f"ona/v1/{purpose}/{version}".encode()).derive(root)
