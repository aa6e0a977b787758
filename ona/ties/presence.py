"""What each account did and could have done in a week: PRESENCE, the exposure against which help is measured."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from ona.compiled import Codes, Flags
from ona.tables import FIXED_POINT, LATENCY_EDGES_MINUTES, PRESENCE, Channel, Role
from ona.ties import _ask_kernels as loops
from ona.ties._columns import Columns, Ints, Kept, packed, rounded, starts, summed, taken
from ona.ties._sorting import NONE, ordered
from ona.ties._verdicts import AUDIENCE, BROADCAST, CHANNEL, LISTED, MAIL, MEETING
from ona.ties.attribution import UNKNOWN_MINUTES, Parted
from ona.ties.bursts import Calls
from ona.ties.calendar import WEEKS_BACK, mondays
from ona.ties.columns import KEPT

BINS = len(LATENCY_EDGES_MINUTES) + 1
MINUTE = 64
"""Units of a meeting minute while minutes are added up, so that sums do not depend on order."""

CENSORED_AFTER = 960
"""Working minutes after which a request counts as never answered: the two working days of the answer window."""

_DAYS, _CHANNELS = 7, 8
_NO_SPACE = -1


@dataclass(frozen=True)
class Seen:
    """What presence is counted from."""

    parts: Parted
    exchanges: Columns
    credits: Columns
    requests: Columns
    called: Calls
    wanted: Kept  # by event: whether its week is wanted
    weeks: range  # numbers of the weeks


@dataclass
class Counts:
    """Columns of PRESENCE in the making: one cell per week and account, those that were touched are rows."""

    accounts: Ints  # ids by code
    weeks: range
    touched: Kept = field(init=False)
    days: Kept = field(init=False)
    channels: Kept = field(init=False)
    sums: dict[str, Ints] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Start with empty cells."""
        self.touched = np.zeros(self.accounts.size * len(self.weeks), dtype=bool)
        self.days = np.zeros((self.touched.size, _DAYS), dtype=bool)
        self.channels = np.zeros((self.touched.size, _CHANNELS), dtype=bool)

    def cells(self, account: Ints | Codes, week: Ints | Codes) -> Ints:
        """Return the cells of accounts and weeks that are wanted."""
        return (week - self.weeks.start) * np.int64(self.accounts.size) + account

    def count(self, name: str, cell: Ints) -> None:
        """Add 1 to a column for each cell and touch it."""
        self.add(name, np.bincount(cell, minlength=self.touched.size))
        self.touched[cell] = True

    def add(self, name: str, values: Ints) -> None:
        """Add values, one a cell, to a column."""
        self.sums[name] = self.column(name) + values

    def column(self, name: str) -> Ints:
        """Return a column, zeros at first."""
        return self.sums.get(name, np.zeros(self.touched.size, dtype=np.int64))


def presence(seen: Seen) -> pa.Table:
    """Count PRESENCE, in the order of its key.

    Days, channels, turns, broadcasts and out-of-hours come from the account's own events, dropped mass mail included;
    an accepted meeting counts as a day at work. ``initiated`` are turns that answer nothing: root posts, mails
    without a predecessor, openings of direct exchanges. ``exposure`` spreads the confidence of each channel ask
    evenly over those who were active in the space in four weeks and at work that day, the asker left out.
    ``reachable`` adds up the other active people of each of the account's spaces: an upper bound, since one person in
    two common spaces counts twice. Latencies are working minutes on the helper's clock; a request that was not
    answered within the answer window is censored there.
    """
    counts, made = Counts(seen.parts.held.known.account, seen.weeks), _made(seen.credits)
    _add_acts(counts, seen)
    _add_openings(counts, seen.exchanges)
    _add_seats(counts, seen)
    counts.count("asks_made", counts.cells(made["asker"], made["w"]))
    _add_requests(counts, seen.requests)
    _add_spaces(counts, seen, made)
    pulls = seen.called.pulls
    here = (pulls["w"] >= seen.weeks.start) & (pulls["w"] < seen.weeks.stop)
    counts.count("pulls", counts.cells(pulls["account"][here], pulls["w"][here]))
    return _shaped(counts)


def _made(credits: Columns) -> dict[str, Ints]:
    """Return asks that were answered, each once."""
    first = np.full(int(credits["ask"].max(initial=-1)) + 1, -1)
    first[credits["ask"][::-1]] = np.arange(credits["ask"].size)[::-1]
    return taken({name: credits[name] for name in ("ask", "asker", "w", "n", "space", "sure")}, first[first >= 0])


