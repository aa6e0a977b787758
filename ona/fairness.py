"""Whether groups of people stand out, are placed and are seen alike: a screen, not a verdict (section 5.5 of the method)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import stats

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.str_]

SMALLEST_GROUP = 30
"""People below which a group is not screened: the figures would say nothing and might point at persons."""

FOUR_FIFTHS = 0.80
"""Selection-rate ratio under which a group is looked at (the four-fifths rule, as a screen)."""

FULL_TIME = 0.95
"""Share of a full week from which somebody counts as working full time."""

DAYS_A_YEAR = 365.25

FAIR, MONITOR, REVIEW = "no sign", "monitor", "review"


@dataclass(frozen=True)
class Ratio:
    """Ratio of two rates with its interval; NaN where nobody was selected in the reference."""

    value: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """What to do: ``review`` when the ratio is below four fifths beyond doubt, ``monitor`` when it is, but chance may do that."""
        if not self.value < FOUR_FIFTHS:
            return FAIR
        return REVIEW if self.high < 1 else MONITOR


@dataclass(frozen=True)
class Difference:
    """Difference of two means with its interval; NaN where one cannot be told."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class GroupCheck:
    """One group of one attribute beside everybody else with a known value.

    Parameters
    ----------
    attribute, group
        For example ``fte`` and ``part-time``.
    people
        Members of the group.
    selection
        Rate of standing out among the scored, over that of the others.
    percentile
        Mean place among peers minus that of the others.
    not_enough_data
        Share of people who could not be scored minus that of the others.
    opportunity
        Rate of standing out among those whom colleagues nominated, over that of the others; None without nominations.
    """

    attribute: str
    group: str
    people: int
    selection: Ratio
    percentile: Difference
    not_enough_data: Difference
    opportunity: Ratio | None = None


def rate_ratio(hits: int, people: int, other_hits: int, other_people: int, confidence_level: float = 0.95) -> Ratio:
    """Return the ratio of two rates with the interval of its logarithm.

    Returns
    -------
    Ratio
        ``(a / n) / (b / m)``; the standard error of its logarithm is ``sqrt(1/a - 1/n + 1/b - 1/m)``. With nobody selected in one
        of the two, half a person is added to every count, for the interval alone.

    References
    ----------
    Katz, Baptista, Azen & Pike (1978), doi:10.2307/2530610
    """
    if not people or not other_people or not other_hits:
        return Ratio(float("nan"), float("nan"), float("nan"))
    value = (hits / people) / (other_hits / other_people)
    a, n, b, m = (hits, people, other_hits, other_people) if hits else (0.5, people + 1.0, other_hits + 0.5, other_people + 1.0)
    centre, error = np.log((a / n) / (b / m)), np.sqrt(1 / a - 1 / n + 1 / b - 1 / m)
    width = float(stats.norm.ppf(0.5 + confidence_level / 2)) * error
    return Ratio(value, float(np.exp(centre - width)), float(np.exp(centre + width)))


def mean_difference(one: Floats, other: Floats, confidence_level: float = 0.95) -> Difference:
    """Return the difference of two means with Welch's interval; NaN values are left out."""
    one, other = one[np.isfinite(one)], other[np.isfinite(other)]
    if min(len(one), len(other)) < 2:
        return Difference(float("nan"), float("nan"), float("nan"))
    value = float(one.mean() - other.mean())
    parts = np.array([one.var(ddof=1) / len(one), other.var(ddof=1) / len(other)])
    if parts.sum() == 0:
        return Difference(value, value, value)
    freedom = parts.sum() ** 2 / (parts**2 / (np.array([len(one), len(other)]) - 1)).sum()
    width = float(stats.t.ppf(0.5 + confidence_level / 2, freedom) * np.sqrt(parts.sum()))
    return Difference(value, value - width, value + width)


def screen(
    selected: Bools, percentile: Floats, attributes: Mapping[str, Labels], *, smallest: int = SMALLEST_GROUP, nominated: Bools | None = None
) -> list[GroupCheck]:
    """Hold each group against everybody else.

    Parameters
    ----------
    selected
        Who stands out, ``(n,)``.
    percentile
        Place among peers, ``(n,)``; NaN = not enough data to score.
    attributes
        Group of each person by attribute, ``(n,)``; an empty text is unknown and left out. Nothing is kept of them.
    smallest
        People that a group, and its complement, must have.
    nominated
        Whom colleagues named, ``(n,)``.

    Returns
    -------
    list
        Sorted by attribute and group; groups too small to say anything are missing.
    """
    found = []
    for attribute, labels in sorted(attributes.items()):
        for group in np.unique(labels[labels != ""]).tolist():
            inside, outside = labels == group, (labels != "") & (labels != group)
            if min(inside.sum(), outside.sum()) >= smallest:
                found.append(_check(attribute, group, (inside, outside), selected, percentile, nominated))
    return found


def attributes_of(people: pa.Table, end: date) -> dict[str, Labels]:
    """Return the groups that PEOPLE itself knows: working time, site, time zone and tenure at the end of the window.

    Parameters
    ----------
    people
        PEOPLE, one row per person.
    end
        First day after the window.

    Returns
    -------
    dict
        Labels of each row by attribute, an empty text where unknown; sites are their codes.
    """
    fte = pc.fill_null(people["fte"], float("nan")).to_numpy()
    joined = pc.fill_null(people["joined"].cast(pa.int32()), -1).to_numpy()
    years = np.where(joined >= 0, ((end - date(1970, 1, 1)).days - joined) / DAYS_A_YEAR, np.nan)
    return {
        "working time": np.select([fte < FULL_TIME, fte >= FULL_TIME], ["part-time", "full-time"], "").astype(np.str_),
        "site": np.array(pc.fill_null(people["site"].cast(pa.string()), "").to_pylist(), dtype=np.str_),
        "time zone": np.array(pc.fill_null(people["zone"], "").to_pylist(), dtype=np.str_),
        "tenure": np.select([years < 1, years < 3, years >= 3], ["under 1 year", "1 to 3 years", "over 3 years"], "").astype(np.str_),
    }


def _check(
    attribute: str, group: str, sides: tuple[Bools, Bools], selected: Bools, percentile: Floats, nominated: Bools | None
) -> GroupCheck:
    inside, outside = sides
    scored = np.isfinite(percentile)
    missing = (~scored).astype(np.float64)
    return GroupCheck(
        attribute=attribute,
        group=group,
        people=int(inside.sum()),
        selection=_rates(selected, inside & scored, outside & scored),
        percentile=mean_difference(percentile[inside], percentile[outside]),
        not_enough_data=mean_difference(missing[inside], missing[outside]),
        opportunity=None if nominated is None else _rates(selected, inside & scored & nominated, outside & scored & nominated),
    )


def _rates(selected: Bools, inside: Bools, outside: Bools) -> Ratio:
    return rate_ratio(int((selected & inside).sum()), int(inside.sum()), int((selected & outside).sum()), int(outside.sum()))
