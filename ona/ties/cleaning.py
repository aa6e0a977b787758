"""Which events may make ties: bots, lists, broadcasts, cancelled meetings and daily reminders are counted and left out."""

import narwhals as nw
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ona.compiled import Codes, Ints
from ona.rules import TieRules
from ona.tables import OUT_OF_HOURS, AccountKind, Flag, Kind, SpaceKind
from ona.ties import automation
from ona.ties._kernels import NONE, Events, codes_of, mark_copies, rows_of
from ona.ties.calendar import MINUTES_A_DAY, day_number, mondays, seconds, week_number, working_minutes
from ona.ties.columns import NO_LEAD, Held
from ona.ties.frames import Lazy, bit, flag

DROPS = ("excluded", "bot", "external", "automatic", "list", "broadcast", "cancelled", "audience", "alone", "recurring", "duplicate")
"""Rules in the order in which they are asked; an event is counted under the first one that drops it."""

KEPT = 0
MAIL, DIRECT, CHANNEL, MEETING, REACTION = 1, 2, 3, 4, 5
"""Places: how the targets of an event are found."""

RECURRING_DAYS = 4
"""Days of one week on which the same author posts in the same channel at the same time of day: a reminder."""
FAR = 2**40
"""Seconds from any event: a pair without a message before or after."""
HEADER = ("event", "source", "place", "sender", "space", "root", "reply_to", "audience", "week", "day", "n", "w", "at", "clock", "offset")
MEETING_HEADER = ("series", "lead_hours", "minutes")


automated_senders = automation.automated_senders


def clean(held: Held) -> Events:
    """Return the events with their final verdict: 0 kept, else 1 + the index in ``DROPS``.

    Cut-offs act on the original audience. The rules of section 1 of the method, in the order of ``DROPS``:
    accounts excluded from analysis; bots, rooms, shared mailboxes and technical accounts; unknown senders;
    automatic mail; lists; broadcast mentions; cancelled meetings; too large an audience (the mentions of a
    channel post are cut where ties are made, since its thread stays a conversation); notes to oneself;
    root posts at the same time of day on four days of a week; copies of one exchange in two channels.
    Kept and dropped add up to what came in.
    """
    verdict = held.events.verdict.copy()
    copied, recurring = _duplicates(held), _recurring(held)
    verdict[copied] = 1 + DROPS.index("duplicate")
    verdict[recurring] = 1 + DROPS.index("recurring")
    return held.events._replace(verdict=verdict)


def plain(events: Lazy, people: Lazy, rules: TieRules) -> Lazy:
    """Return events with whole-number times, their place and the verdict that the event alone allows, without recipients."""
    known = people.select(sender="account", sender_kind="kind", sender_excluded="excluded", sender_person="person")
    timed = events.with_columns(
        n=day_number(),
        at=seconds(),
        audience=nw.col("audience").cast(nw.Int64).fill_null(0),
        flags=nw.col("flags").cast(nw.Int64).fill_null(0),
        late=flag(bit("bin", OUT_OF_HOURS)),
        first=nw.col("recipients").list.get(0).struct.field("account"),
    ).with_columns(place=_place(), local=_local_minute(), w=week_number(nw.col("n")))
    judged = timed.join(known, on="sender", how="left").with_columns(
        offset=nw.col("local") - nw.col("at") // 60, clock=working_minutes(nw.col("local")), verdict=_verdict(rules)
    )
    return judged.select(*HEADER, *MEETING_HEADER, "late", "verdict", "first", "sender_person", conversation=_conversation())


