"""How a calibrated bundle does on the simulated machine, heard through the daemon's own path.

Answers two questions: which faults reach the alarm limit, and how often normal sound does. The machine's
faults are known because they were made, so nothing here needs labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engines.bundle import Bundle
from engines.runtime import open_engine
from monitor.calibration import load_calibration
from monitor.config import AlarmConfig, FaultConfig, InputQualityConfig, SimulatedSource, WindowConfig
from monitor.frontend import StreamFrontend
from monitor.listening import BlockWindows, inferences_from_logmels, open_ear
from monitor.messages import Quality, Score, Window
from monitor.score import Scorer
from training.sound import blocks_of_recording, recording_of_machine

FAULT_START_S = 15.0
FAULT_DURATION_S = 20.0
AFTER_FAULT_S = 5.0


@dataclass(frozen=True, slots=True)
class FaultFound:
    """What one fault of the simulated machine did to the score."""

    kind: str
    """One of monitor.config.sources.FaultKind."""
    seed: int
    """Of the simulated machine."""
    severity: float
    """Factor on the fault's amplitude; 1.0 is plainly audible beside the machine."""
    highest: float | None
    """Highest value during the fault, in units of the alarm limit; None when no window could be judged."""
    median: float | None
    """Median value of the windows wholly inside the fault."""
    refused_windows: int
    """Windows during the fault whose input was found bad, so that they were not judged."""


def scores_of_machine(bundle: Bundle, source: SimulatedSource) -> list[Score]:
    """Return the score of every window of a simulated source with an end, as the daemon would give them."""
    ear = open_ear(bundle.folder, WindowConfig(), InputQualityConfig())
    engine = open_engine(bundle)
    calibration = load_calibration(bundle.calibration_path, bundle_id=bundle.bundle_id)
    scorer = Scorer(calibration, false_alarms_per_week=AlarmConfig().false_alarms_per_week)
    windows, frontend = BlockWindows(source.id, ear), StreamFrontend(ear.frontend)

    def judged(window: Window) -> Score:
        if window.span.quality is not Quality.OK:
            return scorer.unjudged_score(window.span)
        (inference,) = inferences_from_logmels(engine, [frontend.logmel_from_window(window)])
        return scorer.score_from_inference(inference)

    blocks = blocks_of_recording(recording_of_machine(source))
    return [judged(window) for block in blocks for window in windows.add(block)]


def judge_fault(bundle: Bundle, kind: str, *, seed: int, severity: float = 1.0) -> FaultFound:
    """Return what a fault does to a pump that runs normally before and after it."""
    end_s = FAULT_START_S + FAULT_DURATION_S
    fault = FaultConfig.model_validate(
        {"kind": kind, "start_s": FAULT_START_S, "duration_s": FAULT_DURATION_S, "severity": severity}
    )
    source = SimulatedSource(
        id="judged",
        kind="simulated",
        seed=seed,
        pace="fast",
        duration_s=end_s + AFTER_FAULT_S,
        faults=(fault,),
    )
    scores = scores_of_machine(bundle, source)
    during = [s.value for s in scores if s.span.end_s > FAULT_START_S and s.span.start_s < end_s]
    inside = [s.value for s in scores if s.span.start_s >= FAULT_START_S and s.span.end_s <= end_s]
    values_inside = _known(inside)
    return FaultFound(
        kind=kind,
        seed=seed,
        severity=severity,
        highest=max(_known(during), default=None),
        median=float(np.median(values_inside)) if values_inside else None,
        refused_windows=during.count(None),
    )


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def false_alarms(scores: Sequence[Score], *, gap_s: float) -> int:
    """Return how many separate alarms normal sound raised; stretches less than `gap_s` apart are one."""
    high_s = [score.span.start_s for score in scores if score.value is not None and score.value >= 1.0]
    return sum(1 for i, at_s in enumerate(high_s) if i == 0 or at_s - high_s[i - 1] > gap_s)


def normal_hour(bundle: Bundle, *, seed: int, duration_s: float = 3600.0) -> list[Score]:
    """Return the scores of a pump on which nothing is wrong."""
    source = SimulatedSource(id="judged", kind="simulated", seed=seed, pace="fast", duration_s=duration_s)
    return scores_of_machine(bundle, source)
