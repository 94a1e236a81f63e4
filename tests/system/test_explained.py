"""A fault is explained to whoever hears of it: broker, store and log; a kill does not end that."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from fixtures_daemon import DaemonProcess
from fixtures_mosquitto import Mosquitto, Recorder, eventually, patience, retained

from monitor.explanation import explanation_from_tree
from monitor.frontend import mel_from_hz
from monitor.publish.fields import rfc3339_from_utc_s
from monitor.simulate import SimulatedMachine
from monitor.simulate.schedule import Fault
from monitor.store import open_store

pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(400)]

MakeDaemon = Callable[..., DaemonProcess]
MakeRecorder = Callable[..., Recorder]
KIND = "hiss"
"""A worn bearing rolls over its flaw 87 times a second: to the ear, and to frames of 32 ms, a rattle."""


def pump(*, start_s: float, duration_s: float) -> dict[str, object]:
    fault = {"kind": "bearing", "start_s": start_s, "duration_s": duration_s}
    return {"id": "pump-1", "kind": "simulated", "machine": "pump", "faults": [fault]}


def overlap(finding: dict[str, Any]) -> float:
    """How much of the finding's band and the fault's is common to both, on the mel scale."""
    (truth,) = SimulatedMachine("pump", faults=[Fault("bearing", 0.0, 1.0)]).truth(1.0)
    edges = [(finding["low_hz"], finding["high_hz"]), (truth.low_hz, truth.high_hz)]
    (low, high), (true_low, true_high) = [[mel_from_hz(hz, "htk") for hz in band] for band in edges]
    common = min(high, true_high) - max(low, true_low)
    return max(0.0, common) / (max(high, true_high) - min(low, true_low))


def explained(recorder: Recorder, topic: str) -> list[dict[str, Any]]:
    """The explanations that came on a topic, in order."""
    documents = (heard.document for heard in recorder.on(topic))
    return [document["explanation"] for document in documents if document["explanation"] is not None]


def test_an_event_is_explained_from_its_first_record_and_grows_until_it_ends(
    mosquitto: Mosquitto, make_daemon: MakeDaemon, make_recorder: MakeRecorder, topic_prefix: str
) -> None:
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
    daemon = make_daemon(
        mqtt={"host": "127.0.0.1", "port": mosquitto.port, "prefix": topic_prefix},
        alarm={"off_delay_s": 2.0},
        explanation={"language": "de"},
        sources=[pump(start_s=12, duration_s=12)],
    )
    daemon.start()
    event, alarm = f"{topic_prefix}/pump-1/event", f"{topic_prefix}/pump-1/alarm"
    raised = recorder.wait_for(event, timeout_s=60, reason="limit").document
    assert raised["explanation"]["windows"] == 1
    cleared = recorder.wait_for(event, timeout_s=60, reason="cleared").document
    whole, words = cleared["explanation"], cleared["explanation"]["text"]
    best = whole["findings"][0]
    assert KIND == best["kind"]
    assert overlap(best) >= 0.5
    assert 6.0 < best["change_db"] < 18.0, "12 dB by the simulation"
    assert "de" == whole["language"]
    assert " dB über normal" in words
    assert whole["start"] == raised["explanation"]["start"]
    assert whole["windows"] >= 11

    # the event is told from the store, the state by whoever judges: either may be first
    eventually(lambda: whole in explained(recorder, alarm), what="the whole of it with the state")
    grown = [explanation["windows"] for explanation in explained(recorder, alarm)]
    assert sorted(grown) == grown
    assert len(set(grown)) >= 4, "every three seconds or so"
    assert whole == retained(mosquitto.port, alarm)[alarm].document["explanation"]
    assert 0 == daemon.stop()
    assert words in [entry["explanation"] for entry in daemon.events("alarm")]
    with closing(open_store(daemon.state_dir, read_only=True)) as store:
        (stored,) = store.events(10)
        transitions = store.transitions(stored.event_id)
    assert stored.explanation is not None
    assert (KIND, whole["windows"]) == (stored.explanation.findings[0].kind.value, stored.explanation.windows)
    assert stored.explanation == explanation_from_tree(transitions[-1]["explanation"])  # type: ignore[arg-type]
    assert not daemon.events("thread failed")
    assert 0 == daemon.status()["box"]["counts"]["sources_without_explanations"]  # type: ignore[index]


def test_an_event_that_a_kill_interrupts_goes_on_with_what_was_known(
    mosquitto: Mosquitto, make_daemon: MakeDaemon, make_recorder: MakeRecorder, topic_prefix: str
) -> None:
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
    daemon = make_daemon(
        mqtt={"host": "127.0.0.1", "port": mosquitto.port, "prefix": topic_prefix},
        alarm={"off_delay_s": 2.0},
        sources=[pump(start_s=12, duration_s=60)],
    )
    daemon.start()
    event, alarm = f"{topic_prefix}/pump-1/event", f"{topic_prefix}/pump-1/alarm"
    raised = recorder.wait_for(event, timeout_s=60, reason="limit").document
    eventually(lambda: any(e["windows"] >= 5 for e in explained(recorder, alarm)), 30, "a grown alarm")
    daemon.kill()
    told = explained(recorder, alarm)[-1]
    with closing(open_store(daemon.state_dir, read_only=True)) as store:
        (kept,) = store.events(10)
        portrait = store.portrait(kept.event_id)
    assert kept.explanation is not None
    # told and written in one step, the broker first
    assert told["windows"] - 4 <= kept.explanation.windows <= told["windows"] + 4
    assert portrait is not None
    assert len(json.dumps(portrait)) < 8192

    # the same machine, whose fault is there from the first moment on; while nobody listened counts as
    # a pause, the longer the busier the box is
    daemon.rewrite(sources=[pump(start_s=0, duration_s=8 * patience())])
    recorder.heard.clear()
    daemon.start()
    restored = recorder.wait_for(alarm, timeout_s=60, active=True, uncertain=True).document["explanation"]
    assert kept.explanation.windows == restored["windows"]
    assert rfc3339_from_utc_s(kept.explanation.start_utc_s) == restored["start"]
    cleared = recorder.wait_for(event, timeout_s=90, reason="cleared").document
    assert 0 == daemon.stop()
    assert raised["event_id"] == cleared["event_id"]
    whole = cleared["explanation"]
    assert restored["start"] == whole["start"]
    assert whole["windows"] >= restored["windows"] + 4
    assert KIND == whole["findings"][0]["kind"]
    assert overlap(whole["findings"][0]) >= 0.5
    assert not [line for line in daemon.log().splitlines() if "begins anew" in line]
