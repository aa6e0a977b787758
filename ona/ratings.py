"""Statistics of what people say of each other: fusion of sources, reliability, shrinkage, agreement, and kudos without rings."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ids = NDArray[np.int64]

RING_DAYS = 14
"""Kudos that come back within so many days, directly or over one colleague, count for nobody."""

CAP_PER_GIVER = 1
"""Kudos of one giver to one receiver that count; more say something of the giver."""

PEER_RELIABILITY = 0.37
"""Of one colleague's rating (Conway & Huffcutt 1997, doi:10.1207/s15327043hup1004_2)."""


@dataclass(frozen=True)
class Fused:
    """Several figures made one."""

    value: float
    standard_error: float
    q: float  # heterogeneity: chi-square with one degree of freedom less than figures when they agree


@dataclass(frozen=True)
class Icc:
    """Intraclass correlations of a complete table: one rating, and the mean of all raters."""

    one_way: float  # ICC(1,1)
    random: float  # ICC(2,1)
    fixed: float  # ICC(3,1)
    random_mean: float  # ICC(2,k)


def congeneric(y: Floats, rho: Floats) -> tuple[Floats, Floats]:
    """Return the person's standing behind several standardised sources and its standard deviation, ``(n,)`` each.

    Parameters
    ----------
    y
        Standardised figures, ``(n, K)``; NaN = the source is silent.
    rho
        Squared validity of each, ``(n, K)``, above 0 and below 1.

    Notes
    -----
    ``y = sqrt(rho) theta + e`` with ``theta ~ N(0, 1)``: nobody is far from the middle without evidence.
    """
    speaks = np.isfinite(y)
    ratio = np.where(speaks, rho / (1 - rho), 0.0)
    precision = 1 + ratio.sum(axis=-1)
    pull = np.where(speaks, np.sqrt(rho) / (1 - rho) * np.nan_to_num(y), 0.0).sum(axis=-1)
    return pull / precision, np.sqrt(1 / precision)


def precision_weighted(y: Floats, variance: Floats, *, prior: bool = False) -> Fused:
    """Return the mean of figures by their precision; with ``prior``, drawn towards a standard normal one."""
    weight = 1 / variance
    plain = float((weight * y).sum() / weight.sum())
    q = float((weight * (y - plain) ** 2).sum())
    total = float(weight.sum()) + prior
    return Fused(float((weight * y).sum()) / total, total**-0.5, q)


def spearman_brown(reliability: float, raters: Floats | float) -> Floats:
    """Return the reliability of the mean of so many raters, from that of one, in [0, 1].

    References
    ----------
    Spearman (1910), doi:10.1111/j.2044-8295.1910.tb00206.x; Brown (1910), doi:10.1111/j.2044-8295.1910.tb00207.x
    """
    raters = np.asarray(raters, dtype=np.float64)
    return np.asarray(raters * reliability / (1 + (raters - 1) * reliability), dtype=np.float64)


def kelley(z: Floats | float, reliability: Floats | float) -> tuple[Floats, Floats]:
    """Return the regressed standard score and its standard error, both in standard deviations of the observed score.

    Parameters
    ----------
    z
        Standard score as observed.
    reliability
        Of that score, in [0, 1]; broadcast against it.

    Notes
    -----
    ``z r`` and ``sqrt(r (1 - r))``: with reliability 0 nothing is known beyond the mean of everybody, with 1 all is.

    References
    ----------
    Kelley (1947), Fundamentals of Statistics, p. 409; Lord & Novick (1968), Statistical Theories of Mental Test Scores, p. 65
    """
    reliability = np.asarray(reliability, dtype=np.float64)
    return np.asarray(z * reliability, dtype=np.float64), np.sqrt(reliability * (1 - reliability))


def icc(table: Floats) -> Icc:
    """Return agreement among raters of a complete table, people × raters.

    References
    ----------
    Shrout & Fleiss (1979), doi:10.1037/0033-2909.86.2.420
    """
    n, k = table.shape
    mean = table.mean()
    between = k * ((table.mean(axis=1) - mean) ** 2).sum() / (n - 1)
    judges = n * ((table.mean(axis=0) - mean) ** 2).sum() / (k - 1)
    total = ((table - mean) ** 2).sum()
    within = (total - between * (n - 1)) / (n * (k - 1))
    rest = (total - between * (n - 1) - judges * (k - 1)) / ((n - 1) * (k - 1))
    return Icc(
        one_way=float((between - within) / (between + (k - 1) * within)),
        random=float((between - rest) / (between + (k - 1) * rest + k * (judges - rest) / n)),
        fixed=float((between - rest) / (between + (k - 1) * rest)),
        random_mean=float((between - rest) / (between + (judges - rest) / n)),
    )


