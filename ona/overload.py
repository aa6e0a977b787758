"""Who may be carrying too much, week by week, from signals that only together and only for weeks on end mean something."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.stats import norm

from ona.indicators.base import Evidence
from ona.responsiveness import histogram
from ona.roster import UNKNOWN, week_rows
from ona.tables import AccountKind

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SIGNALS = ("pull", "team_share", "out_of_hours", "slower", "meetings")

ENOUGH, WEEKS_ON_END = 3, 3
"""Signals at a time, and weeks without a break, that make a risk (section 7)."""

TOP, TEAM_SHARE, OUT_OF_HOURS, LEVEL = 0.90, 0.35, 0.20, 0.05

SMALLEST_TEAM = 5
"""In smaller teams a third of the asks is nothing special."""

RECENT = 4
"""Weeks that are compared with all before them."""

FEWEST = 10
"""Direct asks on each side that a comparison needs."""


@dataclass(frozen=True, eq=False)
class Overload:
    """Signals of overload; for the person's own eyes first.

    Parameters
    ----------
    signals
        Which of ``SIGNALS`` was on, ``(n, 5, W)``.
    risk
        Whether at least three were on in three weeks on end, the week being the last of them, ``(n, W)``.
    """

    signals: Bools
    risk: Bools


def overload(asked: Evidence, presence: pa.Table) -> Overload:
    """Look for overload in every week.

    Parameters
    ----------
    asked
        Asks and what could be expected.
    presence
        Weekly presence of persons, as in :mod:`ona.tables`.

    Notes
    -----
    pull: asks over expectation among the highest tenth of the week; team_share: at least 35 % of what a team of five or more is
    asked; out_of_hours: at least 20 % of the own turns; slower: answers to direct asks later (log-rank) or rarer than before,
    p < .05, the last four weeks against all earlier ones; meetings: hours among the highest tenth. O(asks + n W).

    References
    ----------
    Cross, Rebele & Grant (2016), Collaborative Overload, Harvard Business Review
    """
    who = asked.roster
    row, week = who.rows(presence.column("account").to_numpy()), week_rows(presence, who.weeks)
    kept = np.flatnonzero((row >= 0) & (week >= 0))
    cells = row[kept] * len(who.weeks) + week[kept]

    def weekly(name: str) -> Floats:
        amount = presence.column(name).to_numpy()[kept].astype(np.float64)
        return _by_week(cells, amount, (who.n, len(who.weeks)))

    def by_time(name: str) -> Floats:
        place = np.full(len(presence), -1, dtype=np.int64)
        place[kept] = cells
        return histogram(presence.column(name), place, who.n * len(who.weeks)).astype(np.float64).reshape(who.n, len(who.weeks), -1)

    members = who.codes("kind") == AccountKind.MEMBER
    received = _by_week(asked.helper * len(who.weeks) + asked.week, asked.certain, (who.n, len(who.weeks)))
    signals = [
        _highest(_ratio(received, asked.exposure), members),
        _most_of_team(received, who.codes("team")),
        _ratio(weekly("out_of_hours"), weekly("turns")) >= OUT_OF_HOURS,
        slower(by_time("latency"), by_time("censored")) | rarer(weekly("directed_answered"), weekly("directed_in")),
        _highest(weekly("meeting_minutes"), members),
    ]
    found = np.stack(signals, axis=1) & members[:, None, None]
    return Overload(found, lasting(found))


def lasting(signals: Bools) -> Bools:
    """Return in which weeks enough signals have been on for three weeks on end, ``(n, W)``, from ``(n, S, W)``."""
    many = signals.sum(axis=1) >= ENOUGH
    run = np.zeros(many.shape, dtype=np.int64)
    for week in range(many.shape[1]):
        run[:, week] = np.where(many[:, week], (run[:, week - 1] if week else 0) + 1, 0)
    return run >= WEEKS_ON_END


def slower(latency: Floats, censored: Floats) -> Bools:
    """Return in which weeks answers come later than before, ``(n, W)``; answered and unanswered by time, ``(n, W, bins)``."""
    now, before = ([window(amount) for amount in (latency, censored)] for window in (_recent, _earlier))
    few, earlier = ((part[0] + part[1]).sum(axis=-1) for part in (now, before))
    return np.asarray((np.minimum(few, earlier) >= FEWEST) & (logrank(now[0], now[1], before[0], before[1]) <= norm.ppf(LEVEL)))


def rarer(answered: Floats, asked: Floats) -> Bools:
    """Return in which weeks a smaller share of direct asks is answered than before, ``(n, W)``; one-sided, pooled proportions."""
    hits, trials, earlier_hits, earlier = (window(amount) for window in (_recent, _earlier) for amount in (answered, asked))
    pooled = _ratio(hits + earlier_hits, trials + earlier)
    variance = pooled * (1 - pooled) * (_ratio(1.0, trials) + _ratio(1.0, earlier))
    z = _ratio(_ratio(hits, trials) - _ratio(earlier_hits, earlier), np.sqrt(np.maximum(variance, 0)))
    return (np.minimum(trials, earlier) >= FEWEST) & (z <= norm.ppf(LEVEL))


def logrank(answered: Floats, censored: Floats, other_answered: Floats, other_censored: Floats) -> Floats:
    """Return the log-rank z of the first group, below 0 where it is slower, from counts by time on the last axis; NaN without answers.

    References
    ----------
    Mantel (1966), Cancer Chemotherapy Reports 50, 163-170
    """
    at_risk, other = (_at_risk(one + two) for one, two in ((answered, censored), (other_answered, other_censored)))
    events, total = answered + other_answered, at_risk + other
    expected = _ratio(events * at_risk, total, 0.0)
    variance = _ratio(expected * other * (total - events), total * (total - 1), 0.0)
    return _ratio((answered - expected).sum(axis=-1), np.sqrt(variance.sum(axis=-1)))


def _by_week(cells: NDArray[np.int64], amount: Floats, shape: tuple[int, int]) -> Floats:
    return np.bincount(cells, amount, shape[0] * shape[1]).astype(np.float64).reshape(shape)


def _at_risk(leaving: Floats) -> Floats:
    return np.cumsum(leaving[..., ::-1], axis=-1)[..., ::-1]


def _recent(amount: Floats) -> Floats:
    """Sum over each week and the three before it."""
    total = np.cumsum(amount, axis=1)
    earlier = np.zeros_like(total)
    earlier[:, RECENT:] = total[:, :-RECENT]
    return total - earlier


def _earlier(amount: Floats) -> Floats:
    """Sum over all weeks before those of :func:`_recent`."""
    return np.cumsum(amount, axis=1) - _recent(amount)


def _highest(amount: Floats, members: Bools) -> Bools:
    """Return who is in the highest tenth of a week's members with any."""
    some = np.where(members[:, None] & (amount > 0), amount, np.nan)
    result = np.zeros(amount.shape, dtype=np.bool_)
    for week in np.flatnonzero(np.isfinite(some).any(axis=0)):
        result[:, week] = some[:, week] >= np.nanquantile(some[:, week], TOP)
    return result


def _most_of_team(received: Floats, team: NDArray[np.int64]) -> Bools:
    _, code, size = np.unique(team, return_inverse=True, return_counts=True)
    total = np.zeros((len(size), received.shape[1]))
    np.add.at(total, code, received)
    large = (size[code] >= SMALLEST_TEAM) & (team != UNKNOWN)
    return np.asarray(large[:, None] & (_ratio(received, total[code]) >= TEAM_SHARE))


def _ratio(part: Floats | float, whole: Floats, otherwise: float = np.nan) -> Floats:
    shape = np.broadcast_shapes(np.shape(part), whole.shape)
    result: Floats = np.divide(part, whole, out=np.full(shape, otherwise), where=np.broadcast_to(whole > 0, shape))
    return result
