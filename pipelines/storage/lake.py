"""Parquet tables cut into parts: written durably in one step, named and checksummed by the service database."""

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from ona import tables
from ona.errors import TableError, TryLaterError
from pipelines.schema import FILES
from pipelines.storage.service import Service, put

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.EROFS}
"""Errors of a disk that is full, read-only or out of file handles: the operator makes room and tries again."""

ROW_GROUP = 131_072

SCHEMAS = {table.name: table for table in vars(tables).values() if isinstance(table, tables.Table)}


@dataclass(frozen=True)
class File:
    """One durable file of a part; readers see it once its row is in the service database."""

    table: str
    part: str
    sha256: str
    rows: int
    bytes: int

    @property
    def path(self) -> str:
        """Place below the lake's folder; the checksum in the name makes every content its own file."""
        return f"{self.table}/part={self.part}/{self.sha256[:20]}.parquet"


@dataclass(frozen=True)
class Lake:
    """All Parquet tables of one deployment."""

    root: Path
    service: Service

    def stage(self, table: str, part: str, data: pa.Table, *, sort: Sequence[str] | None = None) -> File:
        """Write a part's file durably, sorted by its key; nobody sees it before ``commit``."""
        keys = sort or SCHEMAS[table].key
        if table in SCHEMAS:
            data = data.cast(SCHEMAS[table].schema)  # Parquet renames the items of lists, which would change the bytes
        return self._staged(table, part, [data.sort_by([(key, "ascending") for key in keys])])

    def stage_sorted(self, table: str, part: str, pieces: Iterable[pa.Table]) -> File:
        """Write a part's file durably from pieces that are in order already, one at a time; the bytes are those of ``stage``."""
        return self._staged(table, part, (piece.cast(SCHEMAS[table].schema) for piece in pieces))

    def _staged(self, table: str, part: str, pieces: Iterable[pa.Table]) -> File:
        draft = self.temporary() / f"{table}-{secrets.token_hex(8)}"
        with plain_errors():
            rows = write_parquet(draft, pieces)
            with draft.open("rb") as file:
                checksum = hashlib.file_digest(file, "sha256").hexdigest()
            staged = File(table, part, checksum, rows, draft.stat().st_size)
            self._place(draft, self.root / staged.path)
        return staged

    def commit(self, connection: sa.Connection, files: Sequence[File]) -> None:
        """Name the files in the service database in place of the parts' former ones, inside the caller's transaction."""
        put(connection, FILES, [{"table": f.table, "part": f.part, "sha256": f.sha256, "rows": f.rows, "bytes": f.bytes} for f in files])

    def write(self, table: str, part: str, data: pa.Table, *, sort: Sequence[str] | None = None) -> File:
        """Write one part and name it, in a transaction of its own."""
        file = self.stage(table, part, data, sort=sort)
        self.publish([file])
        return file

    def publish(self, files: Sequence[File]) -> None:
        """Name staged files in one transaction of their own and remove those that they replace."""
        with self.service.begin() as connection:
            self.commit(connection, files)
        for table in sorted({file.table for file in files}):
            self.sweep_table(table, [file.part for file in files if file.table == table])

    def drop(self, connection: sa.Connection, table: str, parts: Iterable[str]) -> None:
        """Take parts out of the service database, inside the caller's transaction; ``sweep`` removes their files."""
        for part in parts:
            connection.execute(sa.delete(FILES).where(FILES.c.table == table, FILES.c.part == part))

    def files(self, table: str, parts: Iterable[str] | None = None) -> list[File]:
        """Return the named files of a table by part."""
        wanted = None if parts is None else set(parts)
        rows = self.service.rows(sa.select(FILES).where(FILES.c.table == table).order_by(FILES.c.part))
        return [File(*row) for row in rows if wanted is None or row.part in wanted]

    def parts(self, table: str) -> list[str]:
        """Return the keys of all parts, sorted."""
        return [file.part for file in self.files(table)]

    def paths(self, table: str, parts: Iterable[str] | None = None) -> list[Path]:
        """Return the files to read, by part."""
        return [self.root / file.path for file in self.files(table, parts)]

    def version(self, table: str, parts: Iterable[str] | None = None) -> str:
        """Return a digest of the content of the parts: equal content, equal version."""
        names = "\n".join(f"{file.part} {file.sha256}" for file in self.files(table, parts))
        return hashlib.sha256(f"{table}\n{names}".encode()).hexdigest()

    def read(
        self,
        table: str | tables.Table,
        parts: Iterable[str] | None = None,
        *,
        columns: Sequence[str] | None = None,
        verify: bool = False,
    ) -> pa.Table:
        """Return the rows of the parts, all columns or some; with ``verify`` a file whose checksum has changed is an error."""
        schema = SCHEMAS[table] if isinstance(table, str) else table
        files = self.files(schema.name, parts)
        for file in files if verify else ():
            self.verify(file)
        found = [pq.ParquetFile(self.root / file.path).read(columns) for file in files]
        return pa.concat_tables(found) if found else schema.empty().select(columns or schema.schema.names)

    def pieces(self, table: str, part: str) -> Iterator[pa.Table]:
        """Yield the rows of a part piece by piece, for parts too long to be held."""
        for file in self.files(table, [part]):
            for batch in pq.ParquetFile(self.root / file.path).iter_batches(ROW_GROUP, use_threads=False):
                yield pa.Table.from_batches([batch]).cast(SCHEMAS[table].schema)

    def verify(self, file: File) -> None:
        """Raise TableError when a file is missing or its content is not what was written."""
        path = self.root / file.path
        if not path.exists():
            raise TableError(f"{path} is missing. Pull the same period again, or restore the file from a backup.")
        with path.open("rb") as content:
            if hashlib.file_digest(content, "sha256").hexdigest() != file.sha256:
                raise TableError(f"{path} is damaged: its checksum has changed. Pull the same period again, or restore it from a backup.")

    def sweep(self) -> int:
        """Remove temporary files and every file that the service database does not name; return how many."""
        shutil.rmtree(self.temporary(), ignore_errors=True)
        tables_on_disk = sorted(path.name for path in self.root.iterdir() if path.is_dir()) if self.root.exists() else []
        return sum(self.sweep_table(table) for table in tables_on_disk)

    def sweep_table(self, table: str, parts: Iterable[str] | None = None) -> int:
        """Remove the files of a table, or of some of its parts, that are no longer named."""
        named = set(self.paths(table))
        folders = (self.root / table).glob("part=*") if parts is None else [self.root / table / f"part={part}" for part in parts]
        removed = [path for folder in folders for path in folder.glob("*") if path not in named]
        for path in removed:
            path.unlink(missing_ok=True)
        for folder in {path.parent for path in removed}:
            if not any(folder.iterdir()):
                folder.rmdir()
        return len(removed)

    def temporary(self) -> Path:
        """Return the folder of files in the making; on the same disk, so that a rename is one step."""
        path = self.root.parent / "tmp"
        with plain_errors():
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def _place(self, draft: Path, path: Path) -> None:
        is_first = not self.root.exists()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.rename(path)
        for folder in (path.parent, path.parent.parent, self.root, *([self.root.parent] if is_first else [])):
            fsync_folder(folder)


