"""EVENTS and ACCOUNTS in, the weekly tables TIES, ASKS, PRESENCE and SPACE_WEEKS out, by sections 1 and 3 of the method."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ona.compiled import Codes, Ints
from ona.rules import TieRules
from ona.tables import LATENCY_EDGES_MINUTES
from ona.ties import asks as asking
from ona.ties._columns import Columns, joined, taken
from ona.ties.attribution import Parted, parted, ties
from ona.ties.bursts import calls, incidents
from ona.ties.calendar import mondays, week_of
from ona.ties.cleaning import dropped
from ona.ties.columns import held
from ona.ties.episodes import episodes
from ona.ties.frames import Lazy, Load, beside, either, in_memory, total
from ona.ties.presence import Seen, presence
from ona.ties.spaces import liveliness


@dataclass(frozen=True)
class Context:
    """What a week needs besides its own events, and the engine's way to take tables in."""

    window: tuple[date, date] | None = None  # Mondays, half-open: the weeks to return; None: every week with events
    bursts: Lazy | None = None  # (burst, space, w, start, end): see ona.ties.bursts; None: no burst is known
    away: Lazy | None = None  # (account, day): stated absences and holidays of sites; None: none is known
    frame: Load = in_memory

    def weeks(self, w: Codes) -> range:
        """Numbers of the wanted weeks, given those of the events."""
        if self.window is not None:
            return range(week_of(self.window[0]), week_of(self.window[1]))
        return range(int(w.min()), int(w.max()) + 1) if w.size else range(0)


@dataclass(frozen=True)
class Tables:
    """The weekly tables by account, each in the order of its key."""

    ties: pa.Table
    asks: pa.Table
    presence: pa.Table
    dropped: pa.Table  # week, rule, events: every event once, those that stayed under the rule "kept"


@dataclass(frozen=True)
class Weekly:
    """The weekly tables by account, lazily."""

    ties: Lazy
    asks: Lazy
    presence: Lazy
    dropped: Lazy
    counting: Callable[[], Lazy]

    @property
    def space_weeks(self) -> Lazy:
        """SPACE_WEEKS, counted only when asked for, since ona.ties.spaces gives the same on its own."""
        return self.counting()


def weekly(events: Lazy, accounts: Lazy, rules: TieRules, context: Context | None = None) -> Weekly:
    """Compute the weekly tables.

    Parameters
    ----------
    events
        EVENTS of the weeks wanted and, where held, of the three weeks before (silences, who is active where)
        and the two after (late answers). A week depends on nothing else.
    accounts
        ACCOUNTS; senders and recipients that are not in it are external and make no tie.
    rules
        Parameters of the method.
    context
        Weeks to return, bursts, and the engine's way to take tables in.

    Returns
    -------
    Weekly
        Lazy frames with the columns of ``ona.tables``; keys are accounts.

    Notes
    -----
    Sums are of whole numbers, so neither the order of rows nor the number of threads changes a bit of them.
    """
    context = context or Context()
    parts = parted(held(events, accounts, rules), rules, context.away)
    made = tables_of(parts, rules, context)
    return Weekly(
        context.frame(made.ties),
        context.frame(made.asks),
        context.frame(made.presence),
        context.frame(made.dropped),
        lambda: context.frame(_dated(liveliness(parts.held, rules)[0], context.weeks(parts.held.events.w))),
    )


def tables_of(parts: Parted, rules: TieRules, context: Context) -> Tables:
    """Compute the weekly tables of events in memory, ties beside the others."""
    w = parts.held.events.w
    weeks = context.weeks(w)
    wanted = (w >= weeks.start) & (w < weeks.stop)
    with beside(partial(ties, parts, rules, wanted)) as tied:
        asks, acts = _helped(parts, rules, context, wanted)
    return Tables(tied.result(), asks, acts, _dated(dropped(w, parts.verdict), weeks))


def _helped(parts: Parted, rules: TieRules, context: Context, wanted: NDArray[np.bool_]) -> tuple[pa.Table, pa.Table]:
    """Find asks and answers of the wanted weeks; return ASKS and PRESENCE."""
    weeks = context.weeks(parts.held.events.w)
    exchanges, roots = _within(weeks, episodes(parts, rules)), asking.root_posts(parts)
    heard = _within(weeks, taken(roots, ~asking.announced(roots, rules)))
    threads, pairs = asking.channel_asks(parts, heard, rules), asking.pair_asks(exchanges, rules)
    answers = joined([threads.answers, pairs.answers, asking.booked_asks(parts, wanted)], asking.ANSWER)
    requests = joined([threads.requests, pairs.requests], asking.REQUEST)
    called = calls(parts, context.bursts, context.frame)
    credits = asking.credited(incidents(answers, called.bursts))
    asks = asking.weekly_asks(credits, parts.held.known.account, rules)
    return asks, presence(Seen(parts, exchanges, credits, requests, called, wanted, weeks))


def _within(weeks: range, rows: Columns) -> dict[str, Ints]:
    return taken(rows, (rows["w"] >= weeks.start) & (rows["w"] < weeks.stop))


def _dated(table: pa.Table, weeks: range) -> pa.Table:
    """Return the rows of the weeks."""
    first, last = mondays(np.array([weeks.start, weeks.stop]))
    return table.filter(pc.and_(pc.greater_equal(table["week"], first), pc.less(table["week"], last)))


def by_person(table: Lazy, accounts: Lazy) -> Lazy:
    """Replace accounts by the persons they belong to.

    Works on TIES, ASKS and PRESENCE: weights and counts add, day and channel masks OR, ``reachable`` takes the
    largest, rows from a person to themself drop, accounts that are not in ``accounts`` drop.
    """
    names = table.collect_schema().names()
    ends = [name for name in ("from", "to", "asker", "helper", "account") if name in names]
    joined = table
    for end in ends:
        person = accounts.select(nw.col("account").alias(end), nw.col("person").alias(f"{end}_person"))
        joined = joined.join(person, on=end).drop(end).rename({f"{end}_person": end})
    if len(ends) == 2:
        # As a difference, not as an inequality: an engine may turn that into a join of all persons with all others.
        joined = joined.filter(nw.col(ends[0]) - nw.col(ends[1]) != 0)
    keys = [name for name in ("week", "source", "channel", *ends) if name in names]
    return _added(joined, keys, names)


def _added(joined: Lazy, keys: list[str], names: list[str]) -> Lazy:
    lists = [name for name in ("latency", "censored") if name in names]
    slots = range(len(LATENCY_EDGES_MINUTES) + 1)
    spread = joined.with_columns(nw.col("week"), **{f"{name}_{k}": nw.col(name).list.get(k) for name in lists for k in slots})
    schema = joined.collect_schema()
    sums = [_merged(name).cast(schema[name]) for name in names if name not in keys and name not in lists]
    bins = [total(f"{name}_{k}") for name in lists for k in slots]
    grouped = spread.group_by(*keys).agg(*sums, *bins)
    shaped = [nw.list(*[nw.col(f"{name}_{k}").cast(nw.UInt32) for k in slots]).alias(name) for name in lists]
    return grouped.with_columns(nw.col("week"), *shaped).select(*names)


def _merged(name: str) -> nw.Expr:
    if name in ("days", "evidence", "channels"):
        return either(name, 8).alias(name)
    return nw.col(name).max() if name == "reachable" else nw.col(name).sum()
