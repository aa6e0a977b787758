"""Does a facet find whom colleagues name? Ranking quality against nominations, department by department."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ona.errors import NotEnoughDataError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ids = NDArray[np.int64]

TOP_SHARE = 0.05

GOOD_AUC, GOOD_LIFT = 0.70, 3.0
"""A facet is called valid here from these on (method, section 9.1)."""

FEWEST_NAMED = 10
"""Named people below whom nothing is said."""


@dataclass(frozen=True)
class Validation:
    """How well a facet finds the people whom colleagues name.

    Parameters
    ----------
    auc, standard_error
        Chance that a named person stands above one who is not named, within their department, and its standard error.
    lift
        Named among the top twentieth of each department over named among all.
    departments
        Departments that could be held out: with named people and others.
    """

    auc: float
    standard_error: float
    lift: float
    named: int
    people: int
    departments: int

    @property
    def passed(self) -> bool:
        """Whether both bars hold."""
        return self.auc >= GOOD_AUC and self.lift >= GOOD_LIFT


def auc(score: Floats, named: Bools) -> float:
    """Return the chance that a named one stands above another, ties half; NaN without both."""
    above, below = int(named.sum()), int((~named).sum())
    if not above or not below:
        return float("nan")
    ranks = stats.rankdata(score)
    return float((ranks[named].sum() - above * (above + 1) / 2) / (above * below))


def lift(score: Floats, named: Bools, share: float = TOP_SHARE) -> float:
    """Return named among the top over named among all; ties at the edge count in part."""
    base = float(named.mean()) if len(named) else 0.0
    if not base:
        return float("nan")
    size = max(1.0, share * len(score))
    edge = np.sort(score)[::-1][int(np.ceil(size)) - 1]
    over, at = score > edge, score == edge
    hits = named[over].sum() + (size - over.sum()) * named[at].mean()
    return float(hits / size / base)


def validate(score: Floats, named: Bools, department: Ids) -> Validation:
    """Compare inside each department, so that a department that is asked more than others proves nothing.

    Raises NotEnoughDataError when fewer than ten people with a score are named, or no department has both kinds.

    References
    ----------
    Hanley & McNeil (1982), doi:10.1148/radiology.143.1.7063747
    """
    told = np.isfinite(score)
    score, named, department = score[told], named[told], department[told]
    if named.sum() < FEWEST_NAMED:
        raise NotEnoughDataError(
            f"Fewer than {FEWEST_NAMED} people with a score are named by colleagues. Ask more people, then look again."
        )
    parts = [(department == code) for code in np.unique(department)]
    folds = [part for part in parts if 0 < named[part].sum() < part.sum()]
    if not folds:
        raise NotEnoughDataError("No department has both people who are named and people who are not. Ask more people, then look again.")
    weight = np.array([float(named[part].sum() * (~named[part]).sum()) for part in folds])
    areas = np.array([auc(score[part], named[part]) for part in folds])
    spread = np.array([_variance(area, int(named[part].sum()), int((~named[part]).sum())) for area, part in zip(areas, folds, strict=True)])
    share = weight / weight.sum()
    inside = np.any(folds, axis=0)
    placed = np.zeros(len(score))
    for part in folds:
        placed[part] = (stats.rankdata(score[part]) - 0.5) / part.sum()
    found = float(share @ areas)
    error = float(np.sqrt(share**2 @ spread))
    return Validation(found, error, lift(placed[inside], named[inside]), int(named.sum()), len(score), len(folds))


def _variance(area: float, named: int, others: int) -> float:
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    return (area * (1 - area) + (named - 1) * (one - area**2) + (others - 1) * (two - area**2)) / (named * others)
