"""Open Badges 2.0 and 3.0 as JSON files of a folder, read offline: what they claim, never called verified."""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import connectors.base
from connectors.archive import Archive, FileError, Pairs, json_document, open_archive, unique
from connectors.base import Coverage, RawBadge
from connectors.cells import CellError, day
from connectors.identity import AddressRules, HandleError, address_reader

MAX_FILE_BYTES = 2**20
MAX_TEXT = 200
MAX_SKILLS = 50
SUFFIXES = (".json", ".jsonld", ".json-ld")

_KEPT = frozenset(
    {"type", "@type", "id", "@id", "name", "issuer", "tags", "tag", "alignment", "alignments", "targetName", "revoked"}
    | {"recipient", "identity", "hashed", "salt", "badge", "issuedOn", "expires", "verification", "verify", "@graph"}
    | {"credentialSubject", "identifier", "identityHash", "achievement", "proof"}
    | {"validFrom", "validUntil", "issuanceDate", "expirationDate", "awardedDate"}
)
_LANGUAGE = re.compile(r"[a-z]{2}(?:-[A-Za-z]{2,4})?")
"""Key of a language map: a name may be given in several languages."""
_CREDENTIALS = frozenset({"OpenBadgeCredential", "AchievementCredential"})

Node = dict[str, Any]


class Config(connectors.base.Config):
    """Where the badge files lie."""

    path: Path
    """A folder, a zip file or one JSON file."""
    addresses: AddressRules = AddressRules()


class Connector:
    """Reads Open Badges files; nothing is fetched, so a hosted badge stays ``unknown`` and a bare one ``holder-claimed``."""

    def __init__(self, config: Config) -> None:
        """Take where the files lie."""
        self._path, self._address = config.path, address_reader(config.addresses)

    def badges(self, coverage: Coverage) -> Iterator[RawBadge]:
        """Yield one badge per assertion or credential; badge classes and issuers beside them lend their names."""
        index = _Index()
        for node in self._nodes(Coverage()):
            index.add(node)
        for node in self._nodes(coverage):
            if _kind(node) is None:
                continue
            coverage.read += 1
            try:
                badge = _Reader(index, self._address).badge(node)
            except (CellError, HandleError) as error:
                coverage.quarantined[error.code] += 1
            else:
                yield badge

    def _nodes(self, coverage: Coverage) -> Iterator[Node]:
        """Yield the objects of every file; a file that cannot be read counts as one row."""
        path = self._path
        if path.suffix.lower() in SUFFIXES and path.is_file():
            with path.open("rb") as stream:
                yield from _objects(json_document(stream, _keep))
            return
        with open_archive(path) as archive:
            for name in archive.names:
                if not name.lower().endswith(SUFFIXES):
                    coverage.notes["file_ignored"] += 1
                    continue
                try:
                    nodes = _read(archive, name)
                except FileError as error:
                    coverage.read += 1
                    coverage.quarantined[error.code] += 1
                else:
                    yield from nodes


def _read(archive: Archive, name: str) -> list[Node]:
    if archive.size(name) > MAX_FILE_BYTES:
        raise FileError("too_large", "A badge file is larger than 1 MiB", "Keep images outside the JSON.")
    with archive.open(name) as stream:
        return list(_objects(json_document(stream, _keep)))


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

    def badge(self, node: Node) -> RawBadge:
        """Return the badge, or raise what is wrong with it."""
        return self._credential(node) if _kind(node) == "ob3" else self._assertion(node)

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
    aligned = [a.get("targetName") for a in (*_all(badge.get("alignment")), *_all(badge.get("alignments"))) if isinstance(a, dict)]
    return tuple(dict.fromkeys(label for tag in (*tags, *aligned) if (label := _label(tag))))[:MAX_SKILLS]


def _label(value: object) -> str:
    """Return a short printable text, of a language map its first; empty when there is none."""
    text = next(iter(value.values()), None) if isinstance(value, dict) else _first(value)
    return text.strip() if isinstance(text, str) and text.isprintable() and len(text) <= MAX_TEXT else ""