def _add_acts(counts: Counts, seen: Seen) -> None:
    """Count own events: what channel, how many turns; mass mail that makes no tie is a broadcast."""
    events, verdict, opens = seen.parts.held.events, seen.parts.verdict, seen.parts.turns.opens > 0
    own = seen.wanted & (verdict == KEPT)
    mass = seen.wanted & np.isin(verdict, (LISTED, BROADCAST, AUDIENCE)) & (events.place != MEETING)
    rows = np.flatnonzero(own | mass)
    cell, place, root = counts.cells(events.sender[rows], events.w[rows]), events.place[rows], events.root[rows] == NONE
    counts.days[cell, (events.n[rows] + 3) % 7] = True
    counts.channels[cell, np.array(_CHANNEL_OF)[place]] = True
    counts.count("out_of_hours", cell[seen.parts.held.judged.late[rows] > 0])
    counts.count("broadcasts", cell[mass[rows]])
    counts.touched[cell] = True
    spoken = own[rows] & opens[rows] & (place <= CHANNEL)
    counts.count("turns", cell[spoken])
    begun = (place == CHANNEL) | ((place == MAIL) & (events.reply_to[rows] == NONE))
    counts.count("initiated", cell[spoken & root & begun])


_CHANNEL_OF = (0, int(Channel.MAIL), int(Channel.CHAT), int(Channel.CHAT), int(Channel.MEETING), int(Channel.CHAT))
"""Channel of each place."""


def _add_openings(counts: Counts, exchanges: Columns) -> None:
    """Count openings of direct exchanges, each event once."""
    direct = np.flatnonzero(exchanges["mail"] == 0)
    keys, order = ordered(packed(taken(exchanges, direct), ("ask", "n")))
    opened = direct[order[starts(keys)]]
    cell = counts.cells(exchanges["asker"][opened], exchanges["w"][opened])
    counts.count("initiated", cell)
    counts.days[cell, (exchanges["n"][opened] + 3) % 7] = True
    counts.channels[cell, int(Channel.CHAT)] = True


def _add_seats(counts: Counts, seen: Seen) -> None:
    """Count the minutes of meetings, half of them for the unsure; who accepted was at work that day."""
    events, got = seen.parts.held.events, seen.parts.got
    kept = seen.wanted & (seen.parts.verdict == KEPT) & (events.place == MEETING)
    organised = np.flatnonzero(kept)
    invited = np.flatnonzero(kept[got.row] & (got.role != int(Role.DECLINED)))
    row, account = np.concatenate([organised, got.row[invited]]), np.concatenate([events.sender[organised], got.account[invited]])
    role = got.role[invited]
    unsure = (role == int(Role.TENTATIVE)) | (role == int(Role.NO_ANSWER))
    sure = np.concatenate([np.ones(organised.size), np.where(unsure, 0.5, 1.0)])
    length = seen.parts.held.meetings.minutes[seen.parts.held.meetings.order[row]]
    minutes = np.where(np.isnan(length), UNKNOWN_MINUTES, length) * sure * MINUTE
    cell = counts.cells(account, events.w[row])
    counts.add("minutes", np.bincount(cell, weights=rounded(minutes), minlength=counts.touched.size).astype(np.int64))
    counts.touched[cell] = True
    met = np.flatnonzero((sure == 1.0) & (account != events.sender[row]))
    counts.days[cell[met], (events.n[row[met]] + 3) % 7] = True
    counts.channels[cell[met], int(Channel.MEETING)] = True


def _add_requests(counts: Counts, requests: Columns) -> None:
    """Count requests by name received and answered, with the latency histogram of either."""
    answered = requests["answered"] == 1
    slot = np.searchsorted(LATENCY_EDGES_MINUTES, np.where(answered, requests["waited"], CENSORED_AFTER))
    cell = counts.cells(requests["helper"], requests["w"])
    counts.count("directed_in", cell)
    counts.count("directed_answered", cell[answered])
    counts.sums["latency"] = np.bincount(cell[answered] * BINS + slot[answered], minlength=counts.touched.size * BINS)
    counts.sums["censored"] = np.bincount(cell[~answered] * BINS + slot[~answered], minlength=counts.touched.size * BINS)


def _add_spaces(counts: Counts, seen: Seen, made: Columns) -> None:
    """Add exposure, reach and bursts of the spaces in which people are active."""
    spaces, weeks = seen.parts.held.spaces.size, len(seen.weeks)
    key, cell = _active(counts, seen.parts)
    people = np.bincount(key, minlength=spaces * weeks)
    first = np.append(0, np.cumsum(people))
    counts.add("reachable", np.bincount(cell, weights=people[key] - 1, minlength=counts.touched.size).astype(np.int64))
    counts.touched[cell] = True
    asked = taken(made, made["space"] != _NO_SPACE)
    _expose(counts, asked, (asked["space"] * weeks + asked["w"] - seen.weeks.start, first, cell))
    hot = seen.called.bursts
    here = (hot["space"] >= 0) & (hot["w"] >= seen.weeks.start) & (hot["w"] < seen.weeks.stop)
    for one in (hot["space"] * weeks + hot["w"] - seen.weeks.start)[here].tolist():
        counts.count("burst_exposure", cell[first[one] : first[one + 1]])


