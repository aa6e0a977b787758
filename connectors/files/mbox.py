"""Mail archives in mbox, Maildir, pipermail and LISTSERV form: headers only, streamed; bodies are skipped by bytes."""

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date
from email.header import decode_header, make_header
from email.utils import getaddresses, parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import ClassVar
from zoneinfo import ZoneInfo

import connectors.base
from connectors.archive import open_archive, read_bytes, regular
from connectors.base import Coverage, Cursor, RawEvent
from connectors.cells import MICROSECONDS, CellError, ZoneName, instant, plausible, second_zero
from connectors.files.mail_blocks import header_blocks, single_header
from connectors.identity import AddressRules, HandleError, address_reader
from ona.tables import Flag, Kind, Role, SpaceKind

MAX_RECIPIENTS = 1_000
"""Further recipients are counted in ``audience`` only."""
MAX_AUDIENCE = 65_535
MAX_ID_CHARACTERS = 998
BYTES_PER_MAIL = 10_000
CACHED_ENTRIES = 65_536
SUFFIXES = (".mbox", ".mbx", ".txt", ".log", "")
MAILDIR = ("cur", "new")
"""Folders in which each file is one mail."""

_HEADER = re.compile(
    rb"\n(?=[abcdfilmprstx])(from|to|cc|date|message-id|in-reply-to|references|sender|bcc|list-id|precedence|return-path|auto-submitted"
    rb"|x-auto-response-suppress)[ \t]*:[ \t]*([^\n]*+(?:\n[ \t][^\n]*+)*+)",
    re.IGNORECASE,
)
_NAMES = {
    written: name
    for name in (
        *("from", "to", "cc", "date", "message-id", "in-reply-to", "references", "sender", "bcc", "list-id", "precedence"),
        *("return-path", "auto-submitted", "x-auto-response-suppress"),
    )
    for written in (name.encode(), name.title().encode(), name.title().replace("Id", "ID").encode())
}
_FOLD = re.compile(r"\s*\n[ \t]+")
_DATE = re.compile(rb"((?:[A-Za-z]{3},? +)?\d{1,2} [A-Za-z]{3} \d{4}) (\d\d):(\d\d)(?::(\d\d))? ([+-]\d{4})(?!\d)")
_DAY = re.compile(rb"(?:[A-Za-z]{3},? +)?(\d{1,2}) ([A-Za-z]{3}) (\d{4})")
_CLOCK = re.compile(rb" (?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d ")
_ZONE = re.compile(rb"[+-]\d{4}")
_MONTHS = {m: i for i, m in enumerate((b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"), 1)}
_SIMPLE = re.compile(r'(?:[^<>"(),:;\\@]*<([^<>\s"(),:;\\]+@[^<>\s"(),:;\\]+)>|([^<>\s"(),:;\\]+@[^<>\s"(),:;\\]+))\s*')
_HIDDEN = re.compile(r"([^\s<>(),;:@]+) at ([^\s<>(),;:@]+)")
_ASIDE = re.compile(r'"[^"]*"|\([^()]*\)')
_SPACED_ID = re.compile(r"<([^<>]+)>")
_NO_REPLY = re.compile(r"email:(?:no|do-?not|dont)[._-]?reply")
_FLAGGED = frozenset(("auto-submitted", "return-path", "x-auto-response-suppress", "list-id", "precedence"))
_NOREPLY, _MAIL, _PLACE = Flag.NOREPLY.value, Kind.MAIL, SpaceKind.MAIL  # looking one up takes as long as making a record
_PRECEDENCE = (b"bulk", b"list", b"junk")
_EPOCH = date(1970, 1, 1).toordinal()
_ROLES = (("to", Role.TO), ("cc", Role.CC), ("bcc", Role.BCC))

Headers = dict[str, bytes]
"""Named headers as they stand in the file; each is decoded where it is used."""
Recipients = tuple[tuple[str, Role], ...]


class Config(connectors.base.Config):
    """Which archives to read and how."""

    path: Path
    """One archive, plain or ``.gz``, a Maildir, or a folder of them."""
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
        for block in self._blocks(coverage):
            if (event := reader.event(block)) is not None:
                yield event

    def size(self) -> int | None:
        """Return about how many mails there are, from the bytes; None for compressed archives."""
        path = self._config.path
        files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [regular(path)]
        if any(file.suffix.lower() == ".gz" for file in files):
            return None
        return sum(file.stat().st_size for file in files) // BYTES_PER_MAIL

    def _blocks(self, coverage: Coverage) -> Iterator[bytes | None]:
        path = self._config.path
        if not path.is_dir():
            with read_bytes(path) as stream:
                yield from header_blocks(stream)
            return
        with open_archive(path) as folder:
            for name in folder.names:
                if Path(name).parent.name in MAILDIR:
                    with folder.open(name) as stream:
                        yield single_header(stream)
                elif Path(name.removesuffix(".gz")).suffix.lower() in SUFFIXES and Path(name).parent.name != "tmp":
                    with read_bytes(path / name) as stream:
                        yield from header_blocks(stream)
                else:
                    coverage.notes["file_ignored"] += 1


@dataclass
class _Reader:
    """Turns header blocks into events and counts what it cannot use."""

    coverage: Coverage
    config: Config
    now: int
    people: Callable[[bytes], tuple[tuple[str, ...], int]] = field(init=False)

    def __post_init__(self) -> None:
        """Set up the bounded memory of addresses."""
        self.people = _AddressLists(address_reader(self.config.addresses), self.config.obfuscated).read
        self.zone = ZoneInfo(self.config.zone)

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
        written = headers.get("date", b"")
        sent = plausible(_quick_date(written) or self._date(written), self.now)
        recipients, audience = self._recipients(headers, sender)
        room = self.config.list_name if not audience else None
        if not (audience or room):
            self.coverage.dropped["nobody"] += 1
            return None
        reply_to, root = _thread(headers) if "references" in headers or "in-reply-to" in headers else (None, None)
        flags = _flags(headers, sender) | second_zero(sent)
        space = f"list:{room}" if room else None
        id = self._id(headers, sent, sender, recipients)
        audience = min(audience, MAX_AUDIENCE)
        return RawEvent(id, _MAIL, sent, sender, recipients, audience, space, _PLACE, root, reply_to, flags=flags)

    def _sender(self, headers: Headers) -> str:
        """Return who acted: the one author of From, but Sender where a colleague sends on behalf or From names several or none.

        List software puts itself into Sender, so it does not count in list mail.
        """
        authors, _ = self.people(headers.get("from", b""))
        if len(authors) == 1 and "sender" not in headers:
            return authors[0]
        posters, _ = self.people(headers.get("sender", b""))
        if len(authors) == 1 and not (len(posters) == 1 and self._on_behalf(headers, authors[0], posters[0])):
            return authors[0]
        is_list = self.config.list_name is not None or _is_list(headers)
        found = authors[:1] if is_list else posters[:1] or authors[:1]
        if not found:
            raise HandleError("sender_unreadable", "a From header with one address")
        return found[0]

    def _on_behalf(self, headers: Headers, author: str, poster: str) -> bool:
        if author == poster or _is_list(headers) or author.rpartition("@")[2] != poster.rpartition("@")[2]:
            return False
        self.coverage.notes["sent_on_behalf"] += 1
        return True

    def _date(self, written: bytes) -> int:
        if not written:
            raise CellError("date_missing")
        value = _text(written)
        try:
            moment = parsedate_to_datetime(value)
        except (ValueError, TypeError, IndexError, OverflowError):
            raise CellError("date_unreadable") from None
        if moment.tzinfo is None and "-0000" not in value:
            self.coverage.notes["date_without_zone"] += 1
            return instant(moment, self.zone)
        return instant(moment.replace(tzinfo=moment.tzinfo or UTC), None)

    def _recipients(self, headers: Headers, sender: str) -> tuple[Recipients, int]:
        """Return each recipient once, in their strongest role, and how many were addressed."""
        roles: dict[str, Role] = {}
        refused = 0
        for name, role in _ROLES:
            if value := headers.get(name):
                handles, bad = self.people(value)
                refused += bad
                if not roles:
                    roles = dict.fromkeys(handles, role)
                    continue
                for handle in handles:
                    roles.setdefault(handle, role)
        roles.pop(sender, None)
        if refused:
            self.coverage.notes["recipient_refused"] += refused
        if len(roles) > MAX_RECIPIENTS:
            self.coverage.notes["recipients_cut"] += len(roles) - MAX_RECIPIENTS
        return tuple(roles.items())[:MAX_RECIPIENTS], len(roles) + refused

    def _id(self, headers: Headers, sent: int, sender: str, recipients: Recipients) -> str:
        """Return the Message-ID's namespaced id; without one, a digest of time, sender and recipients stands in."""
        text = _text(headers.get("message-id", b""))
        bracketed = _SPACED_ID.search(text)
        text = (bracketed[1] if bracketed else text).strip()
        if text and len(text) <= MAX_ID_CHARACTERS and " " not in text:
            return f"mail:{text}"
        self.coverage.notes["message_id_missing"] += 1
        text = "\0".join((str(sent), sender, *sorted(handle for handle, _ in recipients)))
        return f"mail:sha256-{hashlib.sha256(text.encode()).hexdigest()}"


def _allowed(block: bytes) -> Headers:
    """Return the named headers, the first of each; no other header is looked at."""
    found: Headers = {}
    for written, value in reversed(_HEADER.findall(b"\n" + block)):
        found[_NAMES.get(written) or written.decode().lower()] = value.rstrip()
    return found


def _text(value: bytes) -> str:
    """Return a header's value decoded and unfolded."""
    text = value.decode("utf-8", "replace")
    return _FOLD.sub(" ", text) if "\n" in text else text


class _AddressLists:
    """Reads address lists, remembering a bounded number of entries, since the same people come again in other lists."""

    def __init__(self, address: Callable[[str], str], obfuscated: bool) -> None:
        self._address, self._obfuscated = address, obfuscated
        self._known: dict[bytes, str] = {}

    def read(self, header: bytes) -> tuple[tuple[str, ...], int]:
        """Return the handles of an address list and how many entries were refused."""
        known = self._known
        if (one := known.get(header)) is not None:
            return (one,), 0
        entries = header.split(b",")
        try:
            return tuple(dict.fromkeys([known[entry] for entry in entries])), 0
        except KeyError:
            return self._read(header, entries)

    def _read(self, header: bytes, entries: list[bytes]) -> tuple[tuple[str, ...], int]:
        found: list[str] = []
        refused = 0
        for raw in _addresses(_text(header), self._obfuscated):
            try:
                found.append(self._address(raw))
            except HandleError:
                refused += 1
        if len(found) == len(entries) and all(_SIMPLE.fullmatch(_text(entry).strip()) for entry in entries):
            self._known = {} if len(self._known) > CACHED_ENTRIES else self._known
            self._known.update(zip(entries, found, strict=True))
        return tuple(dict.fromkeys(found)), refused


def _addresses(value: str, obfuscated: bool) -> list[str]:
    """Split an address list; common forms quickly, the others (groups, comments, quotes, encoded words) as RFC 5322 says."""
    if obfuscated:
        value = _HIDDEN.sub(r"\1@\2", value)
        bare = _ASIDE.sub(" ", value)  # a name may be written as an address too
        value = bare if "@" in bare else value
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


def _quick_date(written: bytes) -> int | None:
    """Return the time of a date in the form of RFC 5322, None for any other form."""
    plain = written if b"(" not in written else written.partition(b" (")[0]
    days, second, offset = _days(plain[:-15]), _second(plain[-15:-5]), _offset(plain[-5:])
    if days is None or second is None or offset is None:
        match = _DATE.match(written)
        return _matched(match) if match else None
    return (days * 86_400 + second - offset) * MICROSECONDS


def _matched(match: re.Match[bytes]) -> int:
    """Return the time of a date without seconds or with a leap second, or raise for one that does not exist."""
    day, hour, minute, second, zone = match.groups()
    days, offset = _days(day), _offset(zone)
    if days is None or offset is None or hour >= b"24" or minute >= b"60":
        raise CellError("date_unreadable")
    return ((days * 24 + int(hour)) * 3600 + int(minute) * 60 + min(int(second or 0), 59) - offset) * MICROSECONDS


@lru_cache(4096)
def _days(written: bytes) -> int | None:
    """Return the days since 1970 of a date such as ``Wed, 1 Jul 2026``, None when it is none."""
    match = _DAY.fullmatch(written)
    try:
        return date(int(match[3]), _MONTHS[match[2].lower()], int(match[1])).toordinal() - _EPOCH if match else None
    except (ValueError, KeyError):
        return None


@lru_cache(86_400)
def _second(written: bytes) -> int | None:
    """Return the second of the day of a clock between two spaces, None when it is none."""
    return (int(written[1:3]) * 60 + int(written[4:6])) * 60 + int(written[7:9]) if _CLOCK.fullmatch(written) else None


@lru_cache(1024)
def _offset(zone: bytes) -> int | None:
    """Return the seconds east of UTC of a zone such as ``+0200``, None when it is none."""
    seconds = (int(zone[1:3]) * 60 + int(zone[3:])) * 60 if _ZONE.fullmatch(zone) else 86_400
    return None if seconds >= 86_400 else seconds if zone[:1] == b"+" else -seconds


def _thread(headers: Headers) -> tuple[str | None, str | None]:
    """Return the mail answered and the first mail of the thread: In-Reply-To, else the last of References; the first of References."""
    told, answered = headers.get("references"), headers.get("in-reply-to")
    references = [text for text in _SPACED_ID.findall(_text(told)) if len(text) <= MAX_ID_CHARACTERS] if told else []
    match = _SPACED_ID.search(_text(answered)) if answered else None
    last = match[1] if match and len(match[1]) <= MAX_ID_CHARACTERS else references[-1] if references else None
    reply_to = None if last is None else f"mail:{last.strip()}"
    return reply_to, f"mail:{references[0].strip()}" if references else reply_to


def _is_list(headers: Headers) -> bool:
    return "list-id" in headers or headers.get("precedence", b"").lower() in _PRECEDENCE


def _flags(headers: Headers, sender: str) -> int:
    if _FLAGGED.isdisjoint(headers):
        return _NOREPLY if _NO_REPLY.match(sender) else 0
    automatic = headers.get("auto-submitted", b"no").partition(b";")[0].strip().lower() != b"no"
    bounce = headers.get("return-path") == b"<>" or "x-auto-response-suppress" in headers
    flags = Flag.AUTO_SUBMITTED.value if automatic or bounce else 0
    flags += Flag.LIST.value if "list-id" in headers else 0
    flags += Flag.PRECEDENCE.value if headers.get("precedence", b"").lower() in _PRECEDENCE else 0
    return flags + (_NOREPLY if _NO_REPLY.match(sender) else 0)