def read_files(paths: Sequence[Path], columns: Sequence[str], *, coded: Sequence[str] = ()) -> pa.Table:
    """Return columns of Parquet files of one schema, texts that repeat as codes where asked for."""
    if not paths:
        raise TableError("No Parquet file was given to read. Expected at least one: pull events first.")
    try:
        return pa.concat_tables([pq.ParquetFile(path, read_dictionary=list(coded)).read(list(columns)) for path in paths])
    except (OSError, pa.ArrowException) as error:
        raise TableError("A Parquet file of the lake is missing or damaged. Expected a readable file: run ona doctor.") from error


def write_parquet(path: Path, pieces: pa.Table | Iterable[pa.Table]) -> int:
    """Write a file durably, the same bytes for the same rows however they are cut: one writer, fixed settings; a failed file is removed."""
    rows, writer = 0, None
    try:
        for group in _row_groups([pieces] if isinstance(pieces, pa.Table) else pieces):
            writer = writer or pq.ParquetWriter(path, group.schema, compression="zstd", version="2.6", store_schema=True)
            writer.write_table(group, row_group_size=ROW_GROUP)
            rows += group.num_rows
        if writer:
            writer.close()
        fsync_folder(path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return rows


def _row_groups(pieces: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Cut pieces anew into tables of one row group each; a table without rows is one empty group."""
    held: pa.Table | None = None
    given = 0
    for piece in pieces:
        held = piece if held is None else pa.concat_tables([held, piece])
        while held.num_rows >= ROW_GROUP:
            yield held.slice(0, ROW_GROUP).combine_chunks()
            held, given = held.slice(ROW_GROUP), given + 1
    if held is not None and (held.num_rows or not given):
        yield held.combine_chunks()


def fsync_folder(path: Path) -> None:
    """Make a file's content, or a folder's names, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn a full or read-only disk into one sentence of what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise TryLaterError(
            f"The data folder cannot be written ({os.strerror(error.errno)}). Make room, then run the same command."
        ) from None
