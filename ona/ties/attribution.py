"""To whom each turn, reaction and meeting goes, and how much of it: every event spends exactly its own value."""

from dataclasses import dataclass

import narwhals as nw
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ona.compiled import Codes, Ints
from ona.rules import TieRules
from ona.tables import TIES, Role
from ona.ties._kernels import Events, codes_of, ordered, received
from ona.ties._shares import (
    CHANNEL_BITS,
    CHAT,
    DAY_BITS,
    TO,
    TURN,
    Got,
    Method,
    Parts,
    Said,
    Sums,
    added,
    meetings,
    mentioned,
    messages,
    posts,
)
from ona.ties.calendar import mondays
from ona.ties.cleaning import CHANNEL, KEPT, MEETING, REACTION, clean
from ona.ties.columns import Held
from ona.ties.frames import Lazy, stacked
from ona.ties.turns import NOBODY, Turns, turns

SMALL_MESSAGE = 4
SMALL_MEETING = 5
"""Largest audience (meetings: people) that is evidence of a relationship, amendment 9 of the method."""

UNKNOWN_MINUTES = 30.0
"""Length of a meeting whose calendar entry has none."""


@dataclass(frozen=True)
class Steps:
    """What all weekly tables but TIES are made of."""

    kept: Lazy  # events
    got: Lazy  # their recipients
    posts: Lazy  # channel turns
    given: Lazy  # reactions


@dataclass(frozen=True)
class Parted:
    """Cleaned events in turns with their recipients, in memory."""

    held: Held
    events: Events
    turns: Turns
    got: Got


def parted(held: Held, rules: TieRules) -> Parted:
    """Clean events, part them into turns and find their recipients."""
    events = clean(held)
    row, account, role = received(events, held.names)
    number = np.bincount(row, minlength=events.event.size)
    stop = np.cumsum(number)
    return Parted(held, events, turns(held, events, rules), Got(row, account, role, stop - number, stop))


def reaction_authors(parts: Parted) -> tuple[Ints, Codes]:
    """Return the rows of kept reactions and the codes of whom they are for.

    The author is the sender of the message where it is held, else the recipient that the source named; -1 unknown.
    """
    rows = np.flatnonzero((parts.events.verdict == KEPT) & (parts.events.place == REACTION))
    named = np.full(parts.events.event.size, parts.held.known.account.size, dtype=np.int32)
    of_reaction = parts.events.place[parts.got.row] == REACTION
    np.minimum.at(named, parts.got.row[of_reaction], parts.got.account[of_reaction])
    named[named == parts.held.known.account.size] = NOBODY
    author = parts.turns.author[rows]
    return rows, np.where(author == NOBODY, named[rows], author).astype(np.int32)


def ties(parts: Parted, rules: TieRules, wanted: NDArray[np.bool_]) -> pa.Table:
    """Return TIES of the ``wanted`` events, in the order of the key.

    The shares of one mail, direct message, reply or root mention sum to one turn, those of a reaction to .2, those of a
    meeting to its hours per attendee when all accepted (section 1). They are added up as whole numbers by pair and day;
    log2(1 + turns) of the days adds up to the week.
    """
    said, got, bits = _said(parts, rules, wanted), parts.got, parts.held.known.bits
    given = _reactions(said, parts)
    seats = (got.stop - got.start + 1)[(said.place == MEETING) & (said.wanted > 0)]
    most = got.row.size + 2 * int((said.place == CHANNEL).sum()) + given[0].size + int((seats**2).sum())
    shares = Parts(np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64), np.empty(most, dtype=np.uint8))
    method = Method(rules.beta, round(rules.cc_weight * TO), rules.max_mentions, SMALL_MESSAGE, SMALL_MEETING, bits)
    size = messages(said, got, method, shares, 0)
    size = posts(said, mentioned(said, got, rules.max_mentions), method, shares, size)
    size = meetings(said, got, method, shares, size)
    shares.key[size : size + given[0].size] = _keys(said, given, bits)
    shares.x[size : size + given[0].size] = round(rules.reaction_value * TURN)
    shares.marks[size : size + given[0].size] = 1
    sums, number = added(shares, *ordered(shares.key[: size + given[0].size].copy()))
    return _table(parts, sums, number)


