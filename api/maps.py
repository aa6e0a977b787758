"""Interactive maps: pyvis with our own template, positions computed here, vis-network out of the installed pyvis."""

import hashlib
import json
import random
from collections import OrderedDict
from pathlib import Path
from threading import Lock

import igraph
import numpy as np
import pyvis
from fastapi.responses import FileResponse
from markupsafe import Markup
from pyvis.network import Network
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from pipelines.access.answers import MapNode, TeamMap

TEMPLATES = Path(__file__).parent / "templates"

VIS_FOLDER = Path(pyvis.__file__).parent / "lib" / "vis-9.1.2"
VIS_FILES = ("vis-network.min.js", "vis-network.css")
"""All that is served out of the pyvis package."""

MOST_KAMADA_KAWAI = 300
"""Marks up to which the slower, clearer layout is quick enough."""

MOST_LABELS = 60
"""Above this only marks that stand out carry their label."""

KEPT_LAYOUTS = 64

WIDTH, HEIGHT = 1000.0, 520.0
"""Extent of the positions; the browser scales them to its window."""

SHAPES = {"": "dot", "helper": "diamond", "broker": "triangle", "both": "star", "unit": "square"}
"""Shape by mark, so that no meaning rests on colour."""

DASHES = {"strong": None, "moderate": [6, 3], "tentative": [2, 3]}
"""Outline by evidence."""

Positions = dict[str, tuple[float, float]]


class Layouts:
    """Positions computed so far, so that one map is laid out once per scan."""

    def __init__(self) -> None:
        """Start empty."""
        self._kept: OrderedDict[str, Positions] = OrderedDict()
        self._lock = Lock()

    def of(self, drawn: TeamMap) -> Positions:
        """Positions of a map's marks; igraph's generator is shared, hence one layout at a time."""
        key = _digest(drawn)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = layout(drawn)
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT_LAYOUTS:
                self._kept.popitem(last=False)
            return self._kept[key]


def layout(drawn: TeamMap) -> Positions:
    """Place the marks so that strong ties are short; the same map always gives the same places."""
    if not drawn.nodes:
        return {}
    place = {node.id: at for at, node in enumerate(drawn.nodes)}
    graph = igraph.Graph(len(place), [(place[tie.source], place[tie.target]) for tie in drawn.ties])
    weight = np.array([tie.weight for tie in drawn.ties]) + 0.05
    igraph.set_random_number_generator(random.Random(0))
    start = _start(drawn)
    if len(place) < MOST_KAMADA_KAWAI:
        found = graph.layout_kamada_kawai(seed=start, weights=(weight**-0.25).tolist() or None)
    else:
        found = graph.layout_fruchterman_reingold(seed=start, weights=weight.tolist() or None, grid=True)
    return _scaled(drawn.nodes, np.array(found.coords))


def network_map(drawn: TeamMap, positions: Positions) -> Markup:
    """Return the map as HTML without script or style of its own: a place to draw in and the data to draw."""
    net = Network(height="100%", width="100%", directed=False, notebook=False, cdn_resources="local")
    net.set_template_dir(str(TEMPLATES), "map.html")
    few = len(drawn.nodes) <= MOST_LABELS
    for node in drawn.nodes:
        x, y = positions[node.id]
        net.add_node(node.id, label=node.label if few or node.marks else " ", **_looks(node), x=x, y=y, physics=False)
    for tie in drawn.ties:
        net.add_edge(tie.source, tie.target, width=round(0.6 + 3.4 * tie.weight, 2))
    net.toggle_physics(False)
    return Markup(net.generate_html(notebook=False))


def mark_of(node: MapNode) -> str:
    """One word for what a mark stands for."""
    if node.kind == "unit":
        return "unit"
    return "both" if len(node.marks) > 1 else next(iter(node.marks), "")


class _VisFiles:
    """Serves exactly the files that the map needs, each under its own name."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request below the mount."""
        name = scope["path"].rpartition("/")[2]
        if scope["method"] not in ("GET", "HEAD") or name not in VIS_FILES:
            raise HTTPException(404)
        await FileResponse(VIS_FOLDER / name, headers={"Cache-Control": "public, max-age=86400"})(scope, receive, send)


def vis_files() -> _VisFiles:
    """Return the application that serves vis-network out of the installed pyvis."""
    return _VisFiles()


def _looks(node: MapNode) -> dict[str, object]:
    mark = mark_of(node)
    return {
        "shape": SHAPES[mark],
        "size": 9 + 2.2 * node.size**0.5 if node.kind == "unit" else 15 if mark else 8,
        "title": f"{node.label}\n{node.sentence}",
        "mark": mark,
        "kind": node.kind,
        "hiddenMark": node.hidden,
        "shapeProperties": {"borderDashes": DASHES.get(node.sureness or "strong") or False},
    }


def _start(drawn: TeamMap) -> list[tuple[float, float]]:
    """First places: departments around a circle, their people near each other."""
    groups = sorted({node.group or "" for node in drawn.nodes})
    rng = np.random.default_rng(0)
    turn = {group: 2 * np.pi * at / len(groups) for at, group in enumerate(groups)}
    spread = rng.normal(0, 0.15, (len(drawn.nodes), 2))
    angles = np.array([turn[node.group or ""] for node in drawn.nodes])
    places = np.column_stack([np.cos(angles), np.sin(angles)]) + spread
    return [(float(x), float(y)) for x, y in places]


def _scaled(nodes: tuple[MapNode, ...], places: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> Positions:
    span = np.ptp(places, axis=0)
    unit = (places - places.min(axis=0)) / np.where(span > 0, span, 1.0) - 0.5
    return {node.id: (round(float(x) * WIDTH, 1), round(float(y) * HEIGHT, 1)) for node, (x, y) in zip(nodes, unit, strict=True)}


def _digest(drawn: TeamMap) -> str:
    parts = [
        drawn.scan_id,
        drawn.team,
        [(node.id, node.group) for node in drawn.nodes],
        [(tie.source, tie.target, tie.weight) for tie in drawn.ties],
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
