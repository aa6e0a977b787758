"""The default engine: a locked-down DuckDB connection in memory that reads the lake's Parquet files and nothing else."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import narwhals as nw
import pyarrow as pa

from ona.errors import TableError, TryLaterError

Lazy = nw.LazyFrame[Any]
"""A lazy frame; its native type is the engine's own business."""


class Engine:
    """A DuckDB connection without network, extensions or foreign files, as a context manager."""

    def __init__(self, folder: Path | None = None, *, threads: int = 2, memory_limit: str = "2GiB", scratch: Path | None = None) -> None:
        """Open the connection; only files under ``folder`` can be read, intermediate results spill to ``scratch``."""
        self._spill = tempfile.TemporaryDirectory(prefix="ona-engine-", dir=scratch)
        self._connection = duckdb.connect(":memory:", config=_config(Path(self._spill.name), threads, memory_limit))
        self._lock(folder)
        self._tables: list[str] = []
        self._made = 0

    def __enter__(self) -> Self:
        """Use the open connection."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the connection and remove what it spilled."""
        self.close()

    def close(self) -> None:
        """Close the connection and remove what it spilled."""
        self._connection.close()
        self._spill.cleanup()

    def read(self, paths: Sequence[Path]) -> Lazy:
        """Return the rows of Parquet files of one schema."""
        if not paths:
            raise TableError("No Parquet file was given to read. Expected at least one: pull events first.")
        with _translated():
            return nw.from_native(self._connection.read_parquet([str(path.resolve()) for path in paths], hive_partitioning=False))

    def frame(self, arrow: pa.Table) -> Lazy:
        """Return an Arrow table as a lazy frame of this engine."""
        return nw.from_native(self._connection.from_arrow(arrow))

    def persist(self, frame: Lazy) -> Lazy:
        """Compute a frame once and keep it until ``release``; it spills to disk when memory is short."""
        self._made += 1
        name = f"kept_{self._made}"
        native = frame.to_native()
        with _translated():
            (self._connection.from_arrow(native) if isinstance(native, pa.Table) else native).create(name)
        self._tables.append(name)
        return nw.from_native(self._connection.table(name))

    def release(self) -> None:
        """Forget everything that was kept."""
        for name in self._tables:
            self._connection.execute(f"DROP TABLE {name}")
        self._tables.clear()

    def collect(self, frame: Lazy, key: Sequence[str]) -> pa.Table:
        """Return a frame's rows in the order of its key, so that equal rows give equal bytes."""
        with _translated():
            return frame.sort(*key).collect("pyarrow").to_native()

    def _lock(self, folder: Path | None) -> None:
        """Close the door for good; DuckDB wants the allowed folder named while it is still open."""
        if folder is not None:
            self._connection.execute("SET allowed_directories = ?", [[f"{folder.resolve()}/"]])
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET TimeZone = 'UTC'")
        self._connection.execute("SET lock_configuration = true")


def _config(spill: Path, threads: int, memory_limit: str) -> dict[str, Any]:
    return {
        "threads": threads,
        "memory_limit": memory_limit,
        "temp_directory": str(spill),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "python_enable_replacements": False,
        "preserve_insertion_order": False,
    }


@contextmanager
def _translated() -> Iterator[None]:
    """Turn DuckDB's errors into ours; its text may quote values, so only the kind of error is passed on."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise TryLaterError("The memory limit is too small for this step. Raise memory_limit in ona.toml or free disk space.") from error
    except (duckdb.IOException, duckdb.InvalidInputException) as error:
        raise TableError("A Parquet file of the lake is missing or damaged. Expected a readable file: run ona doctor.") from error
