"""What comes to the edge node: the host's state and rebirths for the session, commands for the desk."""

from __future__ import annotations

from collections.abc import Callable, Collection

from monitor.errors import CommandError, PayloadError
from monitor.logs import Log
from monitor.publish.edge.calls import EdgeCalls
from monitor.publish.edge.line import Inbound
from monitor.publish.sparkplug.actions import Action
from monitor.publish.sparkplug.commands import commands_from_metrics
from monitor.publish.sparkplug.host import HostState
from monitor.publish.sparkplug.inbound import Written, message_from_bytes
from monitor.publish.sparkplug.payload import Metric
from monitor.publish.sparkplug.running import running_from_metrics, split_running
from monitor.publish.sparkplug.session import Session
from monitor.publish.sparkplug.settings import Now, SessionSettings
from monitor.publish.sparkplug.tags import REBIRTH

COMPLAIN_EVERY_S = 10.0
"""However much nonsense comes, the log hears of it no more often than this; all is counted."""


class EdgeInbox:
    """Made for hostile messages: whatever comes is carried out, refused or counted, and raises nothing."""

    def __init__(
        self,
        settings: SessionSettings,
        session: Session,
        source_ids: Collection[str],
        calls: EdgeCalls,
        log: Log,
    ) -> None:
        self._settings = settings
        self._session = session
        self.know(source_ids)
        self._calls = calls
        self._log = log
        self._complained_s = -COMPLAIN_EVERY_S
        self.commands = 0
        """Handed on."""
        self.refused = 0
        """Not handed on: kept by the broker, or for a device that this node does not have."""
        self.malformed = 0
        """Could not be read."""

    def know(self, source_ids: Collection[str]) -> None:
        """Take it that these are the sources of now: commands for others are refused."""
        self._devices: frozenset[str | None] = frozenset({None, *source_ids})

    def hear(self, message: Inbound, now: Now) -> list[Action]:
        """Take one message and return what the session has to say to it at once."""
        settings = self._settings
        try:
            read = message_from_bytes(settings.node, settings.primary_host_id, message.topic, message.payload)
        except PayloadError as error:
            self.malformed += 1
            self._complain("sparkplug message cannot be read", str(error), message, now)
            return []
        if isinstance(read, HostState):
            return self._session.host_said(read, now)
        if read is None or message.retained or read.device_id not in self._devices:
            self.refused += 1
            why = "retained: an old command acts on another alarm" if message.retained else "no such device"
            self._complain("sparkplug command ignored", why, message, now)
            return []
        if read.asks_rebirth:
            self._session.rebirth_asked()
        if any(not _is_rebirth(metric) for metric in read.metrics):
            self._hand_on(read)
        return []

    def _hand_on(self, written: Written) -> None:
        device_id = written.device_id

        def name_of(alias: int) -> str | None:
            return self._session.name_of(device_id, alias)

        try:
            metrics = written.metrics if device_id is None else self._take_signal(device_id, written, name_of)
            documents = commands_from_metrics(
                device_id,
                metrics,
                timestamp_ms=written.timestamp_ms,
                host_id=self._settings.primary_host_id,
                name_of=name_of,
            )
        except CommandError as error:
            self.commands += 1
            self._calls.on_command(device_id, error)
            return
        for document in documents:
            self.commands += 1
            self._calls.on_command(device_id, document)

    def _take_signal(
        self, device_id: str, written: Written, name_of: Callable[[int], str | None]
    ) -> tuple[Metric, ...]:
        """Hand on what the message says of the machine, and return all else that it has.

        One that makes no sense, or that nobody asks for, is answered; commands beside it are carried out.
        """
        meant, rest = split_running(written.metrics, name_of)
        signals = self._calls.signals
        if meant and signals is not None:
            try:
                signals.hear_running(device_id, running=running_from_metrics(meant))
            except CommandError as error:
                self.commands += 1
                self._calls.on_command(device_id, error)
        return rest

    def _complain(self, event: str, reason: str, message: Inbound, now: Now) -> None:
        if now.steady_s - self._complained_s >= COMPLAIN_EVERY_S:
            self._complained_s = now.steady_s
            self._log.warning(event, topic=message.topic[:200], reason=reason)


def _is_rebirth(metric: Metric) -> bool:
    return metric.name == REBIRTH
