"""A subscriber to everything below a prefix, for those who look on: bounded, and it comes back by itself."""

from __future__ import annotations

import contextlib
import queue
import uuid
from dataclasses import dataclass

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from monitor.config import MqttConfig
from monitor.errors import PublishError
from monitor.publish.access import access_from_config
from monitor.publish.client import PROTOCOLS, check_host

CONNECT_S = 10.0
QUEUE_MESSAGES = 10_000
"""Messages that may wait for a slow terminal; further ones are dropped and counted."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message, or with `topic` None news of the connection itself."""

    topic: str | None
    """In full, prefix included; None: `payload` is a sentence about the connection."""
    payload: bytes
    """As it came over the line; without a topic, UTF-8 text for a person."""
    retained: bool = False
    """Whether the broker had kept it from before we subscribed."""


class Subscriber:
    """Takes messages in paho's thread and hands them to the one that asks for the next."""

    def __init__(self, config: MqttConfig, prefix: str) -> None:
        """Prepare; `config.host` is that of a real broker.

        Raises:
            PublishError: Certificates, password file or host name can never work.
        """
        self.prefix = prefix
        self.dropped = 0
        """Messages given up because the terminal was too slow."""
        self._config = config
        self._arrivals: queue.Queue[Arrival] = queue.Queue(QUEUE_MESSAGES)
        self._answers: queue.Queue[ReasonCode] = queue.Queue()
        check_host(self._config.host)
        access = access_from_config(self._config)
        client_id = f"wheeltapper-watch-{uuid.uuid4().hex[:8]}"
        self._paho = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=PROTOCOLS[config.version]
        )
        self._paho.suppress_exceptions = True
        self._paho.reconnect_delay_set(1, 10)
        access.give_to(self._paho)
        self._paho.on_connect = self._on_connect
        self._paho.on_disconnect = self._on_disconnect
        self._paho.on_message = self._on_message

    def connect(self) -> None:
        """Connect and subscribe.

        Raises:
            PublishError: The broker is not there, does not answer, or refuses us.
        """
        where = f"{self._config.host}:{self._config.port}"
        remedy = "start one, or name another with --host and --port"
        try:
            self._paho.connect(self._config.host, self._config.port, self._config.keepalive_s)
        except OSError as error:
            raise PublishError(f"no broker at {where} ({error}); {remedy}") from error
        self._paho.loop_start()
        try:
            answer = self._answers.get(timeout=CONNECT_S)
        except queue.Empty:
            self.close()
            raise PublishError(f"{where} does not answer as an MQTT broker does; {remedy}") from None
        if answer.is_failure:
            self.close()
            raise PublishError(f"the broker at {where} refuses: {answer}; give its login in --config")

    def next(self, timeout_s: float) -> Arrival | None:
        """Return the next message, or None when none came in time."""
        try:
            return self._arrivals.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def close(self) -> None:
        """Disconnect."""
        self._paho.disconnect()
        with contextlib.suppress(AttributeError):  # paho joins its thread, which may have ended just before
            self._paho.loop_stop()

    def _on_connect(
        self, client: mqtt.Client, _u: object, _f: object, reason: ReasonCode, _p: object
    ) -> None:
        if not reason.is_failure:
            client.subscribe(f"{self.prefix}/#", qos=1)
        self._answers.put(reason)

    def _on_disconnect(self, _c: object, _u: object, _f: object, reason: ReasonCode, _p: object) -> None:
        if reason.is_failure:
            self._put(Arrival(None, f"the connection is lost ({reason}); trying again".encode()))

    def _on_message(self, _c: object, _u: object, message: mqtt.MQTTMessage) -> None:
        self._put(Arrival(message.topic, bytes(message.payload), message.retain))

    def _put(self, arrival: Arrival) -> None:
        try:
            self._arrivals.put_nowait(arrival)
        except queue.Full:
            self.dropped += 1
