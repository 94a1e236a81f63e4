"""What an engine is, whichever library runs it, and the table of those that can.

The base checks, the backend computes: every backend fails with the same sentence. An engine belongs
to one thread. `infer` does not keep or change its argument, and what it returns is the caller's.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.bundle import Bundle
from engines.errors import BackendUnavailableError, EngineError, EngineInputError

Float32 = NDArray[np.float32]

# backend name -> module with `open_engine(bundle, *, threads) -> Engine`, imported on first use
BACKENDS = {
    "onnxruntime": "engines.backend_onnx",
}
# what `auto` tries, best first
AUTO_ORDER = ("onnxruntime",)


@dataclass(frozen=True, slots=True)
class EngineOutput:
    """The three outputs that every kind of model has, for a batch of n windows."""

    score: Float32
    """Shape (n,), high means unusual, on the model's own scale."""
    error_map: Float32
    """Shape (n, mel, frames), >= 0, squared error in standardised units."""
    reconstruction: Float32
    """Shape (n, mel, frames), in the units of the input."""


class Engine(ABC):
    """A model that is ready to run."""

    def __init__(self, bundle: Bundle, backend: str) -> None:
        self.bundle = bundle
        self.backend = backend
        """Which library answers, for health."""

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
        output = self._infer(np.ascontiguousarray(batch))
        n = len(batch)
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


def open_engine(bundle: Bundle, *, backend: str = "auto", threads: int = 1) -> Engine:
    """Open a bundle with the named backend, or with the best one this machine has.

    Raises:
        BackendUnavailableError: The backend is unknown or its library is missing.
        EngineError: The model cannot be opened or has other inputs and outputs than the manifest says.
    """
    names = AUTO_ORDER if backend == "auto" else (backend,)
    missing: list[str] = []
    for name in names:
        if name not in BACKENDS:
            raise BackendUnavailableError(
                f"engine.backend {name!r} is not known; known are auto, {', '.join(sorted(BACKENDS))}"
            )
        try:
            module: Any = importlib.import_module(BACKENDS[name])
        except ImportError as error:
            missing.append(f"{name} ({error})")
            continue
        engine: Engine = module.open_engine(bundle, threads=threads)
        return engine
    raise BackendUnavailableError(
        f"no engine backend can run here: {'; '.join(missing)}; install one, for example "
        "`pip install onnxruntime`"
    )
