"""The protocols that the daemon speaks: which are configured, what each is made of, and their threads."""

from __future__ import annotations

import functools
from collections.abc import Callable

from monitor.birth_counter import BirthCounterFile
from monitor.config import Config
from monitor.errors import CommandError
from monitor.logs import Log
from monitor.messages import Reader, Score
from monitor.operators import Origin
from monitor.prepared import Prepared, nothing
from monitor.publish.box import Calls, box_from_config
from monitor.publish.edge.calls import EdgeCalls
from monitor.publish.edge.node import EdgeNode
from monitor.publish.edge.settings import servers_from_config, settings_from_config
from monitor.publish.explained import Voice
from monitor.publish.outlet import Outlet
from monitor.publish.publisher import Publisher
from monitor.publish.signals import PlantSignals
from monitor.publish.sparkplug.roster import check_device_ids
from monitor.store import Store
from monitor.supervisor import Task

HandIn = Callable[[str | None, bytes | CommandError, Origin], None]
"""Takes a command to a source, or None: to the box; returns at once."""


class Outlets:
    """The JSON topics and the Sparkplug edge node, each if it is switched on."""

    def __init__(
        self,
        config: Config,
        store: Store,
        voice: Voice,
        hand_in: HandIn,
        log: Log,
        *,
        signals: PlantSignals | None = None,
    ) -> None:
        """Make what is configured, and have the store keep records for exactly that.

        `signals` is told what the plant says of its machines.

        Raises:
            PublishError: The settings can never work.
            StoreError: The store does not answer.
        """
        self._config = config
        self._store = store
        self._voice = voice
        self._hand_in = hand_in
        self._log = log
        self._signals = signals
        self.publisher = self._make_publisher() if config.mqtt.enabled else None
        """The JSON topics; None: switched off."""
        self.edge_node = self._make_edge_node() if config.sparkplug.enabled else None
        """The Sparkplug edge node; None: switched off."""
        given_up = store.read_by(self.readers)
        if given_up:
            log.warning("records that nobody waits for any more are given up", records=given_up)

    @property
    def readers(self) -> list[Reader]:
        """Who takes records out of the store."""
        json = [] if self.publisher is None else [Reader.JSON]
        return json if self.edge_node is None else [*json, Reader.SPARKPLUG]

    @property
    def all(self) -> list[Outlet]:
        """Whoever is to be told."""
        json: list[Outlet] = [] if self.publisher is None else [self.publisher]
        return json if self.edge_node is None else [*json, self.edge_node]

    def start(self) -> None:
        """Begin to connect; does not wait for a broker.

        Raises:
            PublishError: The settings can never work, or the embedded broker cannot run.
        """
        if self.publisher is not None:
            self.publisher.start()
        if self.edge_node is not None:
            embedded_port = None if self.publisher is None else self.publisher.port
            servers = servers_from_config(self._config, embedded_port=embedded_port)
            self.edge_node.start(self._config.sparkplug, self._config.mqtt, servers)

    def prepare(self, config: Config) -> Prepared:
        """Refuse sources that a protocol could not tell of.

        Raises:
            SparkplugError: An id is not fit for a device, or there are too many of them.
        """
        if self.edge_node is not None:
            check_device_ids([source.id for source in config.sources])
        return Prepared(nothing)

    def follow_signals(self) -> None:
        """Subscribe to the topics that the plant's signals have now; Sparkplug has one tag for all."""
        if self.publisher is not None:
            self.publisher.follow_signals()

    def tasks(self, wait_s: float, farewell_s: float, gave_up: Callable[[], bool]) -> list[Task]:
        """Return their threads; each waits `wait_s` at a time and takes `farewell_s` to say goodbye."""
        tasks = []
        publisher, edge_node = self.publisher, self.edge_node
        if edge_node is not None:
            tasks.append(
                Task("sparkplug", lambda: edge_node.run_once(wait_s), last=lambda: edge_node.stop(farewell_s))
            )
        if publisher is not None:
            tasks.append(
                Task(
                    "publish",
                    lambda: publisher.run_once(wait_s),
                    wake=publisher.notify,
                    last=lambda: publisher.stop(farewell_s, failed=gave_up()),
                )
            )
        return tasks

    def _make_publisher(self) -> Publisher:
        calls = Calls(
            on_command=lambda source_id, payload: self._hand_in(source_id, payload, Origin.MQTT),
            offline_score=functools.partial(self._keep_score, reader=Reader.JSON),
            signals=self._signals,
        )
        box = box_from_config(self._config, self._voice)
        return Publisher(self._config.mqtt, box, outbox=self._store, calls=calls, log=self._log)

    def _make_edge_node(self) -> EdgeNode:
        calls = EdgeCalls(
            on_command=lambda source_id, payload: self._hand_in(source_id, payload, Origin.SPARKPLUG),
            offline_score=functools.partial(self._keep_score, reader=Reader.SPARKPLUG),
            flush_scores=lambda: self._store.flush_offline_scores(Reader.SPARKPLUG),
            signals=self._signals,
        )
        return EdgeNode(
            settings_from_config(self._config),
            box_from_config(self._config, self._voice),
            outbox=self._store,
            counter=BirthCounterFile(self._config.state_dir, self._log),
            calls=calls,
            log=self._log,
        )

    def _keep_score(self, score: Score, reader: Reader) -> None:
        mqtt = self._config.mqtt
        self._store.add_offline_score(
            score, reader, every_s=mqtt.offline_score_every_s, limit_rows=mqtt.offline_scores_max
        )
