"""Interactive maps: pyvis with our own template, positions computed here, vis-network out of the installed pyvis."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pyvis
from fastapi.responses import FileResponse
from markupsafe import Markup, escape
from pyvis.network import Network
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from api.languages import Language
from api.layouts import Plan, Positions
from pipelines.access import words
from pipelines.access.answers import MapNode, TeamMap
from pipelines.access.unit_answers import Ego, GroupNode, NamedPerson, UnitMap

TEMPLATES = Path(__file__).parent / "templates"

VIS_FOLDER = Path(pyvis.__file__).parent / "lib" / "vis-9.1.2"
VIS_FILES = ("vis-network.min.js", "vis-network.css")
"""All that is served out of the pyvis package."""

MOST_LABELS = 60
"""Above this only marks that stand out carry their label."""

SHAPES = {"": "dot", "helper": "diamond", "broker": "triangle", "both": "star", "unit": "square"}
"""Shape by mark, so that no meaning rests on colour."""

DASHES = {"strong": None, "moderate": [6, 3], "tentative": [2, 3]}
"""Outline by evidence."""

BAND_DASHES = {"strong": "strong", "clear": "moderate", "some": "tentative"}
"""Outline by band."""

BAND_WEIGHTS = {"weak": 0.2, "medium": 0.55, "strong": 1.0}
"""Width of a line between groups; in between there is nothing to tell apart."""

MARKS: Mapping[tuple[str, ...], str] = {("connector",): "broker", ("go-to",): "helper"}
"""Mark by what somebody visibly does."""

SIZES = {"5 to 9": 14, "10 to 19": 18, "20 to 49": 23, "50 to 99": 29, "100 and more": 36}
"""Size of a group's mark by its band."""

SMALLEST = 11

EGO_SIZE = 22
"""Size of the mark that a map of one person is about."""


@dataclass(frozen=True)
class Mark:
    """One mark of a map."""

    id: str
    label: str
    said: str
    group: str
    mark: str  # a key of SHAPES
    size: float
    ring: bool = False  # beyond the formal position
    sureness: str = "strong"  # a key of DASHES


@dataclass(frozen=True)
class Drawing:
    """A map as marks and lines."""

    marks: tuple[Mark, ...]
    lines: tuple[tuple[str, str, float], ...]

    def plan(self) -> Plan:
        """Say the same to the layout."""
        return Plan({mark.id: mark.group for mark in self.marks}, self.lines)


def team_drawing(found: TeamMap) -> Drawing:
    """Map of people, or of the company's teams."""
    return Drawing(tuple(map(_node_mark, found.nodes)), tuple((tie.source, tie.target, tie.weight) for tie in found.ties))


def unit_drawing(found: UnitMap) -> Drawing:
    """Map of groups, with the people who agreed to be named beside their group."""
    groups = {node.id: _group_mark(node) for node in found.nodes if not node.hidden}
    people = [_person_mark(person) for person in found.people if person.group in groups]
    lines = [(tie.a, tie.b, BAND_WEIGHTS[tie.weight_band]) for tie in found.edges]
    lines += [(person.view_id, person.group, 0.0) for person in found.people if person.group in groups]
    return Drawing((*groups.values(), *people), tuple(lines))


def ego_drawing(found: Ego) -> Drawing:
    """Map of somebody and the people whom they work with."""
    own = replace(_person_mark(found.person), size=EGO_SIZE)
    lines = tuple((tie.a, tie.b, BAND_WEIGHTS[tie.weight_band]) for tie in found.ties)
    return Drawing((own, *map(_person_mark, found.people)), lines)


def network_map(drawing: Drawing, positions: Positions, language: Language) -> Markup:
    """Return the map as HTML without script or style of its own: a place to draw in and the data to draw."""
    net = Network(height="100%", width="100%", directed=False, notebook=False, cdn_resources="local")
    net.heading = escape(language.text("Map"))
    net.set_template_dir(str(TEMPLATES), "map.html")
    few = len(drawing.marks) <= MOST_LABELS
    for mark in drawing.marks:
        x, y = positions[mark.id]
        net.add_node(mark.id, label=mark.label if few or mark.mark else " ", **_looks(mark, language), x=x, y=y, physics=False)
    for source, target, weight in drawing.lines:
        net.add_edge(source, target, width=round(0.6 + 3.4 * weight, 2))
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


def _looks(mark: Mark, language: Language) -> Mapping[str, object]:
    return {
        "shape": SHAPES[mark.mark],
        "size": mark.size,
        "title": f"{mark.label}\n{language.say(mark.said)}",
        "mark": mark.mark,
        "kind": "unit" if mark.mark == "unit" else "person",
        "hiddenMark": mark.ring,
        "shapeProperties": {"borderDashes": DASHES[mark.sureness] or False},
    }


def _node_mark(node: MapNode) -> Mark:
    mark = mark_of(node)
    size = 9 + 2.2 * node.size**0.5 if mark == "unit" else 15 if mark else 8
    return Mark(node.id, node.label, node.sentence, node.group or "", mark, size, node.hidden, node.sureness or "strong")


def _group_mark(node: GroupNode) -> Mark:
    return Mark(
        node.id, node.label, words.group_said(node.size_band, node.load_band), node.id, "unit", SIZES.get(node.size_band or "", SMALLEST)
    )


def _person_mark(person: NamedPerson) -> Mark:
    mark = "both" if len(person.roles) > 1 else MARKS.get(person.roles, "")
    return Mark(
        person.view_id,
        person.name,
        person.sentence,
        person.group or "",
        mark,
        15 if mark else 8,
        sureness=BAND_DASHES[person.band or "strong"] if person.roles else "strong",
    )