def dropped(events: Events) -> pa.Table:
    """Count events by week and rule; the rule ``kept`` holds those that stayed."""
    base = int(events.w.min()) if events.w.size else 0
    counts = np.bincount((events.w.astype(np.int64) - base) * (len(DROPS) + 1) + events.verdict)
    found = np.flatnonzero(counts)
    rules = np.array(("kept", *DROPS))[found % (len(DROPS) + 1)]
    return pa.table(
        {"week": mondays(found // (len(DROPS) + 1) + base), "rule": pa.array(rules.tolist(), pa.string()), "events": counts[found]}
    )


def _local_minute() -> nw.Expr:
    """Minutes since 1970 on the sender's clock; the bin holds the hour, the minute is taken from UTC."""
    return nw.col("n") * MINUTES_A_DAY + nw.col("bin").cast(nw.Int64) % OUT_OF_HOURS * 60 + nw.col("at") // 60 % 60


def _place() -> nw.Expr:
    direct = nw.col("space_kind").is_in([int(SpaceKind.DIRECT), int(SpaceKind.GROUP)])
    unplaced = nw.col("space_kind").is_null() & (nw.col("audience") > 0)
    return (
        nw.when(nw.col("kind") == int(Kind.MAIL)).then(nw.lit(MAIL))
        .when(nw.col("kind") == int(Kind.MEETING)).then(nw.lit(MEETING))
        .when(nw.col("kind") == int(Kind.REACTION)).then(nw.lit(REACTION))
        .when(direct | unplaced).then(nw.lit(DIRECT))
        .otherwise(nw.lit(CHANNEL))
    )  # fmt: skip


def _conversation() -> nw.Expr:
    """Return what consecutive messages have to share to be one turn: the thread, the channel, or the same recipients."""
    channel = nw.coalesce("root", "space", "event")
    addressed = nw.coalesce("first", "event") % 2**40 + nw.col("audience") * 2**41
    direct = nw.coalesce("space", addressed)
    return nw.when(nw.col("place") == MAIL).then(addressed).when(nw.col("place") == DIRECT).then(direct).otherwise(channel)


def _verdict(rules: TieRules) -> nw.Expr:
    place, size = nw.col("place"), nw.col("audience")
    too_many = (
        ((place == MAIL) & (size > rules.max_mail))
        | ((place == DIRECT) & (size > rules.max_group))
        | ((place == MEETING) & (size + 1 > rules.max_meeting))  # people, the organiser counted
    )
    alone = ((place == MAIL) | (place == DIRECT) | (place == MEETING)) & (size <= 1) & (nw.coalesce("first", "sender") == nw.col("sender"))
    kind = nw.col("sender_kind")
    tests = (
        nw.col("sender_excluded"),
        _flagged(Flag.BOT) | kind.is_in([int(AccountKind.BOT), int(AccountKind.SHARED), int(AccountKind.ROOM), int(AccountKind.TECHNICAL)]),
        kind.is_null() | (kind == int(AccountKind.EXTERNAL)),
        _flagged(Flag.AUTO_SUBMITTED) | _flagged(Flag.PRECEDENCE) | _flagged(Flag.NOREPLY),
        _flagged(Flag.LIST),
        _flagged(Flag.BROADCAST),
        _flagged(Flag.CANCELLED),
        too_many,
        alone,
    )
    verdict = nw.lit(KEPT)
    for index, test in reversed(list(enumerate(tests, start=1))):
        verdict = nw.when(test).then(nw.lit(index)).otherwise(verdict)
    return verdict


def _flagged(wanted: Flag) -> nw.Expr:
    return bit("flags", int(wanted))


def _recurring(held: Held) -> Ints:
    """Root posts of one author in one channel within five minutes of the same time of day, on four days of a week; their rows."""
    events = held.events
    rows = np.flatnonzero((events.verdict == KEPT) & (events.place == CHANNEL) & (events.root == NONE) & (events.space != NONE))
    minute = (events.at[rows] // 60 + held.judged.offset[rows]) % MINUTES_A_DAY
    place, _ = codes_of(events.sender[rows].astype(np.int64), events.space[rows])
    days = 1 << ((events.n[rows] + 3) % 7)
    often = [_often(place.astype(np.int64) * 1024 + (minute + shift) // 10 * 2 + shift // 5, events.w[rows], days) for shift in (0, 5)]
    return rows[often[0] | often[1]]


def _often(slot: Ints, w: Codes, days: Codes) -> NDArray[np.bool_]:
    """Whether a slot of a week was used on enough days."""
    codes, number = codes_of(slot, w.astype(np.int64))
    used = np.zeros(number, dtype=np.int64)
    np.bitwise_or.at(used, codes, days)
    return np.asarray(np.bitwise_count(used)[codes] >= RECURRING_DAYS)


def _duplicates(held: Held) -> Ints:
    """Mails that repeat a direct message within five minutes, or announce a meeting booked in the same hour; their rows."""
    events, known = held.events, held.known
    first = rows_of(known.account, held.first)
    named = (first >= 0) & (known.person[first] != NONE) & (events.audience > 0)
    rows = np.flatnonzero(named & (events.verdict == KEPT) & (events.place != CHANNEL) & (events.place != REACTION))
    pair, number = codes_of(known.person[events.sender[rows]], known.person[first[rows]])
    part = events.taken(rows)
    near = np.where((part.audience == 1) & (part.place != MEETING), pair, -1).astype(np.int32)
    copied = np.zeros(rows.size, dtype=np.uint8)
    mark_copies(part, near, np.full(number, -FAR), np.full(number, FAR), copied)
    return rows[(copied > 0) | _announced(held, part, pair, rows)]


def _announced(held: Held, part: Events, pair: Codes, rows: Ints) -> NDArray[np.bool_]:
    """Whether a mail goes to the same people in the hour in which a meeting was booked, or next to it."""
    mails, lead = part.place == MAIL, held.lead_hours[rows]
    meetings = (part.place == MEETING) & (lead != NO_LEAD)
    group = pair.astype(np.int64) * 2**16 + part.audience
    hour = part.at // 3600
    booked = (hour - lead)[meetings]
    invited = np.column_stack([np.tile(group[meetings], 3), np.concatenate([booked - 1, booked, booked + 1])])
    codes, _ = codes_of(np.concatenate([invited[:, 0], group[mails]]), np.concatenate([invited[:, 1], hour[mails]]))
    found = np.zeros(rows.size, dtype=bool)
    found[mails] = np.isin(codes[len(invited) :], codes[: len(invited)])
    return found
