"""The edge node's connection: one at a time, to one of several brokers, worked by the caller's own thread.

paho without its network thread: nothing is sent or received but inside these methods, so that what is said
keeps its order, and it is known at every moment what has been handed to the line. Each connection has a
client of its own, for its will belongs to it alone, and nothing of an old one may be sent on a new one.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from monitor.config import MqttConfig
from monitor.errors import PublishError
from monitor.logs import Log
from monitor.publish.access import access_from_config, warn_of_unchecked_name
from monitor.publish.client import ACCEPT_WITHIN_S, CONNECT_TIMEOUT_S, PROTOCOLS, check_host
from monitor.publish.failures import BROKEN, ENDS, NONSENSE, SILENT, refused, unaccepted, unreachable
from monitor.publish.sparkplug.actions import Connect, Publish

TOPICS_A_PACKET = 100
"""Topics in one SUBSCRIBE; more go into further ones."""
MAX_INBOUND_BYTES = 65_536
"""MQTT 5: the broker drops what is longer instead of sending it to us."""
INBOUND_MAX = 64
"""Messages that may wait to be read; paho reads one packet at a time, so that this is never reached."""
DISCONNECT_WITH_WILL = 0x04


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message that came on a subscribed topic."""

    topic: str
    """In full."""
    payload: bytes
    """As it came."""
    retained: bool
    """The broker had kept it: it was said some time before we subscribed."""


