"""Tables of skills: evidence, targets, catalogue, mentoring, surveys and nudges; no column holds a text about a person."""

import sqlalchemy as sa

from pipelines.schema.metadata import METADATA


def _person(name: str, *, key: bool = False, needed: bool = True) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, primary_key=key, autoincrement=False, nullable=not needed, index=not key)


EVIDENCE_ROWS = sa.Table(
    "evidence",
    METADATA,
    sa.Column("connector", sa.String, primary_key=True),  # file connector, or the id of a pulse survey
    sa.Column("row", sa.BigInteger, primary_key=True, autoincrement=False),  # keyed digest, so that the same row read twice is one
    _person("person", needed=False),  # null where the figure is of a team
    sa.Column("source", sa.String, nullable=False),  # ona.tables.EVIDENCE_SOURCES
    sa.Column("facet", sa.String, nullable=False),  # helper, broker, or a skill in lower case
    _person("rater", needed=False),
    sa.Column("team", sa.String),  # label, as in PEOPLE_ROWS
    sa.Column("value", sa.Float, nullable=False),
    sa.Column("scale_low", sa.Float, nullable=False),
    sa.Column("scale_high", sa.Float, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("weight", sa.Float, nullable=False),
)

UNIT_EVIDENCE_ROWS = sa.Table(
    "unit_evidence",  # of a unit, never of a person
    METADATA,
    sa.Column("connector", sa.String, primary_key=True),
    sa.Column("kind", sa.String, primary_key=True),  # ona.gaps.UNIT_SOURCES
    sa.Column("unit", sa.String, primary_key=True),  # label of a department
    sa.Column("skill", sa.String, primary_key=True),
    sa.Column("some", sa.Float, nullable=False),  # completions, tickets with the tag, delayed projects
    sa.Column("total", sa.Float, nullable=False),  # people, tickets, projects in all
)

TARGETS = sa.Table(
    "skill_targets",
    METADATA,
    sa.Column("function", sa.String, primary_key=True),  # role as the directory names it; "*" = everybody
    sa.Column("skill", sa.String, primary_key=True),
    sa.Column("level", sa.Float, nullable=False),  # 1 = holds it; a part below 1 = a first step is enough
    sa.Column("value", sa.Float, nullable=False),  # business value, the analyst's weight, above 0
)

CATALOGUE = sa.Table(
    "catalogue",
    METADATA,
    sa.Column("item", sa.String, primary_key=True),
    sa.Column("skill", sa.String, nullable=False),
    sa.Column("title", sa.String, nullable=False),
    sa.Column("minutes", sa.Integer, nullable=False),
    sa.Column("url", sa.String),
)

SKILL_TAGS = sa.Table(
    "skill_tags",  # full lists that an operator loads; the small map of our own is in ona.skill_map
    METADATA,
    sa.Column("framework", sa.String, primary_key=True),  # ESCO, O*NET, own
    sa.Column("code", sa.String, primary_key=True),
    sa.Column("label", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),  # hard, soft
    sa.Column("words", sa.JSON, nullable=False),  # other words for it
)

PROGRAMMES = sa.Table(
    "programmes",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),  # draft, running, ended
    sa.Column("created", sa.DateTime, nullable=False),
    sa.Column("seats", sa.Integer, nullable=False),  # of each mentor, unless the pool says otherwise
    sa.Column("seed", sa.Integer, nullable=False),
    sa.Column("weights", sa.JSON, nullable=False),  # part → weight, as ona.mentoring.Weights
)

POOL = sa.Table(
    "mentoring_pool",
    METADATA,
    sa.Column("programme", sa.ForeignKey("programmes.id"), primary_key=True),
    _person("person", key=True),
    sa.Column("side", sa.String, primary_key=True),  # mentee, mentor
    sa.Column("seats", sa.Integer, nullable=False),
    sa.Column("skills", sa.JSON, nullable=False),  # wanted by a mentee beyond the role's targets, offered by a mentor beyond the badges
    sa.Column("interests", sa.JSON, nullable=False),  # answers to the similarity items, by item
)

CONFLICTS = sa.Table(
    "mentoring_conflicts",  # no other column: the download of the second must not tell that somebody would rather not be paired with them
    METADATA,
    _person("first", key=True),  # whoever asked for it, where it was one of the two
    _person("second", key=True),
)

EXCLUSIONS = sa.Table(
    "mentoring_exclusions",  # HR's own list; how each end was given decides where it may show, see pipelines.growth.exclusions
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    _person("first"),
    _person("second"),
    sa.Column("first_by", sa.String(10), nullable=False),  # address, label
    sa.Column("second_by", sa.String(10), nullable=False),
    sa.Column("set_by", sa.String(200), nullable=False),
    sa.Column("at", sa.DateTime, nullable=False),
)

