"""Makes the demo bundles: AE and MAE for the simulated pump, trained, calibrated and judged.

python -m training.demo [FOLDER] (default: engines/demo). The simulated converter runs at 48 kHz and is
resampled, as in the daemon's default configuration. Takes some minutes on two cores; the same machine with
the same versions gives the same bytes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from engines.build.export import add_to_bundle
from engines.bundle import Bundle
from monitor.config import SimulatedSource
from monitor.frontend import FrontendParameters
from monitor.simulate.schedule import KINDS
from training.bundling import calibrate_bundle, training_notes, write_bundle
from training.commission import train_detector
from training.data import LogMelStore, store_logmel
from training.judge import FaultFound, false_alarms, judge_fault, normal_hour
from training.models import ModelDesign
from training.sound import Recording, recording_of_machine
from training.split import Split
from training.train import TrainingSettings


@dataclass(frozen=True, slots=True)
class Days:
    """Days of the pump that serve one purpose."""

    seeds: range
    """One for each day."""
    duration_s: float
    """Of each."""

    def recordings(self) -> list[Recording]:
        """Return the normal sound of each day."""
        return [
            recording_of_machine(
                SimulatedSource(
                    id="pump", kind="simulated", seed=seed, pace="fast", duration_s=self.duration_s
                )
            )
            for seed in self.seeds
        ]


# seeds are days of the same machine; 1 is the daemon's default and is only ever listened to
TRAINING = Days(range(101, 109), 300.0)
VALIDATION = Days(range(111, 113), 300.0)
HEAD = Days(range(121, 129), 300.0)
CALIBRATION = Days(range(131, 143), 900.0)
JUDGED_FAULT_SEED = 1
JUDGED_NORMAL_SEED = 151
KINDS_OF_MODEL = ("ae", "mae")
WIDTHS = (16, 32, 48, 64)
"""Half of what we recommend for real machines: enough for this one, and a quarter of the work."""
SETTINGS = TrainingSettings(epochs=12)
THREADS = 2
"""Fixed, because sums taken by another number of threads round otherwise."""
MADE_UTC_S = 1_795_219_200.0
"""2026-11-21: the calibration's date, fixed so that the bytes are."""


def demo_sound(folder: Path) -> tuple[LogMelStore, Split]:
    """Compute the log-mel of all days into `folder`."""
    days = [group.recordings() for group in (TRAINING, VALIDATION, HEAD, CALIBRATION)]
    recordings = [recording for group in days for recording in group]
    store = store_logmel(folder / "logmel.f32", recordings, FrontendParameters())
    return store, Split(*(tuple(recording.name for recording in group) for group in days))


def make_bundle(kind: str, folder: Path, store: LogMelStore, split: Split) -> Bundle:
    """Train one kind of model and leave its calibrated bundle in `folder`."""
    detector, history = train_detector(ModelDesign(kind, WIDTHS, head="mahalanobis"), store, split, SETTINGS)
    notes = {"run": "training/runs/demo.sh", **training_notes(history, SETTINGS, store, split)}
    bundle = write_bundle(folder, detector, store, split, notes)
    hours = len(CALIBRATION.seeds) * CALIBRATION.duration_s / 3600.0
    source = f"simulated pump, seeds {CALIBRATION.seeds[0]} to {CALIBRATION.seeds[-1]}, {hours:.1f} h"
    bundle, _ = calibrate_bundle(bundle, store, split.calibration, fitted_utc_s=MADE_UTC_S, source=source)
    return bundle


def judged(bundle: Bundle) -> tuple[Bundle, list[FaultFound]]:
    """Measure a bundle on faults and on an unseen hour, and note both in its manifest."""
    faults = [judge_fault(bundle, kind, seed=JUDGED_FAULT_SEED) for kind in KINDS]
    hour = normal_hour(bundle, seed=JUDGED_NORMAL_SEED)
    highest = max(score.value for score in hour if score.value is not None)
    metrics: dict[str, Any] = {
        "command": "training/runs/demo.sh",
        "fault_highest_value": {fault.kind: _rounded(fault.highest) for fault in faults},
        "fault_median_value": {fault.kind: _rounded(fault.median) for fault in faults},
        "fault_refused_windows": {fault.kind: fault.refused_windows for fault in faults},
        "normal_hour_highest_value": _rounded(highest),
        "normal_hour_false_alarms": false_alarms(hour, gap_s=5.0),
    }
    return add_to_bundle(bundle, {}, metrics), faults


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def main() -> None:
    """Make both bundles and print what was measured of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("engines/demo"))
    folder: Path = parser.parse_args().folder
    torch.set_num_threads(THREADS)
    with tempfile.TemporaryDirectory(prefix="wheeltapper-demo-") as scratch:
        store, split = demo_sound(Path(scratch))
        for kind in KINDS_OF_MODEL:
            bundle, _ = judged(make_bundle(kind, folder / kind, store, split))
            lines = [f"{key}: {value}" for key, value in bundle.manifest.metrics.items()]
            sys.stdout.write("\n  ".join([bundle.bundle_id, *lines]) + "\n")


if __name__ == "__main__":
    main()
