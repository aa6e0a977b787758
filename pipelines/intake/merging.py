"""Old and new rows of one week → the week: one row per event, the best copy wins, whatever the order of arrival. Pure."""

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ona.tables import EVENTS, OUT_OF_HOURS
from pipelines.intake.pseudonyms import DERIVED, MICROSECONDS_A_DAY, ROWS, Longs, Masks

Words = npt.NDArray[np.uint64]

WORK_HOURS = (8, 18)
"""Local hours, half-open, that count as working hours on a person's working days."""

THURSDAY = 3
"""Weekday of 1970-01-01, Monday = 0."""

MICROSECONDS_AN_HOUR = 3_600_000_000


@dataclass(frozen=True)
class Places:
    """Zone and working days of accounts; those not listed have the default."""

    accounts: Longs  # sorted
    zones: npt.NDArray[np.int64]  # index into names
    work_days: npt.NDArray[np.int64]  # bit mask, Monday = 1
    names: tuple[str, ...]  # names[0] is the default zone
    default_work_days: int = 0b11111

    def of(self, accounts: Longs) -> tuple[Longs, Longs]:
        """Return zone index and working days of each account."""
        if not len(self.accounts):
            return np.zeros(len(accounts), np.int64), np.full(len(accounts), self.default_work_days)
        place = np.minimum(np.searchsorted(self.accounts, accounts), len(self.accounts) - 1)
        known = self.accounts[place] == accounts
        return np.where(known, self.zones[place], 0), np.where(known, self.work_days[place], self.default_work_days)


@dataclass(frozen=True)
class Merged:
    """One week after the merge, and what became of the new rows."""

    week: pa.Table  # EVENTS
    accepted: int  # vendor rows
    duplicate: int
    first: int | None  # microseconds since 1970-01-01 UTC, of accepted events
    last: int | None


def merge(old: pa.Table, new: pa.Table, places: Places) -> Merged:
    """Return the week that holds each event once: highest revision, then widest audience, then highest digest of the row.

    ``old`` are EVENTS, ``new`` ROWS. The result does not depend on the order or the number of merges.
    """
    stored = old.drop_columns(list(DERIVED)).append_column(ROWS.field("rows"), pa.array(np.zeros(old.num_rows, np.uint32)))
    rows = pa.concat_tables([stored.cast(ROWS), new.cast(ROWS)]).combine_chunks()
    event, is_new = _longs(rows, "event"), np.arange(rows.num_rows) >= old.num_rows
    order = np.lexsort((_digest(rows), -_longs(rows, "audience"), -_longs(rows, "revision"), event))
    first = np.concatenate([[True], event[order][1:] != event[order][:-1]])[: len(order)]
    group = np.cumsum(first) - 1
    known = np.bincount(group, weights=~is_new[order], minlength=first.sum()) > 0
    winners = order[first]
    accepted = winners[~known]
    count = _longs(rows, "rows")
    sent = _longs(rows, "sent")[accepted]
    total = int(count[is_new].sum())
    taken = int(count[accepted].sum())
    span = (int(sent.min()), int(sent.max())) if len(sent) else (None, None)
    return Merged(with_local_time(rows.take(pa.array(winners)), places), taken, total - taken, *span)


def moved(weeks: Longs, copies: pa.Table) -> dict[int, Longs]:
    """Return for each week the events that a better copy has moved to another one: a meeting that was put off.

    ``copies`` hold event, revision, audience and sent of one copy each, ``weeks`` the week that each copy stands in.
    """
    event, revision, audience, sent = (_longs(copies, name) for name in ("event", "revision", "audience", "sent"))
    order = np.lexsort((-sent, -audience, -revision, event))
    first = np.concatenate([[True], event[order][1:] != event[order][:-1]])[: len(order)]
    winner = order[first][np.cumsum(first) - 1]
    lost = weeks[order] != weeks[winner]
    return {int(week): np.unique(event[order][lost & (weeks[order] == week)]) for week in np.unique(weeks[order][lost])}


def with_local_time(rows: pa.Table, places: Places) -> pa.Table:
    """Return EVENTS: the sender's local day and hour, and the Monday of that day's week."""
    sent = _longs(rows, "sent")
    zones, work_days = places.of(_longs(rows, "sender"))
    local = local_times(sent, zones, places.names)
    day = local // MICROSECONDS_A_DAY
    weekday = (day + THURSDAY) % 7
    hour = local % MICROSECONDS_A_DAY // MICROSECONDS_AN_HOUR
    at_work = (hour >= WORK_HOURS[0]) & (hour < WORK_HOURS[1]) & (work_days >> weekday & 1 == 1)
    derived = {
        "week": pa.array((day - weekday).astype(np.int32)).cast(pa.date32()),
        "day": pa.array(day.astype(np.int32)).cast(pa.date32()),
        "bin": pa.array((hour + np.where(at_work, 0, OUT_OF_HOURS)).astype(np.uint8)),
    }
    return pa.table([derived[name] if name in derived else rows[name] for name in EVENTS.schema.names], schema=EVENTS.schema)


def local_times(sent: Longs, zones: Longs, names: tuple[str, ...]) -> Longs:
    """Return local wall-clock microseconds of UTC microseconds, zone by zone."""
    local = np.empty_like(sent)
    for zone in np.unique(zones):
        here = zones == zone
        index = pd.DatetimeIndex(sent[here].view("M8[us]")).tz_localize("UTC").tz_convert(names[zone]).tz_localize(None)
        local[here] = index.to_numpy().astype("M8[us]").view(np.int64)
    return local


def week_starts(sent: Longs) -> Longs:
    """Return the Monday of the UTC week of each time, in days since 1970-01-01."""
    day = sent // MICROSECONDS_A_DAY
    return day - (day + THURSDAY) % 7


def _longs(table: pa.Table, name: str) -> Longs:
    values: Longs = table[name].combine_chunks().cast(pa.int64()).to_numpy(zero_copy_only=False)
    return values


def _digest(rows: pa.Table) -> Words:
    """Return a digest of each row's content that is the same in every process: the last word between equal copies."""
    total = np.zeros(rows.num_rows, np.uint64)
    for number, name in enumerate(ROWS.names):
        if name not in ("rows", "recipients"):
            total += _mixed(_words(rows[name].combine_chunks()) + np.uint64(number + 1))
    lists = rows["recipients"].combine_chunks()
    owner = pc.list_parent_indices(lists).to_numpy()
    accounts, roles = (lists.flatten().field(i).cast(pa.int64()).to_numpy().view(np.uint64) for i in (0, 1))
    np.add.at(total, owner, _mixed(_mixed(accounts) + roles))
    return _mixed(total)


def _words(column: pa.Array) -> Words:
    """Return 64 bits for each value; null is unlike any value."""
    if pa.types.is_string(column.type):
        coded = column.dictionary_encode()
        digests = [hashlib.blake2b(name.encode(), digest_size=8).digest() for name in coded.dictionary.to_pylist()]
        names: Words = np.array([int.from_bytes(digest, "big") for digest in digests], np.uint64)[coded.indices.to_numpy()]
        return names
    plain = column.cast(pa.float64()).fill_null(0) if pa.types.is_floating(column.type) else column.cast(pa.int64()).fill_null(0)
    words: Words = plain.to_numpy(zero_copy_only=False).view(np.uint64)
    empty: Masks = column.is_null().to_numpy(zero_copy_only=False)
    return np.where(empty, np.uint64(0x9E3779B97F4A7C15), words)


def _mixed(words: Words) -> Words:
    """Return the finaliser of splitmix64 (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
