"""Tables of people's rights: names given out after two signatures, invitations to give one's own, and contested results."""

import sqlalchemy as sa

from pipelines.schema.metadata import METADATA

REVEALS = sa.Table(
    "reveals",  # one request each to be told whose record it is
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("person", sa.BigInteger, nullable=False, index=True),
    sa.Column("scan", sa.String(64), nullable=False),
    sa.Column("requester", sa.String(200), nullable=False, index=True),
    sa.Column("purpose", sa.String(40), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),  # encrypted: it is free text
    sa.Column("key_version", sa.Integer, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),  # pending, approved, declined
    sa.Column("created", sa.DateTime, nullable=False, index=True),
    sa.Column("expires", sa.DateTime, nullable=False),  # of the request; once approved, of the name
    sa.Column("decided", sa.DateTime),
    sa.Column("decided_by", sa.String(200)),
    sa.Column("released", sa.DateTime),  # when the name was first read
)

NAME_INVITATIONS = sa.Table(
    "name_invitations",  # somebody in HR asks a person whom they do not know to show their name to them
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("person", sa.BigInteger, nullable=False, index=True),
    sa.Column("scan", sa.String(64), nullable=False),
    sa.Column("inviter", sa.String(200), nullable=False, index=True),
    sa.Column("purpose", sa.String(40), nullable=False),
    sa.Column("created", sa.DateTime, nullable=False),
    sa.Column("expires", sa.DateTime, nullable=False),
    sa.Column("accepted", sa.Boolean),  # null = no answer; the inviter cannot tell that from no
    sa.Column("answered", sa.DateTime),
)

CONTESTS = sa.Table(
    "contests",  # a person says that a result about them is wrong
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("person", sa.BigInteger, nullable=False, index=True),
    sa.Column("scan", sa.String(64), nullable=False),
    sa.Column("facet", sa.String(20), nullable=False),
    sa.Column("reason", sa.String(40), nullable=False),  # one of a closed list
    sa.Column("ticket", sa.String(64)),  # where the matter is talked about
    sa.Column("state", sa.String(20), nullable=False),  # open, corrected, upheld
    sa.Column("created", sa.DateTime, nullable=False),
    sa.Column("answered", sa.DateTime),
    sa.Column("answered_by", sa.String(200)),
)
