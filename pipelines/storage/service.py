"""The service database (SQLite or PostgreSQL): its tables, its schema version, and short transactions on it."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ona.errors import SettingsError, TryLaterError
from pipelines.schema import FAILURES, METADATA, POINTERS, SCANS, SCHEMA

SCHEMA_VERSION = 2
"""Raised by one with each migration; a database with a higher one belongs to a newer program."""

LATEST = "latest"
SEALED = "sealed"

BUSY_SECONDS = 30
"""How long a statement waits for another process to finish its transaction."""


MIGRATORS = 0x6F6E62
"""One number for all processes: PostgreSQL lets one of them at a time make or change tables."""

Guard = Callable[[sa.Connection], None]
"""Raises inside a writing transaction to refuse it: somebody else took the work over."""


def unguarded(_connection: sa.Connection) -> None:
    """Refuse nothing."""


@dataclass
class Changes:
    """How often this process has changed the database."""

    count: int = 0


@dataclass(frozen=True)
class Tables:
    """The tables of one database, and the number of their schema."""

    place: str  # folder of pipelines/migrations that holds the steps
    metadata: sa.MetaData
    version: sa.Table  # its one row says which schema the database has
    number: int


@dataclass(frozen=True)
class Service:
    """One database and the transactions on it."""

    engine: sa.Engine
    guard: Guard = unguarded
    changes: Changes = field(default_factory=Changes, compare=False)

    @contextmanager
    def begin(self, *, counts: bool = True) -> Iterator[sa.Connection]:
        """Open a writing transaction: all of it is stored durably, or nothing; ``counts`` says whether any answer may change by it."""
        with plain_errors(), self.engine.begin() as connection:
            self.guard(connection)
            yield connection
        self.changes.count += counts

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Open a transaction that sees one state of the database and changes nothing."""
        with plain_errors(), self.engine.connect().execution_options(reads=True) as connection:
            yield connection

    def rows(self, statement: sa.Select[*tuple[Any, ...]]) -> list[sa.Row[*tuple[Any, ...]]]:
        """Return all rows of one query."""
        with self.read() as connection:
            return list(connection.execute(statement))

    def log_failure(self, connector: str, stream: str, code: str) -> None:
        """Keep that a stream could not be read, and why, for the quality report."""
        with self.begin() as connection:
            connection.execute(sa.insert(FAILURES).values(connector=connector, stream=stream, code=code, at=now()))

    def add_scan(self, identity: str, *, start: date, end: date, people: int, verdict: str, created: datetime) -> None:
        """Name a sealed scan and make it the latest, in one transaction."""
        row = {"id": identity, "created": created, "start": start, "end": end, "people": people, "verdict": verdict}
        with self.begin() as connection:
            connection.execute(sa.delete(POINTERS).where(POINTERS.c.name == LATEST))
            put(connection, SCANS, [row | {"state": SEALED, "successor": None}])
            put(connection, POINTERS, [{"name": LATEST, "scan": identity}])

    def publish_scan(self, identity: str) -> None:
        """Make a sealed scan the latest."""
        with self.begin() as connection:
            put(connection, POINTERS, [{"name": LATEST, "scan": identity}])

    def has_scan(self, identity: str) -> bool:
        """Return whether a scan of this id is sealed."""
        return bool(self.rows(sa.select(SCANS.c.id).where(SCANS.c.id == identity, SCANS.c.state == SEALED)))

    def latest_scan(self) -> str | None:
        """Return the id of the latest scan, None when there is none."""
        found = self.rows(sa.select(POINTERS.c.scan).where(POINTERS.c.name == LATEST))
        return str(found[0].scan) if found else None

    def list_scans(self) -> list[sa.Row[*tuple[Any, ...]]]:
        """Return the sealed scans (id, created, start, end, people, verdict), the newest first."""
        return self.rows(sa.select(SCANS).where(SCANS.c.state == SEALED).order_by(SCANS.c.created.desc(), SCANS.c.id))

    def drop_scan(self, identity: str, successor: str | None = None) -> None:
        """Take a scan back; the pointer moves to its successor, else to the newest of those left."""
        with self.begin() as connection:
            at_it = connection.execute(sa.delete(POINTERS).where(POINTERS.c.scan == identity)).rowcount
            connection.execute(sa.update(SCANS).where(SCANS.c.id == identity).values(state="dropped", successor=successor))
            newest = sa.select(SCANS.c.id).where(SCANS.c.state == SEALED).order_by(SCANS.c.created.desc(), SCANS.c.id).limit(1)
            heir = successor or connection.execute(newest).scalar()
            if at_it and heir:
                put(connection, POINTERS, [{"name": LATEST, "scan": heir}])

    def successor(self, identity: str) -> str | None:
        """Return the scan that took this one's place, None when there is none."""
        found = self.rows(sa.select(SCANS.c.successor).where(SCANS.c.id == identity))
        return found[0].successor if found else None

    def compact(self) -> None:
        """Leave no trace of deleted rows: free pages and the write-ahead file are emptied."""
        with plain_errors(), self.engine.connect().execution_options(isolation_level="AUTOCOMMIT", bare=True) as connection:
            for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)") if self.engine.dialect.name == "sqlite" else ("VACUUM FULL",):
                connection.exec_driver_sql(statement)

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


