"""The way to the broker, walked step by step, so that the step that fails has a name.

    files -> name (DNS) -> line (TCP) -> encryption (TLS) -> login -> subscribe -> publish

The daemon's own client only knows that it is not connected; a network man wants to know who refuses. One
thread, every wait bounded. It comes under a client id of its own, so that a running daemon stays connected.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from monitor.config import MqttConfig
from monitor.errors import PublishError
from monitor.publish.access import Access, access_from_config
from monitor.publish.client import PROTOCOLS, check_host
from monitor.publish.failures import (
    BROKEN,
    ENDS,
    NONSENSE,
    SILENT,
    known_as,
    refused,
    unaccepted,
    unencrypted,
    unreachable,
)
from monitor.publish.sparkplug.topics import EdgeNode, Verb, host_topic
from monitor.publish.topics import command_filters

STEP_S = 5.0
"""The longest that one step may take; the resolver of the system has times of its own."""
OBJECTION_S = 0.5
"""With TLS 1.3 a broker says only behind the handshake that it does not take our certificate."""
CHECK_TOPIC = "check"
"""Below the prefix: written and read back, never retained."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step that went well."""

    name: str
    """Which one."""
    said: str
    """What was found, for a person."""


def walk_to_broker(config: MqttConfig, prefix: str) -> Iterator[Step]:
    """Yield the steps as they succeed; `config.host` is a real broker's, `prefix` begins all topics.

    Raises:
        PublishError: A step failed: the sentence begins with its name and ends with what to do.
    """
    check_topic = f"{prefix}/{CHECK_TOPIC}"
    return _walk(config, (*command_filters(prefix), check_topic), check_topic)


def walk_for_sparkplug(
    config: MqttConfig, node: EdgeNode, device_ids: Sequence[str], host_id: str | None
) -> Iterator[Step]:
    """Yield the steps as they succeed, of an edge node; nothing is published, for hosts would believe it.

    `config.host` is a real broker's; `host_id` is the primary host, if there is one.

    Raises:
        PublishError: A step failed: the sentence begins with its name and ends with what to do.
    """
    filters = [node.topic(Verb.NCMD), *(node.topic(Verb.DCMD, one) for one in device_ids)]
    return _walk(config, (*filters, *([] if host_id is None else [host_topic(host_id)])), None)


def _walk(config: MqttConfig, filters: Sequence[str], check_topic: str | None) -> Iterator[Step]:
    where = f"{config.host}:{config.port}"
    check_host(config.host)
    access = access_from_config(config)
    yield Step(
        "files", f"{'with' if access.login else 'no'} login, {'TLS' if access.encryption else 'no TLS'}"
    )
    addresses = _addresses(config.host, config.port)
    yield Step("name", f"{config.host} is {', '.join(addresses)}")
    with _line(config.host, config.port) as line:
        yield Step("line", f"{where} takes connections")
        if access.encryption is not None:
            yield Step("encryption", _handshake(line, access.encryption.context, config))
    visit = _Visit(config, access, uuid.uuid4().hex[:8])
    try:
        yield Step("login", visit.log_in())
        yield Step("subscribe", visit.subscribe(*filters))
        if check_topic is not None:
            yield Step("publish", visit.publish(check_topic))
    finally:
        visit.leave()


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise PublishError(
            f"name: mqtt.host {host!r} cannot be resolved ({error}); correct it, or give its address"
        ) from error
    return list(dict.fromkeys(str(address[4][0]) for address in found))


def _line(host: str, port: int) -> socket.socket:
    try:
        return socket.create_connection((host, port), timeout=STEP_S)
    except OSError as error:
        raise PublishError(f"line: {unreachable(host, port, error, 'mqtt.host', tls=False)}") from error


def _handshake(line: socket.socket, context: ssl.SSLContext, config: MqttConfig) -> str:
    try:
        with context.wrap_socket(line, server_hostname=config.host) as encrypted:
            version, certificate = encrypted.version(), encrypted.getpeercert() or {}
            encrypted.settimeout(OBJECTION_S)
            with contextlib.suppress(TimeoutError):  # a broker that is content says nothing
                encrypted.recv(1)
    except (OSError, ValueError) as error:
        why = unencrypted(config.host, config.port, error, "mqtt.host")
        raise PublishError(f"encryption: {why}") from error
    ends = certificate.get("notAfter")
    if not isinstance(ends, str):
        return f"{version}"
    left_s = ssl.cert_time_to_seconds(ends) - time.time()
    day = datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), timezone.utc)
    return f"{version}, the broker's certificate ends on {day:%Y-%m-%d}, in {left_s / 86400:.0f} days"


