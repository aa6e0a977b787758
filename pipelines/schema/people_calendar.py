"""When people and sites are off, as dates alone; by the connector that said so, whose next reading replaces them."""

import sqlalchemy as sa

from pipelines.schema.metadata import METADATA

ABSENCES = sa.Table(
    "absences",
    METADATA,
    sa.Column("person", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("connector", sa.String, nullable=False, server_default=""),  # the last that said so
)

HOLIDAYS = sa.Table(
    "holidays",
    METADATA,
    sa.Column("connector", sa.String, primary_key=True),
    sa.Column("site", sa.String, primary_key=True),  # label, as in PEOPLE_ROWS
    sa.Column("day", sa.Date, primary_key=True),
)
