"""Tables of needs: what a debrief found, what managers suggest, how people take part in mentoring; no free text about anybody."""

import sqlalchemy as sa

from pipelines.schema.metadata import METADATA

NEED_FINDINGS = sa.Table(
    "need_findings",  # of a unit, never of a person; one a unit, skill and scan, so that the next scan can be held against it
    METADATA,
    sa.Column("unit", sa.String, primary_key=True),  # label of a department or team
    sa.Column("skill", sa.String, primary_key=True),
    sa.Column("measured", sa.Date, primary_key=True),  # first day after the window of the scan it was found on
    sa.Column("finding", sa.String, nullable=False),  # ona.gaps.FINDINGS
    sa.Column("target", sa.Float, nullable=False),  # share without a gap to be reached by the next scan
    sa.Column("covered", sa.Integer, nullable=False),  # people without a gap when it was found
    sa.Column("asked", sa.Integer, nullable=False),  # people whose role asks for the skill
    sa.Column("at", sa.DateTime, nullable=False),
)

NEED_READINGS = sa.Table(
    "need_readings",  # where each department stood when a scan was sealed; written once: nothing later rewrites what became of a target
    METADATA,
    sa.Column("unit", sa.String, primary_key=True),  # label of a department
    sa.Column("skill", sa.String, primary_key=True),
    sa.Column("measured", sa.Date, primary_key=True),  # first day after the window of the scan
    sa.Column("covered", sa.Integer, nullable=False),  # people without a gap
    sa.Column("asked", sa.Integer, nullable=False),  # people whose role asks for the skill
    sa.Column("gap", sa.Float, nullable=False),  # mean of theirs
    sa.Column("weight", sa.Float, nullable=False),  # risk × business value of the skill then
    sa.Column("at", sa.DateTime, nullable=False),
)

NEED_SUGGESTIONS = sa.Table(
    "need_suggestions",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("person", sa.BigInteger, nullable=False, index=True),
    sa.Column("manager", sa.BigInteger, index=True),  # who suggests; null once they were erased
    sa.Column("skill", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),  # open, accepted, declined
    sa.Column("told", sa.Boolean, nullable=False),  # whether the person lets the manager know of a yes
    sa.Column("made", sa.DateTime, nullable=False),
    sa.Column("answered", sa.DateTime),
)

MENTORING_PROFILES = sa.Table(
    "mentoring_profiles",  # what people say themselves; outweighs what the service proposes
    METADATA,
    sa.Column("person", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("side", sa.String),  # mentee, mentor, both, none; null = as the service proposes
    sa.Column("seats", sa.Integer),  # mentees they would take; null = as the programme says
    sa.Column("wanted", sa.JSON, nullable=False),  # skills
    sa.Column("offered", sa.JSON, nullable=False),  # skills
    sa.Column("interests", sa.JSON, nullable=False),  # item → answer in 0 to 1
    sa.Column("day_start", sa.Integer),  # local hour; null = usual working hours
    sa.Column("day_end", sa.Integer),
    sa.Column("at", sa.DateTime, nullable=False),
)
