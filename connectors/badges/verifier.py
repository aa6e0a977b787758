"""Whether a badge is what it says: signatures by the keys of known issuers, hosted copies from listed hosts; nothing else is fetched."""

import base64
import binascii
import importlib.util
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from connectors.archive import FileError
from connectors.bounded_json import Pairs, json_document, unique

TOKEN = re.compile(r"[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{4,}")
"""A compact signature: header, payload and signature in base64url."""

_TOLD = re.compile(
    r"^Credential status '(?:revocation|suspension)'|^Credential has expired|[Aa]ssertion (?:has expired|\S+ expired|expired)|revoked"
)
_MEANS = {
    "credential status 'revocation'": "revoked",
    "credential status 'suspension'": "suspended",
    "revoked": "revoked",
}
PNG = b"\x89PNG\r\n\x1a\n"
_TEXTS, _KEYWORDS = (b"tEXt", b"zTXt", b"iTXt"), (b"openbadges", b"openbadgecredential")
_BAKED = re.compile(rb"<(?:[\w.-]+:)?(?:assertion|credential)[\s/>]")
Download = Callable[[str], bytes]


@dataclass(frozen=True)
class Verdict:
    """What is known of a badge and how it was found out."""

    status: str
    """verified, holder-claimed, expired, revoked, suspended, failed or unknown (something would have to be fetched)."""
    method: str
    """signature (by a key of the settings), own-signature (by a key that the badge brings itself), hosted, or none."""


UNFETCHED = Verdict("unknown", "none")
CLAIMED = Verdict("holder-claimed", "none")


class BadgeVerifier(Protocol):
    """Checks one badge; never raises for a bad one."""

    def signed(self, token: str, standard: str, issuer: str) -> Verdict:
        """Return what the signature of a token says."""

    def hosted(self, document: Mapping[str, Any]) -> Verdict:
        """Return what the copy at the badge's own address says."""


@dataclass(frozen=True)
class Anchors:
    """Who is believed, and what may be fetched."""

    keys: Mapping[str, bytes]
    """Issuer (DID or URL) → public key in PEM form."""
    hosts: frozenset[str] = frozenset()
    """The only hosts that may be asked."""
    download: Download | None = None
    """Fetches a document; None: offline."""

    def fetch(self, url: str) -> bytes:
        """Fetch from a listed host, or raise ValueError."""
        if not self.reaches(url) or self.download is None:
            raise ValueError("this address may not be fetched")
        return self.download(url)

    def reaches(self, url: object) -> bool:
        """Return whether the address is on a listed host and fetching is switched on."""
        if self.download is None or not isinstance(url, str):
            return False
        try:
            parts = urlsplit(url)
            return parts.scheme == "https" and parts.hostname in self.hosts and parts.port in (None, 443) and not parts.username
        except ValueError:
            return False


def open_verifier(anchors: Anchors) -> BadgeVerifier:
    """Return the verifier of openbadgeslib, or one that knows nothing when the extra ``badges`` is not installed."""
    return _Library(anchors) if importlib.util.find_spec("openbadgeslib") else _Absent()


class _Absent:
    def signed(self, token: str, standard: str, issuer: str) -> Verdict:
        return UNFETCHED

    def hosted(self, document: Mapping[str, Any]) -> Verdict:
        return UNFETCHED


