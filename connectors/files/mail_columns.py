"""Mails as columns: what most write in the same few forms is read by whole-array work, the others are left to be read with care."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.base import RAW_EVENTS
from connectors.cells import FUTURE_MICROSECONDS, MICROSECONDS
from connectors.files.mail_headers import Longs, Masks, Sheet, Values
from connectors.raw_tables import MANY_HANDLES, Numbers, recipient_lists
from ona.tables import Flag, Kind, Role, SpaceKind

MAX_ID_CHARACTERS = 998
MAX_RECIPIENTS = 1_000
"""Further recipients are counted in ``audience`` only."""
MAX_AUDIENCE = 65_535
UNKNOWN = -1
"""In place of the number of a handle, where a text has to be read with care."""

ROLES = (("to", Role.TO), ("cc", Role.CC), ("bcc", Role.BCC))
PRECEDENCE = (b"bulk", b"list", b"junk")

_ID = "[!-;=?-~]+"
_ONE_ID = f"^<{_ID}>$"
_IDS = rf"^<{_ID}>(?:[ \t\n]*<{_ID}>)*$"
_CLOCK = b" 00:00:00 +0000"
_NO_DAY = -(2**40)
_MOST_DAYS = 4_096
_NO_REPLY = re.compile(r"email:(?:no|do-?not|dont)[._-]?reply")
_DAY = re.compile(rb"(?:[A-Za-z]{3},? +)?(\d{1,2}) ([A-Za-z]{3}) (\d{4})")
_MONTHS = {m: i for i, m in enumerate((b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"), 1)}
_EPOCH = date(1970, 1, 1).toordinal()


def days(written: bytes) -> int | None:
    """Return the days since 1970 of a date such as ``Wed, 1 Jul 2026``, None when it is none."""
    match = _DAY.fullmatch(written)
    try:
        return date(int(match[3]), _MONTHS[match[2].lower()], int(match[1])).toordinal() - _EPOCH if match else None
    except (ValueError, KeyError):
        return None


def is_no_reply(handle: str) -> bool:
    """Return whether an address says of itself that nobody reads it."""
    return _NO_REPLY.match(handle) is not None


@dataclass
class Columns:
    """Reads sheets of mails; remembers the texts of addresses and days."""

    author: Callable[[bytes], tuple[tuple[str, ...], int]]
    """The handles of an address list, and how many entries were refused."""
    address: Callable[[bytes], str | None]
    """The handle of one entry of an address list, None where the entry has to be read with care."""
    now: int
    space: str | None = None
    """Of a mailing list's archive: the place of mails that name no recipient."""
    numbers: Numbers = field(default_factory=Numbers)
    _entries: dict[bytes, int] = field(default_factory=dict)
    _authors: dict[bytes, int] = field(default_factory=dict)
    _automatic: list[bool] = field(default_factory=list)
    _days: dict[bytes, int] = field(default_factory=dict)

    def read(self, sheet: Sheet) -> tuple[pa.Table, Longs, Longs, int]:
        """Return the events of the mails that could be read, the place of each, the places of the others, and how many are to nobody."""
        self._forget()
        count = len(sheet.blocks)
        careful = sheet.unusual.copy()
        careful[np.setdiff1d(_having(sheet, "sender"), _having(sheet, "list-id"))] = True
        sender, sent = self._sender(sheet), self._sent(sheet)
        id, (first, last) = _one(sheet, "message-id", careful), _references(sheet, careful)
        reply_to = pc.coalesce(_one(sheet, "in-reply-to", careful), last)
        recipients, offsets, told = self._recipients(sheet, sender, careful)
        careful |= (sender == UNKNOWN) | (sent <= 0) | (sent > self.now + FUTURE_MICROSECONDS) | id.is_null().to_numpy(zero_copy_only=False)
        careful |= told > MAX_RECIPIENTS
        nobody = ~careful & (told == 0) & (self.space is None)
        kept = np.flatnonzero(~careful & ~nobody)
        flags = _flags(sheet, sent) | self._no_reply(sender)
        columns = {
            "id": id,
            "kind": pa.repeat(pa.scalar(Kind.MAIL.value, pa.uint8()), count),
            "sent": sent,
            "sender": sender,
            "recipients": recipient_lists(offsets, *recipients),
            "audience": np.minimum(told, MAX_AUDIENCE),
            "space": pc.if_else(pa.array(told == 0), pa.scalar(self.space, pa.string()), pa.scalar(None, pa.string())),
            "space_kind": pa.repeat(pa.scalar(SpaceKind.MAIL.value, pa.uint8()), count),
            "root": pc.coalesce(first, reply_to),
            "reply_to": reply_to,
            "minutes": pa.nulls(count, pa.float32()),
            "flags": flags,
            "revision": np.zeros(count, np.int64),
            "rows": np.ones(count, np.uint32),
        }
        table = pa.table([_array(columns[name], kind) for name, kind in zip(RAW_EVENTS.names, RAW_EVENTS.types, strict=True)], RAW_EVENTS)
        return table.take(pa.array(kept)), kept, np.flatnonzero(careful), int(nobody.sum())

    def _forget(self) -> None:
        """Begin anew when too much is remembered."""
        if max(map(len, (self._entries, self._authors, self.numbers.names))) > MANY_HANDLES:
            self.numbers, self._entries, self._authors, self._automatic = Numbers(), {}, {}, []
        if len(self._days) > _MOST_DAYS:
            self._days = {}

    def _sender(self, sheet: Sheet) -> Longs:
        """Return the number of the one author of each mail."""
        sender = np.full(len(sheet.blocks), UNKNOWN)
        if "from" in sheet.values:
            sender[sheet.values["from"].mails] = _numbered(sheet.values["from"].texts, self._authors, self._only_author)
        return sender

    def _no_reply(self, sender: Longs) -> Longs:
        """Return the flag of senders whom nobody answers."""
        self._automatic += [is_no_reply(handle) for handle in self.numbers.names[len(self._automatic) :]]
        return np.where(np.array([*self._automatic, False])[sender], Flag.NOREPLY.value, 0)

    def _recipients(self, sheet: Sheet, sender: Longs, careful: Masks) -> tuple[tuple[Longs, Longs], Longs, Longs]:
        """Return each recipient once in the first role, where those of each mail begin, and how many there are."""
        found = [_split(sheet.values[name]) for name, _ in ROLES if name in sheet.values]
        roles = np.repeat([role.value for name, role in ROLES if name in sheet.values], [len(owner) for owner, _ in found])
        owner = np.concatenate([np.empty(0, np.int64), *(owner for owner, _ in found)])
        handles = np.concatenate([np.empty(0, np.int64), *(_numbered(texts, self._entries, self._entry) for _, texts in found)])
        careful[owner[handles == UNKNOWN]] = True
        _, first = np.unique(owner * (len(self.numbers.names) + 1) + handles, return_index=True)
        first = first[handles[first] != sender[owner[first]]]
        first = first[np.lexsort((first, owner[first]))]
        told = np.bincount(owner[first], minlength=len(sheet.blocks))
        return (handles[first], roles[first]), np.concatenate([[0], np.cumsum(told)]), told

    def _only_author(self, text: bytes) -> int:
        authors, _ = self.author(text)
        return self.numbers.of(authors[0]) if len(authors) == 1 else UNKNOWN

    def _entry(self, text: bytes) -> int:
        handle = self.address(text)
        return UNKNOWN if handle is None else self.numbers.of(handle)

    def _sent(self, sheet: Sheet) -> Longs:
        """Return the time of each mail in the form of RFC 5322, 0 for any other."""
        sent = np.zeros(len(sheet.blocks), np.int64)
        if "date" not in sheet.values:
            return sent
        texts, mails = sheet.values["date"].texts, sheet.values["date"].mails
        if pc.any(pc.match_substring(texts, b" (")).as_py():
            texts = pc.replace_substring_regex(texts, r"(?s) \(.*", b"")
        clock, fits = _last(texts, len(_CLOCK))
        coded = pc.binary_slice(texts, 0, -len(_CLOCK)).dictionary_encode()
        for text in coded.dictionary.to_pylist():
            if text not in self._days:
                found = days(text)
                self._days[text] = _NO_DAY if found is None else found
        day = np.array([self._days[text] for text in coded.dictionary.to_pylist()], np.int64)[coded.indices.to_numpy()]
        seconds, is_clock = _seconds(clock)
        sent[mails] = np.where(fits & is_clock & (day > _NO_DAY), (day * 86_400 + seconds) * MICROSECONDS, 0)
        return sent


