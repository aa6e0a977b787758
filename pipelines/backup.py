"""A deployment in one file and back: databases, lake and sealed scans with their checksums; the key is never in it."""

import hashlib
import io
import json
import os
import re
import shutil
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from ona.errors import NotFoundError, SettingsError, TableError, TryLaterError
from pipelines import audit, erasure, scans
from pipelines.audit import Act
from pipelines.settings import Settings, load_settings
from pipelines.storage.lake import fsync_folder, plain_errors
from pipelines.storage.workspace import Workspace, open_workspace

FORMAT = "ona-backup/1"
MANIFEST = "manifest.json"
DATABASES = ("service.sqlite", "vault.sqlite")
FOLDERS = ("lake", "scans")
KNOWN = re.compile(r"(ona\.toml|service\.sqlite|vault\.sqlite|(lake|scans)(/[A-Za-z0-9_=.-]+){1,4})")
"""Every name that a backup may hold; what else a file claims to hold is not unpacked."""

MOST_FILES, MOST_BYTES, CHUNK = 1_000_000, 1 << 40, 1 << 20

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class Restored:
    """What came back."""

    files: int
    bytes: int
    erased_again: int


def backup(ws: Workspace, path: Path, progress: Progress = lambda *_: None) -> int:
    """Write one deployment, as it stands between two writes, into a tar file; return its number of bytes.

    Raises SettingsError when its databases are on a server, or the file exists.
    """
    if path.exists():
        raise SettingsError(f"{path} exists already. Name a file that does not.")
    draft = path.with_name(f".{path.name}.part")
    with ws.exclusive(), plain_errors():
        try:
            files = dict(_files(ws))
            with tarfile.open(draft, "w") as archive:
                sums = {}
                for number, (name, source) in enumerate(sorted(files.items())):
                    progress("files", number, len(files))
                    sums[name] = _add(archive, name, source)
                content = json.dumps({"format": FORMAT, "sha256": sums}, indent=1).encode()
                member = tarfile.TarInfo(MANIFEST)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            draft.chmod(0o600)
            draft.rename(path)
            fsync_folder(path.parent)
        finally:
            draft.unlink(missing_ok=True)
            shutil.rmtree(ws.lake.temporary(), ignore_errors=True)
    return path.stat().st_size


def restore(path: Path, home: Path, key_file: Path, second_place: Path | None = None, progress: Progress = lambda *_: None) -> Restored:
    """Unpack a backup into a new home, hold every file against its checksum, and repeat the erasures made since.

    Parameters
    ----------
    path, home
        The backup, and a folder that does not exist yet.
    key_file
        The root key that the backup was made under; it is copied into the home.
    second_place
        Checkpoints of the audit log that the backup comes from (``audit_checkpoints``): they also note who was erased since. The
        restored deployment begins a file of its own, for its log goes another way from here on.

    Raises
    ------
    SettingsError
        The home exists, or the key is another.
    TableError
        The file is no backup, is damaged, or holds a name that no backup holds.
    """
    if home.exists():
        raise SettingsError(f"{home} exists already. A backup is restored into a new folder, so that nothing is overwritten.")
    draft = home.with_name(f".{home.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    try:
        sums = _unpack(path, draft, progress)
        shutil.copyfile(key_file, draft / "key")
        (draft / "key").chmod(0o600)
        again = _put_right(load_settings(draft), second_place)
        for folder in (draft, *(one for one in draft.rglob("*") if one.is_dir())):
            fsync_folder(folder)
        draft.rename(home)
        fsync_folder(home.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Restored(len(sums), path.stat().st_size, again)


def _files(ws: Workspace) -> Iterator[tuple[str, Path]]:
    """Name and place of every file; databases as consistent copies."""
    if (ws.home / "ona.toml").exists():
        yield "ona.toml", ws.home / "ona.toml"
    for name, engine in zip(DATABASES, (ws.service.engine, ws.vault.database.engine), strict=True):
        yield name, _copied(engine, ws.lake.temporary() / name)
    for folder in FOLDERS:
        for source in (ws.home / folder).rglob("*"):
            if source.is_file() and not any(part.startswith(".") for part in source.relative_to(ws.home).parts):
                yield source.relative_to(ws.home).as_posix(), source


def _copied(engine: sa.Engine, place: Path) -> Path:
    if engine.dialect.name != "sqlite" or not engine.url.database:
        raise SettingsError("The databases are on a server: back them up with pg_dump, and the folders lake and scans as files.")
    try:
        with closing(sqlite3.connect(engine.url.database)) as source, closing(sqlite3.connect(place)) as copy:
            source.backup(copy)
    except sqlite3.OperationalError as error:
        raise TryLaterError(f"A database could not be copied: {error}. Make room, then run the same command.") from None
    return place


def _add(archive: tarfile.TarFile, name: str, source: Path) -> str:
    """Append a file and return its SHA-256; owner, mode and times stay out, so that equal data make equal bytes."""
    member = tarfile.TarInfo(name)
    member.size = source.stat().st_size
    with source.open("rb") as file:
        archive.addfile(member, file)
    return _sum(source)


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpack(path: Path, home: Path, progress: Progress) -> dict[str, str]:
    """Write the files of a backup under ``home`` and check them; return the checksums by name."""
    try:
        with tarfile.open(path, "r:") as archive:
            sums = _write(archive, home, progress)
    except (tarfile.TarError, EOFError, ValueError, KeyError):
        raise TableError(f"{path.name} is not a backup of this program, or it was cut short. Take another copy.") from None
    damaged = [name for name in sums if not (home / name).is_file() or _sum(home / name) != sums[name]]
    if damaged:
        raise TableError(f"{len(damaged)} of {len(sums)} files in {path.name} are damaged or missing. Take another copy.")
    return sums


def _write(archive: tarfile.TarFile, home: Path, progress: Progress) -> dict[str, str]:
    written, manifest = 0, None
    for number, member in enumerate(archive):
        progress("files", number, None)
        written += member.size
        if not member.isfile() or number > MOST_FILES or written > MOST_BYTES:
            raise ValueError("no backup holds this")
        file = archive.extractfile(member)
        if file is None:
            raise ValueError("no backup holds this")
        if member.name == MANIFEST:
            manifest = json.load(file)
        elif KNOWN.fullmatch(member.name) and ".." not in member.name:
            place = home / member.name
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("xb") as target:
                shutil.copyfileobj(file, target, CHUNK)
                target.flush()
                os.fsync(target.fileno())
        else:
            raise ValueError("no backup holds this")
    if manifest is None or manifest["format"] != FORMAT:
        raise ValueError("no manifest")
    return {str(name): str(digest) for name, digest in manifest["sha256"].items()}


def _put_right(settings: Settings, second_place: Path | None) -> int:
    """Open what was restored with its key, erase again whoever was erased since, and note both; return how many were erased."""
    found = 0
    with open_workspace(settings) as ws:
        next(ws.vault.aliases(), None)  # raises when the vault was made with another key
        audit.record(ws, Act("local", "operator", "restore"))
        for person in audit.erased(ws, second_place) if second_place else ():
            try:
                erasure.erase(ws, person, reseal=scans.reseal_without)
                found += 1
            except NotFoundError:
                continue  # erased before the backup was made
    return found
