"""One daemon with one microphone, as a user would have it: how late, how soon ready, how large.

    ready_s        from exec to READY=1 at systemd's socket
    latency_ms     from the last sample of a window to its score at an MQTT subscriber (Mosquitto, loopback):
                   p50 and p99; a block of 100 ms must fill first, so half of that is waiting by design
    rss_mb         resident, the daemon alone; pss_mb: of each process, with shared pages divided
    cpu_percent    of one core, daemon and child together, over the run

The source is a real PortAudio microphone on a PulseAudio pipe when there is one, else the simulated pump in
real time (which costs CPU of its own; `source` says which).
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import time
from pathlib import Path

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fixtures_daemon import DaemonProcess
from fixtures_mosquitto import Mosquitto
from fixtures_pulse import PulseMicrophone
from latency import ScoreClock

from monitor.simulate import SimulatedMachine

WARM_UP_S = 8.0


def start_ready_s(daemon: DaemonProcess, folder: Path) -> float:
    """Start the daemon and return how long it took to say READY=1."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(folder / "notify"))
        systemd.settimeout(30.0)
        daemon.environment["NOTIFY_SOCKET"] = str(folder / "notify")
        started_s = time.monotonic()
        daemon.start()
        while b"READY=1" not in systemd.recv(4096):
            pass
        return time.monotonic() - started_s


def family(daemon: DaemonProcess) -> list[psutil.Process]:
    """Return the daemon and its children."""
    if daemon.process is None:
        raise RuntimeError("the daemon has not been started")
    parent = psutil.Process(daemon.process.pid)
    return [parent, *parent.children(recursive=True)]


def cpu_s(processes: list[psutil.Process]) -> float:
    """Return the CPU seconds that the processes have used."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def measure(seconds: float, folder: Path, *, warm_up_s: float = WARM_UP_S) -> dict[str, object]:
    """Run everything and return the figures."""
    broker = Mosquitto(folder / "broker")
    broker.start()
    source: dict[str, object] = {"id": "m", "kind": "simulated", "machine": "pump"}
    microphone: PulseMicrophone | None = None
    if shutil.which("pulseaudio") and shutil.which("pactl"):
        (folder / "pulse").mkdir()
        microphone = PulseMicrophone(folder / "pulse")
        microphone.start()
        microphone.feed(SimulatedMachine("pump", seed=1).next_samples(48_000 * 30))
        source = {"id": "m", "kind": "microphone", "device": "default", "sample_rate_hz": 48_000}
    mqtt = {"host": "127.0.0.1", "port": broker.port, "prefix": "bench"}
    # as on a box without TensorRT, whose libraries our development environment loads in vain: 100 MB
    engine = {"backend": "onnxruntime"}
    daemon = DaemonProcess(folder, {"engine": engine, "sources": [source], "mqtt": mqtt})
    if microphone is not None:
        daemon.environment.update(microphone.environment)
    clock = ScoreClock(broker.port, "bench/m/score")
    try:
        ready_s = start_ready_s(daemon, folder)
        time.sleep(warm_up_s)
        processes = family(daemon)
        used_s, started_s = cpu_s(processes), time.monotonic()
        clock.clear()
        time.sleep(seconds)
        cpu_percent = 100 * (cpu_s(processes) - used_s) / (time.monotonic() - started_s)
        memory = {
            p.name() + ":" + str(i): round(p.memory_full_info().pss / 1e6, 1) for i, p in enumerate(processes)
        }
        resident = round(processes[0].memory_info().rss / 1e6, 1)
        latency = np.array(clock.latencies_ms())
        daemon.stop()
    finally:
        clock.close()
        daemon.kill()
        if microphone is not None:
            microphone.stop()
        broker.kill()
    return {
        "source": source["kind"],
        "seconds": seconds,
        "ready_s": round(ready_s, 2),
        "windows": len(latency),
        "latency_ms": {
            "p50": round(float(np.percentile(latency, 50)), 1),
            "p99": round(float(np.percentile(latency, 99)), 1),
        },
        "rss_mb": resident,
        "pss_mb": memory,
        "cpu_percent": round(cpu_percent, 2),
        "cores": os.cpu_count(),
    }
