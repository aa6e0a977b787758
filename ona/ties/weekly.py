"""EVENTS and ACCOUNTS in, the weekly tables TIES, ASKS, PRESENCE and SPACE_WEEKS out, by sections 1 and 3 of the method."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import narwhals as nw

from ona.rules import TieRules
from ona.tables import LATENCY_EDGES_MINUTES
from ona.ties import asks as asking
from ona.ties import attribution, turns
from ona.ties.bursts import incidents, pulled
from ona.ties.calendar import week_of
from ona.ties.cleaning import clean, dropped, people_of
from ona.ties.episodes import episodes
from ona.ties.frames import Lazy, Persist, at_once, either, stacked, total
from ona.ties.presence import Seen, presence
from ona.ties.spaces import spaces


@dataclass(frozen=True)
class Context:
    """What a week needs besides its own events, and how intermediate results are kept."""

    window: tuple[date, date] | None = None  # Mondays, half-open: the weeks to return; None: every week with events
    bursts: Lazy | None = None  # (burst, space, w, start, end): see ona.ties.bursts; None: no burst is known
    persist: Persist = at_once

    def numbered(self) -> nw.Expr:
        """Whether a row's week number ``w`` is wanted."""
        if self.window is None:
            return nw.col("w") == nw.col("w")
        return (nw.col("w") >= week_of(self.window[0])) & (nw.col("w") < week_of(self.window[1]))

    def dated(self, frame: Lazy) -> Lazy:
        """Keep the rows of the wanted weeks."""
        if self.window is None:
            return frame
        return frame.filter(nw.col("week") >= nw.lit(self.window[0]), nw.col("week") < nw.lit(self.window[1]))


@dataclass(frozen=True)
class Prepared:
    """Events cleaned, in turns, with their recipients."""

    headers: Lazy  # every event with its verdict
    steps: attribution.Steps


@dataclass(frozen=True)
class Weekly:
    """The weekly tables by account, lazily."""

    ties: Lazy
    asks: Lazy
    presence: Lazy
    dropped: Lazy  # week, rule, events: every event once, those that stayed under the rule "kept"
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
    persist = context.persist
    known = prepare(events, accounts, rules, persist)
    steps = known.steps
    exchanges = persist(episodes(steps.got, rules))
    quiet = persist(asking.announcing(steps.posts, rules))
    threads, pairs = asking.channel_asks(steps, quiet, rules, persist), asking.pair_asks(exchanges, rules)
    answers = persist(context.dated(stacked([threads.answers, pairs.answers, asking.booked_asks(steps.got)])))
    credits = persist(asking.credited(incidents(answers, context.bursts)))
    requests = persist(context.dated(stacked([threads.requests, pairs.requests])))
    pulls = None if context.bursts is None else pulled(steps.posts, steps.got, context.bursts)
    seen = Seen(known.headers, steps.kept, steps.got, steps.posts, exchanges, credits, requests, context.bursts, pulls)
    return Weekly(
        ties_of(known, rules, context),
        asking.weekly_asks(credits, rules),
        context.dated(presence(seen, persist)),
        context.dated(dropped(known.headers)),
        lambda: context.dated(spaces(events, accounts, rules).weeks),
    )


def prepare(events: Lazy, accounts: Lazy, rules: TieRules, persist: Persist = at_once) -> Prepared:
    """Clean the events, part them into turns and find their recipients: what all weekly tables start from."""
    people = persist(people_of(accounts))
    headers = persist(clean(events, accounts, rules, persist))
    kept = persist(turns.kept(headers, rules))
    got = persist(attribution.received(events, kept, people))
    authors = headers.select("event", "sender", "root", "w").join(people.select(sender="account"), on="sender", how="semi")
    posts = persist(turns.channel_turns(kept, authors))
    given = persist(turns.reactions(kept, authors, got))
    return Prepared(headers, attribution.Steps(kept, got, posts, given))


def ties_of(known: Prepared, rules: TieRules, context: Context) -> Lazy:
    """Return TIES of the wanted weeks."""
    return attribution.weekly_ties(attribution.parts(known.steps, rules, context.numbered()))


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
