"""Where the plant's signals arrive, from the connections' threads, and are read by the judging thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from monitor.config.off import MqttSignal, OffConfig, SparkplugSignal
from monitor.errors import CommandError, OffSignalError
from monitor.logs import Log
from monitor.off.signal import MAX_SIGNAL_BYTES, Said, running_from_payload

Signal: TypeAlias = MqttSignal | SparkplugSignal
Kind = type[MqttSignal | SparkplugSignal]


class SignalBoard:
    """What was said last of each source's machine; thread-safe, nothing blocks.

    What arrived on a topic is kept as it came: another section, or another source, reads it anew, for the
    broker sends it once.
    """

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
        self._signals: dict[str, Signal] = {}
        self._said: dict[str, Said] = {}
        self._arrived: dict[str, _Arrived] = {}
        self.configure(sections)

    def configure(self, sections: Mapping[str, OffConfig | None]) -> None:
        """Take other sections; what was said holds for those that still mean it, as they read it."""
        signals = {name: off.signal for name, off in sections.items() if off is not None and off.signal}
        with self._lock:
            before, self._signals = self._signals, signals
            topics = {one.topic for one in signals.values() if isinstance(one, MqttSignal)}
            self._arrived = {topic: one for topic, one in self._arrived.items() if topic in topics}
            said = {name: self._carried(name, one, before.get(name)) for name, one in signals.items()}
            problems = self._take({name: one for name, one in said.items() if one is not None})
            self._said = {name: self._said[name] for name, one in said.items() if one is not None}
        self._complain(problems)

    def _carried(self, source_id: str, signal: Signal, before: Signal | None) -> Said | None:
        """Return what has been said already of a source that now has this signal."""
        if isinstance(signal, MqttSignal):
            arrived = self._arrived.get(signal.topic)
            return None if arrived is None else arrived.as_read_by(signal)
        return self._said.get(source_id) if isinstance(before, SparkplugSignal) else None

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics of all signals, each once."""
        with self._lock:
            found = [one.topic for one in self._signals.values() if isinstance(one, MqttSignal)]
        return tuple(dict.fromkeys(found))

    def hear_topic(self, topic: str, payload: bytes) -> bool:
        """Take a message on a topic, retained or not; False: it is no signal's."""
        arrived = _Arrived(payload[: MAX_SIGNAL_BYTES + 1], self._monotonic())
        with self._lock:  # read within: a reload must not give it another meaning in between
            said = {
                name: arrived.as_read_by(one)
                for name, one in self._signals.items()
                if isinstance(one, MqttSignal) and one.topic == topic
            }
            if said:
                self._arrived[topic] = arrived
            problems = self._take(said)
        self._complain(problems)
        return bool(said)

    def hear_running(self, source_id: str, *, running: bool) -> None:
        """Take it that a Sparkplug host has written `Machine/Running`.

        Raises:
            CommandError: The source has no such signal.
        """
        with self._lock:
            if isinstance(self._signals.get(source_id), SparkplugSignal):
                self._said[source_id] = Said(running, self._monotonic())
                return
        raise CommandError(
            f"Machine/Running is not used: set sources.{source_id}.off.signal.kind to sparkplug"
        )

    def lose(self, kind: Kind) -> None:
        """Take it that the connection of this kind of signal is gone, or is a new one.

        What was said over it holds for a while; a retained message comes again by itself.
        """
        now_s = self._monotonic()
        with self._lock:
            for name, said in self._said.items():
                if isinstance(self._signals.get(name), kind) and said.lost_s is None:
                    self._said[name] = replace(said, lost_s=now_s)
            if kind is MqttSignal:
                self._arrived = {topic: one.lost(now_s) for topic, one in self._arrived.items()}

    def said(self, source_id: str) -> Said | None:
        """Return what was said last; None: nothing since the start."""
        with self._lock:
            return self._said.get(source_id)

    def _take(self, said: Mapping[str, Said]) -> dict[str, str]:
        """Keep what was said of sources; return what is newly wrong with it. Under the lock."""
        before = {name: one.problem for name, one in self._said.items()}
        self._said.update(said)
        return {
            name: one.problem for name, one in said.items() if one.problem and one.problem != before.get(name)
        }

    def _complain(self, problems: Mapping[str, str]) -> None:
        for source_id, problem in problems.items():
            self._log.warning("plant signal cannot be read", source=source_id, reason=problem)


@dataclass(frozen=True, slots=True)
class _Arrived:
    """The last message on a topic."""

    payload: bytes
    """As it came; cut off where it is too long to be read."""
    heard_s: float
    """As in Said."""
    lost_s: float | None = None
    """As in Said."""

    def lost(self, now_s: float) -> _Arrived:
        """Return the same with its connection gone, at the first time that this is told."""
        return self if self.lost_s is not None else replace(self, lost_s=now_s)

    def as_read_by(self, signal: MqttSignal) -> Said:
        """Return what it says to a source of this section."""
        try:
            return Said(running_from_payload(self.payload, signal), self.heard_s, self.lost_s)
        except OffSignalError as error:
            return Said(None, self.heard_s, self.lost_s, problem=str(error))
