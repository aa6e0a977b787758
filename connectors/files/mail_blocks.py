"""A stream of mails becomes the named headers of each; bodies are skipped by bytes and never decoded."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import IO

from connectors.archive import CHUNK, FileError
from connectors.files.mail_headers import MAX_HEADER_BYTES, MAX_SEPARATOR_BYTES, Lines, Sheet

WINDOW = 4 * CHUNK
"""Read at once: the more mails stand together, the less each of them costs."""
FEW = 32
"""So many mails in a row have to be plain to be read together."""
MAX_BODY_LOOKAHEAD = 16 * 2**20
"""A Content-Length (mboxcl) up to this size is believed if a separator stands where it ends."""

_RULE = re.compile(
    rb"={40,}[ \t]*\r?\n(?=(?:date|from|sender|reply-to|subject|message-id|comments|organization|mime-version|in-reply-to)[ \t]*:)",
    re.IGNORECASE,
)
"""What stands before each mail of a LISTSERV notebook."""
_COMMENTS = re.compile(rb"^comments:[ \t]*(to|cc):", re.IGNORECASE | re.MULTILINE)
_SEPARATOR = re.compile(rb"From [^\n]*\n(?:>From [^\n]*\n)?(?=[!-9;-~]+[ \t]*:)")
_AFTER_BODY = re.compile(rb"[\r\n]*From [^\n]*\n(?:>From [^\n]*\n)?")
_EMPTY_LINE = re.compile(rb"\n\r?\n\Z")
_ASCTIME = re.compile(rb" \d?\d:\d\d(?::\d\d)? [^\n]*\d{4}\r?\n|\d\d:\d\d:\d\d \d{4}")
_END_OF_HEADER = re.compile(rb"\r?\n\r?\n")


def mails(stream: IO[bytes]) -> Iterator[Sheet | bytes | None]:
    """Yield the header block of a mail, or the named headers of many; None for a header longer than 1 MiB. Holds one mail and one window.

    A separator is a line ``From …`` of any bytes after an empty line (or at the start) that a header line follows, so that
    an unquoted "From " in a body (mboxo) does not cut a mail in two. A Content-Length (mboxcl) wins where it is true.
    A LISTSERV notebook, which begins with a line of equals signs, is cut at those; it writes To and Cc as comments.
    """
    window = _Window(stream)
    if window.is_blank():
        return
    notebook = window.is_notebook()
    if not window.find(within=CHUNK // 2):
        raise FileError(
            "not_mbox", "No mail separator was found where the file begins", "Give an mbox file: each mail after a line `From …`."
        )
    while True:
        block = window.header()
        yield _COMMENTS.sub(rb"\1:", block) if notebook and block is not None else block
        if block is not None and not notebook:
            if length := _content_length(block):
                window.skip(length)
            yield from window.plain_mails()
        if not window.find():
            return


def single_mail(stream: IO[bytes]) -> bytes | None:
    """Return the header block of a file that holds one mail, None when it is longer than 1 MiB."""
    window = _Window(stream, CHUNK)
    return b"" if window.is_blank() else window.first_header()


class _Window:
    """The part of the archive that is in memory; ``_at`` is where reading goes on."""

    def __init__(self, stream: IO[bytes], width: int | None = None) -> None:
        self._width = width or WINDOW
        self._stream, self._ended, self._found = stream, False, False
        self._data, self._at = b"\n\n", 0  # as if an empty line stood before the first separator
        self._mark = b"\nFrom "
        self._lines: Lines | None = None

    def is_blank(self) -> bool:
        """Return whether the file holds nothing."""
        self._more(keep=0)
        return self._ended and not self._data.strip()

    def is_notebook(self) -> bool:
        """Return whether mails stand between lines of equals signs."""
        if _RULE.match(self._data.lstrip()) is None:
            return False
        self._mark = b"\n" + b"=" * 40
        return True

    def find(self, within: int | None = None) -> bool:
        """Go behind the next separator, which has to begin within so many bytes."""
        if self._found:
            self._found = False
            return True
        while True:
            at = self._data.find(self._mark, self._at)
            if at < 0 and (self._ended or (within is not None and len(self._data) > within)):
                return False
            if at < 0 or (len(self._data) - at < MAX_SEPARATOR_BYTES and not self._ended):
                self._more(keep=max(len(self._data) - len(self._mark) - 2, self._at - 2, 0) if at < 0 else max(at - 2, 0))
            elif end := self._separator_end(at):
                self._at = end
                return True
            else:
                self._at = at + 1

    def plain_mails(self) -> Iterator[Sheet | bytes]:
        """Yield the headers of mails in the plain form, as ``find`` and ``header`` would, and stop before any other: most are plain."""
        last = len(self._data) - 2 * MAX_SEPARATOR_BYTES
        if self._found or last <= self._at:
            return
        lines = self._lines = self._lines or Lines(self._data)
        chosen, at = [], self._at
        for place in range(bisect_left(lines.marks, at + 1), bisect_left(lines.marks, last)):
            if lines.marks[place] > at:  # else it stands in the header before it
                if not lines.plain[place]:
                    break
                chosen.append(place)
                at = lines.over[place]
        self._at = at
        if len(chosen) < FEW:
            yield from map(lines.block, chosen)
        else:
            yield lines.sheet(chosen)

    def _separator_end(self, at: int) -> int:
        """Return where a true separator line ends, else 0."""
        if self._mark[1:2] == b"=":
            rule = _RULE.match(self._data, at + 1, at + MAX_SEPARATOR_BYTES)
            return rule.end() if rule else 0
        match = _SEPARATOR.match(self._data, at + 1, at + MAX_SEPARATOR_BYTES)
        if match is None:
            return 0
        after_empty_line = _EMPTY_LINE.search(self._data, max(0, at - 2), at + 1)
        return match.end() if after_empty_line or _ASCTIME.search(match[0]) else 0

    def header(self) -> bytes | None:
        """Return the bytes up to the empty line and go there; None for more than a header may have."""
        while True:
            end = self._header_end()
            if end >= 0 or self._ended:
                start, self._at = self._at, end if end >= 0 else len(self._data)
                return self._data[start : self._at] if self._at - start <= MAX_HEADER_BYTES else None
            if len(self._data) - self._at > MAX_HEADER_BYTES:
                return None
            self._more(keep=self._at)

    def first_header(self) -> bytes | None:
        """Return the header that stands where the stream begins."""
        self._at = 2
        return self.header()

    def _header_end(self) -> int:
        plain = self._data.find(b"\n\n", self._at)
        windows = self._data.find(b"\r\n\r\n", self._at, plain if plain >= 0 else len(self._data))
        return windows if windows >= 0 else plain

    def skip(self, length: int) -> None:
        """Go behind a body of that length and the separator after it, if one is there."""
        empty = _END_OF_HEADER.match(self._data, self._at)
        if empty is None or length > MAX_BODY_LOOKAHEAD:
            return
        body = empty.end() - self._at + length
        while not self._ended and len(self._data) - self._at < body + MAX_SEPARATOR_BYTES:
            self._more(keep=self._at)
        match = _AFTER_BODY.match(self._data, self._at + body)
        if match is not None:
            self._at, self._found = match.end(), True
        elif not self._data[self._at + body :].strip():
            self._at = len(self._data)

    def _more(self, keep: int) -> None:
        chunk = self._stream.read(self._width)
        self._ended = not chunk
        self._data, self._at, self._lines = self._data[keep:] + chunk, max(self._at - keep, 0), None


def _content_length(block: bytes) -> int:
    if b"ength" not in block and b"ENGTH" not in block:
        return 0
    found = re.search(rb"^content-length[ \t]*:[ \t]*(\d{1,12})[ \t]*\r?$", block, re.IGNORECASE | re.MULTILINE)
    return int(found[1]) if found else 0
