"""The table of topics: what is published where, with which quality of service, and whether it stays.

One place. docs/mqtt.md is written from it, and the Sparkplug names will stand in a table of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from monitor.operators import WHOLE_BOX


@dataclass(frozen=True, slots=True)
class TopicRule:
    """How one kind of message travels."""

    suffix: str
    """What follows the prefix; `{source}` stands for the source's id."""
    qos: Literal[0, 1]
    """0: written once and perhaps lost. 1: sent until it is acknowledged."""
    retain: bool
    """Whether the broker keeps the last one for those who subscribe later."""
    direction: Literal["out", "in"]
    """`out`: from the box to the broker; `in`: from an operator to the box."""
    when: str
    """When it is sent, for the documentation."""
    expires_s: int | None = None
    """MQTT 5: a live message that nobody has fetched by then is old news."""
    box_suffix: str | None = None
    """What follows the prefix when it is about the whole box and no source; None: it never is."""

    def topic(self, prefix: str, source_id: str = "") -> str:
        """Return the full topic; an empty `source_id` means the whole box, for kinds that may be about it."""
        if not source_id and self.box_suffix is not None:
            return f"{prefix}/{self.box_suffix}"
        return f"{prefix}/{self.suffix.replace('{source}', source_id)}"


LIVE_EXPIRES_S = 60

TOPICS: dict[str, TopicRule] = {
    "status": TopicRule(
        "status", 1, retain=True, direction="out", when="online, stopped (clean) or offline (last will)"
    ),
    "health": TopicRule("{source}/health", 1, retain=True, direction="out", when="on change"),
    "score": TopicRule(
        "{source}/score", 0, retain=False, direction="out", when="each window", expires_s=LIVE_EXPIRES_S
    ),
    "map": TopicRule(
        "{source}/map",
        0,
        retain=False,
        direction="out",
        when="flagged windows, or all (mqtt.map_windows)",
        expires_s=LIVE_EXPIRES_S,
    ),
    "alarm": TopicRule(
        "{source}/alarm",
        1,
        retain=True,
        direction="out",
        when="on change, every few seconds of an event, and at every connect",
    ),
    "event": TopicRule(
        "{source}/event",
        1,
        retain=False,
        direction="out",
        when="each alarm transition: at least once, in order",
    ),
    "command": TopicRule(
        "{source}/command",
        1,
        retain=False,
        direction="in",
        when="an operator acts; never retained",
        box_suffix="command",
    ),
    "reply": TopicRule(
        "{source}/reply", 1, retain=False, direction="out", when="each command", box_suffix="reply"
    ),
}

OUTBOX_QOS: Literal[1] = 1
"""Whatever comes from the outbox waits for the broker's acknowledgement, historical scores too."""


def command_filters(prefix: str) -> tuple[str, str]:
    """Return the subscriptions that take the commands to all sources of one box, and to the box itself."""
    return TOPICS["command"].topic(prefix, "+"), TOPICS["command"].topic(prefix, WHOLE_BOX)


def source_of_command(prefix: str, topic: str) -> str | None:
    """Return whose command came on `topic`, WHOLE_BOX for the box, None when it is no command topic of it."""
    if topic == TOPICS["command"].topic(prefix, WHOLE_BOX):
        return WHOLE_BOX
    start, _, end = TOPICS["command"].topic(prefix, "\0").partition("\0")
    if not (topic.startswith(start) and topic.endswith(end) and len(topic) > len(start) + len(end)):
        return None
    source_id = topic[len(start) : len(topic) - len(end)]
    return None if "/" in source_id else source_id
