"""Sources appear in Home Assistant by themselves: its templates are run on our own example documents."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import jinja2
import pytest
from fixtures_mosquitto import Mosquitto, Recorder, eventually, retained
from publish_rig import Rig

from monitor.messages import AlarmState
from monitor.publish.commands import parse_command
from monitor.publish.examples import EXAMPLES
from monitor.publish.homeassistant import discovery_document, discovery_topic
from monitor.publish.topics import TOPICS

PREFIX, SOURCE = "wheeltapper/plant/box1", "pump-1"
TREE: dict[str, Any] = json.loads(discovery_document(PREFIX, SOURCE, "0.1.0").encode())
PLATFORMS = {"sensor", "binary_sensor", "button"}


def rendered(template: str, kind: str, **changes: object) -> str:
    """What Home Assistant makes of a document of this kind."""
    document = {**EXAMPLES[kind](), **changes}
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=True)
    return environment.from_string(template).render(value_json=document)


def kind_of(topic: str) -> str:
    kinds = {rule.topic(PREFIX, SOURCE): kind for kind, rule in TOPICS.items()}
    return kinds[topic]


def readings() -> Iterator[tuple[str, str, str]]:
    for name, entity in TREE["components"].items():
        if "state_topic" in entity:
            yield name, kind_of(entity["state_topic"]), entity["value_template"]


def test_every_entity_has_a_platform_an_id_of_its_own_and_a_topic_of_ours() -> None:
    entities = TREE["components"]
    assert len(entities) == len({entity["unique_id"] for entity in entities.values()})
    assert PLATFORMS == {entity["p"] for entity in entities.values()}
    assert all(kind_of(entity.get("state_topic") or entity["command_topic"]) for entity in entities.values())
    assert {"identifiers", "name", "manufacturer", "model", "sw_version"} == TREE["device"].keys()


@pytest.mark.parametrize(("name", "kind", "template"), [*readings()])
def test_every_reading_finds_its_field_in_our_documents(name: str, kind: str, template: str) -> None:
    text = rendered(template, kind)
    assert text.strip(), name
    options = TREE["components"][name].get("options")
    assert options is None or text in options


def test_a_sentence_longer_than_home_assistant_takes_is_cut_and_none_is_empty() -> None:
    template = TREE["components"]["heard"]["value_template"]
    assert 255 == len(rendered(template, "alarm", explanation={"text": "x" * 400}))
    assert rendered(template, "alarm", explanation=None) == ""


def test_the_alarm_is_on_while_it_is_active_whatever_an_operator_did() -> None:
    template = TREE["components"]["alarm"]["value_template"]
    for state in AlarmState:
        assert "ON" == rendered(template, "alarm", active=True, state=state.value)
    assert "OFF" == rendered(template, "alarm", active=False)


@pytest.mark.parametrize(
    ("box", "capture", "available"),
    [
        ("online", "healthy", True),
        ("online", "alarmed", True),
        ("online", "recovering", False),
        ("online", "failed", False),
        ("offline", "healthy", False),
        ("stopped", "healthy", False),
    ],
)
def test_an_entity_is_there_while_both_the_box_and_the_source_are(
    box: str,
    capture: str,
    available: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    assert "all" == TREE["availability_mode"]
    states = {"status": box, "health": capture}
    said = [
        rendered(one["value_template"], kind_of(one["topic"]), state=states[kind_of(one["topic"])])
        for one in TREE["availability"]
    ]
    assert available == (["online", "online"] == said)


def test_the_button_gives_a_command_that_we_take_with_an_id_of_its_own_each_time() -> None:
    template = TREE["components"]["acknowledge"]["command_template"]
    at = datetime(2026, 11, 22, 7, 30, 1, 500000, tzinfo=timezone.utc)
    text = jinja2.Environment(autoescape=True).from_string(template).render(now=lambda: at)
    command = parse_command(text.encode())
    assert ("acknowledge", "home-assistant") == (command.action, command.actor)
    assert f"ha-{at.timestamp()}" == command.id


def test_ids_hold_only_what_home_assistant_takes() -> None:
    topic = discovery_topic("homeassistant", "wheeltapper/Werk Süd/box.1", "pump 1")
    assert "homeassistant/device/wheeltapper_Werk_S_d_box_1_pump_1/config" == topic


@pytest.mark.broker
def test_every_source_is_introduced_at_the_connect_and_again_when_home_assistant_starts(
    mosquitto: Mosquitto, make_rig: Callable[..., Rig], make_recorder: Callable[..., Recorder]
) -> None:
    rig = make_rig(port=mosquitto.port, home_assistant=True)
    eventually(lambda: len(retained(mosquitto.port, "homeassistant/#")) == 2)
    topics = {discovery_topic("homeassistant", rig.prefix, source) for source in ("pump", "fan")}
    assert topics == set(retained(mosquitto.port, "homeassistant/#"))
    recorder = make_recorder(mosquitto.port, "homeassistant/device/#")
    eventually(lambda: len(recorder.heard) == 2, what="what is retained")
    before = 2
    recorder.send("homeassistant/status", b"offline")
    recorder.send("homeassistant/status", b"online")
    eventually(lambda: len(recorder.heard) == before + 2)
    assert topics == {heard.topic for heard in recorder.heard[before:]}
    assert 0 == rig.publisher.state.refused_commands


@pytest.mark.broker
def test_nobody_is_introduced_unless_it_is_asked_for(
    mosquitto: Mosquitto, make_rig: Callable[..., Rig]
) -> None:
    rig = make_rig(port=mosquitto.port)
    eventually(lambda: rig.publisher.connected)
    eventually(lambda: retained(mosquitto.port, f"{rig.prefix}/status"))
    assert {} == retained(mosquitto.port, "homeassistant/#")
