"""How many of a group, as one viewer may be told: a share to those who read single people anyway, a band to everybody else."""

from pipelines.access.cards import MANY, SOME
from pipelines.access.policy import Sight
from pipelines.access.skill_answers import CoverBand, HeatCell
from pipelines.access.steps import is_exact
from pipelines.phrases import Phrase, say

BANDS: dict[CoverBand, Phrase] = {"few": say("few"), "some": say("some"), "many": say("many")}


def share_of(sight: Sight, some: int, people: int) -> HeatCell:
    """Say how many of a group: a band tells of no fewer than the minimum group."""
    k = sight.minimum
    if is_exact(sight):
        return HeatCell(round(some / people, 3), None, say("{some} of {people}", some=some, people=people))
    if some < k:
        return HeatCell(None, "few", say("fewer than {k}", k=k))
    found = band(some / people)
    return HeatCell(None, found, BANDS[found])


def band(share: float) -> CoverBand:
    """Return the band of a share."""
    return "many" if share >= MANY else "some" if share >= SOME else "few"