def _array(values: object, kind: pa.DataType) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values, kind)


def _last(texts: pa.BinaryArray, width: int) -> tuple[Longs, Masks]:
    """Return the last bytes of each text as a row, and whether there are as many."""
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(texts.buffers()[2], np.uint8) if texts.buffers()[2] else np.zeros(1, np.uint8)
    places = offsets[1:, None] - width + np.arange(width)
    return data[np.maximum(places, 0)].astype(np.int64), np.diff(offsets) >= width


def _seconds(clock: Longs) -> tuple[Longs, Masks]:
    """Return the second of the day in UTC of rows such as `` 10:00:05 +0200``, and which are of that form."""
    form = np.frombuffer(_CLOCK, np.uint8).astype(np.int64)
    digit = form == ord("0")
    value = clock - ord("0")
    sign = np.where(clock[:, 10] == ord("-"), 1, -1)
    fits = ((value[:, digit] >= 0) & (value[:, digit] <= 9)).all(1) & (clock[:, [0, 3, 6, 9]] == form[[0, 3, 6, 9]]).all(1)
    fits &= (clock[:, 10] == ord("+")) | (clock[:, 10] == ord("-"))
    hour, minute, second, east, rest = (value[:, place] * 10 + value[:, place + 1] for place in (1, 4, 7, 11, 13))
    offset = (east * 60 + rest) * 60
    fits &= (hour < 24) & (minute < 60) & (second < 60) & (offset < 86_400)
    return (hour * 60 + minute) * 60 + second + sign * offset, fits


