"""A plant in miniature: brokers, a host that checks what it hears, and lines that may be cut anywhere.

Everything is as bad as it may be: a cut line loses whatever the broker had not read, a will comes when the
broker sees fit, a host that goes away is missed only later, and hears nothing meanwhile.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from sparkplug_rig import NODE, heard
from sparkplug_strict_host import NodeView, StrictHost, Telling

from monitor.publish.sparkplug.actions import Connect, Publish
from monitor.publish.sparkplug.host import HostState

NOTICE_S = 45.0
"""After so long a broker has seen that a host is gone."""


EVENT = "Alarm/EventId"


class Host:
    """The strict host at both brokers. Whatever it holds against the node ends the test."""

    def __init__(self) -> None:
        self.asks_rebirth = False
        self.strict = StrictHost(
            ask=self._ask,
            keeps={EVENT},
            # those with a token and those without are told in order, each among themselves
            stream_of=lambda told: (told.device_id, str(told.value)[:1]),
            deaths_come_first=False,
        )

    def forget(self) -> None:
        """Start anew, as after a restart."""
        self.strict.interrupted()

    def hear(self, message: Publish, will_bdseq: int, now_ms: int) -> None:
        """Take a message, and raise AssertionError for what must never be."""
        self.strict.receive(
            message.topic, message.payload, qos=message.qos, retain=message.retain, at_ms=now_ms
        )
        assert [] == self.strict.violations
        if "/NBIRTH/" in message.topic:
            self.asks_rebirth = False
            assert will_bdseq == self.node.bdseq, "a stale bdSeq"

    @property
    def node(self) -> NodeView:
        """What it knows of the one node that there is."""
        return self.strict.nodes[NODE.group_id, NODE.node_id]

    def told(self, device_id: str | None, event: str) -> list[Telling]:
        """Return how it was told of an event."""
        return [each for each in self.strict.told(device_id, EVENT) if each.value == event]

    def _ask(self, _topic: str, _payload: bytes) -> None:
        self.asks_rebirth = True


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
    def bdseq(self) -> int:
        return int(heard(self.connect.will).metric("bdSeq").long_value)
