"""Loops that share events among their receivers and add the shares up by pair, day and week."""

from typing import NamedTuple

import numpy as np
from numba import int64

from ona.compiled import CODES, INTS, Codes, Flags, Floats, Ints, inlined, kernel, record_of, tuple_of

MAIL, DIRECT, CHANNEL, MEETING, REACTION = 1, 2, 3, 4, 5
CC, BCC, TENTATIVE, DECLINED, NO_ANSWER = 2, 3, 6, 7, 8
CHAT, BY_MAIL, MET = 1, 2, 3
TURN = 2**30
TO = 27720
FIXED_POINT = 2**20
CHANNEL_BITS, DAY_BITS = 2, 3


class Said(NamedTuple):
    """What the shares of events are made of, by event row."""

    wanted: Flags
    opens: Flags
    place: Flags
    audience: Codes
    sender: Codes
    weekday: Codes  # 0 Monday
    group: Ints  # code of (week, source)
    turn: Codes  # row of the turn's first message, channel messages only
    root: Codes  # author of the thread's root, -1 none; -2 for messages that are no replies
    before: Codes  # whom the reply answers besides, -1 none
    hours: Floats


class Got(NamedTuple):
    """Recipients: event row, account code, role; the rows of an event are neighbours."""

    row: Codes
    account: Codes
    role: Flags
    start: Ints  # by event row
    stop: Ints


class Method(NamedTuple):
    """Parameters of the method, and how many bits a code of an account needs."""

    beta: float
    cc: int
    mentions: int
    small_message: int
    small_meeting: int
    bits: int


class Parts(NamedTuple):
    """One row per event and receiver: where it goes, how much of a turn, and whether it is small and a turn (bits 1 and 2)."""

    key: Ints
    x: Ints
    marks: Flags


class Named(NamedTuple):
    """Distinct accounts that each turn mentions, as chains: first of a turn, next of an entry; -1 ends."""

    first: Codes
    next: Codes
    account: Codes


SAID, GOT, METHOD, PARTS, NAMED = (record_of(one) for one in (Said, Got, Method, Parts, Named))


@inlined
def _rounded(value: float) -> int:
    """Nearest whole number of a positive number, halves up."""
    low = np.floor(value)
    return int(low + 1.0 if value - low >= 0.5 else low)


@inlined
def _shared(value: float, whole: float, receivers: int, beta: float) -> int:
    share = value / whole
    return _rounded((share if beta == 1.0 else share * float(receivers) ** (1.0 - beta)) * TURN)


@inlined
def _key(said: Said, i: int, channel: int, one: int, other: int, bits: int) -> int:
    key = (said.group[i] << CHANNEL_BITS) | channel
    return int((((((key << bits) | one) << bits) | other) << DAY_BITS) | said.weekday[i])


@inlined
def _weight(got: Got, method: Method, j: int, place: int) -> int:
    """Units of a recipient of a mail or direct message."""
    if place == MAIL and got.role[j] == CC:
        return method.cc
    return 0 if place == MAIL and got.role[j] == BCC else TO


@kernel(int64(SAID, GOT, METHOD, PARTS, int64))
def messages(said: Said, got: Got, method: Method, parts: Parts, size: int) -> int:
    """Append what mails and direct messages give; return the new number of parts."""
    for i in range(len(said.place)):
        if not said.wanted[i] or not said.opens[i] or said.place[i] > DIRECT:
            continue
        whole, receivers = 0, 0
        for j in range(got.start[i], got.stop[i]):
            u = _weight(got, method, j, said.place[i])
            whole, receivers = whole + u, receivers + (u > 0)
        channel = BY_MAIL if said.place[i] == MAIL else CHAT
        for j in range(got.start[i], got.stop[i]):
            u = _weight(got, method, j, said.place[i])
            x = TURN if said.audience[i] <= 1 and u > 0 else _shared(u, whole, receivers, method.beta) if u > 0 else 0
            if x > 0:
                parts.key[size] = _key(said, i, channel, said.sender[i], got.account[j], method.bits)
                parts.x[size], parts.marks[size] = x, 2 + (said.audience[i] <= method.small_message)
                size += 1
    return size


@kernel(NAMED(SAID, GOT, int64))
def mentioned(said: Said, got: Got, most: int) -> Named:
    """Collect whom each turn mentions; messages to more than ``most`` people mention nobody."""
    named = Named(np.full(len(said.place), -1, dtype=np.int32), np.empty_like(got.row), np.empty_like(got.row))
    size = 0
    for j in range(len(got.row)):
        i = got.row[j]
        if said.place[i] != CHANNEL or said.audience[i] > most:
            continue
        entry = named.first[said.turn[i]]
        while entry >= 0 and named.account[entry] != got.account[j]:
            entry = named.next[entry]
        if entry < 0:
            named.account[size], named.next[size] = got.account[j], named.first[said.turn[i]]
            named.first[said.turn[i]] = size
            size += 1
    return named


