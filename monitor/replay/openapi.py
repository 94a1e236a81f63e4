"""Describes the API to programs, as OpenAPI 3.1, from the table of its endpoints and their models."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from monitor.replay.documents import ErrorDocument
from monitor.replay.endpoint import Endpoint

REF = "#/components/schemas/{model}"
TITLES = {
    200: "What was asked for.",
    206: "The one part that a Range header asked for.",
    304: "You have it.",
    400: "The query makes no sense.",
    401: "Log in first.",
    403: "This page does not serve you.",
    404: "There is nothing of this id.",
    410: "It was there, and was not kept.",
    416: "There is no such part.",
    503: "The store or the daemon does not answer.",
}
ALWAYS = (400, 401, 403, 503)

Tree = dict[str, Any]
Mode = Literal["validation", "serialization"]


def openapi_of(endpoints: Sequence[Endpoint], *, version: str) -> Tree:
    """Return the document."""
    queries = [endpoint.query for endpoint in endpoints]
    documents: list[type[BaseModel]] = [ErrorDocument]
    documents += [endpoint.document for endpoint in endpoints if endpoint.document]
    models: dict[tuple[type[BaseModel], Mode], None] = {}
    models |= dict.fromkeys((model, "serialization") for model in documents)
    models |= dict.fromkeys((model, "validation") for model in queries)
    _, definitions = models_json_schema(list(models), ref_template=REF)
    schemas: Tree = definitions["$defs"]
    paths: dict[str, Tree] = {}
    for endpoint in endpoints:
        schema = schemas.get(endpoint.query.__name__, {})
        paths.setdefault(f"/api/v1{endpoint.path}", {})["get"] = _operation(endpoint, schema)
    used = {name: schema for name, schema in schemas.items() if name not in _names(queries)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Wheeltapper: the technicians' page",
            "version": version,
            "description": "What the page shows, for programs. Needs a session's cookie, as the page does.",
        },
        "paths": paths,
        "components": {"schemas": used},
    }


def _names(models: Sequence[type[BaseModel]]) -> set[str]:
    return {model.__name__ for model in models}


def _operation(endpoint: Endpoint, query: Tree) -> Tree:
    return {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "parameters": [*_path_parameters(endpoint), *_query_parameters(query), *_headers(endpoint)],
        "responses": {str(status): _response(endpoint, status) for status in _statuses(endpoint)},
    }


def _statuses(endpoint: Endpoint) -> list[int]:
    more = (*((304,) if endpoint.has_etag else ()), *((206, 416) if endpoint.has_parts else ()))
    return sorted({200, *ALWAYS, *endpoint.statuses, *more})


def _path_parameters(endpoint: Endpoint) -> list[Tree]:
    names = re.findall(r"{(\w+)}", endpoint.path)
    return [{"name": name, "in": "path", "required": True, "schema": _part(endpoint, name)} for name in names]


def _part(endpoint: Endpoint, name: str) -> Tree:
    if name in endpoint.choices:
        return {"type": "string", "enum": list(endpoint.choices[name])}
    return {"type": "string", "minLength": 1, "maxLength": 200}


def _query_parameters(query: Tree) -> list[Tree]:
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": schema.get("description", ""),
            "schema": _without_null(schema),
        }
        for name, schema in query.get("properties", {}).items()
    ]


def _without_null(schema: Tree) -> Tree:
    """Return a field's schema as a parameter's: one that is not given is left out, never null."""
    kept = {key: value for key, value in schema.items() if key not in {"title", "description"}}
    choices = [choice for choice in kept.pop("anyOf", []) if choice.get("type") != "null"]
    if kept.get("default", ...) is None:
        del kept["default"]
    return {**kept, **choices[0]} if choices else kept


def _headers(endpoint: Endpoint) -> list[Tree]:
    if not endpoint.has_etag:
        return []
    said = "An ETag that you have."
    schema = {"type": "string"}
    return [
        {"name": "If-None-Match", "in": "header", "required": False, "description": said, "schema": schema}
    ]


def _response(endpoint: Endpoint, status: int) -> Tree:
    told: Tree = {"description": TITLES[status]}
    if status in {200, 206}:
        told["content"] = _content(endpoint)
    elif status not in {304, 416}:
        told["content"] = {"application/json": {"schema": {"$ref": REF.format(model=ErrorDocument.__name__)}}}
    return told


def _content(endpoint: Endpoint) -> Tree:
    if endpoint.document is not None:
        return {"application/json": {"schema": {"$ref": REF.format(model=endpoint.document.__name__)}}}
    return {name: {"schema": {"type": "string", "format": "binary"}} for name in endpoint.media_types}
