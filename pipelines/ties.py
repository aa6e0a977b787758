"""EVENTS to weekly tables: only the weeks whose events, accounts or rules changed, a few weeks at a time."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ona.rules import TieRules
from ona.tables import AGGREGATES, ASKS, PRESENCE, SPACE_WEEKS, TIES, Table, check
from ona.ties import weekly
from ona.ties.attribution import parted
from ona.ties.bursts import BASELINE_WEEKS as BURST_WEEKS
from ona.ties.bursts import BURSTS, find_bursts, unusual, usual
from ona.ties.calendar import WEEKS_BACK, week_of
from ona.ties.columns import COLUMNS, Held, held
from ona.ties.frames import Lazy, in_memory, together
from ona.ties.spaces import liveliness
from ona.ties.weekly import Context, by_person
from pipelines.engine.duckdb import Engine
from pipelines.intake import days_off, people
from pipelines.intake.aggregates import ties_and_presence
from pipelines.intake.events import DIGESTS, monday
from pipelines.storage.accounting import Progress
from pipelines.storage.lake import File, read_files
from pipelines.storage.workspace import Workspace

WEEK = timedelta(days=7)

DROPPED = Table("dropped", pa.schema([("week", pa.date32()), ("rule", pa.string()), ("events", pa.int64())]), ("week", "rule"))
"""Events of each week by the rule that kept them out of ties; those that stayed are under ``kept``."""

MADE = Table("weeks_made", pa.schema([("input", pa.string()), ("content", pa.string())]), ("input",))
"""What each week was computed from; a week is computed again when one of these changes."""

WEEKLY = (TIES, ASKS, PRESENCE, SPACE_WEEKS, DROPPED)

BACK, AHEAD = WEEKS_BACK + 1, 2
"""Parts (UTC weeks) before and after a local week that it depends on: context, late answers, and zones across midnight."""

BASELINE_WEEKS = 13
MOST_EVENTS = 5_500_000
"""Events held in memory at once, context counted: about 2.6 GiB; a single week and its context may have more."""


@dataclass(frozen=True)
class TiesReport:
    """What an update did."""

    made: tuple[date, ...] = ()
    unchanged: int = 0
    rows: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """Everything that weekly tables are computed from."""

    engine: Engine
    rules: TieRules
    accounts: pa.Table
    events: Mapping[date, File]  # held parts by Monday
    root: Path  # folder of the lake
    away: pa.Table = field(default_factory=days_off.AWAY.empty_table)  # stated absences and holidays of sites
    last: dict[tuple[date, date], Held] = field(default_factory=dict, compare=False, repr=False)

    def around(self, first: date, last: date) -> dict[date, File]:
        """Return the held parts that the weeks from first to last depend on."""
        return {week: file for week, file in self.events.items() if first - BACK * WEEK <= week <= last + AHEAD * WEEK}

    def held(self, first: date, last: date) -> Held:
        """Return the events that the weeks from first to last depend on; those last asked for stay in memory."""
        if (first, last) not in self.last:
            self.last.clear()
            paths = [self.root / file.path for file in self.around(first, last).values()]
            events = in_memory(read_files(paths, COLUMNS, coded=["source"]))
            self.last[first, last] = held(events, in_memory(self.accounts), self.rules)
        return self.last[first, last]


@dataclass(frozen=True)
class Patterns:
    """How lively spaces were: the tables of each week, and the busy hours of weeks whose events are held."""

    weeks: Mapping[date, pa.Table]
    busy: Mapping[date, pa.Table]

    def baseline(self, week: date) -> list[date]:
        """Return the 13 weeks up to this one; while there are fewer, the first 13 there are."""
        known = sorted(week for week, table in self.weeks.items() if table.num_rows)
        last = max(known.index(week) + 1, BASELINE_WEEKS) if week in known else BASELINE_WEEKS
        return known[max(0, last - BASELINE_WEEKS) : last]

    def completed(self, source: Source, weeks: Sequence[date]) -> "Patterns":
        """Add the busy hours of weeks whose spaces did not change but which are computed again."""
        return replace(self, busy={**self.busy, **patterns(source, [week for week in weeks if week not in self.busy]).busy})

    def bursts(self, weeks: Sequence[date], rules: TieRules) -> pa.Table:
        """Return the bursts that began in the weeks, numbered."""
        alike = {week: tuple(self.baseline(week)) for week in weeks}
        normal = {one: usual(pa.concat_tables([SPACE_WEEKS.empty(), *(self.weeks[week] for week in one)])) for one in set(alike.values())}
        found = [unusual(self.busy[week], normal[alike[week]], rules) for week in weeks]
        table = pa.concat_tables([BURSTS.empty_table(), *found])
        return table.set_column(0, BURSTS.field("burst"), pa.array(range(table.num_rows), pa.int64()))


def update(ws: Workspace, engine: Engine, progress: Progress | None = None, rules: TieRules | None = None) -> TiesReport:
    """Bring the weekly tables up to date; what is made depends on the lake's content alone, not on when it came.

    A week whose events are gone keeps its tables.
    """
    source = _source(ws, engine, rules or TieRules())
    weeks = _computable(ws, source)
    made = {week: _made(ws, week) for week in weeks}
    stored = {monday(part): ws.lake.read(SPACE_WEEKS, [part]) for part in ws.lake.parts(SPACE_WEEKS.name)}
    fresh = patterns(source, [week for week in weeks if _differs(_space_inputs(source, week), made[week])])
    known = replace(fresh, weeks={**stored, **fresh.weeks})
    wanted = {week: _inputs(source, week, known) for week in weeks}
    stale = [week for week in weeks if _differs(wanted[week], made[week])]
    rows, dropped = Counter[str](), Counter[str]()
    for done, chunk, tables in compute(source, stale, known.completed(source, stale)):
        _store(ws, chunk, tables, wanted)
        rows.update({name: table.num_rows for name, table in tables.items()})
        dropped.update(_by_rule(tables[DROPPED.name]))
        if progress:
            progress("ties", done, len(stale))
    return TiesReport(tuple(stale), len(weeks) - len(stale), dict(rows), dict(dropped))


def patterns(source: Source, weeks: Sequence[date]) -> Patterns:
    """Count SPACE_WEEKS and busy hours of the weeks, the last first, so that the first are still in memory when ties are made."""
    fresh: dict[date, pa.Table] = {}
    busy: dict[date, pa.Table] = {}
    for _, chunk in reversed(list(chunks(source, weeks))):
        counted, hours = liveliness(source.held(chunk[0], chunk[-1]), source.rules)
        fresh |= {week: _of_week(check(counted, SPACE_WEEKS), week) for week in chunk}
        busy |= {week: hours.filter(pc.equal(hours["w"], week_of(week))) for week in chunk}
    return Patterns(fresh, busy)


def compute(source: Source, weeks: Sequence[date], known: Patterns) -> Iterator[tuple[int, list[date], dict[str, pa.Table]]]:
    """Yield all tables of a few weeks at a time, with the number of weeks done by then."""
    for done, chunk in chunks(source, weeks):
        first, last = chunk[0], chunk[-1]
        bursts, away = source.engine.frame(known.bursts(chunk, source.rules)), in_memory(source.away)
        context = Context((first, last + WEEK), bursts, frame=source.engine.frame)
        made = weekly.tables_of(parted(source.held(first, last), source.rules, away), source.rules, context)
        tables = {TIES.name: made.ties, ASKS.name: made.asks, PRESENCE.name: made.presence}
        tables[DROPPED.name] = check(made.dropped, DROPPED).sort_by([(name, "ascending") for name in DROPPED.key])
        yield done, chunk, tables | {SPACE_WEEKS.name: pa.concat_tables([known.weeks[week] for week in chunk])}


def load(ws: Workspace, engine: Engine, weeks: Sequence[date]) -> tuple[Lazy, Lazy, Lazy, Lazy]:
    """Return person-level TIES, ASKS and PRESENCE and the SPACE_WEEKS of the weeks; nothing of excluded accounts."""
    known = people.accounts(ws)
    accounts = engine.persist(engine.frame(known.filter(pc.invert(known["excluded"]))))
    ties, asks, presence = (_persons(ws, engine, table, weeks, accounts) for table in (TIES, ASKS, PRESENCE))
    if ws.lake.files(AGGREGATES.name, [part_of(week) for week in weeks]):
        more, seen = ties_and_presence(_persons(ws, engine, AGGREGATES, weeks, accounts), presence)
        ties, presence = pa.concat_tables([ties, more]), pa.concat_tables([presence, seen])
    return engine.frame(ties), engine.frame(asks), engine.frame(presence), _read(ws, engine, SPACE_WEEKS, weeks)


def weeks_seen(ws: Workspace) -> list[date]:
    """Return the Mondays of all weeks that hold or once held events, or contact that was added up elsewhere."""
    return sorted({monday(part) for table in ("events", DIGESTS.name, AGGREGATES.name) for part in ws.lake.parts(table)})


def version(ws: Workspace, weeks: Sequence[date]) -> str:
    """Return a digest of the weekly tables of the weeks."""
    parts = [part_of(week) for week in weeks]
    tables = (*WEEKLY, AGGREGATES) if ws.lake.files(AGGREGATES.name, parts) else WEEKLY
    return _digest([ws.lake.version(table.name, parts) for table in tables])


def dropped_events(ws: Workspace, weeks: Sequence[date]) -> dict[str, int]:
    """Return how many events of the weeks each rule kept out of ties, and how many stayed (``kept``)."""
    return dict(_by_rule(ws.lake.read(DROPPED, [part_of(week) for week in weeks])))


def part_of(week: date) -> str:
    """Return the part of a Monday's week: 2026-W27."""
    year, number, _ = week.isocalendar()
    return f"{year:04}-W{number:02}"


