"""A database of an older release is brought forward with all its rows, on both engines, also over a kill."""

import os
import signal
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from pipelines import schema
from pipelines.storage import service, vault
from pipelines.storage.migrating import differences, guards, upgrade
from pipelines.storage.service import SCHEMA_VERSION, open_engine, open_service

ROOT = Path(__file__).parents[2]
AT = datetime(2026, 9, 28, 12)
RELEASED = 1

PLACES = {"service": (schema.METADATA, service.SCHEMA_VERSION), "vault": (vault.METADATA, vault.SCHEMA_VERSION)}

VALUES = {int: 5, float: 0.5, bool: True, date: date(2026, 9, 28), datetime: AT, object: {"a": 1}, bytes: bytes(range(32)), str: "x"}
"""Something that fits each kind of column; what points at a scan or a pull finds it."""


@pytest.fixture
def released(database_url: str) -> dict[str, list[tuple]]:
    """A database as the last release made it, with one row in every table; all of its rows."""
    engine = open_engine(database_url)
    with engine.begin() as connection:
        upgrade(connection, "service", 0, RELEASED)
        found = sa.MetaData()
        found.reflect(connection)
        connection.execute(sa.insert(found.tables["schema_version"]).values(version=RELEASED))
        for table in found.sorted_tables:
            if table.name != "schema_version":
                connection.execute(sa.insert(table).values({column.name: VALUES[column.type.python_type] for column in table.columns}))
        rows = {table.name: [tuple(row) for row in connection.execute(sa.select(table))] for table in found.sorted_tables}
    engine.dispose()
    assert all(len(some) == 1 for some in rows.values())
    assert len(rows) == 16  # tables of the last release
    return rows


def kept(url: str, released: dict[str, list[tuple]]) -> bool:
    """Whether every row of the released database is still there, with the values that it had."""
    engine, found = open_engine(url), sa.MetaData()
    with engine.connect().execution_options(reads=True) as connection:
        found.reflect(connection)
        same = [
            released[name] == [tuple(row)[: len(released[name][0])] for row in connection.execute(sa.select(found.tables[name]))]
            for name in released
            if name != "schema_version"
        ]
    engine.dispose()
    return all(same)


def test_a_released_database_opens_with_all_its_rows_in_the_tables_of_today(database_url, released):
    opened = open_service(database_url)
    assert kept(database_url, released)
    with opened.read() as connection:
        assert connection.execute(sa.select(schema.SCHEMA)).scalars().all() == [SCHEMA_VERSION]
        assert differences(connection, schema.METADATA) == []
    opened.close()


@pytest.mark.parametrize("place", PLACES)
def test_tables_made_at_once_and_step_by_step_are_those_that_are_described(database_url, place):
    metadata, number = PLACES[place]
    engine = open_engine(database_url)
    with engine.begin() as connection:
        upgrade(connection, place, 0, number)
        assert differences(connection, metadata) == [], f"run: python tests/fixtures/write_migration.py {place} {number}"
        metadata.drop_all(connection)
        metadata.create_all(connection)
        assert differences(connection, metadata) == []
    engine.dispose()


@pytest.mark.parametrize("place", PLACES)
def test_the_statements_that_go_with_a_table_are_in_its_step(place):
    metadata, _ = PLACES[place]
    written = "".join(path.read_text() for path in (ROOT / "pipelines/migrations" / place).glob("to_*.py"))
    wanted = {guard.statement for table in metadata.tables.values() for guard in guards(table)}
    assert wanted or place == "vault"
    assert {statement for statement in wanted if repr(statement)[1:-1] not in written} == set()


def test_an_added_column_shows_as_a_difference(database_url):
    engine = open_engine(database_url)
    with engine.begin() as connection:
        upgrade(connection, "service", 0, SCHEMA_VERSION)
        connection.exec_driver_sql("ALTER TABLE cursors ADD COLUMN stray VARCHAR")
        assert len(differences(connection, schema.METADATA)) == 1
    engine.dispose()


def test_the_log_is_still_insert_only_after_the_step(database_url, released):
    opened = open_service(database_url)
    with pytest.raises(sa.exc.DBAPIError, match="insert-only"), opened.begin() as connection:
        connection.execute(sa.update(schema.AUDIT).values(actor="somebody else"))
    opened.close()


KILLED = """
import os, signal, sys
import sqlalchemy as sa
from pipelines.storage.service import open_service

changes = 0

@sa.event.listens_for(sa.Engine, "before_cursor_execute")
def count(connection, cursor, statement, *_):
    global changes
    changes += statement.lstrip().startswith(("CREATE", "ALTER", "UPDATE", "DROP", "INSERT"))
    if changes == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

open_service(sys.argv[1])
"""


@pytest.mark.parametrize("at", [1, 9, 30])
def test_whoever_is_killed_on_the_way_leaves_a_database_that_opens_afterwards(database_url, released, at):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", KILLED, database_url, str(at)], env=environment, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    engine = open_engine(database_url)
    with engine.connect().execution_options(reads=True) as connection:
        assert connection.execute(sa.select(schema.SCHEMA)).scalar() == RELEASED
    engine.dispose()
    opened = open_service(database_url)
    assert kept(database_url, released)
    with opened.read() as connection:
        assert differences(connection, schema.METADATA) == []
    opened.close()
