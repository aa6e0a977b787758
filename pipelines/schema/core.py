"""Tables of pulls, people, badges, scans, sign-in tokens and the audit log."""

import sqlalchemy as sa

from pipelines.schema.metadata import METADATA

SCHEMA = sa.Table("schema_version", METADATA, sa.Column("version", sa.Integer, primary_key=True))

PULLS = sa.Table(
    "pulls",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("connector", sa.String, nullable=False),
    sa.Column("started", sa.DateTime, nullable=False),  # naive UTC, as every time in this database
    sa.Column("finished", sa.DateTime, nullable=False),
    sa.Column("read", sa.BigInteger, nullable=False),
    sa.Column("accepted", sa.BigInteger, nullable=False),
    sa.Column("duplicate", sa.BigInteger, nullable=False),
    sa.Column("first", sa.DateTime),
    sa.Column("last", sa.DateTime),
    sa.Column("watermark", sa.DateTime),  # never later than five minutes after the pull
)

PULL_COUNTS = sa.Table(
    "pull_counts",
    METADATA,
    sa.Column("pull", sa.ForeignKey("pulls.id"), primary_key=True),
    sa.Column("fate", sa.String, primary_key=True),  # dropped, quarantined, note
    sa.Column("code", sa.String, primary_key=True),
    sa.Column("rows", sa.BigInteger, nullable=False),
)

FAILURES = sa.Table(
    "failures",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("connector", sa.String, nullable=False),
    sa.Column("stream", sa.String, nullable=False),
    sa.Column("code", sa.String, nullable=False),
    sa.Column("at", sa.DateTime, nullable=False),
)

CURSORS = sa.Table(
    "cursors",
    METADATA,
    sa.Column("connector", sa.String, primary_key=True),
    sa.Column("stream", sa.String, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

FILES = sa.Table(
    "files",
    METADATA,
    sa.Column("table", sa.String, primary_key=True),
    sa.Column("part", sa.String, primary_key=True),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
)

STALE = sa.Table(
    "stale_parts",
    METADATA,
    sa.Column("table", sa.String, primary_key=True),
    sa.Column("part", sa.String, primary_key=True),
    sa.Column("late", sa.BigInteger, nullable=False),  # rows that came after the events of the part were dropped
)

PEOPLE_ROWS = sa.Table(
    "people",
    METADATA,
    sa.Column("source", sa.String, primary_key=True),  # connector that said so
    sa.Column("person", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("valid_from", sa.Date, primary_key=True),
    sa.Column("manager", sa.BigInteger),
    sa.Column("dotted_manager", sa.BigInteger),
    sa.Column("team", sa.String),
    sa.Column("site", sa.String),
    sa.Column("function", sa.String),
    sa.Column("group", sa.String),
    sa.Column("level", sa.SmallInteger),
    sa.Column("named_lead", sa.Boolean, nullable=False),
    sa.Column("service_role", sa.Boolean, nullable=False),
    sa.Column("on_call", sa.Boolean, nullable=False),
    sa.Column("protected", sa.Boolean, nullable=False),
    sa.Column("fte", sa.Float, nullable=False),
    sa.Column("work_days", sa.SmallInteger, nullable=False),
    sa.Column("zone", sa.String),
    sa.Column("language", sa.String),
    sa.Column("joined", sa.Date),
    sa.Column("left", sa.Date),
    sa.Column("kind", sa.SmallInteger, nullable=False),
    sa.Column("fault", sa.String),  # why the manager was not believed
)

CONSENTS = sa.Table(
    "consents",  # rows are added, never changed: the last one of a person and purpose counts
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("person", sa.BigInteger, nullable=False, index=True),
    sa.Column("purpose", sa.String, nullable=False),
    sa.Column("granted", sa.Boolean, nullable=False),
    sa.Column("source", sa.String, nullable=False),  # connector, or person when they said so themselves
    sa.Column("at", sa.DateTime, nullable=False),
)

WITHHELD = sa.Table(
    "withheld",
    METADATA,
    sa.Column("person", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("at", sa.DateTime, nullable=False),
)

BADGE_ROWS = sa.Table(
    "badges",
    METADATA,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("badge", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("person", sa.BigInteger, nullable=False, index=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("issuer", sa.String, nullable=False),
    sa.Column("standard", sa.String, nullable=False),
    sa.Column("skills", sa.JSON, nullable=False),
    sa.Column("level", sa.String),
    sa.Column("issued_on", sa.Date),
    sa.Column("expires_on", sa.Date),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("method", sa.String, nullable=False),  # how the status was found
    sa.Column("checked", sa.DateTime, nullable=False),  # and when
    sa.Column("visibility", sa.String, nullable=False, server_default="org"),  # private, org, public: as its source says
)

SCANS = sa.Table(
    "scans",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("created", sa.DateTime, nullable=False),
    sa.Column("start", sa.Date, nullable=False),
    sa.Column("end", sa.Date, nullable=False),
    sa.Column("people", sa.Integer, nullable=False),
    sa.Column("verdict", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),  # sealed, dropped
    sa.Column("successor", sa.String),  # scan that took this one's place after an erasure
)

POINTERS = sa.Table(
    "pointers",
    METADATA,
    sa.Column("name", sa.String, primary_key=True),  # published
    sa.Column("scan", sa.ForeignKey("scans.id"), nullable=False),
)

TOKENS = sa.Table(
    "tokens",
    METADATA,
    sa.Column("hash", sa.String(64), primary_key=True),  # SHA-256 in hexadecimal; the token itself is never stored
    sa.Column("kind", sa.String, nullable=False),  # one_time, session
    sa.Column("created", sa.DateTime, nullable=False),
    sa.Column("expires", sa.DateTime, nullable=False),
    sa.Column("spent", sa.DateTime),
)

AUDIT = sa.Table(
    "audit",  # rows are added, never changed: the triggers below see to it
    METADATA,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.DateTime, nullable=False),
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("role", sa.String(50), nullable=False),
    sa.Column("action", sa.String(50), nullable=False),
    sa.Column("object", sa.String(200), nullable=False, index=True),  # vault id of a person, or id of a scan
    sa.Column("purpose", sa.String(200), nullable=False),
    sa.Column("result", sa.String(50), nullable=False),
    sa.Column("hash", sa.LargeBinary(32), nullable=False),  # of the entry before and this one
)

_REFUSE = "'the audit log is insert-only'"
_GUARDS = (
    ("sqlite", f"CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, {_REFUSE}); END"),
    ("sqlite", f"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, {_REFUSE}); END"),
    (
        "postgresql",
        f"CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION {_REFUSE}; END $$",
    ),
    (
        "postgresql",
        "CREATE TRIGGER audit_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
    ),
)
for _dialect, _statement in _GUARDS:
    _guard = sa.DDL(_statement).execute_if(dialect=_dialect)  # type: ignore[no-untyped-call]  # SQLAlchemy leaves DDL untyped
    sa.event.listen(AUDIT, "after_create", _guard)
