"""Loops over events in order of time: codes by hashing, radix sort, repeated messages, turns, threads and recipients."""

from typing import NamedTuple

import numpy as np
from numba import int64, void

from ona.compiled import CODES, FLAGS, INTS, Codes, Flags, Ints, inlined, kernel, record_of, tuple_of

NONE = -(2**63)
"""Stands for a missing id."""

DIGIT = 11
"""Bits of one pass of the radix sort."""

SHORT_RUN = 32
"""Rows up to which insertion is the fastest sort."""

DIRECT, CHANNEL = 2, 3
NEAR_SECONDS = 300

_ONE, _HALF = np.uint64(1), np.uint64(32)
_FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


class Events(NamedTuple):
    """Columns of events in order of (at, event); ids that are missing are ``NONE``."""

    event: Ints
    at: Ints
    n: Codes
    w: Codes
    sender: Codes  # code of the account, -1 unknown
    space: Ints
    root: Ints
    reply_to: Ints
    audience: Codes
    source: Codes
    place: Flags
    verdict: Flags

    def taken(self, rows: Ints) -> "Events":
        """Return some rows."""
        return Events._make(column[rows] for column in self)


class Names(NamedTuple):
    """Recipients: those of event i are start[i] to stop[i]."""

    start: Ints
    stop: Ints
    account: Codes  # code, -1 unknown
    role: Flags
    person: Flags  # by account code: 1 where ties may name them


EVENTS, NAMES = record_of(Events), record_of(Names)


class Pairs(NamedTuple):
    """Pairs of numbers in the order in which they were first met, and the open-addressing table that finds them."""

    slots: Codes
    first: Ints
    second: Ints


PAIRS = record_of(Pairs)


@inlined
def _slot(pairs: Pairs, one: int, other: int) -> int:
    """Place of a pair in the table: where it is, or the empty place where it belongs."""
    mixed = (np.uint64(one) * _FIRST) ^ (np.uint64(other) * _SECOND)
    mixed = (mixed ^ (mixed >> _HALF)) * _FIRST
    last = np.uint64(len(pairs.slots) - 1)
    place = (mixed >> np.uint64(20)) & last
    while True:
        code = pairs.slots[place]
        if code < 0 or (pairs.first[code] == one and pairs.second[code] == other):
            return int(place)
        place = (place + _ONE) & last


@kernel(PAIRS(int64))
def _no_pairs(most: int) -> Pairs:
    size = 16
    while size < 2 * most:
        size *= 2
    return Pairs(np.full(size, -1, dtype=np.int32), np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64))


@kernel(tuple_of(CODES, int64)(INTS, INTS))
def codes_of(first: Ints, second: Ints) -> tuple[Codes, int]:
    """Give each distinct pair a number in the order in which they come; also return how many there are."""
    pairs, found, number = _no_pairs(len(first)), np.empty(len(first), dtype=np.int32), 0
    for i in range(len(first)):
        place = _slot(pairs, first[i], second[i])
        if pairs.slots[place] < 0:
            pairs.slots[place] = number
            pairs.first[number], pairs.second[number] = first[i], second[i]
            number += 1
        found[i] = pairs.slots[place]
    return found, number


@kernel(CODES(INTS, INTS))
def rows_of(ids: Ints, wanted: Ints) -> Codes:
    """Row of each wanted id among distinct ids, -1 where it is not there."""
    pairs, found = _no_pairs(len(ids)), np.empty(len(wanted), dtype=np.int32)
    for i in range(len(ids)):
        place = _slot(pairs, ids[i], 0)
        pairs.slots[place] = i
        pairs.first[i], pairs.second[i] = ids[i], 0
    for i in range(len(wanted)):
        found[i] = -1 if wanted[i] == NONE else pairs.slots[_slot(pairs, wanted[i], 0)]
    return found


@kernel(tuple_of(INTS, INTS)(INTS))
def ordered(key: Ints) -> tuple[Ints, Ints]:
    """Sort numbers from 0 on, stably: the order, and the numbers in it."""
    size, high, shift = len(key), 0, 0
    for i in range(size):
        high = max(high, key[i])
    keys, rows = key.copy(), np.arange(size)
    next_keys, next_rows = np.empty_like(keys), np.empty_like(rows)
    while shift < 63 and high >> shift > 0:
        starts = np.zeros((1 << DIGIT) + 1, dtype=np.int64)
        for i in range(size):
            starts[((keys[i] >> shift) & ((1 << DIGIT) - 1)) + 1] += 1
        starts = np.cumsum(starts)
        for i in range(size):
            digit = (keys[i] >> shift) & ((1 << DIGIT) - 1)
            next_keys[starts[digit]], next_rows[starts[digit]] = keys[i], rows[i]
            starts[digit] += 1
        keys, next_keys = next_keys, keys
        rows, next_rows = next_rows, rows
        shift += DIGIT
    return rows, keys


