"""What is wrong with a configuration, in words: which key of which source, its value, and what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import ValidationError

from monitor.addresses import address_shown
from monitor.config.section import NAME, Section

WORDS = {
    "tuple_type": "must be a list: [a, b], or a line with `- ` for each",
    "model_attributes_type": "must hold keys and values",
    "model_type": "must hold keys and values",
}
"""Type of pydantic's error -> what is said in place of its words, which are about Python."""
NO_SOURCE = "  sources: names nothing to listen to; name one source at least, as in config.yaml"
NEAR = 0.7
"""A key that is so like an unknown one, as difflib counts, is probably the one that was meant."""


def problems_of(error: ValidationError, tree: Mapping[Any, Any], root: type[Section]) -> list[str]:
    """Return one indented line for each thing that is wrong with `tree`, checked as a `root`."""
    lines = []
    problems = error.errors()
    for problem in problems:
        loc = problem["loc"]
        short = problem["type"] == "too_short"
        if short and any(other["loc"][: len(loc)] == loc and other is not problem for other in problems):
            continue  # only short because its items were refused, which is told
        if loc == ("sources",) and (short or problem["type"] == "missing"):
            lines.append(NO_SOURCE)
            continue
        where, keys = _place(loc, tree, root)
        if problem["type"] == "extra_forbidden":
            lines.append(f"  {where}: unknown key; {_meant(str(loc[-1]), keys)}")
        else:
            value = "" if isinstance(problem["input"], dict) else f" {_shown(where, problem['input'])!r}"
            message = WORDS.get(problem["type"], problem["msg"].removeprefix("Value error, "))
            start = f"  {where}{value}: " if where else "  "  # of the whole the message names the key itself
            lines.append(f"{start}{message}; docs/config.md describes it")
    return lines


def _place(loc: tuple[int | str, ...], tree: Mapping[Any, Any], root: type[Section]) -> tuple[str, list[str]]:
    """Return a key's path as a person says it, and every key that could stand in its place."""
    sections: list[type[Section]] = [root]
    beside = sections
    where = ""
    for part in loc:
        beside = sections
        if isinstance(part, int):
            where += _entry(part, tree) if where == "sources" else f" (entry {part + 1})"
            continue
        inner = [
            found
            for section in sections
            if part in section.model_fields
            for found in _sections_in(section.model_fields[part].annotation)
        ]
        tagged = [section for section in sections if part in _kinds(section)]
        sections = inner or tagged or sections
        if not tagged:  # a union puts the kind into the path; it is not a key of the file
            where += f".{part}" if where else part
    return where, sorted({key for section in beside for key in section.model_fields})


def _entry(number: int, tree: Mapping[Any, Any]) -> str:
    """Return how a source is called: by its id, where it has one of its own, else by its place from 1."""
    ids = [one.get("id") if isinstance(one, dict) else None for one in list(tree["sources"])]
    own = ids[number]
    if isinstance(own, str) and re.match(NAME, own) and ids.count(own) == 1:
        return f".{own}"
    return f" (entry {number + 1})"


def _kinds(section: type[Section]) -> tuple[object, ...]:
    kind = section.model_fields.get("kind")
    return () if kind is None else get_args(kind.annotation)


def _sections_in(annotation: object) -> list[type[Section]]:
    """Return the sections that a field of this type may hold."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [found for one in get_args(annotation) for found in _sections_in(one)]


def _meant(key: str, keys: list[str]) -> str:
    near = difflib.get_close_matches(key, keys, 1, NEAR)
    if near:
        return f"{near[0]!r} may be meant (docs/config.md)"
    return "remove it or look its name up in docs/config.md"


def _shown(where: str, value: object) -> object:
    """Return what is told of a value: an address is a secret, even where it is mistyped."""
    is_address = isinstance(value, str) and ("://" in value or where.endswith(".url"))
    return address_shown(str(value)) if is_address else value