def _active(counts: Counts, parts: Parted) -> tuple[Ints, Ints]:
    """Space-weeks and cells of those who wrote in the space in this week or the three before, and were at work this week."""
    events, size, weeks = parts.held.events, counts.accounts.size, len(counts.weeks)
    posts = np.flatnonzero((parts.verdict == KEPT) & (events.place == CHANNEL) & (events.space >= 0))
    begun = int(events.w[posts].min(initial=counts.weeks.start))
    wrote = {
        "space": events.space[posts].astype(np.int64),
        "w": events.w[posts].astype(np.int64) - begun,
        "who": events.sender[posts].astype(np.int64),
    }
    keys, order = ordered(packed(wrote, ("space", "w", "who")))
    once = order[starts(keys)]
    space, who, week = wrote["space"][once], wrote["who"][once], wrote["w"][once] + begun - counts.weeks.start
    later = [week + step for step in range(WEEKS_BACK + 1)]
    there = [(one >= 0) & (one < weeks) for one in later]
    keys = np.concatenate([((space * weeks + one) * size + who)[here] for one, here in zip(later, there, strict=True)])
    keys, _ = ordered(keys)
    keys = keys[starts(keys)]
    key, account = keys // size, keys % size
    cell = key % weeks * size + account
    at_work = counts.days[cell].any(axis=1)
    return key[at_work], cell[at_work]


def _expose(counts: Counts, asks: Columns, where: tuple[Ints, Ints, Ints]) -> None:
    """Share of the channel asks of a day that falls to each active person at work, had all been equally likely to help."""
    key, first, cell = where
    if not key.size:
        return
    asked = {"key": key, "day": asks["n"] - int(asks["n"].min()), "own": counts.cells(asks["asker"], asks["w"]), "sure": asks["sure"]}
    asked = summed(asked, ("key", "day", "own"), "sure")
    place = np.flatnonzero(starts(asked["key"], asked["day"]))
    key, weekday = asked["key"][place], (asked["day"][place] + int(asks["n"].min()) + 3) % 7
    days = np.add.reduceat(asked["sure"], place), np.left_shift(1, weekday), first[key], first[key + 1]
    own = np.append(place, asked["key"].size), asked["own"], asked["sure"]
    there, exposure = np.full(counts.touched.size, -1), np.zeros(counts.touched.size, dtype=np.int64)
    loops.exposed(days, own, (cell, _masks(counts.days[cell])), there, exposure, FIXED_POINT // 2)
    counts.add("exposure", exposure)


def _masks(bits: Kept) -> Flags:
    """Bit masks of rows of up to eight columns, the first column 1."""
    return np.packbits(bits, axis=1, bitorder="little")[:, 0].copy()


def _shaped(counts: Counts) -> pa.Table:
    """Return the touched cells as rows."""
    rows = np.flatnonzero(counts.touched)
    size = counts.accounts.size
    made = {name: pa.array(counts.column(name)[rows]) for name in _PLAIN} | {
        "week": mondays(rows // max(size, 1) + counts.weeks.start),
        "account": pa.array(counts.accounts[rows % max(size, 1)]),
        "days": pa.array(_masks(counts.days[rows])),
        "channels": pa.array(_masks(counts.channels[rows])),
        "meeting_minutes": pa.array((counts.column("minutes")[rows] / MINUTE).astype(np.float32)),
        "latency": _histogram(counts, "latency", rows),
        "censored": _histogram(counts, "censored", rows),
    }
    return pa.table([made[column.name].cast(column.type) for column in PRESENCE.schema], schema=PRESENCE.schema)


_PLAIN = (
    "turns", "initiated", "broadcasts", "asks_made", "directed_in", "directed_answered", "exposure", "burst_exposure", "pulls", "reachable",
    "out_of_hours",
)  # fmt: skip


def _histogram(counts: Counts, name: str, rows: Ints) -> pa.Array:
    bins = counts.sums[name].reshape(-1, BINS)[rows].astype(np.uint32)
    return pa.ListArray.from_arrays(np.arange(rows.size + 1, dtype=np.int32) * BINS, bins.ravel())
