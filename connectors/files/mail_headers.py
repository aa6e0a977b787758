"""Which headers of a mail are read, from one header block or from many plain mails at once; no other is looked at."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Headers = dict[str, bytes]
"""Named headers as they stand in the file, the first of each; each is decoded where it is used."""
Longs = npt.NDArray[np.int64]
Masks = npt.NDArray[np.bool_]

NAMES = (
    *("from", "to", "cc", "date", "message-id", "in-reply-to", "references", "sender", "bcc", "list-id", "precedence"),
    *("return-path", "auto-submitted", "x-auto-response-suppress"),
)
NEW_LINE, RETURN, COLON, SPACE, TAB = b"\n\r: \t"
MAX_HEADER_BYTES = 2**20
MAX_SEPARATOR_BYTES = 4096
MARGIN = 8
"""Blanks around a value beyond which a mail is read with care."""

_HEADER = re.compile(
    rb"\n(?=[abcdfilmprstx])(" + "|".join(NAMES).encode() + rb")[ \t]*:[ \t]*([^\n]*+(?:\n[ \t][^\n]*+)*+)",
    re.IGNORECASE,
)
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
_LOWER = 0x20
"""Makes a capital letter small; a carriage return becomes a hyphen, but plain mails hold none."""
_SHORT = 0xFFFF
_WORDS = {name: int.from_bytes(name[:4].encode(), "little") for name in (*NAMES, "content-length") if len(name) > 3}
_PAIRS = {name: int.from_bytes(name[:2].encode(), "little") for name in NAMES if len(name) <= 3}


def named(block: bytes) -> Headers:
    """Return the named headers of one header block."""
    found: Headers = {}
    for written, value in reversed(_HEADER.findall(b"\n" + block)):
        found[written.decode().lower()] = value.rstrip()
    return found


@dataclass(frozen=True)
class Values:
    """One named header of many mails: the mails that have it, rising, and what stands there."""

    mails: Longs
    texts: pa.BinaryArray


@dataclass(frozen=True)
class Sheet:
    """The named headers of many mails."""

    blocks: Sequence[bytes | None]
    """Header blocks as they stand in the file, None for one that is too long."""
    values: Mapping[str, Values]
    unusual: Masks
    """Mails whose headers are to be read from their blocks, with care."""

    @cached_property
    def bytes(self) -> int:
        """How long the header blocks are together."""
        return sum(len(block) for block in self.blocks if block is not None)


def alone(block: bytes | None) -> Sheet:
    """Return a sheet of one mail that is to be read with care."""
    return Sheet((block,), {}, np.ones(1, np.bool_))


def joined(sheets: Sequence[Sheet]) -> Sheet:
    """Return sheets as one."""
    begun = np.cumsum([0, *(len(sheet.blocks) for sheet in sheets)])
    values = {}
    for name in NAMES:
        having = [(sheet.values[name], first) for sheet, first in zip(sheets, begun, strict=False) if name in sheet.values]
        if having:
            mails = np.concatenate([one.mails + first for one, first in having])
            values[name] = Values(mails, pa.concat_arrays([one.texts for one, _ in having]))
    blocks = tuple(block for sheet in sheets for block in sheet.blocks)
    return Sheet(blocks, values, np.concatenate([np.zeros(0, np.bool_), *(sheet.unusual for sheet in sheets)]))


class Lines:
    """The lines of a window's bytes: where mails begin, and the headers of those in the plain form.

    Plain is a whole header in memory, behind an empty line, with lines that end in a line feed alone and no Content-Length.
    """

    def __init__(self, data: bytes) -> None:
        """Find every line that may part two mails, and the header behind it."""
        self._data = data
        self._bytes: npt.NDArray[np.uint8] = np.frombuffer(data, np.uint8)
        self._ends: Longs = np.flatnonzero(self._bytes == NEW_LINE)
        marks = self._beginning_with(b"From ")
        marks = marks[marks > 1]
        ends, empty = np.append(self._ends, len(data)), np.append(self._ends[:-1][np.diff(self._ends) == 1], len(data))
        begun = np.minimum(ends[np.searchsorted(ends, marks)] + 1, len(data))
        over = empty[np.searchsorted(empty, begun)]
        plain = self._plain(marks, begun, over)
        self._spans: Longs = np.stack([begun, over], 1)[plain]
        self._place: Longs = np.cumsum(plain) - 1
        self._owner, self._begun, self._ended = self._headers(self._spans)
        self._word = self._words(self._begun)
        sized = self._owner[self._named("content-length")[0]]
        self.marks: list[int] = marks.tolist()
        """Where a line begins that may part two mails."""
        self.plain: list[bool] = (plain & ~np.isin(self._place, sized)).tolist()
        self.over: list[int] = over.tolist()
        """Where the empty line after the header behind each of them begins."""

    def _plain(self, marks: Longs, begun: Longs, over: Longs) -> Masks:
        """Return which marks stand behind an empty line and before a whole header in memory, its lines ended by a line feed alone."""
        plain: Masks = (over < len(self._data)) & (over > begun) & (self._bytes[marks - 2] == NEW_LINE)
        plain &= (begun - marks < MAX_SEPARATOR_BYTES) & (over - begun <= MAX_HEADER_BYTES)
        if b"\r" in self._data:
            returns = np.flatnonzero(self._bytes == RETURN)
            plain &= np.searchsorted(returns, marks) == np.searchsorted(returns, over)
        plain[plain] = [_FIELD.match(self._data, at) is not None for at in begun[plain].tolist()]
        return plain

    def block(self, place: int) -> bytes:
        """Return the header block behind a mark that is plain."""
        begin, end = self._spans[self._place[place]].tolist()
        return self._data[begin:end]

    def sheet(self, chosen: Sequence[int]) -> Sheet:
        """Return the headers behind some of the marks, all of which are plain."""
        places = self._place[chosen]
        number = np.full(places[-1] - places[0] + 1, -1)
        number[places - places[0]] = np.arange(len(places))
        unusual, values = np.zeros(len(places), np.bool_), {}
        for name, found in self._lines_named.items():
            exact, loose = (self._between(lines, places) for lines in found)
            mail, rare = number[self._owner[exact] - places[0]], number[self._owner[loose] - places[0]]
            unusual[rare[rare >= 0]] = True
            mails, first = np.unique(mail[mail >= 0], return_index=True)
            if len(mails):
                at = exact[mail >= 0][first]
                values[name] = Values(mails, self._texts(self._begun[at] + len(name) + 1, self._ended[at], unusual, mails))
        return Sheet([self._data[begin:end] for begin, end in self._spans[places].tolist()], values, unusual)

    def _between(self, lines: Longs, places: Longs) -> Longs:
        """Return those of some headers that belong to the blocks from the first to the last of these places."""
        first, last = np.searchsorted(self._owner[lines], (places[0], places[-1] + 1))
        return lines[first:last]

    @cached_property
    def _lines_named(self) -> dict[str, tuple[Longs, Longs]]:
        return {name: self._named(name) for name in NAMES}

    def _named(self, name: str) -> tuple[Longs, Longs]:
        """Return which headers have a name, and which have it with blanks before the colon."""
        here = np.flatnonzero(self._word == _WORDS[name] if name in _WORDS else self._word & _SHORT == _PAIRS[name])
        for place in range(2 if name in _PAIRS else 4, len(name)):
            here = here[self._bytes[self._begun[here] + place] | _LOWER == ord(name[place])]
        after = self._bytes[self._begun[here] + len(name)]
        return here[after == COLON], here[(after == SPACE) | (after == TAB)]

    def _beginning_with(self, text: bytes) -> Longs:
        begun = self._ends[: np.searchsorted(self._ends, len(self._data) - len(text))] + 1
        for place, byte in enumerate(text):
            begun = begun[self._bytes[begun + place] == byte]
        return begun

    def _headers(self, spans: Longs) -> tuple[Longs, Longs, Longs]:
        """Return block, beginning and end of each header, with the lines that continue it."""
        first, last = np.searchsorted(self._ends, spans[:, 0]), np.searchsorted(self._ends, spans[:, 1])
        count = last - first + 1
        line = np.arange(count.sum()) + np.repeat(first - np.cumsum(count) + count, count)
        begun, ended = self._ends[line - 1] + 1, self._ends[line]
        letter = self._bytes[begun]
        heads = np.flatnonzero((letter != SPACE) & (letter != TAB))
        ended = ended[np.append(heads[1:], len(line)) - 1] if len(line) else ended
        return np.repeat(np.arange(len(spans)), count)[heads], begun[heads], ended

    def _words(self, begun: Longs) -> npt.NDArray[np.uint32]:
        """Return the first four letters of each header in one number."""
        word = np.zeros(len(begun), np.uint32)
        for place in range(4):
            letter = self._bytes[np.minimum(begun + place, len(self._bytes) - 1)] | _LOWER
            word |= letter.astype(np.uint32) << np.uint32(8 * place)
        return word

    def _texts(self, begun: Longs, ended: Longs, unusual: Masks, mails: Longs) -> pa.BinaryArray:
        """Return what stands between, without the blanks around it."""
        for _ in range(MARGIN):
            lead, trail = (self._is_blank(places) & (begun < ended) for places in (begun, ended - 1))
            if not (lead.any() or trail.any()):
                break
            begun, ended = begun + lead, ended - (trail & (begun + lead < ended))
        blank = self._is_blank(begun) | self._is_blank(ended - 1) | (self._bytes[ended - 1] < SPACE)
        unusual[mails[blank & (begun < ended)]] = True
        offsets = np.stack([begun, ended], 1).astype(np.int32).ravel()
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(self._data)]
        return pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers).take(pa.array(np.arange(0, len(offsets), 2)))

    def _is_blank(self, places: Longs) -> Masks:
        letter = self._bytes[places]
        blank: Masks = (letter == SPACE) | (letter == TAB)
        return blank
