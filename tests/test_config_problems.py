"""Every constraint of every section is refused in our words: key, value, and what the value must be."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from monitor.config import Config
from monitor.config.problems import NO_SOURCE, SHOWN_CHARACTERS, problems_of
from monitor.config.section import Section
from monitor.config.shapes import IN_WORDS
from monitor.config.wording import ELSE

Place = tuple[str | int, ...]

OFF = {
    "level": {"below_dbfs": -60},
    "schedule": {"time_zone": "UTC", "times": [{"days": ["sat"]}]},
    "signal": {"kind": "mqtt", "topic": "plant/pump"},
}
FAULT = {"kind": "bearing", "start_s": 1, "duration_s": 1}
TREE: dict[str, Any] = {
    "sources": [
        {"id": "a", "kind": "simulated", "faults": [FAULT], "off": OFF},
        {"id": "b", "kind": "file", "path": "b.wav"},
        {"id": "c", "kind": "stream", "url": "http://camera/sound"},
        {"id": "d", "kind": "microphone", "off": {"signal": {"kind": "sparkplug"}}},
    ],
    "bundles": {"trusted_keys": [{"name": "plant", "file": "plant.pem"}]},
    "sparkplug": {"enabled": True},
}
"""A configuration that is right and has sections of every kind."""
FOREIGN: tuple[Any, ...] = (
    None,
    3,
    1.5,
    True,
    "word",
    [],
    [None],
    [1, 2, 3, 4],
    {"x": 1},
    {"kind": "word"},
    {3: 4},
    b"\xff",
    "\ud800",
    float("nan"),
    float("inf"),
    10**30,
)
"""Of every type that YAML has; what a key takes of them is no problem."""
PHRASES = (
    "Input should",
    "Unable to",
    "Field required",
    "after validation",
    "Keys should",
    "pathlib",
    "literal[",
)
"""Of pydantic's messages and of its places, in which it tells the type that it tried."""


def places() -> dict[Place, type[Section]]:
    """Return where in TREE each section stands."""
    config = Config.model_validate(TREE)
    found: dict[Place, type[Section]] = {}

    def look(value: object, place: Place) -> None:
        if isinstance(value, Section):
            found[place] = type(value)
            for name in type(value).model_fields:
                look(getattr(value, name), (*place, name))
        elif isinstance(value, tuple):
            for number, each in enumerate(value):
                look(each, (*place, number))

    look(config, ())
    return found


PLACES = places()


def with_value(place: Place, value: object) -> dict[str, Any]:
    """Return TREE with `value` at `place`; sections that it leaves out are made."""
    tree = copy.deepcopy(TREE)
    at: Any = tree
    for part in place[:-1]:
        at = at.setdefault(part, {}) if isinstance(part, str) else at[part]
    at[place[-1]] = value
    return tree


def inside(tree: dict[str, Any], place: Place) -> dict[str, Any]:
    """Return what `tree` has at a section's place; nothing where it leaves the section out."""
    at: Any = tree
    for part in place:
        at = at.get(part, {}) if isinstance(part, str) else at[part]
    found: dict[str, Any] = at
    return found


def lines_of(tree: dict[str, Any]) -> list[str] | None:
    """Return what is told of a tree, in which no word is pydantic's; None: it is right."""
    try:
        Config.model_validate(tree)
    except ValidationError as error:
        lines = problems_of(error, tree, Config)
        text = "\n".join(lines)
        theirs = [one["msg"] for one in error.errors() if one["type"] != "value_error"]
        assert [] == [phrase for phrase in (*theirs, *PHRASES, ELSE) if phrase in text], text
        assert all("docs/config.md" in line or "sources: names nothing" in line for line in lines), text
        return lines
    return None


def broken(field: FieldInfo, now: list[Any] | None) -> Iterator[Any]:
    """Yield values that lie just beyond each constraint of a field, which TREE has at `now`."""
    for item in field.metadata:
        if isinstance(item, Ge | Gt | Le | Lt):
            beyond = {Ge: -1, Gt: 0, Le: 1, Lt: 0}[type(item)]
            (limit,) = (getattr(item, name) for name in ("ge", "gt", "le", "lt") if hasattr(item, name))
            yield limit + beyond
        elif isinstance(item, MinLen):
            yield "" if field.annotation is str else []
        elif isinstance(item, MaxLen):
            length = item.max_length + 1
            yield "x" * length if field.annotation is str else (now or ["x:1"])[:1] * length
        elif hasattr(item, "pattern"):
            assert item.pattern in IN_WORDS, f"{item.pattern!r}: say in monitor/config/shapes.py what it asks"
            yield ""


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)) or "whole")
def test_every_constraint_of_a_section_is_told_in_our_words(place: Place) -> None:
    for name, field in PLACES[place].model_fields.items():
        where = (*place, name)
        for value in broken(field, inside(TREE, place).get(name)):
            lines = lines_of(with_value(where, value))
            assert lines is not None, f"{where} takes {value!r}"
            shown = "'***'" if name == "url" else repr(value)[:SHOWN_CHARACTERS]
            told = any(f"{name} {shown}" in line and ": must " in line for line in lines)
            assert told or lines == [f"  {NO_SOURCE}"], lines
        for value in FOREIGN:
            lines_of(with_value(where, value))
    for key in ("no_such_key", 3):
        refusals = lines_of(with_value((*place, key), 1)) or []
        assert any(f"{key}: unknown key; " in line for line in refusals), refusals


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)) or "whole")
def test_every_key_that_must_be_given_is_told_where_it_is_missing(place: Place) -> None:
    for name, field in PLACES[place].model_fields.items():
        if field.is_required():
            tree = with_value((*place, name), None)
            del inside(tree, place)[name]
            lines = lines_of(tree)
            assert lines is not None
            must = ("must be given", "must be one of ", "names nothing to listen to; name one")
            assert any(f"{name}: {one}" in line for line in lines for one in must), lines


def test_the_configuration_of_this_test_has_every_section() -> None:
    def kinds(section: type[Section]) -> Iterator[type[Section]]:
        own = section.__subclasses__()
        for one in own:
            yield from kinds(one)
        if not own and section.__module__.startswith("monitor.config"):
            yield section

    assert set(kinds(Section)) == set(PLACES.values())


@pytest.mark.parametrize("key", ["url", "kind", "id", "bundle"])
@pytest.mark.parametrize("shape", ["{}", "[{}]", "[[{}]]", "{{{}: 1}}"])
def test_a_login_in_an_address_is_told_nowhere(key: str, shape: str) -> None:
    value = yaml.safe_load(shape.format("'rtsp://me:hunter2@camera/sound'"))
    for place in (("sources", 2, key), ("sources", 2, "audio"), ("sources", 2), ("sources",), ("site",)):
        lines = lines_of(with_value(place, value)) or []
        assert "hunter2" not in "\n".join(lines)
    assert "hunter2" not in "\n".join(lines_of(with_value(("rtsp://me:hunter2@camera/sound",), 1)) or [])
