"""What Telegraf's json_v2 parser makes of a document, as far as docs/examples/telegraf.conf uses it.

After its documentation and source: a path that leads to null adds no field; one that leads nowhere is an
error unless it is optional; a field is named after the last word of its path, or by `rename`; without
`timestamp_path` the time is that of arrival.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import tomllib

TELEGRAF_CONF = Path(__file__).resolve().parents[2] / "docs" / "examples" / "telegraf.conf"
PLAIN_PATH = re.compile(r"[a-z_]+(\.[a-z_]+)*")
"""Of gjson's paths only those that mean the same everywhere."""
GO_RFC3339 = "2006-01-02T15:04:05Z07:00"
MISSING = object()


@dataclass(frozen=True)
class Point:
    """One point on its way to the database."""

    measurement: str
    tags: dict[str, str]
    fields: dict[str, float | int | bool | str]
    at: datetime | None
    """None: the time of arrival."""


@dataclass(frozen=True)
class Reader:
    """One [[inputs.mqtt_consumer]] of the file."""

    tree: Mapping[str, Any]

    @property
    def topic(self) -> str:
        (topic,) = self.tree["topics"]
        return str(topic)

    @property
    def parser(self) -> Mapping[str, Any]:
        (parser,) = self.tree["json_v2"]
        assert isinstance(parser, dict)
        return parser

    @property
    def measurement(self) -> str:
        return str(self.parser["measurement_name"])

    @property
    def tag_names(self) -> list[str]:
        (parsing,) = self.tree["topic_parsing"]
        assert self.topic == parsing["topic"]
        named = [part for part in parsing["tags"].split("/") if part != "_"]
        return named + [_name(one) for one in self.parser.get("tag", [])]

    @property
    def field_types(self) -> dict[str, str]:
        return {_name(one): one["type"] for one in self.parser["field"]}

    def point(self, topic: str, document: Mapping[str, Any]) -> Point:
        """Return the point of one document; raises where Telegraf would drop it with an error."""
        (parsing,) = self.tree["topic_parsing"]
        parts, names = topic.split("/"), parsing["tags"].split("/")
        assert len(parts) == len(names) == len(parsing["topic"].split("/"))
        tags = {name: part for name, part in zip(names, parts, strict=True) if name != "_"}
        fields: dict[str, float | int | bool | str] = {}
        for one in self.parser.get("tag", []):
            tags[_name(one)] = str(_found(one, document))
        for one in self.parser["field"]:
            value = _found(one, document)
            if value is not None and value is not MISSING:
                fields[_name(one)] = _converted(value, one["type"])
        at = None
        if "timestamp_path" in self.parser:
            assert GO_RFC3339 == self.parser["timestamp_format"]
            at = datetime.fromisoformat(str(document[self.parser["timestamp_path"]]).replace("Z", "+00:00"))
        return Point(self.measurement, tags, fields, at)


def telegraf_readers() -> dict[str, Reader]:
    """Return what the file reads, by measurement."""
    tree = tomllib.loads(TELEGRAF_CONF.read_text(encoding="utf-8"))
    readers = [Reader(one) for one in tree["inputs"]["mqtt_consumer"]]
    found = {reader.measurement: reader for reader in readers}
    assert len(readers) == len(found)
    return found


def _name(one: Mapping[str, Any]) -> str:
    return str(one.get("rename") or one["path"].rsplit(".", 1)[-1])


def _found(one: Mapping[str, Any], document: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    assert PLAIN_PATH.fullmatch(one["path"])
    value: Any = document
    for key in one["path"].split("."):
        value = value.get(key, MISSING) if isinstance(value, dict) else MISSING
    if value is MISSING and not one.get("optional", False):
        raise KeyError(one["path"])
    return value


def _converted(value: Any, kind: str) -> float | int | bool | str:  # noqa: ANN401 - JSON
    if kind == "float" and isinstance(value, (float, int)) and not isinstance(value, bool):
        return float(value)
    if kind == "int" and isinstance(value, int):
        return int(value)  # a truth becomes 0 or 1
    if (kind == "bool" and isinstance(value, bool)) or (kind == "string" and isinstance(value, str)):
        return value
    raise TypeError(f"{value!r} is no {kind}")
