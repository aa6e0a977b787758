"""One canonical form for each address and account, and the keyed tokens made of it; raw handles end here."""

import base64
import hmac
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import idna

from ona.errors import TableError

VERSION = "ona:v1"
"""Version of the rules below; it is part of every token."""

TOKEN_BYTES = 20
MAX_LOCAL_OCTETS = 64
MAX_ADDRESS_OCTETS = 254
MAX_RAW_CHARACTERS = 2048
CACHED_ADDRESSES = 65_536

_SCHEME = re.compile(r"(?:mailto|email):", re.IGNORECASE)
_PLAIN = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9_.-]+")
_QUOTED_LOCAL = re.compile(r'"(?:[^"\\]|\\.)*"')
_NOT_IN_ATOM = re.compile(r'[\s()<>\[\]:;,\\"@]')
_HOST = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_ACCOUNT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAMESPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class HandleError(TableError):
    """An address or account id that has no canonical form; ``code`` is stable, the value is never repeated."""

    def __init__(self, code: str, expected: str) -> None:
        """Keep the code beside the sentence."""
        super().__init__(f"A handle was refused ({code}). Expected: {expected}. Correct it at its source.")
        self.code = code


@dataclass(frozen=True)
class AddressRules:
    """Where a company's mail domains differ from the common rules."""

    keep_plus: frozenset[str] = frozenset()
    """Domains in which ``+`` is an ordinary character; elsewhere the local part ends at the first one."""
    dot_blind: frozenset[str] = frozenset()
    """Domains that ignore dots in the local part."""
    synonyms: dict[str, str] = field(default_factory=dict)
    """Internal domain → the one domain that stands for it."""

    def __hash__(self) -> int:
        """Hash by content, so that equal rules share one cache entry."""
        return hash((self.keep_plus, self.dot_blind, tuple(sorted(self.synonyms.items()))))


COMMON_RULES = AddressRules()


def canonical(raw: str, rules: AddressRules = COMMON_RULES) -> str:
    """Return ``email:local@domain`` in the one form of that address, or raise HandleError; never a guess."""
    text = _bare(raw)
    if _PLAIN.fullmatch(text):
        local, _, host = text.partition("@")
        return _joined(local.lower(), _host(host, rules), local, rules)
    if any(unicodedata.category(c)[0] == "C" for c in text):
        raise HandleError("address_control", "an address without control or invisible characters")
    local, host = _split(text)
    domain = _host(_narrow(host), rules)
    return _joined(unicodedata.normalize("NFC", _narrow(local).lower()), domain, local, rules)


def address_reader(rules: AddressRules = COMMON_RULES) -> Callable[[str], str]:
    """Return ``canonical`` under these rules with its own bounded memory, for one reader of one file."""
    return lru_cache(maxsize=CACHED_ADDRESSES)(lambda raw: canonical(raw, rules))


def slack_handle(team: str, user: str) -> str:
    """Return ``slack:<enterprise or team id>/<user id>``, case kept."""
    if not (_ACCOUNT.fullmatch(team) and _ACCOUNT.fullmatch(user)):
        raise HandleError("slack_id", "a Slack team id and user id of letters and digits")
    return f"slack:{team}/{user}"


def entra_handle(tenant: str, user: str) -> str:
    """Return ``entra:<tenant guid>/<object guid>`` in lower case."""
    guids = (tenant.strip().lower(), user.strip().lower())
    if not all(map(_GUID.fullmatch, guids)):
        raise HandleError("entra_id", "a tenant guid and an object guid")
    return f"entra:{guids[0]}/{guids[1]}"


def id_handle(namespace: str, value: str) -> str:
    """Return ``id:<namespace>/<value>`` for ids that are not addresses; leading zeros and case are kept."""
    text = unicodedata.normalize("NFC", value.strip())
    if not _NAMESPACE.fullmatch(namespace):
        raise HandleError("id_namespace", "a namespace of letters, digits, dots, dashes and underscores")
    if not text or len(text.encode(errors="replace")) > MAX_ADDRESS_OCTETS or any(unicodedata.category(c)[0] == "C" for c in text):
        raise HandleError("id_value", f"an id of 1 to {MAX_ADDRESS_OCTETS} octets without control characters")
    return f"id:{namespace}/{text}"


