"""Sparkplug's topics: `spBv1.0/group/verb/node[/device]`, and the host's `spBv1.0/STATE/host`.

Ids must be UTF-8 without `+`, `/` and `#`, and no two may differ by letter case alone (Sparkplug 3.0, 4.1).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from monitor.errors import SparkplugError

NAMESPACE = "spBv1.0"
RESERVED = "+/#"
MAX_ID_BYTES = 1024
"""For group, node, device and host each; MQTT has room for 65 535 bytes in a whole topic."""


class Verb(str, enum.Enum):
    """What kind of message travels on a topic."""

    NBIRTH = "NBIRTH"
    NDATA = "NDATA"
    NDEATH = "NDEATH"
    NCMD = "NCMD"
    DBIRTH = "DBIRTH"
    DDATA = "DDATA"
    DDEATH = "DDEATH"
    DCMD = "DCMD"


def check_id(what: str, text: str) -> str:
    """Return `text` if it can stand in a topic; `what` names it in the error.

    Raises:
        SparkplugError: It is empty, too long, no UTF-8, or holds a reserved or control character.
    """
    found = sorted({letter for letter in text if letter in RESERVED or not letter.isprintable()})
    if found:
        raise SparkplugError(f"{what} {text!r:.80} holds {found[0]!r}; Sparkplug ids may not")
    if not text or len(text.encode()) > MAX_ID_BYTES:
        raise SparkplugError(f"{what} {text!r:.80} must have 1 to {MAX_ID_BYTES} bytes")
    return text


def id_from_name(name: str) -> str:
    """Return a name of ours as an id: what an id may not hold as `%` and hexadecimal UTF-8, as in URLs.

    Different names give different ids. Sparkplug itself has no way of escaping, only of refusing.
    """
    return "".join(
        letter
        if letter not in RESERVED + "%" and letter.isprintable()
        else "".join(f"%{byte:02X}" for byte in letter.encode("utf-8", "backslashreplace"))
        for letter in name
    )


@dataclass(frozen=True, slots=True)
class EdgeNode:
    """Who speaks: one box."""

    group_id: str
    """The site or line that the box belongs to."""
    node_id: str
    """The box."""

    def __post_init__(self) -> None:
        """Refuse ids that cannot stand in a topic."""
        check_id("group id", self.group_id)
        check_id("edge node id", self.node_id)

    def topic(self, verb: Verb, device_id: str | None = None) -> str:
        """Return the topic of a message of the node, or of one of its devices.

        Raises:
            SparkplugError: The verb is for devices and none is named, or the other way round; or the id is
                not fit for a topic.
        """
        if (verb.value[0] == "D") != (device_id is not None):
            raise SparkplugError(f"{verb.value} is not for {device_id or 'the edge node itself'}")
        start = f"{NAMESPACE}/{self.group_id}/{verb.value}/{self.node_id}"
        return start if device_id is None else f"{start}/{check_id('device id', device_id)}"


def host_topic(host_id: str) -> str:
    """Return where a host application says whether it is there."""
    return f"{NAMESPACE}/STATE/{check_id('host id', host_id)}"
