"""A real Mosquitto on a free port of this machine, and a subscriber that remembers what it heard."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
PATIENCE_MAX = 8.0
"""A box that is busier than that is none to test on."""
LEAST_S = 30.0
"""What is merely to happen may take so long: a box that builds stands still for seconds at times."""
PORTS = range(20_000, 32_000)
"""Below those that Linux gives to lines that go out (ip_local_port_range): none of them takes one between
the question whether it is free and its use, or while a broker is down that comes back."""
WORKERS_MAX = 12
_PORTS = itertools.count(os.getpid())


def free_port() -> int:
    """Return a port that nobody listens on, of this worker's own, and another one each time."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS_MAX
    own = PORTS[worker::WORKERS_MAX]
    for _ in own:
        port = own[next(_PORTS) % len(own)]
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError(f"no port is free in {PORTS}")


def patience() -> float:
    """How many times longer things may take now: as many as there are programs for each core."""
    return min(max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)), PATIENCE_MAX)


def eventually(claim: Callable[[], object], timeout_s: float = LEAST_S, what: str = "it") -> None:
    """Wait until `claim` is true, or fail: that it happens is claimed, not how soon.

    `timeout_s` on a box that does nothing else; anything below LEAST_S counts as that.
    """
    began_s = time.monotonic()
    bound_s = max(timeout_s, LEAST_S)
    while not claim():
        waited_s = time.monotonic() - began_s
        assert waited_s < bound_s * patience(), f"{what} did not happen within {waited_s:.1f} s"
        time.sleep(0.01)


class Mosquitto:
    """A broker that can be started, stopped, killed, hung and started again on the same port."""

    def __init__(
        self,
        folder: Path,
        *,
        persistent: bool = False,
        login: tuple[str, str] | None = None,
        more_lines: tuple[str, ...] = (),
    ) -> None:
        """`more_lines` go below the listener, for TLS or limits."""
        assert MOSQUITTO is not None
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        lines = ["user root", "max_queued_messages 0", f"listener {self.port} 127.0.0.1", *more_lines]
        if persistent:
            lines += ["persistence true", f"persistence_location {folder}/"]
        if login is None:
            lines += ["allow_anonymous true"]
        else:
            passwords = folder / "passwords"
            passwords.touch(mode=0o600)
            command = ["mosquitto_passwd", "-b", str(passwords), *login]
            subprocess.run(command, check=True, capture_output=True)
            lines += ["allow_anonymous false", f"password_file {passwords}"]
        self._config = folder / "mosquitto.conf"
        self._config.write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        """Start, and wait until it listens."""
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(MOSQUITTO), "-c", str(self._config)], stdout=log, stderr=log
            )
        eventually(self._listens, what="mosquitto")

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "mosquitto.log").read_text()
        with socket.socket() as probe:
            probe.settimeout(1.0)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def log(self) -> str:
        """What it has written so far."""
        return (self._folder / "mosquitto.log").read_text()

    def stop(self) -> None:
        """End it in order: persistence is written."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start on the same port; without persistence it has forgotten everything."""
        self.stop()
        self.start()

    def reload(self) -> None:
        """Have it read its passwords and access list again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def hang(self) -> None:
        """Let it stop answering while its connections stay open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it answer again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            if how is not signal.SIGKILL:
                self.go_on()  # a hung process takes nothing but SIGKILL
            try:
                self._process.wait(3)
            except subprocess.TimeoutExpired:
                # it forgets a SIGTERM that comes between its start and its main loop
                self._process.send_signal(how)
                self._process.wait(60)
            self._process = None


@dataclass(frozen=True, slots=True)
class Heard:
    topic: str
    payload: bytes
    qos: int
    retain: bool

    @property
    def document(self) -> dict[str, Any]:
        tree = json.loads(self.payload)
        assert isinstance(tree, dict)
        return tree


