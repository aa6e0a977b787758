"""Tables of credentials that people asked for: what was asked and signed, and the places of the status list that are spent."""

import sqlalchemy as sa

from pipelines.schema.metadata import METADATA

CREDENTIALS = sa.Table(
    "credentials",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("person", sa.BigInteger, nullable=False, index=True),
    sa.Column("scan", sa.String(64), nullable=False),
    sa.Column("quarter", sa.String(7), nullable=False),  # 2026-Q3: what the credential speaks of
    sa.Column("by_mail", sa.Boolean, nullable=False),  # the holder wants their address in it, as a salted hash
    sa.Column("state", sa.String(10), nullable=False),  # asked, declined, signed, revoked
    sa.Column("created", sa.DateTime, nullable=False),
    sa.Column("decided", sa.DateTime),
    sa.Column("decided_by", sa.String(200)),
    sa.Column("why", sa.String(20)),  # declined for, one of a closed list
    sa.Column("place", sa.Integer, unique=True),  # in the status list
    sa.Column("valid_until", sa.DateTime),
    sa.Column("ended", sa.DateTime),  # when it was revoked
    sa.Column("token", sa.Text),  # as signed; it holds neither name nor address
)

CREDENTIAL_PLACES = sa.Table(
    "credential_places",  # never given twice, so that no old copy becomes valid again; whose they were is known nowhere
    METADATA,
    sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
)
