"""What is said on the control socket: one JSON object a line, one reply a line.

    {"ask": "now"}                                                 how every source is
    {"ask": "trends"}                                              the last hour of every source
    {"ask": "command", "source": "pump-1", "command": {...}}       a command as in docs/mqtt.md; its reply

A question that cannot be answered is answered {"error": "why"}.
"""

from __future__ import annotations

from pathlib import Path

SOCKET = "control.sock"
MAX_LINE_BYTES = 65_536
"""Longer questions are refused unread."""
MAX_ANSWER_BYTES = 16_777_216
"""The trends of 1000 sources are below this."""


def socket_path(state_dir: Path) -> Path:
    """Return where the daemon that writes to `state_dir` listens."""
    return state_dir / SOCKET
