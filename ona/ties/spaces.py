"""How lively each space was: SPACE_WEEKS, and the hours that may be bursts; no persons."""

from dataclasses import dataclass

import narwhals as nw

from ona.rules import TieRules
from ona.ties.calendar import HOURS, hour_of_week, week_number
from ona.ties.cleaning import CHANNEL, KEPT, plain
from ona.ties.frames import Lazy, Persist, at_once, flag, total
from ona.ties.turns import opens

TOP = 3
SPEAKERS = 3
"""Distinct speakers in an hour below which it is a monologue or a dialogue, never a burst."""


@dataclass(frozen=True)
class Spaces:
    """What is known of spaces without knowing who wrote."""

    weeks: Lazy  # SPACE_WEEKS
    busy: Lazy  # space, hour (since 1970, UTC), x (turns): hours with enough turns and speakers to be a burst


def spaces(events: Lazy, accounts: Lazy, rules: TieRules, persist: Persist = at_once) -> Spaces:
    """Count turns per space and hour, from the messages of people in channels.

    Returns
    -------
    Spaces
        A week's rows depend on the events of that week alone, but for a turn that began in the week before.
        Weeks are the senders' local weeks, hours are UTC.
    """
    posts = plain(events, accounts, rules).filter(nw.col("verdict") == KEPT, nw.col("place") == CHANNEL, ~nw.col("space").is_null())
    turns = (
        posts.select("event", "sender", "space", "root", "conversation", "at", "week")
        .with_columns(opens=opens(rules))
        .filter(nw.col("opens") == 1)
    )
    hourly = turns.with_columns(hour=nw.col("at") // 3600, asked=flag(nw.col("root").is_null()))
    said = persist(hourly.group_by("week", "space", "hour", "sender").agg(x=nw.len(), roots=total("asked")))
    return Spaces(_weeks(said), _busy(said, rules))


def _busy(said: Lazy, rules: TieRules) -> Lazy:
    hours = said.group_by("space", "hour", "sender").agg(x=total("x")).group_by("space", "hour").agg(x=total("x"), speakers=nw.len())
    return hours.filter(nw.col("x") >= rules.burst_min_events, nw.col("speakers") >= SPEAKERS).select(
        "space", "hour", "x", w=week_number(nw.col("hour") // 24)
    )


def _weeks(said: Lazy) -> Lazy:
    key = ["week", "space"]
    people = said.group_by(*key, "sender").agg(roots=total("roots")).with_columns(less=-nw.col("roots"))
    placed = people.with_columns(place=nw.col("roots").cum_count().over(*key, order_by=["less", "sender"]))
    top = nw.when(nw.col("place") <= TOP).then(nw.col("roots")).otherwise(nw.lit(0))
    counted = placed.with_columns(top=top).group_by(*key).agg(roots=total("roots"), top=total("top"), speakers=nw.len())
    hours = said.with_columns(slot=hour_of_week(nw.col("hour") * 3600)).group_by(*key, "slot").agg(x=total("x"))
    spread = {f"h{slot}": nw.when(nw.col("slot") == slot).then(nw.col("x")) for slot in range(HOURS)}
    weekly = hours.with_columns(**spread).group_by(*key).agg(*[nw.col(name).max() for name in spread])  # one row per slot: max picks it
    listed = weekly.select(*key, hours=nw.list(*[nw.col(name).fill_null(0).cast(nw.UInt32) for name in spread]))
    share = nw.when(nw.col("roots") > 0).then(nw.col("top") / nw.col("roots")).otherwise(nw.lit(0.0))
    joined = counted.join(listed, on=key)
    return joined.select(
        *key, nw.col("roots").cast(nw.UInt32), share.cast(nw.Float32).alias("top_share"), nw.col("speakers").cast(nw.UInt32), "hours"
    )