def icc_one_way(value: Floats, about: Ids) -> float:
    """Return ICC(1,1) where people have different raters and different numbers of them; NaN where it cannot be told.

    Notes
    -----
    One-way analysis of variance with the usual mean number of raters ``(N - sum k² / N) / (n - 1)``; below 0 reads as 0.
    """
    _, code, counts = np.unique(about, return_inverse=True, return_counts=True)
    n, total = len(counts), len(value)
    if n < 2 or total <= n:
        return float("nan")
    means = np.bincount(code, value) / counts
    within = float(((value - means[code]) ** 2).sum()) / (total - n)
    between = float((counts * (means - value.mean()) ** 2).sum()) / (n - 1)
    k = (total - float((counts**2).sum()) / total) / (n - 1)
    whole = between + (k - 1) * within
    return max(0.0, (between - within) / whole) if whole > 0 else float("nan")


def kappa(both: float, first: float, second: float, neither: float) -> float:
    """Return Cohen's kappa of two yes/no judgements from the four counts."""
    total = both + first + second + neither
    agreed = (both + neither) / total
    one, other = (both + first) / total, (both + second) / total
    chance = one * other + (1 - one) * (1 - other)
    return (agreed - chance) / (1 - chance) if chance < 1 else float("nan")


def ac1(both: float, first: float, second: float, neither: float) -> float:
    """Return Gwet's AC1, which does not fall when nearly all say the same.

    References
    ----------
    Gwet (2008), doi:10.1348/000711006X126600
    """
    total = both + first + second + neither
    agreed = (both + neither) / total
    yes = ((both + first) + (both + second)) / (2 * total)
    chance = 2 * yes * (1 - yes)
    return (agreed - chance) / (1 - chance)


def kept_kudos(giver: Ids, receiver: Ids, day: Ids, *, cap: int = CAP_PER_GIVER) -> Bools:
    """Return which kudos count, ``(r,)``: none to oneself, none that come back within two weeks, and so many of one giver to one receiver.

    Notes
    -----
    Coming back means from the receiver to the giver, or over one colleague; of one giver's kudos to one receiver the first ones stay.
    """
    given: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for one, other, when in zip(giver.tolist(), receiver.tolist(), day.tolist(), strict=True):
        given[one][other].append(when)
    kept = np.array(
        [
            one != other and not _returns(given, one, other, when)
            for one, other, when in zip(giver.tolist(), receiver.tolist(), day, strict=True)
        ],
        dtype=np.bool_,
    )
    seen: dict[tuple[int, int], int] = defaultdict(int)
    for row in np.lexsort((receiver, giver, day)):
        pair = (int(giver[row]), int(receiver[row]))
        if kept[row]:
            seen[pair] += 1
            kept[row] = seen[pair] <= cap
    return kept


def shrunk_rates(count: Floats, exposure: Floats) -> tuple[Floats, Floats]:
    """Return rates drawn to the company's and how much of each is its own, ``(n,)`` each; NaN without exposure.

    Notes
    -----
    Gamma-Poisson with moments: many would have seen somebody often praised by chance alone.

    References
    ----------
    Efron & Morris (1975), doi:10.1080/01621459.1975.10479864
    """
    known = exposure > 0
    total = exposure[known].sum()
    if not total or not count[known].sum():
        return np.where(known, 0.0, np.nan), np.where(known, 0.0, np.nan)
    mean = count[known].sum() / total
    rate = np.divide(count, exposure, out=np.full(len(count), np.nan), where=known)
    spread = float((exposure[known] * (rate[known] - mean) ** 2).sum() / total)
    chance = mean * known.sum() / total
    variance = max(spread - chance, 0.0)
    own = np.where(known, variance * exposure / (variance * exposure + mean), np.nan)
    return own * rate + (1 - own) * mean, own


def _returns(given: dict[int, dict[int, list[int]]], giver: int, receiver: int, when: int) -> bool:
    def near(one: int, other: int) -> bool:
        return other in given[one] and any(abs(day - when) <= RING_DAYS for day in given[one][other])

    back = given.get(receiver)
    if not back:
        return False
    return near(receiver, giver) or any(
        near(receiver, via) and via in given and near(via, giver) for via in back if via not in (giver, receiver)
    )
