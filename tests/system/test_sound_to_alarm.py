"""Sound in, alarm out: the whole path, with a real broker and the embedded bundle."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import numpy as np
import pytest
import soundfile
from fixtures_daemon import DaemonProcess
from fixtures_mosquitto import Mosquitto, Recorder, eventually, retained

from monitor.store import open_store

pytestmark = [pytest.mark.broker, pytest.mark.timeout(400)]

MakeDaemon = Callable[..., DaemonProcess]
MakeRecorder = Callable[..., Recorder]


def mqtt(mosquitto: Mosquitto, prefix: str) -> dict[str, object]:
    return {"host": "127.0.0.1", "port": mosquitto.port, "prefix": prefix}


def pump(*faults: dict[str, object], **more: object) -> dict[str, object]:
    return {"id": "pump-1", "kind": "simulated", "machine": "pump", "faults": list(faults), **more}


@pytest.mark.slow
def test_a_fault_raises_one_alarm_which_clears_and_leaves_sound_and_maps(
    mosquitto: Mosquitto, make_daemon: MakeDaemon, make_recorder: MakeRecorder, topic_prefix: str
) -> None:
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
    daemon = make_daemon(
        mqtt=mqtt(mosquitto, topic_prefix),
        alarm={"off_delay_s": 2.0},
        store={"min_free_bytes": 0},
        sources=[pump({"kind": "bearing", "start_s": 6, "duration_s": 6})],
    )
    daemon.start()
    event, alarm = f"{topic_prefix}/pump-1/event", f"{topic_prefix}/pump-1/alarm"
    raised = recorder.wait_for(event, timeout_s=60, reason="limit").document
    assert ("normal", "unacknowledged") == (raised["old_state"], raised["new_state"])
    recorder.wait_for(f"{topic_prefix}/pump-1/map", timeout_s=10)
    cleared = recorder.wait_for(event, timeout_s=60, reason="cleared").document
    assert (raised["event_id"], "returned") == (cleared["event_id"], cleared["new_state"])
    assert cleared["peak"] >= raised["peak"] >= 1.0
    assert cleared["seq"] > raised["seq"]

    recorder.send(f"{topic_prefix}/pump-1/command", b'{"id": "c1", "action": "ack", "actor": "anna"}')
    reply = recorder.wait_for(f"{topic_prefix}/pump-1/reply", id="c1").document
    assert ("done", "normal") == (reply["result"], reply["state"])
    assert "anna" == recorder.wait_for(event, reason="acknowledged").document["actor"]
    # the event is told from the store, the state by whoever judges: either may be first
    eventually(lambda: retained(mosquitto.port, alarm)[alarm].document["state"] == "normal", what="its state")

    eventually(lambda: list(daemon.state_dir.rglob("*.flac")), 30, "a clip")
    assert 0 == daemon.stop()
    status = f"{topic_prefix}/status"
    assert "stopped" == retained(mosquitto.port, status)[status].document["state"]
    assert 1 == len(recorder.heard and {h.document["event_id"] for h in recorder.on(event)} - {None})

    with closing(open_store(daemon.state_dir, read_only=True)) as store:
        (stored,) = store.events(10)
        (clip,) = store.clips(stored.event_id)
        windows = store.windows(stored.event_id)
    assert (raised["event_id"], "anna") == (stored.event_id, stored.acknowledged_by)
    samples, rate_hz = soundfile.read(daemon.state_dir / clip.path)
    assert 48_000 == rate_hz
    assert clip.duration_s == pytest.approx(len(samples) / rate_hz)
    assert clip.start_s < 6.0, "the pre-roll begins before the fault"
    assert windows
    maps = np.load(daemon.state_dir / windows[0].path)
    assert (128, 64) == maps["error_map"].shape


@pytest.mark.slow
def test_a_dead_microphone_is_never_an_alarm_and_never_normal(
    mosquitto: Mosquitto, make_daemon: MakeDaemon, make_recorder: MakeRecorder, topic_prefix: str
) -> None:
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
    daemon = make_daemon(
        mqtt=mqtt(mosquitto, topic_prefix),
        sources=[pump({"kind": "dropout", "start_s": 4, "duration_s": 4})],
    )
    daemon.start()
    recorder.wait_for(f"{topic_prefix}/pump-1/alarm", timeout_s=30, uncertain=True)
    recorder.wait_for(f"{topic_prefix}/pump-1/alarm", timeout_s=30, uncertain=False, reason="certain")
    scores = [heard.document for heard in recorder.on(f"{topic_prefix}/pump-1/score")]
    bad = [score for score in scores if score["quality"] != "ok"]
    assert bad
    assert all(score["value"] is None and score["profile"] is None for score in bad)
    events = [heard.document["reason"] for heard in recorder.on(f"{topic_prefix}/pump-1/event")]
    assert {"uncertain", "certain"} >= set(events)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_quarter_of_an_hour_of_normal_sound_keeps_the_budget_and_every_sample_is_accounted_for(
    make_daemon: MakeDaemon,
) -> None:
    """The budget over an hour: training/test_demo_bundles.py. Here the daemon accounts for a whole stream."""
    seconds, rate_hz = 900, 16_000
    daemon = make_daemon(
        mqtt={"enabled": False},
        # a day of this pump that nothing was trained or calibrated on
        sources=[pump(pace="fast", duration_s=seconds, seed=901)],
    )
    daemon.start()
    assert 0 == daemon.wait_end(380)
    raised = [entry for entry in daemon.events("alarm") if entry["reason"] == "limit"]
    assert not raised, "the budget is one a week"

    source = daemon.source("pump-1")
    ledger = source["ledger"]
    assert seconds * rate_hz == ledger["received"] + ledger["lost"]
    assert ledger["received"] + ledger["lost"] == ledger["windowed"] + ledger["skipped"]
    assert 0 == ledger["pending"]
    assert ledger["lost"] < 512, "less than a frame hop: the stream's very last samples"
    assert 0 == source["dropped_windows"]
    windows = 1 + (seconds * rate_hz - 33_280) // (512 * 32)
    assert source["windows"] in {windows, windows + 1}, "the grid's windows and one for the tail"
