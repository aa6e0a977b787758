"""The spider chart of one person: what is measured and what is proved, side by side."""

import numpy as np

from pipelines.access import words
from pipelines.access.answers import Axis
from pipelines.access.holdings import Skills, skills
from pipelines.access.policy import Sight
from pipelines.access.readings import score
from pipelines.phrases import say

MOST_AXES = 6
"""Hard axes of a spider chart; more cannot be read."""

SOFT: tuple[str, ...] = ("helper", "broker", "reach")


def person_axes(sight: Sight, row: int) -> tuple[Axis, ...]:
    """Spider chart of one person: soft facets as percentiles with intervals, hard skills as far as they are proved."""
    found = skills(sight)
    asked = [column for column in range(len(found.holding.skills)) if not np.isnan(found.holding.target[row, column])]
    own = sorted({column for (at, column), proof in found.proofs.items() if at == row and proof.worth > 0} - set(asked))
    columns = sorted([*asked, *own][:MOST_AXES])
    return (*(_score_axis(sight, row, facet) for facet in SOFT), *(_proof_axis(found, row, column) for column in columns))


def _score_axis(sight: Sight, row: int, facet: str) -> Axis:
    found = score(sight, row, facet)  # type: ignore[arg-type]  # SOFT holds facets
    title = words.FACETS[facet].title
    if found.value is None or found.low is None or found.high is None:
        return Axis(title, "soft", None, None, None, str(found.reason or ""))
    said = say("{value} of 100, between {low} and {high}", value=round(found.value), low=round(found.low), high=round(found.high))
    return Axis(title, "soft", found.value / 100, found.low / 100, found.high / 100, said)


def _proof_axis(found: Skills, row: int, column: int) -> Axis:
    cell, name = found.cell(row, column), found.holding.skills[column]
    value, low, high, said = {
        "verified": (1.0, 1.0, 1.0, say("confirmed by its issuer")),
        "expiring": (1.0, 1.0, 1.0, say("confirmed, ends within 60 days")),
        "partial": (0.5, 0.0, 1.0, say("stated by the holder, not confirmed")),
        "missing": (0.0, 0.0, 0.0, say("asked for by the role, no badge on record")),
        "not-needed": (0.0, 0.0, 0.0, say("no badge on record")),
    }[cell.state]
    return Axis(name, "hard", value, low, high, said)
