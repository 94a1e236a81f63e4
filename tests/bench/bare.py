"""The bare cost of an hour of sound: the daemon's FFTs and engine calls in a loop, nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import soundfile
from crowd import HOP_S

from engines.runtime import open_engine
from monitor.config import InputQualityConfig, WindowConfig
from monitor.listening import open_ear


class BareLoop:
    """One hop through front end and engine, again and again; the last window of log-mel goes in."""

    def __init__(self, bundle: Path, sound: Path, core: int) -> None:
        """Prepare to run on that core alone."""
        self._core = core
        self._ear = open_ear(bundle, WindowConfig(), InputQualityConfig())
        self._engine = open_engine(self._ear.bundle)
        samples, _ = soundfile.read(sound, dtype="float32")
        self._samples = np.ascontiguousarray(samples)
        self.cpu_s_per_hour: list[float] = []
        """One for each repetition."""

    def repeat(self, windows: int = 300) -> None:
        """Measure one repetition."""
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {self._core})
        try:
            self.cpu_s_per_hour.append(self._once(windows))
        finally:
            os.sched_setaffinity(0, cores)

    def _once(self, windows: int) -> float:
        grid, frontend = self._ear.grid, self._ear.frontend
        hop = grid.hop_samples + grid.frame_samples - grid.frame_hop_samples
        frames = self._ear.bundle.manifest.frames
        last = frontend.logmel_from_samples(self._samples[: grid.window_samples])
        fresh = grid.hop_samples // grid.frame_hop_samples
        started_s = time.thread_time()
        for number in range(windows):
            at = number * grid.hop_samples % (len(self._samples) - hop)
            new = frontend.logmel_from_samples(self._samples[at : at + hop])
            last = np.concatenate([last[:, fresh:], new], axis=1)[:, -frames:]
            self._engine.infer(last[None])
        used_s = time.thread_time() - started_s
        return used_s / (windows * HOP_S) * 3600
