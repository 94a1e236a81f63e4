"""What an engine is, whichever library runs it, and the table of those that can.

The base checks, the backend computes: every backend fails with the same sentence. An engine belongs
to one thread. `infer` does not keep or change its argument, and what it returns is the caller's.
"""

from __future__ import annotations

import importlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.bundle import Bundle
from engines.errors import BackendUnavailableError, EngineError, EngineInputError
from engines.histogram import Histogram

Float32 = NDArray[np.float32]

# backend name -> module with `open_engine(bundle, *, precision, threads, plans)`, imported on first use
BACKENDS = {
    "tensorrt": "engines.backend_tensorrt",
    "onnxruntime": "engines.backend_onnx",
}
# what `auto` tries, best first
AUTO_ORDER = ("tensorrt", "onnxruntime")


def say_nothing(_words: str) -> None:
    """Hear what takes long, and tell nobody."""


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """Where compiled plans lie and how they may be made; of use to backends that compile."""

    folder: Path = Path("state") / "engines"
    """The cache. A plan is executable input: nobody else may write here."""
    opt_batch: int = 8
    """Windows in one call that the plan is tuned for; no more than max_batch counts."""
    max_batch: int = 64
    """Most windows in one call; a larger batch is cut."""
    build: bool = True
    """Whether a missing plan is built, which may take minutes; else it is refused."""
    say: Callable[[str], None] = say_nothing
    """Told in one sentence what is about to take long."""


@dataclass(frozen=True, slots=True)
class EngineOutput:
    """The three outputs that every kind of model has, for a batch of n windows."""

    score: Float32
    """Shape (n,), high means unusual, on the model's own scale."""
    error_map: Float32
    """Shape (n, mel, frames), >= 0, squared error in standardised units."""
    reconstruction: Float32
    """Shape (n, mel, frames), in the units of the input."""


def join_outputs(parts: Sequence[EngineOutput]) -> EngineOutput:
    """Return the outputs of several batches as those of one, in their order; of one part the part itself."""
    if len(parts) == 1:
        return parts[0]
    return EngineOutput(
        np.concatenate([part.score for part in parts]),
        np.concatenate([part.error_map for part in parts]),
        np.concatenate([part.reconstruction for part in parts]),
    )


class Engine(ABC):
    """A model that is ready to run."""

    def __init__(self, bundle: Bundle, backend: str, precision: str = "fp32") -> None:
        self.bundle = bundle
        self.backend = backend
        """Which library answers, with its version, place and precision, for health and every score."""
        self.precision = precision
        """`fp32` or `fp16`: which file of the bundle this is."""
        self.fallback = ""
        """Why none of the backends answers that `auto` would rather have; empty: this one was the choice."""
        self.call_windows = 64
        """So many windows a call are no dearer than more: a larger batch had better come in parts."""
        self.call_times = Histogram()
        """How long the backend took for each batch that it answered, golden windows included."""
        self.windows = 0
        """Answered since it was opened."""

    def infer(self, batch: Float32) -> EngineOutput:
        """Run the model on `batch`, shape (n, mel, frames), float32, n >= 1.

        Raises:
            EngineInputError: The batch has another dtype or shape.
            EngineError: The backend failed, or answered with something that is not a number.
        """
        mel, frames = self.bundle.manifest.mel, self.bundle.manifest.frames
        if batch.dtype != np.float32 or batch.ndim != 3 or batch.shape[1:] != (mel, frames) or not len(batch):
            raise EngineInputError(
                f"{self.bundle.bundle_id} takes float32 (n, {mel}, {frames}), got "
                f"{batch.dtype} {batch.shape}; "
                "use the bundle's own front end"
            )
        started_s = time.perf_counter()
        output = self._infer(np.ascontiguousarray(batch))
        n = len(batch)
        self.call_times.note(time.perf_counter() - started_s)
        self.windows += n
        shapes = (output.score.shape, output.error_map.shape, output.reconstruction.shape)
        if shapes != ((n,), (n, mel, frames), (n, mel, frames)):
            raise EngineError(
                f"{self.bundle.bundle_id} answered with shapes {shapes}; export the bundle anew"
            )
        if not np.isfinite(output.score).all():
            raise EngineError(f"{self.bundle.bundle_id} answered with a score that is not a number")
        return output

    @abstractmethod
    def _infer(self, batch: Float32) -> EngineOutput:
        """Compute; the arguments have been checked, the result will be."""

    def close(self) -> None:  # noqa: B027 - most backends hold nothing that outlives them
        """Release what the backend holds. The engine must not be used afterwards."""


def open_engine(
    bundle: Bundle,
    *,
    backend: str = "onnxruntime",
    precision: str = "fp32",
    threads: int = 1,
    plans: PlanSettings | None = None,
) -> Engine:
    """Open a bundle with the named backend, or for `auto` with the best one that works on this machine.

    Where `auto` had to pass over one, the engine's `fallback` says why.

    Raises:
        BackendUnavailableError: The backend is unknown, or its library or processor is missing.
        BundleError: The bundle has no file of this precision.
        EngineError: The model cannot be opened or has other inputs and outputs than the manifest says.
    """
    bundle.model_path_of(precision)
    names = AUTO_ORDER if backend == "auto" else (backend,)
    refused: list[str] = []
    for name in names:
        try:
            engine = _module_of_backend(name).open_engine(
                bundle, precision=precision, threads=threads, plans=plans or PlanSettings()
            )
        except EngineError as error:
            if name == names[-1] and (not refused or not isinstance(error, BackendUnavailableError)):
                raise
            refused.append(f"{name}: {error}")
            continue
        opened: Engine = engine
        opened.fallback = "; ".join(refused)
        return opened
    raise BackendUnavailableError(f"no engine backend can run here: {'; '.join(refused)}")


def _module_of_backend(name: str) -> Any:  # noqa: ANN401 - a module with open_engine
    if name not in BACKENDS:
        raise BackendUnavailableError(
            f"engine.backend {name!r} is not known; known are auto, {', '.join(sorted(BACKENDS))}"
        )
    try:
        return importlib.import_module(BACKENDS[name])
    except ImportError as error:
        raise BackendUnavailableError(
            f"engine.backend {name} cannot be loaded ({error}); install it, for example `pip install {name}`"
        ) from error
