"""The loop over events that places them, tells the time on the sender's clock, and gives the verdict that an event alone allows."""

from typing import NamedTuple

import numpy as np
from numba import void

from ona.compiled import Codes, Flags, Ints, inlined, kernel, record_of

NONE = -(2**63)
EXCLUDED, BOT, EXTERNAL, AUTOMATIC, LISTED, BROADCAST, CANCELLED, AUDIENCE, ALONE = range(1, 10)
MAIL, DIRECT, CHANNEL, MEETING, REACTION = 1, 2, 3, 4, 5
KIND_REACTION, KIND_MAIL, KIND_MEETING = 2, 3, 4
SPACE_DIRECT, SPACE_GROUP = 3, 4
ACCOUNT_BOT, ACCOUNT_TECHNICAL, ACCOUNT_EXTERNAL = 3, 6, 8
FLAG_LIST, FLAG_BROADCAST, FLAG_CANCELLED, FLAG_BOT = 2, 16, 32, 128
FLAGS_AUTOMATIC = 1 | 4 | 8
OUT_OF_HOURS = 32
OPENS, WORKING_DAY, MINUTES_A_DAY = 540, 480, 1440


class Raw(NamedTuple):
    """Columns of events as they came; missing ids are ``NONE``, a missing kind of space is 0."""

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
    """Place, verdict, what consecutive messages share to be one turn, minutes and working minutes of the sender's clock."""

    place: Flags
    verdict: Flags
    late: Flags
    conversation: Ints
    offset: Codes
    clock: Codes


RAW, LIMITS, JUDGED = record_of(Raw), record_of(Limits), record_of(Judged)


@inlined
def _place(raw: Raw, i: int) -> int:
    kind, space = raw.kind[i], raw.space_kind[i]
    if kind == KIND_MAIL:
        return MAIL
    if kind == KIND_MEETING:
        return MEETING
    if kind == KIND_REACTION:
        return REACTION
    unplaced = space == 0 and raw.audience[i] > 0
    return DIRECT if SPACE_DIRECT <= space <= SPACE_GROUP or unplaced else CHANNEL


@inlined
def _sender(raw: Raw, limits: Limits, i: int) -> int:
    """Verdict on who sends, 0 for people."""
    code = raw.code[i]
    if code >= 0 and limits.excluded[code]:
        return EXCLUDED
    if raw.flags[i] & FLAG_BOT or (code >= 0 and ACCOUNT_BOT <= limits.kind[code] <= ACCOUNT_TECHNICAL):
        return BOT
    return EXTERNAL if code < 0 or limits.kind[code] == 0 or limits.kind[code] == ACCOUNT_EXTERNAL else 0


@inlined
def _sent(raw: Raw, limits: Limits, i: int, place: int) -> int:
    """Verdict on what is sent and to how many, 0 for what may make a tie."""
    flags, size = raw.flags[i], raw.audience[i]
    if flags & FLAGS_AUTOMATIC:
        return AUTOMATIC
    if flags & FLAG_LIST:
        return LISTED
    if flags & (FLAG_BROADCAST | FLAG_CANCELLED):
        return BROADCAST if flags & FLAG_BROADCAST else CANCELLED
    people = size + 1  # the organiser counted
    if (
        (place == MAIL and size > limits.mail)
        or (place == DIRECT and size > limits.group)
        or (place == MEETING and people > limits.meeting)
    ):
        return AUDIENCE
    addressed = place == MAIL or place == DIRECT or place == MEETING  # noqa: PLR1714  # compiled
    return ALONE if addressed and size <= 1 and (raw.first[i] == NONE or raw.first[i] == raw.sender[i]) else 0


@inlined
def _conversation(raw: Raw, i: int, place: int) -> int:
    """Return what consecutive messages have to share to be one turn: the thread, the channel, or the same recipients."""
    if place == MAIL or (place == DIRECT and raw.space[i] == NONE):
        return int((raw.event[i] if raw.first[i] == NONE else raw.first[i]) % 2**40 + raw.audience[i] * 2**41)
    if place != DIRECT and raw.root[i] != NONE:
        return int(raw.root[i])
    return int(raw.event[i] if raw.space[i] == NONE else raw.space[i])


@inlined
def _working_minutes(minute: int) -> int:
    number, of_day = minute // MINUTES_A_DAY, min(max(minute % MINUTES_A_DAY - OPENS, 0), WORKING_DAY)
    weekday = (number + 3) % 7
    worked = weekday * WORKING_DAY + of_day if weekday < 5 else 5 * WORKING_DAY
    return (number + 3) // 7 * 5 * WORKING_DAY + worked


@kernel(void(RAW, LIMITS, JUDGED))
def judge(raw: Raw, limits: Limits, judged: Judged) -> None:
    """Fill in place, verdict, conversation and clock of each event; verdict 0 is kept."""
    for i in range(len(raw.event)):
        place = _place(raw, i)
        verdict = _sender(raw, limits, i)
        judged.place[i], judged.verdict[i] = place, verdict if verdict else _sent(raw, limits, i, place)
        judged.conversation[i] = _conversation(raw, i, place)
        minute = raw.at[i] // 60
        local = raw.n[i] * MINUTES_A_DAY + raw.bin[i] % OUT_OF_HOURS * 60 + minute % 60
        judged.offset[i], judged.clock[i] = local - minute, _working_minutes(local)
        judged.late[i] = raw.bin[i] & OUT_OF_HOURS != 0


def judgements(raw: Raw, limits: Limits) -> Judged:
    """Return what ``judge`` fills in."""
    size = len(raw.event)
    place, verdict, late = np.empty((3, size), dtype=np.uint8)
    offset, clock = np.empty((2, size), dtype=np.int32)
    judged = Judged(place, verdict, late, np.empty(size, dtype=np.int64), offset, clock)
    judge(raw, limits, judged)
    return judged
