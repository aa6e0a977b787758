"""EVENTS and ACCOUNTS as columns in memory, events in order of time, accounts as codes: what the compiled loops read."""

from dataclasses import dataclass
from typing import TypeVar

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ona.compiled import Codes, Flags, Floats, Ints
from ona.rules import TieRules
from ona.tables import AccountKind
from ona.ties._kernels import NONE, Events, Names, by_time, rows_of
from ona.ties._verdicts import Judged, Limits, Raw, judgements
from ona.ties.frames import Lazy

PEOPLE = (AccountKind.MEMBER, AccountKind.GUEST, AccountKind.FORMER)
"""Accounts behind which a person writes; of them only members are scored."""

NO_LEAD = -(2**31)
"""Stands for a missing lead of a meeting."""

Number = TypeVar("Number", bound=np.generic)

_IDS = ("event", "sender", "space", "root", "reply_to", "series")
_READ = (*_IDS, "kind", "sent", "day", "bin", "recipients", "audience", "space_kind", "lead_hours", "minutes", "flags")


@dataclass(frozen=True)
class Known:
    """ACCOUNTS by code: place in the order of ids."""

    account: Ints
    person: Ints
    kind: Flags  # 0 missing
    excluded: Flags
    people: Flags  # 1 where a person stands behind it who may appear in ties

    @property
    def bits(self) -> int:
        """How many bits a code needs."""
        return max(1, int(self.account.size - 1).bit_length()) if self.account.size else 1


@dataclass(frozen=True)
class Held:
    """Events in order of (at, event), judged one by one, with their recipients."""

    known: Known
    sources: tuple[str, ...]  # by code, sorted
    events: Events
    names: Names
    judged: Judged
    first: Ints  # first recipient
    series: Ints
    lead_hours: Codes
    minutes: Floats  # NaN unknown


def held(events: Lazy, accounts: Lazy, rules: TieRules) -> Held:
    """Read events and accounts and judge each event on its own."""
    known = _known(_arrow(accounts))
    sources = tuple(sorted(_arrow(events.select("source").unique())["source"].drop_null().to_pylist()))
    table = _arrow(events.select(*_READ, source=_coded(sources)))
    at = _numbers(table, "sent", np.int64) // 1_000_000
    order = by_time(at, _numbers(table, "event", np.int64).copy())
    ids = {name: _numbers(table, name, np.int64)[order] for name in _IDS}
    first, start, stop, names = _recipients(table, order, known)
    code, n = rows_of(known.account, ids["sender"]), _numbers(table, "day", np.int32)[order]
    audience, flags = (_numbers(table, name, np.int32, 0)[order] for name in ("audience", "flags"))
    hour, kind, space_kind = (_numbers(table, name, np.uint8, 0)[order] for name in ("bin", "kind", "space_kind"))
    raw = Raw(ids["event"], at[order], n, hour, kind, space_kind, audience, flags, ids["sender"], code, first, ids["space"], ids["root"])
    limits = Limits(known.kind, known.excluded, rules.max_mail, rules.max_group, rules.max_meeting)
    judged = judgements(raw, limits)
    w, source = (n + 3) // 7, _numbers(table, "source", np.int32)[order]
    kept = Events(
        raw.event, raw.at, n, w, code, raw.space, raw.root, ids["reply_to"], audience, source, judged.place, judged.verdict
    )  # fmt: skip
    lead, minutes = _numbers(table, "lead_hours", np.int32, NO_LEAD)[order], _numbers(table, "minutes", np.float64, np.nan)[order]
    return Held(known, sources, kept, Names(start, stop, *names, known.people), judged, first, ids["series"], lead, minutes)


def _arrow(frame: Lazy) -> pa.Table:
    return frame.collect("pyarrow").to_arrow()


def _coded(sources: tuple[str, ...]) -> nw.Expr:
    code = nw.lit(0)
    for index, source in enumerate(sources[1:], start=1):
        code = nw.when(nw.col("source") == source).then(nw.lit(index)).otherwise(code)
    return code


def _numbers(table: pa.Table, name: str, dtype: type[Number], missing: float = NONE) -> NDArray[Number]:
    """Return a column as numbers, dates as days and times as microseconds since 1970, null as ``missing``."""
    column = table[name]
    if pa.types.is_temporal(column.type):
        column = column.cast(pa.int32() if pa.types.is_date(column.type) else pa.timestamp("us")).cast(pa.from_numpy_dtype(dtype))
    if column.null_count:
        column = pc.fill_null(column.cast(pa.from_numpy_dtype(dtype)), missing)
    return np.asarray(column.to_numpy()).astype(dtype, copy=False)


def _recipients(table: pa.Table, order: Ints, known: Known) -> tuple[Ints, Ints, Ints, tuple[Codes, Flags]]:
    """First recipient, range of recipients of each event in order, and all recipients as codes and roles."""
    lists = table["recipients"].combine_chunks()
    parts = pa.table({"account": lists.values.field("account"), "role": lists.values.field("role")})
    account, role = _numbers(parts, "account", np.int64), _numbers(parts, "role", np.uint8, 0)
    edges = lists.offsets.to_numpy().astype(np.int64)
    start, stop = edges[:-1][order], edges[1:][order]
    first = np.full(order.size, NONE)
    some = stop > start
    first[some] = account[start[some]]
    return first, start, stop, (rows_of(known.account, account.copy()), role.copy())


def _known(table: pa.Table) -> Known:
    ids = _numbers(table, "account", np.int64)
    order = np.argsort(ids, kind="stable")
    person, kind = _numbers(table, "person", np.int64)[order], _numbers(table, "kind", np.uint8, 0)[order]
    excluded = pc.fill_null(table["excluded"], False).to_numpy().astype(np.uint8)[order]
    people = np.isin(kind, [int(one) for one in PEOPLE]) & (excluded == 0)
    return Known(ids[order], person, kind, excluded, people.astype(np.uint8))