def _having(sheet: Sheet, name: str) -> Longs:
    """Return the mails that have a header."""
    return sheet.values[name].mails if name in sheet.values else np.empty(0, np.int64)


def _numbered(texts: pa.BinaryArray, known: dict[bytes, int], number: Callable[[bytes], int]) -> Longs:
    """Return the number of each text, asking once for those not known yet."""
    coded = texts.dictionary_encode()
    distinct = coded.dictionary.to_pylist()
    known.update((text, number(text)) for text in distinct if text not in known)
    numbers = np.array([known[text] for text in distinct], np.int64)
    found: Longs = numbers[coded.indices.to_numpy()]
    return found


def _split(values: Values) -> tuple[Longs, pa.BinaryArray]:
    """Return the entries of address lists, each with its mail."""
    lists = pc.split_pattern(values.texts, b",")
    return values.mails[pc.list_parent_indices(lists).to_numpy()], lists.flatten()


def _spread(count: int, mails: Longs, texts: pa.Array) -> pa.Array:
    """Return one text per mail, null where there is none."""
    places = np.full(count, len(texts))
    places[mails] = np.arange(len(texts))
    return texts.take(pa.array(places, mask=places == len(texts)))


def _one(sheet: Sheet, name: str, careful: Masks) -> pa.Array:
    """Return the one id that a header holds; mails in which it holds anything else are to be read with care."""
    count, values = len(sheet.blocks), sheet.values.get(name)
    if values is None:
        return pa.nulls(count, pa.string())
    fits = pc.and_(pc.match_substring_regex(values.texts, _ONE_ID), pc.less_equal(pc.binary_length(values.texts), MAX_ID_CHARACTERS + 2))
    careful[values.mails[~fits.to_numpy(zero_copy_only=False)]] = True
    inner = pc.binary_slice(values.texts.filter(fits), 1, -1)
    return _spread(count, values.mails[fits.to_numpy(zero_copy_only=False)], _namespaced(inner))


def _references(sheet: Sheet, careful: Masks) -> tuple[pa.Array, pa.Array]:
    """Return the first and the last id of References."""
    count, values = len(sheet.blocks), sheet.values.get("references")
    if values is None:
        return pa.nulls(count, pa.string()), pa.nulls(count, pa.string())
    fits = pc.and_(pc.match_substring_regex(values.texts, _IDS), pc.less_equal(pc.binary_length(values.texts), MAX_ID_CHARACTERS))
    plain = fits.to_numpy(zero_copy_only=False)
    careful[values.mails[~plain]] = True
    texts, mails = values.texts.filter(fits), values.mails[plain]
    first = pc.replace_substring_regex(texts, r"(?s)^<([^>]*)>.*$", rb"\1")
    last = pc.replace_substring_regex(texts, r"(?s)^.*<([^>]*)>$", rb"\1")
    return _spread(count, mails, _namespaced(first)), _spread(count, mails, _namespaced(last))


def _namespaced(ids: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(pa.scalar("mail:"), ids.cast(pa.string()), "")


def _flags(sheet: Sheet, sent: Longs) -> Longs:
    """Return what is known of the mails' origin."""
    flags = np.where(sent // MICROSECONDS % 60 == 0, Flag.SECOND_ZERO.value, 0)
    for name, values in sheet.values.items():
        if name in _MARKS:
            flags[values.mails] |= np.array([_MARKS[name](text) for text in values.texts.to_pylist()], np.int64)
    return flags


_MARKS: dict[str, Callable[[bytes], int]] = {
    "auto-submitted": lambda text: Flag.AUTO_SUBMITTED.value * (text.partition(b";")[0].strip().lower() != b"no"),
    "return-path": lambda text: Flag.AUTO_SUBMITTED.value * (text == b"<>"),
    "x-auto-response-suppress": lambda _: Flag.AUTO_SUBMITTED.value,
    "list-id": lambda _: Flag.LIST.value,
    "precedence": lambda text: Flag.PRECEDENCE.value * (text.lower() in PRECEDENCE),
}
