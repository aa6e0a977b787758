"""Mail archives in mbox, Maildir, pipermail and LISTSERV form: headers only, streamed; bodies are skipped by bytes."""

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC
from email.header import decode_header, make_header
from email.utils import getaddresses, parsedate_to_datetime
from functools import lru_cache
from itertools import repeat
from pathlib import Path
from typing import ClassVar
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

import connectors.base
from connectors.archive import open_archive, read_bytes, regular
from connectors.base import Coverage, Cursor, RawEvent, RawTable
from connectors.cells import MICROSECONDS, CellError, ZoneName, instant, plausible, second_zero
from connectors.files.mail_blocks import mails, single_mail
from connectors.files.mail_columns import MAX_AUDIENCE, MAX_ID_CHARACTERS, MAX_RECIPIENTS, PRECEDENCE, ROLES, Columns, days, is_no_reply
from connectors.files.mail_headers import Headers, Sheet, alone, joined, named
from connectors.identity import AddressRules, HandleError, address_reader
from connectors.raw_tables import MANY_ROWS, rows_of
from ona.tables import Flag, Kind, Role, SpaceKind

BYTES_PER_MAIL = 10_000
"""In a file without the usual separators, such as a LISTSERV archive."""
SAMPLED_FILES, SAMPLED_BYTES = 100, 2**20
"""What a forecast looks at: the first files, and the beginning of each."""
CACHED_ENTRIES = 65_536
MANY_BYTES = 16 * 2**20
"""Header blocks held until they are read together."""
SUFFIXES = (".mbox", ".mbx", ".txt", ".log", "")
MAILDIR = ("cur", "new")
"""Folders in which each file is one mail."""