PAIRS = sa.Table(
    "mentoring_pairs",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("programme", sa.ForeignKey("programmes.id"), nullable=False),
    _person("mentee"),
    _person("mentor"),
    sa.Column("state", sa.String, nullable=False),  # draft, invited, active, declined, ended
    sa.Column("locked", sa.Boolean, nullable=False),
    sa.Column("mentee_said", sa.Boolean),  # null = no answer yet
    sa.Column("mentor_said", sa.Boolean),
    sa.Column("reasons", sa.JSON, nullable=False),  # codes with counts, in the order of their weight
    sa.Column("invitations", sa.JSON, nullable=False),  # of the mentee and the mentor to show their name
    sa.Column("started", sa.DateTime),  # when both were asked
    sa.Column("active", sa.DateTime),  # when both had said yes
    sa.Column("ended", sa.DateTime),
)

CHECK_INS = sa.Table(
    "mentoring_check_ins",
    METADATA,
    sa.Column("pair", sa.ForeignKey("mentoring_pairs.id"), primary_key=True),
    sa.Column("day", sa.Integer, primary_key=True),  # 30, 60, 90
    sa.Column("side", sa.String, primary_key=True),
    sa.Column("met", sa.Integer, nullable=False),  # how often since the last one
    sa.Column("useful", sa.Integer, nullable=False),  # 1 to 5
)

SURVEYS = sa.Table(
    "surveys",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("opened", sa.DateTime, nullable=False),
    sa.Column("closes", sa.DateTime, nullable=False),
    sa.Column("closed", sa.DateTime),
)

SURVEY_INVITES = sa.Table(
    "survey_invites",
    METADATA,
    sa.Column("survey", sa.ForeignKey("surveys.id"), primary_key=True),
    _person("person", key=True),
    sa.Column("answered", sa.DateTime),
)

ANSWERS = sa.Table(
    "survey_answers",
    METADATA,
    sa.Column("survey", sa.ForeignKey("surveys.id"), primary_key=True),
    _person("rater", key=True),
    _person("person", key=True),  # who was turned to
    sa.Column("skills", sa.JSON, nullable=False),
)

NUDGES = sa.Table(
    "nudges",
    METADATA,
    _person("person", key=True),
    sa.Column("quarter", sa.String, primary_key=True),  # 2026-Q3: at most one row per person and quarter, by this key
    sa.Column("control", sa.Boolean, nullable=False),  # held out: nothing is shown
    sa.Column("kind", sa.String, nullable=False),  # course, shadowing
    sa.Column("skill", sa.String, nullable=False),
    sa.Column("item", sa.String),
    _person("helper", needed=False),
    sa.Column("state", sa.String, nullable=False),  # offered, accepted, not_now, wrong
    sa.Column("made", sa.DateTime, nullable=False),
    sa.Column("said", sa.DateTime),
    sa.Column("gap_before", sa.Float, nullable=False),
)

NUDGE_MAILS = sa.Table(
    "nudge_mails",
    METADATA,
    _person("person", key=True),
    sa.Column("quarter", sa.String, primary_key=True),  # as in nudges: at most one mail a person and quarter, by this key
    sa.Column("state", sa.String(10), nullable=False),  # waiting, sending, sent, failed, unsure
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("at", sa.DateTime, nullable=False),  # of the last change
)

BADGE_CHOICES = sa.Table(
    "badge_choices",  # what a person says about who may see one of their badges; outweighs what its source says
    METADATA,
    _person("person", key=True),
    sa.Column("badge", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("visibility", sa.String, nullable=False),  # private, org, public
    sa.Column("at", sa.DateTime, nullable=False),
)

OF_ONE_PERSON = (
    BADGE_CHOICES.c.person,
    EVIDENCE_ROWS.c.person,
    EVIDENCE_ROWS.c.rater,
    POOL.c.person,
    CONFLICTS.c.first,
    CONFLICTS.c.second,
    EXCLUSIONS.c.first,
    EXCLUSIONS.c.second,
    SURVEY_INVITES.c.person,
    ANSWERS.c.rater,
    ANSWERS.c.person,
    NUDGES.c.person,
    NUDGES.c.helper,
)
"""Columns whose rows go when a person is erased, and follow when two persons turn out to be one."""

PAIRED = (PAIRS.c.mentee, PAIRS.c.mentor)
"""Columns whose pairs and check-ins go when a person is erased."""
