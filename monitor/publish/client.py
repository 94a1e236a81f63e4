"""One connection to a broker, kept up for ever by paho's network thread.

Nothing here blocks but `stop`, which is bounded. Hooks are called from the network thread and must return
at once. This module knows nothing of topics and documents.

Three habits of paho 2.x that this wraps: while disconnected a QoS 1 message is kept and sent later although
`publish` answers "not connected", so that it must not be published again; an exception in a callback ends
the network thread silently unless it is told to suppress it; `loop_stop` may wait for ever.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
import threading
import time
from collections.abc import Sequence

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, LogLevel, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from monitor.config import MqttConfig
from monitor.errors import PublishError
from monitor.logs import Log
from monitor.publish.access import access_from_config, warn_of_unchecked_name
from monitor.publish.delivery import ClientCounts, Delivery, Hooks, Message, properties_of_message
from monitor.publish.failures import (
    ENDS,
    NONSENSE,
    REFUSES,
    SILENT,
    refused,
    unaccepted,
    unencrypted,
    unreachable,
    unwritten,
)

RECONNECT_S = (1, 30)
"""The wait after the first failure, doubled up to the second number."""
CONNECT_TIMEOUT_S = 5.0
PROTOCOLS = {"3.1.1": MQTTProtocolVersion.MQTTv311, "5": MQTTProtocolVersion.MQTTv5}
"""By `mqtt.version`."""
MAX_QUEUED = 256
"""Messages of QoS 1 that paho may hold; the publisher never has as many under way."""
ACCEPT_WITHIN_S = 10.0
"""A broker that has not answered CONNECT by then is told to be silent; paho waits for the keep-alive."""
REFUSED_FOR_S = 60.0
"""A broker that has refused nothing for so long, and taken something, refuses nothing any more."""

NOT_CONNECTED = "Client is not connected"
"""How paho begins its complaint that it has no connection, at each attempt, as if that were a defect."""
LINE_BROKE = ("failed to receive on socket", "timeout on socket")
"""How it begins those that a line broke, which `on_disconnect` then tells without a reason."""
NO_MQTT = "Error: Unrecognised command"
"""How it begins the one about what it cannot read."""
UNACCEPTED = {"Protocol error": NONSENSE, "Keep alive timeout": SILENT}
"""Reason for which a line ended that was never accepted, as paho calls it -> what was seen of it."""


class BrokerClient:
    """A connection that comes back by itself. `publish` may be called from any thread but the network's."""

    def __init__(
        self, config: MqttConfig, *, client_id: str, subscribe: Sequence[str], hooks: Hooks, log: Log
    ) -> None:
        """Prepare; `config.host` and `port` are those of a real broker, `subscribe` are topic filters.

        Raises:
            PublishError: Certificates, password file or host name can never work.
        """
        self._config = config
        self._is_5 = config.version == "5"
        self._subscribe = tuple(subscribe)
        self._hooks = hooks
        self._log = log
        self._stopping = False
        self._down = threading.Event()
        self._connects = 0
        self._failed_connects = 0
        self._callback_errors = 0
        self._revivals = 0
        self._last_error = ""
        self._client_id = client_id
        self._refusals: dict[int, ReasonCode] = {}
        self._refused_s = 0.0
        self._up = False
        self._asked_s: float | None = None
        """When a line was opened on which the broker has not answered yet, monotonic; None: there is none."""
        self._broke = ""
        """Why the line broke last, as paho said it just before."""
        check_host(config.host)
        self._access = access_from_config(config)
        self._paho = self._make_paho()

    def _make_paho(self) -> mqtt.Client:
        config = self._config
        # A clean session: a command given while the box was away must not act on another alarm later
        paho = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            clean_session=None if self._is_5 else True,
            protocol=PROTOCOLS[config.version],
        )
        paho.suppress_exceptions = True
        paho.connect_timeout = CONNECT_TIMEOUT_S
        paho.max_queued_messages_set(MAX_QUEUED)
        paho.reconnect_delay_set(*RECONNECT_S)
        self._access.give_to(paho)
        paho.on_pre_connect = self._on_pre_connect
        paho.on_socket_open = self._on_socket_open
        paho.on_connect = self._on_connect
        paho.on_connect_fail = self._on_connect_fail
        paho.on_disconnect = self._on_disconnect
        paho.on_subscribe = self._on_subscribe
        paho.on_publish = self._on_publish
        paho.on_message = self._on_message
        paho.on_log = self._on_log
        return paho

    def start(self) -> None:
        """Begin to connect; returns at once, whether or not the broker is there."""
        warn_of_unchecked_name(self._config, self._log)
        self._paho.connect_async(
            self._config.host,
            self._config.port,
            self._config.keepalive_s,
            clean_start=True if self._is_5 else mqtt.MQTT_CLEAN_START_FIRST_ONLY,
        )
        self._paho.loop_start()

    def look_after(self) -> None:
        """Start the network thread again if it has died, and note a broker that does not answer it."""
        asked_s = self._asked_s
        if asked_s is not None and time.monotonic() - asked_s >= ACCEPT_WITHIN_S:
            self._asked_s = None
            self._note_unaccepted(SILENT)
        if not self._stopping and self._paho.loop_start() == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._revivals += 1
            self._log.error("mqtt network thread had ended and was started again")

    def subscribe_to(self, filters: Sequence[str]) -> None:
        """Take these topic filters instead, now and at every connect; what is retained there comes again."""
        gone = [one for one in self._subscribe if one not in filters]
        if not gone and len(filters) == len(self._subscribe):
            return
        self._subscribe = tuple(filters)
        if self.connected:
            if gone:
                self._paho.unsubscribe(gone)
            self._paho.subscribe([(one, 1) for one in self._subscribe])

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us and the connection is not known to be lost."""
        return self._paho.is_connected()

    @property
    def counts(self) -> ClientCounts:
        """What has happened so far."""
        return ClientCounts(
            connected=self.connected,
            connects=self._connects,
            failed_connects=self._failed_connects,
            callback_errors=self._callback_errors,
            revivals=self._revivals,
            last_error=self._last_error,
        )

    def publish(self, message: Message) -> Delivery:
        """Hand a message to the network thread; never waits. At QoS 1 it is sent until acknowledged."""
        info = self._paho.publish(
            message.topic,
            message.payload,
            message.qos,
            message.retain,
            properties_of_message(message) if self._is_5 else None,
        )
        return Delivery(info, message.qos, self._refusals)

    def stop(self, timeout_s: float) -> None:
        """Disconnect in order, so that the broker drops the will; tear the line if that takes longer.

        Returns after `timeout_s` and a second at most. What was not acknowledged by then is given up.
        """
        deadline_s = time.monotonic() + timeout_s
        self._stopping = True
        was_up = self._paho.socket() is not None
        self._paho.disconnect()
        if was_up and not self._down.wait(timeout_s):
            line = self._paho.socket()
            if isinstance(line, socket.socket):
                with contextlib.suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)
        # not loop_stop(): it waits without limit for messages that a hung broker never acknowledges
        for thread in threading.enumerate():
            if thread.name == f"paho-mqtt-client-{self._client_id}":
                thread.join(seconds_left(deadline_s) + 1.0)

    # From here on: called by the network thread.

    def _on_pre_connect(self, _client: mqtt.Client, _userdata: object) -> None:
        self._broke = ""
        will = self._hooks.will()
        self._paho.will_set(will.topic, will.payload, will.qos, will.retain)
        self._renew_certificates()

    def _renew_certificates(self) -> None:
        try:
            encryption = self._access.encryption
            if encryption is not None and encryption.renew():
                self._log.info("mqtt certificates were renewed and are used from now on")
        except PublishError as error:
            self._log.error("mqtt certificates changed and cannot be used", reason=str(error))

    def _on_socket_open(self, _client: mqtt.Client, _userdata: object, _line: object) -> None:
        self._asked_s = time.monotonic()

    def _on_connect(
        self, client: mqtt.Client, _userdata: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        self._asked_s = None
        if reason.is_failure:
            self._note_failure(refused(reason, self._config.username))
            return
        if self._stopping:
            client.disconnect()
            return
        self._down.clear()
        self._up = True
        self._connects += 1
        self._last_error = ""
        self._log.info("mqtt connected", host=self._config.host, port=self._config.port)
        client.subscribe([(one, 1) for one in self._subscribe])
        self._hooks.on_connected()

    def _on_connect_fail(self, _client: mqtt.Client, _userdata: object) -> None:
        # paho calls this from its `except OSError` without saying which
        config, error = self._config, sys.exc_info()[1]
        self._note_failure(unreachable(config.host, config.port, error, "mqtt.host", tls=config.tls))

    def _on_disconnect(
        self, _client: mqtt.Client, _userdata: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        self._down.set()
        was_up, self._up = self._up, False
        was_asked, self._asked_s = self._asked_s is not None, None
        if was_up and not self._stopping:
            self._note_failure(f"the connection was lost: {self._broke or reason}")
        elif was_asked and not self._stopping:  # paho calls this for a line that was never accepted, too
            if "[SSL:" in self._broke:  # of TLS 1.3 the broker's word on our certificate comes late
                error = ssl.SSLError(self._broke)
                self._note_failure(unencrypted(self._config.host, self._config.port, error, "mqtt.host"))
            else:
                self._note_unaccepted(UNACCEPTED.get(str(reason), ENDS))
        self._hooks.on_progress()

    def _on_subscribe(
        self,
        _client: mqtt.Client,
        _userdata: object,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        refused = [one for one, reason in zip(self._subscribe, reasons, strict=False) if reason.is_failure]
        if refused:
            self._callback_errors += 1
            self._last_error = f"the broker refuses the subscription to {refused[0]}; allow it there"
            self._log.error("mqtt commands are not received", reason=self._last_error)

    def _on_publish(
        self, _client: mqtt.Client, _userdata: object, mid: int, reason: ReasonCode, _properties: object
    ) -> None:
        self._refusals.pop(mid, None)
        if reason.is_failure:  # paho calls it published only after this
            self._refusals[mid] = reason
            self._callback_errors += 1
            self._refused_s, sentence = time.monotonic(), unwritten(str(reason), self._config.username)
            if sentence != self._last_error:
                self._log.error("mqtt messages are refused", reason=sentence)
            self._last_error = sentence
        elif self._last_error.startswith(REFUSES) and time.monotonic() - self._refused_s > REFUSED_FOR_S:
            self._last_error = ""
        self._hooks.on_progress()

    def _on_message(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        if self._up:  # a service that is no broker may talk of what looks like a message
            self._hooks.on_message(message.topic, bytes(message.payload), retained=message.retain)

    def _on_log(self, _client: mqtt.Client, _userdata: object, level: int, text: str) -> None:
        if level != LogLevel.MQTT_LOG_ERR or self._stopping:  # at the end it complains of the end
            return
        if text.startswith(NOT_CONNECTED):
            if not self._last_error:  # else it is known why
                self._note_failure("there is no connection to the broker; it is tried again")
            return
        if text.startswith(LINE_BROKE):
            self._broke = text
            return
        if text.startswith(NO_MQTT) and not self._up:
            return
        self._callback_errors += 1
        self._log.error("mqtt library", reason=text)

    def _note_unaccepted(self, what: str) -> None:
        where = f"{self._config.host}:{self._config.port}"
        self._note_failure(unaccepted(where, what, tls=self._config.tls))

    def _note_failure(self, sentence: str) -> None:
        self._failed_connects += 1
        if sentence != self._last_error:  # once for each cause, not at each attempt
            self._log.warning("mqtt not connected", reason=sentence)
        self._last_error = sentence


def check_host(host: str) -> None:
    """Refuse a host name that no resolver could take; paho's thread would die of it.

    Raises:
        PublishError: It is no host name.
    """
    try:
        host.encode("idna")
    except UnicodeError as error:
        raise PublishError(f"mqtt.host {host!r}: is not a host name ({error})") from error


def seconds_left(deadline_s: float) -> float:
    """Return how long it is until `deadline_s`, monotonic; 0 when it has passed."""
    return max(0.0, deadline_s - time.monotonic())
