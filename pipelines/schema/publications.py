"""Tables of publications: which sealed scan is released to whom, under which thresholds, until when."""

import sqlalchemy as sa

from pipelines.schema.metadata import METADATA

PUBLICATIONS = sa.Table(
    "publications",  # rows are added and at most withdrawn: what was released, and by whom, stays known
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("scan", sa.ForeignKey("scans.id"), nullable=False, index=True),
    sa.Column("audience", sa.String(20), nullable=False),  # manager, hr, employee
    sa.Column("units", sa.JSON, nullable=False),  # labels of departments whose people may see it; empty = all
    sa.Column("until", sa.Date),  # first day without it
    sa.Column("mode", sa.String(20), nullable=False),  # of the deployment at that time: a wider one later does not reach back
    sa.Column("minimum_group", sa.Integer, nullable=False),
    sa.Column("published", sa.DateTime, nullable=False),
    sa.Column("published_by", sa.String(200), nullable=False),
    sa.Column("withdrawn", sa.DateTime),
)

THRESHOLDS = sa.Table(
    "thresholds",  # rows are only added: the last one is the minimum group that holds, whatever lower one the settings ask for
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("minimum_group", sa.Integer, nullable=False),
    sa.Column("at", sa.DateTime, nullable=False),
    sa.Column("by", sa.String(200), nullable=False),  # the steward who signed, or that the settings raised it
)
