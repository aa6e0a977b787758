"""Weekly tables and people in, a sealed scan out: files that never change again, and the readers of them."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ona.errors import NotEnoughDataError, NotFoundError, SettingsError, TableError
from ona.rules import Rules, TieRules
from ona.tables import Table
from pipelines import audit, checks
from pipelines.checks import Wanted
from pipelines.engine.duckdb import Engine
from pipelines.intake import coverage, days_off, events, people, quality
from pipelines.settings import Mode
from pipelines.storage import leases
from pipelines.storage.lake import fsync_folder, write_parquet
from pipelines.storage.workspace import Workspace
from pipelines.thresholds import keep_minimum

if TYPE_CHECKING:
    from ona.graph import Graph
    from ona.scan import Scan

GRAPHS = ("attention", "relationship", "ask", "formal")
TABLES = ("people", "scores", "flags", "contributions", "facts")
EDGES = Table(
    "edges",
    pa.schema([("source", pa.int64()), ("target", pa.int64()), ("weight", pa.float64())]),
    ("source", "target"),
)

STRICT_MINIMUM = 10
"""Minimum group where only groups are shown."""

Progress = Callable[[str, int, int | None], None]
"""Takes the name of a part, how much of it is done and how much there is."""


@dataclass(frozen=True)
class Window:
    """Half-open span of whole weeks."""

    start: date
    end: date

    @property
    def weeks(self) -> list[date]:
        """Mondays inside the window."""
        return [self.start + timedelta(days=7 * i) for i in range((self.end - self.start).days // 7)]


@dataclass(frozen=True)
class Heading:
    """What a scan is about and how it was made."""

    id: str
    window: Window
    rules: Rules


@dataclass(frozen=True)
class SealedScan:
    """One finished analysis as it lies on disk; read once, then served from memory."""

    id: str
    manifest: dict[str, Any]
    quality: dict[str, Any]
    labels: dict[str, dict[int, str]]
    people: pa.Table
    scores: pa.Table
    flags: pa.Table
    contributions: pa.Table
    facts: pa.Table
    graphs: dict[str, pa.Table]
    automation: list[dict[str, Any]] = field(default_factory=list)  # accounts that behave like machines
    folder: Path = Path()


@dataclass(frozen=True)
class ScanSummary:
    """A line in the list of scans."""

    id: str
    created: datetime
    start: date
    end: date
    latest: bool
    people: int
    verdict: str


def plan(ws: Workspace, weeks: int, end: date | None = None) -> Window:
    """Return the last weeks that hold events, ``weeks`` of them at most; the running week is not over and waits."""
    from pipelines import ties

    mondays = ties.weeks_seen(ws)
    if not mondays:
        raise NotEnoughDataError("There are no events yet. Pull some first: ona pull.")
    today = ws.now().date()
    stop = end or min(mondays[-1] + timedelta(days=7), today - timedelta(days=today.weekday()))
    if stop.weekday():
        raise SettingsError(f"A window ends before a Monday, and {stop} is none. Give the Monday after its last day.")
    inside = [monday for monday in mondays if monday < stop]
    if not inside:
        raise NotEnoughDataError(f"There is no week before {stop}; events begin in the week of {mondays[0]}.")
    start = max(inside[0], stop - timedelta(days=7 * weeks))
    if inside[-1] < start:
        raise NotEnoughDataError(f"There is no event from {start} to {stop}; the last ones are of the week of {inside[-1]}.")
    return Window(start, stop)


def run(
    ws: Workspace, rules: Rules, *, end: date | None = None, wanted: Wanted | None = None, progress: Progress | None = None
) -> SealedScan:
    """Bring the weekly tables up to date, analyse the window and seal the result; the same input and wishes give the same scan."""
    with ws.exclusive(), leases.hold(ws, "scan") as held:
        identity = _run(held, rules, end, wanted or Wanted(), progress)
    return open_scan(ws, identity)


def _run(ws: Workspace, rules: Rules, end: date | None, asked: Wanted, progress: Progress | None) -> str:
    from ona.scan import scan  # the compiled measures take seconds to load, which verbs that only read should not wait for
    from pipelines import ties

    tell = progress or (lambda _part, _done, _total: None)
    with open_engine(ws) as engine:
        _sweep(ws)
        people.settle(ws)
        coverage.require(ws)
        ties.update(ws, engine, progress=progress, rules=rules.ties)
        suspects = _suspects(ws, engine)
        events.retire(ws, ws.settings.buffer_days)
        window = plan(ws, rules.weeks, end)
        now = people.current_people(ws, window.end - timedelta(days=1))
        identity = scan_id(ws, window, rules, now, asked)
        if not _is_sealed(ws, identity):
            tell("load", 0, 1)
            attention, asks, presence, _ = ties.load(ws, engine, window.weeks)
            tell("load", 1, 1)
            tell("scan", 0, 1)
            held = replace(rules, weeks=len(window.weeks))
            away = {"absences": days_off.absences(ws), "holidays": days_off.holidays(ws)}
            result = scan(attention.to_native(), asks.to_native(), presence.to_native(), now, held, **away)
            found = quality.report(ws, result, window.start, window.end, weeks=attention, minimum_group=_minimum(ws, rules))
            found = found | {"events_kept_out_of_ties": ties.dropped_events(ws, window.weeks), "looks_automated": len(suspects)}
            tell("scan", 1, 1)
            tell("checks", 0, 1)
            found |= {"checks": checks.report(ws, engine, result, held, asked)}
            tell("checks", 1, 1)
            tell("seal", 0, 1)
            seal(ws, Heading(identity, window, rules), result, found, suspects)
        ws.service.publish_scan(identity)
        tell("seal", 1, 1)
    return identity


def check(ws: Workspace, wanted: Wanted, progress: Progress | None = None) -> SealedScan:
    """Seal the latest scan anew with costly checks; its scores stay the same."""
    latest = open_scan(ws).manifest
    rules = replace(_rules(latest["rules"]), weeks=int(latest["weeks"]))
    return run(ws, rules, end=date.fromisoformat(latest["end"]), wanted=wanted, progress=progress)


def scan_id(ws: Workspace, window: Window, rules: Rules, now: pa.Table, wanted: Wanted | None = None) -> str:
    """Return the hash of everything that the result depends on."""
    from pipelines import ties

    parts = {
        "window": [window.start.isoformat(), window.end.isoformat()],
        "ties": ties.version(ws, window.weeks),
        "people": _digest(now),
        "days off": [_digest(days_off.absences(ws)), _digest(days_off.holidays(ws))],
        "withheld": sorted(people.withheld(ws)),
        "rules": asdict(rules),
        "code": version("ona-influence"),
        **(wanted or Wanted()).identity(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:20]


def seal(
    ws: Workspace, heading: Heading, result: "Scan", found: Mapping[str, object], suspects: Sequence[Mapping[str, object]] = ()
) -> None:
    """Write all files beside each other, make them durable, and only then name the folder and move the pointer."""
    identity, window, rules = heading.id, heading.window, heading.rules
    folder = _folder(ws, identity)
    draft = folder.with_name(f".{identity}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for name in TABLES:
        write_parquet(draft / f"{name}.parquet", getattr(result, name))
    for name in GRAPHS:
        write_parquet(draft / f"graph_{name}.parquet", edges(result.graphs[name]))
    _write_json(draft / "quality.json", found)
    _write_json(draft / "labels.json", people.labels(ws))
    _write_json(draft / "automation.json", suspects)
    manifest = {
        "id": identity,
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
        "weeks": len(window.weeks),
        "people": result.people.num_rows,
        "rules": asdict(rules),
        "code": version("ona-influence"),
        "minimum_group": _minimum(ws, rules),
        "notes": result.notes,
        "audit": audit.head(ws),
        "files": {path.name: _sha256(path) for path in sorted(draft.iterdir())},
    }
    _write_json(draft / "manifest.json", manifest)
    fsync_folder(draft)
    with ws.service.begin():  # refused before the folder is touched when another worker has taken the scan over; the draft is swept
        shutil.rmtree(folder, ignore_errors=True)  # an unnamed leftover of a run that was killed
    draft.rename(folder)
    fsync_folder(folder.parent)
    headings = {"people": result.people.num_rows, "verdict": str(found["verdict"]), "created": ws.now()}
    ws.service.add_scan(identity, start=window.start, end=window.end, **headings)


def edges(graph: "Graph") -> pa.Table:
    """Return the ties of a graph as (source, target, weight), each tie of an undirected graph once."""
    matrix = graph.adjacency.tocoo()
    keep = slice(None) if graph.is_directed else matrix.row < matrix.col
    columns = [graph.people[matrix.row][keep], graph.people[matrix.col][keep], matrix.data[keep]]
    return pa.table([pa.array(column) for column in columns], schema=EDGES.schema)


def open_scan(ws: Workspace, identity: str = "latest") -> SealedScan:
    """Read a sealed scan and check every file against its manifest; an erased one answers with its successor."""
    found = resolve(ws, identity)
    folder = _folder(ws, found)
    manifest = _read_json(folder / "manifest.json")
    for name, digest in _files(manifest).items():
        if _sha256(folder / name) != digest:
            raise TableError(f"File {name} of scan {found} differs from its manifest. Remove the scan's folder and scan again.")
    labels = _read_json(folder / "labels.json")
    return SealedScan(
        id=found,
        manifest=manifest,
        quality=_read_json(folder / "quality.json"),
        labels={kind: {int(code): label for code, label in codes.items()} for kind, codes in labels.items()},
        **{name: pq.read_table(folder / f"{name}.parquet") for name in TABLES},
        graphs={name: pq.read_table(folder / f"graph_{name}.parquet") for name in GRAPHS},
        automation=json.loads((folder / "automation.json").read_text(encoding="utf-8")),
        folder=folder,
    )


def audit_marks(ws: Workspace) -> list[dict[str, object]]:
    """Return what the manifests of the sealed scans saw of the audit log."""
    held = [_folder(ws, one.id) / "manifest.json" for one in list_scans(ws)]
    return [mark for path in held if path.is_file() and (mark := _read_json(path).get("audit"))]


def score_hash(sealed: SealedScan) -> str:
    """Return the checksum of the score file: equal input, rules and seed give an equal one."""
    return str(_files(sealed.manifest)["scores.parquet"])


def headline(sealed: SealedScan) -> dict[str, object]:
    """Return how many people were seen, how many stand out and how many of those are hidden."""
    flags = sealed.flags.to_pylist()
    return {
        "people": sealed.people.num_rows,
        "flagged": len({flag["person"] for flag in flags if flag["flagged"]}),
        "hidden": len({flag["person"] for flag in flags if flag["hidden"]}),
        "verdict": sealed.quality["verdict"],
    }


def list_scans(ws: Workspace) -> list[ScanSummary]:
    """Return the sealed scans, the newest first."""
    latest = ws.service.latest_scan()
    rows = ws.service.list_scans()
    return [ScanSummary(row.id, row.created, row.start, row.end, row.id == latest, row.people, row.verdict) for row in rows]


def reseal_without(ws: Workspace, person: int) -> int:
    """Seal a successor of every scan that holds the person, name it in its place, delete the old files; return how many."""
    _sweep(ws)  # an erasure that was killed may have left files of a scan whose successor is named already
    held = [one for one in list_scans(ws) if _holds(_folder(ws, one.id), person)]
    for one in sorted(held, key=lambda one: one.latest):  # the latest one last, so that the pointer ends on its successor
        rules = _rules(_read_json(_folder(ws, one.id) / "manifest.json")["rules"])
        successor = run(ws, replace(rules, weeks=(one.end - one.start).days // 7), end=one.end).id
        ws.service.drop_scan(one.id, successor)
        shutil.rmtree(_folder(ws, one.id))
    return len(held)


def _is_sealed(ws: Workspace, identity: str) -> bool:
    return ws.service.has_scan(identity) and (_folder(ws, identity) / "manifest.json").is_file()


def resolve(ws: Workspace, identity: str) -> str:
    """Return the id of the scan that answers for this one: itself, or what took its place after an erasure."""
    wanted = ws.service.latest_scan() if identity == "latest" else identity
    while wanted is not None and not _is_sealed(ws, wanted):
        wanted = ws.service.successor(wanted)
    if wanted is None and identity == "latest":
        raise NotFoundError("There is no scan yet. Make one: ona scan.")
    if wanted is None:
        raise NotFoundError("There is no scan of this id. List them: ona scans.")
    return wanted


def _rules(values: Mapping[str, Any]) -> Rules:
    return Rules(**{**values, "ties": TieRules(**values["ties"])})


def _suspects(ws: Workspace, engine: Engine) -> list[dict[str, object]]:
    """Return accounts that behave like machines, for a human to judge; they are scored until somebody says what they are."""
    from ona.ties.automation import automated_senders

    held = ws.lake.paths("events")
    if not held:
        return []
    return list(automated_senders(engine.read(held), engine.frame(people.accounts(ws))).to_pylist())


def _sweep(ws: Workspace) -> None:
    """Remove what no sealed scan names: drafts, and folders of scans that were killed before they were named or after they were dropped."""
    sealed = {one.id for one in ws.service.list_scans()}
    for folder in (ws.home / "scans").glob("*"):
        if folder.name not in sealed:
            shutil.rmtree(folder, ignore_errors=True)


def _holds(folder: Path, person: int) -> bool:
    table = pq.read_table(folder / "people.parquet", columns=["person"])
    return bool(pc.any(pc.equal(table["person"], person)).as_py())


def _folder(ws: Workspace, identity: str) -> Path:
    return ws.home / "scans" / identity


def _digest(table: pa.Table) -> str:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return hashlib.sha256(sink.getvalue()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_json(path: Path, value: object) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(value, file, sort_keys=True, indent=1, default=str, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())


def _files(manifest: Mapping[str, Any]) -> dict[str, str]:
    return dict(manifest["files"])


def _read_json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def open_engine(ws: Workspace) -> Engine:
    """Open the event engine on the deployment's lake; it can read nothing else."""
    limits = ws.settings
    return Engine(ws.lake.root, threads=limits.threads, memory_limit=limits.memory_limit, scratch=ws.lake.temporary())


def _minimum(ws: Workspace, rules: Rules) -> int:
    strict = STRICT_MINIMUM if ws.settings.mode is Mode.STRICT else 0
    return max(keep_minimum(ws), rules.minimum_group, strict)
