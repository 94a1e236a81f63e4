"""The soak: hours of sound of sixteen machines through one real daemon, as fast as it takes them.

    python tests/reliability/soak.py --hours 24 --json out/reliability/soak.json

Sixteen file sources play the recording of a simulated pump over and over, without pause (`pace: fast`,
`repeat: true`), with a fault every few minutes, to a real Mosquitto and a real store. Meanwhile memory, file
descriptors and threads are counted; at the end the ledger of every source, the events in the store and those
that a subscriber was told are held against each other.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import psutil
import soundfile
import soxr

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from checkout import commit
from fixtures_daemon import DaemonProcess
from fixtures_mosquitto import Mosquitto, Recorder
from oracles import kept_in, open_ledgers
from plant_lab import wait_until
from run_sequence import HANDED_OUT_WITHIN_S
from slopes import Slope, slope_of

from monitor.listening import DEMO_BUNDLE
from monitor.simulate import Fault, SimulatedMachine

SOURCES = 16
RATE_HZ = 16_000
SQUEAL_S = 5.0
PREFIX = "soak"
SETTLED = 0.3
"""The share of the run that counts as warming up."""
MEMORY_FROM_H = 1.0
"""Of sound a source: before that, memory still warms up and its slope is not judged."""
RISES_MB = 0.25
"""An hour of each machine's sound: a slope whose 90 % interval lies above this is a leak. 6 MB a day."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sample:
    """The daemon at one moment."""

    hours: float
    """Of sound heard, on average over the sources."""
    rss_mb: float
    uss_mb: float
    """Pages that only this process has mapped, those of libraries too: falls when others load the same."""
    anonymous_mb: float
    """RssAnon: what it allocated itself. Where a leak shows, and nothing that others do."""
    private_dirty_mb: float
    """What it wrote and shares with nobody."""
    fds: int
    threads: int


@dataclass(frozen=True, slots=True)
class SoakResult:
    """What a soak came to."""

    hours: float
    """Of sound, a source."""
    sources: int
    wall_s: float
    cpu_s: float
    samples: Sequence[Sample]
    rss: Slope
    """MB an hour of sound, after warming up."""
    uss: Slope
    anonymous: Slope
    private_dirty: Slope
    events: int
    """Alarms that were raised."""
    transitions: int
    """Changes of alarms in the store."""
    found: Sequence[str]
    """What did not hold."""


def settled(samples: Sequence[T]) -> Sequence[T]:
    """Return the samples after warming up."""
    return samples[int(len(samples) * SETTLED) :]


def write_recording(folder: Path, seconds: float) -> Path:
    """Write the sound of a pump, with one squeal in its middle."""
    fault = Fault("belt_squeal", seconds / 2, SQUEAL_S, 2.0)
    # as the embedded bundle learned it: from a converter of 48 kHz
    pump = SimulatedMachine("pump", seed=901, sample_rate_hz=3 * RATE_HZ, faults=[fault])
    sound = soxr.resample(pump.next_samples(round(seconds * 3 * RATE_HZ)), 3 * RATE_HZ, RATE_HZ)
    path = folder / "pump.wav"
    soundfile.write(path, sound, RATE_HZ, subtype="PCM_16")
    return path


def run_soak(
    folder: Path, hours: float, *, loop_s: float = 600.0, every_s: float = 2.0, most_s: float = math.inf
) -> SoakResult:
    """Run one below `folder`: `hours` of sound a source, from recordings of `loop_s` seconds.

    After `most_s` it ends with what it has heard by then, and says how much that is.
    """
    recording = write_recording(folder, loop_s)
    broker = Mosquitto(folder / "broker")
    broker.start()
    sources = [
        {"id": f"m{n:02}", "kind": "file", "path": str(recording), "pace": "fast", "repeat": True}
        for n in range(SOURCES)
    ]
    daemon = DaemonProcess(
        folder,
        {
            "mqtt": {"host": "127.0.0.1", "port": broker.port, "prefix": PREFIX},
            "engine": {"bundle": str(DEMO_BUNDLE.parent / "ae")},
            "store": {"min_free_bytes": 0, "max_bytes": 100_000_000},
            "alarm": {"acknowledge_required": False},
            "replay": {"enabled": False},
            "sources": sources,
        },
    )
    daemon.environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        with closing(Recorder(broker.port, f"{PREFIX}/+/event")) as recorder:
            return _soaked(daemon, recorder, hours, every_s, most_s)
    finally:
        daemon.kill()
        broker.kill()


def _soaked(
    daemon: DaemonProcess, recorder: Recorder, hours: float, every_s: float, most_s: float
) -> SoakResult:
    started_s = time.monotonic()
    daemon.start()
    daemon.wait_listening(120.0)
    if daemon.process is None:
        raise RuntimeError("the daemon has not been started")
    process = psutil.Process(daemon.process.pid)
    samples: list[Sample] = []
    while _hours_heard(daemon, least=True) < hours and time.monotonic() - started_s < most_s:
        time.sleep(every_s)
        samples.append(_sample(daemon, process))
    cpu_s = sum(process.cpu_times()[:2])
    code = daemon.stop(120.0)
    status = daemon.status()
    if status is None:
        raise RuntimeError("the daemon left no status.json")
    kept = kept_in(daemon.state_dir)
    # what a broker has acknowledged reaches its subscriber a moment later
    wait_until(lambda: not _untold(recorder, kept.transitions), HANDED_OUT_WITHIN_S)
    raised = [body for body in kept.transitions.values() if body["reason"] == "limit"]
    found = [] if code == 0 else [f"it ended with {code}"]
    found += _wrong_at_the_end(status) + _untold(recorder, kept.transitions)
    later, hours = settled(samples), round(_hours_heard(daemon, least=True), 3)
    result = SoakResult(
        hours=hours,
        sources=len(status["sources"]),
        wall_s=round(time.monotonic() - started_s, 1),
        cpu_s=round(cpu_s, 1),
        samples=samples,
        rss=_slope(later, "rss_mb"),
        uss=_slope(later, "uss_mb"),
        anonymous=_slope(later, "anonymous_mb"),
        private_dirty=_slope(later, "private_dirty_mb"),
        events=len(raised),
        transitions=len(kept.transitions),
        found=found + _not_flat(later),
    )
    return replace(result, found=[*result.found, *memory_rises(hours, result.rss, result.anonymous)])