def handle(raw: str, namespace: str | None, address: Callable[[str], str] = canonical) -> str:
    """Return the handle of a cell: an address when it holds ``@`` or there is no namespace, else an id of that namespace."""
    return address(raw) if namespace is None or "@" in raw else id_handle(namespace, raw)


def alias_token(key: bytes, namespace: str, canonical: str) -> bytes:
    """Return the 20-byte keyed token by which the vault finds a canonical handle."""
    return _digest(key, namespace, canonical)[:TOKEN_BYTES]


def token_text(token: bytes) -> str:
    """Return the token in lower-case base32 without padding."""
    return base64.b32encode(token).decode().rstrip("=").lower()


def event_id(key: bytes, id: str) -> int:
    """Return the keyed 64-bit digest of an event's namespaced id, as a signed integer."""
    return int.from_bytes(_digest(key, "event", id)[:8], "big", signed=True)


def _digest(key: bytes, namespace: str, text: str) -> bytes:
    return hmac.digest(key, f"{VERSION}\0{namespace}\0{text}".encode(errors="surrogatepass"), "sha256")


def _bare(raw: str) -> str:
    """Trim, take what stands in the last ``<…>`` and drop the scheme."""
    if len(raw) > MAX_RAW_CHARACTERS:
        raise HandleError("address_long", f"at most {MAX_ADDRESS_OCTETS} octets")
    text = raw.strip()
    if text.endswith(">"):
        text = text[text.rfind("<") + 1 : -1].strip()
    return text[scheme.end() :].strip() if (scheme := _SCHEME.match(text)) else text


def _split(text: str) -> tuple[str, str]:
    quoted = _QUOTED_LOCAL.match(text)
    local, at, host = (quoted[0], text[quoted.end() :][:1], text[quoted.end() + 1 :]) if quoted else text.partition("@")
    if at != "@" or "@" in host:
        raise HandleError("address_at", "exactly one unquoted @")
    return local, host


def _host(raw: str, rules: AddressRules) -> str:
    host = raw.removesuffix(".").lower()
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True, std3_rules=True, transitional=False).decode().lower().removesuffix(".")
        except idna.IDNAError:
            host = ""
    if not _HOST.fullmatch(host):
        raise HandleError("address_domain", "a host name that IDNA accepts")
    return rules.synonyms.get(host, host)


def _joined(local: str, domain: str, raw_local: str, rules: AddressRules) -> str:
    """Apply the plus and dot rules to a lower-case local part, check what is left and put the address together."""
    quoted = local.startswith('"')
    if not quoted:
        local = local if domain in rules.keep_plus else local.partition("+")[0]
        local = local.replace(".", "") if domain in rules.dot_blind else local
    if not local or not (_QUOTED_LOCAL.fullmatch(local) if quoted else _NOT_IN_ATOM.search(local) is None):
        raise HandleError("address_local", "a local part of one atom or one quoted string")
    octets = max(len(local.encode()), len(raw_local.encode()))
    if octets > MAX_LOCAL_OCTETS or octets + 1 + len(domain) > MAX_ADDRESS_OCTETS:
        raise HandleError("address_long", f"at most {MAX_LOCAL_OCTETS} octets before the @ and {MAX_ADDRESS_OCTETS} in all")
    return f"email:{local}@{domain}"


def _narrow(text: str) -> str:
    """Map full-width and half-width forms to their ordinary characters (RFC 8265)."""
    return text if text.isascii() else "".join(map(_ordinary, text))


def _ordinary(character: str) -> str:
    width, _, codes = unicodedata.decomposition(character).partition(" ")
    return "".join(chr(int(code, 16)) for code in codes.split()) if width in ("<wide>", "<narrow>") else character
