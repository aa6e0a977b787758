"""The loop over events that places them, tells the time on the sender's clock, and gives the verdict that an event alone allows."""

from typing import NamedTuple

import numpy as np
from numba import int64, void

from ona.compiled import Codes, Flags, Ints, kernel, record_of
from ona.ties._sorting import NONE

EXCLUDED, BOT, EXTERNAL, AUTOMATIC, LISTED, BROADCAST, CANCELLED, AUDIENCE, ALONE = range(1, 10)
MAIL, DIRECT, CHANNEL, MEETING, REACTION = 1, 2, 3, 4, 5
KIND_REACTION, KIND_MAIL, KIND_MEETING = 2, 3, 4
SPACE_DIRECT, SPACE_GROUP = 3, 4
ACCOUNT_BOT, ACCOUNT_TECHNICAL, ACCOUNT_EXTERNAL = 3, 6, 8
FLAG_LIST, FLAG_BROADCAST, FLAG_CANCELLED, FLAG_BOT = 2, 16, 32, 128
FLAGS_AUTOMATIC = 1 | 4 | 8
OUT_OF_HOURS = 32
MINUTES_A_DAY = 1440


class Raw(NamedTuple):
    """Columns of events; missing ids are ``NONE``, a missing kind of space is 0."""

    event: Ints
    at: Ints
    n: Codes
    bin: Flags
    kind: Flags
    space_kind: Flags
    audience: Codes
    flags: Codes
    sender: Ints
    code: Codes  # of the sender's account, -1 unknown
    first: Ints  # first recipient
    space: Ints
    root: Ints


class Limits(NamedTuple):
    """By account code its kind (0 missing) and whether it is excluded; the largest audiences."""

    kind: Flags
    excluded: Flags
    mail: int
    group: int
    meeting: int


class Judged(NamedTuple):
    """Place, verdict, what consecutive messages share to be one turn, and how far the sender's clock is ahead in minutes."""

    place: Flags
    verdict: Flags
    late: Flags
    conversation: Ints
    offset: Codes


RAW, LIMITS, JUDGED = record_of(Raw), record_of(Limits), record_of(Judged)


@kernel(int64(int64, int64, int64))
def _place(kind: int, space_kind: int, audience: int) -> int:
    if kind == KIND_MAIL:
        return MAIL
    if kind == KIND_MEETING:
        return MEETING
    if kind == KIND_REACTION:
        return REACTION
    unplaced = space_kind == 0 and audience > 0
    return DIRECT if SPACE_DIRECT <= space_kind <= SPACE_GROUP or unplaced else CHANNEL


@kernel(int64(int64, int64, int64))
def _sender(kind: int, excluded: int, flags: int) -> int:
    """Verdict on who sends, 0 for people; unknown senders have kind 0."""
    if excluded:
        return EXCLUDED
    if flags & FLAG_BOT or ACCOUNT_BOT <= kind <= ACCOUNT_TECHNICAL:
        return BOT
    return EXTERNAL if kind in (0, ACCOUNT_EXTERNAL) else 0


@kernel(int64(int64))
def _sent(flags: int) -> int:
    """Verdict on what is sent, 0 for what may make a tie."""
    if flags & FLAGS_AUTOMATIC:
        return AUTOMATIC
    if flags & FLAG_LIST:
        return LISTED
    if flags & FLAG_BROADCAST:
        return BROADCAST
    return CANCELLED if flags & FLAG_CANCELLED else 0


@kernel(int64(int64, int64, LIMITS))
def _too_many(place: int, audience: int, limits: Limits) -> int:
    if place == MAIL and audience > limits.mail:
        return AUDIENCE
    if place == DIRECT and audience > limits.group:
        return AUDIENCE
    return AUDIENCE if place == MEETING and audience + 1 > limits.meeting else 0  # the organiser counts too


@kernel(void(RAW, LIMITS, JUDGED))
def _judge(raw: Raw, limits: Limits, judged: Judged) -> None:
    """Fill in place and verdict of each event; verdict 0 is kept."""
    kind, space_kind, audience, flags, code = raw.kind, raw.space_kind, raw.audience, raw.flags, raw.code
    sender, first = raw.sender, raw.first
    known, excluded, places, verdicts = limits.kind, limits.excluded, judged.place, judged.verdict
    for i in range(len(kind)):
        place, account = _place(kind[i], space_kind[i], audience[i]), code[i]
        verdict = _sender(known[account], excluded[account], flags[i]) if account >= 0 else _sender(0, 0, flags[i])
        if not verdict:
            verdict = _sent(flags[i])
        if not verdict:
            verdict = _too_many(place, audience[i], limits)
        if not verdict and audience[i] <= 1 and place != CHANNEL and place != REACTION:  # noqa: PLR1714  # compiled
            verdict = ALONE if first[i] == NONE or first[i] == sender[i] else 0
        places[i], verdicts[i] = place, verdict


@kernel(void(RAW, JUDGED))
def _tell_time(raw: Raw, judged: Judged) -> None:
    """Fill in conversation and the sender's clock.

    What consecutive messages have to share to be one turn is the thread, the channel, or the same recipients.
    """
    event, at, n, hours, audience, first, space, root = (
        raw.event, raw.at, raw.n, raw.bin, raw.audience, raw.first, raw.space, raw.root,
    )  # fmt: skip
    places, conversation, offset, late = judged.place, judged.conversation, judged.offset, judged.late
    for i in range(len(event)):
        shared = event[i] if space[i] == NONE else space[i]
        if places[i] == MAIL or (places[i] == DIRECT and space[i] == NONE):
            shared = (event[i] if first[i] == NONE else first[i]) % 2**40 + audience[i] * 2**41
        elif places[i] != DIRECT and root[i] != NONE:
            shared = root[i]
        minute = at[i] // 60
        local = n[i] * MINUTES_A_DAY + hours[i] % OUT_OF_HOURS * 60 + minute % 60
        conversation[i], offset[i], late[i] = shared, local - minute, hours[i] & OUT_OF_HOURS != 0


def judgements(raw: Raw, limits: Limits) -> Judged:
    """Return place, verdict, conversation and the sender's clock of each event."""
    size = len(raw.event)
    place, verdict, late = np.empty((3, size), dtype=np.uint8)
    judged = Judged(place, verdict, late, np.empty(size, dtype=np.int64), np.empty(size, dtype=np.int32))
    _judge(raw, limits, judged)
    _tell_time(raw, judged)
    return judged
