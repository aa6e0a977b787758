"""Open Badges 2.0 and 3.0 as files of a folder: JSON, signed tokens, baked images; what they claim, and what a check found of it."""

import hashlib
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pydantic import Field

import connectors.base
from connectors.archive import FileError, open_archive, regular
from connectors.badges.fetching import Fetcher
from connectors.badges.verifier import CLAIMED, TOKEN, UNFETCHED, Anchors, BadgeVerifier, Download, Verdict, baked, claims, open_verifier
from connectors.base import Coverage, RawBadge
from connectors.bounded_json import Pairs, json_document, unique
from connectors.cells import CellError, day
from connectors.identity import AddressRules, HandleError, address_reader

MAX_FILE_BYTES = 2**20
MAX_TEXT = 200
MAX_SKILLS = 50
SUFFIXES = (".json", ".jsonld", ".json-ld")
TOKENS = (".jwt", ".jws")
IMAGES = (".png", ".svg")

_KEPT = frozenset(
    {
        "type",
        "@type",
        "id",
        "@id",
        "name",
        "issuer",
        "tags",
        "tag",
        "alignment",
        "alignments",
        "targetName",
        "targetCode",
        "targetUrl",
        "revoked",
    }
    | {"recipient", "identity", "hashed", "salt", "badge", "issuedOn", "expires", "verification", "verify", "@graph"}
    | {"credentialSubject", "identifier", "identityHash", "achievement", "proof"}
    | {"@context", "credentialStatus", "vc", "iss"}
    | {"validFrom", "validUntil", "issuanceDate", "expirationDate", "awardedDate"}
)
_LANGUAGE = re.compile(r"[a-z]{2}(?:-[A-Za-z]{2,4})?")
"""Key of a language map: a name may be given in several languages."""
_CREDENTIALS = frozenset({"OpenBadgeCredential", "AchievementCredential"})

Node = dict[str, Any]


@dataclass(frozen=True, repr=False)
class _Item:
    """One object of a file, and the token that it was signed as."""

    node: Node
    token: str | None = None


class Config(connectors.base.Config):
    """Where the badge files lie and which issuers are believed."""

    path: Path
    """A folder, a zip file or one file: JSON, ``.jwt`` or ``.jws``, ``.png`` or ``.svg``."""
    issuers: dict[str, Path] = Field(default_factory=dict)
    """Issuer (DID or URL, as the badge names it) → file with its public key in PEM form."""
    hosts: frozenset[str] = frozenset()
    """Hosts that may be asked for hosted badges and status lists, once fetching is switched on."""
    fetch: bool = False
    """Fetch hosted badges and status lists from the listed hosts; without, what only they could tell stays unknown."""
    proxy: str | None = None
    addresses: AddressRules = AddressRules()


class Connector:
    """Reads Open Badges files, offline: what could only be found out by fetching stays ``unknown``."""

    download: Download | None = None
    """Fetches a document from a listed host; None: nothing is fetched."""

    def __init__(self, config: Config) -> None:
        """Take where the files lie."""
        self._config, self._address = config, address_reader(config.addresses)

    def badges(self, coverage: Coverage) -> Iterator[RawBadge]:
        """Yield one badge per assertion or credential; badge classes and issuers beside them lend their names."""
        fetcher = Fetcher(self._config.hosts, proxy=self._config.proxy) if self._config.fetch and self.download is None else None
        try:
            yield from self._checked(coverage, self._verifier(fetcher or self.download))
        finally:
            if fetcher is not None:
                fetcher.close()

    def _checked(self, coverage: Coverage, verifier: BadgeVerifier) -> Iterator[RawBadge]:
        index = _Index()
        for item in self._items(Coverage()):
            index.add(item.node)
        for item in self._items(coverage):
            if _kind(item.node) is None:
                continue
            coverage.read += 1
            try:
                badge = _Reader(index, self._address, verifier).badge(item)
            except (CellError, HandleError) as error:
                coverage.quarantined[error.code] += 1
            else:
                yield badge

    def _verifier(self, download: Download | None) -> BadgeVerifier:
        keys = {issuer: regular(path).read_bytes() for issuer, path in self._config.issuers.items()}
        return open_verifier(Anchors(keys, self._config.hosts, download))

    def _items(self, coverage: Coverage) -> Iterator[_Item]:
        """Yield the objects of every file; a file that cannot be read counts as one row."""
        path = self._config.path
        if path.suffix.lower() in (*SUFFIXES, *TOKENS, *IMAGES) and path.is_file():
            if path.stat().st_size > MAX_FILE_BYTES:
                raise _too_large()
            yield from _read(path.name, path.read_bytes())
            return
        with open_archive(path) as archive:
            for name in archive.names:
                if not name.lower().endswith((*SUFFIXES, *TOKENS, *IMAGES)):
                    coverage.notes["file_ignored"] += 1
                    continue
                try:
                    if archive.size(name) > MAX_FILE_BYTES:
                        raise _too_large()
                    items = list(_read(name, archive.read(name)))
                except FileError as error:
                    coverage.read += 1
                    coverage.quarantined[error.code] += 1
                else:
                    yield from items


