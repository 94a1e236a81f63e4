"""Makes the demo bundles: AE and MAE for the simulated pump, trained, calibrated and judged.

python -m training.demo [FOLDER] (default: engines/demo). The simulated converter runs at 48 kHz and is
resampled, as in the daemon's default configuration. Takes some minutes on two cores; the same machine with
the same versions gives the same bytes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from engines.build.export import add_to_bundle
from engines.bundle import Bundle
from monitor.config import SimulatedSource
from monitor.frontend import FrontendParameters
from monitor.simulate.schedule import KINDS
from training.commission import Split, calibrate_bundle, train_detector, training_notes, write_bundle
from training.data import LogMelStore, store_logmel
from training.judge import FaultFound, false_alarms, judge_fault, normal_hour
from training.sound import Recording, recording_of_machine
from training.train import TrainingSettings

# seeds are days of the same machine; 1 is the daemon's default and is only ever listened to
TRAINING_SEEDS = range(101, 109)
VALIDATION_SEEDS = range(111, 113)
HEAD_SEEDS = range(121, 125)
CALIBRATION_SEEDS = range(131, 137)
JUDGED_FAULT_SEED = 1
JUDGED_NORMAL_SEED = 141
SECONDS = {TRAINING_SEEDS: 300.0, VALIDATION_SEEDS: 300.0, HEAD_SEEDS: 300.0, CALIBRATION_SEEDS: 900.0}
KINDS_OF_MODEL = ("ae", "mae")
SETTINGS = TrainingSettings(epochs=12)
THREADS = 2
"""Fixed, because sums taken by another number of threads round otherwise."""
MADE_UTC_S = 1_795_219_200.0
"""2026-11-21: the calibration's date, fixed so that the bytes are."""


def day(seed: int, duration_s: float) -> Recording:
    """Return normal sound of one day of the pump."""
    return recording_of_machine(
        SimulatedSource(id="pump", kind="simulated", seed=seed, pace="fast", duration_s=duration_s)
    )


def demo_sound(folder: Path) -> tuple[LogMelStore, Split]:
    """Compute the log-mel of all days into `folder`."""
    days = {seeds: [day(seed, duration_s) for seed in seeds] for seeds, duration_s in SECONDS.items()}
    recordings = [recording for group in days.values() for recording in group]
    store = store_logmel(folder / "logmel.f32", recordings, FrontendParameters())
    split = Split(*(tuple(recording.name for recording in group) for group in days.values()))
    return store, split


def make_bundle(kind: str, folder: Path, store: LogMelStore, split: Split) -> Bundle:
    """Train one kind of model and leave its calibrated bundle in `folder`."""
    detector, history = train_detector(kind, store, split, SETTINGS)
    notes = {"run": "training/runs/demo.sh", **training_notes(history, SETTINGS, store, split)}
    bundle = write_bundle(folder, detector, store, split, notes)
    hours = len(CALIBRATION_SEEDS) * SECONDS[CALIBRATION_SEEDS] / 3600.0
    source = f"simulated pump, seeds {CALIBRATION_SEEDS[0]} to {CALIBRATION_SEEDS[-1]}, {hours:.1f} h"
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
