"""The real daemon, pinned to one core, with a crowd of paced 16 kHz sources that cost next to nothing.

Each source is a file of a healthy simulated pump, without compression, at the model's rate. All start at the
same moment, which is the worst case for the queue: their windows are due together, and `queue_windows` is set
so that one of each source fits. Scores go to a real Mosquitto, and somebody has subscribed to them.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
import psutil
import soundfile
import soxr
from fixtures_daemon import ROOT, DaemonProcess
from fixtures_mosquitto import Mosquitto
from paho.mqtt.enums import CallbackAPIVersion

from monitor.publish.fields import ms_from_rfc3339
from monitor.simulate import SimulatedMachine

RATE_HZ = 16_000
HOP_S = 1.024
"""From one window to the next, of every figure here."""
LAG_MAX_S = HOP_S
"""A score that comes a whole hop after its sound: the next window is due, so that the core is full."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """What is measured."""

    kind: str
    """Of the demo bundle."""
    sound: Path
    """The file that every source plays."""
    sources: int
    block_ms: float
    """How much sound each source hands over at once."""
    core: int
    """The daemon is pinned to this one."""
    settle_s: float
    """The first windows come two seconds after the start, what that has put off has to be caught up, and in
    the first ten seconds of sound each source's describer learns four times as much as ever after."""
    root: Path = ROOT
    """The checkout whose daemon it is."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How one crowd fared."""

    sources: int
    """In real time, all at once."""
    seconds: float
    """Measured, after the start was over."""
    windows: int
    """Of which a score came to the subscriber in that time."""
    dropped_windows: int
    """Since the start."""
    lost_samples: int
    """Since the start."""
    lag_max_s: float
    """From the end of a window's sound to its score at the subscriber, the longest."""
    cpu_s_per_hour: tuple[float, ...]
    """User and system, daemon and children, for an hour of one source's sound; one for each stretch."""
    cpu_percent: float
    """Of the core, over all stretches."""

    @property
    def carried(self) -> bool:
        """Whether every window of every source was judged, and in time."""
        due = self.sources * (self.seconds / HOP_S - 1)
        return (
            self.dropped_windows == 0
            and self.lost_samples == 0
            and self.lag_max_s <= LAG_MAX_S
            and self.windows >= due
        )


def write_sound(folder: Path, seconds: int = 60) -> Path:
    """Write the pump that every source plays, and return where it lies."""
    at_48k = SimulatedMachine("pump", seed=1).next_samples(48_000 * seconds)
    sound = np.clip(soxr.resample(at_48k, 48_000, RATE_HZ), -1.0, 1.0).astype(np.float32)
    path = folder / "pump.wav"
    soundfile.write(path, sound, RATE_HZ, subtype="FLOAT")
    return path


def run_crowd(crowd: Crowd, folder: Path, *, stretches: int, stretch_s: float) -> Trial:
    """Start a daemon, let it settle, and measure it stretch by stretch."""
    with crowd_daemon(crowd, folder) as (daemon, lags_s):
        assert daemon.process is not None
        process = psutil.Process(daemon.process.pid)
        time.sleep(crowd.settle_s)
        started_s, costs = time.monotonic(), []
        lags_s.clear()
        first_cpu_s = _cpu_s(process)
        for _ in range(stretches):
            cpu_s, since_s = _cpu_s(process), time.monotonic()
            time.sleep(stretch_s)
            hours = crowd.sources * (time.monotonic() - since_s) / 3600
            costs.append((_cpu_s(process) - cpu_s) / hours)
        cpu_s, seconds, lags = _cpu_s(process) - first_cpu_s, time.monotonic() - started_s, [*lags_s]
        after = _sources(daemon)
    return Trial(
        sources=crowd.sources,
        seconds=round(seconds, 1),
        windows=len(lags),
        dropped_windows=sum(fact["dropped_windows"] for fact in after),
        lost_samples=sum(fact["capture"]["lost_samples"] for fact in after),
        lag_max_s=round(max(lags, default=0.0), 3),
        cpu_s_per_hour=tuple(round(cost, 2) for cost in costs),
        cpu_percent=round(100 * cpu_s / seconds, 1),
    )


def most_carried(crowd: Crowd, folder: Path, *, trials: int, stretch_s: float) -> tuple[int, list[Trial]]:
    """Return the largest crowd that lost no window, 0 if none did, and every crowd that was tried.

    Begins with `crowd`, goes up by a quarter or down by as much until one is carried and one is not, then
    halves between.
    """
    done: list[Trial] = []
    good, bad, sources = 0, 0, max(crowd.sources, 1)
    for number in range(trials):
        place = folder / f"trial{number}"
        place.mkdir()
        done.append(run_crowd(replace(crowd, sources=sources), place, stretches=1, stretch_s=stretch_s))
        if done[-1].carried:
            good = sources
        else:
            bad = sources
        sources = (good + bad) // 2 if good and bad else round(good * 1.25) if good else round(bad * 0.75)
        if good and bad and bad - good <= max(1, good // 20):
            break
    return good, done


@contextlib.contextmanager
def crowd_daemon(crowd: Crowd, folder: Path) -> Iterator[tuple[DaemonProcess, list[float]]]:
    """Start broker and daemon; with it the lags of the scores that a subscriber gets, in seconds, growing."""
    broker = Mosquitto(folder / "broker")
    broker.start()
    listener = mqtt.Client(CallbackAPIVersion.VERSION2)
    listener.on_connect = lambda client, *_: client.subscribe("bench/+/score")
    lags_s: list[float] = []

    def heard(_client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        lags_s.append(time.time() - ms_from_rfc3339(json.loads(message.payload)["end_utc"]) / 1000)

    listener.on_message = heard
    listener.connect("127.0.0.1", broker.port)
    listener.loop_start()
    config: dict[str, Any] = {
        "engine": {
            "bundle": str(crowd.root / "engines" / "demo" / crowd.kind),
            "queue_windows": max(256, 2 * crowd.sources),
            "backend": "onnxruntime",
        },
        "sources": [
            {
                "id": f"m{number}",
                "kind": "file",
                "path": str(crowd.sound),
                "repeat": True,
                "block_ms": crowd.block_ms,
            }
            for number in range(crowd.sources)
        ],
        "mqtt": {"host": "127.0.0.1", "port": broker.port, "prefix": "bench"},
    }
    daemon = DaemonProcess(folder, config)
    daemon.root = crowd.root
    daemon.prefix_command = ["taskset", "-c", str(crowd.core)]
    daemon.environment.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    try:
        daemon.start()
        daemon.wait_listening(60.0)
        yield daemon, lags_s
    finally:
        daemon.kill()
        listener.disconnect()
        listener.loop_stop()
        broker.kill()


def last_core() -> int:
    """Return the core that crowds and peers are pinned to: the last, for the first has the interrupts."""
    return max(os.sched_getaffinity(0))


def _cpu_s(process: psutil.Process) -> float:
    return sum(sum(one.cpu_times()[:2]) for one in (process, *process.children(recursive=True)))


def _sources(daemon: DaemonProcess) -> list[dict[str, Any]]:
    status = daemon.status()
    assert status is not None, daemon.log()
    found = status["sources"]
    assert isinstance(found, list)
    return found
