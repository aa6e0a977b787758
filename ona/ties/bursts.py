"""Urgent bursts in channels, from counts alone, and who was pulled into them (section 3.5 and amendment 18)."""

from dataclasses import dataclass
from datetime import timedelta

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import betainc

from ona.compiled import Codes
from ona.rules import TieRules
from ona.ties._columns import Columns, columns, found
from ona.ties._sorting import NONE
from ona.ties._verdicts import CHANNEL, DIRECT
from ona.ties.attribution import Parted
from ona.ties.calendar import HOURS, MONDAY_WEEK_ZERO, day_number, week_number
from ona.ties.columns import KEPT
from ona.ties.frames import Lazy, Load, stacked

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
    return unusual(busy, usual(baseline), rules)


@dataclass(frozen=True)
class Usual:
    """Spaces, their shrunken weekly rates, the hour-of-week profile and the company's dispersion."""

    spaces: Ints
    rate: Floats
    profile: Floats
    dispersion: float


def usual(baseline: pa.Table) -> Usual | None:
    """Estimate what is usual from SPACE_WEEKS; None with fewer than ``BASELINE_WEEKS`` weeks."""
    weeks = len(baseline["week"].unique())
    if weeks < BASELINE_WEEKS:
        return None
    space = baseline["space"].to_numpy()
    counts = baseline["hours"].combine_chunks().flatten().to_numpy().astype(np.float64).reshape(-1, HOURS)
    known, place = np.unique(space, return_inverse=True)
    rate = _shrunk(np.bincount(place, weights=counts.sum(axis=1)).astype(np.float64), weeks)
    profile = (counts.sum(axis=0) + 1) / (counts.sum() + HOURS)
    return Usual(known, rate, profile, _dispersion(counts, rate[place][:, None] * profile))


def unusual(busy: pa.Table, normal: Usual | None, rules: TieRules) -> pa.Table:
    """Find bursts as ``find_bursts`` does, against what is known to be usual."""
    if normal is None or busy.num_rows == 0:
        return BURSTS.empty_table()
    ordered = busy.sort_by([("space", "ascending"), ("hour", "ascending")])
    space, hour, x = (ordered[name].to_numpy().astype(np.int64) for name in ("space", "hour", "x"))
    week = (hour // 24 + 3) // 7
    place = np.searchsorted(normal.spaces, space).clip(max=normal.spaces.size - 1)
    mean = np.where(normal.spaces[place] == space, normal.rate[place], normal.rate.min()) * normal.profile[(hour + 72) % HOURS]
    tail = at_least(x, mean, normal.dispersion)
    hot = np.zeros(space.size, dtype=bool)
    for one in np.unique(week):
        here = week == one
        hot[here] = _rejected(tail[here], normal.spaces.size * HOURS, rules.burst_q)
    return _merged(space[hot], hour[hot])


def at_least(x: Ints, mean: Floats, dispersion: float) -> Floats:
    """Probability of ``x`` or more turns where ``mean`` are expected, negative binomial: variance = mean + dispersion mean²; (n,)."""
    odds = dispersion * mean
    return np.asarray(betainc(x, 1 / dispersion, odds / (1 + odds)), dtype=np.float64)


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
    made = [np.arange(first.size), space[first], pa.array(mondays, pa.date32()), hour[first] * 3600, (hour[last] + 1) * 3600]
    return pa.table([pa.array(column) for column in made], schema=BURSTS)


@dataclass(frozen=True)
class Calls:
    """Where and when it was urgent, and who was pulled in; spaces and accounts are codes."""

    bursts: Columns  # space (-1 unknown), w, start, end
    pulls: Columns  # account, w


def incidents(answers: Columns, bursts: Columns) -> Columns:
    """Mark the answers to asks that were raised in their space during a burst."""
    marks = np.zeros_like(answers["at"])
    placed = np.flatnonzero(np.isin(answers["space"], bursts["space"]) & (answers["space"] >= 0))
    space, at = answers["space"][placed], answers["at"][placed]
    for one, start, end in zip(*(bursts[name].tolist() for name in ("space", "start", "end")), strict=True):
        marks[placed[(space == one) & (at >= start) & (at < end)]] = 1
    return {**answers, "incident": marks}


def calls(parts: Parted, bursts: Lazy | None, load: Load) -> Calls:
    """Return where bursts were and who was called into them."""
    if bursts is None:
        return Calls(dict.fromkeys(("space", "w", "start", "end"), _NONE), dict.fromkeys(("account", "w"), _NONE))
    hot = columns(bursts.with_columns(w=week_number(day_number("week"))), "space", "w", "start", "end")
    hot["space"] = found(hot["space"], parts.held.spaces)
    if not hot["w"].size:
        return Calls(hot, dict.fromkeys(("account", "w"), _NONE))
    came = pulled(*_near(parts, hot, load), bursts).with_columns(w=week_number(day_number("week")))
    return Calls(hot, columns(came, "account", "w"))


_NONE = np.empty(0, dtype=np.int64)


def _near(parts: Parted, hot: Columns, load: Load) -> tuple[Lazy, Lazy]:
    """Return posts in the spaces of bursts, and messages that may have called their authors in; few of all there are."""
    events, got = parts.held.events, parts.got
    first, last = int(hot["start"].min()) - 3600 * BEFORE_HOURS, int(hot["end"].max())
    placed = np.zeros(parts.held.spaces.size + 1, dtype=bool)
    placed[hot["space"]] = True
    placed[-1] = False
    lively = placed[events.space] & (events.at >= first) & (events.at < last) & (parts.verdict == KEPT) & (events.place == CHANNEL)
    speaks = np.zeros(parts.held.known.account.size, dtype=bool)
    speaks[events.sender[lively]] = True
    direct = (events.place[got.row] == DIRECT) & (events.at[got.row] >= first) & (events.at[got.row] <= last)
    direct &= speaks[got.account] & speaks[events.sender[got.row]]
    named = np.flatnonzero(lively[got.row] | direct)
    return load(_frame(parts, np.flatnonzero(lively))), load(_frame(parts, got.row[named], account=got.account[named]))


def _frame(parts: Parted, rows: Ints | Codes, **more: Codes) -> pa.Table:
    events = parts.held.events
    space = np.append(parts.held.spaces, NONE)[events.space[rows]]
    shown = {"space": space, "place": events.place[rows], "sender": events.sender[rows], "at": events.at[rows]} | more
    return pa.table({name: column.astype(np.int64) for name, column in shown.items()})


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
