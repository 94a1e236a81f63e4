"""The primary host: what it says of itself, and which of its words count."""

from __future__ import annotations

import json
from dataclasses import dataclass

from monitor.errors import PayloadError

MAX_STATE_BYTES = 4_096
MAX_TIMESTAMP_MS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class HostState:
    """One STATE message."""

    online: bool
    """Whether the host says it is there; its last will says it is not."""
    timestamp_ms: int
    """When it connected, by its own clock; its birth and its last will carry the same."""


def host_state_from_json(data: bytes) -> HostState:
    """Return what a STATE message says (Sparkplug 3.0, 6.4.26); keys that we do not know are ignored.

    Raises:
        PayloadError: It is too long, no JSON, or lacks `online` or `timestamp`.
    """
    if len(data) > MAX_STATE_BYTES:
        raise PayloadError(f"the host's STATE has {len(data)} bytes; at most {MAX_STATE_BYTES} are read")
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise PayloadError("the host's STATE is not JSON") from error
    if not isinstance(tree, dict):
        raise PayloadError("the host's STATE is not a JSON object")
    online, timestamp_ms = tree.get("online"), tree.get("timestamp")
    if not isinstance(online, bool):
        raise PayloadError("the host's STATE needs `online`: true or false")
    if type(timestamp_ms) is not int or not 0 <= timestamp_ms <= MAX_TIMESTAMP_MS:
        raise PayloadError("the host's STATE needs `timestamp`: milliseconds since 1970")
    return HostState(online, timestamp_ms)


class PrimaryHost:
    """Tells which words of the primary host count.

    Brokers keep STATE messages, and a host may leave old ones behind: at each broker a message older than
    what that one has said is ignored. What is known outlives our connections. Between brokers times say
    nothing, for a host has a session with each and tells when that began (Sparkplug 3.0, chapter 5, primary
    host with several servers): one that was there before the host came anew to another is there still.
    """

    def __init__(self) -> None:
        self._latest_ms: dict[int, int] = {}
        self._online_ms: dict[int, int] = {}

    def take(self, state: HostState, server: int) -> bool:
        """Take a message from a broker, which is counted from 0, and return whether it counts.

        `online` counts if it is not older than any message that counted, offline if it is not older than
        the last `online` (tck-id-message-flow-edge-node-birth-publish-phid-wait-timestamp, -phid-offline).
        """
        known_ms = (self._latest_ms if state.online else self._online_ms).get(server, 0)
        if state.timestamp_ms < known_ms:
            return False
        self._latest_ms[server] = max(self._latest_ms.get(server, 0), state.timestamp_ms)
        if state.online:
            self._online_ms[server] = state.timestamp_ms
        return True
