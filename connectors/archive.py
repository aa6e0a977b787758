"""Files from outside, read within bounds and never spooled: folders, zip and gzip archives, JSON arrays."""

import gzip
import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO, Protocol, Self

from isal import isal_zlib

from ona.errors import ConnectorError

MAX_ENTRIES = 200_000
MAX_TOTAL_BYTES = 20 * 2**30
MAX_RATIO = 100
SMALL_BYTES = 2**20
"""Up to this size an entry may be compressed by any ratio."""
MAX_DIRECTORY_BYTES = 128 * 2**20
MAX_NAME_CHARACTERS = 1024
CHUNK = 2**20
USUAL_EXTRA = 64
"""Bytes of an entry's extra field that are read along with it."""

NESTED = (".zip", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".tar", ".zst", ".jar")
UPLOADS = ("__uploads", "attachments")
"""Folders of a chat export that hold people's files, at the root or in a channel's folder: never opened, so archives may lie there."""

_UNSAFE_NAME = re.compile(r"^/|^[^/]*:|\\|(?:^|/)\.\.(?:/|$)|[\x00-\x1f\x7f]")


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

    def read(self, name: str) -> bytes:
        """Return one entry whole."""

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

    def read(self, name: str) -> bytes:
        """Return one file whole."""
        return (self._root / name).read_bytes()

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
        entry, file = self._entries[name], self._zip.fp
        assert file is not None
        file.seek(entry.header_offset)
        _check_header(entry, file.read(30))
        try:
            stream = self._zip.open(entry)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError):
            raise _unsafe("zip_header", "an entry's own header differs from the directory") from None
        return io.BufferedReader(_Bounded(stream, entry.file_size), CHUNK)

    def read(self, name: str) -> bytes:
        """Return one entry whole, unpacked in one step: day files of a chat are small and many."""
        entry, file = self._entries[name], self._zip.fp
        assert file is not None
        file.seek(entry.header_offset)
        label = _name_bytes(entry)
        record = file.read(30 + len(label) + USUAL_EXTRA + entry.compress_size)
        _check_header(entry, record[:30])
        given, extra = struct.unpack("<2H", record[26:30])
        if record[30 : 30 + given] != label:
            raise _unsafe("zip_header", "an entry's own header differs from the directory")
        start = 30 + given + extra
        packed = record[start : start + entry.compress_size]
        packed += file.read(entry.compress_size - len(packed))
        data = packed if entry.compress_type == zipfile.ZIP_STORED else _inflated(packed, entry.file_size)
        if len(data) != entry.file_size or isal_zlib.crc32(data) != entry.CRC:
            raise _broken()
        return data

    def size(self, name: str) -> int:
        """Return the entry's declared size in bytes."""
        return self._entries[name].file_size

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the file."""
        self._zip.close()


def _check_header(entry: zipfile.ZipInfo, head: bytes) -> None:
    """Compare an entry's own header with the directory."""
    if len(head) < 30:
        raise _unsafe("zip_broken", "an entry is cut off")
    _, _, flags, method, _, _, crc, packed, plain, _, _ = struct.unpack("<4s5H3I2H", head)
    sizes_follow = flags & 0x08 or 0xFFFFFFFF in (packed, plain)
    same = (crc, packed, plain) == (entry.CRC, entry.compress_size, entry.file_size)
    if head[:4] != b"PK\x03\x04" or method != entry.compress_type or flags & 1 or not (sizes_follow or same):
        raise _unsafe("zip_header", "an entry's own header differs from the directory")


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
    if name.lower().endswith(NESTED) and not set(name.split("/")[:-1]).intersection(UPLOADS):
        raise _unsafe("zip_nested", "it holds another archive")


def _check_overlap(entries: Sequence[zipfile.ZipInfo], directory: int) -> None:
    end = 0
    for entry in sorted(entries, key=lambda e: e.header_offset):
        if entry.header_offset < end:
            raise _unsafe("zip_overlap", "two entries overlap")
        end = entry.header_offset + 30 + len(_name_bytes(entry)) + entry.compress_size
    if end > directory:
        raise _unsafe("zip_overlap", "an entry overlaps the directory")


def _name_bytes(entry: zipfile.ZipInfo) -> bytes:
    return entry.orig_filename.encode("utf-8" if entry.flag_bits & 0x800 else "cp437")


def _inflated(packed: bytes, size: int) -> bytes:
    """Return unpacked data; more than the declared size by one byte, never by more.

    With isal, since zlib takes three times as long and that was a seventh of the time of a chat's export.
    """
    try:
        return isal_zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, size + 1)
    except isal_zlib.error:  # type: ignore[misc]  # its stub calls the class an exception, not a type of them
        raise _broken() from None


def _broken() -> FileError:
    return FileError("compressed_broken", "Compressed data is damaged or cut off", "Fetch the file again.")


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
            raise _broken() from None
        self._left -= len(got)
        if self._left < 0:
            raise FileError("too_large", "Compressed data unpacks to more than it may", "Unpack it and look at it before giving it again.")
        buffer[: len(got)] = got
        return len(got)

    def close(self) -> None:
        self._stream.close()
        super().close()