@kernel(void(INTS, INTS, int64, int64))
def _sort_run(rows: Ints, event: Ints, low: int, high: int) -> None:
    """Sort the rows of one second by event; there are mostly two or three of them."""
    if high - low > SHORT_RUN:
        same = rows[low:high].copy()
        rows[low:high] = same[np.argsort(event[same])]
        return
    for i in range(low + 1, high):
        row, k = rows[i], i
        while k > low and event[rows[k - 1]] > event[row]:
            rows[k] = rows[k - 1]
            k -= 1
        rows[k] = row


@kernel(INTS(INTS, INTS))
def by_time(at: Ints, event: Ints) -> Ints:
    """Order of events by (at, event)."""
    size = len(at)
    rows, times = ordered(at - at.min() if size else at)
    low = 0
    while low < size:
        high = low + 1
        while high < size and times[high] == times[low]:
            high += 1
        if high - low > 1:
            _sort_run(rows, event, low, high)
        low = high
    return rows


@kernel(FLAGS(EVENTS, CODES, INTS, int64))
def opening(events: Events, conversation: Codes, last: Ints, longest: int) -> Flags:
    """1 on events that open a turn: no message of the same sender and conversation in the ``longest`` seconds before.

    ``last`` holds ``NONE`` for each conversation code; reactions and meetings always open.
    """
    opens = np.ones(len(events.at), dtype=np.uint8)
    for i in range(len(events.at)):
        if events.verdict[i] == 0 and events.place[i] <= CHANNEL:
            code = conversation[i]
            opens[i] = last[code] == NONE or events.at[i] - last[code] > longest
            last[code] = events.at[i]
    return opens


@kernel(CODES(EVENTS, CODES, FLAGS, CODES))
def turns_of(events: Events, conversation: Codes, opens: Flags, last: Codes) -> Codes:
    """Row of the event that opened the turn of each kept channel message, -1 elsewhere; ``last`` holds -1 for each conversation."""
    turn = np.full(len(opens), -1, dtype=np.int32)
    for i in range(len(opens)):
        if events.verdict[i] == 0 and events.place[i] == CHANNEL:
            if opens[i]:
                last[conversation[i]] = i
            turn[i] = last[conversation[i]]
    return turn


class Speakers(NamedTuple):
    """By thread: who spoke last and the last other speaker before, each with the week; -1 nobody."""

    last: Codes
    last_w: Codes
    other: Codes
    other_w: Codes


SPEAKERS = record_of(Speakers)


@kernel(CODES(EVENTS, CODES, SPEAKERS, int64))
def spoken_before(events: Events, thread: Codes, speakers: Speakers, back: int) -> Codes:
    """Last distinct speaker of the thread before each kept channel message, at most ``back`` weeks ago; -1 nobody."""
    spoke = np.full(len(thread), -1, dtype=np.int32)
    for i in range(len(thread)):
        if events.verdict[i] != 0 or events.place[i] != CHANNEL:
            continue
        code, sender, w = thread[i], events.sender[i], events.w[i]
        if speakers.last[code] >= 0 and speakers.last[code] != sender:
            speakers.other[code], speakers.other_w[code] = speakers.last[code], speakers.last_w[code]
        if speakers.other[code] >= 0 and speakers.other_w[code] >= w - back:
            spoke[i] = speakers.other[code]
        speakers.last[code], speakers.last_w[code] = sender, w
    return spoke


@kernel(tuple_of(CODES, CODES, FLAGS)(EVENTS, NAMES))
def received(events: Events, names: Names) -> tuple[Codes, Codes, Flags]:
    """Event row, account code and role of the recipients of kept events: people only, without the sender."""
    most = 0
    for i in range(len(events.at)):
        if events.verdict[i] == 0:
            most += names.stop[i] - names.start[i]
    rows, accounts, roles = np.empty(most, dtype=np.int32), np.empty(most, dtype=np.int32), np.empty(most, dtype=np.uint8)
    size = 0
    for i in range(len(events.at)):
        if events.verdict[i] != 0:
            continue
        for j in range(names.start[i], names.stop[i]):
            account = names.account[j]
            if account >= 0 and names.person[account] and account != events.sender[i]:
                rows[size], accounts[size], roles[size] = i, account, names.role[j]
                size += 1
    return rows[:size].copy(), accounts[:size].copy(), roles[:size].copy()


@kernel(void(EVENTS, CODES, INTS, INTS, FLAGS))
def mark_copies(events: Events, pair: Codes, before: Ints, after: Ints, copied: Flags) -> None:
    """Mark mails to one person within five minutes of a direct message of the same pair; ``pair`` is -1 for events that are neither."""
    size = len(pair)
    for i in range(size):
        code = pair[i]
        if code >= 0 and events.place[i] == DIRECT:
            before[code] = events.at[i]
        elif code >= 0:
            copied[i] |= events.at[i] - before[code] <= NEAR_SECONDS
    for back in range(size):
        i = size - 1 - back
        code = pair[i]
        if code >= 0 and events.place[i] == DIRECT:
            after[code] = events.at[i]
        elif code >= 0:
            copied[i] |= after[code] - events.at[i] <= NEAR_SECONDS
