"""`wheeltapper run`: listen, judge and publish until stopped."""

from __future__ import annotations

import argparse
import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

from monitor.config import Config, load_config
from monitor.daemon import Daemon
from monitor.demo import HINTS, TEXTS, demo_config
from monitor.heap import share_heap
from monitor.logs import open_log
from monitor.notify import Notifier

PAGE_S = 10.0
"""So long the demonstration waits for its page's address; then it begins without."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("--config", type=Path, default=Path("config.yaml"), help="default: ./config.yaml")
    parser.add_argument(
        "--demo",
        choices=sorted(TEXTS),
        help="embedded defaults instead of a file; show what is published, and serve the page",
    )
    parser.add_argument("--seconds", type=float, help="stop after this long")


def run(arguments: argparse.Namespace) -> int:
    """Run the daemon; 0 when stopped or at the end of all files, 70 when it had to give up."""
    config = demo_config(arguments.demo) if arguments.demo else load_config(arguments.config)
    log = open_log(config.log)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    hangup = threading.Event()
    if not arguments.demo:  # a demo ends with its terminal
        signal.signal(signal.SIGHUP, lambda *_: hangup.set())
    page = _page(arguments.demo) if arguments.demo else None
    share_heap()  # before its threads begin
    daemon = Daemon(
        config,
        log=log,
        notifier=Notifier(os.environ),
        reread=None if arguments.demo else lambda: load_config(arguments.config),
    )
    if arguments.seconds is not None:
        timer = threading.Timer(arguments.seconds, stop.set)
        timer.daemon = True
        timer.start()
    beside = [] if page is None else [_viewer(config, daemon, arguments.demo, _address(page)), page]
    try:
        return daemon.run(stop, hangup)
    finally:
        for process in beside:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let the viewer show the last message and the page its last answer; end what does not end by itself."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(2.0)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait(5.0)


def _page(demo: str) -> subprocess.Popen[bytes]:
    """Serve the technicians' page, which prints its address; it ends with its standard input: with us.

    The daemon listens whether or not there is a page.
    """
    command = [sys.executable, "-m", "monitor", "replay", "--demo", demo, "--with-stdin"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True)  # noqa: S603 - our own command


def _address(page: subprocess.Popen[bytes]) -> str | None:
    """Return the address that the page prints; None: it does not; it has told why, or is late."""
    if page.stdout is None or not select.select([page.stdout], [], [], PAGE_S)[0]:
        return None
    return page.stdout.readline().decode().partition(": ")[2].strip() or None


def _viewer(config: Config, daemon: Daemon, demo: str, address: str | None) -> subprocess.Popen[bytes]:
    """Show what the broker carries: not what the daemon thinks, but what a subscriber gets.

    The page's address stands above what scrolls, and is said again at the first alarm.
    """
    print(HINTS[demo] + ("" if address is None else f"The page: {address}\n"), flush=True)
    command = [sys.executable, "-m", "monitor", "watch", "--host", "127.0.0.1"]
    command += ["--port", str(daemon.broker_port), "--prefix", config.topic_prefix, "--until-stopped"]
    command += [] if address is None else ["--page", address]
    return subprocess.Popen(command, start_new_session=True)  # noqa: S603 - our own command
