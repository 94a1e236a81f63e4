"""Asks a running daemon to carry out a command that may take long, and waits for its answer."""

from __future__ import annotations

import asyncio
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
    while True:
        try:
            await client.now()
            heard = True
            return await client.command(source_id, command, Origin.TERMINAL)
        except ControlError:
            if not heard:
                return None
            if time.monotonic() >= end_s:
                raise
            await asyncio.sleep(WAIT_S)