def attendees(kept: Lazy, got: Lazy) -> Lazy:
    """Return who attends each kept meeting and how surely: organiser and accepted 1, tentative or no answer .5, declined left out."""
    columns = ("event", "account", "a", "sender", "audience", "week", "w", "n", "minutes")
    organised = kept.filter(nw.col("place") == MEETING).with_columns(account=nw.col("sender"), a=nw.lit(1.0))
    unsure, declined = nw.col("role").is_in([int(Role.TENTATIVE), int(Role.NO_ANSWER)]), nw.col("role") == int(Role.DECLINED)
    sure = nw.when(unsure).then(nw.lit(0.5)).when(declined).then(nw.lit(0.0)).otherwise(nw.lit(1.0))
    invited = got.filter(nw.col("place") == MEETING).with_columns(a=sure).filter(nw.col("a") > 0)
    return stacked([organised.select(*columns), invited.select(*columns)])


def _said(parts: Parted, rules: TieRules, wanted: NDArray[np.bool_]) -> Said:
    events, minutes, threads = parts.events, parts.held.minutes, parts.turns
    here = (wanted & (events.verdict == KEPT)).astype(np.uint8)
    hours = np.minimum(np.where(np.isnan(minutes), UNKNOWN_MINUTES, minutes) / 60.0, rules.meeting_cap_hours)
    group = (events.w.astype(np.int64) - _first(events)) * max(1, len(parts.held.sources)) + events.source
    weekday = ((events.n + 3) % 7).astype(np.int32)
    heads = (threads.opens, events.place, events.audience, events.sender, weekday, group)
    return Said(here, *heads, threads.turn, threads.root, threads.before, hours)


def _first(events: Events) -> int:
    return int(events.w.min()) if events.w.size else 0


def _reactions(said: Said, parts: Parted) -> tuple[Ints, Codes, Ints]:
    """Reactions, one per reactor, author and day: rows, authors, and groups of the first source by name."""
    events = parts.events
    rows, author = reaction_authors(parts)
    good = (said.wanted[rows] > 0) & (author != NOBODY) & (author != events.sender[rows])
    rows, author = rows[good], author[good]
    codes, number = codes_of(events.sender[rows].astype(np.int64) * 2**32 + author, events.n[rows].astype(np.int64))
    first, group = np.full(number, rows.size), np.full(number, np.iinfo(np.int64).max)
    np.minimum.at(first, codes, np.arange(rows.size))
    np.minimum.at(group, codes, said.group[rows])
    return rows[first], author[first], group


def _keys(said: Said, given: tuple[Ints, Codes, Ints], bits: int) -> Ints:
    """Sort keys of reactions, as the compiled loops make them."""
    rows, author, group = given
    pair = (((group << CHANNEL_BITS | CHAT) << bits | said.sender[rows]) << bits) | author
    return pair << DAY_BITS | said.weekday[rows]


def _table(parts: Parted, sums: Sums, number: int) -> pa.Table:
    """Shape TIES out of the sums; codes follow the order of ids, so that the rows are in the order of the key."""
    held, key = parts.held, sums.key[:number]
    bits, sources = held.known.bits, max(1, len(held.sources))
    receiver, sender = key & ((1 << bits) - 1), (key >> bits) & ((1 << bits) - 1)
    channel, group = (key >> 2 * bits) & ((1 << CHANNEL_BITS) - 1), key >> (2 * bits + CHANNEL_BITS)
    names = pa.DictionaryArray.from_arrays((group % sources).astype(np.int32), list(held.sources)).cast(pa.string())
    found = {
        "week": mondays(group // sources + _first(parts.events)), "source": names, "channel": channel,
        "from": held.known.account[sender], "to": held.known.account[receiver], "weight": sums.weight[:number],
        "events": sums.events[:number], "days": sums.days[:number], "evidence": sums.evidence[:number], "turns": sums.turns[:number],
    }  # fmt: skip
    return pa.table(found).cast(TIES.schema)
