"""What a session asks the owner of the connection to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Publish:
    """One message to publish, or the will of a connection."""

    number: int
    """Rises with each message of this process; how `confirmed` and `failed` refer to it. A will has 0."""
    topic: str
    """In full."""
    payload: bytes
    """As it goes over the line."""
    qos: Literal[0, 1]
    """1 for death certificates, 0 for all else (Sparkplug 3.0, 6.4)."""
    retain: Literal[False] = False
    """Nothing of an edge node is ever retained."""


@dataclass(frozen=True, slots=True)
class Connect:
    """How to connect: for the next CONNECT packet, and for no other."""

    server: int
    """Which broker, from 0."""
    will: Publish
    """Its last will; the number in it belongs to this connection."""
    clean_start: bool = True
    """MQTT 3.1.1: clean session."""
    session_expiry_s: int = 0
    """MQTT 5."""


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Topics to subscribe to, exactly these."""

    topics: tuple[str, ...]
    """In full, without wildcards."""
    qos: int = 1
    """As the specification demands."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Leave the broker, once all before has been written."""

    reconnect: bool
    """False: for good."""
    with_will: bool = True
    """MQTT 5: reason 0x04, disconnect with will message; hosts get the death twice, and it is the same."""


Action = Publish | Subscribe | Disconnect
