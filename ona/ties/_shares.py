"""Loops that share the events of a week among their receivers and add the shares up by pair, day and week."""

from typing import NamedTuple

import numpy as np
from numba import float64, int64, void

from ona.compiled import CODES, FLAGS, FLOATS, INTS, Codes, Flags, Floats, Ints, kernel, record_of, tuple_of

MAIL = 1
CC, BCC, TENTATIVE, DECLINED, NO_ANSWER = 2, 3, 6, 7, 8
CHAT, BY_MAIL, MET = 1, 2, 3
TURN = 2**30
TO = 27720
FIXED_POINT = 2**20
CHANNEL_BITS, DAY_BITS, MARK_BITS = 2, 3, 2
SMALL, SPOKEN = 1, 2
"""Marks of a share: from an event small enough to be evidence, from a turn that addresses the person and not from a meeting."""


class Said(NamedTuple):
    """What the shares of events are made of, by event row."""

    place: Flags
    audience: Codes
    sender: Codes
    n: Codes
    source: Codes


class Got(NamedTuple):
    """Recipients: account code and role; those of event i are start[i] to stop[i]."""

    start: Ints
    stop: Ints
    account: Codes
    role: Flags


class Method(NamedTuple):
    """Parameters of the method, and how many bits a code of an account needs."""

    beta: float
    cc: int
    small_message: int
    small_meeting: int
    bits: int


SAID, GOT, METHOD, SHARES = record_of(Said), record_of(Got), record_of(Method), tuple_of(INTS, INTS)
"""Shares are keys (source, channel, from, to, weekday) and values: the part of a turn above the marks."""


@kernel(int64(float64))
def _rounded(value: float) -> int:
    """Nearest whole number of a positive number, halves up."""
    low = np.floor(value)
    return int(low + 1.0 if value - low >= 0.5 else low)


@kernel(int64(float64, float64, int64, float64))
def _part(value: float, whole: float, receivers: int, beta: float) -> int:
    share = value / whole
    return _rounded((share if beta == 1.0 else share * float(receivers) ** (1.0 - beta)) * TURN)


@kernel(int64(int64, int64, int64, int64, int64))
def _key(head: int, one: int, other: int, bits: int, n: int) -> int:
    """Key of a share; ``head`` holds source and channel, ``n`` is the day number."""
    return (((((head << bits) | one) << bits) | other) << DAY_BITS) | ((n + 3) % 7)


@kernel(int64(int64, int64, int64))
def _units(mail: int, role: int, cc: int) -> int:
    """Units of a recipient of a mail or direct message."""
    if mail and role == CC:
        return cc
    return 0 if mail and role == BCC else TO


@kernel(int64(INTS, SAID, GOT, METHOD, SHARES))
def messages(rows: Ints, said: Said, got: Got, method: Method, shares: tuple[Ints, Ints]) -> int:
    """Fill in what mails and direct messages give; return how many shares that is."""
    keys, values = shares
    place, audience, sender, day, source = said
    start, stop, account, role = got
    beta, cc, small, _, bits = method
    size = 0
    for i in rows:
        mail, whole, receivers = place[i] == MAIL, 0, 0
        for j in range(start[i], stop[i]):
            u = _units(mail, role[j], cc)
            whole, receivers = whole + u, receivers + (u > 0)
        head, marks = (source[i] << CHANNEL_BITS) | (BY_MAIL if mail else CHAT), SPOKEN | (audience[i] <= small)
        for j in range(start[i], stop[i]):
            u = _units(mail, role[j], cc)
            x = TURN if audience[i] <= 1 else _part(u, whole, receivers, beta)
            if u > 0 and x > 0:
                keys[size], values[size] = _key(head, sender[i], account[j], bits, day[i]), (x << MARK_BITS) | marks
                size += 1
    return size


@kernel(void(CODES, CODES, tuple_of(CODES, CODES, CODES)))
def mentioned(turn: Codes, account: Codes, named: tuple[Codes, Codes, Codes]) -> None:
    """Collect whom each turn mentions as chains: first entry and number of entries by turn, next of an entry; -1 ends, -2 repeats."""
    first, number, after = named
    for j in range(len(turn)):
        entry = first[turn[j]]
        while entry >= 0 and account[entry] != account[j]:
            entry = after[entry]
        after[j] = -2
        if entry < 0:
            after[j], first[turn[j]] = first[turn[j]], j
            number[turn[j]] += 1


@kernel(tuple_of(int64, int64)(int64, tuple_of(CODES, CODES, CODES), tuple_of(int64, int64, int64), tuple_of(CODES, INTS)))
def _targets(entry: int, named: tuple[Codes, Codes, Codes], turn: tuple[int, int, int], targets: tuple[Codes, Ints]) -> tuple[int, int]:
    """Fill in whom a turn (sender, root author, who spoke before) is for: mentions 2 together, the others 1 each.

    Return how many, and how many of them it addresses: the first ones. Who merely spoke before is not addressed.
    """
    account, after, _ = named
    sender, root, before = turn
    who, units = targets
    size = 0
    while entry >= 0:
        who[size] = account[entry]
        size, entry = size + 1, after[entry]
    for k in range(size):
        units[k] = 2 * TO // size
    addressed = size
    for other in (root, before):
        if root != -2 and other >= 0 and other != sender:
            k = 0
            while k < size and who[k] != other:
                k += 1
            if k == size:
                who[k], units[k] = other, 0
                size += 1
            units[k] += TO
        if other == root:
            addressed = size
    return size, addressed


