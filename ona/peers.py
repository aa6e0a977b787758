"""Who is compared with whom: the nearest peers of each person, places among them, and visibility by formal position."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats
from scipy.sparse import csr_array

from ona.roster import UNKNOWN, Roster
from ona.rules import Rules

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

CHUNK = 512
"""People whose distances are held at once: 512 x 10,000 distances are 40 MB."""

DIGITS = 9
"""Distances that agree to so many digits are tied."""

WINSORISE = 2.5
HALF_SPREAD = 0.5
"""Step, in standard deviations of all, over which the map from value to score is at least smoothed."""
RANK = 1e-9
"""What is smaller beside its largest is rounding: a direction of a regression, what a leverage leaves over, a residual."""
EVEN = 1e-9
"""Weights that differ by less from one half split a median evenly."""


@dataclass(frozen=True, eq=False)
class Peers:
    """The peers of each person, without the person.

    Parameters
    ----------
    weight
        ``(n, n)`` sparse: 1 for a peer, the same fraction for all who tie at the largest distance; empty rows for people without peers.
    """

    weight: csr_array

    @property
    def n(self) -> int:
        """Number of people."""
        return int(self.weight.shape[0])

    @property
    def count(self) -> Floats:
        """Weight of the peers of each person, ``(n,)``."""
        return np.asarray(self.weight.sum(axis=1), dtype=np.float64)

    def below(self, value: Floats, at: Floats) -> tuple[Floats, Floats]:
        """Return the weight of the peers whose value lies below ``at`` (ties half), and of those who have a value, ``(n,)`` each."""
        row = np.repeat(np.arange(self.n), np.diff(self.weight.indptr))
        theirs, here = value[self.weight.indices], at[row]
        known = np.isfinite(theirs)
        under = self.weight.data * ((theirs < here) + 0.5 * (theirs == here)) * known
        return (
            np.bincount(row, under, minlength=self.n).astype(np.float64),
            np.bincount(row, self.weight.data * known, minlength=self.n).astype(np.float64),
        )

    def percentile(self, value: Floats, at: Floats | None = None) -> Floats:
        """Return each person's weighted mid-rank among the peers and themselves, ``(n,)``, in (0, 1).

        Parameters
        ----------
        value
            Shape ``(n,)``: what peers have; NaN is left out.
        at
            Shape ``(n,)``: what the person has, when it differs from ``value``.
        """
        here = value if at is None else at
        under, weight = self.below(value, here)
        return np.where(np.isfinite(here) & (weight > 0), (under + 0.5) / (weight + 1), np.nan)

    def normal_score(self, value: Floats, at: Floats | None = None) -> Floats:
        """Return how far each person lies beyond their peers, as a normal quantile, winsorised, ``(n,)``; NaN without a value or peers.

        The median of the peers is taken off, so that nobody is held against people in another place; what is left is ranked over
        everybody. A rank among fifty peers alone would give the first of a group in which nobody stands out as much as the
        first of a group in which five do.

        References
        ----------
        Blom (1958), Statistical Estimates and Transformed Beta-Variables
        """
        middle = self.median(value)
        return _normal_score(value - middle, (value if at is None else at) - middle)

    def median(self, value: Floats) -> Floats:
        """Return the weighted median of the value among the peers, ``(n,)``; NaN without peers who have one."""
        row, theirs = np.repeat(np.arange(self.n), np.diff(self.weight.indptr)), value[self.weight.indices]
        known = np.isfinite(theirs)
        order = np.lexsort((theirs[known], row[known]))
        row, theirs, weight = row[known][order], theirs[known][order], self.weight.data[known][order]
        whole = np.bincount(row, weight, self.n)
        half = np.cumsum(weight) - np.append(0, np.cumsum(whole))[row] - whole[row] / 2
        lower, upper = (np.searchsorted(row, np.arange(self.n)) + np.bincount(row[half < edge], minlength=self.n) for edge in (-EVEN, EVEN))
        middle = np.append(theirs, np.nan)
        last = len(theirs)
        found = (middle[np.minimum(lower, last)] + middle[np.minimum(upper, last)]) / 2
        return np.where(whole > 0, found, np.nan)

    def slope(self, value: Floats, standard_error: Floats) -> Floats:
        """Return how much the normal score moves per unit of the value, everybody else held still, ``(n,)``.

        The steeper of the two sides over one standard error, or over half the spread of all where that is more: the score
        of the first cannot rise, and a gap between two people is no certainty.
        """
        beyond = value - self.median(value)
        step = np.maximum(standard_error, HALF_SPREAD * float(np.nanstd(beyond)) if np.isfinite(beyond).any() else np.nan)
        step = np.where(step > 0, step, np.nan)
        here, above, below = (_normal_score(beyond, beyond + move) for move in (0, step, -step))
        return np.asarray(np.maximum(above - here, here - below) / step, dtype=np.float64)


def _normal_score(reference: Floats, at: Floats) -> Floats:
    """Return Blom's normal quantile of each value's rank among the others of a reference and itself, winsorised."""
    others = np.sort(reference[np.isfinite(reference)])
    own = np.isfinite(reference)
    under = (np.searchsorted(others, at, side="left") + np.searchsorted(others, at, side="right")) / 2
    under -= own * ((reference < at) + 0.5 * (reference == at))
    score = stats.norm.ppf((under + 0.625) / (len(others) - own + 1.25))
    return np.where(np.isfinite(at) & (len(others) > own), np.clip(score, -WINSORISE, WINSORISE), np.nan)


def nearest_peers(who: Roster, scored: Bools, channels: Ints, opportunity: Floats, rules: Rules) -> Peers:
    """Find the scored peers of each member.

    Peers share the function and the channels in use; where too few do, the channels alone, then the function alone, then anybody.
    Among them those nearest by Gower's distance over level, tenure, span, team size, site, working time and opportunity are taken.
    People whose job is to answer are compared with their like only.

    Parameters
    ----------
    who
        People of the window.
    scored
        Who is a peer at all, ``(n,)``.
    channels
        Bit mask of the channels that each person uses, ``(n,)``.
    opportunity
        Colleagues that each person could meet, ``(n,)``; NaN where unknown.
    rules
        Gives the number of peers.

    References
    ----------
    Gower (1971), doi:10.2307/2528823
    """
    columns, service = _features(who, opportunity), who.truths("service_role")
    rows, others, weights = [np.array([], dtype=np.int64)], [np.array([], dtype=np.int64)], [np.array([], dtype=np.float64)]
    for kind in (service, ~service):
        for pool, seekers in _pools(who, scored & kind, who.members & kind, channels, rules.min_peers):
            _collect(columns, pool, seekers, rules.n_peers, (rows, others, weights))
    entries = (np.concatenate(weights), (np.concatenate(rows), np.concatenate(others)))
    return Peers(csr_array(entries, shape=(who.n, who.n)))


def strata(who: Roster, scored: Bools, smallest: int = 60) -> Ints:
    """Return the shrinkage stratum of each person: the function where it has enough scored people, else -1 for the company."""
    function = who.codes("function")
    codes, counts = np.unique(function[scored & (function != UNKNOWN)], return_counts=True)
    return np.where(np.isin(function, codes[counts >= smallest]), function, UNKNOWN)


def visibility(who: Roster) -> Floats:
    """Return how visible each member is by formal position alone, as a percentile of the company.

    Returns
    -------
    Floats
        Shape ``(n,)``, in (0, 1): mid-rank of the mean of the percentiles of level and span and of being a named lead; NaN for
        others, and for everybody in a company without reporting lines and levels.
    """
    member = who.members
    if not np.isfinite(who.level[member]).any():
        return np.full(who.n, np.nan)
    level = np.where(np.isfinite(who.level), -who.level, np.nan)
    parts = [mid_rank(level, member), mid_rank(who.reports, member), np.where(member, who.truths("named_lead").astype(np.float64), np.nan)]
    return mid_rank(_mean_of_known(np.column_stack(parts)), member)


def beyond_position(value: Floats, who: Roster, opportunity: Floats) -> Floats:
    """Return how far a value lies from what a regression on formal position expects, ``(n,)``; NaN without a value.

    Externally studentised residuals of least squares on level, tenure, span, team size, working time, opportunity, function and site:
    the second way to take position off, which nearest peers are held against (section 4).

    References
    ----------
    Cook and Weisberg (1982), Residuals and Influence in Regression
    """
    known, beyond = np.isfinite(value), np.full(who.n, np.nan)
    if not known.any():
        return beyond
    left, size, _ = np.linalg.svd(_design(who, opportunity)[known], full_matrices=False)
    basis = left[:, size > RANK * size[0]]
    rest = value[known] - basis @ (basis.T @ value[known])
    free, spare = 1 - (basis**2).sum(axis=1), known.sum() - basis.shape[1] - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = ((rest**2).sum() - rest**2 / free) / spare  # of the others, each time
        far = rest / np.sqrt(variance * free)
    sure = (free > RANK) & (spare > 0) & (variance > (RANK * np.abs(value[known]).max()) ** 2)
    beyond[known] = np.where(sure, far, np.nan)
    return beyond


def _design(who: Roster, opportunity: Floats) -> Floats:
    """Return position as columns: one, the numbers (the mean where missing), and one column for each function and site."""
    features = _features(who, opportunity)
    mean = _mean_of_known(features.numbers.T)
    numbers = np.where(np.isfinite(features.numbers), features.numbers, np.nan_to_num(mean))
    kinds = [codes[:, None] == np.unique(codes) for codes in (who.codes("function"), features.site)]
    return np.column_stack([np.ones(who.n), numbers, *kinds]).astype(np.float64)


def mid_rank(value: Floats, among: Bools) -> Floats:
    """Return Hazen's mid-rank percentile of each value among a set of people, ``(n,)``; NaN outside and without a value."""
    known = among & np.isfinite(value)
    place = np.full(value.shape, np.nan)
    if known.any():
        place[known] = (stats.rankdata(value[known]) - 0.5) / known.sum()
    return place


