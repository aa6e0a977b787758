"""To whom each turn, reaction and meeting goes, and how much of it: every event spends exactly its own value."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ona.compiled import Codes, Flags, Floats, Ints
from ona.rules import TieRules
from ona.tables import TIES
from ona.ties._columns import columns, found
from ona.ties._kernels import received
from ona.ties._shares import (
    CHANNEL_BITS,
    CHAT,
    DAY_BITS,
    MARK_BITS,
    SMALL,
    TO,
    TURN,
    Got,
    Method,
    Said,
    added,
    meetings,
    mentioned,
    messages,
    posts,
)
from ona.ties._sorting import codes_of, ordered
from ona.ties._verdicts import CHANNEL, DIRECT, MEETING, REACTION
from ona.ties.calendar import day_number, mondays
from ona.ties.cleaning import clean
from ona.ties.columns import KEPT, Held
from ona.ties.frames import Lazy, together
from ona.ties.turns import NOBODY, Turns, turns
from ona.ties.working_time import WorkingTime, working_time

SMALL_MESSAGE = 4
SMALL_MEETING = 5
"""Largest audience (meetings: people) that is evidence of a relationship, amendment 9 of the method."""

UNKNOWN_MINUTES = 30.0
"""Length of a meeting whose calendar entry has none."""

_DAY = 86_400
_MESSAGES, _POSTS, _MEETINGS, _KINDS = 0, 1, 2, 4


@dataclass(frozen=True)
class Receivers:
    """Recipients of kept events, people only and without the sender; those of event i are neighbours, start[i] to stop[i]."""

    row: Codes
    account: Codes
    role: Flags
    start: Ints
    stop: Ints


@dataclass(frozen=True)
class Parted:
    """Cleaned events in turns with their recipients; ``reactions`` are rows and the codes of whom they are for, -1 unknown."""

    held: Held
    verdict: Flags
    turns: Turns
    got: Receivers
    reactions: tuple[Ints, Codes]
    time: WorkingTime


def parted(held: Held, rules: TieRules, away: Lazy | None = None) -> Parted:
    """Clean events, part them into turns and find their recipients.

    ``away`` holds (account, day): stated absences and the holidays of the account's site, which are no working time.
    """
    verdict = clean(held)
    got, parts = _receivers(held, verdict), turns(held, verdict, rules)
    return Parted(held, verdict, parts, got, _reactions(held, verdict, parts, got), _time(held, away))


def _time(held: Held, away: Lazy | None) -> WorkingTime:
    at = held.events.at
    days = range(int(at.min()) // _DAY - 1, int(at.max()) // _DAY + 2) if at.size else range(1)  # a local day may be the next or last one
    if away is None:
        return working_time(held.known.work_days, days)
    stated = columns(away.with_columns(n=day_number()), "account", "n")
    account = found(stated["account"], held.known.account)
    return working_time(held.known.work_days, days, (account[account >= 0], stated["n"][account >= 0]))


def _receivers(held: Held, verdict: Flags) -> Receivers:
    names = held.names
    most = int((names.stop - names.start)[verdict == KEPT].sum())
    row, account, role = np.empty(most, dtype=np.int32), np.empty(most, dtype=np.int32), np.empty(most, dtype=np.uint8)
    columns = names.start, names.stop, names.account, names.role
    size = received((verdict, held.events.sender), columns, held.known.people, (row, account, role))
    row, account, role = row[:size].copy(), account[:size].copy(), role[:size].copy()
    stop = np.cumsum(np.bincount(row, minlength=verdict.size))
    return Receivers(row, account, role, np.append(0, stop)[:-1], stop)


def _reactions(held: Held, verdict: Flags, parts: Turns, got: Receivers) -> tuple[Ints, Codes]:
    """Return the rows of kept reactions and the codes of whom they are for.

    The author is the sender of the message where it is held, else the recipient that the source named first by id; -1 unknown.
    """
    rows = np.flatnonzero((verdict == KEPT) & (held.events.place == REACTION))
    author = parts.author[rows].copy()
    lost = np.flatnonzero((author == NOBODY) & (got.stop[rows] > got.start[rows]))
    if lost.size:
        edges = np.column_stack([got.start[rows[lost]], got.stop[rows[lost]]]).ravel()
        author[lost] = np.minimum.reduceat(np.append(got.account, 0), edges)[::2]
    return rows, author


def ties(parts: Parted, rules: TieRules, wanted: NDArray[np.bool_]) -> pa.Table:
    """Return TIES of the ``wanted`` events, in the order of the key.

    The shares of one mail, direct message, reply or root mention sum to one turn, those of a reaction to .2, those of a
    meeting to its hours per attendee when all accepted (section 1). They are added up as whole numbers by pair and day;
    log2(1 + turns) of the days adds up to the week.
    """
    sharing = _sharing(parts, rules)
    weeks = [partial(_week, sharing, week) for week in _weeks(parts, rules, wanted)]
    return pa.concat_tables([TIES.empty(), *together(weeks)])


@dataclass(frozen=True)
class _Sharing:
    """What the loops share out."""

    parts: Parted
    said: Said
    got: Got
    method: Method
    named: tuple[Codes, Codes, Codes]  # account and next of each mention, first mention of a turn
    mentions: Codes  # how many people a turn mentions


@dataclass(frozen=True)
class _Week:
    """Rows of a week's events by kind."""

    w: int
    messages: Ints
    posts: Ints
    meetings: tuple[Ints, Floats]  # rows and hours
    reactions: tuple[Ints, Ints]  # shares


