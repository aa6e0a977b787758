"""Table of files about single people that somebody asked for, and somebody else let go or not."""

import sqlalchemy as sa

from pipelines.schema.metadata import METADATA

EXPORTS = sa.Table(
    "exports",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("scan", sa.String(64), nullable=False),
    sa.Column("content", sa.String(20), nullable=False),  # people, ties
    sa.Column("requester", sa.String(200), nullable=False, index=True),
    sa.Column("purpose", sa.String(40), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),  # encrypted: it is free text
    sa.Column("key_version", sa.Integer, nullable=False),
    sa.Column("risk", sa.JSON, nullable=False),  # how easily people could be found again, as it was printed when the file was asked for
    sa.Column("state", sa.String(20), nullable=False),  # pending, approved, declined, withdrawn, ready
    sa.Column("created", sa.DateTime, nullable=False, index=True),
    sa.Column("expires", sa.DateTime, nullable=False),  # of the request; once written, of the file
    sa.Column("decided", sa.DateTime),
    sa.Column("decided_by", sa.String(200)),
    sa.Column("job", sa.String(32)),  # which writes the file
    sa.Column("rows", sa.BigInteger),
    sa.Column("forms", sa.JSON),  # SHA-256 of each form of the file
    sa.Column("people", sa.String(64)),  # digest of the people in it: whoever objects later takes the file away
)
