"""Mail archives in mbox form: headers only, streamed; bodies and attachments are skipped by bytes."""

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.utils import getaddresses, parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import IO, ClassVar
from zoneinfo import ZoneInfo

import connectors.base
from connectors.archive import open_archive, read_bytes, regular
from connectors.base import Coverage, Cursor, RawEvent
from connectors.cells import CellError, ZoneName, instant, plausible, second_zero
from connectors.files.mail_blocks import header_blocks
from connectors.identity import AddressRules, HandleError, address_reader
from ona.tables import Flag, Kind, Role, SpaceKind

MAX_RECIPIENTS = 1_000
"""Further recipients are counted in ``audience`` only."""
MAX_AUDIENCE = 65_535
MAX_ID_CHARACTERS = 998
BYTES_PER_MAIL = 10_000
CACHED_HEADERS = 65_536
SUFFIXES = (".mbox", ".mbx", ".txt", "")

_HEADERS = frozenset(
    {b"from", b"sender", b"to", b"cc", b"bcc", b"date", b"message-id", b"in-reply-to", b"references", b"auto-submitted"}
    | {b"x-auto-response-suppress", b"list-id", b"precedence", b"return-path"}
)
_DATE = re.compile(r"(?:[A-Za-z]{3},? +)?(\d{1,2}) ([A-Za-z]{3}) (\d{4}) (\d\d):(\d\d)(?::(\d\d))? ([+-])(\d\d)(\d\d)(?!\d)")
_MONTHS = {m: i for i, m in enumerate(("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1)}
_SIMPLE = re.compile(r'(?:[^<>"(),:;\\@]*<([^<>\s"(),:;\\]+@[^<>\s"(),:;\\]+)>|([^<>\s"(),:;\\]+@[^<>\s"(),:;\\]+))\s*')
_HIDDEN = re.compile(r"([^\s<>(),;:@]+) at ([^\s<>(),;:@]+)")
_SPACED_ID = re.compile(r"<([^<>]+)>")
_NO_REPLY = re.compile(r"email:(?:no|do-?not|dont)[._-]?reply")
_PRECEDENCE = ("bulk", "list", "junk")
_ROLES = (("to", Role.TO), ("cc", Role.CC), ("bcc", Role.BCC))

Headers = dict[str, str]


class Config(connectors.base.Config):
    """Which archives to read and how."""

    path: Path
    """One archive, plain or ``.gz``, or a folder of them."""
    zone: ZoneName = "UTC"
    """Zone of dates that carry no offset."""
    obfuscated: bool = False
    """Read addresses as public list archives write them: ``name at host``, or without brackets."""
    list_name: str | None = None
    """Set for the archive of a mailing list: a mail that names no recipient is then a post to that list."""
    addresses: AddressRules = AddressRules()


class Connector:
    """Reads mail archives; the body of a mail is never decoded."""

    gives: ClassVar[str] = "events"

    def __init__(self, config: Config) -> None:
        """Take where the archives lie."""
        self._config = config

    def events(self, coverage: Coverage, cursor: Cursor) -> Iterator[RawEvent]:
        """Yield one event per mail that has a sender and somebody to receive it."""
        reader = _Reader(coverage, self._config, time.time_ns() // 1_000)
        for stream in self._streams(coverage):
            with stream:
                for block in header_blocks(stream):
                    if (event := reader.event(block)) is not None:
                        yield event

    def size(self) -> int | None:
        """Return about how many mails there are, from the bytes; None for compressed archives."""
        path = self._config.path
        files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [regular(path)]
        if any(file.suffix.lower() == ".gz" for file in files):
            return None
        return sum(file.stat().st_size for file in files) // BYTES_PER_MAIL

    def _streams(self, coverage: Coverage) -> Iterator[IO[bytes]]:
        path = self._config.path
        if not path.is_dir():
            yield read_bytes(path)
            return
        with open_archive(path) as folder:
            for name in folder.names:
                if Path(name.removesuffix(".gz")).suffix.lower() in SUFFIXES:
                    yield read_bytes(path / name)
                else:
                    coverage.notes["file_ignored"] += 1


@dataclass
class _Reader:
    """Turns header blocks into events and counts what it cannot use."""

    coverage: Coverage
    config: Config
    now: int
    people: Callable[[str], tuple[tuple[str, ...], int]] = field(init=False)

    def __post_init__(self) -> None:
        """Set up the bounded memory of address lists."""
        address, zone = address_reader(self.config.addresses), ZoneInfo(self.config.zone)
        self.people = lru_cache(CACHED_HEADERS)(lambda value: _handles(value, address, self.config.obfuscated))
        self.zone = zone

    def event(self, block: bytes | None) -> RawEvent | None:
        """Return the mail's event, or count the row where it belongs."""
        self.coverage.read += 1
        if block is None:
            self.coverage.quarantined["header_too_long"] += 1
            return None
        try:
            return self._mail(_allowed(block))
        except (CellError, HandleError) as error:
            self.coverage.quarantined[error.code] += 1
        return None

    def _mail(self, headers: Headers) -> RawEvent | None:
        sender = self._sender(headers)
        sent = plausible(self._date(headers.get("date", "")), self.now)
        recipients, audience = self._recipients(headers, sender)
        room = self.config.list_name if not audience else None
        if not (audience or room):
            self.coverage.dropped["nobody"] += 1
            return None
        reply_to, root = _thread(headers)
        return RawEvent(
            id=self._id(headers, sent, sender, recipients),
            kind=Kind.MAIL,
            sent=sent,
            sender=sender,
            recipients=recipients,
            audience=min(audience, MAX_AUDIENCE),
            space=f"list:{room}" if room else None,
            space_kind=SpaceKind.MAIL,
            root=root,
            reply_to=reply_to,
            flags=_flags(headers, sender) | second_zero(sent),
        )

    def _sender(self, headers: Headers) -> str:
        """Return who acted: the one author of From, but Sender where a colleague sends on behalf or From names several or none.

        List software puts itself into Sender, so it does not count in list mail.
        """
        authors, _ = self.people(headers.get("from", ""))
        posters, _ = self.people(headers.get("sender", ""))
        if len(authors) == 1 and not (len(posters) == 1 and self._on_behalf(headers, authors[0], posters[0])):
            return authors[0]
        found = posters[:1] or authors[:1]
        if not found:
            raise HandleError("sender_unreadable", "a From header with one address")
        return found[0]

    def _on_behalf(self, headers: Headers, author: str, poster: str) -> bool:
        if author == poster or _is_list(headers) or author.rpartition("@")[2] != poster.rpartition("@")[2]:
            return False
        self.coverage.notes["sent_on_behalf"] += 1
        return True

    def _date(self, value: str) -> int:
        if not value:
            raise CellError("date_missing")
        if match := _DATE.match(value):
            return _quick_date(match)
        try:
            moment = parsedate_to_datetime(value)
        except (ValueError, TypeError, IndexError, OverflowError):
            raise CellError("date_unreadable") from None
        if moment.tzinfo is None and "-0000" not in value:
            self.coverage.notes["date_without_zone"] += 1
            return instant(moment, self.zone)
        return instant(moment.replace(tzinfo=moment.tzinfo or UTC), None)

    def _recipients(self, headers: Headers, sender: str) -> tuple[tuple[tuple[str, Role], ...], int]:
        """Return each recipient once, in their strongest role, and how many were addressed."""
        roles: dict[str, Role] = {}
        refused = 0
        for name, role in _ROLES:
            if value := headers.get(name):
                handles, bad = self.people(value)
                refused += bad
                for handle in handles:
                    roles.setdefault(handle, role)
        roles.pop(sender, None)
        if refused:
            self.coverage.notes["recipient_refused"] += refused
        if len(roles) > MAX_RECIPIENTS:
            self.coverage.notes["recipients_cut"] += len(roles) - MAX_RECIPIENTS
        return tuple(roles.items())[:MAX_RECIPIENTS], len(roles) + refused

    def _id(self, headers: Headers, sent: int, sender: str, recipients: tuple[tuple[str, Role], ...]) -> str:
        """Return the Message-ID's namespaced id; without one, a digest of time, sender and recipients stands in."""
        found = _message_id(headers.get("message-id", ""))
        if found:
            return found
        self.coverage.notes["message_id_missing"] += 1
        text = "\0".join((str(sent), sender, *sorted(handle for handle, _ in recipients)))
        return f"mail:sha256-{hashlib.sha256(text.encode()).hexdigest()}"


def _allowed(block: bytes) -> Headers:
    """Return the named headers, unfolded, the first of each; other headers are never decoded."""
    found: dict[bytes, bytes] = {}
    current = b""
    for line in block.split(b"\n"):
        if line[:1] in (b" ", b"\t"):
            if current:
                found[current] += b" " + line.strip()
            continue
        name, _, value = line.partition(b":")
        current = name.rstrip().lower()
        if current not in _HEADERS or current in found:
            current = b""
        else:
            found[current] = value.strip()
    return {name.decode(): value.decode("utf-8", "replace") for name, value in found.items()}


def _handles(value: str, address: Callable[[str], str], obfuscated: bool) -> tuple[tuple[str, ...], int]:
    """Return the handles of an address list and how many entries were refused."""
    found: list[str] = []
    refused = 0
    for raw in _addresses(value, obfuscated):
        try:
            found.append(address(raw))
        except HandleError:
            refused += 1
    return tuple(dict.fromkeys(found)), refused


def _addresses(value: str, obfuscated: bool) -> list[str]:
    """Split an address list; common forms quickly, the others (groups, comments, quotes, encoded words) as RFC 5322 says."""
    if obfuscated:
        value = _HIDDEN.sub(r"\1@\2", value)
    parts = [_SIMPLE.fullmatch(part.strip()) for part in value.split(",")]
    if all(parts):
        return [match[1] or match[2] for match in parts if match]
    if "@" not in value and "=?" in value:
        value = _decoded(value)
    if obfuscated and value.count("@") == 1:
        return [word.strip('<>()",;') for word in value.split() if "@" in word]
    return [raw for _, raw in getaddresses([value]) if raw]


def _decoded(value: str) -> str:
    try:
        return str(make_header(decode_header(value)))
    except (LookupError, ValueError):  # an unknown charset
        return value


def _quick_date(match: re.Match[str]) -> int:
    day, month, year, hour, minute, second, sign, off_hours, off_minutes = match.groups()
    offset = (int(off_hours) * 60 + int(off_minutes)) * (60_000_000 if sign == "+" else -60_000_000)
    try:
        naive = datetime(int(year), _MONTHS[month.lower()], int(day), int(hour), int(minute), min(int(second or 0), 59), tzinfo=UTC)
    except (ValueError, KeyError):
        raise CellError("date_unreadable") from None
    if abs(offset) >= 86_400_000_000:
        raise CellError("date_unreadable")
    return instant(naive, None) - offset


def _message_id(value: str) -> str | None:
    bracketed = _SPACED_ID.search(value)
    text = (bracketed[1] if bracketed else value).strip()
    return f"mail:{text}" if text and len(text) <= MAX_ID_CHARACTERS and " " not in text else None


def _thread(headers: Headers) -> tuple[str | None, str | None]:
    """Return the mail answered and the first mail of the thread: In-Reply-To, else the last of References; the first of References."""
    references = [f"mail:{text.strip()}" for text in _SPACED_ID.findall(headers.get("references", "")) if len(text) <= MAX_ID_CHARACTERS]
    answered = _SPACED_ID.search(headers.get("in-reply-to", ""))
    reply_to = f"mail:{answered[1].strip()}" if answered and len(answered[1]) <= MAX_ID_CHARACTERS else None
    reply_to = reply_to or (references[-1] if references else None)
    return reply_to, references[0] if references else reply_to


def _is_list(headers: Headers) -> bool:
    return "list-id" in headers or headers.get("precedence", "").lower() in _PRECEDENCE


def _flags(headers: Headers, sender: str) -> int:
    automatic = headers.get("auto-submitted", "no").partition(";")[0].strip().lower() != "no"
    bounce = headers.get("return-path") == "<>" or "x-auto-response-suppress" in headers
    flags = int(Flag.AUTO_SUBMITTED) if automatic or bounce else 0
    flags += Flag.LIST if "list-id" in headers else 0
    flags += Flag.PRECEDENCE if headers.get("precedence", "").lower() in _PRECEDENCE else 0
    return flags + (Flag.NOREPLY if _NO_REPLY.match(sender) else 0)