@kernel(int64(INTS, SAID, tuple_of(CODES, CODES, CODES), tuple_of(CODES, CODES), METHOD, SHARES))
def posts(
    rows: Ints,
    said: Said,
    named: tuple[Codes, Codes, Codes],
    answered: tuple[Codes, Codes],
    method: Method,
    shares: tuple[Ints, Ints],
) -> int:
    """Fill in what channel turns give; return how many shares that is.

    ``named`` holds account and next of the entries and the first entry of a turn, ``answered`` root author and who spoke before.
    """
    keys, values = shares
    _, _, sender, day, source = said
    root, before = answered
    targets = np.empty(len(named[0]) + 2, dtype=np.int32), np.empty(len(named[0]) + 2, dtype=np.int64)
    size = 0
    for i in rows:
        (receivers, addressed), whole = _targets(named[2][i], named, (sender[i], root[i], before[i]), targets), 0
        for k in range(receivers):
            whole += targets[1][k]
        for k in range(receivers):
            x = _part(targets[1][k], whole, receivers, method.beta)
            if x > 0:
                keys[size] = _key((source[i] << CHANNEL_BITS) | CHAT, sender[i], targets[0][k], method.bits, day[i])
                values[size] = (x << MARK_BITS) | (SPOKEN | SMALL if k < addressed else 0)
                size += 1
    return size


@kernel(int64(int64, GOT, int64, tuple_of(CODES, FLOATS)))
def _seated(i: int, got: Got, organiser: int, seats: tuple[Codes, Floats]) -> int:
    """Fill in who attends a meeting and how surely; return how many."""
    who, sure = seats
    who[0], sure[0], heads = organiser, 1.0, 1
    for j in range(got.start[i], got.stop[i]):
        role = got.role[j]
        if role != DECLINED:
            who[heads], sure[heads] = got.account[j], 0.5 if role in (TENTATIVE, NO_ANSWER) else 1.0
            heads += 1
    return heads


@kernel(int64(tuple_of(INTS, FLOATS), SAID, GOT, METHOD, SHARES))
def meetings(rows: tuple[Ints, Floats], said: Said, got: Got, method: Method, shares: tuple[Ints, Ints]) -> int:
    """Fill in the hours that attendees of meetings (rows and hours) give to each other; return how many shares that is."""
    keys, values = shares
    who, sure = np.empty(len(got.account) + 1, dtype=np.int32), np.empty(len(got.account) + 1)
    size = 0
    for k in range(len(rows[0])):
        i, hours = rows[0][k], rows[1][k]
        heads, whole = _seated(i, got, said.sender[i], (who, sure)), 0.0
        for one in range(heads):
            whole += sure[one]
        head, marks = (said.source[i] << CHANNEL_BITS) | MET, int(said.audience[i] + 1 <= method.small_meeting)
        for one in range(heads):
            for other in range(heads):
                x = _rounded(sure[other] * sure[one] * hours / (whole - 1.0) * TURN) if who[one] != who[other] else 0
                if x > 0:
                    keys[size], values[size] = _key(head, who[one], who[other], method.bits, said.n[i]), (x << MARK_BITS) | marks
                    size += 1
    return size


@kernel(int64(INTS, INTS, tuple_of(INTS, INTS, CODES, FLAGS, FLAGS, CODES)))
def added(keys: Ints, values: Ints, sums: tuple[Ints, Ints, Codes, Flags, Flags, Codes]) -> int:
    """Add up sorted shares by day, then by week: log2(1 + turns) of each day in fixed point; return how many rows there are.

    ``sums`` gets the key without the day, weight, events, days, days with evidence, turns.
    """
    tie, weight, events, days, evidence, turns = sums
    row, low, size = -1, 0, len(keys)
    while low < size:
        key, x, marks, spoken, high = keys[low], 0, 0, 0, low
        while high < size and keys[high] == key:
            x, marks, spoken = x + (values[high] >> MARK_BITS), marks | values[high], spoken + ((values[high] & SPOKEN) > 0)
            high += 1
        if row < 0 or tie[row] != key >> DAY_BITS:
            row += 1
            tie[row], weight[row], events[row], days[row], evidence[row], turns[row] = key >> DAY_BITS, 0, 0, 0, 0, 0
        bit = 1 << (key & ((1 << DAY_BITS) - 1))
        weight[row] += _rounded(np.log2(x / TURN + 1.0) * FIXED_POINT)
        events[row] += high - low
        days[row] |= bit
        evidence[row] |= bit * (marks & SMALL)
        turns[row] += spoken
        low = high
    return row + 1