@kernel(int64(SAID, NAMED, int64, CODES, INTS))
def _targets(said: Said, named: Named, i: int, who: Codes, units: Ints) -> int:
    """Fill in whom a turn is for and how much: mentions 2 together, root author 1, who spoke before 1; return how many."""
    size, entry = 0, named.first[i]
    while entry >= 0 and size < len(who) - 2:
        who[size] = named.account[entry]
        size, entry = size + 1, named.next[entry]
    if size:
        units[:size] = 2 * TO // size
    for account in (said.root[i], said.before[i]):
        if said.root[i] == -2 or account < 0 or account == said.sender[i]:
            continue
        k = 0
        while k < size and who[k] != account:
            k += 1
        if k == size:
            who[k], units[k] = account, 0
            size += 1
        units[k] += TO
    return size


@kernel(int64(SAID, NAMED, METHOD, PARTS, int64))
def posts(said: Said, named: Named, method: Method, parts: Parts, size: int) -> int:
    """Append what channel turns give; return the new number of parts."""
    who, units = np.empty(len(named.account) + 2, dtype=np.int32), np.empty(len(named.account) + 2, dtype=np.int64)
    for i in range(len(said.place)):
        if not said.wanted[i] or not said.opens[i] or said.place[i] != CHANNEL:
            continue
        receivers = _targets(said, named, i, who, units)
        whole = units[:receivers].sum()
        for k in range(receivers):
            x = _shared(units[k], whole, receivers, method.beta)
            if x > 0:
                parts.key[size] = _key(said, i, CHAT, said.sender[i], who[k], method.bits)
                parts.x[size], parts.marks[size] = x, 3
                size += 1
    return size


@kernel(int64(SAID, GOT, METHOD, PARTS, int64))
def meetings(said: Said, got: Got, method: Method, parts: Parts, size: int) -> int:
    """Append the hours that attendees of meetings give to each other; return the new number of parts."""
    who, sure = np.empty(len(got.row) + 1, dtype=np.int32), np.empty(len(got.row) + 1)
    for i in range(len(said.place)):
        if not said.wanted[i] or said.place[i] != MEETING:
            continue
        who[0], sure[0], heads = said.sender[i], 1.0, 1
        for j in range(got.start[i], got.stop[i]):
            if got.role[j] != DECLINED:
                who[heads], sure[heads] = got.account[j], 0.5 if got.role[j] == TENTATIVE or got.role[j] == NO_ANSWER else 1.0
                heads += 1
        whole = sure[:heads].sum()
        for one in range(heads):
            for other in range(heads):
                x = _rounded(sure[other] * sure[one] * said.hours[i] / (whole - 1.0) * TURN) if who[one] != who[other] else 0
                if x > 0:
                    parts.key[size] = _key(said, i, MET, who[one], who[other], method.bits)
                    parts.x[size], parts.marks[size] = x, said.audience[i] + 1 <= method.small_meeting
                    size += 1
    return size


class Sums(NamedTuple):
    """Rows of TIES with the key that they stand for."""

    key: Ints
    weight: Ints
    events: Ints
    days: Ints
    evidence: Ints
    turns: Ints


SUMS = record_of(Sums)


@kernel(tuple_of(SUMS, int64)(PARTS, INTS, INTS))
def added(parts: Parts, rows: Ints, keys: Ints) -> tuple[Sums, int]:
    """Add up sorted parts by day, then by week: log2(1 + turns) of each day in fixed point; also return how many rows there are."""
    number, last = 0, -1
    for i in range(len(keys)):
        number += (keys[i] >> DAY_BITS) != last
        last = keys[i] >> DAY_BITS
    zeros = np.zeros((6, number), dtype=np.int64)
    sums = Sums(zeros[0], zeros[1], zeros[2], zeros[3], zeros[4], zeros[5])
    row, low, size = -1, 0, len(keys)
    while low < size:
        x, marks, turns, high = 0, 0, 0, low
        while high < size and keys[high] == keys[low]:
            mark = parts.marks[rows[high]]
            x, marks, turns, high = x + parts.x[rows[high]], marks | mark, turns + (mark >> 1), high + 1
        if row < 0 or sums.key[row] != keys[low] >> DAY_BITS:
            row += 1
            sums.key[row] = keys[low] >> DAY_BITS
        bit = 1 << (keys[low] & ((1 << DAY_BITS) - 1))
        sums.weight[row] += _rounded(np.log2(x / TURN + 1.0) * FIXED_POINT)
        sums.events[row] += high - low
        sums.days[row] += bit
        sums.evidence[row] += bit * (marks & 1)
        sums.turns[row] += turns
        low = high
    return sums, number