def _too_large() -> FileError:
    return FileError("too_large", "A badge file is larger than 1 MiB", "Keep images outside the JSON.")


def _read(name: str, data: bytes) -> Iterator[_Item]:
    """Yield the objects of one file."""
    if name.lower().endswith(IMAGES):
        data = baked(data).encode(errors="replace")
    elif name.lower().endswith(SUFFIXES):
        yield from (_Item(node) for node in _objects(json_document(io.BytesIO(data), _keep)))
        return
    text = data.decode("utf-8", "replace").strip()
    if not TOKEN.fullmatch(text):
        yield from (_Item(node) for node in _objects(json_document(io.BytesIO(data), _keep)))
        return
    yield from (_Item(_unwrapped(node), text) for node in _objects(claims(text, _keep)))


def _unwrapped(node: Node) -> Node:
    """Return the credential of a token: version 1 of the data model wraps it in ``vc``."""
    inner = node.get("vc")
    return {**inner, "iss": node.get("iss")} if isinstance(inner, dict) else node


def _keep(pairs: Pairs) -> Node:
    """Keep the allowed keys: descriptions, criteria, evidence and narratives are content."""
    return {key: value for key, value in unique(pairs).items() if key in _KEPT or _LANGUAGE.fullmatch(key)}


def _objects(document: object) -> Iterator[Node]:
    """Yield the objects of a document: it may be one, an array of them, or a graph."""
    for item in _all(document):
        if isinstance(item, dict):
            yield from _objects(item["@graph"]) if "@graph" in item else iter((item,))


