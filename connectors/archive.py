"""Files from outside, read within bounds and never spooled: folders, zip and gzip archives, JSON arrays."""

import codecs
import gzip
import io
import json
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Any, BinaryIO, Protocol, Self

from ona.errors import ConnectorError

MAX_ENTRIES = 200_000
MAX_TOTAL_BYTES = 20 * 2**30
MAX_RATIO = 100
SMALL_BYTES = 2**20
"""Up to this size an entry may be compressed by any ratio."""
MAX_DIRECTORY_BYTES = 128 * 2**20
MAX_NAME_CHARACTERS = 1024
MAX_DEPTH = 64
MAX_STRING_BYTES = 2**20
MAX_ITEM_CHARACTERS = 16 * 2**20
MAX_INTEGER = 2**63
MAX_COLUMNS = 512
MAX_FIELD_CHARACTERS = 64 * 2**10
MAX_ROW_CHARACTERS = 2**20
MAX_ROW_LINES = 64
CHUNK = 2**20

NESTED = (".zip", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".tar", ".zst", ".jar")
UPLOADS = ("__uploads", "attachments")
"""Folders of a chat export that hold people's files: never opened, so archives may lie there."""

_UNSAFE_NAME = re.compile(r"^/|^[^/]*:|\\|(?:^|/)\.\.(?:/|$)|[\x00-\x1f\x7f]")

Pairs = list[tuple[str, Any]]
Hook = Callable[[Pairs], Any]


class FileError(ConnectorError):
    """A file breaks a bound or its own format; ``code`` is stable, neither names nor content are repeated."""

    def __init__(self, code: str, seen: str, do: str) -> None:
        """Keep the code beside the sentence."""
        super().__init__(f"{seen} ({code}). {do}")
        self.code = code


def _unsafe(code: str, seen: str) -> FileError:
    return FileError(
        code, f"The archive was refused: {seen}", "Make it anew with an ordinary zip program, or unpack it and give the folder."
    )


class Archive(Protocol):
    """A folder or a zip file whose entries were all checked before any is opened."""

    names: tuple[str, ...]

    def open(self, name: str) -> IO[bytes]:
        """Open one entry for reading, bounded by its declared size."""

    def size(self, name: str) -> int:
        """Return the entry's declared size in bytes."""

    def __enter__(self) -> Self:
        """Return itself."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the file."""


def open_archive(path: Path) -> Archive:
    """Open a folder or a zip file."""
    return Folder(path) if path.is_dir() else Zip(regular(path))


def regular(path: Path) -> Path:
    """Return the path if it is a file that can be read as one."""
    if not path.is_file():
        raise FileError("file_missing", "The configured path is not a file", "Correct `path` in the connector's settings.")
    return path


def read_bytes(path: Path) -> BinaryIO:
    """Open a file, through gzip when its name ends in ``.gz``, bounded against bombs."""
    if path.suffix.lower() != ".gz":
        return regular(path).open("rb")
    limit = max(SMALL_BYTES, MAX_RATIO * regular(path).stat().st_size)
    return io.BufferedReader(_Bounded(gzip.open(path, "rb"), min(limit, MAX_TOTAL_BYTES)), CHUNK)


