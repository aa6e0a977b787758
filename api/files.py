"""The answer of a route as a file: a spreadsheet or a Parquet table of its rows, a GraphML or GEXF drawing of its marks and lines."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

import networkx as nx
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel

from api.strict import ParameterError
from ona.errors import ForbiddenError
from pipelines import audit, sheets
from pipelines.access import Viewer
from pipelines.access.policy import demand
from pipelines.access.rights import Right
from pipelines.access.words import STANDING_LINE
from pipelines.audit import Act
from pipelines.purposes import Purpose
from pipelines.storage.workspace import Workspace

TableKind = Literal["json", "csv", "xlsx", "parquet"]
GraphKind = Literal["json", "graphml", "gexf"]

TableFormat = Annotated[TableKind | None, Query(alias="format", description="Form of the answer; otherwise `Accept` decides.")]
GraphFormat = Annotated[GraphKind | None, Query(alias="format", description="Form of the answer; otherwise `Accept` decides.")]
ForPurpose = Annotated[Purpose | None, Query(alias="purpose", description="What a file about single people is for; needed for one.")]

MEDIA: dict[str, str] = {
    "csv": sheets.MEDIA["csv"],
    "xlsx": sheets.MEDIA["xlsx"],
    "parquet": "application/vnd.apache.parquet",
    "graphml": "application/graphml+xml",
    "gexf": "application/gexf+xml",
}

TABLES: dict[int | str, dict[str, Any]] = {200: {"content": {MEDIA[kind].partition(";")[0]: {} for kind in ("csv", "xlsx", "parquet")}}}
GRAPHS: dict[int | str, dict[str, Any]] = {200: {"content": {MEDIA[kind]: {} for kind in ("graphml", "gexf")}}}

Pairs = Sequence[tuple[str, str]]

NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has no place for."""

BY_REQUEST = (
    "Files about single people leave the service by request and approval only. Ask for one on the page of files (POST /api/v1/exports)."
)


@dataclass(frozen=True)
class Wish:
    """In which form a reader wants an answer, and what for."""

    request: Request
    response: Response
    kind: str
    purpose: Purpose | None

    @property
    def is_file(self) -> bool:
        """Whether anything but JSON is wanted."""
        return self.kind != "json"

    def permit(self, ws: Workspace, viewer: Viewer, scan: str) -> None:
        """Let a file about single people go, and note it; in a company it needs a request that somebody else approved."""
        demand(ws, viewer, Right.REQUEST_EXPORT)
        if ws.settings.sign_in is not None:
            raise ForbiddenError(BY_REQUEST)
        if self.purpose is None:
            raise ParameterError(f"A file about single people needs a purpose: {', '.join(Purpose)}.")
        audit.record(ws, Act(viewer.subject, viewer.role, "export", object=scan, purpose=self.purpose))

    def table(self, rows: Sequence[BaseModel], notes: Pairs) -> Response:
        """Return rows as a file."""
        flat = [_flat(row) for row in rows]
        columns = list(dict.fromkeys(name for row in flat for name in row))
        values = [[row.get(name) for name in columns] for row in flat]
        meanings = [pair for pair in (_meanings(type(rows[0])) if rows else ()) if pair[0] in columns]
        said = [*notes, ("purpose", self.purpose or ""), ("standing", STANDING_LINE)]
        if self.kind == "parquet":
            return self._file(sheets.parquet(columns, values, meanings=meanings, notes=said))
        return self._file(sheets.sheet("xlsx" if self.kind == "xlsx" else "csv", columns, values, meanings=meanings, notes=said))

    def drawing(self, marks: Sequence[BaseModel], lines: Sequence[BaseModel], notes: Pairs) -> Response:
        """Return marks and lines as a file."""
        graph: nx.Graph = nx.Graph(**_xml({**dict(notes), "standing": STANDING_LINE}))
        for node in map(_xml, map(_flat, marks)):
            graph.add_node(node.pop("id", None) or node.pop("view_id"), **node)
        for tie in map(_xml, map(_flat, lines)):
            ends = [tie.pop(name) for name in (("source", "target") if "source" in tie else ("a", "b"))]
            graph.add_edge(*ends, **tie)
        sink = io.BytesIO()
        (nx.write_gexf if self.kind == "gexf" else nx.write_graphml)(graph, sink)
        return self._file(sink.getvalue())

    def _file(self, body: bytes) -> Response:
        name = re.sub(r"[^a-z0-9]+", "-", self.request.url.path.removeprefix("/api/v1/").lower()).strip("-")
        headers = {name: value for name, value in self.response.headers.items() if name != "content-length"}
        disposition = f'attachment; filename="{name}.{self.kind}"'
        return Response(body, media_type=MEDIA[self.kind], headers=headers | {"Content-Disposition": disposition})


