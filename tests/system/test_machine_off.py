"""A real daemon and a real broker: the plant says that the machine is off, and its alarm waits, visibly."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import pytest
from fixtures_daemon import DaemonProcess
from fixtures_mosquitto import Mosquitto, Recorder, eventually, retained
from fixtures_verbs import ran

from monitor.store import open_store

pytestmark = [pytest.mark.broker, pytest.mark.timeout(400)]
SIGNAL = "plant/line-3/pump-1"


@pytest.mark.slow
def test_the_plants_signal_suppresses_an_alarm_over_a_kill_and_releases_it(
    mosquitto: Mosquitto,
    make_daemon: Callable[..., DaemonProcess],
    make_recorder: Callable[..., Recorder],
    topic_prefix: str,
) -> None:
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
    plant = make_recorder(mosquitto.port, "plant/#")
    plant.send(SIGNAL, b'{"drive": {"on": 1}}', retain=True)
    daemon = make_daemon(
        mqtt={"host": "127.0.0.1", "port": mosquitto.port, "prefix": topic_prefix},
        alarm={"off_delay_s": 0.0},
        store={"min_free_bytes": 0},
        sources=[
            {
                "id": "pump-1",
                "kind": "simulated",
                "machine": "pump",
                "faults": [{"kind": "bearing", "start_s": 3, "duration_s": 5}],
                "off": {
                    "signal": {"kind": "mqtt", "topic": SIGNAL, "json_path": "drive.on"},
                    "settle_s": 1,
                },
            }
        ],
    )
    event, health = f"{topic_prefix}/pump-1/event", f"{topic_prefix}/pump-1/health"
    daemon.start()
    raised = recorder.wait_for(event, timeout_s=60, reason="limit").document

    plant.send(SIGNAL, b'{"drive": {"on": 0}}', retain=True)
    off = recorder.wait_for(event, timeout_s=20, reason="machine_off").document
    assert ("unacknowledged", "suppressed", True) == (off["old_state"], off["new_state"], off["active"])
    assert (raised["event_id"], "the plant's signal") == (off["event_id"], off["off_reason"])
    recorder.wait_for(health, timeout_s=20, machine="off", quality="off", off_signal="off")
    sentences = ("off: pump-1 (the plant's signal)", "machine off: the plant's signal", "alarm suppressed")
    eventually(
        lambda: all(one in ran("status", "--state-dir", daemon.state_dir).out for one in sentences),
        what="the status to say so, which is written after the broker is told",
    )

    daemon.kill()
    recorder.heard.clear()
    daemon.start()
    recorder.wait_for(health, timeout_s=60, machine="off", off_signal="off")
    alarm = f"{topic_prefix}/pump-1/alarm"
    now = retained(mosquitto.port, alarm)[alarm].document
    assert ("suppressed", raised["event_id"]) == (now["state"], now["event_id"])

    plant.send(SIGNAL, b'{"drive": {"on": 1}}', retain=True)
    on = recorder.wait_for(event, timeout_s=30, reason="machine_on").document
    assert ("suppressed", "unacknowledged", None) == (on["old_state"], on["new_state"], on["off_reason"])
    cleared = recorder.wait_for(event, timeout_s=60, reason="cleared").document
    assert raised["event_id"] == cleared["event_id"]
    reasons = [heard.document["reason"] for heard in recorder.on(event)]
    assert ["machine_on"] == [one for one in reasons if one.startswith("machine")]
    assert 0 == daemon.stop()
    with closing(open_store(daemon.state_dir, read_only=True)) as store:
        assert [raised["event_id"]] == [one.event_id for one in store.events(10)]
