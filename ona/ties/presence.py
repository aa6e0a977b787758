"""What each account did and could have done in a week: PRESENCE, the exposure against which help is measured."""

from collections.abc import Sequence
from dataclasses import dataclass

import narwhals as nw

from ona.tables import FIXED_POINT, LATENCY_EDGES_MINUTES, Channel
from ona.ties.asks import carried
from ona.ties.attribution import UNKNOWN_MINUTES, attendees
from ona.ties.calendar import weekday_bit
from ona.ties.cleaning import CHANNEL, DIRECT, DROPS, MAIL, MEETING
from ona.ties.frames import Lazy, Persist, at_once, flag, rounded, stacked, total

BINS = len(LATENCY_EDGES_MINUTES) + 1
MINUTE = 64
"""Units of a meeting minute while minutes are added up, so that sums do not depend on order."""

CENSORED_AFTER = 960
"""Working minutes after which a request counts as never answered: the two working days of the answer window."""

_MASS = tuple(1 + DROPS.index(rule) for rule in ("list", "broadcast", "audience"))
_ACTS = ("days", "chat", "mail", "meeting", "turns", "initiated", "broadcasts", "out_of_hours")
_COUNTS = ("asks_made", "directed_in", "directed_answered", "exposure", "burst_exposure", "pulls", "reachable", "minutes")
_LATENCY = tuple(f"latency_{k}" for k in range(BINS))
_CENSORED = tuple(f"censored_{k}" for k in range(BINS))
_ALL = (*_ACTS, *_COUNTS, *_LATENCY, *_CENSORED)


@dataclass(frozen=True)
class Seen:
    """The steps that presence is counted from."""

    headers: Lazy
    kept: Lazy
    got: Lazy
    posts: Lazy
    exchanges: Lazy
    credits: Lazy
    requests: Lazy
    bursts: Lazy | None
    pulls: Lazy | None


def presence(seen: Seen, persist: Persist = at_once) -> Lazy:
    """Count PRESENCE.

    Days, channels, turns, broadcasts and out-of-hours come from the account's own events, dropped mass mail included;
    an accepted meeting counts as a day at work. ``initiated`` are turns that answer nothing: root posts, mails
    without a predecessor, openings of direct exchanges. ``exposure`` spreads the confidence of each channel ask
    evenly over those who were active in the space in four weeks and at work that day, the asker left out.
    ``reachable`` adds up the other active people of each of the account's spaces: an upper bound, since one person in
    two common spaces counts twice. Latencies are working minutes on the helper's clock; a request that was not
    answered within the answer window is censored there.
    """
    seats = persist(attendees(seen.kept, seen.got))
    acts = persist(_acts(seen, seats))
    weeks = persist(acts.select("w", "week").unique())
    active = persist(_active(seen.posts, acts))
    parts = [acts.drop("n", "w"), _meetings(seats), _asks_made(seen.credits), _requests(seen.requests)]
    parts += [_exposure(seen.credits, active, acts, persist), _reachable(active, weeks), *_bursts(seen, active, weeks)]
    added = stacked([_padded(part) for part in parts]).group_by("week", "account").agg(*[total(name) for name in _ALL])
    return _shaped(added)


def _acts(seen: Seen, seats: Lazy) -> Lazy:
    """One row per account and day: what channels, how many turns."""
    place, nothing = nw.col("place"), nw.lit(0)
    opened = flag(nw.col("root").is_null() & (((place == MAIL) & nw.col("reply_to").is_null()) | (place == CHANNEL)))
    spoken = place.is_in([MAIL, DIRECT, CHANNEL])
    own = seen.kept.select(
        "week",
        "w",
        "n",
        account="sender",
        mail=flag(place == MAIL),
        meeting=flag(place == MEETING),
        chat=flag((place != MAIL) & (place != MEETING)),
        turns=nw.when(spoken).then(nw.col("opens")).otherwise(nothing),
        initiated=opened * nw.col("opens"),
        broadcasts=nothing,
        out_of_hours=nw.col("late"),
    )
    mass = seen.headers.filter(nw.col("verdict").is_in(list(_MASS)), place != MEETING)
    sent = mass.select(
        "week",
        "w",
        "n",
        account="sender",
        mail=flag(place == MAIL),
        meeting=nothing,
        chat=flag(place != MAIL),
        turns=nothing,
        initiated=nothing,
        broadcasts=nw.lit(1),
        out_of_hours=nw.col("late"),
    )
    sat = seats.filter(nw.col("a") == 1.0, nw.col("account") != nw.col("sender"))
    met = sat.select(
        "week",
        "w",
        "n",
        "account",
        mail=nothing,
        meeting=nw.lit(1),
        chat=nothing,
        turns=nothing,
        initiated=nothing,
        broadcasts=nothing,
        out_of_hours=nothing,
    )
    began = seen.exchanges.filter(nw.col("place") == DIRECT).select("ask", "asker", "week", "w", "n").unique()
    begun = began.select(
        "week",
        "w",
        "n",
        account="asker",
        mail=nothing,
        meeting=nothing,
        chat=nw.lit(1),
        turns=nothing,
        initiated=nw.lit(1),
        broadcasts=nothing,
        out_of_hours=nothing,
    )
    rows = stacked([own, sent, met, begun])
    counted = [total(name) for name in ("turns", "initiated", "broadcasts", "out_of_hours")]
    daily = rows.group_by("week", "w", "n", "account").agg(*[nw.col(name).max() for name in ("mail", "meeting", "chat")], *counted)
    return daily.with_columns(days=weekday_bit(nw.col("n")))


