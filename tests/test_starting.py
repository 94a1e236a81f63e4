"""A start that builds a plan says so to systemd, status.json and the log, and a fallback is never silent."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fixtures_mosquitto import eventually
from fixtures_tensorrt import Install

import monitor.starting
from monitor.config import Config, parse_config
from monitor.daemon import Daemon
from monitor.models import open_models
from monitor.notify import Notifier
from monitor.starting import StartReport
from monitor.testing import CapturedLog
from monitor.testing.tensorrt_fake import FakeTensorRT


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[tuple[Notifier, socket.socket]]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.setblocking(False)
        yield Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")}), sock


def heard(sock: socket.socket) -> list[str]:
    messages = []
    with contextlib.suppress(BlockingIOError):
        while True:
            messages.append(sock.recv(2000).decode())
    return messages


def config(tmp_path: Path, **engine: Any) -> Config:  # noqa: ANN401 - whatever YAML holds
    tree = {
        "state_dir": str(tmp_path / "state"),
        "sources": [{"id": "p1", "kind": "simulated"}],
        "mqtt": {"enabled": False},
        "engine": engine,
    }
    return parse_config(yaml.safe_dump(tree), name="test")


def test_what_takes_long_is_repeated_until_the_start_is_over(
    tmp_path: Path, systemd: tuple[Notifier, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor.starting, "TELL_EVERY_S", 0.05)
    notifier, sock = systemd
    with contextlib.closing(StartReport(notifier, tmp_path, CapturedLog())) as report:
        assert [] == heard(sock), "a start that is quick says nothing"
        report.say("building a plan")
        messages = list[str]()
        eventually(lambda: messages.extend(heard(sock)) or len(messages) >= 3, what="three words to systemd")  # type: ignore[func-returns-value]
        status = json.loads((tmp_path / "status.json").read_text())
    messages += heard(sock)
    assert {"EXTEND_TIMEOUT_USEC=60000000\nSTATUS=starting: building a plan"} == set(messages)
    assert "starting: building a plan" == status["line"]
    assert [] == status["sources"]
    time.sleep(0.15)
    assert [] == heard(sock), "nothing asks for more time once it is over"


def test_a_start_that_hangs_is_left_to_systemd(
    tmp_path: Path, systemd: tuple[Notifier, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor.starting, "TELL_EVERY_S", 0.02)
    monkeypatch.setattr(monitor.starting, "START_LIMIT_S", 0.1)
    notifier, sock = systemd
    with contextlib.closing(StartReport(notifier, tmp_path, CapturedLog())) as report:
        report.say("building a plan")

        def is_quiet() -> bool:
            time.sleep(0.2)
            return [] == heard(sock)

        eventually(lambda: heard(sock), what="a first word")
        eventually(is_quiet, what="silence")


def test_the_daemon_builds_at_its_first_start_and_says_so(
    tmp_path: Path, systemd: tuple[Notifier, socket.socket], install: Install
) -> None:
    box = install(FakeTensorRT(build_s=0.3))
    notifier, sock = systemd
    log = CapturedLog()
    daemon = Daemon(config(tmp_path, backend="tensorrt"), log=log, notifier=notifier)
    first, *_, last = (message for message in heard(sock) if message.startswith("EXTEND_TIMEOUT_USEC="))
    assert first.endswith("STATUS=starting: opening the models and their engines")
    assert "STATUS=starting: building the TensorRT plan of mae-" in last
    sock.close()  # nobody reads on
    stop = threading.Event()

    def stop_when_heard() -> None:
        try:
            eventually(lambda: daemon._book.sources()[0].windows, what="a window")
        finally:
            stop.set()

    waiting = threading.Thread(target=stop_when_heard)
    waiting.start()
    assert 0 == daemon.run(stop)
    waiting.join()
    (source,) = json.loads((tmp_path / "state" / "status.json").read_text())["sources"]
    assert ("tensorrt 10.3.0 Orin fp32", "") == (source["backend"], source["fallback"])
    assert source["windows"] > 0
    assert 1 == box.builds
    Daemon(config(tmp_path, backend="tensorrt"), log=log, notifier=Notifier({}))
    assert 1 == box.builds, "the second start has the plan"


def test_a_start_that_builds_nothing_asks_for_more_time_too(
    tmp_path: Path, systemd: tuple[Notifier, socket.socket]
) -> None:
    notifier, sock = systemd
    stop = threading.Event()
    stop.set()
    Daemon(config(tmp_path, backend="onnxruntime"), log=CapturedLog(), notifier=notifier).run(stop)
    status = "STATUS=starting: opening the models and their engines"
    assert f"EXTEND_TIMEOUT_USEC=60000000\n{status}" in heard(sock)


def test_the_daemon_that_falls_back_says_so_in_its_log_and_status(tmp_path: Path, install: Install) -> None:
    install(FakeTensorRT(drift=1.01))
    log = CapturedLog()
    daemon = Daemon(config(tmp_path), log=log, notifier=Notifier({}))
    stop = threading.Event()
    stop.set()
    daemon.run(stop)
    (facts,) = (facts for level, event, facts in log.lines if (level, event) == ("warning", FELL_BACK))
    assert "strays from what training saw" in facts["reason"]
    (source,) = json.loads((tmp_path / "state" / "status.json").read_text())["sources"]
    assert source["backend"].startswith("onnxruntime ")
    assert source["fallback"].startswith("tensorrt: ")


FELL_BACK = "a better backend does not answer"


def test_no_plan_is_built_where_the_configuration_forbids_it(tmp_path: Path, install: Install) -> None:
    box = install(FakeTensorRT())
    engine = open_models(config(tmp_path, build_plans=False))["p1"].engine
    assert 0 == box.builds
    assert engine.backend.startswith("onnxruntime ")
    assert "wheeltapper engine build" in engine.fallback


def test_the_profile_is_the_configurations(tmp_path: Path, install: Install) -> None:
    install(FakeTensorRT())
    open_models(config(tmp_path, opt_batch=3, max_batch=12))
    (sidecar,) = (tmp_path / "state" / "engines").glob("*.json")
    key = json.loads(sidecar.read_text())["key"]
    assert (1, 3, 12) == (key["min_batch"], key["opt_batch"], key["max_batch"])
