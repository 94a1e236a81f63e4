"""Where the connections put what the plant's control says of machines: the daemon's board, as they see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from monitor.config.off import MqttSignal, SparkplugSignal


class PlantSignals(Protocol):
    """Any thread may call; nothing blocks."""

    @property
    def topics(self) -> Sequence[str]:
        """Topics to subscribe to, without wildcards; what is retained there counts."""
        ...

    def hear_topic(self, topic: str, payload: bytes) -> bool:
        """Take a message; False: its topic is no signal's."""
        ...

    def hear_running(self, source_id: str, *, running: bool) -> None:
        """Take it that a host has written whether a machine runs.

        Raises:
            CommandError: The source has no such signal.
        """
        ...

    def lose(self, kind: type[MqttSignal | SparkplugSignal]) -> None:
        """Take it that a connection is gone, or is a new one: what was said over it is to be said again."""
        ...
