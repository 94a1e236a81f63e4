"""Messages as the publisher hands them to the connection, and what the connection tells back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode


@dataclass(frozen=True, slots=True)
class Message:
    """One MQTT message."""

    topic: str
    """In full, prefix included."""
    payload: bytes
    """As it goes over the line; not changed on the way."""
    qos: Literal[0, 1]
    """0: written once and perhaps lost. 1: sent until the broker acknowledges it."""
    retain: bool = False
    """Whether the broker keeps it for those who subscribe later."""
    expires_s: int | None = None
    """MQTT 5: after so long the broker drops it for whoever has not fetched it; None: never."""
    user_properties: tuple[tuple[str, str], ...] = ()
    """MQTT 5: what a reader may want to know before it reads the payload."""


def properties_of_message(message: Message) -> Properties:
    """Return what MQTT 5 carries beside the payload (section 3.3.2.3 of its specification)."""
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho has no types here
    properties.ContentType = "application/json"
    properties.UserProperty = list(message.user_properties)
    if message.expires_s is not None:
        properties.MessageExpiryInterval = message.expires_s
    return properties


@dataclass(frozen=True, slots=True)
class ClientCounts:
    """What has gone wrong and right with the connection."""

    connected: bool
    """At this moment."""
    connects: int
    """Connections that the broker accepted."""
    failed_connects: int
    """Attempts that did not get as far as that."""
    callback_errors: int
    """Exceptions in hooks, and errors that the MQTT library met."""
    revivals: int
    """Times that the network thread had died and was started again."""
    last_error: str
    """Empty when there was none."""


class Hooks(Protocol):
    """What the owner of a connection is told, from the network thread. None of these may block."""

    def will(self) -> Message:
        """Return the message that the broker sends when this connection is lost."""
        ...

    def on_connected(self) -> None:
        """Be told that a connection has been made."""
        ...

    def on_progress(self) -> None:
        """Be told that a message has left or was acknowledged, or that the connection is gone."""
        ...

    def on_message(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """Take a message that came on a subscribed topic."""
        ...


class Delivery:
    """A message that has been handed to the network thread, and what became of it."""

    def __init__(
        self, info: mqtt.MQTTMessageInfo, qos: int, refusals: Mapping[int, ReasonCode] | None = None
    ) -> None:
        """`refusals`: why the broker handed messages on to nobody, by their number; MQTT 5 says so."""
        if qos > 0 and info.rc == MQTTErrorCode.MQTT_ERR_NO_CONN:
            # paho keeps it and sends it after the next connect, but would call it failed for ever
            info.rc = MQTTErrorCode.MQTT_ERR_SUCCESS
        self._info = info
        self._refusals = {} if refusals is None else refusals

    @property
    def failed(self) -> bool:
        """Whether it was not taken, or was lost with the connection (QoS 0)."""
        return self._info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS

    @property
    def done(self) -> bool:
        """Whether it was acknowledged (QoS 1) or written (QoS 0)."""
        return not self.failed and self._info.is_published()

    @property
    def refused(self) -> ReasonCode | None:
        """Why the broker acknowledged it (QoS 1) and handed it to nobody; None: it did not say so."""
        return self._refusals.get(self._info.mid) if self.done else None
