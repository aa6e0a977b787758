"""What each account did and could have done in a week: PRESENCE, the exposure against which help is measured."""

from dataclasses import dataclass, field

import narwhals as nw
import numpy as np
import pyarrow as pa

from ona.tables import FIXED_POINT, LATENCY_EDGES_MINUTES, PRESENCE, Channel
from ona.ties import _ask_kernels as loops
from ona.ties._columns import Columns, Ints, Kept, columns, constant, distinct, found, joined, mondays, taken, week_numbers
from ona.ties._kernels import NONE
from ona.ties.attribution import UNKNOWN_MINUTES, Steps, attendees
from ona.ties.bursts import Calls
from ona.ties.calendar import WEEKS_BACK
from ona.ties.cleaning import CHANNEL, DIRECT, DROPS, MAIL, MEETING
from ona.ties.frames import Lazy, flag, rounded

BINS = len(LATENCY_EDGES_MINUTES) + 1
MINUTE = 64
"""Units of a meeting minute while minutes are added up, so that sums do not depend on order."""

CENSORED_AFTER = 960
"""Working minutes after which a request counts as never answered: the two working days of the answer window."""

_MASS = tuple(1 + DROPS.index(rule) for rule in ("list", "broadcast", "audience"))
_MONDAY = 3  # 1970-01-01 was a Thursday


@dataclass(frozen=True)
class Seen:
    """The steps that presence is counted from."""

    headers: Lazy
    steps: Steps
    exchanges: Columns
    credits: Columns
    requests: Columns
    called: Calls
    wanted: nw.Expr  # whether a row's week number w is wanted


