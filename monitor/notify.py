"""Tells systemd how the daemon is: sd_notify over $NOTIFY_SOCKET (man sd_notify), nothing elsewhere.

The datagram socket is all there is to the protocol, so no library is needed.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

SEND_LIMIT_S = 1.0
"""systemd may be busy, but sound does not wait for it."""


class Notifier:
    """Sends states to systemd when it listens; says nothing and costs nothing when it does not."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # a leading @ names an abstract socket
        self._address = "\0" + address[1:] if address.startswith("@") else address
        watchdog_us = environ.get("WATCHDOG_USEC", "")
        mine = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog_s = int(watchdog_us) / 1e6 if watchdog_us.isdigit() and mine else None
        """Seconds within which systemd wants a sign of life; None: it does not watch."""

    def ready(self, status: str) -> None:
        """Say that start-up is done."""
        self._send(f"READY=1\nSTATUS={status}")

    def status(self, status: str) -> None:
        """Show one line in `systemctl status`."""
        self._send(f"STATUS={status}")

    def extend_start(self, by_s: float, status: str) -> None:
        """Ask for `by_s` more seconds of start-up from now, and show why. systemd kills without."""
        self._send(f"EXTEND_TIMEOUT_USEC={round(by_s * 1e6)}\nSTATUS={status}")

    def alive(self) -> None:
        """Feed the watchdog. Call it only when work has moved."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the daemon is going down on purpose."""
        self._send("STOPPING=1")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.settimeout(SEND_LIMIT_S)
            try:
                sock.sendto(text.replace("\n\n", "\n").encode(), self._address)
            except OSError:
                # systemd went away or its buffer is full: the watchdog will judge, sound goes on
                return
