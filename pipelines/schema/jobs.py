"""Tables of long work: jobs and how far they are, the workers' heartbeats, leases with fencing tokens, answers given once."""

import sqlalchemy as sa

from pipelines.schema.metadata import METADATA

JOBS = sa.Table(
    "jobs",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),  # scan, pull, export, retention
    sa.Column("state", sa.String(20), nullable=False, index=True),  # queued, running, done, failed, cancelled
    sa.Column("body", sa.JSON, nullable=False),  # what was asked for
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("role", sa.String(50), nullable=False),
    sa.Column("phase", sa.String(100), nullable=False),
    sa.Column("done", sa.BigInteger, nullable=False),
    sa.Column("total", sa.BigInteger),
    sa.Column("attempts", sa.Integer, nullable=False),  # also the fencing token of the worker that runs it
    sa.Column("worker", sa.String(200)),
    sa.Column("beat", sa.DateTime),  # when the worker was last seen at it
    sa.Column("cancel_asked", sa.DateTime),
    sa.Column("created", sa.DateTime, nullable=False),
    sa.Column("started", sa.DateTime),
    sa.Column("finished", sa.DateTime),
    sa.Column("result", sa.JSON),
    sa.Column("error_code", sa.String(100)),
    sa.Column("error", sa.String(1000)),
)

WORKERS = sa.Table(
    "workers",
    METADATA,
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("started", sa.DateTime, nullable=False),
    sa.Column("beat", sa.DateTime, nullable=False),
)

LEASES = sa.Table(
    "leases",
    METADATA,
    sa.Column("name", sa.String(50), primary_key=True),
    sa.Column("fence", sa.BigInteger, nullable=False),  # grows with every holder; who holds an older one cannot commit
    sa.Column("holder", sa.String(200)),  # None once given back
    sa.Column("until", sa.DateTime, nullable=False),
)

KEPT_ANSWERS = sa.Table(
    "kept_answers",  # to requests with an Idempotency-Key, kept for a day
    METADATA,
    sa.Column("viewer", sa.String(250), primary_key=True),
    sa.Column("key", sa.String(128), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),  # of method, path and body
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("place", sa.String(200), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("created", sa.DateTime, nullable=False, index=True),
)
