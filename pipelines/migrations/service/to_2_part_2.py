"""Schema 2 of the service database, part 2."""

import sqlalchemy as sa
from alembic import op


def upgrade() -> None:
    """Make it out of schema 1."""
    op.create_table(
        "nudges",
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("quarter", sa.String(), nullable=False),
        sa.Column("control", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("skill", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=True),
        sa.Column("helper", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("made", sa.DateTime(), nullable=False),
        sa.Column("said", sa.DateTime(), nullable=True),
        sa.Column("gap_before", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("person", "quarter"),
    )
    with op.batch_alter_table("nudges", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_nudges_helper"), ["helper"], unique=False)
    op.create_table(
        "programmes",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("weights", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "reveals",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("scan", sa.String(length=64), nullable=False),
        sa.Column("requester", sa.String(length=200), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("expires", sa.DateTime(), nullable=False),
        sa.Column("decided", sa.DateTime(), nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.Column("released", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("reveals", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reveals_created"), ["created"], unique=False)
        batch_op.create_index(batch_op.f("ix_reveals_person"), ["person"], unique=False)
        batch_op.create_index(batch_op.f("ix_reveals_requester"), ["requester"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("viewer", sa.String(length=40), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("idle_end", sa.DateTime(), nullable=False),
        sa.Column("end", sa.DateTime(), nullable=False),
        sa.Column("provider_session", sa.String(length=64), nullable=True),
        sa.Column("acting_role", sa.String(length=20), nullable=True),
        sa.Column("acting_person", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("hash"),
    )
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sessions_provider_session"), ["provider_session"], unique=False)
        batch_op.create_index(batch_op.f("ix_sessions_viewer"), ["viewer"], unique=False)
    op.create_table(
        "sign_ins",
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("expires", sa.DateTime(), nullable=False),
        sa.Column("path", sa.String(length=500), nullable=False),
        sa.Column("invitation", sa.String(length=64), nullable=True),
        sa.Column("before", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("state"),
    )
    op.create_table(
        "skill_tags",
        sa.Column("framework", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("words", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("framework", "code"),
    )
    op.create_table(
        "skill_targets",
        sa.Column("function", sa.String(), nullable=False),
        sa.Column("skill", sa.String(), nullable=False),
        sa.Column("level", sa.Float(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("function", "skill"),
    )
    op.create_table(
        "surveys",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("opened", sa.DateTime(), nullable=False),
        sa.Column("closes", sa.DateTime(), nullable=False),
        sa.Column("closed", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "thresholds",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("minimum_group", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "unit_evidence",
        sa.Column("connector", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("skill", sa.String(), nullable=False),
        sa.Column("some", sa.Float(), nullable=False),
        sa.Column("total", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("connector", "kind", "unit", "skill"),
    )
    op.create_table(
        "viewers",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("identity", sa.String(length=64), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=True),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("seen", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("identity"),
    )
    with op.batch_alter_table("viewers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_viewers_person"), ["person"], unique=False)
    op.create_table(
        "workers",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("started", sa.DateTime(), nullable=False),
        sa.Column("beat", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "grants",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("viewer", sa.String(length=40), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("stands_for", sa.BigInteger(), nullable=True),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column("end", sa.Date(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("requested_by", sa.String(length=40), nullable=False),
        sa.Column("requested", sa.DateTime(), nullable=False),
        sa.Column("decided_by", sa.String(length=40), nullable=True),
        sa.Column("decided", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["viewer"],
            ["viewers.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_grants_viewer"), ["viewer"], unique=False)
    op.create_table(
        "mentoring_pairs",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("programme", sa.String(), nullable=False),
        sa.Column("mentee", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mentor", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("locked", sa.Boolean(), nullable=False),
        sa.Column("mentee_said", sa.Boolean(), nullable=True),
        sa.Column("mentor_said", sa.Boolean(), nullable=True),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("invitations", sa.JSON(), nullable=False),
        sa.Column("started", sa.DateTime(), nullable=True),
        sa.Column("active", sa.DateTime(), nullable=True),
        sa.Column("ended", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["programme"],
            ["programmes.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("mentoring_pairs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_mentoring_pairs_mentee"), ["mentee"], unique=False)
        batch_op.create_index(batch_op.f("ix_mentoring_pairs_mentor"), ["mentor"], unique=False)
    op.create_table(
        "mentoring_pool",
        sa.Column("programme", sa.String(), nullable=False),
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("skills", sa.JSON(), nullable=False),
        sa.Column("interests", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["programme"],
            ["programmes.id"],
        ),
        sa.PrimaryKeyConstraint("programme", "person", "side"),
    )
    op.create_table(
        "publications",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("scan", sa.String(), nullable=False),
        sa.Column("audience", sa.String(length=20), nullable=False),
        sa.Column("units", sa.JSON(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("mode", sa.String(length=20), nullable=False),
        sa.Column("minimum_group", sa.Integer(), nullable=False),
        sa.Column("published", sa.DateTime(), nullable=False),
        sa.Column("published_by", sa.String(length=200), nullable=False),
        sa.Column("withdrawn", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["scan"],
            ["scans.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("publications", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_publications_scan"), ["scan"], unique=False)
    op.create_table(
        "survey_answers",
        sa.Column("survey", sa.String(), nullable=False),
        sa.Column("rater", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("skills", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["survey"],
            ["surveys.id"],
        ),
        sa.PrimaryKeyConstraint("survey", "rater", "person"),
    )
    op.create_table(
        "survey_invites",
        sa.Column("survey", sa.String(), nullable=False),
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("answered", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["survey"],
            ["surveys.id"],
        ),
        sa.PrimaryKeyConstraint("survey", "person"),
    )
    op.create_table(
        "mentoring_check_ins",
        sa.Column("pair", sa.String(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("met", sa.Integer(), nullable=False),
        sa.Column("useful", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pair"],
            ["mentoring_pairs.id"],
        ),
        sa.PrimaryKeyConstraint("pair", "day", "side"),
    )
    with op.batch_alter_table("absences", schema=None) as batch_op:
        batch_op.add_column(sa.Column("connector", sa.String(), server_default="", nullable=False))
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_object"), ["object"], unique=False)
    with op.batch_alter_table("badges", schema=None) as batch_op:
        batch_op.add_column(sa.Column("visibility", sa.String(), server_default="org", nullable=False))
