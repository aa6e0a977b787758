"""One week of a simulated company in the making: drafts of events, the clock of each person, and the numbering."""

from dataclasses import dataclass, field, fields

import numpy as np

from ona.simulate.staff import Staff
from ona.simulate.structure import CODE, Floats, Ints
from ona.tables import Kind, Role

DAY = 86_400

NOTHING = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Draft:
    """Some events of one kind; scalars hold for all of them, -1 means none, NaN in ``at`` means that it never happened."""

    kind: Kind
    sender: Ints
    at: Floats  # seconds since the start of the window, UTC
    channel: Ints | int = -1  # number of a channel of the company
    space: Ints | int = -1  # id of a direct conversation
    space_kind: Ints | int = 0
    root: Ints | int = -1  # numbers that Sheet.add gave
    reply_to: Ints | int = -1
    series: Ints | int = -1
    lead: Ints | int = -1
    minutes: Floats | float = np.nan
    flags: Ints | int = 0
    counts: Ints | int = 0  # recipients per event
    to: Ints = field(default_factory=lambda: NOTHING)  # account numbers, flat
    roles: Ints | int = Role.TO  # flat, or one for all


COLUMNS = tuple(f.name for f in fields(Draft) if f.name not in ("to", "roles"))


class Sheet:
    """Collects the drafts of a week and numbers their events."""

    def __init__(self) -> None:
        """Start empty."""
        self.parts: list[Draft] = []
        self.size = 0

    def add(self, draft: Draft) -> Ints:
        """Keep a draft and return the numbers of its events."""
        numbers = np.arange(self.size, self.size + draft.sender.size)
        self.parts.append(draft)
        self.size += draft.sender.size
        return numbers

    def column(self, name: str) -> Ints | Floats:
        """Return one column over all drafts so far."""
        parts = [np.broadcast_to(np.asarray(getattr(p, name)), p.sender.shape) for p in self.parts]
        whole = np.concatenate(parts) if parts else np.zeros(0)
        return whole.astype(np.float64) if name in ("at", "minutes") else whole.astype(np.int64)

    def recipients(self) -> tuple[Ints, Ints]:
        """Return all recipients and their roles, flat, in the order of the events."""
        roles = [np.broadcast_to(np.asarray(p.roles, dtype=np.int64), p.to.shape) for p in self.parts]
        return np.concatenate([p.to for p in self.parts]), np.concatenate(roles)


@dataclass(frozen=True)
class Week:
    """What the drafts of one week and of one block of people are made with."""

    staff: Staff
    rng: np.random.Generator
    number: int  # of the week
    block: slice  # the members who take the initiative
    burst: Floats  # (members of the block, 7) relative activity of a day, 0 when away
    sessions: Floats  # (members of the block, 7, 3) seconds after local midnight
    sheet: Sheet

    @property
    def members(self) -> Ints:
        """Return the members of the block."""
        return np.arange(self.block.start, self.block.stop)

    def initiatives(self, rate: Floats | float) -> tuple[Ints, Floats]:
        """Return who begins something and when, sorted by person; the rate is per working day of a person of mean activity."""
        level = self.burst * (self.staff.activity[self.block] * rate)[:, None]
        count = self.rng.poisson(level)
        row, day = np.nonzero(count)
        row, day = np.repeat(row, count[row, day]), np.repeat(day, count[row, day])
        second = self.sessions[row, day, self.rng.integers(0, 3, row.size)] + self.rng.exponential(900, row.size)
        late = self.rng.random(row.size) < 0.03
        second = np.where(late, second + self.rng.uniform(2, 7, row.size) * 3600, second).clip(0, DAY - 600)
        return self.members[row], self.utc(self.members[row], 7 * self.number + day, second)

    def utc(self, who: Ints, day: Ints, second: Floats) -> Floats:
        """Convert a member's local time to seconds since the start of the window, UTC."""
        offset = self.staff.offset[self.staff.site[who], np.clip(day, 0, self.staff.plan.days - 1)]
        moment: Floats = day * DAY + second - offset
        return moment

    def settle(self, who: Ints, at: Floats) -> Floats:
        """Move moments into the working time of those who act.

        Parameters
        ----------
        who
            Number of the member who acts, below 0 nobody; ``(n,)``.
        at
            Seconds since the start of the window, UTC, ``(n,)``.

        Returns
        -------
        Floats
            The same moment where it is in working time, else the next opening; NaN when there is none within about a week.
        """
        at = at.astype(np.float64)
        todo = np.flatnonzero(np.isfinite(at) & (who >= 0))
        at[who < 0] = np.nan
        for _ in range(7):
            if not todo.size:
                return at
            moved = self._next_opening(who[todo], at[todo])
            change = moved != at[todo]
            at[todo] = moved
            todo = todo[change & np.isfinite(moved)]
        at[todo] = np.nan
        return at

    def _next_opening(self, who: Ints, at: Floats) -> Floats:
        staff, days = self.staff, self.staff.plan.days
        local = at + staff.offset[staff.site[who], np.clip(at // DAY, 0, days - 1).astype(np.int64)]
        day = (local // DAY).astype(np.int64)
        second = local - day * DAY
        over = day >= days
        away = ~staff.present[who, day.clip(0, days - 1)]
        early, late = second < staff.opens[who], second > staff.opens[who] + 9.5 * 3600
        day_then = day + (away | late)
        opening = self.utc(who, day_then, staff.opens[who] + self.rng.exponential(1500, who.size).clip(0, 9000))
        return np.where(over, np.nan, np.where(away | early | late, opening, at))

    def partners(self, who: Ints) -> Ints:
        """Draw one contact of each person."""
        return self.staff.ties.draw(who, self.rng)

    def delay(self, median: float, size: int) -> Floats:
        """Draw heavy-tailed waiting times around a median, in seconds."""
        return median * np.exp(0.9 * self.rng.standard_normal(size)) + 25

    def anybody(self, channel: Ints) -> Ints:
        """Draw a member of each channel, all alike."""
        spaces = self.staff.spaces
        size = spaces.sizes()[channel]
        return spaces.values[spaces.offsets[channel] + (self.rng.random(channel.size) * size).astype(np.int64)]

    def factor(self, **factors: float) -> Floats:
        """Return a rate per member of the block: 1, or the factor of the planted role."""
        role = self.staff.role[self.block]
        rate = np.ones(role.size)
        for name, factor in factors.items():
            rate[role == CODE[name]] = factor
        return rate
