"""Contact that was added up elsewhere → AGGREGATES by week, under accounts; for scans it stands beside the weekly ties as a channel."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.base import Coverage, RawTie, TieConnector
from ona.tables import AGGREGATES, FIXED_POINT, LATENCY_EDGES_MINUTES, PRESENCE, TIES, Channel
from pipelines.intake import people
from pipelines.intake.events import part_of
from pipelines.storage.accounting import Progress, PullReport, report_of, store
from pipelines.storage.vault import BLOCKED, Span
from pipelines.storage.workspace import Workspace

EPOCH = date(1970, 1, 1)
MONDAY = 1
"""Bit of the day that stands for a week of which no day is known."""

UNMADE = -1
"""Account of everybody whom a dry run meets for the first time."""

Pair = tuple[int, int]
Weeks = dict[date, dict[Pair, tuple[float, bool]]]
"""Amount of each ordered pair of accounts by week, and whether the week proves contact."""


def pull_ties(ws: Workspace, name: str, connector: TieConnector, *, progress: Progress | None = None, dry_run: bool = False) -> PullReport:
    """Read a file of ties whole; the weeks that it holds replace what the same source said of them before."""
    started, coverage = ws.now(), Coverage()
    with ws.exclusive():
        if not dry_run:
            people.settle(ws)
        raw = list(connector.ties(coverage))
        if progress:
            progress(name, coverage.read, coverage.read)
        found = _weeks(_accounts(ws, raw, create=not dry_run), raw, coverage)
        _span(coverage, found)
        report = report_of(name, coverage, tuple(sorted(_part(week) for week in found)), dry_run=dry_run)
        if not dry_run:
            files = [ws.lake.stage(AGGREGATES.name, _part(week), _merged(ws, name, week, pairs)) for week, pairs in sorted(found.items())]
            with ws.service.begin() as connection:
                ws.lake.commit(connection, files)
                store(connection, report, started, ws.now())
            ws.lake.sweep_table(AGGREGATES.name, [file.part for file in files])
            people.adopt(ws)
    return report


def ties_and_presence(held: pa.Table, presence: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return AGGREGATES of persons as TIES, and as PRESENCE of those of whom nothing else was seen in a week.

    A week proves one day with contact; how many turns there were nobody knows, so each partner counts as one.
    """
    ties = {
        **{column: held[column] for column in ("week", "source", "from", "to", "weight", "evidence")},
        "channel": pa.repeat(int(Channel.AGGREGATE), held.num_rows),
        "events": pa.repeat(1, held.num_rows),
        "days": held["evidence"],
        "turns": pa.repeat(0, held.num_rows),
    }
    return pa.table([ties[name] for name in TIES.schema.names], names=TIES.schema.names).cast(TIES.schema), _presence(held, presence)


def _presence(held: pa.Table, presence: pa.Table) -> pa.Table:
    proved = held.filter(pc.equal(held["evidence"], MONDAY)).group_by(["week", "from"]).aggregate([("to", "count_distinct")])
    proved = proved.rename_columns({"from": "account", "to_count_distinct": "turns"})
    alone = proved.join(presence.select(["week", "account"]), ["week", "account"], join_type="left anti")
    none = pa.repeat(0, alone.num_rows)
    bins = pa.array([[0] * (len(LATENCY_EDGES_MINUTES) + 1)] * alone.num_rows, PRESENCE.schema.field("latency").type)
    known = {
        **{name: alone[name] for name in ("week", "account", "turns")},
        "days": pa.repeat(MONDAY, alone.num_rows),
        "channels": pa.repeat(1 << Channel.AGGREGATE, alone.num_rows),
        "latency": bins,
        "censored": bins,
    }
    return pa.table([known.get(name, none) for name in PRESENCE.schema.names], names=PRESENCE.schema.names).cast(PRESENCE.schema)


def _accounts(ws: Workspace, raw: Sequence[RawTie], *, create: bool) -> Mapping[str, tuple[Span, ...]]:
    """Return the accounts behind all handles; sorted, for the vault must not depend on the order of rows."""
    return ws.vault.spans(sorted({handle for tie in raw for handle in (tie.one, tie.other)}), create=create)


def _weeks(accounts: Mapping[str, tuple[Span, ...]], raw: Iterable[RawTie], coverage: Coverage) -> Weeks:
    """Add up each pair by week and count each row; of a pair in one order only, the other order is taken to be the same."""
    seen, found = set[tuple[str, str, date]](), Weeks()
    for tie in sorted(raw, key=lambda one: (one.one, one.other, one.weeks, -one.amount)):  # of a row that comes twice the larger stays
        key = tie.one, tie.other, tie.weeks[0]
        one, other = (_at(accounts.get(handle, ()), tie.weeks[0]) for handle in key[:2])
        if key in seen:
            coverage.duplicate += 1
        elif BLOCKED in (one, other):
            coverage.dropped["objected_or_protected"] += 1
        else:
            coverage.accepted += 1
            _add(found, tie, (one, other))
        seen.add(key)
    return {week: _mutual(pairs) for week, pairs in found.items()}


def _add(found: Weeks, tie: RawTie, pair: Pair) -> None:
    for week in tie.weeks:
        pairs = found.setdefault(week, {})
        before, proved = pairs.get(pair, (0.0, False))
        pairs[pair] = before + tie.amount / len(tie.weeks), proved or week == tie.weeks[0]


def _mutual(pairs: Mapping[Pair, tuple[float, bool]]) -> dict[Pair, tuple[float, bool]]:
    back = {(other, one): value for (one, other), value in pairs.items()}
    return {pair: value for pair, value in {**back, **pairs}.items() if pair[0] != pair[1]}


def _at(spans: Sequence[Span], on: date) -> int:
    """Return whose account a handle was on a day; a negative number where a dry run makes no account."""
    earlier = [span for span in spans if span.valid_from <= on]
    return (earlier or spans[:1])[-1].account if spans else UNMADE


def _merged(ws: Workspace, name: str, week: date, pairs: Mapping[Pair, tuple[float, bool]]) -> pa.Table:
    """Return a week's part with this source's rows replaced."""
    held = ws.lake.read(AGGREGATES, [_part(week)])
    amounts = np.array([amount for amount, _ in pairs.values()], np.float64)
    rows = {
        "week": pa.repeat(pa.scalar(week, pa.date32()), len(pairs)),
        "source": pa.repeat(name, len(pairs)),
        "from": pa.array([one for one, _ in pairs], pa.int64()),
        "to": pa.array([other for _, other in pairs], pa.int64()),
        "weight": pa.array(np.rint(np.log2(1.0 + amounts) * FIXED_POINT).astype(np.int64)),
        "evidence": pa.array([MONDAY * proved for _, proved in pairs.values()], pa.uint8()),
    }
    return pa.concat_tables([held.filter(pc.not_equal(held["source"], name)), pa.table(rows, schema=AGGREGATES.schema)])


def _span(coverage: Coverage, found: Iterable[date]) -> None:
    days = [(week - EPOCH).days for week in found]
    if days:
        coverage.first, coverage.last = (one * 86_400_000_000 for one in (min(days), max(days)))


def _part(week: date) -> str:
    return part_of((week - EPOCH).days)
