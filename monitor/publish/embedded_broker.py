"""A small broker for trying out: `python -m monitor.publish.embedded_broker PORT`, the child process.

Listens on 127.0.0.1 only, without a password. Prints `listening PORT` when it is ready, and ends when its
standard input does, so that it never outlives the process that started it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys

from amqtt.broker import Broker

ADDRESS = "127.0.0.1"


def free_port(wanted: int) -> int:
    """Return `wanted` if nothing listens there, else a port that the system finds free."""
    for port in (wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((ADDRESS, port))
            return int(probe.getsockname()[1])
    raise OSError("no port is free")


async def serve(wanted: int) -> None:
    """Run a broker until standard input ends."""
    port = free_port(wanted)
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{ADDRESS}:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    await broker.start()
    sys.stdout.write(f"listening {port}\n")
    sys.stdout.flush()
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), _until_eof, ended)
    await ended.wait()
    loop.remove_reader(sys.stdin.fileno())
    await broker.shutdown()


def _until_eof(ended: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        ended.set()


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(serve(int(sys.argv[1])))
