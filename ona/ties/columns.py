"""EVENTS and ACCOUNTS as columns in memory, events in order of time, accounts and spaces as codes: what the compiled loops read."""

from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ona.compiled import Codes, Flags, Floats, Ints
from ona.rules import TieRules
from ona.tables import AccountKind
from ona.ties._sorting import NONE, by_time, codes_of, rows_of
from ona.ties._verdicts import Judged, Limits, Raw, judgements
from ona.ties.frames import Lazy, together

PEOPLE = (AccountKind.MEMBER, AccountKind.GUEST, AccountKind.FORMER)
"""Accounts behind which a person writes; of them only members are scored."""

KEPT = 0
"""Verdict on events that stay."""

NO_LEAD = -(2**31)
"""Stands for a missing lead of a meeting."""

Number = TypeVar("Number", bound=np.generic)

COLUMNS = (
    "event", "sender", "space", "root", "reply_to", "series", "source", "kind", "sent", "day", "bin", "recipients", "audience",
    "space_kind", "lead_hours", "minutes", "flags",
)  # fmt: skip
"""Columns of EVENTS that are read."""


@dataclass(frozen=True)
class Known:
    """ACCOUNTS by code: place in the order of ids."""

    account: Ints
    person: Ints
    kind: Flags  # 0 missing
    excluded: Flags
    work_days: Flags  # mask of weekdays, Monday 1; 0 unknown
    people: Flags  # 1 where a person stands behind it who may appear in ties

    @property
    def bits(self) -> int:
        """How many bits a code needs."""
        return max(1, int(self.account.size - 1).bit_length()) if self.account.size else 1


@dataclass(frozen=True)
class Events:
    """Columns of events in order of (at, event); ids that are missing are ``NONE``, codes -1."""

    event: Ints
    at: Ints
    n: Codes
    w: Codes
    sender: Codes  # code of the account
    space: Codes
    root: Ints
    reply_to: Ints
    audience: Codes
    source: Codes
    place: Flags
    verdict: Flags


@dataclass(frozen=True)
class Names:
    """Recipients: those of event i are start[i] to stop[i]."""

    start: Ints
    stop: Ints
    account: Codes  # code, -1 unknown
    role: Flags


@dataclass(frozen=True)
class Meetings:
    """What only meetings have, by row as read; ``order`` leads there from events in order of time."""

    order: Ints
    series: Ints
    lead_hours: Codes
    minutes: Floats  # NaN unknown


@dataclass(frozen=True)
class Held:
    """Events in order of time, judged one by one, with their recipients."""

    known: Known
    sources: tuple[str, ...]  # by code, sorted
    spaces: Ints  # by code, sorted
    events: Events
    names: Names
    judged: Judged
    meetings: Meetings


def held(events: Lazy, accounts: Lazy, rules: TieRules) -> Held:
    """Read events and accounts and judge each event on its own."""
    known, table = _known(_arrow(accounts)), _arrow(events.select(*COLUMNS))
    at, event = _numbers(table, "sent", np.int64) // 1_000_000, _numbers(table, "event", np.int64).copy()
    order = by_time(at, event)
    names, first = _recipients(table, order, known)
    sources, source = _sources(table["source"])
    columns = [event, at, source, *(_numbers(table, name, np.int64) for name in ("sender", "space", "root", "reply_to"))]
    columns += [_numbers(table, name, np.int32, 0) for name in ("day", "audience", "flags")]
    columns += [_numbers(table, name, np.uint8, 0) for name in ("bin", "kind", "space_kind")]
    event, at, source, sender, space, root, reply_to, n, audience, flags, hour, kind, space_kind = together(
        [partial(np.take, column, order) for column in columns]
    )
    code, (places, spaces) = rows_of(known.account, sender), _spaces(space)
    raw = Raw(event, at, n, hour, kind, space_kind, audience, flags, sender, code, first, space, root)
    judged = judgements(raw, Limits(known.kind, known.excluded, rules.max_mail, rules.max_group, rules.max_meeting))
    kept = Events(event, at, n, (n + 3) // 7, code, places, root, reply_to, audience, source, judged.place, judged.verdict)
    lead, minutes = _numbers(table, "lead_hours", np.int32, NO_LEAD), _numbers(table, "minutes", np.float64, np.nan)
    return Held(known, sources, spaces, kept, names, judged, Meetings(order, _numbers(table, "series", np.int64), lead, minutes))


def _arrow(frame: Lazy) -> pa.Table:
    return frame.collect("pyarrow").to_arrow()


def _numbers(table: pa.Table, name: str, dtype: type[Number], missing: float = NONE) -> NDArray[Number]:
    """Return a column as numbers, dates as days and times as microseconds since 1970, null as ``missing``."""
    column = table[name]
    if pa.types.is_temporal(column.type):
        column = column.cast(pa.int32() if pa.types.is_date(column.type) else pa.timestamp("us")).cast(pa.from_numpy_dtype(dtype))
    if column.null_count:
        column = pc.fill_null(column.cast(pa.from_numpy_dtype(dtype)), missing)
    return np.asarray(column.to_numpy()).astype(dtype, copy=False)


def _sources(column: pa.ChunkedArray) -> tuple[tuple[str, ...], Codes]:
    """Names of the sources, sorted, and the code of each row."""
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    whole = coded.unify_dictionaries().combine_chunks()
    chunk = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    found = chunk.dictionary.to_pylist()
    names = tuple(sorted(found))
    rank = np.array([names.index(name) for name in found], dtype=np.int32)
    return names, rank[pc.fill_null(chunk.indices, 0).to_numpy()] if names else np.zeros(len(column), dtype=np.int32)


def _spaces(space: Ints) -> tuple[Codes, Ints]:
    """Code of each space in the order of ids, -1 for ``NONE``; and the ids."""
    codes, number = codes_of(space, space)
    ids = np.empty(number, dtype=np.int64)
    ids[codes] = space
    order = np.argsort(ids)
    rank = np.empty(number, dtype=np.int32)
    rank[order] = np.arange(number)
    missing = int(number > 0 and ids[order[0]] == NONE)
    return (rank - np.int32(missing))[codes], ids[order[missing:]]


def _recipients(table: pa.Table, order: Ints, known: Known) -> tuple[Names, Ints]:
    """Recipients of each event in order, and the id of its first one."""
    lists = table["recipients"].combine_chunks()
    parts = pa.table({"account": lists.values.field("account"), "role": lists.values.field("role")})
    account, role = _numbers(parts, "account", np.int64).copy(), _numbers(parts, "role", np.uint8, 0).copy()
    edges = lists.offsets.to_numpy().astype(np.int64)
    start, stop = edges[:-1][order], edges[1:][order]
    first = np.full(order.size, NONE)
    some = stop > start
    first[some] = account[start[some]]
    return Names(start, stop, rows_of(known.account, account), role), first


def _known(table: pa.Table) -> Known:
    ids = _numbers(table, "account", np.int64)
    order = np.argsort(ids, kind="stable")
    person, kind = _numbers(table, "person", np.int64)[order], _numbers(table, "kind", np.uint8, 0)[order]
    excluded = pc.fill_null(table["excluded"], False).to_numpy().astype(np.uint8)[order]
    people = np.isin(kind, [int(one) for one in PEOPLE]) & (excluded == 0)
    work_days = _numbers(table, "work_days", np.uint8, 0)[order]
    return Known(ids[order], person, kind, excluded, work_days, people.astype(np.uint8))
