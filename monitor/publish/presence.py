"""Which sources the broker is told of, what it keeps of them: made when it joins, emptied when it leaves."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from monitor.config import MqttConfig
from monitor.logs import Log
from monitor.publish.box import Box
from monitor.publish.homeassistant import discovery_document, discovery_topic
from monitor.publish.leftovers import FILE, Announced, Leftovers
from monitor.publish.retained import Document, RetainedTopics
from monitor.publish.topics import TOPICS


class Presence:
    """The sources of now. Any thread may ask and change them; `settle` is the publishing thread's."""

    def __init__(self, config: MqttConfig, box: Box, retained: RetainedTopics, log: Log) -> None:
        self._below = config.home_assistant_prefix if config.home_assistant else None
        self._box = box
        self._retained = retained
        self._lock = threading.Lock()
        self._changed = False
        self.source_ids = box.source_ids
        """Every source, in the order in which they came."""
        state_dir = box.state_dir
        self._leftovers = (
            None
            if state_dir is None
            else Leftovers(state_dir / FILE, box.topic_prefix, self._announced(box.source_ids), log)
        )

    def begin(self) -> None:
        """Introduce the sources of the start, and have what is left of earlier ones emptied."""
        for source_id in self.source_ids:
            self._introduce(source_id)
        if self._leftovers is not None:
            self._leftovers.begin(self._retained)

    def put(self, kind: str, source_id: str, payload: Document) -> bool:
        """Have the broker keep a document of a source; False: it says nothing new, or the source has left."""
        with self._lock:
            return source_id in self.source_ids and self._retained.put(self._topic(kind, source_id), payload)

    def join(self, source_id: str) -> None:
        """Introduce a source that was not here."""
        with self._lock:
            self.source_ids = (*self.source_ids, source_id)
            self._changed = True
            self._introduce(source_id)

    def leave(self, source_id: str) -> None:
        """Have the broker keep nothing more of a source."""
        with self._lock:
            self.source_ids = tuple(one for one in self.source_ids if one != source_id)
            self._changed = True
            for one in self._announced([source_id]):
                for topic in one.topics(self._box.topic_prefix):
                    self._retained.clear(topic)

    def settle(self) -> None:
        """Remember who was told of, and forget those whose topics the broker has emptied."""
        if self._leftovers is None:
            return
        with self._lock:
            changed, self._changed = self._changed, False
            if changed:
                self._leftovers.change(self._announced(self.source_ids), self._retained)
        self._leftovers.settle(self._retained)

    def _introduce(self, source_id: str) -> None:
        """Have Home Assistant told about a source, if it is to be."""
        if self._below is not None:
            prefix = self._box.topic_prefix
            document = discovery_document(prefix, source_id, self._box.version)
            self._retained.put(discovery_topic(self._below, prefix, source_id), document)

    def _announced(self, source_ids: Iterable[str]) -> list[Announced]:
        return [Announced(source_id, self._below) for source_id in source_ids]

    def _topic(self, kind: str, source_id: str) -> str:
        return TOPICS[kind].topic(self._box.topic_prefix, source_id)
