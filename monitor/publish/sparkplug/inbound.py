"""What comes to the node: commands to it and its devices, and what the primary host says of itself.

That a command was retained, and so is an old one, is for the caller to see and to drop.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitor.errors import PayloadError
from monitor.publish.sparkplug.datatypes import DataType
from monitor.publish.sparkplug.decode import decode_payload
from monitor.publish.sparkplug.host import HostState, host_state_from_json
from monitor.publish.sparkplug.payload import Metric
from monitor.publish.sparkplug.tags import REBIRTH
from monitor.publish.sparkplug.topics import NAMESPACE, EdgeNode, Verb, host_topic

MAX_COMMAND_BYTES = 16_384
"""As for commands in JSON."""


@dataclass(frozen=True, slots=True)
class Written:
    """One NCMD or DCMD: tags that a host writes."""

    device_id: str | None
    """None: the node itself."""
    metrics: tuple[Metric, ...]
    """As they came; `Metric.as_type` reads those that do not say their type."""
    timestamp_ms: int | None
    """When the host sent it, by its own clock; None: it does not say, as it should."""

    @property
    def asks_rebirth(self) -> bool:
        """Whether it is a rebirth request: that metric, true, and to the node."""
        return self.device_id is None and any(_is_rebirth(metric) for metric in self.metrics)


def _is_rebirth(metric: Metric) -> bool:
    # by name only: this metric has no alias (tck-id-operational-behavior-data-commands-rebirth-name-aliases)
    if metric.name != REBIRTH or metric.value is None:
        return False
    try:
        return metric.as_type(DataType.BOOLEAN).value is True
    except PayloadError:
        return False


def message_from_bytes(
    node: EdgeNode, primary_host_id: str | None, topic: str, payload: bytes
) -> Written | HostState | None:
    """Return what came on `topic`; None: it is nothing to `node`.

    Raises:
        PayloadError: It is a command or a STATE, and its payload is not fit to be one.
    """
    if primary_host_id is not None and topic == host_topic(primary_host_id):
        return host_state_from_json(payload)
    parts = topic.split("/")
    namespace, group_id, verb, node_id = (parts + [""] * 4)[:4]
    if (namespace, group_id, node_id) != (NAMESPACE, node.group_id, node.node_id):
        return None
    if (verb, len(parts)) not in {(Verb.NCMD.value, 4), (Verb.DCMD.value, 5)}:
        return None
    device_id = parts[4] if len(parts) == 5 else None
    read = decode_payload(payload, max_bytes=MAX_COMMAND_BYTES)
    return Written(device_id, read.metrics, read.timestamp_ms)