def table_wish(request: Request, response: Response, form: TableFormat = None, purpose: ForPurpose = None) -> Wish:
    """Read in which form a table is wanted."""
    return _wish(request, response, (form, get_args(TableKind)), purpose)


def graph_wish(request: Request, response: Response, form: GraphFormat = None, purpose: ForPurpose = None) -> Wish:
    """Read in which form a map is wanted."""
    return _wish(request, response, (form, get_args(GraphKind)), purpose)


def file_form(request: Request, response: Response, form: TableFormat = None) -> TableKind:
    """Read in which form a file that lies ready is wanted."""
    found: TableKind = _wish(request, response, (form, get_args(TableKind)), None).kind  # type: ignore[assignment]  # one of those offered
    return found


AsTable = Annotated[Wish, Depends(table_wish)]
AsGraph = Annotated[Wish, Depends(graph_wish)]
Form = Annotated[TableKind, Depends(file_form)]


def _wish(request: Request, response: Response, asked: tuple[str | None, Sequence[str]], purpose: Purpose | None) -> Wish:
    """Take the parameter, else the first type of ``Accept`` that there is, else JSON."""
    response.headers["Vary"] = "Accept"
    form, kinds = asked
    wanted = [part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")]
    offered = {MEDIA[kind].partition(";")[0]: kind for kind in kinds if kind != "json"} | {"application/json": "json", "*/*": "json"}
    return Wish(request, response, form or next((offered[media] for media in wanted if media in offered), "json"), purpose)


def _flat(row: BaseModel) -> dict[str, Any]:
    """Return a row with one plain value a column: what is inside of something is named by both, lists become one text."""
    found: dict[str, Any] = {}
    for name in type(row).model_fields:
        value = getattr(row, name)
        if isinstance(value, BaseModel):
            found |= {f"{name}.{inner}": one for inner, one in _flat(value).items()}
        elif isinstance(value, dict):
            found |= {f"{name}.{inner}": one for inner, one in value.items()}
        else:
            found[name] = "; ".join(_said(one) for one in value) if isinstance(value, list) else value
    return found


def _said(one: object) -> str:
    if not isinstance(one, BaseModel):
        return str(one)
    return " ".join(str(value) for value in _flat(one).values() if value not in (None, ""))


def _meanings(model: type[BaseModel], prefix: str = "") -> list[tuple[str, str]]:
    """Return what the columns of a model mean, as the OpenAPI document says it."""
    found: list[tuple[str, str]] = []
    for name, field in model.model_fields.items():
        inner = next((kind for kind in (field.annotation, *get_args(field.annotation)) if _is_model(kind)), None)
        if inner is not None and not str(field.annotation).startswith("list"):
            found += _meanings(inner, f"{prefix}{name}.")
        else:
            found.append((prefix + name, field.description or ""))
    return found


def _is_model(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _xml(values: dict[str, Any]) -> dict[str, Any]:
    """Return values that GraphML and GEXF can hold."""
    plain = {name: value if isinstance(value, bool | int | float) else str(value) for name, value in values.items() if value is not None}
    return {name: str(NO_XML.sub("", value)) if isinstance(value, str) else value for name, value in plain.items()}
