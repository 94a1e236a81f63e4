"""A plant for one daemon: microphone, disk, clock, line, broker, systemd and SCADA, all breakable."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from fixtures_daemon import ROOT, DaemonProcess
from fixtures_mosquitto import Mosquitto
from hanging_bundle import hanging_tone, write_hanging_bundle
from lab_disk import LabDisk
from lab_microphone import LabMicrophone
from scada import Scada
from slow_line import SlowLine
from stand_in_systemd import StandInSystemd, UnitTimes

from monitor.messages import Float32
from monitor.simulate import Fault, SimulatedMachine

MIC, PUMP = "mic", "pump"
SOURCES = (MIC, PUMP)
RATE_HZ = 48_000
PREFIX = "lab"
FRESH_S = 3.0
"""A daemon that is well writes its status every half second."""


@dataclass(frozen=True, slots=True)
class LabTimes:
    """What decides how long faults last."""

    unit: UnitTimes
    keepalive_s: int
    """mqtt.keepalive_s; the broker announces a death after 1.5 times this."""

    @classmethod
    def as_installed(cls) -> LabTimes:
        """Return the times of the installed unit, with a shorter keepalive than the default."""
        return cls(UnitTimes.of_unit(), 10)

    @classmethod
    def short(cls) -> LabTimes:
        """Return times for a test that has a minute."""
        return cls(UnitTimes(watchdog_s=5.0, restart_s=0.5, start_s=30.0, stop_s=30.0), 5)


class Lab:
    """Everything around one daemon, and the daemon."""

    def __init__(self, folder: Path, times: LabTimes) -> None:
        self.folder = folder
        self.times = times
        self._undo = contextlib.ExitStack()
        try:
            self._build()
        except BaseException:
            self._undo.close()
            raise

    def _build(self) -> None:
        folder = self.folder
        self.bundle = write_hanging_bundle(folder / "bundle")
        self.disk = LabDisk(folder)
        self._undo.callback(self.disk.close)
        self.broker = Mosquitto(folder / "broker")
        self.broker.start()
        self._undo.callback(self.broker.kill)
        self.line = SlowLine(self.broker.port)
        self._undo.callback(self.line.close)
        (folder / "pulse").mkdir()
        self.microphone = LabMicrophone(folder / "pulse", sounds())
        self._undo.callback(self.microphone.stop)
        self.microphone.play("normal")
        self.microphone.plug_in()
        self.clock_offset = folder / "clock_offset_s"
        self.set_clock(0.0)
        self.daemon = DaemonProcess(folder, self._config())
        self.daemon.state_dir = self.disk.at / "state"
        self.daemon.environment = {
            **self.microphone.environment,
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONPATH": str(ROOT / "tests" / "odd_clock"),
            "ODD_CLOCK": str(self.clock_offset),
        }
        self.systemd = StandInSystemd(self.daemon, folder, self.times.unit)
        self._undo.callback(self.systemd.close)
        self.scada = Scada(self.broker.port, PREFIX, SOURCES)
        self._undo.callback(self.scada.close)

    def close(self) -> None:
        """End everything."""
        self._undo.close()

    def set_clock(self, offset_s: float) -> None:
        """Let the daemon's wall clock go ahead of ours by so much, from now on."""
        part = self.clock_offset.with_suffix(".part")
        part.write_text(str(offset_s))
        part.replace(self.clock_offset)

    def ails(self, since_s: float) -> str:
        """Return what is not well, with sound judged since a moment; empty: everything is."""
        if not self.systemd.ready:
            return "the daemon is not up"
        for source in SOURCES:
            belief = self.scada.belief(source)
            if belief not in {"normal", "alarm"}:
                return f"SCADA reads {source} as {belief}; {self._input_of(source)}"
            if self.scada.alarm(source)["uncertain"]:
                return f"the alarm of {source} is uncertain"
            if not any(s["quality"] == "ok" for s in self.scada.on(f"{source}/score", since_s)):
                return f"{source} has no score yet"
        return self._ails_inside()

    def _input_of(self, source: str) -> str:
        """Return how a source's input was told last."""
        scores, healths = (self.scada.on(f"{source}/{kind}") for kind in ("score", "health"))
        qualities = ", ".join(score["quality"] for score in scores[-5:])
        said = f"{healths[-1]['state']} {healths[-1]['reason']}".strip() if healths else "unknown"
        return f"its capture is {said}, its last windows are {qualities or 'none'}"

    def _ails_inside(self) -> str:
        """Return what the daemon's own report says is not well, or that it is old."""
        status = self.status()
        if status is None:
            return "status.json is missing or old"
        box = status["box"]
        for key in ("store_error", "clips_error"):
            if box[key]:
                return f"{key}: {box[key]}"
        if box["broker"] != "connected" or box["outbox_records"] != 0 or box["unsaved_changes"]:
            return f"broker {box['broker']}, {box['outbox_records']} records wait"
        for source in status["sources"]:
            if source["capture"]["state"] != "healthy":
                return f"capture of {source['capture']['source_id']} is {source['capture']['state']}"
        return ""

    def status(self) -> Mapping[str, Any] | None:
        """Return status.json if it was written just now, by the process that runs."""
        path, process = self.daemon.state_dir / "status.json", self.daemon.process
        with contextlib.suppress(OSError, ValueError):
            # by the disk's clock: the daemon's may be wrong on purpose
            if time.time() - path.stat().st_mtime < FRESH_S:
                status = self.daemon.status()
                if status is not None and process is not None and status["box"]["pid"] == process.pid:
                    return status
        return None

    def _config(self) -> dict[str, object]:
        bundle = str(self.bundle)
        squeal = {"kind": "belt_squeal", "start_s": 3.0, "duration_s": 4.0, "severity": 2.0}
        return {
            "state_dir": str(self.disk.at / "state"),
            "mqtt": {
                "host": "127.0.0.1",
                "port": self.line.port,
                "prefix": PREFIX,
                "keepalive_s": self.times.keepalive_s,
            },
            "store": {"min_free_bytes": 12_000_000, "max_bytes": 12_000_000},
            "replay": {"enabled": False},
            "engine": {"bundle": bundle},
            "alarm": {"off_delay_s": 2.0},
            "sources": [
                {"id": MIC, "kind": "microphone", "device": "default", "sample_rate_hz": RATE_HZ},
                {
                    "id": PUMP,
                    "kind": "simulated",
                    "sample_rate_hz": RATE_HZ,
                    "faults": [squeal],
                    "repeat_every_s": 15.0,
                    # events that come and go without an operator, so that there is always one to lose
                    "alarm": {"off_delay_s": 2.0, "acknowledge_required": False},
                },
            ],
        }


