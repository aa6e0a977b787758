"""Schema 2 of the service database."""

from pipelines.migrations.service import to_2_part_1, to_2_part_2


def upgrade() -> None:
    """Make it out of schema 1."""
    for part in (to_2_part_1, to_2_part_2):
        part.upgrade()
