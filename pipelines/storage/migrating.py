"""Brings an older database forward, step by step, all of it in one transaction: whoever is killed on the way has changed nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations

Step = Callable[[], None]


@dataclass(frozen=True)
class Guard:
    """A statement of one database that no table description holds: a trigger, a function."""

    dialect: str
    statement: str


def upgrade(connection: sa.Connection, place: str, found: int, wanted: int) -> None:
    """Take the database on this connection from one schema to another; ``place`` is the folder of its steps."""
    with Operations.context(MigrationContext.configure(connection)):
        for number in range(found + 1, wanted + 1):
            step: Step = import_module(f"pipelines.migrations.{place}.to_{number}").upgrade
            step()


def differences(connection: sa.Connection, metadata: sa.MetaData) -> list[object]:
    """Return what the database on this connection has otherwise than the tables as they are described."""
    return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))


def guards(table: sa.Table) -> list[Guard]:
    """Return the statements that go with the making of a table."""
    found = (listener for listener in table.dispatch.after_create if isinstance(listener, sa.DDL))
    return [Guard(str(one._ddl_if.dialect), one.statement) for one in found if one._ddl_if is not None]