@dataclass
class Counts:
    """Columns of PRESENCE in the making: one cell per week and account, those that were touched are rows."""

    accounts: Ints  # sorted
    week: int  # number of the first week
    weeks: int
    touched: Kept = field(init=False)
    sums: dict[str, Ints] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Start with empty cells."""
        self.touched = np.zeros(self.accounts.size * self.weeks, dtype=bool)

    def cells(self, account: Ints, week: Ints) -> Ints:
        """Return the cells of accounts and weeks that are known to be there."""
        return (week - self.week) * self.accounts.size + np.searchsorted(self.accounts, account)

    def column(self, name: str) -> Ints:
        """Return a column, zeros at first."""
        return self.sums.setdefault(name, np.zeros(self.touched.size, dtype=np.int64))

    def add(self, cell: Ints, **values: Ints | int) -> None:
        """Add values to cells and touch them."""
        self.touched[cell] = True
        for name, value in values.items():
            np.add.at(self.column(name), cell, value)


def presence(seen: Seen) -> pa.Table:
    """Count PRESENCE.

    Days, channels, turns, broadcasts and out-of-hours come from the account's own events, dropped mass mail included;
    an accepted meeting counts as a day at work. ``initiated`` are turns that answer nothing: root posts, mails
    without a predecessor, openings of direct exchanges. ``exposure`` spreads the confidence of each channel ask
    evenly over those who were active in the space in four weeks and at work that day, the asker left out.
    ``reachable`` adds up the other active people of each of the account's spaces: an upper bound, since one person in
    two common spaces counts twice. Latencies are working minutes on the helper's clock; a request that was not
    answered within the answer window is censored there.
    """
    acts, seats, made = _acts(seen), _seats(seen), taken(seen.credits, distinct(seen.credits["ask"], seen.credits["w"]))
    pulls = seen.called.pulls
    accounts = [acts["sender"], seats["account"], made["asker"], seen.requests["helper"], pulls["account"]]
    weeks = np.unique(np.concatenate([acts["w"], seats["w"], made["w"], seen.requests["w"], pulls["w"]]))
    if not weeks.size:
        return PRESENCE.empty()
    counts = Counts(np.unique(np.concatenate([np.unique(one) for one in accounts])), int(weeks[0]), int(weeks[-1] - weeks[0]) + 1)
    _add_acts(counts, acts, seats)
    counts.add(counts.cells(made["asker"], made["w"]), asks_made=1)
    _add_requests(counts, seen.requests)
    _add_spaces(counts, seen, made)
    counts.add(counts.cells(pulls["account"], pulls["w"]), pulls=1)
    return _shaped(counts)


def _acts(seen: Seen) -> dict[str, Ints]:
    """Own events: what channel, how many turns."""
    place, nothing = nw.col("place"), nw.lit(0)
    opened = flag(nw.col("root").is_null() & (((place == MAIL) & nw.col("reply_to").is_null()) | (place == CHANNEL)))
    spoken = nw.when(place.is_in([MAIL, DIRECT, CHANNEL])).then(nw.col("opens")).otherwise(nothing)
    own = seen.steps.kept.filter(seen.wanted).with_columns(turns=spoken, initiated=opened * nw.col("opens"), broadcasts=nothing)
    mass = seen.headers.filter(seen.wanted, nw.col("verdict").is_in(list(_MASS)), place != MEETING)
    sent = mass.with_columns(turns=nothing, initiated=nothing, broadcasts=nw.lit(1))
    wrote = [columns(rows, "n", "sender", "place", "turns", "initiated", "broadcasts", "late") for rows in (own, sent)]
    acts = joined([*wrote, _begun(seen.exchanges)], ("n", "sender", "place", "turns", "initiated", "broadcasts", "late"))
    return acts | {"w": week_numbers(acts["n"])}


def _begun(exchanges: Columns) -> dict[str, Ints]:
    """Return openings of direct exchanges, each event once."""
    direct = taken(exchanges, exchanges["mail"] == 0)
    opened = taken(direct, distinct(direct["ask"], direct["n"]))
    one = constant(1, opened["n"])
    zeros = dict.fromkeys(("turns", "broadcasts", "late"), 0 * one)
    return {**zeros, "n": opened["n"], "sender": opened["asker"], "place": one * DIRECT, "initiated": one}


def _seats(seen: Seen) -> dict[str, Ints]:
    """Seats in meetings; ``met`` 1 for those who accepted."""
    minutes = nw.col("minutes").cast(nw.Float64).fill_null(UNKNOWN_MINUTES)
    seats = attendees(seen.steps.kept.filter(seen.wanted), seen.steps.got.filter(seen.wanted)).with_columns(
        met=flag((nw.col("a") == 1.0) & (nw.col("account") != nw.col("sender"))), minutes=rounded(minutes * nw.col("a") * MINUTE)
    )
    return columns(seats, "account", "n", "w", "met", "minutes")


def _add_acts(counts: Counts, acts: Columns, seats: Columns) -> None:
    met = taken(seats, seats["met"] == 1)
    counts.add(counts.cells(seats["account"], seats["w"]), minutes=seats["minutes"])
    cell, place = counts.cells(acts["sender"], acts["w"]), acts["place"]
    counts.add(cell, turns=acts["turns"], initiated=acts["initiated"], broadcasts=acts["broadcasts"], out_of_hours=acts["late"])
    sat = counts.cells(met["account"], met["w"])
    for cells, number in ((cell, acts["n"]), (sat, met["n"])):
        np.bitwise_or.at(counts.column("days"), cells, _bits(number))
    used = ((Channel.CHAT, cell[(place != MAIL) & (place != MEETING)]), (Channel.MAIL, cell[place == MAIL]))
    for channel, cells in (*used, (Channel.MEETING, cell[place == MEETING]), (Channel.MEETING, sat)):
        counts.column("channels")[cells] |= 1 << channel


def _bits(number: Ints) -> Ints:
    """Return 1 for Monday, 2 for Tuesday … 64 for Sunday of day numbers."""
    return np.left_shift(1, (number + _MONDAY) % 7)


def _add_requests(counts: Counts, requests: Columns) -> None:
    """Count requests by name received and answered, with the latency histogram of either."""
    answered = requests["answered"]
    slot = np.searchsorted(LATENCY_EDGES_MINUTES, np.where(answered == 1, requests["waited"], CENSORED_AFTER))
    cell = counts.cells(requests["helper"], requests["w"])
    counts.add(cell, directed_in=1, directed_answered=answered)
    for k in range(BINS):
        counts.add(cell[(slot == k) & (answered == 1)], **{f"latency_{k}": 1})
        counts.add(cell[(slot == k) & (answered == 0)], **{f"censored_{k}": 1})


def _add_spaces(counts: Counts, seen: Seen, made: Columns) -> None:
    """Add exposure, reach and bursts of the spaces in which people are active."""
    asked = taken(made, made["space"] != NONE)
    wrote = columns(seen.steps.posts.filter(~nw.col("space").is_null()).select("space", "w", "sender").unique(), "space", "w", "sender")
    spaces = np.unique(wrote["space"])
    key, cell = _active(counts, wrote, spaces)
    people = np.bincount(key, minlength=spaces.size * counts.weeks)
    first = np.append(0, np.cumsum(people))
    counts.add(cell, reachable=people[key] - 1)
    _expose(counts, asked, (np.searchsorted(spaces, asked["space"]) * counts.weeks + asked["w"] - counts.week, first, cell))
    hot = seen.called.bursts
    for space, week in zip(hot["space"].tolist(), hot["w"].tolist(), strict=True):
        place, later = int(found(np.array([space]), spaces)[0]), week - counts.week
        if place >= 0 and 0 <= later < counts.weeks:
            one = place * counts.weeks + later
            counts.add(cell[first[one] : first[one + 1]], burst_exposure=1)


def _active(counts: Counts, wrote: Columns, spaces: Ints) -> tuple[Ints, Ints]:
    """Space-weeks and cells of those who wrote in the space in this week or the three before, and were at work this week."""
    space = np.searchsorted(spaces, wrote["space"])
    keys = []
    size = counts.accounts.size
    account = found(wrote["sender"], counts.accounts)
    for later in range(WEEKS_BACK + 1):
        week = wrote["w"] + later - counts.week
        there = (account >= 0) & (week >= 0) & (week < counts.weeks)
        keys.append((space[there] * counts.weeks + week[there]) * size + account[there])
    once = np.unique(np.concatenate(keys))
    key, account = once // size, once % size
    cell = key % counts.weeks * size + account
    at_work = counts.column("days")[cell] > 0
    return key[at_work], cell[at_work]


def _expose(counts: Counts, asks: Columns, where: tuple[Ints, Ints, Ints]) -> None:
    """Share of the channel asks of a day that falls to each active person at work, had all been equally likely to help."""
    key, first, cell = where
    own = counts.cells(asks["asker"], asks["w"])
    order = np.lexsort((own, asks["n"], key))
    key, day, own, sure = key[order], asks["n"][order], own[order], asks["sure"][order]
    place = distinct(key, day)
    if not place.size:
        return
    number = np.searchsorted(place, np.arange(key.size), side="right") - 1
    whole = np.bincount(number, weights=sure).astype(np.int64)
    asked = (whole, _bits(day[place]), first[key[place]], first[key[place] + 1])
    loops.exposed(asked, (number, own, sure), (cell, counts.column("days")[cell]), FIXED_POINT // 2, counts.column("exposure"))


def _shaped(counts: Counts) -> pa.Table:
    """Return the touched cells as rows."""
    rows = np.flatnonzero(counts.touched)
    size = counts.accounts.size
    sums = {name: counts.column(name)[rows] for name in (*_PLAIN, "minutes")}
    made = {name: pa.array(sums[name]) for name in _PLAIN} | {
        "week": mondays(rows // size + counts.week),
        "account": pa.array(counts.accounts[rows % size]),
        "meeting_minutes": pa.array((sums["minutes"] / MINUTE).astype(np.float32)),
        "latency": _histogram(counts, "latency", rows),
        "censored": _histogram(counts, "censored", rows),
    }
    return pa.table([made[column.name].cast(column.type) for column in PRESENCE.schema], schema=PRESENCE.schema)


_PLAIN = (
    "days", "channels", "turns", "initiated", "broadcasts", "asks_made", "directed_in", "directed_answered", "exposure", "burst_exposure",
    "pulls", "reachable", "out_of_hours",
)  # fmt: skip


def _histogram(counts: Counts, name: str, rows: Ints) -> pa.Array:
    bins = np.stack([counts.column(f"{name}_{k}")[rows] for k in range(BINS)], axis=1).astype(np.uint32)
    return pa.ListArray.from_arrays(np.arange(rows.size + 1, dtype=np.int32) * BINS, bins.ravel())
