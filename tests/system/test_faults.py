"""What breaks around the daemon: it is killed, the broker goes, the microphone's server dies."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import pytest
from fixtures_daemon import DaemonProcess
from fixtures_mosquitto import Heard, Mosquitto, Recorder, eventually, retained
from fixtures_pulse import PulseMicrophone

from monitor.messages import Float32
from monitor.simulate import SimulatedMachine
from monitor.store import open_store

pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(400)]

MakeDaemon = Callable[..., DaemonProcess]
MakeRecorder = Callable[..., Recorder]
KILLS = 20
MINUTES = 5
FLAPPING = {
    "id": "pump-1",
    "kind": "simulated",
    # short faults from the start on, so that each short life sees alarms come and go
    "faults": [{"kind": "belt_squeal", "start_s": 0.2, "duration_s": 0.6, "severity": 2.0}],
    "repeat_every_s": 4.0,
}


def mqtt(mosquitto: Mosquitto, prefix: str) -> dict[str, object]:
    return {"host": "127.0.0.1", "port": mosquitto.port, "prefix": prefix}


def stored_transitions(daemon: DaemonProcess) -> dict[int, dict[str, Any]]:
    """All transitions of all events, by seq, as the store has them."""
    with closing(open_store(daemon.state_dir, read_only=True)) as store:
        assert [("ok",)] == [tuple(row) for row in store.database.rows("PRAGMA integrity_check")]
        rows = store.database.rows("SELECT seq, body FROM transitions ORDER BY seq")
        return {row["seq"]: json.loads(row["body"]) for row in rows}


def by_seq(heard: Sequence[Heard]) -> dict[int, dict[str, Any]]:
    """What was received, by seq; the same seq must never tell two stories."""
    told: dict[int, dict[str, Any]] = {}
    for document in (h.document for h in heard):
        assert told.setdefault(document["seq"], document) == document
    return told


@pytest.mark.timeout(900)
def test_killed_at_any_moment_it_loses_nothing_and_tells_nothing_twice_under_another_name(
    mosquitto: Mosquitto, make_daemon: MakeDaemon, make_recorder: MakeRecorder, topic_prefix: str
) -> None:
    chance = random.Random(20)
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
    daemon = make_daemon(
        mqtt=mqtt(mosquitto, topic_prefix),
        alarm={"off_delay_s": 0.0},
        # as fast as it can: then alarms come and go in any moment, however slow the box is
        sources=[{**FLAPPING, "pace": "fast"}],
    )
    acknowledged: set[str] = set()
    for life in range(KILLS):
        daemon.start()
        daemon.wait_listening()
        deadline_s = time.monotonic() + chance.uniform(0.1, 1.5)
        number = 0
        while time.monotonic() < deadline_s:
            number += 1
            command = {"id": f"{life}-{number}", "action": "ack", "actor": "anna"}
            recorder.send(f"{topic_prefix}/pump-1/command", json.dumps(command).encode())
            time.sleep(chance.uniform(0.0, 0.1))
        daemon.kill()
    # one quiet life more, so that the outbox can empty
    daemon.rewrite(sources=[{**FLAPPING, "faults": []}])
    daemon.start()
    daemon.wait_listening()
    eventually(lambda: (daemon.status() or {})["box"]["outbox_records"] == 0, 90, "an empty outbox")
    assert 0 == daemon.stop()

    kept = stored_transitions(daemon)
    event = f"{topic_prefix}/pump-1/event"
    eventually(
        lambda: len(by_seq(recorder.on(event))) >= len(kept), what="what the broker has to be handed out"
    )
    told = by_seq(recorder.on(event))
    assert len(kept) > KILLS / 2, "the test must see alarms"
    assert sorted(kept) == sorted(told)
    for seq, body in kept.items():
        assert body["event_id"] == told[seq]["event_id"]
        assert body["new_state"] == told[seq]["new_state"]
    first_heard = list(dict.fromkeys(h.document["seq"] for h in recorder.on(event)))
    assert sorted(first_heard) == first_heard, "events arrive in order"
    for heard in recorder.on(f"{topic_prefix}/pump-1/reply"):
        if heard.document["result"] == "done":
            acknowledged.add(heard.document["id"])
    assert acknowledged, "the test must acknowledge something"
    with closing(open_store(daemon.state_dir, read_only=True)) as store:
        assert all(store.reply_to(command_id) for command_id in acknowledged)
    assert not list(daemon.state_dir.rglob("*.part"))


def test_events_of_a_long_outage_arrive_in_order_and_scores_are_thinned(
    mosquitto: Mosquitto, make_daemon: MakeDaemon, make_recorder: MakeRecorder, topic_prefix: str
) -> None:
    daemon = make_daemon(
        mqtt=mqtt(mosquitto, topic_prefix),
        alarm={"off_delay_s": 0.0, "acknowledge_required": False},
        sources=[{**FLAPPING, "pace": "fast", "duration_s": 60.0 * MINUTES}],
    )
    mosquitto.stop()
    daemon.start()
    assert 0 == daemon.wait_end(200), daemon.log()
    kept = stored_transitions(daemon)
    assert len([body for body in kept.values() if body["reason"] == "limit"]) > 20
    with closing(open_store(daemon.state_dir, read_only=True)) as store:
        waiting = store.outbox_depth()  # the last status may be older than the last score
    # one score a minute, the highest, and every event
    assert len(kept) + MINUTES - 1 <= waiting <= len(kept) + MINUTES + 2

    mosquitto.start()
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
    (daemon.state_dir / "status.json").unlink()
    daemon.start()
    event = f"{topic_prefix}/pump-1/event"
    eventually(lambda: len(recorder.on(event)) >= len(kept), 90, "all events of the outage")
    told = [heard.document["seq"] for heard in recorder.on(event)][: len(kept)]
    assert sorted(kept) == told

    def historical() -> list[dict[str, Any]]:
        scores = (heard.document for heard in recorder.on(f"{topic_prefix}/pump-1/score"))
        return [score for score in scores if score["historical"]]

    eventually(lambda: len(historical()) >= MINUTES - 1, 90, "the scores of the outage")
    assert all(score["value"] is not None for score in historical())
    daemon.kill()


def test_a_broker_that_comes_back_is_told_everything_again(
    mosquitto: Mosquitto, make_daemon: MakeDaemon, topic_prefix: str
) -> None:
    daemon = make_daemon(mqtt=mqtt(mosquitto, topic_prefix), sources=[{**FLAPPING, "faults": []}])
    daemon.start()
    daemon.wait_listening()
    mosquitto.stop()  # it keeps nothing: retained messages are gone
    eventually(lambda: (daemon.status() or {})["box"]["broker"] == "away", 20, "broker away")
    mosquitto.start()
    eventually(lambda: (daemon.status() or {})["box"]["broker"] == "connected", 40, "broker back")
    wanted = {f"{topic_prefix}/status", f"{topic_prefix}/pump-1/health", f"{topic_prefix}/pump-1/alarm"}
    eventually(lambda: wanted <= set(retained(mosquitto.port, f"{topic_prefix}/#")), 20, "retained state")
    daemon.kill()
    status = f"{topic_prefix}/status"
    eventually(lambda: retained(mosquitto.port, status)[status].document["state"] == "offline", 60)


def normal_sound(seconds: float) -> Float32:
    return SimulatedMachine("pump", seed=1, sample_rate_hz=48_000).next_samples(int(48_000 * seconds))


@pytest.mark.microphone
def test_a_sound_server_that_dies_is_a_gap_and_neither_an_alarm_nor_normal(
    mosquitto: Mosquitto,
    pulse_microphone: PulseMicrophone,
    make_daemon: MakeDaemon,
    make_recorder: MakeRecorder,
    topic_prefix: str,
) -> None:
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
    daemon = make_daemon(
        mqtt=mqtt(mosquitto, topic_prefix),
        sources=[{"id": "pump-1", "kind": "microphone", "device": "default", "sample_rate_hz": 48_000}],
    )
    sound = normal_sound(40.0)
    pulse_microphone.feed(sound)
    daemon.start()
    score, health = f"{topic_prefix}/pump-1/score", f"{topic_prefix}/pump-1/health"
    recorder.wait_for(health, timeout_s=90, state="healthy", quality="ok")
    eventually(lambda: len(recorder.on(score)) >= 4, 30, "scores")

    pulse_microphone.kill_server()
    eventually(lambda: daemon.source("pump-1")["capture"]["state"] in {"alarmed", "recovering"}, 15)
    recorder.wait_for(score, timeout_s=20, quality="absent", value=None)
    recorder.wait_for(f"{topic_prefix}/pump-1/alarm", timeout_s=20, uncertain=True)
    pulse_microphone.start()
    pulse_microphone.feed(sound)
    gone = len(recorder.on(score))
    eventually(
        lambda: any(h.document["quality"] == "ok" for h in recorder.on(score)[gone:]), 60, "sound again"
    )
    eventually(lambda: daemon.source("pump-1")["capture"]["state"] == "healthy", 20, "healthy again")
    recorder.wait_for(f"{topic_prefix}/pump-1/alarm", timeout_s=20, uncertain=False, reason="certain")
    assert 0 == daemon.stop()

    documents = [heard.document for heard in recorder.on(score)]
    assert {"ok", "gap", "absent"} <= {document["quality"] for document in documents}
    assert all((d["value"] is None) == (d["quality"] != "ok") for d in documents)
    reasons = [heard.document["reason"] for heard in recorder.on(f"{topic_prefix}/pump-1/event")]
    assert not {"limit", "cleared"} & set(reasons), "a dead microphone raised or cleared an alarm"
    source = daemon.source("pump-1")
    ledger, capture = source["ledger"], source["capture"]
    assert ledger["received"] + ledger["lost"] == ledger["windowed"] + ledger["skipped"] + ledger["pending"]
    assert capture["lost_samples"] > 48_000
    heard_samples = capture["received_samples"] + capture["lost_samples"]
    assert ledger["received"] + ledger["lost"] == pytest.approx(heard_samples / 3, abs=2)
