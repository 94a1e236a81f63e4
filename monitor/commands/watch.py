"""`wheeltapper watch`: what the broker carries, readable: what a subscriber gets, told by no daemon."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.config import MqttConfig, load_config
from monitor.publish.lines import INDENT, LineWriter, plain
from monitor.publish.subscriber import Arrival, Subscriber

DEFAULT_CONFIG = Path("config.yaml")
DEFAULT_PREFIX = "wheeltapper"
"""Without a configuration: every box of the plant."""
QUIET_S = 10.0
"""After so long without a message, say what may be wrong."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What is watched, and where."""

    mqtt: MqttConfig
    """How to reach the broker; its host is a real one, never `embedded`."""
    prefix: str
    """Everything below this topic is watched; without a slash at its end."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        "--config", type=Path, help="the daemon's configuration; default: ./config.yaml if any"
    )
    parser.add_argument("--host", help="the broker; default: the configuration's, else 127.0.0.1")
    parser.add_argument("--port", type=int, help="default: the configuration's, else 1883")
    parser.add_argument(
        "--prefix", help="start of the topics; default: the configuration's, else wheeltapper"
    )
    parser.add_argument("--seconds", type=float, help="stop after this long; default: never")
    parser.add_argument("--until-stopped", action="store_true", help="stop when a box says that it stopped")
    parser.add_argument("--page", default="", help="say this address at the first alarm")
    parser.add_argument("--json", action="store_true", help="one JSON object a message, maps too")


def run(args: argparse.Namespace) -> int:
    """Print messages until the time is over; 0 when something came, 1 when nothing did.

    Raises:
        PublishError: The broker cannot be reached or refuses us.
        ConfigError: The configuration cannot be read.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without block characters still shows numbers
    subscription = subscription_from_arguments(args)
    subscriber = Subscriber(subscription.mqtt, subscription.prefix)
    printer = Printer(subscriber.prefix, as_json=args.json, colours=wants_colours(), page=args.page)
    subscriber.connect()
    try:
        return 0 if _watch(subscriber, printer, args.seconds, until_stopped=args.until_stopped) else 1
    finally:
        subscriber.close()


def subscription_from_arguments(args: argparse.Namespace) -> Subscription:
    """Return what the arguments ask for; they win over the configuration.

    Raises:
        ConfigError: The configuration cannot be read.
    """
    path = args.config or (DEFAULT_CONFIG if DEFAULT_CONFIG.is_file() and args.host is None else None)
    config = None if path is None else load_config(path)
    settings = MqttConfig() if config is None else config.mqtt
    host = args.host or ("127.0.0.1" if settings.host == "embedded" else settings.host)
    prefix = args.prefix or (DEFAULT_PREFIX if config is None else config.topic_prefix)
    changes = {"host": host, "port": settings.port if args.port is None else args.port}
    return Subscription(settings.model_copy(update=changes), prefix.rstrip("/"))


def wants_colours() -> bool:
    """Whether standard output is a terminal and nobody has set NO_COLOR."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


class Printer:
    """Prints arrivals, as lines for a person or as JSON for a program."""

    def __init__(self, prefix: str, *, as_json: bool, colours: bool, page: str = "") -> None:
        """`page`: the address that is said once, below the first alarm that is raised; empty: none."""
        self._prefix = prefix
        self._as_json = as_json
        self._writer = LineWriter(colours=colours)
        self._page = page

    def show(self, arrival: Arrival) -> None:
        """Print one arrival; some need no line."""
        if arrival.topic is None:
            print(arrival.payload.decode(), file=sys.stderr, flush=True)
            return
        document = document_from_payload(arrival.payload)
        if self._as_json:
            print(_json_line(arrival, document), flush=True)
            return
        name, _, kind = arrival.topic.removeprefix(f"{self._prefix}/").rpartition("/")
        if not arrival.payload:
            print(f"{plain(arrival.topic)}: no longer kept by the broker", flush=True)
            return
        if document is None:
            print(
                f"{plain(arrival.topic)}: {len(arrival.payload)} bytes that are no JSON document", flush=True
            )
            return
        for line in self._writer.lines(kind, name or "box", document, retained=arrival.retained):
            print(line, flush=True)
        if self._page and kind == "event" and _is_raised(document):
            print(f"{'':{INDENT}}to see and hear it: {self._page}", flush=True)
            self._page = ""


def _is_raised(event: Mapping[str, Any]) -> bool:
    return event.get("new_state") == "unacknowledged" != event.get("old_state")


def document_from_payload(payload: bytes) -> Mapping[str, Any] | None:
    """Return the JSON object in `payload`, or None when there is none."""
    try:
        tree = json.loads(payload.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return tree if isinstance(tree, dict) else None


def _json_line(arrival: Arrival, document: Mapping[str, Any] | None) -> str:
    tree: dict[str, object] = {"topic": arrival.topic, "retained": arrival.retained, "document": document}
    if document is None:
        tree["bytes"] = len(arrival.payload)
    return json.dumps(tree)


def _says_stopped(arrival: Arrival) -> bool:
    document = document_from_payload(arrival.payload)
    return not arrival.retained and document is not None and document.get("state") == "stopped"


def _watch(subscriber: Subscriber, printer: Printer, seconds: float | None, *, until_stopped: bool) -> int:
    """Print until the time is over; return how many messages came."""
    started_s = time.monotonic()
    heard, told_quiet, told_dropped = 0, False, 0
    while seconds is None or time.monotonic() - started_s < seconds:
        arrival = subscriber.next(0.2)
        if arrival is not None:
            heard += arrival.topic is not None
            printer.show(arrival)
            if until_stopped and _says_stopped(arrival):
                break
        elif not heard and not told_quiet and time.monotonic() - started_s > QUIET_S:
            told_quiet = True
            print(
                f"nothing on {subscriber.prefix}/# yet: is the daemon running, and is this its prefix?",
                file=sys.stderr,
                flush=True,
            )
        if subscriber.dropped > told_dropped:
            print(f"{subscriber.dropped - told_dropped} messages were not shown: too fast", file=sys.stderr)
            told_dropped = subscriber.dropped
    return heard
