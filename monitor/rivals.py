"""Everything on this machine that can answer for a bundle, timed side by side: engines, and plain torch.

Who cannot take part is noted with the reason. Engines that stray from the golden windows are not timed: a
wrong answer is fast for nothing. Torch and onnx are never on the box; what needs them is imported by name.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engines.bundle import MODELS, Bundle
from engines.errors import BackendUnavailableError, EngineError
from engines.golden import check_golden, read_golden
from engines.runtime import BACKENDS, Engine, PlanSettings, open_engine
from engines.timing import Infer, Timing, peak_gflops_of_core, time_in_turns

TORCH = "torch"
ON_CPU = frozenset({"onnxruntime", TORCH})
"""Only of these is CPU time the work itself, and a share of a core's peak means something (in fp32)."""
ARITHMETIC_TOLERANCE = 0.01
"""By which the torch module's multiply-adds may differ from the graph's: the exporter folds some."""
WHERE_TRAINED = "it is there where models are trained: pip install 'wheeltapper[train]'"
FLOAT32_BYTES = 4


@dataclass(frozen=True, slots=True)
class Rival:
    """One that takes part."""

    engine: str
    """A name in engines.runtime.BACKENDS, or `torch`."""
    precision: str
    """`fp32` or `fp16`."""
    said: str
    """What it calls itself, with its version."""
    infer: Infer
    """Answers a batch."""

    @property
    def name(self) -> str:
        """Like `onnxruntime fp32`."""
        return f"{self.engine} {self.precision}"


@dataclass(slots=True)
class Rivals:
    """Who takes part, and who cannot."""

    bundle: Bundle
    """What all of them answer for."""
    threads: int
    """CPU threads of each."""
    able: list[Rival] = field(default_factory=list)
    """Backends in the order of their table, torch last."""
    missing: dict[str, str] = field(default_factory=dict)
    """Who, or what cannot be told -> why."""
    multiply_adds: int | None = None
    """Of the graph's convolutions and matrix products, for one window; None where they cannot be counted."""
    opened: list[Engine] = field(default_factory=list)
    """To be closed at the end."""

    def close(self) -> None:
        """Release what the engines hold."""
        for engine in self.opened:
            engine.close()


def open_rivals(bundle: Bundle, *, threads: int, plans: PlanSettings) -> Rivals:
    """Open a bundle with every backend in every precision it has, and with plain torch.

    None of them missing is an error; see `missing`.
    """
    rivals = Rivals(bundle, threads)
    for backend in BACKENDS:
        for precision in (kind for kind, file in MODELS.items() if file in bundle.manifest.files):
            try:
                engine = open_engine(
                    bundle, backend=backend, precision=precision, threads=threads, plans=plans
                )
                rivals.opened.append(engine)
                check_golden(engine)
            except BackendUnavailableError as error:
                rivals.missing[backend] = str(error)
            except EngineError as error:
                rivals.missing[f"{backend} {precision}"] = str(error)
            else:
                rivals.able.append(Rival(backend, precision, engine.backend, engine.infer))
    _count(rivals)
    _add_torch(rivals)
    return rivals


def _count(rivals: Rivals) -> None:
    try:
        arithmetic: Any = importlib.import_module("engines.build.arithmetic")
        rivals.multiply_adds = arithmetic.multiply_adds_of_model(rivals.bundle.model_path)
    except ModuleNotFoundError as error:
        rivals.missing["share of peak"] = f"package {error.name!r} is missing; {WHERE_TRAINED}"
    except EngineError as error:
        rivals.missing["share of peak"] = str(error)


def _add_torch(rivals: Rivals) -> None:
    """Let the module take part that the bundle was exported from, if it is the same work."""
    try:
        module: Any = importlib.import_module("training.twin")
        twin = module.Twin(rivals.bundle.manifest, threads=rivals.threads)
    except ModuleNotFoundError as error:
        rivals.missing[TORCH] = f"package {error.name!r} is missing; {WHERE_TRAINED}"
        return
    except EngineError as error:
        rivals.missing[TORCH] = str(error)
        return
    found, expected = twin.multiply_adds, rivals.multiply_adds
    if expected is None or abs(found - expected) > ARITHMETIC_TOLERANCE * expected:
        rivals.missing[TORCH] = (
            f"the module made from the manifest spends {found} multiply-adds on a window, the graph "
            f"{expected}: it would be no comparison; train the bundle anew with this version"
        )
        return
    rivals.able.append(Rival(TORCH, "fp32", twin.name, twin.infer))


def report_of_rivals(rivals: Rivals, batches: Sequence[int], *, seconds: float) -> dict[str, Any]:
    """Time all at each batch size, for about `seconds` each, on the golden windows over and over; JSON."""
    peak = peak_gflops_of_core()
    timings = [_timed(rivals, size, seconds) for size in batches]
    # once more: the first may have had another program on its core
    peak = max(peak, peak_gflops_of_core())
    manifest = rivals.bundle.manifest
    bins = manifest.mel * manifest.frames
    return {
        "bundle": rivals.bundle.bundle_id,
        "threads": rivals.threads,
        "seconds": seconds,
        "bytes_in_per_window": FLOAT32_BYTES * bins,
        # a score, an error map and a reconstruction
        "bytes_out_per_window": FLOAT32_BYTES * (1 + 2 * bins),
        "multiply_adds_per_window": rivals.multiply_adds,
        "peak_gflops_per_core": _rounded(peak),
        "rows": [
            _row(rivals, rival, beside, peak)
            for beside in timings
            for rival in rivals.able
            if rival.name in beside
        ],
        "missing": rivals.missing,
    }


def _timed(rivals: Rivals, size: int, seconds: float) -> dict[str, Timing]:
    """Time those that take a batch of this size, and note why others do not."""
    windows = read_golden(rivals.bundle).logmel
    batch = np.resize(windows, (size, *windows.shape[1:]))
    able: dict[str, Infer] = {}
    for rival in rivals.able:
        try:
            rival.infer(batch)
        except EngineError as error:
            rivals.missing[f"{rival.name}, batch {size}"] = str(error)
        else:
            able[rival.name] = rival.infer
    return time_in_turns(able, batch, seconds=seconds)


def _row(rivals: Rivals, rival: Rival, beside: Mapping[str, Timing], peak_gflops: float) -> dict[str, Any]:
    timing, torch = beside[rival.name], beside.get(f"{TORCH} fp32")
    cpu_s = timing.cpu_s_per_window if rival.engine in ON_CPU else None
    gflops = None
    if cpu_s is not None and rivals.multiply_adds is not None and rival.precision == "fp32":
        gflops = 2e-9 * rivals.multiply_adds / cpu_s
    return {
        "engine": rival.engine,
        "precision": rival.precision,
        "backend": rival.said,
        "batch": timing.batch,
        "calls": timing.calls,
        "windows_per_s": _rounded(timing.windows_per_s),
        "latency_ms": {f"p{p}": _rounded(1e3 * timing.latency_s(p)) for p in (50, 99)},
        "cpu_ms_per_window": None if cpu_s is None else _rounded(1e3 * cpu_s),
        "gflops_per_core": _rounded(gflops),
        "share_of_peak": None if gflops is None else _rounded(gflops / peak_gflops),
        "times_torch": None if torch is None else _rounded(timing.times_as_fast_as(torch)),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