@dataclass(slots=True)
class _Answers:
    """What the broker has said, as paho's callbacks note it."""

    connected: ReasonCode | None = None
    subscribed: list[ReasonCode] = field(default_factory=list)
    heard: list[tuple[str, bytes]] = field(default_factory=list)


class _Visit:
    """One connection that this thread keeps moving itself."""

    def __init__(self, config: MqttConfig, access: Access, token: str) -> None:
        self._where = f"{config.host}:{config.port}"
        self._config = config
        self._token = token
        self._answers = _Answers()
        self._seen = SILENT
        """What came of the connection, if it was not accepted."""
        self._paho = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"wheeltapper-check-{token}",
            protocol=PROTOCOLS[config.version],
        )
        self._paho.connect_timeout = STEP_S
        access.give_to(self._paho)
        self._paho.on_connect = self._on_connect
        self._paho.on_subscribe = self._on_subscribe
        self._paho.on_message = self._on_message

    def log_in(self) -> str:
        try:
            self._paho.connect(self._config.host, self._config.port, self._config.keepalive_s)
        except OSError as error:
            raise PublishError(f"login: the line to {self._where} breaks ({error}); try again") from error
        self._wait(lambda: self._answers.connected is not None)
        reason = self._answers.connected
        if reason is None:
            raise PublishError(f"login: {unaccepted(self._where, self._seen, tls=self._config.tls)}")
        if reason.is_failure:
            raise PublishError(f"login: {refused(reason, self._config.username)}")
        return f"accepted {known_as(self._config.username)}"

    def subscribe(self, *filters: str) -> str:
        self._paho.subscribe([(one, 1) for one in filters])
        self._wait(lambda: len(self._answers.subscribed) == len(filters))
        for one, reason in zip(filters, self._answers.subscribed, strict=False):
            if reason.is_failure:
                raise PublishError(
                    f"subscribe: the broker refuses {one} ({reason}); allow reading it there (docs/scada.md "
                    "has an access list)"
                )
        if len(self._answers.subscribed) < len(filters):
            raise PublishError("subscribe: the broker does not answer; see its log for why")
        return ", ".join(filters)

    def publish(self, topic: str) -> str:
        started_s = time.monotonic()
        self._paho.publish(topic, self._token.encode(), qos=1)
        if not self._wait(lambda: (topic, self._token.encode()) in self._answers.heard):
            # MQTT 3.1.1 acknowledges what an access list forbids, and drops it
            raise PublishError(
                f"publish: what was written to {topic} did not come back; allow writing and reading it "
                "there (docs/scada.md has an access list)"
            )
        return f"{topic} came back after {(time.monotonic() - started_s) * 1e3:.0f} ms"

    def leave(self) -> None:
        self._paho.disconnect()
        self._paho.loop(0.1)

    def _wait(self, has_come: Callable[[], bool]) -> bool:
        """Move the connection until it has come, or the time is over."""
        deadline_s = time.monotonic() + STEP_S
        while not has_come() and time.monotonic() < deadline_s:
            try:
                result = self._paho.loop(0.05)
            except BROKEN:
                result = MQTTErrorCode.MQTT_ERR_PROTOCOL
            if result != MQTTErrorCode.MQTT_ERR_SUCCESS:
                self._seen = NONSENSE if result == MQTTErrorCode.MQTT_ERR_PROTOCOL else ENDS
                break
        return has_come()

    def _on_connect(self, _c: object, _u: object, _f: object, reason: ReasonCode, _p: object) -> None:
        self._answers.connected = reason

    def _on_subscribe(self, _c: object, _u: object, _m: int, reasons: list[ReasonCode], _p: object) -> None:
        self._answers.subscribed = reasons

    def _on_message(self, _c: object, _u: object, message: mqtt.MQTTMessage) -> None:
        self._answers.heard.append((message.topic, bytes(message.payload)))