def _sharing(parts: Parted, rules: TieRules) -> _Sharing:
    events, got = parts.held.events, parts.got
    said = Said(events.place, events.audience, events.sender, events.n, events.source)
    bits = parts.held.known.bits
    method = Method(rules.beta, round(rules.cc_weight * TO), SMALL_MESSAGE, SMALL_MEETING, bits)
    here = (events.place[got.row] == CHANNEL) & (events.audience[got.row] <= rules.max_mentions)
    turn, account, size = parts.turns.turn[got.row[here]], got.account[here], parts.verdict.size
    first, number, after = np.full(size, -1, dtype=np.int32), np.zeros(size, dtype=np.int32), np.empty_like(account)
    mentioned(turn, account, (first, number, after))
    return _Sharing(parts, said, Got(got.start, got.stop, got.account, got.role), method, (account, after, first), number)


def _weeks(parts: Parted, rules: TieRules, wanted: NDArray[np.bool_]) -> list[_Week]:
    """Cut the wanted events into weeks and kinds."""
    events, given = parts.held.events, _given(parts, rules, wanted)
    opens = (parts.turns.opens > 0) & (events.place <= CHANNEL)
    rows = np.flatnonzero(wanted & (parts.verdict == KEPT) & (opens | (events.place == MEETING)))
    place, w = events.place[rows], events.w[rows].astype(np.int64)
    kind = np.where(place <= DIRECT, _MESSAGES, np.where(place == CHANNEL, _POSTS, _MEETINGS))
    weeks = np.unique(np.concatenate([w, given[0]]))
    key, rows = ordered(np.searchsorted(weeks, w) * _KINDS + kind, rows)
    edges = np.searchsorted(key, np.arange(weeks.size * _KINDS + 1))
    cuts = []
    for k, week in enumerate(weeks.tolist()):
        cut = [rows[edges[k * _KINDS + one] : edges[k * _KINDS + one + 1]] for one in (_MESSAGES, _POSTS, _MEETINGS)]
        reacted = given[0] == week
        cuts.append(_Week(week, cut[0], cut[1], (cut[2], _hours(parts, rules, cut[2])), (given[1][reacted], given[2][reacted])))
    return cuts


