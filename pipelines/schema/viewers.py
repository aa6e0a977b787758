"""Tables of who signs in: viewers, their sessions, grants of roles, invitations, API tokens and failed attempts."""

import sqlalchemy as sa

from pipelines.schema.metadata import METADATA

VIEWERS = sa.Table(
    "viewers",
    METADATA,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("identity", sa.String(64), nullable=False, unique=True),  # keyed digest of issuer and subject; neither is stored
    sa.Column("person", sa.BigInteger, index=True),  # who they are in the vault, null when the directory does not know them
    sa.Column("roles", sa.JSON, nullable=False),  # as the identity provider said at the last sign-in
    sa.Column("state", sa.String(20), nullable=False),  # active, disabled
    sa.Column("created", sa.DateTime, nullable=False),
    sa.Column("seen", sa.DateTime, nullable=False),
)

SESSIONS = sa.Table(
    "sessions",
    METADATA,
    sa.Column("hash", sa.String(64), primary_key=True),  # SHA-256 of the cookie's value, which is never stored
    sa.Column("viewer", sa.String(40), nullable=False, index=True),  # id of a viewer, or the local operator
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("created", sa.DateTime, nullable=False),
    sa.Column("idle_end", sa.DateTime, nullable=False),  # moves on while the session is used
    sa.Column("end", sa.DateTime, nullable=False),
    sa.Column("provider_session", sa.String(64), index=True),  # keyed digest of the identity provider's session id
    sa.Column("acting_role", sa.String(20)),  # as whom the local operator looks
    sa.Column("acting_person", sa.BigInteger),
)

SIGN_INS = sa.Table(
    "sign_ins",  # begun and not yet ended at the identity provider
    METADATA,
    sa.Column("state", sa.String(64), primary_key=True),  # SHA-256 of the state parameter
    sa.Column("expires", sa.DateTime, nullable=False),
    sa.Column("path", sa.String(500), nullable=False),  # where the viewer wanted to go
    sa.Column("invitation", sa.String(64)),
    sa.Column("before", sa.String(64)),  # hash of the session that the browser had: it ends when this sign-in is done
)

INVITATIONS = sa.Table(
    "invitations",
    METADATA,
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("expires", sa.DateTime, nullable=False),
    sa.Column("spent_by", sa.String(40)),
)

GRANTS = sa.Table(
    "grants",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("viewer", sa.ForeignKey("viewers.id"), nullable=False, index=True),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("stands_for", sa.BigInteger),  # manager whose people an acting manager looks after
    sa.Column("start", sa.Date, nullable=False),
    sa.Column("end", sa.Date),  # first day without it
    sa.Column("state", sa.String(20), nullable=False),  # requested, active, declined, revoked
    sa.Column("requested_by", sa.String(40), nullable=False),
    sa.Column("requested", sa.DateTime, nullable=False),
    sa.Column("decided_by", sa.String(40)),
    sa.Column("decided", sa.DateTime),
)

API_TOKENS = sa.Table(
    "api_tokens",
    METADATA,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),  # SHA-256 of the token, which is shown once and never stored
    sa.Column("viewer", sa.String(40), nullable=False, index=True),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("rights", sa.JSON, nullable=False),  # empty: all that the role has
    sa.Column("created", sa.DateTime, nullable=False),
    sa.Column("expires", sa.DateTime, nullable=False),
    sa.Column("used", sa.DateTime),
    sa.Column("revoked", sa.DateTime),
)

ATTEMPTS = sa.Table(
    "attempts",  # failed sign-ins and tokens, kept over a restart
    METADATA,
    sa.Column("origin", sa.String(64), primary_key=True),  # keyed digest of the address
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("last", sa.DateTime, nullable=False),
    sa.Column("until", sa.DateTime, nullable=False),  # no further attempt before
)

COUNTERS = sa.Table(
    "counters",  # how often somebody asked, shared by all processes and kept over a restart
    METADATA,
    sa.Column("name", sa.String(64), primary_key=True),  # keyed digest of who and what
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("until", sa.DateTime, nullable=False, index=True),  # when it begins anew
)
