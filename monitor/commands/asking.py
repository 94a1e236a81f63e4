"""Asks a running daemon to carry out a command that may take long, and waits for its answer."""

from __future__ import annotations

import asyncio
import math
import sys
import time
from collections.abc import Mapping
from typing import Any

from monitor.config import Config
from monitor.control.client import ControlClient
from monitor.control.protocol import socket_path
from monitor.errors import ControlError
from monitor.operators import Origin

ASKED_AGAIN_S = 1800.0
"""So long the same command is asked for again: a TensorRT plan may have to be built first."""
WAIT_S = 0.5
SAID_AFTER_S = 3.0
"""A daemon that has been away for so long is told of: whoever waits must know for what."""


def ask_daemon(config: Config, source_id: str, command: Mapping[str, object]) -> dict[str, Any] | None:
    """Return the reply's document; None: no daemon is there that can be asked.

    Raises:
        ControlError: It was there, and has not answered for ASKED_AGAIN_S.
    """
    if not socket_path(config.state_dir).exists():
        return None
    return asyncio.run(_asked(config, source_id, command))


async def _asked(config: Config, source_id: str, command: Mapping[str, object]) -> dict[str, Any] | None:
    client = ControlClient(socket_path(config.state_dir))
    end_s, heard = time.monotonic() + ASKED_AGAIN_S, False
    said_at_s = math.inf
    while True:
        try:
            await client.now()
            heard, said_at_s = True, math.inf
            return await client.command(source_id, command, Origin.TERMINAL)
        except ControlError as error:
            now_s = time.monotonic()
            if not heard:
                return None
            if now_s >= end_s:
                raise
            if said_at_s == math.inf:
                said_at_s = now_s + SAID_AFTER_S
            elif now_s >= said_at_s:
                said_at_s = end_s  # once
                sys.stderr.write(
                    f"the daemon does not answer any more ({error}); it is asked again for "
                    f"{(end_s - now_s) / 60:.0f} min, and does this once: start it, or end here with Ctrl-C\n"
                )
            await asyncio.sleep(WAIT_S)
