"""The plant's side: a subscriber that believes only what the retained topics say, and remembers when.

It believes an alarm while scores come, or the source's health says that the engine keeps up: docs/mqtt.md.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt
from fixtures_mosquitto import end_thread
from paho.mqtt.enums import CallbackAPIVersion


@dataclass(frozen=True, slots=True)
class Told:
    """One message as it came."""

    at_s: float
    """Monotonic."""
    topic: str
    """Below the prefix: `mic/alarm`."""
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Belief:
    """What an operator would read off the screen for one source, from one moment on."""

    at_s: float
    """Monotonic."""
    source: str
    word: str
    """`unknown` (no connection, or nothing told yet), `offline`, `uncertain`, `alarm` or `normal`."""


class Scada:
    """Subscribed directly to the broker, at QoS 1, and comes back by itself."""

    def __init__(self, port: int, prefix: str, sources: tuple[str, ...]) -> None:
        self.told: list[Told] = []
        self.beliefs: list[Belief] = []
        self._prefix = prefix
        self._sources = sources
        self._last: dict[str, Mapping[str, Any]] = {}
        self._stands_still: set[str] = set()
        """Sources whose health has said that the engine does not keep up, with no score since."""
        self._connected = False
        self._lock = threading.Lock()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"scada-{uuid.uuid4().hex[:8]}")
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port, keepalive=10)
        self._client.loop_start()

    def on(self, topic: str, since_s: float = 0.0) -> list[Mapping[str, Any]]:
        """Return the documents that came on a topic (below the prefix) since a moment."""
        with self._lock:
            return [told.document for told in self.told if told.topic == topic and told.at_s >= since_s]

    def belief(self, source: str) -> str:
        """Return what the screen shows of a source now; see `Belief.word`."""
        with self._lock:
            return self._belief(source)

    def alarm(self, source: str) -> Mapping[str, Any]:
        """Return the alarm of a source as it was told last; empty: it was not."""
        with self._lock:
            return self._last.get(f"{source}/alarm", {})

    def send(self, topic: str, document: Mapping[str, object]) -> None:
        """Publish a command at QoS 1; it goes when the broker can be reached."""
        self._client.publish(f"{self._prefix}/{topic}", json.dumps(document).encode(), qos=1)

    def close(self) -> None:
        """Go away."""
        self._client.disconnect()
        end_thread(self._client)

    def _belief(self, source: str) -> str:
        alarm, status = self._last.get(f"{source}/alarm"), self._last.get("status")
        if not self._connected or alarm is None or status is None:
            return "unknown"
        if status["state"] != "online":
            return "offline"
        if alarm["active"]:
            return "alarm"
        if alarm["uncertain"] or source in self._stands_still:
            return "uncertain"
        return "normal"

    def _note(self) -> None:
        for source in self._sources:
            self.beliefs.append(Belief(time.monotonic(), source, self._belief(source)))

    def _on_connect(self, *_details: object) -> None:
        with self._lock:
            self._connected = True
        self._client.subscribe(f"{self._prefix}/#", qos=1)

    def _on_disconnect(self, *_details: object) -> None:
        with self._lock:
            self._connected = False
            self._stands_still.clear()
            self._last.clear()  # what was retained is told again, or is not so any more
            self._note()

    def _on_message(self, _client: object, _userdata: object, message: mqtt.MQTTMessage) -> None:
        topic = message.topic.removeprefix(f"{self._prefix}/")
        if topic.endswith(("/map", "/command")):
            return
        told = Told(time.monotonic(), topic, json.loads(message.payload))
        with self._lock:
            self.told.append(told)
            self._last[topic] = told.document
            source, _, kind = topic.partition("/")
            if kind == "health" and not told.document["keeps_up"]:
                self._stands_still.add(source)
            elif kind in {"health", "score"}:
                self._stands_still.discard(source)
            self._note()