class _Library:
    """openbadgeslib behind the interface; it is imported at the first badge that it has to check."""

    def __init__(self, anchors: Anchors) -> None:
        self._anchors = anchors

    def signed(self, token: str, standard: str, issuer: str) -> Verdict:
        key = self._anchors.keys.get(issuer)
        if key is not None:
            return self._by_key(token, standard, key)
        if standard == "ob3" and issuer.startswith("did:key:"):
            return self._by_own_key(token, issuer)
        return UNFETCHED

    def hosted(self, document: Mapping[str, Any]) -> Verdict:
        from openbadgeslib import OB2VerificationError, OB2Verifier  # noqa: PLC0415  # an optional and slow import

        if not self._anchors.reaches(document.get("id")):
            return UNFETCHED
        missing = False

        def fetched(url: str) -> bytes:
            nonlocal missing
            try:
                return self._anchors.fetch(url)
            except (ValueError, OSError):
                missing = True
                raise

        try:
            OB2Verifier(download=fetched).verify_hosted(dict(document), check_revocation=True)
        except OB2VerificationError as error:  # the library does not tell a host that is away from a copy that says otherwise
            return UNFETCHED if missing else Verdict(_status_of(error), "hosted")
        except (ValueError, OSError):
            return UNFETCHED
        return Verdict("verified", "hosted")

    def _by_key(self, token: str, standard: str, key: bytes) -> Verdict:
        from openbadgeslib import OB2VerificationError, OB2Verifier, OB3VerificationError, OB3Verifier  # noqa: PLC0415

        try:
            if standard == "ob2":
                OB2Verifier(pubkey_pem=key, download=self._anchors.fetch).verify(token)
                return Verdict("verified", "signature")
            verifier = OB3Verifier(pubkey_pem=key)
            credential = verifier.verify(token)
            return self._state(verifier, credential)
        except (OB2VerificationError, OB3VerificationError) as error:
            return Verdict(_status_of(error), "signature")

    def _state(self, verifier: Any, credential: Any) -> Verdict:
        """Return the verdict on a credential whose signature holds: it may have been revoked since."""
        from openbadgeslib import OB3VerificationError  # noqa: PLC0415

        lists = [entry.get("statusListCredential") or entry.get("id") for entry in credential.credential_status]
        if not all(map(self._anchors.reaches, lists)):
            return Verdict("unknown", "signature")
        try:
            verifier.check_status(credential, verify_list=True, download=self._anchors.fetch)
        except OB3VerificationError as error:  # revoked or suspended; else the list itself is of no use
            status = _status_of(error)
            return Verdict(status if status in ("revoked", "suspended") else "unknown", "signature")
        return Verdict("verified", "signature")

    def _by_own_key(self, token: str, issuer: str) -> Verdict:
        """Return what a key that the badge brings itself can show: that it was not changed, never who made it."""
        from openbadgeslib import OB3VerificationError, OB3Verifier  # noqa: PLC0415

        try:
            OB3Verifier.for_issuer_did(issuer, download=self._anchors.fetch).verify(token)
        except OB3VerificationError as error:
            return Verdict(_status_of(error), "own-signature")
        return Verdict("holder-claimed", "own-signature")


def _status_of(error: Exception) -> str:
    """Return the status that the library's refusal means; its sentence is compared, never repeated."""
    match = _TOLD.search(str(error))
    return _MEANS.get(match[0].lower(), "expired") if match else "failed"


def claims(token: str, hook: Callable[[Pairs], Any] = unique) -> Any:
    """Return the allowed claims of a token, unverified; a token that holds no JSON object is a FileError."""
    try:
        payload = token.split(".")[1]
        data = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    except (IndexError, binascii.Error, ValueError):
        raise FileError("token_broken", "A signed badge is malformed", "Ask for the badge again.") from None
    return json_document(io.BytesIO(data), hook)


def payloads(image: bytes) -> int:
    """Return how many badges an image holds, of whatever version."""
    if not image.startswith(PNG):
        return len(_BAKED.findall(image))
    found, at = 0, len(PNG)
    while at + 12 <= len(image):  # length, kind, content and checksum of a chunk
        size = int.from_bytes(image[at : at + 4], "big")
        keyword = image[at + 8 : at + 8 + min(size, 80)].partition(b"\0")[0]
        found += image[at + 4 : at + 8] in _TEXTS and keyword in _KEYWORDS
        at += 12 + size
    return found


def baked(image: bytes) -> str:
    """Return what is baked into a PNG or SVG image: a token, or a document as JSON."""
    if importlib.util.find_spec("openbadgeslib") is None:
        raise FileError(
            "extra_missing", "A badge image needs the extra `badges`", "Install it: python -m pip install -r locks/service.txt."
        )
    from openbadgeslib import OB2Verifier, OB3Verifier  # noqa: PLC0415
    from openbadgeslib.errors import LibOpenBadgesException  # noqa: PLC0415

    is_png = image.startswith(PNG)
    readers = (OB3Verifier, OB2Verifier) if payloads(image) == 1 else ()  # of several, readers would not agree which one counts
    for reader in readers:
        try:
            found = reader.extract_token_from_png(image) if is_png else reader.extract_token_from_svg(image)
        except (LibOpenBadgesException, ValueError, KeyError):
            continue
        return str(found)
    raise FileError(
        "nothing_baked", "An image holds no badge, several, or one that cannot be read", "Give the badge as its issuer made it."
    )
