"""What the plant's control says of a machine, and whether that can still be relied on.

the machine runs, or is off -> so it is
never said, unreadable, too old, or the line to the broker lost for too long -> missing: it counts as running
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from monitor.config.off import MqttSignal, SparkplugSignal
from monitor.errors import OffSignalError
from monitor.messages import SignalState

MAX_SIGNAL_BYTES = 16_384
"""A longer message is refused unread."""
WORDS = {
    "1": True, "true": True, "on": True, "running": True,
    "0": False, "false": False, "off": False, "stopped": False,
}  # fmt: skip
"""What a signal may be, in small letters, and whether the machine then runs."""


@dataclass(frozen=True, slots=True)
class Said:
    """What was said last."""

    running: bool | None
    """None: it could not be read."""
    heard_s: float
    """When, by the monotonic clock."""
    lost_s: float | None = None
    """When the connection over which it came was lost; None: it is there."""
    problem: str = ""
    """Why it could not be read."""


def signal_from_said(
    said: Said | None, section: MqttSignal | SparkplugSignal, now_s: float
) -> tuple[SignalState, str]:
    """Return what can be relied on at `now_s`, monotonic, and why the signal is missing."""
    if said is None:
        return SignalState.MISSING, "it has never been told since the start"
    if said.running is None:
        return SignalState.MISSING, said.problem
    if said.lost_s is not None and now_s - said.lost_s >= section.lost_after_s:
        return SignalState.MISSING, "it has not been told again since the connection to the broker was lost"
    if section.stale_after_s is not None and now_s - said.heard_s >= section.stale_after_s:
        return SignalState.MISSING, f"it is older than {section.stale_after_s:g} s"
    return (SignalState.RUNNING if said.running else SignalState.OFF), ""


def running_from_payload(payload: bytes, section: MqttSignal) -> bool:
    """Return what a message on the topic says.

    Raises:
        OffSignalError: It says neither; the text names what was found.
    """
    if len(payload) > MAX_SIGNAL_BYTES:
        raise OffSignalError(f"the signal is longer than {MAX_SIGNAL_BYTES} bytes")
    try:
        text = payload.decode().strip()
        found: object = text if section.json_path is None else _at(json.loads(text), section.json_path)
    except (ValueError, RecursionError) as error:
        raise OffSignalError(
            f"the signal is not {'text' if section.json_path is None else 'JSON'}"
        ) from error
    return running_from_value(found) is not section.inverted


def running_from_value(found: object) -> bool:
    """Return what a bare word, a number or a truth value says.

    Raises:
        OffSignalError: It says neither.
    """
    word = str(int(found)) if isinstance(found, float) and found in {0.0, 1.0} else str(found).lower()
    if isinstance(found, (bool, int, float, str)) and word in WORDS:
        return WORDS[word]
    shown = f"{found!r:.40}" if isinstance(found, (int, float, str)) else type(found).__name__
    raise OffSignalError(f"the signal is {shown}, and none of {', '.join(WORDS)}")


def _at(tree: object, path: str) -> object:
    """Return what lies at a path of keys and places.

    Raises:
        OffSignalError: Nothing does.
    """
    for step in path.split("."):
        if isinstance(tree, dict) and step in tree:
            tree = tree[step]
        elif isinstance(tree, list) and step.isdecimal() and int(step) < len(tree):
            tree = tree[int(step)]
        else:
            raise OffSignalError(f"the signal's JSON has nothing at {path}")
    return tree