def _all(value: object) -> list[Any]:
    """Return a value as a list: single values and arrays are interchangeable in JSON-LD."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _first(value: object) -> Any:
    found = _all(value)
    return found[0] if found else None


def _types(node: Node) -> set[str]:
    return {t for t in (*_all(node.get("type")), *_all(node.get("@type"))) if isinstance(t, str)}


def _kind(node: Node) -> str | None:
    """Return the standard of an assertion or credential, None for anything else."""
    types = _types(node)
    if types & _CREDENTIALS or "credentialSubject" in node:
        return "ob3"
    return "ob2" if "Assertion" in types or ("badge" in node and "recipient" in node) else None


@dataclass
class _Index:
    """Badge classes and issuers of the folder by id, for assertions that only point to them."""

    known: dict[str, Node] = field(default_factory=dict)

    def add(self, node: Node) -> None:
        """Keep a node that others may point to."""
        name = node.get("id") or node.get("@id")
        if isinstance(name, str) and _kind(node) is None:
            self.known[name] = node

    def node(self, value: object) -> Node:
        """Return an embedded node, or the one a link points to; empty when it is elsewhere."""
        found = _first(value)
        return found if isinstance(found, dict) else self.known.get(found, {}) if isinstance(found, str) else {}


@dataclass(frozen=True)
class _Reader:
    """Turns one assertion or credential into a badge."""

    index: _Index
    address: Callable[[str], str]
    verifier: BadgeVerifier

    def badge(self, item: _Item) -> RawBadge:
        """Return the badge, or raise what is wrong with it."""
        badge = self._credential(item.node) if _kind(item.node) == "ob3" else self._assertion(item.node)
        verdict = self._verdict(item, badge)
        today = datetime.now(UTC).date()
        is_over = badge.expires_on is not None and badge.expires_on < today and verdict.status not in ("failed", "revoked", "suspended")
        return replace(badge, status="expired" if is_over else verdict.status, method=verdict.method)

    def _verdict(self, item: _Item, badge: RawBadge) -> Verdict:
        if item.node.get("revoked") is True:
            return Verdict("revoked", "none")
        if item.token is not None:
            return self.verifier.signed(item.token, badge.standard, self._issuer_id(item.node))
        if badge.status == "holder-claimed":
            return CLAIMED
        kind = _first(item.node.get("verification") or item.node.get("verify"))
        is_hosted = isinstance(kind, dict) and str(_first(kind.get("type"))).lower().startswith("hosted")
        return self.verifier.hosted(item.node) if badge.standard == "ob2" and is_hosted else UNFETCHED

    def _issuer_id(self, node: Node) -> str:
        """Return who the badge says has issued it: a DID or an address."""
        issuer = _first(node.get("issuer"))
        if issuer is None:
            issuer = _first(self.index.node(node.get("badge")).get("issuer"))
        found = issuer.get("id") if isinstance(issuer, dict) else issuer
        return found if isinstance(found, str) else ""

    def _assertion(self, node: Node) -> RawBadge:
        badge = self.index.node(node.get("badge"))
        recipient = _first(node.get("recipient"))
        if not isinstance(recipient, dict):
            raise CellError("holder_missing")
        holder = self._holder(recipient.get("identity"), recipient)
        hosted = bool(node.get("verification") or node.get("verify"))
        return self._made(node, badge, holder, ("ob2", _date(node, "issuedOn"), _date(node, "expires"), hosted))

    def _credential(self, node: Node) -> RawBadge:
        subject = _first(node.get("credentialSubject"))
        if not isinstance(subject, dict):
            raise CellError("holder_missing")
        identifier = _first(subject.get("identifier"))
        if isinstance(identifier, dict):
            holder = self._holder(identifier.get("identityHash"), identifier)
        else:
            holder = self._holder(subject.get("id"), {})
        achievement = self.index.node(subject.get("achievement"))
        achievement = achievement if "issuer" in achievement else {**achievement, "issuer": node.get("issuer")}
        issued = _date(node, "validFrom", "issuanceDate", "awardedDate")
        return self._made(node, achievement, holder, ("ob3", issued, _date(node, "validUntil", "expirationDate"), "proof" in node))

    def _made(self, node: Node, badge: Node, holder: str, facts: tuple[str, date | None, date | None, bool]) -> RawBadge:
        standard, issued, expires, checkable = facts
        name, issuer = _label(badge.get("name")), self._issuer(badge.get("issuer"))
        if not name:
            raise CellError("badge_elsewhere")
        own = node.get("id") or node.get("@id")
        text = own if isinstance(own, str) else "\0".join((holder, name, issuer, str(issued)))
        return RawBadge(
            id=f"badge:{text if isinstance(own, str) and len(text) < MAX_TEXT else hashlib.sha256(text.encode()).hexdigest()}",
            holder=holder,
            name=name,
            issuer=issuer,
            standard=standard,
            skills=_skills(badge),
            issued_on=issued,
            expires_on=expires,
            status="revoked" if node.get("revoked") is True else "unknown" if checkable else "holder-claimed",
        )

    def _holder(self, identity: object, how: Node) -> str:
        """Return the recipient's address, or ``sha256$salt$digest`` to be matched over all aliases."""
        if not isinstance(identity, str):
            raise CellError("holder_missing")
        hashed, salt = how.get("hashed"), how.get("salt") or ""
        if hashed is not True and not identity.startswith("sha256$"):
            return self.address(identity)
        method, _, digest = identity.partition("$")
        if method != "sha256" or len(digest) != 64 or not isinstance(salt, str) or "$" in salt or len(salt) > MAX_TEXT:
            raise CellError("hash_unsupported")
        return f"sha256${salt}${digest.lower()}"

    def _issuer(self, value: object) -> str:
        node = self.index.node(value)
        link = _first(value)
        return _label(node.get("name")) or (_label(link) if isinstance(link, str) else _label(node.get("id")))


def _date(node: Node, *names: str) -> date | None:
    value = next((node[name] for name in names if node.get(name)), None)
    return day(value) if isinstance(value, str) else None


def _skills(badge: Node) -> tuple[str, ...]:
    tags = [*_all(badge.get("tags")), *_all(badge.get("tag"))]
    aligned = [_aligned(one) for one in (*_all(badge.get("alignment")), *_all(badge.get("alignments"))) if isinstance(one, dict)]
    return tuple(dict.fromkeys(label for tag in (*tags, *aligned) if (label := _label(tag))))[:MAX_SKILLS]


def _aligned(node: Node) -> str:
    """Return the skill that a badge is aligned with, with its code behind it: ``Service Orientation [2.B.1.f]``."""
    name, code, address = (_label(node.get(one)) for one in ("targetName", "targetCode", "targetUrl"))
    found = code or (address if address.startswith("http") else "")
    return f"{name} [{found}]" if name and found and not {"[", "]"} & {*found} else name


def _label(value: object) -> str:
    """Return a short printable text, of a language map its first; empty when there is none."""
    text = next(iter(value.values()), None) if isinstance(value, dict) else _first(value)
    return text.strip() if isinstance(text, str) and text.isprintable() and len(text) <= MAX_TEXT else ""