def tables_of(engine: Engine, events: pa.Table, accounts: pa.Table, rules: TieRules) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Return person-level TIES, ASKS and PRESENCE of events held in memory, all weeks at once."""
    parts = parted(held(in_memory(events), in_memory(accounts), rules), rules)
    weeks, busy = liveliness(parts.held, rules)
    made = weekly.tables_of(parts, rules, Context(bursts=engine.frame(find_bursts(busy, weeks, rules)), frame=engine.frame))
    known = engine.frame(accounts)
    persons = [
        (by_person(engine.persist(engine.frame(frame)), known), table)
        for frame, table in ((made.ties, TIES), (made.asks, ASKS), (made.presence, PRESENCE))
    ]
    ties, asks, presence = (check(engine.collect(frame, table.key), table) for frame, table in persons)
    engine.release()
    return ties, asks, presence


def _source(ws: Workspace, engine: Engine, rules: TieRules) -> Source:
    held = {monday(file.part): file for file in ws.lake.files("events")}
    known = people.accounts(ws)
    return Source(engine, rules, known, held, ws.lake.root, days_off.away(ws, known))


def _computable(ws: Workspace, source: Source) -> list[date]:
    """Weeks whose events are held; the neighbours of the first and last one hold what zones put across midnight."""
    near = {week + step * WEEK for week in source.events for step in (-1, 0, 1)}
    gone = {monday(part) for part in ws.lake.parts(DIGESTS.name)} - source.events.keys()
    return sorted(near - gone)


def _made(ws: Workspace, week: date) -> dict[str, str]:
    """Return what a week was computed from when it was last computed."""
    return {row["input"]: row["content"] for row in ws.lake.read(MADE, [part_of(week)]).to_pylist()}


def _differs(wanted: Mapping[str, str], made: Mapping[str, str]) -> bool:
    """Whether an input is new or changed; events that were dropped since are no reason to compute a week again."""
    return any(made.get(name) != content for name, content in wanted.items())


def _space_inputs(source: Source, week: date) -> dict[str, str]:
    near = {f"space {one}": file.sha256 for one, file in source.events.items() if abs(one - week) <= WEEK}
    return near | {"accounts": _accounts_digest(source.accounts), "rules": _digest([json.dumps(asdict(source.rules), sort_keys=True)])}


def _inputs(source: Source, week: date, known: Patterns) -> dict[str, str]:
    baseline = known.baseline(week)
    usual = _digest([_space_digest(known.weeks[one]) for one in baseline]) if len(baseline) >= BURST_WEEKS else "none"
    events = {f"events {one}": file.sha256 for one, file in source.around(week, week).items()}
    return {**_space_inputs(source, week), **events, "baseline": usual, "working time": _working_time(source, week)}


def _working_time(source: Source, week: date) -> str:
    """Digest of who works on which days of the weeks that a week depends on."""
    day = source.away["day"]
    first, last = (pa.scalar(week + step * WEEK, pa.date32()) for step in (-BACK, AHEAD + 1))
    away = source.away.filter(pc.and_(pc.greater_equal(day, first), pc.less(day, last)))
    columns = (source.accounts["account"], source.accounts["work_days"], away["account"], away["day"].cast(pa.int32()))
    return _digest([pc.fill_null(column.cast(pa.int64()), 0).to_numpy().tobytes().hex() for column in columns])


def _accounts_digest(accounts: pa.Table) -> str:
    columns = [accounts[name].combine_chunks() for name in ("account", "person", "kind", "excluded")]
    return _digest([str(pc.fill_null(column.cast(pa.int64()), 0).to_numpy().tobytes().hex()) for column in columns])


def _space_digest(table: pa.Table) -> str:
    flat = [table[name].combine_chunks() for name in ("week", "space", "hours")]
    numbers = [flat[0].cast(pa.int32()), flat[1], flat[2].flatten()]
    return _digest([column.to_numpy(zero_copy_only=False).tobytes().hex() for column in numbers])


def _digest(texts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def chunks(source: Source, weeks: Sequence[date]) -> Iterator[tuple[int, list[date]]]:
    """Cut weeks into few runs of neighbours that fit into memory with their context; with each, how many weeks are done by then."""
    for run in _runs(weeks):
        for pieces in range(1, len(run) + 1):
            edges = [len(run) * piece // pieces for piece in range(pieces + 1)]
            cut = [run[low:high] for low, high in pairwise(edges)]
            if max(_held(source, chunk) for chunk in cut) <= MOST_EVENTS:
                break
        for chunk in cut:
            yield sum(week <= chunk[-1] for week in weeks), chunk


def _held(source: Source, chunk: Sequence[date]) -> int:
    return sum(file.rows for file in source.around(chunk[0], chunk[-1]).values())


def _runs(weeks: Sequence[date]) -> Iterator[list[date]]:
    run: list[date] = []
    for week in weeks:
        if run and week - run[-1] != WEEK:
            yield run
            run = []
        run.append(week)
    if run:
        yield run


def _store(ws: Workspace, chunk: Sequence[date], tables: Mapping[str, pa.Table], wanted: Mapping[date, Mapping[str, str]]) -> None:
    """Name all tables of these weeks in one transaction, with what they were made from."""
    for week in chunk:
        inputs = pa.table({"input": list(wanted[week]), "content": list(wanted[week].values())}, schema=MADE.schema)
        rows = [(table, _of_week(tables[table.name], week)) for table in (TIES, ASKS, PRESENCE, SPACE_WEEKS)]
        stage = [partial(ws.lake.stage_sorted, table.name, part_of(week), [part]) for table, part in rows]
        few = ((DROPPED, _of_week(tables[DROPPED.name], week)), (MADE, inputs))
        stage += [partial(ws.lake.stage, table.name, part_of(week), part, sort=table.key) for table, part in few]
        files = together(stage)
        with ws.service.begin() as connection:
            ws.lake.commit(connection, files)
        for file in files:
            ws.lake.sweep_table(file.table, [file.part])


def _of_week(table: pa.Table, week: date) -> pa.Table:
    return table.filter(pc.equal(table["week"], pa.scalar(week, pa.date32())))


def _by_rule(table: pa.Table) -> Counter[str]:
    counts = Counter[str]()
    for row in table.to_pylist():
        counts[row["rule"]] += row["events"]
    return counts


def _persons(ws: Workspace, engine: Engine, table: Table, weeks: Sequence[date], accounts: Lazy) -> pa.Table:
    """Map a table to persons week by week: no row of the result spans two weeks, and one week's groups fit into memory."""
    parts = (engine.collect(by_person(_read(ws, engine, table, [week]), accounts), ["week"]) for week in weeks)  # a scan sorts by itself
    return pa.concat_tables([check(part, table) for part in parts])


def _read(ws: Workspace, engine: Engine, table: Table, weeks: Sequence[date]) -> Lazy:
    paths = ws.lake.paths(table.name, [part_of(week) for week in weeks])
    return engine.read(paths) if paths else engine.frame(table.empty())
