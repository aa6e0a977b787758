"""To whom each turn, reaction and meeting goes, and how much of it: every event spends exactly its own value."""

from dataclasses import dataclass

import narwhals as nw

from ona.rules import TieRules
from ona.tables import FIXED_POINT, Channel, Role
from ona.ties.calendar import day_number, weekday_bit
from ona.ties.cleaning import CHANNEL, DIRECT, MAIL, MEETING
from ona.ties.frames import Lazy, flag, rounded, stacked, total

TURN = 2**30
"""Units of one turn while turns are added up within a day; finer than the table's, so that rounding happens once."""

SMALL_MESSAGE = 4
SMALL_MEETING = 5
"""Largest audience (meetings: people) that is evidence of a relationship, amendment 9 of the method."""

PART = ("event", "sender", "account", "x", "small", "turns", "channel", "source", "week", "day")
"""One row per event and receiver: ``x`` in TURN units, ``small`` and ``turns`` 0 or 1."""

TO = 27720
"""Units of the recipient split: 1 to 12 people divide them without a rest, so that sums are exact."""

UNKNOWN_MINUTES = 30.0
"""Length of a meeting whose calendar entry has none."""


def received(events: Lazy, kept: Lazy, people: Lazy) -> Lazy:
    """Return one row per kept event and recipient: people only, the sender left out, with the event's columns."""
    named = events.select("event", "recipients").filter(nw.col("recipients").list.len() > 0).explode("recipients")
    parts = named.select(
        "event", account=nw.col("recipients").struct.field("account"), role=nw.col("recipients").struct.field("role").cast(nw.Int64)
    )
    known = parts.join(people, on="account", how="semi")
    return known.join(kept, on="event").filter(nw.col("account") != nw.col("sender"))


@dataclass(frozen=True)
class Steps:
    """What parts are made of."""

    kept: Lazy  # events
    got: Lazy  # their recipients
    posts: Lazy  # channel turns
    given: Lazy  # reactions


def parts(steps: Steps, rules: TieRules, wanted: nw.Expr) -> Lazy:
    """Return what every event of the ``wanted`` weeks gives to each receiver.

    Returns
    -------
    Lazy
        Columns ``PART``. The ``x`` of one mail, direct message, reply or root mention sum to one turn (``TURN``),
        those of a reaction to .2, those of a meeting to its hours per attendee when all accepted (section 1).
    """
    got = steps.got.filter(wanted)
    heads = steps.posts.filter(wanted, nw.col("opens") == 1)
    reacted, met = _reacted(steps.given.filter(wanted), rules), _met(steps.kept.filter(wanted), got, rules)
    return stacked([_messages(got, rules), _posts(heads, steps, rules), reacted, met])


def weekly_ties(given: Lazy) -> Lazy:
    """Add parts up to TIES: log2(1 + turns) per pair and day, summed over the week in fixed point."""
    pair = ("source", "channel", "sender", "account")
    daily = given.group_by("day", *pair).agg(
        week=nw.col("week").max(), x=total("x"), events=nw.len(), small=nw.col("small").max(), turns=total("turns")
    )
    y = rounded((nw.col("x").cast(nw.Float64) / TURN + 1.0).log(2) * FIXED_POINT)
    marked = daily.with_columns(y=y, bit=weekday_bit(day_number()))
    weekly = marked.with_columns(proof=nw.col("bit") * nw.col("small")).group_by("week", *pair).agg(
        weight=total("y"), events=total("events"), days=total("bit"), evidence=total("proof"), turns=total("turns")
    )  # fmt: skip
    return weekly.select(
        "week",
        "source",
        nw.col("channel").cast(nw.UInt8),
        nw.col("sender").alias("from"),
        nw.col("account").alias("to"),
        "weight",
        nw.col("events").cast(nw.UInt32),
        nw.col("days").cast(nw.UInt8),
        nw.col("evidence").cast(nw.UInt8),
        nw.col("turns").cast(nw.UInt16),
    )


def _part(frame: Lazy, channel: nw.Expr) -> Lazy:
    return frame.with_columns(channel=channel).filter(nw.col("x") > 0).select(*PART)


def _share(value: nw.Expr, rules: TieRules) -> nw.Expr:
    """Part of a turn: u over the sum of u, times n to the power of 1 - beta."""
    share = value / nw.col("whole")
    return share if rules.beta == 1.0 else share * nw.col("receivers").cast(nw.Float64) ** (1.0 - rules.beta)


