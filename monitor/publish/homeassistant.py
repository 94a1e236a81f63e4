"""Home Assistant's MQTT discovery: one device a source, made of the topics that are there anyway.

One retained document a source on `homeassistant/device/ID/config` (the device form, since Home Assistant
2024.12) says which of our topics is which entity; nothing is published twice. An entity is available while
both the box and the source are: after a crash only the last will of the box is left to say so.

Facts from Home Assistant's documentation of the MQTT integration (discovery, availability, button, sensor).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monitor.messages import AlarmState, CaptureState, Quality
from monitor.publish.topics import TOPICS

STATE_MAX = 255
"""Characters of a state in Home Assistant; a longer sentence is cut."""
SCORE_EXPIRES_S = 60
"""A score that is older is unknown; scores come once a second or so and are not retained."""
PRESENT = (CaptureState.HEALTHY, CaptureState.ALARMED)
"""A source that is about to be restarted still counts; one that is being restarted does not."""
FORBIDDEN = re.compile(r"[^a-zA-Z0-9_-]")


@dataclass(frozen=True, slots=True)
class DiscoveryDocument:
    """What Home Assistant is told about one source."""

    tree: Mapping[str, Any]
    """JSON-able."""

    def encode(self) -> bytes:
        """Return it as UTF-8 JSON, without spaces."""
        return json.dumps(self.tree, separators=(",", ":")).encode()

    @property
    def user_properties(self) -> tuple[tuple[str, str], ...]:
        """None: it is no document of ours."""
        return ()

    def says_more_than(self, other: object) -> bool:
        """Whether it differs from `other`."""
        return self != other


def birth_topic(prefix: str) -> str:
    """Return where Home Assistant says `online` after its start; then discovery is to be told again."""
    return f"{prefix}/status"


def discovery_topic(prefix: str, topic_prefix: str, source_id: str) -> str:
    """Return where a source's document goes; `topic_prefix` begins the box's own topics."""
    return f"{prefix}/device/{_id(topic_prefix, source_id)}/config"


def discovery_document(topic_prefix: str, source_id: str, version: str) -> DiscoveryDocument:
    """Return a source's document; `version` is that of the software."""
    topic = {kind: rule.topic(topic_prefix, source_id) for kind, rule in TOPICS.items()}
    own_id = _id(topic_prefix, source_id)
    components = {
        name: {**parts, "unique_id": f"{own_id}_{name}"} for name, parts in _entities(topic).items()
    }
    return DiscoveryDocument(
        {
            "device": {
                "identifiers": [own_id],
                "name": source_id,
                "manufacturer": "Wheeltapper",
                "model": "acoustic anomaly monitor",
                "sw_version": version,
            },
            "origin": {"name": "wheeltapper", "sw_version": version},
            "availability_mode": "all",
            "availability": [
                _availability(topic["status"], ("online",)),
                _availability(topic["health"], PRESENT),
            ],
            "qos": 1,
            "components": components,
        }
    )


def _id(topic_prefix: str, source_id: str) -> str:
    return FORBIDDEN.sub("_", f"{topic_prefix}_{source_id}")


def _availability(topic: str, present: tuple[str, ...]) -> dict[str, str]:
    states = ", ".join(f"'{getattr(state, 'value', state)}'" for state in present)
    return {
        "topic": topic,
        "value_template": f"{{{{ 'online' if value_json.state in [{states}] else 'offline' }}}}",
    }


def _entities(topic: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the entities by name; each has the platform `p` that Home Assistant makes it with."""
    sentence = "value_json.explanation.text if value_json.explanation else ''"
    return {
        "score": {
            "p": "sensor", "name": "Score", "state_topic": topic["score"],
            "value_template": "{{ value_json.value }}", "state_class": "measurement",
            "suggested_display_precision": 2, "expire_after": SCORE_EXPIRES_S, "icon": "mdi:waveform",
        },
        "alarm": {
            "p": "binary_sensor", "name": "Alarm", "device_class": "problem", "state_topic": topic["alarm"],
            "value_template": "{{ 'ON' if value_json.active else 'OFF' }}",
            "json_attributes_topic": topic["alarm"],
        },
        "warning": {
            "p": "binary_sensor", "name": "Warning", "device_class": "problem", "state_topic": topic["alarm"],
            "value_template": "{{ 'ON' if value_json.warning else 'OFF' }}",
        },
        "state": {
            "p": "sensor", "name": "Alarm state", "device_class": "enum", "state_topic": topic["alarm"],
            "value_template": "{{ value_json.state }}", "options": [state.value for state in AlarmState],
        },
        "heard": {
            "p": "sensor", "name": "Heard", "state_topic": topic["alarm"], "icon": "mdi:ear-hearing",
            "value_template": f"{{{{ ({sentence})[:{STATE_MAX}] }}}}",
        },
        "input": {
            "p": "sensor", "name": "Input", "device_class": "enum", "entity_category": "diagnostic",
            "state_topic": topic["health"], "value_template": "{{ value_json.quality }}",
            "options": [quality.value for quality in Quality],
        },
        "machine": {
            "p": "binary_sensor", "name": "Machine", "device_class": "running",
            "state_topic": topic["health"],
            "value_template": "{{ 'ON' if value_json.machine == 'running' else 'OFF' }}",
            "json_attributes_topic": topic["health"],
            "json_attributes_template": "{{ {'off_reason': value_json.off_reason, "
            "'off_signal': value_json.off_signal} | tojson }}",
        },
        "acknowledge": {
            "p": "button", "name": "Acknowledge", "command_topic": topic["command"],
            # an id of its own for each press: the same id would be the same command
            "command_template": '{"action":"acknowledge","actor":"home-assistant",'
            '"id":"ha-{{ now().timestamp() }}"}',
        },
    }  # fmt: skip
