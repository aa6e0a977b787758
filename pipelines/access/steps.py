"""Figures of groups in steps of five: what one person adds or takes away between two scans does not show."""

from pipelines.access.policy import Sight
from pipelines.access.rights import Reach

STEP = 5
"""People, and points of a share."""


def is_exact(sight: Sight) -> bool:
    """Whether this viewer is told exact figures of groups: whoever reads single people, whose sums they are."""
    return sight.single is Reach.EVERYBODY


def about(number: int) -> int:
    """Round a number of people to steps of five, and never to nobody."""
    return max(STEP, STEP * round(number / STEP))


def share_in_steps(share: float | None) -> float | None:
    """Round a share to steps of five points."""
    return None if share is None else round(round(100 * share / STEP) * STEP / 100, 2)