TABLES = Tables("service", METADATA, SCHEMA, SCHEMA_VERSION)


def now() -> datetime:
    """Return the time as every column holds it: naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


def open_service(url: str) -> Service:
    """Open the service database at ``url``, made or brought up to date when needed."""
    engine = open_engine(url)
    prepare(engine, TABLES)
    return Service(engine)


def put(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows, in place of those with the same primary key: the same two statements on every database."""
    if rows:
        keys = list(table.primary_key.columns)
        where = sa.and_(*(column == sa.bindparam(f"key_{column.name}") for column in keys))
        connection.execute(sa.delete(table).where(where), [{f"key_{key.name}": row[key.name] for key in keys} for row in rows])
        connection.execute(sa.insert(table), list(rows))


def open_engine(url: str) -> sa.Engine:
    """Return an engine whose SQLite connections are durable, patient and erase what they delete."""
    try:
        engine = sa.create_engine(url, hide_parameters=True)
    except (sa.exc.ArgumentError, ImportError):
        raise SettingsError(
            "A database URL is not understood. Expected sqlite:////path/file or postgresql+psycopg://user@host/name."
        ) from None
    if engine.dialect.name == "sqlite":
        _create_private(engine.url.database)
        sa.event.listen(engine, "connect", _configure_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def prepare(engine: sa.Engine, tables: Tables) -> None:
    """Make the tables of an empty database, bring those of an older program forward, and refuse those of a newer one."""
    try:
        with plain_errors():
            if _schema_of(engine, tables) != tables.number:
                _bring_forward(engine, tables)
    except BaseException:
        engine.dispose()
        raise


def _schema_of(engine: sa.Engine, tables: Tables) -> int | None:
    with engine.connect().execution_options(reads=True) as connection:
        return _found(connection, tables)


def _found(connection: sa.Connection, tables: Tables) -> int | None:
    """Return the number of the schema that the database has, None when it is empty."""
    known = sa.inspect(connection).has_table(tables.version.name)
    found = connection.execute(sa.select(tables.version)).scalar() if known else None
    if found is not None and found > tables.number:
        raise SettingsError(f"The database has schema {found}, this program knows up to {tables.number}. Install the newer program again.")
    return found


def _bring_forward(engine: sa.Engine, tables: Tables) -> None:
    """Make or change the tables in one transaction, while no other process does."""
    is_sqlite = engine.dialect.name == "sqlite"
    with engine.connect().execution_options(bare=True) as connection:
        if is_sqlite:
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")  # a table that is made anew would take the rows that point at it along
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATORS)))
        try:
            _change(connection, tables)
            connection.commit()
        finally:
            connection.rollback()
            if is_sqlite:
                connection.exec_driver_sql("PRAGMA foreign_keys=ON")


def _change(connection: sa.Connection, tables: Tables) -> None:
    found = _found(connection, tables)  # another process may have been here before the lock
    if found is None:
        tables.metadata.create_all(connection)
        connection.execute(sa.insert(tables.version).values(version=tables.number))
    elif found < tables.number:
        from pipelines.storage.migrating import upgrade  # noqa: PLC0415 - the library loads slowly, and an up-to-date database needs none of it

        upgrade(connection, tables.place, found, tables.number)
        connection.execute(sa.update(tables.version).values(version=tables.number))


def _create_private(path: str | None) -> None:
    """Make the database file readable by its owner alone; SQLite gives its side files the same mode."""
    if path and path != ":memory:":
        try:
            Path(path).touch(mode=0o600)
        except OSError as error:
            raise SettingsError(f"The database {path} cannot be opened ({error.strerror}). Look at service_url and vault_url.") from None


def _configure_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun below, as SQLAlchemy's manual advises for pysqlite
    for pragma in (f"busy_timeout={BUSY_SECONDS * 1000}", "journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    """Let a writer take its lock at once: a lock taken later can fail without waiting."""
    options = connection.get_execution_options()
    if not options.get("bare"):
        connection.exec_driver_sql("BEGIN" if options.get("reads") else "BEGIN IMMEDIATE")


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn a full disk, a locked database or a lost server into one sentence; statements and values stay out of it."""
    try:
        yield
    except sa.exc.OperationalError as error:
        reason = str(error.orig).splitlines()[0] if isinstance(error.orig, sqlite3.Error) else "the server did not answer"
        raise TryLaterError(
            f"The database could not be used: {reason}. Nothing was changed; make room or wait, then run the same command."
        ) from None
