"""Boxes as they are found under a conveyor: no clock, no disk space, no microphone, a wrong file."""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures_daemon import DaemonProcess
from fixtures_mosquitto import Mosquitto, Recorder, eventually

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]

MakeDaemon = Callable[..., DaemonProcess]
MakeRecorder = Callable[..., Recorder]
ODD_CLOCK = Path(__file__).resolve().parents[1] / "odd_clock"
SQUEALING = {
    "id": "pump-1",
    "kind": "simulated",
    "faults": [{"kind": "belt_squeal", "start_s": 0.2, "duration_s": 0.6}],
    "repeat_every_s": 4.0,
}


def mqtt(mosquitto: Mosquitto, prefix: str) -> dict[str, object]:
    return {"host": "127.0.0.1", "port": mosquitto.port, "prefix": prefix}


def test_systemd_is_told_ready_alive_and_stopping(
    mosquitto: Mosquitto, make_daemon: MakeDaemon, topic_prefix: str, tmp_path: Path
) -> None:
    daemon = make_daemon(mqtt=mqtt(mosquitto, topic_prefix), sources=[{**SQUEALING, "faults": []}])
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20.0)
        daemon.environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "4000000"}
        daemon.start()
        heard = ""
        while not {"READY=1", "WATCHDOG=1"} <= set(heard.splitlines()):
            heard += systemd.recv(4096).decode() + "\n"
        assert "listening to 1 of 1 sources" in heard
        daemon.stop()
        systemd.setblocking(False)
        rest = b""
        while b"STOPPING=1" not in rest:
            rest += systemd.recv(4096)


def test_a_clock_in_1970_is_no_reason_not_to_listen(
    mosquitto: Mosquitto,
    make_daemon: MakeDaemon,
    make_recorder: MakeRecorder,
    topic_prefix: str,
    tmp_path: Path,
) -> None:
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
    daemon = make_daemon(mqtt=mqtt(mosquitto, topic_prefix), sources=[SQUEALING], alarm={"off_delay_s": 0.0})
    offset_s = tmp_path / "offset"
    offset_s.write_text(str(30.0 - time.time()))
    daemon.environment = {"PYTHONPATH": str(ODD_CLOCK), "ODD_CLOCK": str(offset_s)}
    daemon.start()
    event = f"{topic_prefix}/pump-1/event"
    raised = recorder.wait_for(event, timeout_s=40, reason="limit").document
    assert raised["time"].startswith("1970-01-01T00:00:")
    assert raised["event_id"].startswith("pump-1-19700101T0000")
    recorder.wait_for(event, timeout_s=40, reason="cleared")

    offset_s.write_text("0")  # NTP has found the time
    seen = len(recorder.on(event))
    eventually(
        lambda: any(not h.document["time"].startswith("1970") for h in recorder.on(event)[seen:]),
        40,
        "events with the right time",
    )
    assert 0 == daemon.stop()
    heard = [h.document for h in recorder.on(event)]
    assert sorted(h["seq"] for h in heard) == [h["seq"] for h in heard], "order is by number, not by time"
    limits = [h["reason"] for h in heard if h["reason"] in {"limit", "cleared"}]
    assert all(first != second for first, second in itertools.pairwise(limits)), "raised and cleared in turn"


def test_a_microphone_that_is_not_there_is_waited_for_and_said_so(
    mosquitto: Mosquitto, make_daemon: MakeDaemon, make_recorder: MakeRecorder, topic_prefix: str
) -> None:
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
    missing = {"id": "fan-7", "kind": "microphone", "device": "alsa:CARD=Nowhere,DEV=0"}
    daemon = make_daemon(mqtt=mqtt(mosquitto, topic_prefix), sources=[missing, {**SQUEALING, "faults": []}])
    daemon.start()
    recorder.wait_for(f"{topic_prefix}/pump-1/score", timeout_s=30, quality="ok")
    assert all(h.document["value"] is None for h in recorder.on(f"{topic_prefix}/fan-7/score"))
    eventually(lambda: "Nowhere" in daemon.source("fan-7")["capture"]["reason"], 30, "the device's name")
    told = "no sound from fan-7; listening to 1 of 2 sources"
    eventually(lambda: (daemon.status() or {})["line"].startswith(told), 10, told)


def test_with_a_full_disk_alarms_are_told_and_kept_and_clips_are_given_up(
    mosquitto: Mosquitto,
    make_daemon: MakeDaemon,
    make_recorder: MakeRecorder,
    topic_prefix: str,
) -> None:
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
    daemon = make_daemon(
        mqtt=mqtt(mosquitto, topic_prefix),
        alarm={"off_delay_s": 0.0},
        store={"min_free_bytes": 10**15},
        sources=[SQUEALING],
    )
    daemon.start()
    event = f"{topic_prefix}/pump-1/event"
    recorder.wait_for(event, timeout_s=40, reason="limit")
    recorder.wait_for(event, timeout_s=40, reason="cleared")
    eventually(lambda: (daemon.status() or {})["box"]["clips_error"], 30, "a named state")
    assert not list(daemon.state_dir.rglob("*.npz"))
    assert 0 == daemon.stop()


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ({"id": "f", "kind": "file", "path": "/nowhere.wav"}, "/nowhere.wav"),
        ({"id": "f", "kind": "file", "path": __file__}, "test_odd_boxes.py"),
        ({"id": "f", "kind": "simulated", "bundle": "/nowhere"}, "no bundle here"),
    ],
)
def test_what_can_never_work_ends_at_the_start_with_one_sentence(
    make_daemon: MakeDaemon, source: dict[str, object], sentence: str
) -> None:
    daemon = make_daemon(mqtt={"enabled": False}, sources=[source])
    started_s = time.monotonic()
    daemon.start()
    assert 2 == daemon.wait_end(20)
    assert time.monotonic() - started_s < 15
    assert sentence in daemon.log()
    assert "Traceback" not in daemon.log()