def _messages(got: Lazy, rules: TieRules) -> Lazy:
    """Mail and direct messages: To 1, Cc .25, Bcc nothing, over the sum of the recipients that were kept."""
    mail = nw.col("place") == MAIL
    copied, blind = mail & (nw.col("role") == int(Role.CC)), mail & (nw.col("role") == int(Role.BCC))
    value = nw.when(copied).then(nw.lit(round(rules.cc_weight * TO))).when(blind).then(nw.lit(0)).otherwise(nw.lit(TO))
    heads = got.filter(nw.col("place").is_in([MAIL, DIRECT]), nw.col("opens") == 1).with_columns(u=value)
    heads = heads.filter(nw.col("u") > 0).with_columns(small=flag(nw.col("audience") <= SMALL_MESSAGE), turns=nw.lit(1))
    single = heads.filter(nw.col("audience") <= 1).with_columns(x=nw.lit(TURN))
    several = heads.filter(nw.col("audience") > 1)
    wholes = several.group_by("event").agg(whole=total("u"), receivers=nw.len())
    shared = several.join(wholes, on="event").with_columns(x=rounded(_share(nw.col("u"), rules) * TURN))
    channel = nw.when(mail).then(nw.lit(int(Channel.MAIL))).otherwise(nw.lit(int(Channel.CHAT)))
    return stacked([_part(single, channel), _part(shared, channel)])


def _posts(heads: Lazy, steps: Steps, rules: TieRules) -> Lazy:
    """Channel turns: root author 1, previous distinct speaker 1, mentions 2 together, over their sum; a bare root gives nothing."""
    replies = heads.filter(~nw.col("root").is_null())
    thread = stacked([replies.select("turn", "sender", account=who, u=nw.lit(TO)) for who in ("root_author", "before")])
    called = steps.got.filter(nw.col("place") == CHANNEL, nw.col("audience") <= rules.max_mentions)
    turn_of = steps.posts.select("event", "turn")
    mentions = called.join(turn_of, on="event").select("turn", "sender", "account").unique()
    number = mentions.group_by("turn").agg(called=nw.len())
    named = mentions.join(number, on="turn").select("turn", "sender", "account", u=2 * TO // nw.col("called"))
    targets = stacked([thread, named]).filter(nw.col("account") != nw.col("sender"), ~nw.col("account").is_null())
    return _spread(targets, heads, rules)


def _spread(targets: Lazy, heads: Lazy, rules: TieRules) -> Lazy:
    value = targets.group_by("turn", "account").agg(u=total("u"))
    wholes = value.group_by("turn").agg(whole=total("u"), receivers=nw.len())
    shared = value.join(wholes, on="turn").join(heads, on="turn")
    x = rounded(_share(nw.col("u"), rules) * TURN)
    return _part(shared.with_columns(x=x, small=nw.lit(1), turns=nw.lit(1)), nw.lit(int(Channel.CHAT)))


def _reacted(given: Lazy, rules: TieRules) -> Lazy:
    """Reactions: one per reactor, author and day."""
    others = given.filter(~nw.col("author").is_null(), nw.col("author") != nw.col("sender"))
    daily = others.group_by("sender", "author", "day").agg(
        event=nw.col("event").min(), source=nw.col("source").min(), week=nw.col("week").min()
    )
    valued = daily.with_columns(account=nw.col("author"), x=nw.lit(round(rules.reaction_value * TURN)), small=nw.lit(1), turns=nw.lit(0))
    return _part(valued, nw.lit(int(Channel.CHAT)))


def attendees(kept: Lazy, got: Lazy) -> Lazy:
    """Return who attends each kept meeting and how surely: organiser and accepted 1, tentative or no answer .5, declined left out."""
    columns = ("event", "account", "a", "sender", "audience", "source", "week", "day", "w", "n", "minutes")
    meetings = kept.filter(nw.col("place") == MEETING).with_columns(account=nw.col("sender"), a=nw.lit(1.0))
    unsure, declined = nw.col("role").is_in([int(Role.TENTATIVE), int(Role.NO_ANSWER)]), nw.col("role") == int(Role.DECLINED)
    sure = nw.when(unsure).then(nw.lit(0.5)).when(declined).then(nw.lit(0.0)).otherwise(nw.lit(1.0))
    invited = got.filter(nw.col("place") == MEETING).with_columns(a=sure).filter(nw.col("a") > 0)
    return stacked([meetings.select(*columns), invited.select(*columns)])


def _met(kept: Lazy, got: Lazy, rules: TieRules) -> Lazy:
    """Meetings: a_i a_j h / (n - 1) to each pair, both ways."""
    seats = attendees(kept, got)
    sizes = seats.group_by("event").agg(size=nw.col("a").sum(), heads=nw.len()).filter(nw.col("heads") > 1)
    left = seats.join(sizes, on="event").drop("sender").with_columns(sender=nw.col("account"), a_from=nw.col("a")).drop("account", "a")
    pairs = left.join(seats.select("event", "account", "a"), on="event").filter(nw.col("sender") != nw.col("account"))
    length = nw.col("minutes").cast(nw.Float64).fill_null(UNKNOWN_MINUTES) / 60.0
    hours = nw.when(length > rules.meeting_cap_hours).then(nw.lit(rules.meeting_cap_hours)).otherwise(length)
    x = rounded(nw.col("a") * nw.col("a_from") * hours / (nw.col("size") - 1.0) * TURN)
    small = flag(nw.col("audience") + 1 <= SMALL_MEETING)
    return _part(pairs.with_columns(x=x, small=small, turns=nw.lit(0)), nw.lit(int(Channel.MEETING)))
