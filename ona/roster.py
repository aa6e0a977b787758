"""Who could work with whom on which days: PEOPLE and PRESENCE in, one row per person with working days and reporting lines out."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ona.tables import ABSENCES, HOLIDAYS, PEOPLE, AccountKind

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Masks = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]
Days = npt.NDArray[np.datetime64]

MONDAY_TO_FRIDAY = 0b0011111
SILENT_DAYS = 10
"""Working days in a row without any own action after which somebody counts as absent (amendment 12)."""

IN_GRAPHS = (AccountKind.MEMBER, AccountKind.GUEST, AccountKind.FORMER)
UNKNOWN = -1
"""Code of a missing department, site, function or team."""

MAX_LEVELS = 64
"""Longest reporting chain that is followed; longer ones are circles."""


@dataclass(frozen=True, eq=False)
class Roster:
    """Everybody in the window, sorted by person, with the days on which each of them worked.

    Parameters
    ----------
    people
        PEOPLE, one row per person as of the window's last day.
    weeks
        Mondays of the window, ``(W,)``.
    work
        Bit mask of working days, ``(n, W)``, Monday = 1.
    seen
        Bit mask of days with an own action, ``(n, W)``.
    absent
        Whether days were taken out as absence, ``(n,)``.
    line
        Reporting-line dyads in both directions as sorted codes ``i * n + j``.
    """

    people: pa.Table
    weeks: Days
    work: Masks
    seen: Masks
    absent: Bools
    line: Ints

    @property
    def n(self) -> int:
        """Number of people."""
        return int(self.people.num_rows)

    @cached_property
    def persons(self) -> Ints:
        """Person of each row, ``(n,)``, sorted."""
        return np.asarray(self.people.column("person").to_numpy(), dtype=np.int64)

    @cached_property
    def worked(self) -> Floats:
        """Working days per person and week, ``(n, W)``."""
        return np.bitwise_count(self.work).astype(np.float64)

    @property
    def window(self) -> tuple[date, date]:
        """Half-open span of whole weeks."""
        first, last = (week.astype("datetime64[D]").item() for week in (self.weeks[0], self.weeks[-1]))
        return first, last + timedelta(days=7)

    def rows(self, persons: Ints) -> Ints:
        """Return the row of each person; -1 for a stranger."""
        found = np.searchsorted(self.persons, persons)
        found = np.minimum(found, self.n - 1)
        return np.where(self.persons[found] == persons, found, -1)

    def codes(self, name: str) -> Ints:
        """Return an integer column, ``(n,)``; -1 where missing."""
        return np.asarray(pc.fill_null(self.people.column(name).cast(pa.int64()), UNKNOWN).to_numpy(), dtype=np.int64)

    def numbers(self, name: str) -> Floats:
        """Return a numeric or date column (as days since 1970), ``(n,)``; NaN where missing."""
        return _numbers(self.people.column(name))

    def truths(self, name: str) -> Bools:
        """Return a Boolean column, ``(n,)``; False where missing."""
        return np.asarray(pc.fill_null(self.people.column(name), False).to_numpy(zero_copy_only=False), dtype=np.bool_)

    @cached_property
    def members(self) -> Bools:
        """Whether somebody is a member of the company at the window's end, ``(n,)``."""
        left = self.numbers("left")
        end = np.datetime64(self.window[1]).astype("datetime64[D]").astype(np.float64)
        return np.asarray((self.codes("kind") == AccountKind.MEMBER) & ~(left < end), dtype=np.bool_)

    @cached_property
    def reports(self) -> Floats:
        """Direct solid-line reports, ``(n,)``."""
        manager = self.rows(self.codes("manager"))
        return np.bincount(manager[(manager >= 0) & self.members], minlength=self.n).astype(np.float64)

    @cached_property
    def level(self) -> Floats:
        """Level in the company, 1 = top, ``(n,)``; depth in the reporting tree where missing; NaN without either."""
        depth = _depth(self.rows(self.codes("manager")))
        stated = self.numbers("level")
        return np.where(np.isfinite(stated), stated, np.where(depth > 0, depth, np.nan))

    def in_line(self, one: Ints, other: Ints) -> Bools:
        """Return whether each pair of rows is in one reporting line."""
        code = one * self.n + other
        if not len(self.line):
            return np.zeros(code.shape, dtype=np.bool_)
        found = np.minimum(np.searchsorted(self.line, code), len(self.line) - 1)
        return np.asarray(self.line[found] == code, dtype=np.bool_)


