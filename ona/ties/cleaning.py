"""Which events may make ties: bots, lists, broadcasts, cancelled meetings and daily reminders are counted and left out."""

import narwhals as nw

from ona.rules import TieRules
from ona.tables import OUT_OF_HOURS, AccountKind, Flag, Kind, SpaceKind
from ona.ties import automation
from ona.ties.calendar import MINUTES_A_DAY, day_number, seconds, week_number, working_minutes
from ona.ties.frames import Lazy, Persist, at_once, bit, flag, stacked

DROPS = ("excluded", "bot", "external", "automatic", "list", "broadcast", "cancelled", "audience", "alone", "recurring", "duplicate")
"""Rules in the order in which they are asked; an event is counted under the first one that drops it."""

PEOPLE = (AccountKind.MEMBER, AccountKind.GUEST, AccountKind.FORMER)
"""Accounts behind which a person writes; of them only members are scored."""

KEPT = 0
MAIL, DIRECT, CHANNEL, MEETING, REACTION = 1, 2, 3, 4, 5
"""Places: how the targets of an event are found."""

RECURRING_DAYS = 4
"""Days of one week on which the same author posts in the same channel at the same time of day: a reminder."""
NEAR = 300
"""Seconds between a message and its copy in another channel."""
HEADER = ("event", "source", "place", "sender", "space", "root", "reply_to", "audience", "week", "day", "n", "w", "at", "clock", "offset")
MEETING_HEADER = ("series", "lead_hours", "minutes")


automated_senders = automation.automated_senders


def clean(events: Lazy, accounts: Lazy, rules: TieRules, persist: Persist = at_once) -> Lazy:
    """Give each event its verdict.

    Cut-offs act on the original audience. The rules of section 1 of the method, in the order of ``DROPS``:
    accounts excluded from analysis; bots, rooms, shared mailboxes and technical accounts; unknown senders;
    automatic mail; lists; broadcast mentions; cancelled meetings; too large an audience (the mentions of a
    channel post are cut where ties are made, since its thread stays a conversation); notes to oneself;
    root posts at the same time of day on four days of a week; copies of one exchange in two channels.

    Returns
    -------
    Lazy
        One row per event without its recipients: ``HEADER``, ``MEETING_HEADER``, ``late`` (outside working
        hours), ``conversation`` and ``verdict``: 0 kept, else 1 + the index in ``DROPS``. Kept and dropped add
        up to what came in. Times are whole numbers: ``at`` seconds UTC, ``clock`` working minutes and
        ``offset`` minutes of the sender's clock, ``n`` days and ``w`` weeks since 1970.
    """
    headers = persist(plain(events, accounts, rules))
    doubtful = persist(stacked([_recurring(headers), _duplicates(headers, accounts)]).group_by("event").agg(nw.col("later").min()))
    decided = headers.join(doubtful, on="event", how="left").with_columns(verdict=nw.coalesce("later", "verdict"))
    return decided.drop("later", "first", "sender_person")


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


def people_of(accounts: Lazy) -> Lazy:
    """Return the accounts behind which a person stands who may appear in ties."""
    return accounts.filter(nw.col("kind").is_in([int(kind) for kind in PEOPLE]) & ~nw.col("excluded")).select("account")


def dropped(headers: Lazy) -> Lazy:
    """Count events by week and rule; the rule ``kept`` holds those that stayed."""
    named = nw.lit("kept")
    for index, rule in enumerate(DROPS, start=1):
        named = nw.when(nw.col("verdict") == index).then(nw.lit(rule)).otherwise(named)
    counted = headers.group_by("week", "verdict").agg(nw.len().alias("events"))
    return counted.select("week", named.alias("rule"), nw.col("events").cast(nw.Int64))


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


def _recurring(headers: Lazy) -> Lazy:
    """Root posts of one author in one channel within five minutes of the same time of day, on four days of a week."""
    roots = headers.filter(nw.col("verdict") == KEPT, nw.col("place") == CHANNEL, nw.col("root").is_null())
    minute = (nw.col("at") // 60 + nw.col("offset")) % MINUTES_A_DAY
    slots = stacked([roots.select("event", "sender", "space", "w", "n", slot=(minute + shift) // 10 * 2 + shift // 5) for shift in (0, 5)])
    key = ("sender", "space", "w", "slot")
    daily = slots.group_by(*key).agg(days=nw.col("n").n_unique()).filter(nw.col("days") >= RECURRING_DAYS)
    return slots.join(daily, on=list(key)).select("event", later=nw.lit(1 + DROPS.index("recurring")))


def _duplicates(headers: Lazy, people: Lazy) -> Lazy:
    """Mails that repeat a direct message within five minutes, or announce a meeting booked in the same hour."""
    first = people.select(first="account", first_person="person")
    kept = headers.filter(nw.col("verdict") == KEPT, nw.col("audience") > 0).join(first, on="first")
    mails, meetings = kept.filter(nw.col("place") == MAIL), kept.filter(nw.col("place") == MEETING, ~nw.col("lead_hours").is_null())
    single, chats = mails.filter(nw.col("audience") == 1), kept.filter(nw.col("place") == DIRECT, nw.col("audience") == 1)
    copies = stacked([single.with_columns(slot=(nw.col("at") + shift) // (2 * NEAR)) for shift in (-NEAR, NEAR)])
    said = chats.select("sender_person", "first_person", said="at", slot=nw.col("at") // (2 * NEAR))
    repeated = copies.join(said, on=["sender_person", "first_person", "slot"]).filter((nw.col("at") - nw.col("said")).abs() <= NEAR)
    booked = nw.col("at") // 3600 - nw.col("lead_hours").cast(nw.Int64)
    invited = stacked([meetings.select("sender_person", "first_person", "audience", slot=booked + shift) for shift in (-1, 0, 1)])
    hourly = mails.with_columns(slot=nw.col("at") // 3600)
    announced = hourly.join(invited, on=["sender_person", "first_person", "audience", "slot"], how="semi")
    return stacked([part.select("event", later=nw.lit(1 + DROPS.index("duplicate"))) for part in (repeated, announced)])