_FOLD = re.compile(r"\s*\n[ \t]+")
_DATE = re.compile(rb"((?:[A-Za-z]{3},? +)?\d{1,2} [A-Za-z]{3} \d{4}) (\d\d):(\d\d)(?::(\d\d))? ([+-]\d{4})(?!\d)")
_CLOCK = re.compile(rb" (?:[01]\d|2[0-3]):[0-5]\d")
_SECONDS = {b":%02d " % second: second for second in range(60)}
_ZONE = re.compile(rb"[+-]\d{4}")
_SIMPLE = re.compile(r'(?:[^<>"(),:;\\@]*<([^<>\s"(),:;\\]+@[^<>\s"(),:;\\]+)>|([^<>\s"(),:;\\]+@[^<>\s"(),:;\\]+))\s*')
_NAMED = re.compile(r'"[^<>"(),:;\\@]*" *<([^<>\s"(),:;\\]+@[^<>\s"(),:;\\]+)>()\s*')
"""The same with a name between quotes."""
_HIDDEN = re.compile(r"([^\s<>(),;:@]+) at ([^\s<>(),;:@]+)")
_ASIDE = re.compile(r'"[^"]*"|\([^()]*\)')
_SPACED_ID = re.compile(r"<([^<>]+)>")
_FLAGGED = frozenset(("auto-submitted", "return-path", "x-auto-response-suppress", "list-id", "precedence"))
_days = lru_cache(4096)(days)
_NOREPLY, _MAIL, _PLACE = Flag.NOREPLY.value, Kind.MAIL, SpaceKind.MAIL  # looking one up takes as long as making a record

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
        for table in self.tables(coverage, cursor):
            yield from table.records()

    def tables(self, coverage: Coverage, cursor: Cursor) -> Iterator[RawTable]:
        """Yield the same as tables."""
        reader = _Reader(coverage, self._config, time.time_ns() // 1_000)
        held, mails, size = list[Sheet](), 0, 0
        for part in self._mails(coverage):
            sheet = part if isinstance(part, Sheet) else alone(part)
            held.append(sheet)
            mails, size = mails + len(sheet.blocks), size + sheet.bytes
            if mails >= MANY_ROWS or size >= MANY_BYTES:
                yield reader.table(joined(held))
                held, mails, size = [], 0, 0
        if held:
            yield reader.table(joined(held))

    def size(self) -> int | None:
        """Return about how many mails there are, from the beginnings of the first files; None for compressed archives."""
        path = self._config.path
        files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [regular(path)]
        if any(file.suffix.lower() == ".gz" for file in files):
            return None
        seen = sum(file.stat().st_size for file in files[:SAMPLED_FILES])
        return round(sum(map(_about, files[:SAMPLED_FILES])) * sum(file.stat().st_size for file in files) / max(1, seen))

    def _mails(self, coverage: Coverage) -> Iterator[Sheet | bytes | None]:
        path = self._config.path
        if not path.is_dir():
            with read_bytes(path) as stream:
                yield from mails(stream)
            return
        with open_archive(path) as folder:
            for name in folder.names:
                if Path(name).parent.name in MAILDIR:
                    with folder.open(name) as stream:
                        yield single_mail(stream)
                elif Path(name.removesuffix(".gz")).suffix.lower() in SUFFIXES and Path(name).parent.name != "tmp":
                    with read_bytes(path / name) as stream:
                        yield from mails(stream)
                else:
                    coverage.notes["file_ignored"] += 1


@dataclass
class _Reader:
    """Turns headers into events and counts what it cannot use."""

    coverage: Coverage
    config: Config
    now: int
    people: Callable[[bytes], tuple[tuple[str, ...], int]] = field(init=False)

    def __post_init__(self) -> None:
        """Set up the bounded memory of addresses."""
        lists = _AddressLists(address_reader(self.config.addresses), self.config.obfuscated)
        self.people, self.zone = lists.read, ZoneInfo(self.config.zone)
        space = f"list:{self.config.list_name}" if self.config.list_name else None
        self.columns = Columns(lists.read, lists.one, self.now, space)

    def table(self, sheet: Sheet) -> RawTable:
        """Return the events of many mails in the order of the file: those of common forms together, the others one by one."""
        rows, kept, careful, nobody = self.columns.read(sheet)
        self.coverage.read += len(kept) + nobody
        if nobody:
            self.coverage.dropped["nobody"] += nobody
        found = [(place, event) for place in careful.tolist() if (event := self.event(sheet.blocks[place])) is not None]
        if found:
            others = rows_of([event for _, event in found], self.columns.numbers)
            order = np.argsort(np.concatenate([kept, [place for place, _ in found]]), kind="stable")
            rows = pa.concat_tables([rows, others]).take(pa.array(order))
        return RawTable(self.columns.numbers.names, rows)

    def event(self, block: bytes | None) -> RawEvent | None:
        """Return the mail's event, or count the row where it belongs."""
        self.coverage.read += 1
        if block is None:
            self.coverage.quarantined["header_too_long"] += 1
            return None
        try:
            return self._mail(named(block))
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
        lists = [(self.people(value), role) for name, role in ROLES if (value := headers.get(name))]
        if len(lists) == 1 and not lists[0][0][1]:
            (handles, _), role = lists[0]
            told = handles if sender not in handles else [handle for handle in handles if handle != sender]
            return self._cut(tuple(zip(told, repeat(role)))), len(told)
        roles: dict[str, Role] = {}
        for (handles, _), role in lists:
            for handle in handles:
                roles.setdefault(handle, role)
        roles.pop(sender, None)
        refused = sum(bad for (_, bad), _ in lists)
        if refused:
            self.coverage.notes["recipient_refused"] += refused
        return self._cut(tuple(roles.items())), len(roles) + refused

    def _cut(self, recipients: Recipients) -> Recipients:
        if len(recipients) > MAX_RECIPIENTS:
            self.coverage.notes["recipients_cut"] += len(recipients) - MAX_RECIPIENTS
            return recipients[:MAX_RECIPIENTS]
        return recipients

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


def _about(file: Path) -> float:
    """Return about how many mails a file holds, from its beginning; a file of a Maildir is one."""
    if file.parent.name in MAILDIR:
        return 1.0
    size = file.stat().st_size
    with file.open("rb") as stream:
        piece = stream.read(SAMPLED_BYTES)
    found = piece.count(b"\nFrom ") + piece.startswith(b"From ")
    return found * size / len(piece) if found else size / BYTES_PER_MAIL


def _text(value: bytes) -> str:
    """Return a header's value decoded and unfolded."""
    text = value.decode("utf-8", "replace")
    return _FOLD.sub(" ", text) if "\n" in text else text


class _AddressLists:
    """Reads address lists, remembering a bounded number of entries, since the same people come again in other lists."""

    def __init__(self, address: Callable[[str], str], obfuscated: bool) -> None:
        self._address, self._obfuscated = address, obfuscated
        self._known: dict[bytes, str] = {}

    def one(self, entry: bytes) -> str | None:
        """Return the handle of an entry in a common form, None for any other; hidden addresses need the whole list to be read."""
        if self._obfuscated:
            return None
        match = _SIMPLE.fullmatch(_text(entry).strip()) or _NAMED.fullmatch(_text(entry).strip())
        try:
            return self._address(match[1] or match[2]) if match else None
        except HandleError:
            return None

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
    days, minute, second, offset = _days(plain[:-15]), _minute(plain[-15:-9]), _SECONDS.get(plain[-9:-5]), _offset(plain[-5:])
    if days is None or minute is None or second is None or offset is None:
        match = _DATE.match(written)
        return _matched(match) if match else None
    return (days * 86_400 + minute + second - offset) * MICROSECONDS


def _matched(match: re.Match[bytes]) -> int:
    """Return the time of a date without seconds or with a leap second, or raise for one that does not exist."""
    day, hour, minute, second, zone = match.groups()
    days, offset = _days(day), _offset(zone)
    if days is None or offset is None or hour >= b"24" or minute >= b"60":
        raise CellError("date_unreadable")
    return ((days * 24 + int(hour)) * 3600 + int(minute) * 60 + min(int(second or 0), 59) - offset) * MICROSECONDS


@lru_cache(1440)
def _minute(written: bytes) -> int | None:
    """Return the second of the day of hour and minute behind a space, None when they are none."""
    return (int(written[1:3]) * 60 + int(written[4:6])) * 60 if _CLOCK.fullmatch(written) else None


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
    return "list-id" in headers or headers.get("precedence", b"").lower() in PRECEDENCE


def _flags(headers: Headers, sender: str) -> int:
    if _FLAGGED.isdisjoint(headers):
        return _NOREPLY if is_no_reply(sender) else 0
    automatic = headers.get("auto-submitted", b"no").partition(b";")[0].strip().lower() != b"no"
    bounce = headers.get("return-path") == b"<>" or "x-auto-response-suppress" in headers
    flags = Flag.AUTO_SUBMITTED.value if automatic or bounce else 0
    flags += Flag.LIST.value if "list-id" in headers else 0
    flags += Flag.PRECEDENCE.value if headers.get("precedence", b"").lower() in PRECEDENCE else 0
    return flags + (_NOREPLY if is_no_reply(sender) else 0)