def memory_rises(hours: float, rss: Slope, anonymous: Slope) -> list[str]:
    """Say which memory rises for certain by more than is allowed; nothing of a run that is too short."""
    if hours < MEMORY_FROM_H:
        return []
    return [
        f"{name} rises by {slope.per_hour:.2f} MB an hour of sound (at least {slope.low:.2f})"
        for name, slope in (("resident memory", rss), ("anonymous memory", anonymous))
        if slope.low > RISES_MB
    ]


def _slope(samples: Sequence[Sample], name: str) -> Slope:
    return slope_of([sample.hours for sample in samples], [getattr(sample, name) for sample in samples])


def _hours_heard(daemon: DaemonProcess, *, least: bool) -> float:
    status = daemon.status()
    if status is None or not status["sources"]:
        return 0.0
    heard = [source["capture"]["received_samples"] for source in status["sources"]]
    return float(min(heard) if least else np.mean(heard)) / RATE_HZ / 3600


def _sample(daemon: DaemonProcess, process: psutil.Process) -> Sample:
    memory = process.memory_full_info()
    return Sample(
        hours=round(_hours_heard(daemon, least=False), 4),
        rss_mb=round(memory.rss / 1e6, 2),
        uss_mb=round(memory.uss / 1e6, 2),
        anonymous_mb=_kernel_mb(process.pid, "status", "RssAnon"),
        private_dirty_mb=_kernel_mb(process.pid, "smaps_rollup", "Private_Dirty"),
        fds=process.num_fds(),
        threads=process.num_threads(),
    )


def _kernel_mb(pid: int, name: str, key: str) -> float:
    """Return a figure of /proc/PID/`name`, which the kernel gives in units of 1024 bytes."""
    lines = Path(f"/proc/{pid}/{name}").read_text(encoding="ascii", errors="replace").splitlines()
    (value,) = [line.split()[1] for line in lines if line.startswith(f"{key}:")]
    return round(int(value) * 1024 / 1e6, 2)


def _wrong_at_the_end(status: dict[str, Any]) -> list[str]:
    found = open_ledgers(status)
    for source in status["sources"]:
        capture, ledger = source["capture"], source["ledger"]
        heard = ledger["received"] + ledger["lost"]
        if heard != capture["received_samples"]:
            found.append(f"{capture['source_id']} read {capture['received_samples']}, accounts for {heard}")
        if ledger["pending"]:
            found.append(f"{capture['source_id']} leaves {ledger['pending']} samples pending")
        if source["dropped_windows"]:
            found.append(f"{capture['source_id']} dropped {source['dropped_windows']} windows")
    if status["box"]["restarted_threads"]:
        found.append(f"{status['box']['restarted_threads']} threads had to be restarted")
    return found


def _untold(recorder: Recorder, transitions: object) -> list[str]:
    told = {heard.document["seq"] for heard in list(recorder.heard)}
    kept = set(transitions) if isinstance(transitions, dict) else set()
    found = [f"{len(told - kept)} transitions were told and are not kept"] if told - kept else []
    return found + ([f"{len(kept - told)} transitions are kept and were not told"] if kept - told else [])


def _not_flat(samples: Sequence[Sample]) -> list[str]:
    """Say which count rose: its largest in the last third against the largest in the first."""
    found: list[str] = []
    third = len(samples) // 3
    if not third:
        return found
    for name in ("fds", "threads"):
        first = max(getattr(sample, name) for sample in samples[:third])
        last = max(getattr(sample, name) for sample in samples[-third:])
        if last > first:
            found.append(f"{name} rose from {first} to {last}")
    return found


def main() -> int:
    """Print and write the figures; 1: something did not hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hours", type=float, default=24.0, help="of sound, a source")
    parser.add_argument(
        "--most-minutes", type=float, default=math.inf, help="then it ends with what it heard"
    )
    parser.add_argument("--nice", type=int, default=10, help="priority, for those beside it")
    parser.add_argument("--json", type=Path, help="where the result goes")
    arguments = parser.parse_args()
    os.setpriority(os.PRIO_PROCESS, 0, arguments.nice)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        result = run_soak(Path(folder), arguments.hours, most_s=60 * arguments.most_minutes)
    tree = {
        **asdict(result),
        "load": os.getloadavg()[0],
        "nice": os.getpriority(os.PRIO_PROCESS, 0),
        "commit": commit(),
    }
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(tree, indent=1))
    shown = {key: value for key, value in tree.items() if key != "samples"}
    print(json.dumps(shown, indent=1))  # noqa: T201 - a command's output
    return int(bool(result.found))


if __name__ == "__main__":
    sys.exit(main())
