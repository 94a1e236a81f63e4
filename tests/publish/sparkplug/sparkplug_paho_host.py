"""The strict host on a real connection: says whether it is there, hears every node, asks for rebirths."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Collection

import paho.mqtt.client as mqtt
from fixtures_mosquitto import end_thread
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode
from sparkplug_strict_host import StrictHost, state_payload

ASK_EVERY_S = 0.5
"""A node is asked for its births no more often than this."""


class PahoHost:
    """A primary host application. Comes back by itself when the broker was away, as hosts do."""

    def __init__(self, port: int, host_id: str, *, keeps: Collection[str]) -> None:
        """`keeps` names the tags whose values are remembered."""
        self.strict = StrictHost(ask=self._on_ask, keeps=keeps)
        self.lock = threading.Lock()
        """Held while a message is taken; hold it to look at `strict`."""
        self._port = port
        self._state_topic = f"spBv1.0/STATE/{host_id}"
        self._host_id = host_id
        self._born_ms = 0
        self._asked_s: dict[str, float] = {}
        self._client: mqtt.Client | None = None
        self._speaking = threading.Lock()
        """So that nobody who has said goodbye says hello."""

    def come(self) -> None:
        """Begin to connect, and say so when the broker has taken the subscription."""
        if self._client is not None:
            return
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"host-{self._host_id}")
        client.reconnect_delay_set(1, 1)
        client.on_pre_connect = self._on_pre_connect
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.connect_async("127.0.0.1", self._port)
        self._client = client
        client.loop_start()

    def go(self) -> None:
        """Leave in order: the death is published, then the line closed."""
        with self._speaking:
            client, self._client = self._client, None
            if client is None:
                return
            death = state_payload(online=False, timestamp_ms=self._born_ms)
            said = client.publish(self._state_topic, death, qos=1, retain=True)
        with contextlib.suppress(ValueError, RuntimeError):  # where the broker is not there either
            said.wait_for_publish(1.0)
        client.disconnect()
        end_thread(client)

    def vanish(self) -> None:
        """Tear the line: the broker publishes the will."""
        client, self._client = self._client, None
        if client is None:
            return
        client.on_message = None
        client.on_pre_connect = None
        line = client.socket()
        if isinstance(line, socket.socket):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        client._thread_terminate = True  # or its thread would connect again
        end_thread(client)

    # Called by paho's thread

    def _on_pre_connect(self, client: mqtt.Client, _userdata: object) -> None:
        self._born_ms = max(self._born_ms + 1, int(time.time() * 1000))
        client.will_set(
            self._state_topic, state_payload(online=False, timestamp_ms=self._born_ms), qos=1, retain=True
        )

    def _on_connect(
        self, client: mqtt.Client, _userdata: object, _flags: object, _reason: ReasonCode, _properties: object
    ) -> None:
        with self.lock:
            self.strict.interrupted()
        client.subscribe("spBv1.0/#", qos=1)

    def _on_subscribe(self, client: mqtt.Client, *_details: object) -> None:
        self._say_online(client)

    def _say_online(self, client: mqtt.Client) -> None:
        with self._speaking:
            if client is self._client:  # else it is leaving, perhaps before it has really come
                birth = state_payload(online=True, timestamp_ms=self._born_ms)
                client.publish(self._state_topic, birth, qos=1, retain=True)

    def _on_message(self, client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        if message.topic == self._state_topic and b'"online": false' in message.payload:
            self._say_online(client)  # an old death: tck-id-host-topic-phid-required
            return
        with self.lock:
            self.strict.receive(
                message.topic,
                bytes(message.payload),
                qos=message.qos,
                retain=message.retain,
                at_ms=int(time.time() * 1000),
            )

    def _on_ask(self, topic: str, payload: bytes) -> None:
        now_s = time.monotonic()
        if self._client is not None and now_s - self._asked_s.get(topic, 0.0) >= ASK_EVERY_S:
            self._asked_s[topic] = now_s
            self._client.publish(topic, payload, qos=0)