@dataclass(frozen=True)
class Away:
    """Days on which people were stated to be away: ABSENCES by person, HOLIDAYS by site."""

    absences: pa.Table
    holidays: pa.Table


NOBODY_AWAY = Away(ABSENCES.empty(), HOLIDAYS.empty())


def roster(people: pa.Table, presence: pa.Table, persons: Ints, weeks: Days, away: Away = NOBODY_AWAY) -> Roster:
    """Line up everybody of a window.

    Parameters
    ----------
    people
        PEOPLE, any number of rows per person.
    presence
        PRESENCE of persons.
    persons
        Further persons who occur in other tables; unknown to PEOPLE they count as members without HR data.
    weeks
        Mondays of the window.
    away
        Stated absences and holidays of sites.

    Returns
    -------
    Roster
        Working days follow the HR pattern, then Monday to Friday, inside [joined, left), without the holidays of the site, stated
        absences and silent stretches.
    """
    first, end = weeks[0], weeks[-1] + np.timedelta64(7, "D")
    current = _latest(people.filter(_starts_before(people, end)))
    known = np.asarray(current.column("person").to_numpy(), dtype=np.int64)
    everybody = _with_strangers(current, np.setdiff1d(np.concatenate([persons, presence.column("account").to_numpy()]), known))
    ids = np.asarray(everybody.column("person").to_numpy(), dtype=np.int64)
    seen = _masks(presence, ids, weeks)
    work, absent = _working_days(everybody, seen, weeks, away)
    return Roster(everybody, weeks, work, seen, absent, _line(people.filter(_overlaps(people, first, end)), ids))


def weeks_of(*tables: pa.Table, at_most: int) -> Days:
    """Return the Mondays from the first to the last week in the tables, at most the latest so many; empty without rows."""
    columns = [np.asarray(table.column("week").to_numpy(), dtype="datetime64[D]") for table in tables]
    every = np.concatenate(columns)
    if not len(every):
        return every
    return np.arange(every.min(), every.max() + np.timedelta64(1, "D"), np.timedelta64(7, "D"))[-at_most:]


def _numbers(column: pa.ChunkedArray) -> Floats:
    if pa.types.is_date(column.type):
        column = column.cast(pa.date32()).cast(pa.int32())
    return np.asarray(pc.fill_null(column.cast(pa.float64()), float("nan")).to_numpy(), dtype=np.float64)


def _starts_before(people: pa.Table, end: np.datetime64) -> pa.ChunkedArray:
    return pc.fill_null(pc.less(people.column("valid_from"), pa.scalar(end.item(), pa.date32())), True)


def _overlaps(people: pa.Table, first: np.datetime64, end: np.datetime64) -> pa.ChunkedArray:
    ends_after = pc.fill_null(pc.greater(people.column("valid_to"), pa.scalar(first.item(), pa.date32())), True)
    return pc.and_(_starts_before(people, end), ends_after)


def _latest(people: pa.Table) -> pa.Table:
    ordered = people.sort_by([("person", "ascending"), ("valid_from", "ascending")])
    person = ordered.column("person").to_numpy()
    return ordered.take(np.flatnonzero(np.append(person[1:] != person[:-1], True)[: len(person)]))


def _with_strangers(people: pa.Table, strangers: Ints) -> pa.Table:
    blank = {name: pa.nulls(len(strangers), kind) for name, kind in zip(PEOPLE.schema.names, PEOPLE.schema.types, strict=True)}
    blank["person"] = pa.array(strangers, pa.int64())
    every = pa.concat_tables([people, pa.table(blank, schema=PEOPLE.schema)]).sort_by("person").combine_chunks()
    kind = pc.fill_null(every.column("kind"), AccountKind.MEMBER.value).cast(pa.uint8())
    return every.set_column(every.schema.get_field_index("kind"), "kind", kind)


def _masks(presence: pa.Table, persons: Ints, weeks: Days) -> Masks:
    seen = np.zeros((len(persons), len(weeks)), dtype=np.uint8)
    row = np.searchsorted(persons, presence.column("account").to_numpy())
    week = week_rows(presence, weeks)
    kept = week >= 0
    np.bitwise_or.at(seen, (row[kept], week[kept]), presence.column("days").to_numpy()[kept])
    return seen


def week_rows(table: pa.Table, weeks: Days) -> Ints:
    """Return the position of each row's week in the window; -1 outside."""
    week = np.asarray(table.column("week").to_numpy(), dtype="datetime64[D]")
    found = (week - weeks[0]).astype(np.int64) // 7
    return np.where((found >= 0) & (found < len(weeks)), found, -1)


