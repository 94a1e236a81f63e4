"""A plant in miniature: brokers, a host that checks what it hears, and lines that may be cut anywhere.

Everything is as bad as it may be: a cut line loses whatever the broker had not read, a will comes when the
broker sees fit, a host that goes away is missed only later, and hears nothing meanwhile.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field

from sparkplug_rig import Heard, heard

from monitor.publish.sparkplug.actions import Connect, Publish
from monitor.publish.sparkplug.host import HostState

NOTICE_S = 45.0
"""After so long a broker has seen that a host is gone."""


@dataclass
class Told:
    """What a host was told of one event."""

    at_ms: int
    historical: bool


@dataclass
class Host:
    """A host application that believes nothing, and remembers what it was told."""

    bdseq: int | None = None
    """Of the node's birth; None: it is not known, or dead."""
    expected_seq: int = 0
    devices: set[str | None] = field(default_factory=set)
    asks_rebirth: bool = False
    events: dict[tuple[str, str], list[Told]] = field(default_factory=lambda: defaultdict(list))
    newest_past: dict[tuple[str, str], int] = field(default_factory=dict)
    """The last historical event of each device and kind in this session: they come in order."""
    heard_from_start: bool = False
    """Whether it has heard everything since the node connected, so that nothing may be missing."""

    def forget(self) -> None:
        """Start anew, as after a restart."""
        self.bdseq = None
        self.heard_from_start = False
        self.devices = set()

    def hear(self, message: Heard, will_bdseq: int) -> None:
        """Take a message, and raise AssertionError for what must never be."""
        if message.verb == "NDEATH":
            if int(message.metric("bdSeq").long_value) == self.bdseq:
                self.bdseq = None
            return
        if message.verb == "NBIRTH":
            self._birth(message, will_bdseq)
        elif self.bdseq is None:
            assert not self.heard_from_start, f"{message.verb} before birth"
            self.asks_rebirth = True
            return
        assert self.expected_seq == message.payload.seq, f"a gap before {message.verb}"
        self.expected_seq = (message.payload.seq + 1) % 256
        if message.verb == "DBIRTH":
            self.devices.add(message.device_id)
        elif message.verb == "DDEATH":
            assert message.device_id in self.devices
            self.devices.discard(message.device_id)
        assert message.device_id is None or message.verb == "DDEATH" or message.device_id in self.devices
        self._note_events(message)

    def _birth(self, message: Heard, will_bdseq: int) -> None:
        assert 0 == message.payload.seq
        self.bdseq = int(message.metric("bdSeq").long_value)
        assert will_bdseq == self.bdseq, "a stale bdSeq"
        self.expected_seq = 0
        self.devices = {None}
        self.newest_past = {}
        self.asks_rebirth = False
        self.heard_from_start = True

    def _note_events(self, message: Heard) -> None:
        for metric in message.payload.metrics:
            if metric.name != "Alarm/EventId" or metric.is_null or message.verb == "DBIRTH":
                continue
            event = metric.string_value
            self.events[str(message.device_id), event].append(Told(metric.timestamp, metric.is_historical))
            if metric.is_historical:
                key = (str(message.device_id), event[0])
                assert self.newest_past.get(key, -1) < int(event[1:]), "history out of order"
                self.newest_past[key] = int(event[1:])


@dataclass
class Broker:
    """One broker: what it keeps of the host, and whether the host is there."""

    state: HostState | None = None
    """The retained STATE."""
    has_host: bool = False
    gone_since_s: float | None = None
    """When the host went, while the broker has not seen it."""


@dataclass
class Line:
    """One connection of the node: what was written and not read, and the will at its other end."""

    broker: int
    connect: Connect
    written: deque[Publish] = field(default_factory=deque)
    newest_read: int = 0

    @property
    def will(self) -> Heard:
        return heard(self.connect.will)

    @property
    def bdseq(self) -> int:
        return int(self.will.metric("bdSeq").long_value)
