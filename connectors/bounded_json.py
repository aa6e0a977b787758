"""JSON from outside, read within bounds and object by object, so that what is not asked for is dropped as it is read."""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from typing import IO, Any

from connectors.archive import CHUNK, FileError

MAX_DEPTH = 64
MAX_STRING_BYTES = 2**20
MAX_ITEM_CHARACTERS = 16 * 2**20
MAX_INTEGER = 2**63

Pairs = list[tuple[str, Any]]
Hook = Callable[[Pairs], Any]


def _bad_json(code: str, seen: str) -> FileError:
    return FileError(code, f"A JSON file was refused: {seen}", "Export it again.")


def unique(pairs: Pairs) -> dict[str, Any]:
    """Return the pairs as a dictionary; a key that stands twice is an error. For object hooks."""
    item = dict(pairs)
    if len(item) != len(pairs):
        raise _bad_json("json_duplicate_key", "an object has one key twice")
    return item


def _integer(digits: str) -> int:
    if len(digits) > 20 or not -MAX_INTEGER <= (value := int(digits)) <= MAX_INTEGER:
        raise _bad_json("json_integer", "an integer is beyond 64 bits")
    return value


def _constant(_: str) -> float:
    raise _bad_json("json_constant", "it holds NaN or Infinity")


_BRACKETS = bytes(91 if c in b"[{" else 93 if c in b"]}" else c for c in range(256))
_NO_BRACKETS = bytes(c for c in range(256) if c not in b"[]{}")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SPACE = re.compile(r"[ \t\r\n]*")
_SEPARATOR = re.compile(r"[ \t\r\n]*([,\]])[ \t\r\n]*")


def json_items(stream: IO[bytes], hook: Hook) -> Iterator[Any]:
    """Yield the items of one JSON array, each passed object by object through the hook; holds one item and one chunk."""
    decoder = json.JSONDecoder(object_pairs_hook=hook, parse_int=_integer, parse_constant=_constant)
    text = _Text(stream, outer=1)
    text.expect("[")
    if text.take("]"):
        return
    while True:
        yield text.item(decoder)
        if text.separator() == "]":
            return


def json_document(stream: IO[bytes], hook: Hook = unique) -> Any:
    """Return one whole JSON document of at most 16 MiB."""
    text = _Text(stream)
    return text.item(json.JSONDecoder(object_pairs_hook=hook, parse_int=_integer, parse_constant=_constant))


class _Text:
    """The window of a JSON text that is being decoded."""

    def __init__(self, stream: IO[bytes], outer: int = 0) -> None:
        self._most = MAX_DEPTH - outer
        self._stream, self._decode = stream, codecs.getincrementaldecoder("utf-8-sig")()
        self._text, self._at, self._ended = "", 0, False

    def expect(self, character: str) -> None:
        if not self.take(character):
            raise _bad_json("json_syntax", "it is not an array of objects")

    def take(self, character: str) -> bool:
        """Skip white space and, if it comes next, the character."""
        self._skip(_SPACE)
        if found := self._text.startswith(character, self._at):
            self._at += 1
        return found

    def separator(self) -> str:
        match = _SEPARATOR.match(self._text, self._at)
        if match is None or match.end() == len(self._text):
            self._skip(_SPACE)
            match = _SEPARATOR.match(self._text, self._at)
        if match is None:
            raise _bad_json("json_syntax", "it breaks off or is malformed")
        self._at = match.end()
        return match[1]

    def item(self, decoder: json.JSONDecoder) -> Any:
        if self._text[self._at : self._at + 1].strip() == "":
            self._skip(_SPACE)
        while True:
            try:
                item, end = decoder.raw_decode(self._text, self._at)
            except RecursionError:
                raise _bad_json("json_depth", f"it is nested deeper than {MAX_DEPTH}") from None
            except ValueError:  # includes JSONDecodeError, which holds the text: it must not travel on
                item, end = None, len(self._text)
            if end < len(self._text) or (self._ended and item is not None):
                self._check(end)
                self._at = end
                return item
            if self._ended or end - self._at > MAX_ITEM_CHARACTERS:
                raise _bad_json("json_syntax", "it breaks off or is malformed")
            self._more(max(CHUNK, end - self._at))

    def _check(self, end: int) -> None:
        """Bound nesting and strings; only an item long or nested enough to break a bound is looked at."""
        text = self._text
        if text.count("{", self._at, end) + text.count("[", self._at, end) > self._most and _depth(text[self._at : end]) > self._most:
            raise _bad_json("json_depth", f"it is nested deeper than {MAX_DEPTH}")
        if end - self._at > MAX_STRING_BYTES and any(len(s) > MAX_STRING_BYTES for s in _STRING.findall(text, self._at, end)):
            raise _bad_json("json_string", "a string is longer than 1 MiB")

    def _skip(self, pattern: re.Pattern[str]) -> None:
        while (match := pattern.match(self._text, self._at)) is not None:
            self._at = match.end()
            if self._at < len(self._text) or self._ended:
                return
            self._more(CHUNK)

    def _more(self, size: int) -> None:
        chunk = self._stream.read(size)
        self._ended = not chunk
        try:
            self._text, self._at = self._text[self._at :] + self._decode.decode(chunk, self._ended), 0
        except UnicodeDecodeError:
            raise _bad_json("json_encoding", "it is not UTF-8") from None


def _depth(text: str) -> int:
    """Return how deep brackets are nested, by peeling off the innermost level at a time."""
    brackets = _STRING.sub("", text).encode(errors="replace").translate(_BRACKETS, _NO_BRACKETS)
    for depth in range(MAX_DEPTH + 1):
        if not brackets:
            return depth
        brackets = brackets.replace(b"[]", b"")
    return MAX_DEPTH + 1
