"""A sealed scan as files that leave the house: CSV, Parquet, GraphML, GEXF, under the same policy as the pages."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import networkx as nx
import pyarrow as pa
import pyarrow.parquet as pq

from ona.errors import SettingsError
from pipelines import access, audit
from pipelines.access import Viewer
from pipelines.audit import Act
from pipelines.scans import SealedScan
from pipelines.workspace import Workspace

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # full-width forms open formulas too


def export(ws: Workspace, scan: SealedScan, viewer: Viewer, path: Path, *, layer: str = "relationship") -> int:
    """Write the people table, or a graph when the file name ends so; return the number of rows or ties written.

    People appear by their view id, or by name when they opted in, exactly as on the pages.
    """
    writers: dict[str, Callable[[], int]] = {
        ".csv": lambda: _csv(path, _rows(ws, scan, viewer)),
        ".parquet": lambda: _parquet(path, _rows(ws, scan, viewer)),
        ".graphml": lambda: _graph(path, ws, scan, viewer, layer),
        ".gexf": lambda: _graph(path, ws, scan, viewer, layer),
    }
    if path.suffix not in writers:
        raise SettingsError(f"Cannot tell the format from {path.suffix or 'no suffix'}. Use one of {', '.join(writers)}.")
    audit.record(ws, Act(viewer.subject, viewer.role, "export", object=scan.id, purpose=path.suffix))
    return writers[path.suffix]()


def cell(value: object) -> object:
    """Return the value so that no spreadsheet takes it for a formula."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    return value


def _rows(ws: Workspace, scan: SealedScan, viewer: Viewer) -> list[dict[str, object]]:
    return [{"scan": scan.id, **row} for row in access.table_of_people(ws, scan, viewer)]


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


def _graph(path: Path, ws: Workspace, scan: SealedScan, viewer: Viewer, layer: str) -> int:
    graph: nx.Graph = nx.DiGraph() if layer in ("attention", "ask", "formal") else nx.Graph()
    graph.graph.update(scan=scan.id, layer=layer, note="Not for pay, rating or dismissal.")
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
