"""Schema 2 of the service database, part 1."""

import sqlalchemy as sa
from alembic import op


def upgrade() -> None:
    """Make it out of schema 1."""
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("viewer", sa.String(length=40), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("rights", sa.JSON(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("expires", sa.DateTime(), nullable=False),
        sa.Column("used", sa.DateTime(), nullable=True),
        sa.Column("revoked", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash"),
    )
    with op.batch_alter_table("api_tokens", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_tokens_viewer"), ["viewer"], unique=False)
    op.create_table(
        "attempts",
        sa.Column("origin", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last", sa.DateTime(), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("origin"),
    )
    op.create_table(
        "badge_choices",
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("badge", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("visibility", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("person", "badge"),
    )
    op.create_table(
        "catalogue",
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("skill", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("url", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("item"),
    )
    op.create_table(
        "contests",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("scan", sa.String(length=64), nullable=False),
        sa.Column("facet", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("ticket", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("answered", sa.DateTime(), nullable=True),
        sa.Column("answered_by", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("contests", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_contests_person"), ["person"], unique=False)
    op.create_table(
        "counters",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    with op.batch_alter_table("counters", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_counters_until"), ["until"], unique=False)
    op.create_table(
        "credential_places", sa.Column("place", sa.Integer(), autoincrement=False, nullable=False), sa.PrimaryKeyConstraint("place")
    )
    op.create_table(
        "credentials",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("scan", sa.String(length=64), nullable=False),
        sa.Column("quarter", sa.String(length=7), nullable=False),
        sa.Column("by_mail", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("decided", sa.DateTime(), nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.Column("why", sa.String(length=20), nullable=True),
        sa.Column("place", sa.Integer(), nullable=True),
        sa.Column("valid_until", sa.DateTime(), nullable=True),
        sa.Column("ended", sa.DateTime(), nullable=True),
        sa.Column("token", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("place"),
    )
    with op.batch_alter_table("credentials", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_credentials_person"), ["person"], unique=False)
    op.create_table(
        "evidence",
        sa.Column("connector", sa.String(), nullable=False),
        sa.Column("row", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("facet", sa.String(), nullable=False),
        sa.Column("rater", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("team", sa.String(), nullable=True),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("scale_low", sa.Float(), nullable=False),
        sa.Column("scale_high", sa.Float(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("connector", "row"),
    )
    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_evidence_person"), ["person"], unique=False)
        batch_op.create_index(batch_op.f("ix_evidence_rater"), ["rater"], unique=False)
    op.create_table(
        "exports",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("scan", sa.String(length=64), nullable=False),
        sa.Column("content", sa.String(length=20), nullable=False),
        sa.Column("requester", sa.String(length=200), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("risk", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("expires", sa.DateTime(), nullable=False),
        sa.Column("decided", sa.DateTime(), nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.Column("job", sa.String(length=32), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("forms", sa.JSON(), nullable=True),
        sa.Column("people", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("exports", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exports_created"), ["created"], unique=False)
        batch_op.create_index(batch_op.f("ix_exports_requester"), ["requester"], unique=False)
    op.create_table(
        "holidays",
        sa.Column("connector", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("connector", "site", "day"),
    )
    op.create_table(
        "invitations",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("expires", sa.DateTime(), nullable=False),
        sa.Column("spent_by", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=50), nullable=False),
        sa.Column("phase", sa.String(length=100), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=200), nullable=True),
        sa.Column("beat", sa.DateTime(), nullable=True),
        sa.Column("cancel_asked", sa.DateTime(), nullable=True),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("started", sa.DateTime(), nullable=True),
        sa.Column("finished", sa.DateTime(), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("error_code", sa.String(length=100), nullable=True),
        sa.Column("error", sa.String(length=1000), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_jobs_state"), ["state"], unique=False)
    op.create_table(
        "kept_answers",
        sa.Column("viewer", sa.String(length=250), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(length=200), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("viewer", "key"),
    )
    with op.batch_alter_table("kept_answers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_kept_answers_created"), ["created"], unique=False)
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.String(length=200), nullable=True),
        sa.Column("until", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "mentoring_conflicts",
        sa.Column("first", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("second", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("first", "second"),
    )
    op.create_table(
        "mentoring_exclusions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("first", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("second", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_by", sa.String(length=10), nullable=False),
        sa.Column("second_by", sa.String(length=10), nullable=False),
        sa.Column("set_by", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("mentoring_exclusions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_mentoring_exclusions_first"), ["first"], unique=False)
        batch_op.create_index(batch_op.f("ix_mentoring_exclusions_second"), ["second"], unique=False)
    op.create_table(
        "mentoring_profiles",
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("side", sa.String(), nullable=True),
        sa.Column("seats", sa.Integer(), nullable=True),
        sa.Column("wanted", sa.JSON(), nullable=False),
        sa.Column("offered", sa.JSON(), nullable=False),
        sa.Column("interests", sa.JSON(), nullable=False),
        sa.Column("day_start", sa.Integer(), nullable=True),
        sa.Column("day_end", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("person"),
    )
    op.create_table(
        "name_invitations",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("scan", sa.String(length=64), nullable=False),
        sa.Column("inviter", sa.String(length=200), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("expires", sa.DateTime(), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=True),
        sa.Column("answered", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("name_invitations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_name_invitations_inviter"), ["inviter"], unique=False)
        batch_op.create_index(batch_op.f("ix_name_invitations_person"), ["person"], unique=False)
    op.create_table(
        "need_findings",
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("skill", sa.String(), nullable=False),
        sa.Column("measured", sa.Date(), nullable=False),
        sa.Column("finding", sa.String(), nullable=False),
        sa.Column("target", sa.Float(), nullable=False),
        sa.Column("covered", sa.Integer(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("unit", "skill", "measured"),
    )
    op.create_table(
        "need_readings",
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("skill", sa.String(), nullable=False),
        sa.Column("measured", sa.Date(), nullable=False),
        sa.Column("covered", sa.Integer(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("gap", sa.Float(), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("unit", "skill", "measured"),
    )
    op.create_table(
        "need_suggestions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("manager", sa.BigInteger(), nullable=True),
        sa.Column("skill", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("made", sa.DateTime(), nullable=False),
        sa.Column("answered", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("need_suggestions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_need_suggestions_manager"), ["manager"], unique=False)
        batch_op.create_index(batch_op.f("ix_need_suggestions_person"), ["person"], unique=False)
    op.create_table(
        "nudge_mails",
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("quarter", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("person", "quarter"),
    )