class Recorder:
    """A subscriber that remembers every message and comes back after an outage.

    With `durable` the broker keeps what comes while the recorder is away, if the broker itself does.
    """

    def __init__(
        self, port: int, topic_filter: str, *, durable: bool = False, login: tuple[str, str] | None = None
    ) -> None:
        self.heard: list[Heard] = []
        self._subscribed = threading.Event()
        self._filter = topic_filter
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"recorder-{uuid.uuid4().hex[:12]}",
            clean_session=not durable,
        )
        if login is not None:
            self._client.username_pw_set(*login)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(LEAST_S), "the recorder could not subscribe"

    def _on_connect(self, *_details: object) -> None:
        self._client.subscribe(self._filter, qos=1)

    def _on_subscribe(self, *_details: object) -> None:
        self._subscribed.set()

    def _on_message(self, _client: object, _userdata: object, message: mqtt.MQTTMessage) -> None:
        self.heard.append(Heard(message.topic, bytes(message.payload), message.qos, message.retain))

    def on(self, topic: str) -> list[Heard]:
        """Return what came on one topic."""
        return [heard for heard in list(self.heard) if heard.topic == topic]

    def wait_for(self, topic: str, *, timeout_s: float = LEAST_S, **fields: object) -> Heard:
        """Return the first message on `topic` whose document has these fields."""

        def matching() -> list[Heard]:
            return [heard for heard in self.on(topic) if fields.items() <= heard.document.items()]

        eventually(matching, timeout_s, f"{topic} with {fields}")
        return matching()[0]

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish as an operator would, and wait until the broker has it."""
        sent = self._client.publish(topic, payload, qos=1, retain=retain)
        sent.wait_for_publish(LEAST_S)
        assert sent.is_published(), f"the broker did not take {topic}"

    def also(self, topic_filter: str) -> None:
        """Hear what this filter lets through, too."""
        self._subscribed.clear()
        self._client.subscribe(topic_filter, qos=1)
        assert self._subscribed.wait(LEAST_S), "the recorder could not subscribe"

    def close(self) -> None:
        self._client.disconnect()
        end_thread(self._client)


def end_thread(client: mqtt.Client) -> None:
    """Wait until a client's network thread has ended, which is to end."""
    with contextlib.suppress(AttributeError):  # paho joins it, and it may have ended just before
        client.loop_stop()


def retained(port: int, topic_filter: str) -> dict[str, Heard]:
    """Return what a newcomer is told: the retained messages, by topic."""
    recorder = Recorder(port, topic_filter)
    sentinel = f"retained-check/{uuid.uuid4().hex}"
    recorder.also(sentinel)
    recorder.send(sentinel, b"{}")
    # one line, in order: what was retained came before it
    eventually(lambda: recorder.on(sentinel), what="the end of what is retained")
    recorder.close()
    return {heard.topic: heard for heard in recorder.heard if heard.retain}


@pytest.fixture
def make_mosquitto(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    """A function that starts a Mosquitto; all are ended with the test."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    brokers: list[Mosquitto] = []

    def make(
        *,
        persistent: bool = False,
        login: tuple[str, str] | None = None,
        more_lines: tuple[str, ...] = (),
    ) -> Mosquitto:
        folder = tmp_path / f"mosquitto{len(brokers)}"
        broker = Mosquitto(folder, persistent=persistent, login=login, more_lines=more_lines)
        brokers.append(broker)
        broker.start()
        return broker

    yield make
    for broker in brokers:
        broker.kill()


@pytest.fixture
def mosquitto(make_mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    """A running Mosquitto without persistence and without a password."""
    return make_mosquitto()


@pytest.fixture
def topic_prefix(request: pytest.FixtureRequest) -> str:
    """A topic prefix of this test's own."""
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)[:60]
    return f"test/{name}/{os.getpid()}-{uuid.uuid4().hex[:6]}"


@pytest.fixture
def make_recorder() -> Iterator[Callable[..., Recorder]]:
    """A function that starts a Recorder(port, filter, durable=, login=); all are closed with the test."""
    recorders: list[Recorder] = []

    def make(
        port: int, topic_filter: str, *, durable: bool = False, login: tuple[str, str] | None = None
    ) -> Recorder:
        recorders.append(Recorder(port, topic_filter, durable=durable, login=login))
        return recorders[-1]

    yield make
    for recorder in recorders:
        recorder.close()
