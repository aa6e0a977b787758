"""A simulated company with planted influencers and decoys: people and truth as tables, its events week by week."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ona.errors import SettingsError
from ona.simulate.badges import badges
from ona.simulate.events import draft_week
from ona.simulate.staff import FUNCTIONS, OFFICE_CLOSES, OFFICE_OPENS, SITES, Staff, mix, staff
from ona.simulate.structure import CODE, ROLES, Bools, Floats, Ints, Plan
from ona.simulate.week import COLUMNS, DAY, Week
from ona.tables import ACCOUNTS, EVENTS, OUT_OF_HOURS, PEOPLE, RECIPIENT, AccountKind, Flag, Kind

TRUTH = pa.schema(
    [("person", pa.int64()), ("role", pa.string()), ("hidden", pa.bool_()), ("part_time", pa.bool_()), ("rate", pa.float64())]
)
SPACES = pa.schema([("space", pa.int64()), ("kind", pa.uint8()), ("members", pa.list_(pa.int64()))])
ABSENCES = pa.schema([("person", pa.int64()), ("day", pa.date32())])


SPLIT = 0.22
"""Share of replies and direct messages that are followed by another one within minutes."""
BLOCK = 20_000
"""Most people whose week is drafted at once."""


@dataclass(frozen=True)
class Company:
    """One simulated company; the tables are built when asked for.

    Parameters
    ----------
    plan
        Size, window, seed and whether anybody is planted.
    draw
        Number of the draw of events; the organisation and the truth do not depend on it.
    staff
        The organisation as arrays.
    """

    plan: Plan
    draw: int
    staff: Staff

    @cached_property
    def people(self) -> pa.Table:
        """PEOPLE, one row per account; a person's id is their account id."""
        return _people(self.staff)

    @cached_property
    def labels(self) -> dict[str, dict[int, str]]:
        """Names of the codes of team, site, function and group."""
        return _labels(self.staff)

    @cached_property
    def truth(self) -> pa.Table:
        """One row per planted person or decoy: person, role, hidden, part_time, rate."""
        return _truth(self.staff)

    @cached_property
    def accounts(self) -> pa.Table:
        """ACCOUNTS of everybody in ``people``."""
        people = self.people
        columns = [people["person"], people["person"], people["kind"], people["work_days"], people["protected"]]
        return pa.table(columns, schema=ACCOUNTS.schema)

    @cached_property
    def spaces(self) -> pa.Table:
        """Channels with their kind and members; direct conversations are not listed."""
        spaces = self.staff.spaces
        members = pa.ListArray.from_arrays(spaces.offsets.astype(np.int32), self.staff.ids[spaces.values])
        return pa.table([space_ids(self.staff), self.staff.space_kind.astype(np.uint8), members], schema=SPACES)

    @cached_property
    def absences(self) -> pa.Table:
        """Days of the working pattern on which a person was away: holidays, public holidays, illness."""
        who, day = np.nonzero(self.staff.absent)
        return pa.table([self.staff.ids[who], _dates(self.plan, day)], schema=ABSENCES)

    @cached_property
    def badges(self) -> pa.Table:
        """BADGES of about 70 % of the members."""
        return badges(self.staff)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield EVENTS week by week (and by block of departments in large companies), sorted by time within a batch."""
        blocks = _blocks(self.staff)
        late = [EVENTS.empty()] * len(blocks)
        for number in range(self.plan.weeks):
            ends = self.plan.start + timedelta(days=7 * number + 7)
            for place, block in enumerate(blocks):
                events = pa.concat_tables([late[place], pa.Table.from_batches([self._batch(number, block)])])
                later = pc.greater_equal(events["week"], pa.scalar(ends))
                late[place] = events.filter(later).combine_chunks()
                yield from events.filter(pc.invert(later)).sort_by("sent").combine_chunks().to_batches()

    def events(self) -> pa.Table:
        """Return all events at once."""
        return pa.Table.from_batches(self.batches(), EVENTS.schema)

    def _batch(self, number: int, block: slice) -> pa.RecordBatch:
        words = [self.plan.seed, 2, self.plan.people, self.draw, number, block.start]
        week = draft_week(self.staff, number, block, np.random.default_rng(np.random.SeedSequence(words)))
        return _record_batch(week, self.draw)


def company(
    people: int = 600, weeks: int = 13, seed: int = 0, draw: int = 0, planted: bool = True, start: date = date(2026, 6, 29)
) -> Company:
    """Return a simulated company.

    Parameters
    ----------
    people
        Members, 50 to 500,000; bots, shared mailboxes, rooms and lists come on top.
    weeks
        Length of the window in weeks, 1 to 26.
    seed
        Fixes the organisation and the planted truth.
    draw
        Fixes the noise of the events only: 40 draws are 40 quarters of the same people with the same rates.
    planted
        Whether there are helpers, brokers, incident responders and decoys; without, everybody follows one law.
    start
        Monday on which the half-open window begins.

    Raises
    ------
    SettingsError
        When an argument is out of range.
    """
    if not 50 <= people <= 500_000 or not 1 <= weeks <= 26 or start.weekday():
        raise SettingsError(
            f"Cannot simulate {people} people over {weeks} weeks from weekday {start.weekday()}. "
            "Expected: 50-500,000 people, 1-26 weeks, a Monday (0)."
        )
    plan = Plan(people, weeks, seed, planted, start)
    return Company(plan, draw, staff(plan))


def space_ids(of: Staff) -> Ints:
    """Return the ids of the channels."""
    return mix(mix(np.arange(of.space_type.size) + (of.plan.seed + 1) * 10_000_019) ^ np.int64(0x2C2C2C2C2C))


def _blocks(of: Staff) -> list[slice]:
    """Cut the members into runs of whole departments of at most ``BLOCK`` people (one department at least)."""
    edges = [0]
    ends = np.cumsum(np.bincount(of.tree.group))
    for previous, end in zip(np.concatenate([[0], ends[:-1]]), ends, strict=True):
        if end - edges[-1] > BLOCK and previous > edges[-1]:
            edges.append(int(previous))
    return [slice(a, b) for a, b in zip(edges, [*edges[1:], of.n_members], strict=True)]


def _dates(plan: Plan, days: Ints) -> npt.NDArray[np.datetime64]:
    return np.datetime64(plan.start, "D") + days


def _record_batch(week: Week, draw: int) -> pa.RecordBatch:
    """Turn the drafts into EVENTS: keep what happened in the window, split some messages, give ids."""
    sheet, plan = week.sheet, week.staff.plan
    columns = {name: sheet.column(name) for name in COLUMNS}
    at: Floats = columns["at"].astype(np.float64)
    rows, at, number = _split_messages(at, columns, week.rng)
    local = at + _zone_offset(week.staff, columns["sender"].astype(np.int64)[rows], at)
    keep = (at >= 0) & (np.maximum(at, local) < plan.days * DAY)
    rows, at, number, local = rows[keep], at[keep], number[keep], local[keep]
    ids = _event_ids(week, draw, number)
    starts = np.concatenate([[0], np.cumsum(columns["counts"].astype(np.int64))])
    links = {name: _link(week, draw, columns[name].astype(np.int64)[rows]) for name in ("root", "reply_to")}
    taken = {name: columns[name][rows].astype(np.int64) for name in COLUMNS if name not in ("at", "minutes")}
    moment = _moments(week, at, taken, ids)
    day = (local // DAY).astype(np.int64)
    hour = ((local - day * DAY) // 3600).astype(np.int64)
    arrays = {
        "event": ids,
        "source": pa.array(np.array(["", "chat", "chat", "mail", "calendar"])[taken["kind"]], pa.string()),
        "kind": taken["kind"],
        "sent": pa.array(moment + np.datetime64(plan.start, "us").astype(np.int64)).cast(pa.timestamp("us")),
        "week": _dates(plan, day - day % 7),
        "day": _dates(plan, day),
        "bin": hour + np.where(_out_of_hours(week.staff, taken["sender"], day, hour), OUT_OF_HOURS, 0),
        "sender": week.staff.ids[taken["sender"]],
        "recipients": _recipients(week, rows, starts),
        "audience": taken["counts"],
        "space": _space(week.staff, taken),
        "space_kind": np.where(taken["channel"] >= 0, week.staff.space_kind[taken["channel"]], taken["space_kind"]),
        **links,
        "series": _optional(taken["series"], taken["series"] >= 0),
        "lead_hours": _optional(taken["lead"], taken["lead"] >= 0),
        "minutes": _optional(columns["minutes"][rows], taken["kind"] == Kind.MEETING),
        "flags": taken["flags"] | np.where((moment // 1_000_000 % 60 == 0) & (taken["kind"] != Kind.MEETING), Flag.SECOND_ZERO, 0),
        "revision": np.zeros(rows.size, dtype=np.int64),
    }
    return pa.RecordBatch.from_arrays([pa.array(arrays[f.name]).cast(f.type) for f in EVENTS.schema], schema=EVENTS.schema)


def _split_messages(at: Floats, columns: Mapping[str, Ints | Floats], rng: np.random.Generator) -> tuple[Ints, Floats, Ints]:
    """Let some replies and direct messages go on in another message within minutes: one turn, two events."""
    talk = (columns["kind"] == Kind.MESSAGE) & np.isfinite(at) & ((columns["root"] >= 0) | (columns["channel"] < 0))
    more = np.flatnonzero(talk & (rng.random(at.size) < SPLIT))
    rows = np.concatenate([np.flatnonzero(np.isfinite(at)), more])
    moments = np.concatenate([at[np.isfinite(at)], at[more] + rng.uniform(15, 240, more.size)])
    return rows, moments, np.concatenate([rows[: rows.size - more.size], at.size + np.arange(more.size)])


def _event_ids(week: Week, draw: int, number: Ints) -> Ints:
    place = (week.number * 1_000_003 + week.block.start) * np.int64(2**32) + number
    return mix(mix(place) ^ mix(np.array([week.staff.plan.seed * 1_000_003 + draw]) + 77)[0])


def _link(week: Week, draw: int, number: Ints) -> pa.Array:
    return _optional(_event_ids(week, draw, number), number >= 0)


def _optional(values: npt.NDArray[np.generic], there: Bools) -> pa.Array:
    return pa.array(values, mask=~there)


def _zone_offset(of: Staff, sender: Ints, at: Floats) -> Ints:
    day = (np.nan_to_num(at) // DAY).astype(np.int64).clip(0, of.plan.days - 1)
    member = sender < of.n_members
    site = of.site[np.where(member, sender, 0)]
    return np.where(member, of.offset[site, day], 0)


def _moments(week: Week, at: Floats, taken: Mapping[str, Ints], ids: Ints) -> Ints:
    """Return microseconds since the start; chat gets microseconds that no other week shares, mail and meetings whole seconds."""
    chat = (taken["kind"] == Kind.MESSAGE) | (taken["kind"] == Kind.REACTION)
    micro = ids % 31_249 * 32 + week.number % 32
    return np.floor(at).astype(np.int64) * 1_000_000 + np.where(chat, micro, 0)


def _out_of_hours(of: Staff, sender: Ints, day: Ints, hour: Ints) -> Bools:
    mask = np.where(sender < of.n_members, of.mask[np.minimum(sender, of.n_members - 1)], 0b11111)
    outside: Bools = (hour < OFFICE_OPENS) | (hour >= OFFICE_CLOSES) | ((mask >> (day % 7)) & 1 == 0)
    return outside


def _recipients(week: Week, rows: Ints, starts: Ints) -> pa.ListArray:
    to, roles = week.sheet.recipients()
    size = starts[rows + 1] - starts[rows]
    ends = np.cumsum(size)
    flat = np.repeat(starts[rows] - ends + size, size) + np.arange(size.sum())
    pairs = pa.StructArray.from_arrays([pa.array(week.staff.ids[to[flat]]), pa.array(roles[flat].astype(np.uint8))], fields=list(RECIPIENT))
    return pa.ListArray.from_arrays(pa.array(np.concatenate([[0], ends]).astype(np.int32)), pairs)


def _space(of: Staff, taken: Mapping[str, Ints]) -> pa.Array:
    channel = space_ids(of)[taken["channel"]]
    space = np.where(taken["channel"] >= 0, channel, taken["space"])
    return _optional(space, space >= 0)


def _people(of: Staff) -> pa.Table:
    """Return PEOPLE sorted by id, so that the order tells nothing."""
    n, extra, plan = of.n_members, of.kind.size - of.n_members, of.plan
    day = {name: _dates(plan, np.concatenate([getattr(of, name), np.zeros(extra, dtype=np.int64)])) for name in ("joined", "left")}
    site = np.array([zone for _, zone, _ in SITES])[of.site]
    language = np.array([word for _, _, word in SITES])[of.site]
    stays = np.concatenate([of.left > plan.days, np.ones(extra, dtype=bool)])
    member = np.arange(n + extra) < n
    columns = {
        "person": of.ids[: n + extra],
        "valid_from": np.full(n + extra, np.datetime64(plan.start, "D")),
        "valid_to": pa.nulls(n + extra),
        "manager": _optional(of.ids[_padded(of.tree.manager, extra)], _padded(of.tree.manager, extra) >= 0),
        "dotted_manager": _optional(of.ids[_padded(of.dotted, extra)], _padded(of.dotted, extra) >= 0),
        **{name: _optional(_padded(codes, extra), member) for name, codes in _codes(of).items()},
        **{name: _padded(getattr(of, name), extra, 0).astype(bool) for name in ("named_lead", "on_call", "protected")},
        "service_role": _padded(of.tree.desk[of.tree.team], extra, 0).astype(bool),
        "fte": np.concatenate([of.fte, np.ones(extra)]),
        "work_days": _padded(of.mask, extra, 0b11111),
        "zone": np.concatenate([site, np.full(extra, "UTC")]),
        "language": np.concatenate([language, np.full(extra, "en")]),
        "joined": _optional(day["joined"], member),
        "left": _optional(day["left"], ~stays),
        "kind": of.kind,
    }
    arrays = [pa.array(columns[f.name]).cast(f.type) for f in PEOPLE.schema]
    return pa.Table.from_arrays(arrays, schema=PEOPLE.schema).sort_by("person")


def _padded(values: Ints | Bools, extra: int, filler: int = -1) -> Ints:
    return np.concatenate([values.astype(np.int64), np.full(extra, filler)])


def _codes(of: Staff) -> dict[str, Ints]:
    return {"team": of.tree.team, "site": of.site, "function": of.function, "group": of.tree.group, "level": of.tree.level}


def _labels(of: Staff) -> dict[str, dict[int, str]]:
    function = [FUNCTIONS[1 + group % (len(FUNCTIONS) - 1)] for group in range(int(of.tree.group.max()) + 1)]
    repeated = len(FUNCTIONS) - 1
    group = {code: name if code < repeated else f"{name} {code // repeated + 1}" for code, name in enumerate(function)}
    first = np.searchsorted(of.tree.team_group, of.tree.team_group)
    team = {}
    for code, place in enumerate(np.arange(first.size) - first):
        name = "leadership" if place == 0 else "service desk" if of.tree.desk[code] else f"team {place}"
        team[code] = f"{group[int(of.tree.team_group[code])]} {name}"
    return {
        "team": team,
        "site": {code: name for code, (name, _, _) in enumerate(SITES)},
        "function": dict(enumerate(FUNCTIONS)),
        "group": group,
    }


def _truth(of: Staff) -> pa.Table:
    planted = np.flatnonzero(of.role)
    boxes = [np.flatnonzero(of.kind == kind) for kind in (AccountKind.BOT, AccountKind.SHARED)]
    who = np.concatenate([planted, *boxes])
    role = np.concatenate([of.role[planted], np.full(boxes[0].size, CODE["bot"]), np.full(boxes[1].size, CODE["shared_mailbox"])])
    extra = who.size - planted.size
    columns = [
        of.ids[who],
        np.array(ROLES)[role],
        np.concatenate([of.hidden[planted], np.zeros(extra, dtype=bool)]),
        np.concatenate([of.fte[planted] < 1, np.zeros(extra, dtype=bool)]),
        pa.array(np.concatenate([of.rate[planted], np.full(extra, np.nan)]), from_pandas=True),
    ]
    return pa.Table.from_arrays([pa.array(column) for column in columns], schema=TRUTH).sort_by("person")
