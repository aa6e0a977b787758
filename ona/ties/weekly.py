"""EVENTS and ACCOUNTS in, the weekly tables TIES, ASKS, PRESENCE and SPACE_WEEKS out, by sections 1 and 3 of the method."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import narwhals as nw
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ona.compiled import Codes, Ints
from ona.rules import TieRules
from ona.tables import ASKS, LATENCY_EDGES_MINUTES, PRESENCE, TIES, Table
from ona.ties import asks as asking
from ona.ties import attribution
from ona.ties._columns import Columns, in_memory, joined, taken
from ona.ties.attribution import Parted, parted
from ona.ties.bursts import calls, incidents
from ona.ties.calendar import week_of
from ona.ties.cleaning import dropped
from ona.ties.columns import held
from ona.ties.episodes import episodes
from ona.ties.frames import Lazy, Load, Persist, at_once, either, total
from ona.ties.presence import Seen, presence
from ona.ties.spaces import spaces
from ona.ties.steps import Prepared, prepare


@dataclass(frozen=True)
class Context:
    """What a week needs besides its own events, and the engine's ways to take tables in and to keep intermediate results."""

    window: tuple[date, date] | None = None  # Mondays, half-open: the weeks to return; None: every week with events
    bursts: Lazy | None = None  # (burst, space, w, start, end): see ona.ties.bursts; None: no burst is known
    persist: Persist = at_once
    frame: Load = in_memory

    def numbered(self) -> nw.Expr:
        """Whether a row's week number ``w`` is wanted."""
        if self.window is None:
            return nw.col("w") == nw.col("w")
        return (nw.col("w") >= week_of(self.window[0])) & (nw.col("w") < week_of(self.window[1]))

    def wanted(self, w: Codes | Ints) -> NDArray[np.bool_]:
        """Whether week numbers are wanted."""
        if self.window is None:
            return np.ones(w.size, dtype=bool)
        return np.asarray((w >= week_of(self.window[0])) & (w < week_of(self.window[1])))

    def dated(self, frame: Lazy) -> Lazy:
        """Keep the rows of the wanted weeks."""
        if self.window is None:
            return frame
        return frame.filter(nw.col("week") >= nw.lit(self.window[0]), nw.col("week") < nw.lit(self.window[1]))


@dataclass(frozen=True)
class Weekly:
    """The weekly tables by account, lazily."""

    ties: Lazy
    asks: Lazy
    presence: Lazy
    dropped: Lazy  # week, rule, events: every event once, those that stayed under the rule "kept"
    in_order: Mapping[str, pa.Table]  # TIES, ASKS and PRESENCE by name, in the order of their keys
    counting: Callable[[], Lazy]

    @property
    def space_weeks(self) -> Lazy:
        """SPACE_WEEKS, planned only when asked for, since ona.ties.spaces gives the same on its own."""
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
        Weeks to return, bursts, and the engine's way to keep intermediate results.

    Returns
    -------
    Weekly
        Lazy frames with the columns of ``ona.tables``; keys are accounts.

    Notes
    -----
    Sums are of whole numbers, so neither the order of rows nor the number of threads changes a bit of them.
    """
    context = context or Context()
    parts = parted(held(events, accounts, rules), rules)
    known = prepare(parts, context.frame)
    seen = _seen(known, rules, context)
    ties = ties_of(parts, rules, context)
    asks, acts = _sorted(asking.weekly_asks(seen.credits, rules), ASKS), _sorted(presence(seen), PRESENCE)
    return Weekly(
        context.frame(ties),
        context.frame(asks),
        context.frame(acts),
        context.dated(context.frame(dropped(parts.events))),
        {TIES.name: ties, ASKS.name: asks, PRESENCE.name: acts},
        lambda: context.dated(spaces(events, accounts, rules).weeks),
    )


def _seen(known: Prepared, rules: TieRules, context: Context) -> Seen:
    """Find asks and answers of the wanted weeks."""
    steps, numbered = known.steps, context.numbered()
    exchanges, roots = _dated(context, episodes(steps.got, rules)), asking.root_posts(steps.posts)
    heard = _dated(context, taken(roots, ~asking.announced(roots, rules)))
    threads, pairs = asking.channel_asks(steps, heard, rules), asking.pair_asks(exchanges, rules)
    answers = joined([threads.answers, pairs.answers, asking.booked_asks(steps.got, numbered)], asking.ANSWER)
    requests = joined([threads.requests, pairs.requests], asking.REQUEST)
    credits = asking.credited(incidents(answers, context.bursts))
    return Seen(known.headers, steps, exchanges, credits, requests, calls(steps, context.bursts), numbered)


def _sorted(rows: pa.Table, table: Table) -> pa.Table:
    return rows.sort_by([(name, "ascending") for name in table.key])


def _dated(context: Context, rows: Columns) -> dict[str, Ints]:
    return taken(rows, context.wanted(rows["w"]))


def ties_of(parts: Parted, rules: TieRules, context: Context) -> pa.Table:
    """Return TIES of the wanted weeks."""
    return attribution.ties(parts, rules, context.wanted(parts.events.w))


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
        joined = joined.filter(nw.col(ends[0]) != nw.col(ends[1]))
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