@lru_cache(maxsize=1)
def sounds() -> Mapping[str, Float32]:
    """Return what the microphone can hear, by name."""
    normal = SimulatedMachine("pump", seed=1, sample_rate_hz=RATE_HZ).next_samples(40 * RATE_HZ)
    squeal = [Fault("belt_squeal", 0.0, 60.0, 2.0)]
    faulty = SimulatedMachine("pump", seed=1, sample_rate_hz=RATE_HZ, faults=squeal)
    hiss = np.random.default_rng(1).standard_normal(5 * RATE_HZ).astype(np.float32)
    return {
        "normal": normal,
        "faulty": faulty.next_samples(20 * RATE_HZ),
        "silent": np.asarray(10 ** (-95 / 20) * hiss, np.float32),
        "clipped": np.clip(50 * normal[: 5 * RATE_HZ], -1.0, 1.0),
        "fatal": normal[: 5 * RATE_HZ] + hanging_tone(5.0, RATE_HZ),
    }


def wait_until(claim: Callable[[], object], timeout_s: float) -> float | None:
    """Wait until `claim` holds and return how long that took; None: it did not within `timeout_s`."""
    began_s = time.monotonic()
    while not claim():
        if time.monotonic() - began_s > timeout_s:
            return None
        time.sleep(0.05)
    return time.monotonic() - began_s


def missing_parts() -> str:
    """Return what this machine lacks for a lab; empty: nothing."""
    absent = [name for name in ("pulseaudio", "pactl", "mosquitto") if not _found(name)]
    return f"no {', '.join(absent)}" if absent else LabDisk.missing()


def _found(name: str) -> bool:
    folders = [*os.environ.get("PATH", "").split(":"), "/usr/sbin", "/usr/local/sbin"]
    return any((Path(folder) / name).exists() for folder in folders)
