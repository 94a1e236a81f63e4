"""What is wrong with a configuration, in words: which key of which source, its value, and what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from monitor.addresses import address_shown
from monitor.config.section import NAME, Section
from monitor.config.wording import wording_of

NO_SOURCE = "sources: names nothing to listen to; name one source at least, as in config.yaml"
NEAR = 0.7
"""A key that is so like an unknown one, as difflib counts, is probably the one that was meant."""


DESCRIBED = "; docs/config.md describes it"
SHOWN_CHARACTERS = 200
"""Of a value."""


def problems_of(error: ValidationError, tree: Mapping[Any, Any], root: type[Section]) -> list[str]:
    """Return one indented line for each thing that is wrong with `tree`, checked as a `root`."""
    told: dict[str, list[str]] = {}
    problems = error.errors()
    for problem in problems:
        loc, kind = problem["loc"], problem["type"]
        short = kind == "too_short"
        if short and any(other["loc"][: len(loc)] == loc and other is not problem for other in problems):
            continue  # only short because its items were refused, which is told
        if loc == ("sources",) and (short or kind == "missing"):
            told[NO_SOURCE] = []
        elif kind in {"extra_forbidden", "invalid_key"}:
            told[_unknown(loc, tree, root)] = []
        else:
            start, must = _refused(problem, tree, root)
            told.setdefault(start, []).append(must)  # each type that a key may have is told of
    return [f"  {start}{', or '.join(musts)}{DESCRIBED if musts else ''}" for start, musts in told.items()]


def _unknown(loc: tuple[int | str, ...], tree: Mapping[Any, Any], root: type[Section]) -> str:
    where, sections = _place(loc[:-1], tree, root)
    key = str(loc[-1])
    shown = address_shown(key) if "://" in key else key
    return f"{where}{'.' if where else ''}{shown}: unknown key; {_meant(key, sections)}"


def _refused(problem: ErrorDetails, tree: Mapping[Any, Any], root: type[Section]) -> tuple[str, str]:
    """Return a key with its value, as it begins a line, and what the value must be."""
    where, sections = _place(problem["loc"], tree, root)
    value, must = problem["input"], wording_of(problem)
    if problem["type"].startswith("union_tag"):
        where, value = f"{where}.kind", value.get("kind", {})
        must = f"must be one of {', '.join(str(one) for each in sections for one in _kinds(each))}"
    told = "" if isinstance(value, dict) else f" {_shown(where, value)}"
    return (f"{where}{told}: " if where else ""), must  # of the whole the message names the key itself


def _place(
    loc: Iterable[int | str], tree: Mapping[Any, Any], root: type[Section]
) -> tuple[str, list[type[Section]]]:
    """Return a key's path as a person says it, and the sections that may stand there."""
    sections: list[type[Section]] = [root]
    where = ""
    for part in loc:
        if isinstance(part, int):
            where += _entry(part, tree) if where == "sources" else f" (entry {part + 1})"
            continue
        tagged = [section for section in sections if part in _kinds(section)]
        fields = [section.model_fields[part] for section in sections if part in section.model_fields]
        if tagged or not fields:  # which of several kinds or types was tried: no key of the file
            sections = tagged or sections
            continue
        where += f".{part}" if where else part
        sections = [found for field in fields for found in _sections_in(field.annotation)]
    return where, sections


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


def _meant(key: str, sections: Iterable[type[Section]]) -> str:
    keys = sorted({key for section in sections for key in section.model_fields})
    near = difflib.get_close_matches(key, keys, 1, NEAR)
    if near:
        return f"{near[0]!r} may be meant (docs/config.md)"
    return "remove it or look its name up in docs/config.md"


def _shown(where: str, value: object) -> str:
    """Return a value as it stands in YAML; an address is a secret, even where it is mistyped."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    text = repr(value)
    if "://" in text or where.endswith(".url"):
        text = repr(address_shown(value if isinstance(value, str) else text))
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
