"""The example for Telegraf finds what it looks for, and that for Grafana asks for what Telegraf writes."""

from __future__ import annotations

import itertools
import json
import re
from datetime import datetime, timezone
from typing import Any

import pytest
from telegraf_points import TELEGRAF_CONF, telegraf_readers

from monitor.publish.examples import EXAMPLES
from monitor.publish.topics import TOPICS

READERS = telegraf_readers()
DASHBOARD: dict[str, Any] = json.loads(
    (TELEGRAF_CONF.parent / "grafana-influxdb.json").read_text(encoding="utf-8")
)
TARGETS = [
    pytest.param(panel, target, id=f"{panel['title']}-{target['refId']}")
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
]
PREFIX = "wheeltapper/plant/box1"
TIMES = {"score": "end_utc", "alarm": "time", "health": "time", "status": None}
"""When a point is true. That of status arrives with a time long past when it is a last will."""


def topic_of(kind: str, prefix: str = PREFIX, source_id: str = "pump") -> str:
    return TOPICS[kind].topic(prefix, source_id)


def utc_of(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)


@pytest.mark.parametrize("kind", TIMES)
def test_every_field_is_found_in_the_document_of_its_topic(kind: str) -> None:
    reader, document = READERS[kind], EXAMPLES[kind]()
    assert topic_of(kind, "wheeltapper/+/+", "+") == reader.topic
    point = reader.point(topic_of(kind), document)
    assert set(reader.field_types) == set(point.fields), "the example knows all of them"
    where = {"site": "plant", "box": "box1"} | ({} if kind == "status" else {"source": "pump"})
    assert where.items() <= point.tags.items()
    assert set(reader.tag_names) == set(point.tags)
    time_key = TIMES[kind]
    assert (None if time_key is None else utc_of(document[time_key])) == point.at


def test_values_arrive_as_they_are_and_truths_as_0_and_1() -> None:
    score = READERS["score"].point(topic_of("score"), EXAMPLES["score"]())
    assert {
        "value": 1.31,
        "expected_per_day": 0.0042,
        "level_dbfs": -27.4,
        "historical": False,
    } == score.fields
    assert datetime(2026, 1, 31, 12, 1, 3, 488000, timezone.utc) == score.at
    alarm = READERS["alarm"].point(topic_of("alarm"), EXAMPLES["alarm"]())
    assert (1, 1, 0) == tuple(alarm.fields[name] for name in ("active", "warning", "uncertain"))
    assert EXAMPLES["alarm"]()["explanation"]["text"] == alarm.fields["heard"]


@pytest.mark.parametrize("kind", TIMES)
def test_what_is_null_is_left_out_and_costs_nothing_else(kind: str) -> None:
    """Nulls are usual: no event is open, a window is not judged, nothing has been heard yet."""
    document = EXAMPLES[kind]()
    keep = {"schema", "time", "source", "state", "quality", "end_utc"}
    bare = {key: value if key in keep or isinstance(value, bool) else None for key, value in document.items()}
    point = READERS[kind].point(topic_of(kind), bare)
    assert point.fields, "a point without a field cannot be written"
    assert None not in point.fields.values()


def test_the_table_at_the_head_of_the_file_is_what_it_does() -> None:
    rows = re.findall(
        r"^#   (\w+)  +(\S.*?)  +(\S.*)$", TELEGRAF_CONF.read_text(encoding="utf-8"), re.MULTILINE
    )
    table = {
        name: (tags.split(", "), re.sub(r" \([^)]*\)", "", fields).split(", "))
        for name, tags, fields in rows[1:]
    }
    assert {name: (one.tag_names, [*one.field_types]) for name, one in READERS.items()} == table


def test_each_reader_is_a_client_of_its_own_with_its_password_from_outside() -> None:
    trees = [reader.tree for reader in READERS.values()]
    assert len(trees) == len({tree["client_id"] for tree in trees})
    assert {"${MQTT_PASSWORD}"} == {tree["password"] for tree in trees}
    assert {"ssl://broker.plant.example:8883"} == {server for tree in trees for server in tree["servers"]}


@pytest.mark.parametrize(("panel", "target"), TARGETS)
def test_every_panel_asks_for_a_field_and_tags_that_telegraf_writes(
    panel: dict[str, Any], target: dict[str, Any]
) -> None:
    reader = READERS[target["measurement"]]
    for select in target["select"]:
        steps = {step["type"]: step["params"] for step in select}
        (name,) = steps["field"]
        assert name in reader.field_types
        if {"max", "mean"} & set(steps):
            assert reader.field_types[name] in {"float", "int"}, "only numbers have a mean"
    grouped = [
        params[0]
        for kind, params in ((one["type"], one["params"]) for one in target["groupBy"])
        if kind == "tag"
    ]
    assert {*grouped, *(tag["key"] for tag in target["tags"])} <= set(reader.tag_names)
    # one row or one line for each source, or each box where there are no sources
    assert ("source" if "source" in reader.tag_names else "box") in grouped
    assert ("table" == panel["type"]) == (target["resultFormat"] == "table")


def test_the_dashboard_has_no_two_panels_in_one_place_and_variables_that_are_tags() -> None:
    panels = DASHBOARD["panels"]
    assert len(panels) == len({panel["id"] for panel in panels})
    cells = [
        (x, y)
        for grid in (panel["gridPos"] for panel in panels)
        for x, y in itertools.product(
            range(grid["x"], grid["x"] + grid["w"]), range(grid["y"], grid["y"] + grid["h"])
        )
    ]
    assert len(cells) == len(set(cells))
    assert 24 > max(x for x, _ in cells)
    for variable in DASHBOARD["templating"]["list"][1:]:
        asked = re.match(r'SHOW TAG VALUES FROM "(\w+)" WITH KEY = "(\w+)"', variable["query"])
        assert asked is not None
        assert variable["name"] == asked[2]
        assert asked[2] in READERS[asked[1]].tag_names


def test_every_variable_that_a_panel_uses_is_one_of_the_dashboard() -> None:
    text = json.dumps(DASHBOARD["panels"])
    used = set(re.findall(r"\$\{?([a-z]\w*)", text)) - {"tag_source"}
    assert {variable["name"] for variable in DASHBOARD["templating"]["list"]} == used
