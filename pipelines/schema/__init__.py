"""The tables of the service database; times in them are naive UTC, and no column holds a handle, a name of a person or a text."""

from pipelines.schema.core import (
    ABSENCES,
    AUDIT,
    BADGE_ROWS,
    CONSENTS,
    CURSORS,
    FAILURES,
    FILES,
    PEOPLE_ROWS,
    POINTERS,
    PULL_COUNTS,
    PULLS,
    SCANS,
    SCHEMA,
    STALE,
    TOKENS,
    WITHHELD,
)
from pipelines.schema.metadata import METADATA

__all__ = [
    "ABSENCES",
    "AUDIT",
    "BADGE_ROWS",
    "CONSENTS",
    "CURSORS",
    "FAILURES",
    "FILES",
    "METADATA",
    "PEOPLE_ROWS",
    "POINTERS",
    "PULLS",
    "PULL_COUNTS",
    "SCANS",
    "SCHEMA",
    "STALE",
    "TOKENS",
    "WITHHELD",
]
