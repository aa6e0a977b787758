"""Which events may make ties: bots, lists, broadcasts, cancelled meetings and daily reminders are counted and left out."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ona.compiled import Codes, Flags, Ints
from ona.ties._kernels import mark_copies
from ona.ties._sorting import NONE, codes_of
from ona.ties._verdicts import CHANNEL, DIRECT, MAIL, MEETING, MINUTES_A_DAY, REACTION
from ona.ties.calendar import mondays
from ona.ties.columns import KEPT, NO_LEAD, Held
from ona.ties.frames import together

DROPS = ("excluded", "bot", "external", "automatic", "list", "broadcast", "cancelled", "audience", "alone", "recurring", "duplicate")
"""Rules in the order in which they are asked; an event is counted under the first one that drops it."""

RECURRING_DAYS = 4
"""Days of one week on which the same author posts in the same channel at the same time of day: a reminder."""
FAR = 2**40
"""Seconds from any event: a pair without a message before or after."""


def clean(held: Held) -> Flags:
    """Return the final verdict on each event: 0 kept, else 1 + the index in ``DROPS``.

    Cut-offs act on the original audience. The rules of section 1 of the method, in the order of ``DROPS``:
    accounts excluded from analysis; bots, rooms, shared mailboxes and technical accounts; unknown senders;
    automatic mail; lists; broadcast mentions; cancelled meetings; too large an audience (the mentions of a
    channel post are cut where ties are made, since its thread stays a conversation); notes to oneself;
    root posts at the same time of day on four days of a week; copies of one exchange in two channels.
    Kept and dropped add up to what came in.
    """
    verdict = held.events.verdict.copy()
    copied, recurring = together([lambda: _duplicates(held), lambda: _recurring(held)])
    verdict[copied] = 1 + DROPS.index("duplicate")
    verdict[recurring] = 1 + DROPS.index("recurring")
    return verdict


def dropped(w: Codes, verdict: Flags) -> pa.Table:
    """Count events by week and rule; the rule ``kept`` holds those that stayed."""
    base = int(w.min()) if w.size else 0
    counts = np.bincount((w.astype(np.int64) - base) * (len(DROPS) + 1) + verdict)
    found = np.flatnonzero(counts)
    rules = np.array(("kept", *DROPS))[found % (len(DROPS) + 1)]
    return pa.table(
        {"week": mondays(found // (len(DROPS) + 1) + base), "rule": pa.array(rules.tolist(), pa.string()), "events": counts[found]}
    )


def _recurring(held: Held) -> Ints:
    """Root posts of one author in one channel within five minutes of the same time of day, on four days of a week; their rows."""
    events = held.events
    rows = np.flatnonzero((events.verdict == KEPT) & (events.place == CHANNEL) & (events.root == NONE) & (events.space >= 0))
    minute = (events.at[rows] // 60 + held.judged.offset[rows]) % MINUTES_A_DAY
    place = (events.sender[rows].astype(np.int64) * held.spaces.size + events.space[rows]) * 1024
    days = 1 << ((events.n[rows] + 3) % 7)
    often = [_often(place + (minute + shift) // 10 * 2 + shift // 5, events.w[rows], days) for shift in (0, 5)]
    return rows[often[0] | often[1]]


def _often(slot: Ints, w: Codes, days: Codes) -> NDArray[np.bool_]:
    """Whether a slot of a week was used on enough days."""
    codes, number = codes_of(slot, w.astype(np.int64))
    used = np.zeros(number, dtype=np.int64)
    np.bitwise_or.at(used, codes, days)
    return np.asarray(np.bitwise_count(used)[codes] >= RECURRING_DAYS)


def _duplicates(held: Held) -> Ints:
    """Mails that repeat a direct message within five minutes, or announce a meeting booked in the same hour; their rows."""
    events, person = held.events, held.known.person
    addressed = (events.place != CHANNEL) & (events.place != REACTION) & (held.names.stop > held.names.start)
    sent = np.flatnonzero((events.verdict == KEPT) & addressed & (events.audience > 0))
    first = held.names.account[held.names.start[sent]]
    named = (first >= 0) & (person[first] != NONE)
    rows = sent[named]
    pair = (person[events.sender[rows]], person[first[named]])
    return np.concatenate([_repeated(held, rows, pair), _announced(held, rows, pair)])


def _repeated(held: Held, rows: Ints, pair: tuple[Ints, Ints]) -> Ints:
    """Mails to one person within five minutes of a direct message to them."""
    place = held.events.place[rows]
    alone = (held.events.audience[rows] == 1) & (place <= DIRECT)
    codes, number = codes_of(pair[0][alone], pair[1][alone])
    copied, near = np.zeros(codes.size, dtype=np.uint8), (np.full(number, -FAR), np.full(number, FAR))
    mark_copies(held.events.at[rows[alone]], place[alone], codes, near, copied)
    found: Ints = rows[alone][copied > 0]
    return found


def _announced(held: Held, rows: Ints, pair: tuple[Ints, Ints]) -> Ints:
    """Mails to the same people in the hour in which a meeting was booked, or next to it."""
    place, audience, hour = held.events.place[rows], held.events.audience[rows].astype(np.int64), held.events.at[rows] // 3600
    lead = held.meetings.lead_hours[held.meetings.order[rows]]
    booked = np.flatnonzero((place == MEETING) & (lead != NO_LEAD))
    if not booked.size:
        return rows[:0]
    mails = np.flatnonzero((place == MAIL) & np.isin(pair[0], pair[0][booked]))
    both = np.concatenate([booked, mails])
    group, _ = codes_of(*(codes_of(side[both], audience[both])[0].astype(np.int64) for side in pair))
    invited, mailed = group[: booked.size].astype(np.int64), group[booked.size :].astype(np.int64)
    when = hour[booked] - lead[booked]
    slots = np.concatenate([invited * FAR + when + step for step in (-1, 0, 1)])
    return rows[mails[np.isin(mailed * FAR + hour[mails], slots)]]
