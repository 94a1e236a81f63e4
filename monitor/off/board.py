"""Where the plant's signals arrive, from the connections' threads, and are read by the judging thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from monitor.config.off import MqttSignal, OffConfig, SparkplugSignal
from monitor.errors import CommandError, OffSignalError
from monitor.logs import Log
from monitor.off.signal import Said, running_from_payload

Kind = type[MqttSignal | SparkplugSignal]


class SignalBoard:
    """What was said last of each source's machine; thread-safe, nothing blocks."""

    def __init__(
        self,
        sections: Mapping[str, OffConfig | None],
        log: Log,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`sections`: section `off` of each source, by its id."""
        self._log = log
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._signals: dict[str, MqttSignal | SparkplugSignal] = {}
        self._said: dict[str, Said] = {}
        self.configure(sections)

    def configure(self, sections: Mapping[str, OffConfig | None]) -> None:
        """Take other sections; what was said by a signal that has changed is forgotten."""
        signals = {name: off.signal for name, off in sections.items() if off is not None and off.signal}
        with self._lock:
            same = {name for name, signal in signals.items() if self._signals.get(name) == signal}
            self._said = {name: said for name, said in self._said.items() if name in same}
            self._signals = signals

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics of all signals, each once."""
        with self._lock:
            found = [one.topic for one in self._signals.values() if isinstance(one, MqttSignal)]
        return tuple(dict.fromkeys(found))

    def hear_topic(self, topic: str, payload: bytes) -> bool:
        """Take a message on a topic, retained or not; False: it is no signal's."""
        with self._lock:
            meant = [
                (name, one)
                for name, one in self._signals.items()
                if isinstance(one, MqttSignal) and one.topic == topic
            ]
        for source_id, signal in meant:
            try:
                said = Said(running_from_payload(payload, signal), self._monotonic())
            except OffSignalError as error:
                said = Said(None, self._monotonic(), problem=str(error))
            self._put(source_id, said)
        return bool(meant)

    def hear_running(self, source_id: str, *, running: bool) -> None:
        """Take it that a Sparkplug host has written `Machine/Running`.

        Raises:
            CommandError: The source has no such signal.
        """
        with self._lock:
            signal = self._signals.get(source_id)
        if not isinstance(signal, SparkplugSignal):
            raise CommandError(
                f"Machine/Running is not used: set sources.{source_id}.off.signal.kind to sparkplug"
            )
        self._put(source_id, Said(running, self._monotonic()))

    def lose(self, kind: Kind) -> None:
        """Take it that the connection of this kind of signal is gone, or is a new one.

        What was said over it holds for a while; a retained message comes again by itself.
        """
        now_s = self._monotonic()
        with self._lock:
            for name, said in self._said.items():
                if isinstance(self._signals.get(name), kind) and said.lost_s is None:
                    self._said[name] = replace(said, lost_s=now_s)

    def said(self, source_id: str) -> Said | None:
        """Return what was said last; None: nothing since the start."""
        with self._lock:
            return self._said.get(source_id)

    def _put(self, source_id: str, said: Said) -> None:
        with self._lock:
            before = self._said.get(source_id)
            self._said[source_id] = said
        if said.problem and (before is None or before.problem != said.problem):
            self._log.warning("plant signal cannot be read", source=source_id, reason=said.problem)
