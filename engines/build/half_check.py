"""Holds a bundle's fp16 file against its fp32 file, and leaves out one that strays; the manifest says so.

Two questions, each when it can first be asked. At the export: does it answer alike, on normal windows and on
ones far louder and quieter than these? With a calibration: does it alarm on the same windows, where sound
grows until it alarms? A file that fails is deleted and `metrics.fp16.refused` has the numbers; the bundle
stays good in fp32.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from engines.backend_onnx import open_engine
from engines.build.half import count_halved, half_from_model, rounded_from_half
from engines.bundle import (
    MODEL_FP16,
    Bundle,
    Manifest,
    entry_of_file,
    open_bundle,
    write_manifest,
)
from engines.errors import EngineError, EngineParityError
from engines.golden import (
    RELATIVE_LIMITS,
    SCORE_LIMIT,
    OutputParity,
    compare_outputs,
    limits_of,
    parity_for_manifest,
    read_golden,
    require_parity,
)
from engines.runtime import Engine, EngineOutput, Float32
from monitor.calibration import Calibration
from monitor.config import AlarmConfig

RELATIVE_LIMIT = RELATIVE_LIMITS["fp16"]
"""Of every output, on normal windows."""
SHIFTED_LIMIT = 0.2
"""Of every output, on other windows: values far from normal round coarsely, but must stay in range."""
VALUE_LIMIT = 0.02
"""An alarm may come or go where the fp32 value is no further from 1.0 than this."""
SHIFTS = {"10 dB louder": (1.0, 1.0), "20 dB quieter": (-2.0, -2.0), "hissing": (0.0, 2.0)}
"""Name -> log10 units added to the lower and to the upper half of the bands."""
RISES = np.linspace(0.0, 3.0, 16, dtype=np.float32)
"""Log10 units by which sound grows until it alarms."""
NOTE = "fp16"
"""Where the manifest's metrics tell of the file."""


def with_half(bundle: Bundle, windows: Float32) -> Manifest:
    """Write model.fp16.onnx beside model.onnx and return the manifest that names it, or says why it does not.

    `windows`, shape (n, mel, frames), are normal sound.
    """
    path = bundle.folder / MODEL_FP16
    half = half_from_model(onnx.load(str(bundle.model_path)))
    path.write_bytes(half.SerializeToString(deterministic=True))
    manifest = bundle.manifest
    named = replace(manifest, files={**manifest.files, MODEL_FP16: entry_of_file(path)})
    try:
        parity, of_spread = _check_answers(replace(bundle, manifest=named), windows)
    except EngineError as error:
        path.unlink()
        return _noted(manifest, {"refused": str(error)})
    halved, products = count_halved(half)
    note = {"halved_products": halved, "products": products, "score_difference_of_spread": of_spread}
    noted = _noted(named, note)
    return replace(noted, parity={**noted.parity, **parity_for_manifest(parity, suffix="_fp16")})


def with_half_judged(bundle: Bundle, calibration: Calibration) -> Bundle:
    """Return the bundle with what its fp16 file does to its alarms noted, and without the file if it strays.

    The golden windows grow louder in the upper bands, step by step, until they alarm. Where none of them
    does, or all do, nothing is known of the file's alarms, and it goes too.

    A bundle without an fp16 file is returned as it is.
    """
    manifest = bundle.manifest
    if MODEL_FP16 not in manifest.files:
        return bundle
    try:
        note = {**manifest.metrics[NOTE], **_check_alarms(bundle, calibration)}
        noted = _noted(manifest, note)
    except EngineError as error:
        files = {name: entry for name, entry in manifest.files.items() if name != MODEL_FP16}
        noted = _noted(replace(manifest, files=files), {"refused": str(error)})
    write_manifest(bundle.folder, noted)
    if MODEL_FP16 not in noted.files:
        (bundle.folder / MODEL_FP16).unlink()
    return open_bundle(bundle.folder)