def _mean_of_known(columns: Floats) -> Floats:
    known = np.isfinite(columns)
    mean = np.divide(np.where(known, columns, 0).sum(axis=1), known.sum(axis=1), out=np.full(len(columns), np.nan), where=known.any(axis=1))
    return np.asarray(mean, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class _Features:
    numbers: Floats  # scaled to a range of 1, NaN where missing
    site: Ints


def _features(who: Roster, opportunity: Floats) -> _Features:
    team = who.codes("team")
    sizes = np.bincount(team[team >= 0], minlength=1).astype(np.float64)
    end = np.datetime64(who.window[1]).astype("datetime64[D]").astype(np.float64)
    numbers = [
        who.level,
        np.log(np.maximum(end - who.numbers("joined"), 1)),
        np.log1p(who.reports),
        np.where(team >= 0, np.log(np.maximum(sizes[np.maximum(team, 0)], 1)), np.nan),
        who.numbers("fte"),
        np.log1p(opportunity),
    ]
    return _Features(np.column_stack([_scaled(column, who.members) for column in numbers]), who.codes("site"))


def _scaled(column: Floats, among: Bools) -> Floats:
    known = column[among & np.isfinite(column)]
    width = float(np.ptp(known)) if len(known) else 0.0
    return column / width if width > 0 else np.full(column.shape, np.nan)


def _pools(who: Roster, scored: Bools, seekers: Bools, channels: Ints, min_peers: int) -> Iterator[tuple[Ints, Ints]]:
    """Give each pool of possible peers with those who look for peers in it."""
    function, waiting = who.codes("function"), seekers.copy()
    for code in (function * 256 + channels, channels, function, np.zeros(who.n, dtype=np.int64)):
        for value in np.unique(code[waiting]):
            pool, here = np.flatnonzero(scored & (code == value)), np.flatnonzero(waiting & (code == value))
            if len(pool) > min_peers:
                yield pool, here
                waiting[here] = False


def _collect(columns: _Features, pool: Ints, seekers: Ints, n_peers: int, into: tuple[list[Ints], list[Ints], list[Floats]]) -> None:
    for start in range(0, len(seekers), CHUNK):
        some = seekers[start : start + CHUNK]
        distance = _distance(columns, some, pool)
        distance[some[:, None] == pool[None, :]] = np.inf
        weight = _nearest(distance, min(n_peers, len(pool) - 1))  # one less: the person may be in the pool
        row, other = np.nonzero(weight)
        into[0].append(some[row])
        into[1].append(pool[other])
        into[2].append(weight[row, other])


def _distance(columns: _Features, some: Ints, pool: Ints) -> Floats:
    """Return Gower's distance: the mean over the features that both have."""
    apart = (columns.site[some][:, None] != columns.site[pool][None, :]).astype(np.float64)
    known = ((columns.site[some][:, None] != UNKNOWN) & (columns.site[pool][None, :] != UNKNOWN)).astype(np.float64)
    total = apart * known
    for column in columns.numbers.T:
        gap = np.abs(column[some][:, None] - column[pool][None, :])
        have = np.isfinite(gap)
        total += np.where(have, gap, 0)
        known += have
    return np.asarray(np.round(np.divide(total, known, out=np.zeros_like(total), where=known > 0), DIGITS), dtype=np.float64)


def _nearest(distance: Floats, n_peers: int) -> Floats:
    """Return the weight of each candidate: 1 below the n-th distance, the open places shared among all who tie at it."""
    limit = np.partition(distance, n_peers - 1, axis=1)[:, n_peers - 1][:, None]
    nearer, tied = distance < limit, distance == limit
    share = (n_peers - nearer.sum(axis=1)) / tied.sum(axis=1)
    return np.asarray(nearer + tied * share[:, None], dtype=np.float64)
