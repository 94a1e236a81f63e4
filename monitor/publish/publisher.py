"""What the daemon publishes, over one connection.

Any thread may offer scores and maps, set health and alarm states, and ask for the state; none of these
blocks. One thread of the daemon's calls `run_once` until the end and then `stop`: it alone publishes, and
it alone meets the outbox. Commands are handed on from the network thread.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from monitor.config import MqttConfig
from monitor.config.off import MqttSignal
from monitor.config.section import NAME
from monitor.errors import PublishError
from monitor.logs import Log
from monitor.messages import Inference, Outbox, Record, Score
from monitor.operators import WHOLE_BOX
from monitor.publish.box import Box, Calls, PublisherState
from monitor.publish.client import BrokerClient, seconds_left
from monitor.publish.commands import MAX_COMMAND_BYTES
from monitor.publish.delivery import Delivery, Message
from monitor.publish.documents import map_payload, score_payload, status_payload
from monitor.publish.embedded import EmbeddedBroker
from monitor.publish.homeassistant import birth_topic
from monitor.publish.live import LiveItem, LiveMap, LiveQueue
from monitor.publish.outbox import OutboxSender
from monitor.publish.payloads import AlarmPayload, HealthPayload, Payload, StatusPayload
from monitor.publish.presence import Presence
from monitor.publish.records import payload_from_record
from monitor.publish.retained import RetainedTopics
from monitor.publish.topics import OUTBOX_QOS, TOPICS, command_filters, source_of_command


class Publisher:
    """Sends documents and records, and takes commands."""

    def __init__(self, config: MqttConfig, box: Box, *, outbox: Outbox, calls: Calls, log: Log) -> None:
        self._config = config
        self._box = box
        self._calls = calls
        self._log = log
        self._port = config.port
        self._wake = threading.Event()
        self._awaits_line = True
        """Whether there is more to do once a message has left or was acknowledged."""
        self._retained = RetainedTopics()
        self._live = LiveQueue(config.queue_messages)
        self._presence = Presence(config, box, self._retained, log)
        self._outbox = OutboxSender(outbox, self._message_from_record, log)
        self._commands = 0
        self._refused_commands = 0
        self._embedded: EmbeddedBroker | None = None
        self._client: BrokerClient | None = None

    def start(self) -> None:
        """Begin to connect, and with `host: embedded` start that broker first. Does not wait for a broker.

        Raises:
            PublishError: The settings can never work, or the embedded broker cannot run.
        """
        config = self._config
        if config.host == "embedded":
            self._embedded = EmbeddedBroker(config.port)
            self._port = self._embedded.start()
            self._log.info("embedded mqtt broker", host="127.0.0.1", port=self._port)
            config = config.model_copy(update={"host": "127.0.0.1", "port": self._port, "tls": False})
        self._retained.put(self._topic("status"), self._status("online"), last=True)
        self._presence.begin()
        self._client = BrokerClient(
            config,
            client_id=self._box.client_id,
            subscribe=self._subscriptions(),
            hooks=self,
            log=self._log,
        )
        self._client.start()

    def offer_score(self, score: Score) -> None:
        """Publish a score, or hand it to `offline_score` while the broker is away. Never blocks.

        Goes out after the next `notify`, so that a batch of windows wakes the publishing thread once.
        """
        self._live.offer(score)

    def offer_map(self, inference: Inference, band_edges_hz: NDArray[np.float64]) -> None:
        """Publish an error map, as `offer_score` does; dropped while the broker is away. Never blocks.

        `band_edges_hz`, shape (mel + 2,), is that of the front end.
        """
        self._live.offer(LiveMap(inference, band_edges_hz))

    def set_health(self, payload: HealthPayload) -> None:
        """Remember how a source is; sent if it says something new, and at every connect. Never blocks."""
        if self._presence.put("health", payload.source, payload):
            self._wake.set()

    def set_alarm(self, payload: AlarmPayload) -> None:
        """Remember the alarm of a source; sent if it says something new, and at every connect."""
        if self._presence.put("alarm", payload.source, payload):
            self._wake.set()

    def join(self, source_id: str) -> None:
        """Tell of a source that was not here, and take its commands."""
        self._presence.join(source_id)
        self._tell_status()

    def leave(self, source_id: str) -> None:
        """Have the broker keep nothing more of a source, and take no more commands for it."""
        self._presence.leave(source_id)
        self._tell_status()

    def _tell_status(self) -> None:
        self._retained.put(self._topic("status"), self._status("online"), last=True)
        self._wake.set()

    def notify(self) -> None:
        """Say that the outbox has a new record, or that scores wait: `run_once` waits no longer."""
        self._wake.set()

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us and the connection is not known to be lost."""
        return self._client is not None and self._client.connected

    @property
    def port(self) -> int:
        """The broker's port; with `host: embedded` the one that it was given, after `start`."""
        return self._port

    @property
    def queue_messages(self) -> int:
        """How many live messages may wait to be sent."""
        return self._config.queue_messages

    @property
    def state(self) -> PublisherState:
        """How publishing is getting on; from any thread, after `start`."""
        return PublisherState(
            client=self._started().counts,
            live=self._live.counts,
            outbox=self._outbox.counts,
            commands=self._commands,
            refused_commands=self._refused_commands,
        )

    def run_once(self, timeout_s: float) -> None:
        """Send what can be sent, then wait at most `timeout_s` for more. From one thread only."""
        self._started().look_after()
        self._wake.clear()
        if not self._pass():
            self._wake.wait(timeout_s)

    def stop(self, timeout_s: float, *, failed: bool = False) -> None:
        """Send what is left, say `stopped` and disconnect; what does not fit into `timeout_s` stays stored.

        A daemon that had to give up (`failed`) says `offline`: it did not end on purpose.

        From the thread that called `run_once`, or after that has ended. May be called without `start`.
        """
        deadline_s = time.monotonic() + timeout_s
        try:
            if self._client is not None:
                self._drain(time.monotonic() + timeout_s / 2)
                self._retained.put(self._topic("status"), self._status("offline" if failed else "stopped"))
                self._drain(deadline_s)
        finally:
            if self._client is not None:
                self._client.stop(max(0.2, seconds_left(deadline_s)))
            if self._embedded is not None:
                self._embedded.stop()

    def _drain(self, deadline_s: float) -> None:
        while self.connected and time.monotonic() < deadline_s:
            self._wake.clear()
            moved = self._pass()
            if not moved and self._outbox.idle and self._retained.settled:
                return
            if not moved:
                self._wake.wait(min(0.1, seconds_left(deadline_s)))
        self._live.hand_over(self._calls.offline_score)

    def _pass(self) -> bool:
        """Send what can be sent now; whether anything moved."""
        client = self._started()
        if not client.connected:
            self._lose_signals()
            marked = self._outbox.settle()
            return self._live.hand_over(self._calls.offline_score) > 0 or marked
        self._awaits_line = True
        self._presence.settle()
        retained = self._retained.send(client.publish)
        moved = self._outbox.step(client.publish)
        live = self._live.send(self._publish_live)
        self._awaits_line = self._retained.restless or not self._outbox.idle or self._live.waits
        return moved or retained > 0 or (live > 0 and self._live.waits)

    def _publish_live(self, item: LiveItem) -> Delivery | None:
        if isinstance(item, LiveMap):
            try:
                document = map_payload(item.inference, self._config.map_shape, item.band_edges_hz)
            except PublishError as error:
                self._log.error("error map not published", reason=str(error))
                return None
            return self._started().publish(self._message("map", document.source, document))
        score = score_payload(item)
        return self._started().publish(self._message("score", score.source, score))

    def _message_from_record(self, record: Record) -> Message:
        document = payload_from_record(record, self._box.voice)
        message = self._message(record.kind, record.source_id, document)
        # what comes from the store is wanted however late, a historical score too
        return replace(message, qos=OUTBOX_QOS, expires_s=None)

    def _message(self, kind: str, source_id: str, document: Payload) -> Message:
        rule = TOPICS[kind]
        return Message(
            self._topic(kind, source_id),
            document.encode(),
            rule.qos,
            retain=rule.retain,
            expires_s=rule.expires_s,
            user_properties=document.user_properties,
        )

    def _topic(self, kind: str, source_id: str = "") -> str:
        return TOPICS[kind].topic(self._box.topic_prefix, source_id)

    def _status(self, state: Literal["online", "stopped", "offline"]) -> StatusPayload:
        return status_payload(
            state, at_utc_s=time.time(), source_ids=self._presence.source_ids, version=self._box.version
        )

    def _subscriptions(self) -> list[str]:
        own = [*command_filters(self._box.topic_prefix)]
        if self._config.home_assistant:
            own.append(birth_topic(self._config.home_assistant_prefix))
        return own if self._calls.signals is None else [*own, *self._calls.signals.topics]

    def follow_signals(self) -> None:
        """Subscribe to the topics that the plant's signals have now."""
        self._started().subscribe_to(self._subscriptions())

    def _lose_signals(self) -> None:
        if self._calls.signals is not None:
            self._calls.signals.lose(MqttSignal)

    def _started(self) -> BrokerClient:
        if self._client is None:
            raise PublishError("the publisher has not been started; call start() first")
        return self._client

    # The connection's hooks, called by the network thread.

    def will(self) -> Message:
        """Return the `offline` that the broker publishes when this connection is lost."""
        return self._message("status", "", self._status("offline"))

    def on_connected(self) -> None:
        """Have every retained document sent again, and then the status: `online` says that they hold."""
        # in this order: the publishing thread may be awake, and would send a new status twice
        self._retained.send_all_again()
        self._retained.put(self._topic("status"), self._status("online"), last=True)
        self._lose_signals()  # what is retained comes again, over this connection
        self._wake.set()

    def on_progress(self) -> None:
        """Wake the publishing thread, unless nothing waits for what has left: scores leave all the time."""
        if self._awaits_line or not self.connected:
            self._wake.set()

    def on_message(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """Hand a command on, unless it is an old one that the broker kept, or nobody's."""
        if self._config.home_assistant and topic == birth_topic(self._config.home_assistant_prefix):
            self._on_home_assistant(payload)
            return
        signals = self._calls.signals
        if signals is not None and signals.hear_topic(topic, payload):
            return
        source_id = source_of_command(self._box.topic_prefix, topic)
        is_known = source_id in (WHOLE_BOX, *self._presence.source_ids)
        if retained or not (is_known or self._is_to_be_told(source_id)):
            self._refused_commands += 1
            why = "retained: an old command acts on another alarm" if retained else "no such source"
            self._log.warning("mqtt command ignored", topic=topic[:200], reason=why)
            return
        self._commands += 1
        self._calls.on_command(source_id or None, payload[: MAX_COMMAND_BYTES + 1])

    def _is_to_be_told(self, source_id: str | None) -> bool:
        """Say whether whoever commands a source that is not here is told: only this box can be meant."""
        return self._box.is_alone and source_id is not None and re.match(NAME, source_id) is not None

    def _on_home_assistant(self, payload: bytes) -> None:
        """After its start it has forgotten what it was not told again, states too."""
        if payload == b"online":
            self._retained.send_all_again()
            self._wake.set()