def _active(posts: Lazy, acts: Lazy) -> Lazy:
    """Return (space, account, w): wrote in the space in this week or the three before, and at work this week."""
    wrote = posts.filter(~nw.col("space").is_null()).select("space", "w", account="sender").unique()
    return carried(wrote).unique().join(acts.select("account", "w").unique(), on=["account", "w"], how="semi")


def _meetings(seats: Lazy) -> Lazy:
    minutes = nw.col("minutes").cast(nw.Float64).fill_null(UNKNOWN_MINUTES)
    return seats.select("week", "account", minutes=rounded(minutes * nw.col("a") * MINUTE))


def _asks_made(credits: Lazy) -> Lazy:
    return credits.select("ask", "week", "asker").unique().select("week", account="asker", asks_made=nw.lit(1))


def _requests(requests: Lazy) -> Lazy:
    """Count requests by name received and answered, with the latency histogram of either."""
    waited = nw.when(nw.col("answered") == 1).then(nw.col("waited")).otherwise(nw.lit(CENSORED_AFTER))
    slot = nw.lit(BINS - 1)
    for index in reversed(range(BINS - 1)):
        slot = nw.when(waited <= LATENCY_EDGES_MINUTES[index]).then(nw.lit(index)).otherwise(slot)
    placed = requests.with_columns(slot=slot)
    bins = {f"latency_{k}": flag((nw.col("slot") == k) & (nw.col("answered") == 1)) for k in range(BINS)}
    bins |= {f"censored_{k}": flag((nw.col("slot") == k) & (nw.col("answered") == 0)) for k in range(BINS)}
    return placed.select("week", account="helper", directed_in=nw.lit(1), directed_answered=nw.col("answered"), **bins)


def _exposure(credits: Lazy, active: Lazy, acts: Lazy, persist: Persist) -> Lazy:
    """Share of the channel asks of a day that falls to each active person at work, had all been equally likely to help."""
    asks = credits.filter(~nw.col("space").is_null()).select("ask", "week", "w", "space", "n", "asker", "sure").unique()
    made = persist(
        asks.rename({"asker": "account"}).group_by("space", "n", "w", "account").agg(week=nw.col("week").min(), own=total("sure"))
    )
    raised = made.group_by("space", "n", "w").agg(week=nw.col("week").min(), all=total("own"))
    there = acts.select("account", "n", "w").join(active, on=["account", "w"]).join(raised, on=["space", "n", "w"])
    there = persist(there.select("space", "n", "w", "week", "account", "all"))
    size = there.group_by("space", "n").agg(people=nw.len()).filter(nw.col("people") > 1)
    own = there.join(size, on=["space", "n"]).join(made.select("space", "n", "account", "own"), on=["space", "n", "account"], how="left")
    others = nw.col("all") - nw.col("own").fill_null(0)
    return own.select("week", "account", exposure=others * (FIXED_POINT // 2) // (nw.col("people") - 1))


def _reachable(active: Lazy, weeks: Lazy) -> Lazy:
    sizes = active.group_by("space", "w").agg(people=nw.len())
    return active.join(sizes, on=["space", "w"]).join(weeks, on="w").select("week", "account", reachable=nw.col("people") - 1)


def _bursts(seen: Seen, active: Lazy, weeks: Lazy) -> Sequence[Lazy]:
    if seen.bursts is None or seen.pulls is None:
        return ()
    dated = active.join(weeks, on="w")
    exposed = seen.bursts.select("space", "week").join(dated, on=["space", "week"]).select("week", "account", burst_exposure=nw.lit(1))
    return exposed, seen.pulls.select("week", "account", pulls=nw.lit(1))


def _padded(frame: Lazy) -> Lazy:
    known = frame.collect_schema().names()
    return frame.select("week", "account", *[(nw.col(name) if name in known else nw.lit(0)).cast(nw.Int64).alias(name) for name in _ALL])


def _shaped(added: Lazy) -> Lazy:
    used = [
        (nw.col(name) > 0, 1 << channel) for name, channel in (("chat", Channel.CHAT), ("mail", Channel.MAIL), ("meeting", Channel.MEETING))
    ]
    channels = nw.sum_horizontal(*[nw.when(test).then(nw.lit(bit)).otherwise(nw.lit(0)) for test, bit in used])
    counts = ("turns", "initiated", "broadcasts", "asks_made", "directed_in", "directed_answered")
    later = ("burst_exposure", "pulls", "reachable")
    return added.select(
        "week",
        "account",
        nw.col("days").cast(nw.UInt8),
        channels.cast(nw.UInt8).alias("channels"),
        *_unsigned(counts),
        "exposure",
        *_unsigned(later),
        meeting_minutes=(nw.col("minutes").cast(nw.Float64) / MINUTE).cast(nw.Float32),
        out_of_hours=nw.col("out_of_hours").cast(nw.UInt32),
        latency=nw.list(*_unsigned(_LATENCY)),
        censored=nw.list(*_unsigned(_CENSORED)),
    )


def _unsigned(names: Sequence[str]) -> list[nw.Expr]:
    return [nw.col(name).cast(nw.UInt32) for name in names]
