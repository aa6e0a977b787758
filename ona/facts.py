"""Plain counts that a person can check: asks, askers, contacts, channels and which channels agree."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ona.fragility import lost_pairs
from ona.gates import credited_asks, total_by_person
from ona.graph import Graph
from ona.observation import Graphs, Window
from ona.overload import RECENT, SIGNALS, overload
from ona.responsiveness import histogram, median_waits, net_direction
from ona.roster import UNKNOWN, week_rows
from ona.tables import FACTS, OF_EVENTS, Channel

Floats = npt.NDArray[np.float64]


def facts_of(window: Window, seen: Graphs, presence: pa.Table, agreement: Mapping[str, Floats]) -> pa.Table:
    """Return FACTS, one row per person and fact; NaN where a channel is not used or silent."""
    who = window.ties.roster
    found = help_facts(window) | contact_facts(seen.relationship) | channel_facts(window, seen) | dict(agreement)
    found |= {name: total_by_person(who, presence, name) for name in ("pulls", "turns")}
    found |= pace_facts(window, presence) | load_facts(window, presence) | {"lost_pairs": lost_pairs(seen.relationship)}
    found |= {"worked_days": who.worked.sum(axis=1), "weeks_active": (who.seen > 0).sum(axis=1).astype(np.float64)}
    names = sorted(found)
    table = pa.table(
        [
            pa.array(np.tile(who.persons, len(names))),
            pa.array(np.repeat(names, who.n)),
            pa.array(np.concatenate([found[n] for n in names])),
        ],
        schema=FACTS.schema,
    )
    return table.sort_by([(key, "ascending") for key in FACTS.key]).combine_chunks()


def help_facts(window: Window) -> dict[str, Floats]:
    """Return how many asks each person received from outside the reporting line, from how many, from where and when."""
    asks, group = window.asks, window.ties.roster.codes("group")
    every, credited = asks.every_week(), asks.asks * (asks.credit > 0)
    received, askers = credited_asks(window)
    asker, helper, _ = asks.pairs(credited, every)
    known = group[asker] != UNKNOWN
    helped = asks.helper[credited > 0]
    return {
        "asks": received,
        "askers": askers,
        "asker_groups": _distinct(helper[known], group[asker][known], window.n),
        "ask_weeks": _distinct(helped, asks.week[credited > 0], window.n),
        "acknowledged": asks.received(asks.acknowledged, every),
    }


def pace_facts(window: Window, presence: pa.Table) -> dict[str, Floats]:
    """Return who was asked by name, answered, and how soon, and whether they are asked more than they ask; context, never scored."""
    who, asks = window.ties.roster, window.asks
    row = np.where(week_rows(presence, who.weeks) >= 0, who.rows(presence.column("account").to_numpy()), -1)
    waits = (histogram(presence.column(name), row, who.n) for name in ("latency", "censored"))
    every = asks.every_week()
    return {
        "asked_by_name": total_by_person(who, presence, "directed_in"),
        "answered_by_name": total_by_person(who, presence, "directed_answered"),
        "answer_minutes": median_waits(*waits),
        "net_direction": net_direction(asks.received(asks.certain, every), asks.made(asks.certain, every)),
    }


def load_facts(window: Window, presence: pa.Table) -> dict[str, Floats]:
    """Return in how many of the last four weeks somebody may have carried too much, and each sign of it showed; NaN but for members.

    For the person's own eyes; of a group only how many there are.
    """
    found, members = overload(window.asks, presence), window.ties.roster.members
    weeks = {"overload": found.risk} | {f"overload_{name}": found.signals[:, k] for k, name in enumerate(SIGNALS)}
    return {name: np.where(members, on[:, -RECENT:].sum(axis=1), np.nan) for name, on in weeks.items()}


def contact_facts(near: Graph) -> dict[str, Floats]:
    """Return with how many people a person has a relationship, in how many departments, and how many of them have none with each other."""
    tie = (near.adjacency > 0).astype(np.float64)
    degree = np.diff(near.adjacency.indptr).astype(np.float64)
    closed = np.asarray((tie @ tie).multiply(tie).sum(axis=1), dtype=np.float64).ravel() / 2
    ego, alter = near.structure.sources, near.adjacency.indices
    group = np.full(near.n, UNKNOWN) if near.teams is None else near.teams
    known = group[alter] != UNKNOWN
    across = known & (group[ego] != UNKNOWN) & (group[ego] != group[alter])
    return {
        "contacts": degree,
        "contact_groups": _distinct(ego[known], group[alter][known], near.n),
        "cross_group_ties": np.bincount(ego[across], minlength=near.n).astype(np.float64),
        "open_pairs": degree * (degree - 1) / 2 - closed,
    }


def channel_facts(window: Window, seen: Graphs) -> dict[str, Floats]:
    """Return the share of each person's contact in each channel; NaN where the channel is not used."""
    amount = dict(zip(window.ties.channels, seen.by_channel.T, strict=True))
    total = seen.by_channel.sum(axis=1)
    blank = np.full(window.n, np.nan)
    return {
        channel.name.lower(): np.divide(amount[channel], total, out=blank.copy(), where=(total > 0) & (amount[channel] > 0))
        if channel in amount
        else blank
        for channel in told(window)
    }


def told(window: Window) -> tuple[Channel, ...]:
    """Return the channels that are spoken of: those of events whether they are used or not, and others where they are."""
    return *OF_EVENTS, *(channel for channel in window.ties.channels if channel not in OF_EVENTS)


def _distinct(row: npt.NDArray[np.integer], value: npt.NDArray[np.integer], n: int) -> Floats:
    """Count the distinct values of each row, ``(n,)``."""
    width = int(value.max(initial=0)) + 1
    codes = np.unique(row.astype(np.int64) * width + value)
    return np.bincount(codes // width, minlength=n).astype(np.float64)