class Folder:
    """The regular files below a folder; links and devices are not followed."""

    def __init__(self, root: Path) -> None:
        """List the files."""
        self._root = root
        found = (path for path in root.rglob("*") if not path.is_symlink() and path.is_file())
        self.names = tuple(sorted(path.relative_to(root).as_posix() for path in found))
        if len(self.names) > MAX_ENTRIES:
            raise _unsafe("too_many_entries", f"it holds more than {MAX_ENTRIES:,} files")

    def open(self, name: str) -> IO[bytes]:
        """Open one file."""
        return (self._root / name).open("rb")

    def size(self, name: str) -> int:
        """Return the file's size in bytes."""
        return (self._root / name).stat().st_size

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Do nothing: no file stays open."""


class Zip:
    """A zip file that passed every check of its directory."""

    def __init__(self, path: Path) -> None:
        """Read and check the directory."""
        _check_directory_size(path)
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, struct.error):
            raise _unsafe("zip_broken", "its directory is damaged or cut off") from None
        try:
            entries = _checked(self._zip)
        except FileError:
            self._zip.close()
            raise
        self._entries = {entry.filename: entry for entry in entries}
        self.names = tuple(sorted(self._entries))

    def open(self, name: str) -> IO[bytes]:
        """Open one entry after comparing its own header with the directory."""
        entry = self._entries[name]
        self._check_header(entry)
        try:
            stream = self._zip.open(entry)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError):
            raise _unsafe("zip_header", "an entry's own header differs from the directory") from None
        return io.BufferedReader(_Bounded(stream, entry.file_size), CHUNK)

    def size(self, name: str) -> int:
        """Return the entry's declared size in bytes."""
        return self._entries[name].file_size

    def _check_header(self, entry: zipfile.ZipInfo) -> None:
        file = self._zip.fp
        assert file is not None
        file.seek(entry.header_offset)
        head = file.read(30)
        if len(head) < 30:
            raise _unsafe("zip_broken", "an entry is cut off")
        _, _, flags, method, _, _, crc, packed, plain, _, _ = struct.unpack("<4s5H3I2H", head)
        sizes_follow = flags & 0x08 or 0xFFFFFFFF in (packed, plain)
        same = (crc, packed, plain) == (entry.CRC, entry.compress_size, entry.file_size)
        if head[:4] != b"PK\x03\x04" or method != entry.compress_type or flags & 1 or not (sizes_follow or same):
            raise _unsafe("zip_header", "an entry's own header differs from the directory")

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the file."""
        self._zip.close()


def _check_directory_size(path: Path) -> None:
    """Refuse a directory too long to be loaded, before the standard library loads it."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2**16 - 98))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        raise _unsafe("zip_broken", "it is not a zip file, or its end is missing")
    count, length = struct.unpack("<10xHI6x", tail[at : at + 22])
    large = tail.rfind(b"PK\x06\x06", 0, at)
    if large >= 0 and len(tail) - large >= 48:
        count, length = struct.unpack("<32xQQ", tail[large : large + 48])
    if count > MAX_ENTRIES or length > MAX_DIRECTORY_BYTES:
        raise _unsafe("too_many_entries", f"it holds more than {MAX_ENTRIES:,} entries")


def _checked(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise _unsafe("too_many_entries", f"it holds more than {MAX_ENTRIES:,} entries")
    if len({entry.filename for entry in entries}) < len(entries):
        raise _unsafe("zip_duplicate", "two entries have one name")
    if sum(entry.file_size for entry in entries) > MAX_TOTAL_BYTES:
        raise _unsafe("zip_too_large", f"it unpacks to more than {MAX_TOTAL_BYTES // 2**30} GiB")
    for entry in entries:
        _check_entry(entry)
    _check_overlap(entries, archive.start_dir)
    return [entry for entry in entries if not entry.is_dir()]


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name, mode = entry.orig_filename, entry.external_attr >> 16
    parts = PurePosixPath(name).parts
    if _UNSAFE_NAME.search(name) or len(name) > MAX_NAME_CHARACTERS:
        raise _unsafe("zip_name", "an entry's name leads outside the archive or holds control characters")
    if entry.flag_bits & 0x41:
        raise _unsafe("zip_encrypted", "an entry is encrypted")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _unsafe("zip_special", "an entry is a link or a device")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _unsafe("zip_method", "an entry is compressed by another method than deflate")
    if entry.file_size > max(SMALL_BYTES, MAX_RATIO * entry.compress_size):
        raise _unsafe("zip_ratio", f"an entry is compressed more than {MAX_RATIO} times")
    if name.lower().endswith(NESTED) and parts[0] not in UPLOADS:
        raise _unsafe("zip_nested", "it holds another archive")


def _check_overlap(entries: Sequence[zipfile.ZipInfo], directory: int) -> None:
    end = 0
    for entry in sorted(entries, key=lambda e: e.header_offset):
        if entry.header_offset < end:
            raise _unsafe("zip_overlap", "two entries overlap")
        end = (
            entry.header_offset
            + 30
            + len(entry.orig_filename.encode("utf-8" if entry.flag_bits & 0x800 else "cp437"))
            + entry.compress_size
        )
    if end > directory:
        raise _unsafe("zip_overlap", "an entry overlaps the directory")


class _Bounded(io.RawIOBase):
    """A stream that refuses to give more bytes than it may, and turns decompression faults into one typed error."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile, limit: int) -> None:
        self._stream, self._left = stream, limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            got = self._stream.read(min(len(buffer), self._left + 1))
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError):
            raise FileError("compressed_broken", "Compressed data is damaged or cut off", "Fetch the file again.") from None
        self._left -= len(got)
        if self._left < 0:
            raise FileError("too_large", "Compressed data unpacks to more than it may", "Unpack it and look at it before giving it again.")
        buffer[: len(got)] = got
        return len(got)

    def close(self) -> None:
        self._stream.close()
        super().close()


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
