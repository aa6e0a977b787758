"""Urgent bursts in channels, from counts alone, and who was pulled into them (section 3.5 and amendment 18)."""

from dataclasses import dataclass
from datetime import timedelta

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import betainc

from ona.rules import TieRules
from ona.ties._columns import Columns, columns
from ona.ties.attribution import Steps
from ona.ties.calendar import HOURS, MONDAY_WEEK_ZERO, day_number, week_number
from ona.ties.cleaning import CHANNEL, DIRECT
from ona.ties.frames import Lazy, stacked

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BASELINE_WEEKS = 8
"""Weeks of SPACE_WEEKS below which no hour is called unusual."""

BURSTS = pa.schema([("burst", pa.int64()), ("space", pa.int64()), ("week", pa.date32()), ("start", pa.int64()), ("end", pa.int64())])
"""Start and end in seconds since 1970; the week is the Monday (UTC) of the start."""

MERGE_HOURS = 2
CALLERS = 2
"""Distinct people who have to call somebody in."""
BEFORE_HOURS = 24
"""Whoever wrote in the space within these hours before the burst was there already."""
TRIM = 5.0
"""Standard deviations above which an hour is left out of the dispersion, so that bursts do not hide themselves."""


def find_bursts(busy: pa.Table, baseline: pa.Table, rules: TieRules) -> pa.Table:
    """Find bursts among the busy hours of each week.

    Parameters
    ----------
    busy
        ``space``, ``hour`` (since 1970), ``x`` (turns), ``w``: hours with enough turns and speakers.
    baseline
        SPACE_WEEKS of at least ``BASELINE_WEEKS`` weeks; with fewer there are no bursts.

    Returns
    -------
    pa.Table
        ``BURSTS``.

    Notes
    -----
    An hour's expected count is the channel's weekly rate, shrunk to the mean of channels by gamma-Poisson moments
    (section 3.4), times the company's hour-of-week profile. Its tail is negative binomial with one dispersion for
    the company, estimated from hours within ``TRIM`` standard deviations. Benjamini-Hochberg at ``burst_q`` over
    all channel-hours of a week; hours less than two hours apart are one burst.
    """
    if baseline.num_rows == 0 or busy.num_rows == 0 or len(baseline["week"].unique()) < BASELINE_WEEKS:
        return BURSTS.empty_table()
    ordered = busy.sort_by([("space", "ascending"), ("hour", "ascending")])
    space, hour, x = (ordered[name].to_numpy().astype(np.int64) for name in ("space", "hour", "x"))
    week = (hour // 24 + 3) // 7
    known, rate, profile, alpha = _expected(baseline)
    place = np.searchsorted(known, space).clip(max=known.size - 1)
    mean = np.where(known[place] == space, rate[place], rate.min()) * profile[(hour + 72) % HOURS]
    tail = betainc(x, 1 / alpha, alpha * mean / (1 + alpha * mean))  # P(X >= x), negative binomial
    hot = np.zeros(space.size, dtype=bool)
    for one in np.unique(week):
        here = week == one
        hot[here] = _rejected(tail[here], known.size * HOURS, rules.burst_q)
    return _merged(space[hot], hour[hot])


def _expected(baseline: pa.Table) -> tuple[Ints, Floats, Floats, float]:
    """Spaces, their shrunken weekly rates, the hour-of-week profile and the company's dispersion."""
    space = baseline["space"].to_numpy()
    counts = baseline["hours"].combine_chunks().flatten().to_numpy().astype(np.float64).reshape(-1, HOURS)
    weeks = len(baseline["week"].unique())
    known, place = np.unique(space, return_inverse=True)
    rate = _shrunk(np.bincount(place, weights=counts.sum(axis=1)).astype(np.float64), weeks)
    profile = (counts.sum(axis=0) + 1) / (counts.sum() + HOURS)
    return known, rate, profile, _dispersion(counts, rate[place][:, None] * profile)


def _shrunk(turns: Floats, weeks: int) -> Floats:
    """Posterior mean of a weekly rate, gamma-Poisson by moments, equal exposure."""
    mean = turns.mean() / weeks
    spread = ((turns / weeks - mean) ** 2).mean() - mean / weeks
    if spread <= 0:
        return np.full(turns.size, mean)
    shape, scale = mean**2 / spread, mean / spread
    return np.asarray((turns + shape) / (weeks + scale), dtype=np.float64)


def _dispersion(counts: Floats, mean: Floats) -> float:
    """Moment estimate of alpha in var = mean + alpha mean², between a hundredth and two."""
    near = counts <= mean + TRIM * np.sqrt(mean) + 1
    square = (mean[near] ** 2).sum()
    excess = ((counts[near] - mean[near]) ** 2 - mean[near]).sum()
    return float(np.clip(excess / square if square > 0 else 0.0, 0.01, 2.0))


def _rejected(tail: Floats, tests: int, level: float) -> npt.NDArray[np.bool_]:
    """Benjamini-Hochberg, where the tests that are not listed have a tail of 1."""
    order = np.argsort(tail, kind="stable")
    passed = tail[order] <= level * np.arange(1, tail.size + 1) / tests
    last = int(np.flatnonzero(passed).max()) + 1 if passed.any() else 0
    found = np.zeros(tail.size, dtype=bool)
    found[order[:last]] = True
    return found


def _merged(space: Ints, hour: Ints) -> pa.Table:
    """Join hot hours of a space that lie less than two hours apart."""
    if space.size == 0:
        return BURSTS.empty_table()
    new = np.ones(space.size, dtype=bool)
    new[1:] = (np.diff(space) != 0) | (np.diff(hour) > MERGE_HOURS)
    first = np.flatnonzero(new)
    last = np.append(first[1:], space.size) - 1
    weeks = (hour[first] // 24 + 3) // 7
    mondays = [MONDAY_WEEK_ZERO + timedelta(weeks=int(week)) for week in weeks]
    columns = [np.arange(first.size), space[first], pa.array(mondays, pa.date32()), hour[first] * 3600, (hour[last] + 1) * 3600]
    return pa.table([pa.array(column) for column in columns], schema=BURSTS)


@dataclass(frozen=True)
class Calls:
    """Where and when it was urgent, and who was pulled in."""

    bursts: Columns  # space, w
    pulls: Columns  # account, w


def incidents(answers: Columns, bursts: Lazy | None) -> Columns:
    """Mark the answers to asks that were raised in their space during a burst."""
    marks = np.zeros_like(answers["at"])
    if bursts is not None:
        held = columns(bursts, "space", "start", "end")
        for space, start, end in zip(*(held[name].tolist() for name in ("space", "start", "end")), strict=True):
            marks[(answers["space"] == space) & (answers["at"] >= start) & (answers["at"] < end)] = 1
    return {**answers, "incident": marks}


def calls(steps: Steps, bursts: Lazy | None) -> Calls:
    """Return where bursts were and who was called into them."""
    none: Columns = {name: np.empty(0, dtype=np.int64) for name in ("space", "account", "w")}
    if bursts is None:
        return Calls(none, none)
    dated = bursts.with_columns(w=week_number(day_number("week")))
    hot = columns(dated, "space", "w")
    if not hot["w"].size:
        return Calls(none, none)
    return Calls(hot, columns(pulled(steps.posts, steps.got, bursts).with_columns(w=week_number(day_number("week"))), "account", "w"))


def pulled(posts: Lazy, got: Lazy, bursts: Lazy) -> Lazy:
    """Return (burst, week, account) of those who were called into a burst and came.

    Not there in the day before the burst, called by at least two distinct people (mentioned in the space, or
    written to directly by somebody who spoke in the burst), then writing in the space before it ended.
    """
    said = posts.select("space", "sender", "at").join(bursts, on="space")
    during = said.filter(nw.col("at") >= nw.col("start"), nw.col("at") < nw.col("end"))
    came = during.rename({"sender": "account"}).group_by("burst", "week", "space", "start", "account").agg(came=nw.col("at").min())
    before = said.filter(nw.col("at") < nw.col("start"), nw.col("at") >= nw.col("start") - 3600 * BEFORE_HOURS)
    newcomers = came.join(before.select("burst", account="sender").unique(), on=["burst", "account"], how="anti")
    mentions = got.filter(nw.col("place") == CHANNEL).select("space", "account", "sender", called="at")
    calls = newcomers.join(mentions, on=["space", "account"]).select("burst", "account", "sender", "called", "start", "came")
    direct = got.filter(nw.col("place") == DIRECT).select("account", "sender", called="at")
    speakers = came.select("burst", sender="account")
    written = newcomers.join(direct, on="account").join(speakers, on=["burst", "sender"], how="semi")
    all_calls = stacked([calls, written.select("burst", "account", "sender", "called", "start", "came")])
    timely = all_calls.filter(nw.col("called") >= nw.col("start"), nw.col("called") <= nw.col("came"))
    enough = timely.group_by("burst", "account").agg(callers=nw.col("sender").n_unique()).filter(nw.col("callers") >= CALLERS)
    return newcomers.join(enough, on=["burst", "account"], how="semi").select("burst", "week", "account")
