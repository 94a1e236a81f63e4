"""What one microphone sends and keeps, and what a message costs a broker: the figures of docs/fleet.md.

Run with `python tests/bench/plant_sizes.py`; needs Mosquitto. The real daemon hears ten minutes of the
simulated pump, as fast as it goes, with two faults, and tells a real broker in JSON and in Sparkplug. Then a
crowd of messages of the JSON score's size goes through the broker to one subscriber. Prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import psutil
from paho.mqtt.enums import CallbackAPIVersion

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fixtures_daemon import DaemonProcess
from fixtures_mosquitto import Mosquitto, Recorder, eventually

SOUND_S = 600
FAULTS = [
    {"kind": kind, "start_s": start_s, "duration_s": 20.0, "severity": 1.0}
    for kind, start_s in (("bearing", 150.0), ("belt_squeal", 400.0))
]
PUMP = {"id": "pump-1", "kind": "simulated", "pace": "fast", "duration_s": float(SOUND_S), "faults": FAULTS}
FLOOD = 100_000


def main() -> None:
    """Measure and print."""
    folder = Path(tempfile.mkdtemp(prefix="plant-sizes-"))
    broker = Mosquitto(folder / "broker")
    broker.start()
    assert broker._process is not None
    recorder = Recorder(broker.port, "#")
    config: dict[str, Any] = {
        "sources": [PUMP],
        "mqtt": {"host": "127.0.0.1", "port": broker.port, "queue_messages": 100_000},
        "sparkplug": {"enabled": True, "aliases": True},
    }
    daemon = DaemonProcess(folder, config)
    daemon.start()
    assert daemon.wait_end(540.0) == 0, daemon.log()
    heard = list(recorder.heard)
    recorder.close()
    result = {
        "sound_s": SOUND_S,
        "messages": _messages(heard),
        "events": len({json.loads(m.payload)["event_id"] for m in heard if m.topic.endswith("/event")}),
        "store_bytes": _store(daemon.state_dir),
        "broker": _broker_cost(broker, psutil.Process(broker._process.pid), _score_bytes(heard)),
        "load_average": [round(value, 1) for value in os.getloadavg()],
    }
    broker.stop()
    sys.stdout.write(json.dumps(result) + "\n")


def _messages(heard: list[Any]) -> dict[str, dict[str, float]]:
    """Return count and mean bytes, topic and payload, of each kind of message."""
    sizes: dict[str, list[int]] = defaultdict(list)
    for message in heard:
        parts = message.topic.split("/")
        kind = f"sparkplug {parts[2]}" if parts[0] == "spBv1.0" else f"json {parts[-1]}"
        sizes[kind].append(len(message.topic.encode()) + len(message.payload))
    return {
        kind: {"count": len(found), "bytes": round(sum(found) / len(found))}
        for kind, found in sorted(sizes.items())
    }


def _score_bytes(heard: list[Any]) -> int:
    sizes = [len(m.payload) for m in heard if m.topic.endswith("/score")]
    return sum(sizes) // len(sizes)


def _store(state: Path) -> dict[str, int]:
    """Return the bytes on disk by the first folder or file below the state directory."""
    sizes: dict[str, int] = defaultdict(int)
    for path in state.rglob("*"):
        if path.is_file():
            sizes[path.relative_to(state).parts[0]] += path.stat().st_size
    return dict(sorted(sizes.items()))


def _broker_cost(broker: Mosquitto, process: psutil.Process, payload_bytes: int) -> dict[str, float]:
    """Return what one QoS 0 message to one subscriber costs the broker, by its own CPU time."""
    heard = 0
    subscriber, sender = (mqtt.Client(CallbackAPIVersion.VERSION2) for _ in range(2))

    def count(*_: object) -> None:
        nonlocal heard
        heard += 1

    subscriber.on_message = count
    subscribed: list[object] = []
    subscriber.on_connect = lambda *_: subscriber.subscribe("flood/#")
    subscriber.on_subscribe = lambda *answer: subscribed.append(answer)
    for client in (subscriber, sender):
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
    eventually(lambda: bool(subscribed), 10.0, "the subscription")
    before_s, begun = sum(process.cpu_times()[:2]), heard
    for number in range(FLOOD):
        sender.publish(f"flood/{number % 1000}", bytes(payload_bytes))
        if number % 1000 == 999:
            eventually(lambda due=number: heard - begun > due - 5000, 60.0, "the flood")
    eventually(lambda: heard - begun >= FLOOD, 120.0, "the flood's end")
    cpu_s = sum(process.cpu_times()[:2]) - before_s
    for client in (subscriber, sender):
        client.disconnect()
        client.loop_stop()
    return {
        "payload_bytes": payload_bytes,
        "cpu_us_per_message": round(1e6 * cpu_s / FLOOD, 1),
        "messages_per_s_of_a_core": round(FLOOD / cpu_s),
    }


if __name__ == "__main__":
    main()
