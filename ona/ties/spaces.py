"""How lively each space was: SPACE_WEEKS, and the hours that may be bursts; no persons."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ona.rules import TieRules
from ona.tables import SPACE_WEEKS
from ona.ties._columns import Columns, Ints, constant, packed, starts, summed, taken, week_numbers
from ona.ties._sorting import NONE, ordered
from ona.ties._verdicts import CHANNEL
from ona.ties.calendar import HOURS, mondays
from ona.ties.columns import KEPT, Held, held
from ona.ties.frames import Lazy, in_memory
from ona.ties.turns import opened

TOP = 3
SPEAKERS = 3
"""Distinct speakers in an hour below which it is a monologue or a dialogue, never a burst."""

_MONDAY_HOURS = 72  # 1970-01-01 was a Thursday


@dataclass(frozen=True)
class Spaces:
    """What is known of spaces without knowing who wrote."""

    weeks: Lazy  # SPACE_WEEKS
    busy: Lazy  # space, hour (since 1970, UTC), x (turns), w: hours with enough turns and speakers to be a burst


def spaces(events: Lazy, accounts: Lazy, rules: TieRules) -> Spaces:
    """Count turns per space and hour, from the messages of people in channels.

    Returns
    -------
    Spaces
        A week's rows depend on the events of that week alone, but for a turn that began in the week before.
        Weeks are the senders' local weeks, hours are UTC. Both tables are in memory already.
    """
    counted = liveliness(held(events, accounts, rules), rules)
    return Spaces(in_memory(counted[0]), in_memory(counted[1]))


def liveliness(held: Held, rules: TieRules) -> tuple[pa.Table, pa.Table]:
    """Return SPACE_WEEKS and the busy hours of events held in memory."""
    turns = _turns(held, rules)
    return _weeks(turns, held.spaces), _busy(turns, held.spaces, rules)


def _turns(held: Held, rules: TieRules) -> dict[str, Ints]:
    """Return the first message of each turn in a channel, from people that may make ties."""
    events = held.events
    posts = (events.verdict == KEPT) & (events.place == CHANNEL) & (events.space >= 0)
    rows = np.flatnonzero(posts & (opened(held, posts, rules)[0] > 0))
    turns = {name: getattr(events, name)[rows].astype(np.int64) for name in ("sender", "space", "w")}
    return turns | {"hour": events.at[rows] // 3600, "asked": (events.root[rows] == NONE).astype(np.int64), "x": constant(1, rows)}


def _busy(turns: Columns, spaces: Ints, rules: TieRules) -> pa.Table:
    said = summed(turns, ("space", "hour", "sender"), "x")
    hours = summed({**said, "speakers": np.ones_like(said["x"])}, ("space", "hour"), "x", "speakers")
    busy = taken(hours, (hours["x"] >= rules.burst_min_events) & (hours["speakers"] >= SPEAKERS))
    return pa.table({"space": spaces[busy["space"]], "hour": busy["hour"], "x": busy["x"], "w": week_numbers(busy["hour"] // 24)})


def _weeks(turns: Columns, spaces: Ints) -> pa.Table:
    people = summed(turns, ("w", "space", "sender"), "asked")
    people = taken(people, np.lexsort((people["sender"], -people["asked"], people["space"], people["w"])))
    first = starts(people["w"], people["space"])
    row = np.cumsum(first) - 1
    top = np.where(np.arange(row.size) - np.flatnonzero(first)[row] < TOP, people["asked"], 0)
    weeks = summed(people | {"top": top, "speakers": np.ones_like(top)}, ("w", "space"), "asked", "top", "speakers")
    share = np.divide(weeks["top"], weeks["asked"], out=np.zeros(weeks["top"].size), where=weeks["asked"] > 0)
    made = {
        "week": mondays(weeks["w"]),
        "space": pa.array(spaces[weeks["space"]]),
        "roots": pa.array(weeks["asked"]),
        "top_share": pa.array(share.astype(np.float32)),
        "speakers": pa.array(weeks["speakers"]),
        "hours": _hours(turns, weeks["w"].size),
    }
    return pa.table([made[column.name].cast(column.type) for column in SPACE_WEEKS.schema], schema=SPACE_WEEKS.schema)


def _hours(turns: Columns, weeks: int) -> pa.Array:
    """Return turns per hour of the week, Monday 00 UTC first, of each week and space in order."""
    keys, order = ordered(packed(turns, ("w", "space")))
    row = np.cumsum(starts(keys)) - 1
    counts = np.bincount(row * HOURS + (turns["hour"][order] + _MONDAY_HOURS) % HOURS, minlength=weeks * HOURS)
    return pa.ListArray.from_arrays(np.arange(weeks + 1, dtype=np.int32) * HOURS, counts.astype(np.uint32))
