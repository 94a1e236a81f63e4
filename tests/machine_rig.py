"""Machines whose model answers what a test wrote down, with everything else real."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from engines.runtime import Engine
from monitor.alarm import Alarm
from monitor.calibration import Calibration, fit_calibration
from monitor.config import AlarmConfig, InputQualityConfig, SimulatedSource, WindowConfig
from monitor.describe import Describer
from monitor.explanation import Explanation
from monitor.frontend import StreamFrontend
from monitor.listening import BlockWindows, Ear, open_ear
from monitor.machine import Machine
from monitor.messages import AlarmChange, AudioBlock, Inference, MachineCondition, Score, Window
from monitor.pipeline import FlaggedWindow
from monitor.score import Scorer
from monitor.store import ClipRecorder
from monitor.testing import ScriptedEngine

AT_ONCE = AlarmConfig(off_delay_s=0.0)
UTC_S = 1_700_000_000.0


@functools.cache
def demo_ear() -> Ear:
    return open_ear(None, WindowConfig(), InputQualityConfig())


@functools.cache
def demo_calibration() -> Calibration:
    ear = demo_ear()
    scores = np.random.default_rng(0).exponential(size=5000)
    return fit_calibration(
        scores, hop_s=ear.hop_s, bundle_id=ear.bundle.bundle_id, fitted_utc_s=UTC_S, source="exponential"
    )


def demo_describer() -> Describer:
    ear = demo_ear()
    manifest = ear.bundle.manifest
    return Describer(
        ear.frontend.parameters,
        mean=manifest.standardisation_mean,
        std=manifest.standardisation_std,
        hop_frames=WindowConfig().hop_frames,
    )


def machine(
    source_id: str,
    values: Sequence[float],
    *,
    settings: AlarmConfig = AT_ONCE,
    engine: Engine | None = None,
    describer: Describer | None = None,
) -> Machine:
    """A machine whose windows score `values`, in units of the alarm limit."""
    ear = demo_ear()
    scorer = Scorer(demo_calibration(), false_alarms_per_week=1.0)
    centre = scorer.calibration.centre
    raws = [centre + value * (scorer.limit_raw - centre) for value in values]
    return Machine(
        source=SimulatedSource(id=source_id, kind="simulated"),
        ear=ear,
        engine=engine or ScriptedEngine(ear.bundle, raws),
        scorer=scorer,
        alarm=Alarm(source_id, settings),
        frontend=StreamFrontend(ear.frontend),
        clips=ClipRecorder(source_id, pre_roll_s=1.0, post_roll_s=1.0, max_clip_s=10.0, clip_every_s=60.0),
        describer=describer or demo_describer(),
    )


def windows(source_id: str, count: int, *, bad: Sequence[int] = ()) -> list[Window]:
    """Consecutive windows of noise; those numbered in `bad` are silent."""
    ear = demo_ear()
    hop, size = ear.grid.hop_samples, ear.grid.window_samples
    samples = (0.1 * np.random.default_rng(1).standard_normal(size + (count - 1) * hop)).astype(np.float32)
    for number in bad:
        samples[number * hop : number * hop + size] = 0.0
    block = AudioBlock(source_id, samples, ear.grid.sample_rate_hz, 0, 0, UTC_S)
    return BlockWindows(source_id, ear).add(block)


@dataclass
class Audience:
    """Keeps what the pipeline told, in order."""

    scores: list[Score] = field(default_factory=list)
    maps: list[bool] = field(default_factory=list)
    alarms: list[AlarmChange] = field(default_factory=list)
    kept: list[FlaggedWindow] = field(default_factory=list)
    grown: list[Explanation] = field(default_factory=list)
    retold: list[str] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)
    conditions: list[tuple[str, MachineCondition]] = field(default_factory=list)
    woken: int = 0

    def offer_score(self, score: Score) -> None:
        self.scores.append(score)

    def offer_map(self, inference: Inference, *, flagged: bool) -> None:
        assert (128, 64) == inference.error_map.shape
        self.maps.append(flagged)

    def tell_alarm(self, machine: Machine, change: AlarmChange) -> None:
        assert machine.source_id == change.source_id
        self.alarms.append(change)

    def tell_joined(self, machine: Machine) -> None:
        self.told.append(("joined", machine.source_id))

    def tell_succeeded(self, successor: Machine, _explanation: Explanation | None) -> None:
        self.told.append(("succeeded", successor.source_id))

    def tell_left(self, source_id: str) -> None:
        self.told.append(("left", source_id))

    def tell_present_alarm(self, machine: Machine, _explanation: Explanation | None) -> None:
        self.retold.append(machine.source_id)

    def tell_explanation(self, machine: Machine, explanation: Explanation) -> None:
        assert machine.alarm.snapshot.event_id is not None
        self.grown.append(explanation)

    def tell_machine(self, source_id: str, machine: MachineCondition) -> None:
        self.conditions.append((source_id, machine))

    def tell_window(self, score: Score, *, lag_s: float) -> None:
        assert lag_s > 0
        assert score is self.scores[-1]

    def wake(self) -> None:
        self.woken += 1

    def keep(self, flagged: FlaggedWindow) -> None:
        self.kept.append(flagged)