def _working_days(people: pa.Table, seen: Masks, weeks: Days, away: Away) -> tuple[Masks, Bools]:
    pattern = pc.fill_null(people.column("work_days"), MONDAY_TO_FRIDAY).to_numpy().astype(np.uint8)
    pattern = np.where(pattern == 0, MONDAY_TO_FRIDAY, pattern).astype(np.uint8)
    work = _bits(np.repeat(pattern[:, None], len(weeks), axis=1))
    days = np.arange(weeks[0], weeks[0] + np.timedelta64(work.shape[1], "D")).astype(np.float64)
    joined, left = (_numbers(people.column(name))[:, None] for name in ("joined", "left"))
    work &= ~(days < joined) & ~(days >= left)
    free, leave = _stated(people, weeks, work.shape[1], away)
    work &= ~free
    absence = work & leave
    absence |= _silence(work & ~leave, _bits(seen))
    return _packed(work & ~absence), np.asarray(absence.any(axis=1), dtype=np.bool_)


def _stated(people: pa.Table, weeks: Days, n_days: int, away: Away) -> tuple[Bools, Bools]:
    """Return the holidays of each person's site, and the days of their own absence, ``(n, days)`` each."""
    person = np.asarray(people.column("person").to_numpy(), dtype=np.int64)
    site = np.asarray(pc.fill_null(people.column("site").cast(pa.int64()), UNKNOWN).to_numpy(), dtype=np.int64)
    days = {name: (np.asarray(table.column("day").to_numpy(), dtype="datetime64[D]") - weeks[0]).astype(np.int64)
            for name, table in (("leave", away.absences), ("free", away.holidays))}  # fmt: skip
    leave, free = np.zeros((len(person), n_days), dtype=np.bool_), np.zeros((len(person), n_days), dtype=np.bool_)
    who = np.asarray(away.absences.column("person").to_numpy(), dtype=np.int64)
    row = np.minimum(np.searchsorted(person, who), max(len(person) - 1, 0))
    known = (days["leave"] >= 0) & (days["leave"] < n_days) & (person[row] == who if len(person) else False)
    leave[row[known], days["leave"][known]] = True
    where = np.asarray(away.holidays.column("site").to_numpy(), dtype=np.int64)
    for place, day in zip(where.tolist(), days["free"].tolist(), strict=True):
        if 0 <= day < n_days:
            free[site == place, day] = True
    return free, leave


def _silence(work: Bools, seen: Bools) -> Bools:
    before, after = _run(work, seen), _run(work[:, ::-1], seen[:, ::-1])[:, ::-1]
    return work & ~seen & (before + after - 1 >= SILENT_DAYS)


def _run(work: Bools, seen: Bools) -> npt.NDArray[np.int16]:
    """Count the silent working days up to each day since the last action."""
    count = np.zeros(work.shape, dtype=np.int16)
    run = np.zeros(len(work), dtype=np.int16)
    for day in range(work.shape[1]):
        run = np.where(seen[:, day], 0, run + work[:, day]).astype(np.int16)
        count[:, day] = run
    return count


def _bits(masks: Masks) -> Bools:
    return np.unpackbits(masks[:, :, None], axis=2, bitorder="little")[:, :, :7].reshape(len(masks), -1).astype(np.bool_)


def _packed(days: Bools) -> Masks:
    return np.packbits(days.reshape(len(days), -1, 7), axis=2, bitorder="little")[:, :, 0]


def _line(people: pa.Table, persons: Ints) -> Ints:
    report = np.searchsorted(persons, people.column("person").to_numpy())
    codes = [np.array([], dtype=np.int64)]
    for name in ("manager", "dotted_manager"):
        boss = np.asarray(pc.fill_null(people.column(name), UNKNOWN).to_numpy(), dtype=np.int64)
        found = np.minimum(np.searchsorted(persons, boss), len(persons) - 1)
        kept = persons[found] == boss
        codes += [report[kept] * len(persons) + found[kept], found[kept] * len(persons) + report[kept]]
    return np.unique(np.concatenate(codes))


def _depth(manager: Ints) -> Floats:
    """Return each person's depth below the top, 1 = somebody without a manager but with reports; 0 outside the tree."""
    n = len(manager)
    leads = np.isin(np.arange(n), manager)
    depth = np.where((manager < 0) & leads, 1.0, 0.0)
    for _ in range(MAX_LEVELS):
        above = np.where(manager >= 0, depth[manager], 0.0)
        deeper = np.where((depth == 0) & (above > 0), above + 1, depth)
        if np.array_equal(deeper, depth):
            break
        depth = deeper
    return depth