def _check_answers(bundle: Bundle, windows: Float32) -> tuple[tuple[OutputParity, ...], float]:
    """Return the parity on `windows`, and the largest difference of their scores in standard deviations.

    Asked last is what every box will ask, and of the golden windows: the file must not be refused there.
    """
    pair = _open_pair(bundle)
    full, half = pair.answers(windows)
    spread = max(float(np.std(full.score)), 1e-3 * float(np.sqrt(np.mean(np.square(full.score)))), 1e-12)
    of_spread = float(np.abs(half.score - full.score).max()) / spread
    if not of_spread <= SCORE_LIMIT:
        raise EngineParityError(
            f"the fp16 file of {bundle.bundle_id} moves scores of normal windows by up to {of_spread:.2g} "
            f"of their standard deviation, allowed {SCORE_LIMIT:.2g}; run this bundle in fp32"
        )
    normal = compare_outputs(full, half)
    require_parity(normal, RELATIVE_LIMIT, f"the fp16 file of {bundle.bundle_id}")
    for name, (lower, upper) in SHIFTS.items():
        shifted = compare_outputs(*pair.answers(_raised(windows, lower, upper)))
        require_parity(shifted, SHIFTED_LIMIT, f"the fp16 file of {bundle.bundle_id} on {name} windows")
    golden = read_golden(bundle)
    found = compare_outputs(golden.expected, pair.half.infer(golden.logmel))
    limits = limits_of(bundle, "fp16", golden)
    require_parity(found, limits, f"the fp16 file of {bundle.bundle_id} on the golden windows")
    return normal, of_spread


def _check_alarms(bundle: Bundle, calibration: Calibration) -> dict[str, Any]:
    golden = read_golden(bundle).logmel
    rising = np.concatenate([_raised(golden, 0.0, rise) for rise in RISES])
    limit = calibration.limit_raw(AlarmConfig().false_alarms_per_week)
    full, half = (
        np.array([calibration.value(float(raw), limit) for raw in answers.score])
        for answers in _open_pair(bundle).answers(rising)
    )
    alarms = int((full >= 1.0).sum())
    if not 0 < alarms < len(full):
        raise EngineParityError(
            f"what the fp16 file of {bundle.bundle_id} does to alarms cannot be told: {alarms} of "
            f"{len(full)} windows, from normal to far louder, alarm in fp32, and it takes some that do and "
            "some that do not; run this bundle in fp32"
        )
    changed = (full >= 1.0) != (half >= 1.0)
    strayed = float(np.abs(full[changed] - 1.0).max(initial=0.0))
    if strayed > VALUE_LIMIT:
        raise EngineParityError(
            f"the fp16 file of {bundle.bundle_id} alarms otherwise on {int(changed.sum())} of {len(full)} "
            f"windows, up to {strayed:.2g} from the limit, allowed {VALUE_LIMIT:.2g}; run this bundle in fp32"
        )
    return {
        "alarms_compared": len(full),
        "alarms_in_fp32": alarms,
        "alarms_changed": int(changed.sum()),
        "value_difference_below_2": _largest(full, half),
    }


def _largest(full: NDArray[np.float64], half: NDArray[np.float64]) -> float:
    near = full < 2.0
    return float(np.abs(half - full)[near].max(initial=0.0))


@dataclass(frozen=True, slots=True)
class _Pair:
    """Both files of a bundle, open."""

    full: Engine
    """The fp32 file."""
    half: Engine
    """The fp16 file, with each half value truly rounded."""

    def answers(self, windows: Float32) -> tuple[EngineOutput, EngineOutput]:
        return self.full.infer(windows), self.half.infer(windows)


def _open_pair(bundle: Bundle) -> _Pair:
    open_engine(bundle, precision="fp16")  # the file itself must open too
    rounded = rounded_from_half(onnx.load(str(bundle.model_path_of("fp16"))))
    with TemporaryDirectory() as folder:
        imitation = replace(bundle, folder=Path(folder))
        imitation.model_path.write_bytes(rounded.SerializeToString())
        return _Pair(open_engine(bundle), open_engine(imitation))  # each holds all of its file from here on


def _raised(windows: Float32, lower: float, upper: float) -> Float32:
    """Return the windows with log10 units added to the lower and the upper half of the bands."""
    raised = windows + np.float32(lower)
    raised[:, windows.shape[1] // 2 :] += np.float32(upper - lower)
    return raised


def _noted(manifest: Manifest, note: dict[str, Any]) -> Manifest:
    return replace(manifest, metrics={**manifest.metrics, NOTE: note})
