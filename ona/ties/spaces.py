"""How lively each space was: SPACE_WEEKS, and the hours that may be bursts; no persons."""

from dataclasses import dataclass

import narwhals as nw
import numpy as np
import pyarrow as pa

from ona.compiled import Flags
from ona.rules import TieRules
from ona.tables import SPACE_WEEKS, Kind
from ona.ties._columns import Columns, Ints, columns, constant, found, in_memory, mondays, starts, summed, taken, week_numbers
from ona.ties._kernels import NONE
from ona.ties._verdicts import Limits, Raw, judgements
from ona.ties.calendar import HOURS, day_number, seconds
from ona.ties.cleaning import CHANNEL, KEPT
from ona.ties.frames import Lazy, flag

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
    turns = _turns(_posts(events, accounts, rules), rules)
    return Spaces(in_memory(_weeks(turns)), in_memory(_busy(turns, rules)))


def _posts(events: Lazy, accounts: Lazy, rules: TieRules) -> dict[str, Ints]:
    """Return the channel messages of people that may make ties."""
    messages = events.filter(nw.col("kind") == int(Kind.MESSAGE), ~nw.col("space").is_null())
    rows = columns(messages.with_columns(n=day_number(), at=seconds()), *_READ)
    known = columns(accounts.with_columns(excluded=flag(nw.col("excluded"))), "account", "kind", "excluded")
    known = taken(known, np.argsort(known["account"], kind="stable"))
    limits = Limits(_small(known["kind"]), _small(known["excluded"]), rules.max_mail, rules.max_group, rules.max_meeting)
    code = found(rows["sender"], known["account"]).astype(np.int32)
    hour, kind, space_kind = (_small(rows[name]) for name in ("bin", "kind", "space_kind"))
    audience, flags = (np.where(rows[name] == NONE, 0, rows[name]).astype(np.int32) for name in ("audience", "flags"))
    sender, event, space, root, at = (rows[name].copy() for name in ("sender", "event", "space", "root", "at"))
    nobody = constant(NONE, sender)  # whom a message names first says nothing of one in a channel
    n = rows["n"].astype(np.int32)
    raw = Raw(event, at, n, hour, kind, space_kind, audience, flags, sender, code, nobody, space, root)
    judged = judgements(raw, limits)
    read = {name: rows[name] for name in ("event", "sender", "space", "at", "n")}
    kept = (judged.verdict == KEPT) & (judged.place == CHANNEL)
    return taken(read | {"conversation": judged.conversation, "asked": (rows["root"] == NONE).astype(np.int64)}, kept)


_READ = ("event", "sender", "space", "root", "at", "n", "bin", "kind", "space_kind", "audience", "flags")


def _small(values: Ints) -> Flags:
    return np.where(values == NONE, 0, values).astype(np.uint8)


def _turns(posts: Columns, rules: TieRules) -> dict[str, Ints]:
    """Return the first message of each turn, as ``ona.ties.turns``."""
    rows = taken(posts, np.lexsort([posts[name] for name in ("event", "at", "conversation", "sender")]))
    opens = starts(rows["sender"], rows["conversation"])
    opens[1:] |= np.diff(rows["at"]) > rules.coalescing_minutes * 60
    turns = taken(rows, opens)
    return turns | {"hour": turns["at"] // 3600, "w": week_numbers(turns["n"]), "x": np.ones_like(turns["at"])}


def _busy(turns: Columns, rules: TieRules) -> pa.Table:
    said = summed(turns, ("space", "hour", "sender"), "x")
    hours = summed({**said, "speakers": np.ones_like(said["x"])}, ("space", "hour"), "x", "speakers")
    busy = taken(hours, (hours["x"] >= rules.burst_min_events) & (hours["speakers"] >= SPEAKERS))
    return pa.table({name: busy[name] for name in ("space", "hour", "x")} | {"w": week_numbers(busy["hour"] // 24)})


def _weeks(turns: Columns) -> pa.Table:
    people = summed(turns, ("w", "space", "sender"), "asked")
    people = taken(people, np.lexsort((people["sender"], -people["asked"], people["space"], people["w"])))
    first = starts(people["w"], people["space"])
    row = np.cumsum(first) - 1
    top = np.where(np.arange(row.size) - np.flatnonzero(first)[row] < TOP, people["asked"], 0)
    weeks = summed(people | {"top": top, "speakers": np.ones_like(top)}, ("w", "space"), "asked", "top", "speakers")
    share = np.divide(weeks["top"], weeks["asked"], out=np.zeros(weeks["top"].size), where=weeks["asked"] > 0)
    made = {
        "week": mondays(weeks["w"]),
        "space": pa.array(weeks["space"]),
        "roots": pa.array(weeks["asked"]),
        "top_share": pa.array(share.astype(np.float32)),
        "speakers": pa.array(weeks["speakers"]),
        "hours": _hours(turns, weeks["w"].size),
    }
    return pa.table([made[column.name].cast(column.type) for column in SPACE_WEEKS.schema], schema=SPACE_WEEKS.schema)


def _hours(turns: Columns, weeks: int) -> pa.Array:
    """Return turns per hour of the week, Monday 00 UTC first, of each week and space in order."""
    rows = taken(turns, np.lexsort((turns["space"], turns["w"])))
    row = np.cumsum(starts(rows["w"], rows["space"])) - 1
    counts = np.bincount(row * HOURS + (rows["hour"] + _MONDAY_HOURS) % HOURS, minlength=weeks * HOURS)
    return pa.ListArray.from_arrays(np.arange(weeks + 1, dtype=np.int32) * HOURS, counts.astype(np.uint32))
