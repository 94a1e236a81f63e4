"""Describes the API to programs, as OpenAPI 3.1, from the table of its endpoints and their models."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from monitor.replay.api.documents import ErrorDocument
from monitor.replay.api.endpoint import Endpoint
from monitor.replay.gate.uploads import TAR

REF = "#/components/schemas/{model}"
TITLES = {
    200: "What was asked for.",
    206: "The one part that a Range header asked for.",
    304: "You have it.",
    400: "The query makes no sense.",
    401: "Log in first.",
    403: "This page does not serve you, or not this, or the request lacks the page's token.",
    404: "There is nothing of this id.",
    409: "The daemon refuses, and says why.",
    410: "It was there, and was not kept.",
    411: "It does not say how long it is.",
    413: "It is too long.",
    415: "It is no JSON, or no tar.",
    416: "There is no such part.",
    422: "The body makes no sense.",
    503: "The store or the daemon does not answer.",
}
ALWAYS = (400, 401, 403, 503)
CHANGES_ALWAYS = (401, 403, 413, 415, 422, 503)
JSON = "application/json"
ID = {"type": "string", "minLength": 1, "maxLength": 200}

Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """An address that changes something."""

    path: str
    """Below /api/v1, with names of its parts in braces."""
    name: str
    """What it does, as one word."""
    summary: str
    """A sentence for whoever writes a program against it."""
    body: type[BaseModel] | None
    """What is sent, as JSON; None: a bundle, as a tar."""


Mode = Literal["validation", "serialization"]
ASKED: Mode = "validation"
ANSWERED: Mode = "serialization"
Refs = Mapping[tuple[Any, Mode], Mapping[str, Any]]
"""Where the schema of a model stands: two models may be called the same."""


def openapi_of(endpoints: Sequence[Endpoint], changes: Sequence[Change], *, version: str) -> Tree:
    """Return the document."""
    refs, definitions = models_json_schema(_models(endpoints, changes), ref_template=REF)
    schemas: Tree = definitions["$defs"]
    paths: dict[str, Tree] = {}
    queries = set()
    for endpoint in endpoints:
        name = refs[endpoint.query, ASKED]["$ref"].rpartition("/")[2]
        queries.add(name)
        paths.setdefault(f"/api/v1{endpoint.path}", {})["get"] = _operation(endpoint, schemas[name], refs)
    for change in changes:
        paths.setdefault(f"/api/v1{change.path}", {})["post"] = _change(change, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Wheeltapper: the technicians' page",
            "version": version,
            "description": "What the page shows, for programs. It needs a session's cookie, as pages do; "
            "a change also needs the page's token (X-CSRF-Token) and its Origin.",
        },
        "paths": paths,
        "components": {"schemas": {name: tree for name, tree in schemas.items() if name not in queries}},
    }


def _models(
    endpoints: Sequence[Endpoint], changes: Sequence[Change]
) -> Sequence[tuple[type[BaseModel], Mode]]:
    """Return every model that is described, once."""
    found: list[tuple[type[BaseModel], Mode]] = [(ErrorDocument, ANSWERED)]
    for endpoint in endpoints:
        found.append((endpoint.query, ASKED))
        if endpoint.document is not None:
            found.append((endpoint.document, ANSWERED))
    found += [(change.body, ASKED) for change in changes if change.body is not None]
    return list(dict.fromkeys(found))


def _operation(endpoint: Endpoint, query: Tree, refs: Refs) -> Tree:
    return {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "parameters": [*_path_parameters(endpoint), *_query_parameters(query), *_headers(endpoint)],
        "responses": {str(status): _response(endpoint, status, refs) for status in _statuses(endpoint)},
    }


def _change(change: Change, refs: Refs) -> Tree:
    names = re.findall(r"{(\w+)}", change.path)
    content = _binary((TAR,)) if change.body is None else {JSON: {"schema": refs[change.body, ASKED]}}
    more = (*((404,) if names else ()), *((411,) if change.body is None else ()))
    statuses = sorted((*CHANGES_ALWAYS, *more))
    return {
        "operationId": change.name,
        "summary": change.summary,
        "parameters": [_path_parameter(name, ID) for name in names],
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": _told(200, {"type": "object"}),
            **{str(status): _told(status, refs[ErrorDocument, ANSWERED]) for status in statuses},
            # the daemon's reply, and beside it why
            "409": _told(409, {"type": "object", "required": list(ErrorDocument.model_fields)}),
        },
    }


def _statuses(endpoint: Endpoint) -> list[int]:
    more = (*((304,) if endpoint.has_etag else ()), *((206, 416) if endpoint.has_parts else ()))
    return sorted({200, *ALWAYS, *endpoint.statuses, *more})


def _path_parameters(endpoint: Endpoint) -> list[Tree]:
    return [
        _path_parameter(
            name,
            {"type": "string", "enum": list(endpoint.choices[name])} if name in endpoint.choices else ID,
        )
        for name in re.findall(r"{(\w+)}", endpoint.path)
    ]


def _path_parameter(name: str, schema: Tree) -> Tree:
    return {"name": name, "in": "path", "required": True, "schema": schema}


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


def _response(endpoint: Endpoint, status: int, refs: Refs) -> Tree:
    if status in {304, 416}:
        return {"description": TITLES[status]}
    if status not in {200, 206}:
        return _told(status, refs[ErrorDocument, ANSWERED])
    if endpoint.document is not None:
        return _told(status, refs[endpoint.document, ANSWERED])
    return {"description": TITLES[status], "content": _binary(endpoint.media_types)}


def _binary(media_types: Sequence[str]) -> Tree:
    return {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in media_types}


def _told(status: int, schema: Mapping[str, Any]) -> Tree:
    return {"description": TITLES[status], "content": {JSON: {"schema": schema}}}
