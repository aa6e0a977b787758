"""A sealed scan as files that leave the house: CSV, Parquet, GraphML, GEXF, under the same policy as the pages."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import icalendar
import networkx as nx
import pyarrow as pa
import pyarrow.parquet as pq

from ona.errors import SettingsError
from pipelines import access, audit
from pipelines.access import Viewer
from pipelines.access.policy import demand
from pipelines.access.rights import Right
from pipelines.access.words import STANDING_LINE
from pipelines.audit import Act
from pipelines.purposes import Purpose
from pipelines.scans import SealedScan
from pipelines.storage.workspace import Workspace

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # full-width forms open formulas too


@dataclass(frozen=True)
class Wish:
    """What a file is for, and which ties a graph holds."""

    purpose: Purpose = Purpose.NETWORK_HEALTH
    layer: str = "relationship"


def export(ws: Workspace, scan: SealedScan, viewer: Viewer, path: Path, wish: Wish) -> int:
    """Write the people table, or a graph when the file name ends so; return the number of rows or ties written.

    People appear by their view id, or by name when they opted in, exactly as on the pages; the file says what it is for.

    Raises ForbiddenError for a viewer without the right to take files.
    """
    demand(ws, viewer, Right.REQUEST_EXPORT)
    writers: dict[str, Callable[[], int]] = {
        ".csv": lambda: _csv(path, _rows(ws, scan, viewer, wish)),
        ".parquet": lambda: _parquet(path, _rows(ws, scan, viewer, wish)),
        ".graphml": lambda: _graph(path, ws, scan, viewer, wish),
        ".gexf": lambda: _graph(path, ws, scan, viewer, wish),
    }
    if path.suffix not in writers:
        raise SettingsError(f"Cannot tell the format from {path.suffix or 'no suffix'}. Use one of {', '.join(writers)}.")
    audit.record(ws, Act(viewer.subject, viewer.role, "export", object=scan.id, purpose=wish.purpose))
    return writers[path.suffix]()


def calendar(days: Sequence[tuple[str, date, str]], made: datetime) -> bytes:
    """Return whole days (id, day, what it is) as a calendar file that every calendar program takes."""
    book = icalendar.Calendar()
    book.add("prodid", "-//ona-influence//mentoring//EN")
    book.add("version", "2.0")
    for identity, day, said in days:
        entry = icalendar.Event()
        entry.add("uid", f"{identity}@ona-influence")
        entry.add("dtstamp", made.replace(tzinfo=UTC))
        entry.add("dtstart", day)
        entry.add("dtend", day + timedelta(days=1))
        entry.add("summary", said)
        entry.add("transp", "TRANSPARENT")
        book.add_component(entry)
    found: bytes = book.to_ical()
    return found


def cell(value: object) -> object:
    """Return the value so that no spreadsheet takes it for a formula."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    return value


def _rows(ws: Workspace, scan: SealedScan, viewer: Viewer, wish: Wish) -> list[dict[str, object]]:
    said = {"purpose": str(wish.purpose), "standing": str(STANDING_LINE)}
    return [{"scan": scan.id, **row, **said} for row in access.table_of_people(ws, scan, viewer)]


def _csv(path: Path, rows: Sequence[dict[str, object]]) -> int:
    with _replacing(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else ["scan"])
        writer.writeheader()
        writer.writerows({name: cell(value) for name, value in row.items()} for row in rows)
    _replacing(path).replace(path)
    return len(rows)


def _parquet(path: Path, rows: Sequence[dict[str, object]]) -> int:
    pq.write_table(pa.Table.from_pylist(list(rows)), _replacing(path))
    _replacing(path).replace(path)
    return len(rows)


def _graph(path: Path, ws: Workspace, scan: SealedScan, viewer: Viewer, wish: Wish) -> int:
    layer = wish.layer
    graph: nx.Graph = nx.DiGraph() if layer in ("attention", "ask", "formal") else nx.Graph()
    graph.graph.update(scan=scan.id, layer=layer, purpose=str(wish.purpose), note=str(STANDING_LINE))
    people = access.readable(ws, scan, viewer)
    for one in people.values():
        graph.add_node(one.id, **{k: v for k, v in asdict(one).items() if v is not None and k != "id"})
    ties = scan.graphs[layer].to_pylist()
    kept = [tie for tie in ties if tie["source"] in people and tie["target"] in people]
    graph.add_weighted_edges_from((people[t["source"]].id, people[t["target"]].id, t["weight"]) for t in kept)
    write = nx.write_gexf if path.suffix == ".gexf" else nx.write_graphml
    write(graph, _replacing(path))
    _replacing(path).replace(path)
    return len(kept)


def _replacing(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")