class EdgeLine:
    """From one thread only. Nothing waits for the broker but `open`, bounded by seconds, and `leave`."""

    def __init__(
        self, config: MqttConfig, servers: Sequence[tuple[str, int]], *, client_id: str, log: Log
    ) -> None:
        """Prepare; `servers` are host and port of each broker.

        Raises:
            PublishError: Certificates, password file or a host name can never work.
        """
        for host, _ in servers:
            check_host(host)
        self._config = config
        self._is_5 = config.version == "5"
        self._servers = tuple(servers)
        self._client_id = client_id
        self._log = log
        self._access = access_from_config(config)
        warn_of_unchecked_name(config, log)
        self._paho: mqtt.Client | None = None
        self._opened_s = 0.0
        self.address = ""
        """Host and port of the broker that was tried last."""
        self._accepted = False
        self._refusal = ""
        self._answered: set[int] = set()
        self._death: mqtt.MQTTMessageInfo | None = None
        self.inbound: deque[Inbound] = deque(maxlen=INBOUND_MAX)
        """What has come and was not taken yet."""
        self.connects = 0
        """Connections that a broker accepted."""
        self.failed_connects = 0
        """Attempts that did not get as far as that, and connections that were lost."""
        self.last_error = ""
        """Empty when nothing has gone wrong since the last connection was made."""

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, accepted or not."""
        return self._paho is not None

    @property
    def is_up(self) -> bool:
        """Whether a broker has accepted the connection and it is not known to be lost."""
        return self._paho is not None and self._accepted

    @property
    def is_busy(self) -> bool:
        """Whether something that was handed in is not written yet: the broker reads slowly, or hangs."""
        return self._paho is not None and self._paho.want_write()

    def open(self, connect: Connect) -> bool:
        """Begin a connection with its own will; False: no broker is there. May take some seconds."""
        self.cut()
        self._refusal = ""
        host, port = self._servers[connect.server]
        self.address = f"{host}:{port}"
        self._renew_certificates()
        paho = self._make_paho(connect)
        try:
            paho.connect(
                host,
                port,
                self._config.keepalive_s,
                # with MQTT 3.1.1 the client has been told, and must not be told here
                clean_start=connect.clean_start if self._is_5 else mqtt.MQTT_CLEAN_START_FIRST_ONLY,
                properties=self._properties(connect),
            )
        except BROKEN as error:
            key, tls = "mqtt.host or sparkplug.servers:", self._config.tls
            self._note_failure(unreachable(host, port, error, key, tls=tls))
            return False
        self._paho = paho
        self._opened_s = time.monotonic()
        self._accepted = False
        return True

    def work(self, timeout_s: float) -> None:
        """Read and write what there is, waiting at most `timeout_s` for something to come."""
        paho = self._paho
        if paho is None:
            time.sleep(timeout_s)
            return
        try:
            result = paho.loop(timeout_s)
        except BROKEN as error:
            self._lose(f"the broker cannot be understood: {error}", NONSENSE)
            return
        if result != MQTTErrorCode.MQTT_ERR_SUCCESS:
            nonsense = result == MQTTErrorCode.MQTT_ERR_PROTOCOL
            self._lose(
                f"the connection was lost: {mqtt.error_string(result)}", NONSENSE if nonsense else ENDS
            )
        elif not self._accepted and time.monotonic() - self._opened_s > ACCEPT_WITHIN_S:
            self._lose("", SILENT)

    def publish(self, message: Publish) -> bool:
        """Hand over a message; False: it was not taken, and hosts would see a gap after it."""
        if self._paho is None:
            return False
        info = self._paho.publish(message.topic, message.payload, message.qos, message.retain)
        taken = info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS
        if taken and message.qos > 0:
            self._death = info
        return taken

    def subscribe(self, topics: Sequence[str], qos: int) -> None:
        """Subscribe to exactly these topics."""
        for begin in range(0, len(topics), TOPICS_A_PACKET):
            if self._paho is not None:
                self._paho.subscribe([(topic, qos) for topic in topics[begin : begin + TOPICS_A_PACKET]])

    def ask(self, topic: str) -> int | None:
        """Ask the broker for an answer, and so whether it has read all that was published before.

        It is asked to end a subscription to `topic` that does not exist, which it must answer (MQTT 3.1.1,
        3.10.4; MQTT 5, 3.10.4), and which changes nothing. A ping would do as well, but paho has no way to
        send one. Returns the number to look for in `has_answered`; None: there is no connection.
        """
        return None if self._paho is None else self._paho.unsubscribe(topic)[1]

    def has_answered(self, number: int) -> bool:
        """Whether the answer to `ask` has come; each is told once."""
        came = number in self._answered
        self._answered.discard(number)
        return came

    def leave(self, timeout_s: float, *, with_will: bool) -> None:
        """Disconnect in order once all before has been written and the death acknowledged; else cut the line.

        `with_will`, MQTT 5: the broker publishes the will all the same.
        """
        deadline_s = time.monotonic() + timeout_s
        while self.is_up and self._has_unsaid() and time.monotonic() < deadline_s:
            self.work(0.02)
        if self._paho is not None and self.is_up and not self._has_unsaid():
            reason = ReasonCode(PacketTypes.DISCONNECT, identifier=DISCONNECT_WITH_WILL)
            self._accepted = False
            with contextlib.suppress(*BROKEN):
                self._paho.disconnect(reason if self._is_5 and with_will else None)
                while self._paho.want_write() and time.monotonic() < deadline_s:
                    self._paho.loop(0.02)
        self.cut()

    def cut(self) -> None:
        """End the connection without a word: the broker publishes the will."""
        paho, self._paho = self._paho, None
        self._accepted = False
        self._answered.clear()
        self._death = None
        self.inbound.clear()
        if paho is None:
            return
        line = paho.socket()
        if isinstance(line, socket.socket):
            with contextlib.suppress(OSError):
                line.close()
        paho.on_disconnect = None

    # Steps

    def _has_unsaid(self) -> bool:
        return self.is_busy or (self._death is not None and not self._death.is_published())

    def _make_paho(self, connect: Connect) -> mqtt.Client:
        paho = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            clean_session=None if self._is_5 else connect.clean_start,
            protocol=PROTOCOLS[self._config.version],
            reconnect_on_failure=False,
        )
        paho.connect_timeout = CONNECT_TIMEOUT_S
        self._access.give_to(paho)
        will = connect.will
        paho.will_set(will.topic, will.payload, will.qos, will.retain)
        paho.on_connect = self._on_connect
        paho.on_subscribe = self._on_subscribe
        paho.on_unsubscribe = self._on_unsubscribe
        paho.on_message = self._on_message
        return paho

    def _properties(self, connect: Connect) -> Properties | None:
        if not self._is_5:
            return None
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho has no types here
        properties.SessionExpiryInterval = connect.session_expiry_s
        properties.MaximumPacketSize = MAX_INBOUND_BYTES
        return properties

    def _renew_certificates(self) -> None:
        try:
            encryption = self._access.encryption
            if encryption is not None and encryption.renew():
                self._log.info("sparkplug certificates were renewed and are used from now on")
        except PublishError as error:
            self._log.error("sparkplug certificates changed and cannot be used", reason=str(error))

    def _lose(self, sentence: str, before: str) -> None:
        """Note a loss and cut the line; `before` is what was seen of it if it was never accepted."""
        if not self._accepted:
            sentence = unaccepted(self.address, before, tls=self._config.tls)
        self._note_failure(self._refusal or sentence)
        self.cut()

    def _note_failure(self, sentence: str) -> None:
        self.failed_connects += 1
        if sentence != self.last_error:  # once for each cause, not at each attempt
            self._log.warning("sparkplug not connected", reason=sentence)
        self.last_error = sentence

    # Called by paho inside `work`

    def _on_connect(
        self, _client: mqtt.Client, _userdata: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        if reason.is_failure:
            self._refusal = refused(reason, self._config.username)
            return
        self._accepted = True
        self.connects += 1
        self.last_error = ""

    def _on_subscribe(
        self,
        _client: mqtt.Client,
        _userdata: object,
        _number: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            self.last_error = "the broker refuses a subscription to commands or to the host's state"
            self._log.error("sparkplug commands are not received", reason=self.last_error)

    def _on_unsubscribe(
        self, _client: mqtt.Client, _userdata: object, number: int, _reasons: object, _properties: object
    ) -> None:
        self._answered.add(number)

    def _on_message(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        self.inbound.append(Inbound(message.topic, bytes(message.payload), message.retain))
