"""The OpenAPI document as a committed file, and the page that explains every route without a line of foreign script."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from api.access import WordReader
from api.rendering import render

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@dataclass(frozen=True)
class Field:
    """One parameter, or one field of a body or an answer."""

    name: str
    place: str  # path, query, header, or the model's name
    kind: str
    said: str
    required: bool


@dataclass(frozen=True)
class Operation:
    """One way to ask."""

    id: str
    tag: str
    method: str
    path: str
    said: str
    takes: tuple[Field, ...]
    body: str | None
    answers: tuple[tuple[str, str, str | None], ...]  # status, meaning, model


@dataclass(frozen=True)
class Model:
    """One kind of object."""

    name: str
    said: str
    fields: tuple[Field, ...]


@router.get("/docs")
def docs_page(request: Request, viewer: WordReader) -> Response:
    """Every route with what it takes and answers."""
    del viewer
    document = request.app.openapi()
    return render(request, "docs.html", None, tags=tags_of(document), models=models_of(document), problems=problems_of(document))


def text_of(document: Mapping[str, Any]) -> str:
    """Return the document as it is committed."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def tags_of(document: Mapping[str, Any]) -> list[tuple[str, list[Operation]]]:
    """Return the operations by tag."""
    found = [_operation(path, method, one) for path, methods in document["paths"].items() for method, one in methods.items()]
    return [(tag, list(some)) for tag, some in groupby(sorted(found, key=lambda one: (one.tag, one.path, one.method)), lambda one: one.tag)]


def models_of(document: Mapping[str, Any]) -> list[Model]:
    """Return the objects that have fields."""
    schemas = document["components"]["schemas"]
    return [_model(name, schemas[name]) for name in sorted(schemas) if "properties" in schemas[name]]


def problems_of(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return status and meaning of what every route may answer instead."""
    first = next(iter(next(iter(document["paths"].values())).values()))
    return sorted((status, one["description"]) for status, one in first["responses"].items() if status >= "4")


def _operation(path: str, method: str, one: Mapping[str, Any]) -> Operation:
    takes = tuple(_field(given["name"], given["in"], given, bool(given.get("required"))) for given in one.get("parameters", ()))
    body = _kind(next(iter(one["requestBody"]["content"].values()))["schema"]) if "requestBody" in one else None
    answers = tuple((status, said["description"], _answered(said)) for status, said in sorted(one["responses"].items()) if status < "4")
    return Operation(one["operationId"], one["tags"][0], method.upper(), path, one.get("description", ""), takes, body, answers)


def _answered(said: Mapping[str, Any]) -> str | None:
    kinds = [
        _kind(content.get("schema", {})) if media == "application/json" else media for media, content in said.get("content", {}).items()
    ]
    return ", ".join(kinds) or None


def _model(name: str, schema: Mapping[str, Any]) -> Model:
    required = schema.get("required", ())
    fields = tuple(_field(field, name, one, field in required) for field, one in schema["properties"].items())
    return Model(name, schema.get("description", ""), fields)


def _field(name: str, place: str, one: Mapping[str, Any], required: bool) -> Field:
    schema = one.get("schema", one)
    return Field(name, place, _kind(schema), one.get("description") or schema.get("description", ""), required)


def _kind(schema: Mapping[str, Any]) -> str:
    """Say the type of something in a word."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(_kind(one) for one in schema[several]))
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("format") or schema.get("type", "anything"))
