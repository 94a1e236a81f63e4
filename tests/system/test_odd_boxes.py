"""Boxes as they are found under a conveyor: no clock, no disk space, no microphone, a wrong file."""

from __future__ import annotations

import itertools
import json
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fixtures_daemon import DaemonProcess
from fixtures_disk import DiskOf, fill
from fixtures_mosquitto import Mosquitto, Recorder, eventually, patience

from monitor.publish.fields import ms_from_rfc3339
from monitor.store import open_store
from monitor.store.reserve import RESERVE_BYTES

pytestmark = [pytest.mark.broker, pytest.mark.timeout(400)]

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
        systemd.settimeout(90.0)
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
    calm = {"id": "fan-7", "kind": "simulated"}
    daemon = make_daemon(
        mqtt=mqtt(mosquitto, topic_prefix), sources=[SQUEALING, calm], alarm={"off_delay_s": 0.0}
    )
    offset_s = tmp_path / "offset"
    offset_s.write_text(str(30.0 - time.time()))
    daemon.environment = {"PYTHONPATH": str(ODD_CLOCK), "ODD_CLOCK": str(offset_s)}
    began_s = time.time()
    daemon.start()
    event = f"{topic_prefix}/pump-1/event"
    raised = recorder.wait_for(event, timeout_s=40, reason="limit").document
    assert raised["time"].startswith("1970-01-01T00:0")
    assert raised["event_id"].startswith("pump-1-19700101T000")
    recorder.wait_for(event, timeout_s=40, reason="cleared")
    recorder.wait_for(f"{topic_prefix}/pump-1/health", clock_set=False)
    eventually(lambda: "the clock is not set" in (daemon.status() or {})["line"], what="the status to say so")
    shelve = {"id": "s1", "action": "shelve", "actor": "anna", "duration_s": 3600}
    recorder.send(f"{topic_prefix}/fan-7/command", json.dumps(shelve).encode())
    shelved = recorder.wait_for(f"{topic_prefix}/fan-7/alarm", state="shelved").document
    assert shelved["shelved_until"].startswith("1970-01-01T01:0")

    offset_s.write_text("0")  # NTP has found the time
    set_at_s = time.time()
    seen = len(recorder.on(event))
    eventually(
        lambda: any(not h.document["time"].startswith("1970") for h in recorder.on(event)[seen:]),
        40,
        "events with the right time",
    )
    recorder.wait_for(f"{topic_prefix}/pump-1/health", clock_set=True)

    def now() -> dict[str, Any]:
        return recorder.on(f"{topic_prefix}/fan-7/alarm")[-1].document

    eventually(lambda: not str(now()["shelved_until"]).startswith("1970"), what="when it ends, anew")
    assert "shelved" == now()["state"], "an hour is an hour"
    assert began_s + 3590 < ms_from_rfc3339(now()["shelved_until"]) / 1000 < set_at_s + 3610
    eventually(
        lambda: daemon.events("times of before the clock was set are put right"), 30, "times put right"
    )
    lag_s = [daemon.source(source_id)["lag_s"] for source_id in ("pump-1", "fan-7")]
    assert max(lag_s) < 60, "what was on its way is no 56 years old"
    assert 0 == daemon.stop()
    heard = [h.document for h in recorder.on(event)]
    assert sorted(h["seq"] for h in heard) == [h["seq"] for h in heard], "order is by number, not by time"
    limits = [h["reason"] for h in heard if h["reason"] in {"limit", "cleared"}]
    assert all(first != second for first, second in itertools.pairwise(limits)), "raised and cleared in turn"

    with closing(open_store(daemon.state_dir, read_only=True)) as store:
        kept = next(found for found in store.events(100) if found.event_id == raised["event_id"])
        assert began_s - 10 < kept.start_utc_s < set_at_s, "what was dated in 1970 is put right"
        assert kept.explanation is not None
        assert abs(kept.explanation.start_utc_s - kept.start_utc_s) < 3
        changes = store.transitions(kept.event_id)
        assert all(began_s - 10 < float(str(change["at_utc_s"])) < time.time() for change in changes)
        assert all(clip.start_utc_s > began_s - 10 for clip in store.clips(kept.event_id))


def test_a_microphone_that_is_not_there_is_waited_for_and_said_so(
    mosquitto: Mosquitto, make_daemon: MakeDaemon, make_recorder: MakeRecorder, topic_prefix: str
) -> None:
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
    missing = {"id": "fan-7", "kind": "microphone", "device": "alsa:CARD=Nowhere,DEV=0"}
    daemon = make_daemon(mqtt=mqtt(mosquitto, topic_prefix), sources=[missing, {**SQUEALING, "faults": []}])
    daemon.start()
    recorder.wait_for(f"{topic_prefix}/pump-1/score", timeout_s=30, quality="ok")
    assert all(h.document["value"] is None for h in recorder.on(f"{topic_prefix}/fan-7/score"))
    daemon.wait_listening()
    eventually(lambda: "Nowhere" in daemon.source("fan-7")["capture"]["reason"], 30, "the device's name")
    told = "no sound from fan-7; listening to 1 of 2 sources"
    eventually(lambda: (daemon.status() or {})["line"].startswith(told), what=told)


@pytest.mark.slow
def test_on_a_disk_that_something_else_fills_alarms_are_told_and_kept_and_all_comes_back(
    mosquitto: Mosquitto,
    make_daemon: MakeDaemon,
    make_recorder: MakeRecorder,
    topic_prefix: str,
    disk_of: DiskOf,
) -> None:
    disk = disk_of(8 * RESERVE_BYTES)
    state_dir = disk / "state"
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
    daemon = make_daemon(
        mqtt=mqtt(mosquitto, topic_prefix),
        alarm={"off_delay_s": 0.0},
        store={"min_free_bytes": RESERVE_BYTES, "post_roll_s": 0.0, "clip_every_s": 2.0},
        sources=[SQUEALING],
        state_dir=str(state_dir),
    )
    daemon.state_dir = state_dir

    def box() -> Mapping[str, Any]:
        return dict((daemon.status() or {"box": {}})["box"])

    def raised() -> list[int]:
        heard = recorder.on(f"{topic_prefix}/pump-1/event")
        return [h.document["seq"] for h in heard if h.document["reason"] == "limit"]

    daemon.start()
    eventually(raised, 40, "an alarm")
    eventually(lambda: box()["retention"]["reserve_bytes"] == RESERVE_BYTES, 20, "room held back for alarms")
    fill(disk / "ballast")
    before = len(raised())
    eventually(lambda: len(raised()) >= before + 2, 40, "alarms while nothing is free")
    eventually(lambda: box()["clips_error"], 20, "a named state")
    eventually(lambda: "room that was held back" in daemon.log(), what="the log to say how")
    (disk / "ballast").unlink()
    eventually(lambda: box()["retention"]["reserve_bytes"] == RESERVE_BYTES, 20, "the room held back again")
    eventually(lambda: not box()["clips_error"], 40, "clips again")
    assert 0 == daemon.stop()
    with closing(open_store(state_dir, read_only=True)) as store:
        rows = store.database.rows("SELECT seq FROM transitions")
        assert set(raised()) <= {row["seq"] for row in rows}
        assert (0, None) == (store.tidied.failed, store.recovered_from)


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
    daemon.start()
    assert 2 == daemon.wait_end(15 * patience())
    assert sentence in daemon.log()
    assert "Traceback" not in daemon.log()
