"""Where persons stand in the service database: what goes when one is erased, and follows when two turn out to be one."""

from collections.abc import Sequence

import sqlalchemy as sa

from pipelines.schema.core import PEOPLE_ROWS
from pipelines.schema.metadata import METADATA
from pipelines.schema.needs import NEED_SUGGESTIONS
from pipelines.schema.skills import OF_ONE_PERSON, PAIRED
from pipelines.schema.viewers import API_TOKENS, GRANTS, SESSIONS, VIEWERS

LINKS = (PEOPLE_ROWS.c.manager, PEOPLE_ROWS.c.dotted_manager, SESSIONS.c.acting_person, NEED_SUGGESTIONS.c.manager)
"""Columns that are emptied: the row is about somebody else."""

BELONGS = ((SESSIONS.c.viewer, VIEWERS.c.id), (API_TOKENS.c.viewer, VIEWERS.c.id))
"""Columns that name a row of another table without the database knowing."""


def row_columns() -> Sequence[sa.Column[int]]:
    """Return the columns whose rows are about the person in them: every column called ``person``, and those under other names."""
    named = [table.c.person for table in METADATA.sorted_tables if "person" in table.c]
    others = (*OF_ONE_PERSON, *PAIRED, GRANTS.c.stands_for)
    return [*named, *(column for column in others if column.name != "person")]


def tables_last_first() -> Sequence[sa.Table]:
    """Return the tables in an order in which rows can be deleted: what hangs on another table before that one."""
    first = [column.table for column, _ in BELONGS]
    return [*first, *(table for table in reversed(METADATA.sorted_tables) if table not in first)]


def rows_of(table: sa.Table, person: int) -> sa.ColumnElement[bool] | None:
    """Return which rows of a table are about a person: by their own columns, or because they hang on a row that is."""
    found = [column == person for column in row_columns() if column.table is table]
    hanging = [(key.parent, key.column) for key in table.foreign_keys] + [pair for pair in BELONGS if pair[0].table is table]
    for column, target in hanging:
        above = rows_of(target.table, person)
        if above is not None:
            found.append(column.in_(sa.select(target).where(above)))
    return sa.or_(*found) if found else None