def _hours(parts: Parted, rules: TieRules, rows: Ints) -> Floats:
    minutes = parts.held.meetings.minutes[parts.held.meetings.order[rows]]
    return np.minimum(np.where(np.isnan(minutes), UNKNOWN_MINUTES, minutes) / 60.0, rules.meeting_cap_hours)


def _given(parts: Parted, rules: TieRules, wanted: NDArray[np.bool_]) -> tuple[Ints, Ints, Ints]:
    """Reactions, one per reactor, author and day, under the first source by name: week, key and value of their shares."""
    events, bits = parts.held.events, parts.held.known.bits
    rows, author = parts.reactions
    good = wanted[rows] & (author != NOBODY) & (author != events.sender[rows])
    rows, author = rows[good], author[good].astype(np.int64)
    pair = (events.sender[rows].astype(np.int64) << bits) | author
    codes, number = codes_of(pair, events.n[rows].astype(np.int64))
    source, pairs, days = np.full(number, np.iinfo(np.int32).max), np.empty(number, dtype=np.int64), np.empty(number, dtype=np.int64)
    np.minimum.at(source, codes, events.source[rows])
    pairs[codes], days[codes] = pair, events.n[rows]
    keys = (((((source << CHANNEL_BITS) | CHAT) << 2 * bits) | pairs) << DAY_BITS) | ((days + 3) % 7)
    return (days + 3) // 7, keys, np.full(number, (round(rules.reaction_value * TURN) << MARK_BITS) | SMALL)


def _week(sharing: _Sharing, week: _Week) -> pa.Table:
    """Return TIES of a week."""
    got, said, method, turns = sharing.got, sharing.said, sharing.method, sharing.parts.turns
    seats = (got.stop - got.start)[week.meetings[0]] + 1
    named = sharing.mentions[week.posts].sum() + 2 * week.posts.size
    most = (got.stop - got.start)[week.messages].sum() + named + (seats**2).sum() + week.reactions[0].size
    keys, values = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64)
    size = messages(week.messages, said, got, method, (keys, values))
    size += posts(week.posts, said, sharing.named, (turns.root, turns.before), method, (keys[size:], values[size:]))
    size += meetings(week.meetings, said, got, method, (keys[size:], values[size:]))
    last = size + week.reactions[0].size
    keys[size:last], values[size:last] = week.reactions
    return _table(sharing.parts, week.w, *ordered(keys[:last], values[:last]))


def _table(parts: Parted, w: int, keys: Ints, values: Ints) -> pa.Table:
    """Add up sorted shares and shape TIES; codes follow the order of ids, so that the rows are in the order of the key."""
    most = int(np.count_nonzero(keys[1:] >> DAY_BITS != keys[:-1] >> DAY_BITS)) + 1 if keys.size else 0
    tie, weight = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64)
    events, turns = np.empty(most, dtype=np.int32), np.empty(most, dtype=np.int32)
    days, evidence = np.empty(most, dtype=np.uint8), np.empty(most, dtype=np.uint8)
    added(keys, values, (tie, weight, events, days, evidence, turns))
    bits, account, sources = parts.held.known.bits, parts.held.known.account, parts.held.sources
    receiver, sender, source = tie & ((1 << bits) - 1), (tie >> bits) & ((1 << bits) - 1), tie >> (2 * bits + CHANNEL_BITS)
    shown = {
        "week": mondays(np.full(most, w)),
        "source": pa.DictionaryArray.from_arrays(source.astype(np.int32), pa.array(sources, pa.string())).cast(pa.string()),
        "channel": ((tie >> 2 * bits) & ((1 << CHANNEL_BITS) - 1)).astype(np.uint8),
        "from": account[sender], "to": account[receiver], "weight": weight, "events": events.view(np.uint32), "days": days,
        "evidence": evidence, "turns": turns,
    }  # fmt: skip
    return pa.table(shown).cast(TIES.schema)
