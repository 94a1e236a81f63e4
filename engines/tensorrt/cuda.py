"""Device memory, pinned host memory and streams through cuda-python; every call's answer is checked."""

from __future__ import annotations

import ctypes
import importlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.errors import BackendUnavailableError, EngineError
from engines.runtime import Float32

NAMES = ("cuda.bindings.runtime", "cuda.cudart")
"""Where cuda-python has the runtime: since 12.6, and before."""
UNUSABLE = (ImportError, OSError, RuntimeError, AttributeError)
"""What the import of a native module raises: OSError where a shared library is missing, AttributeError where
it was made for another NumPy."""
FLOAT32_BYTES = 4
NOTHING_HERE = frozenset({35, 100})
"""cudaErrorInsufficientDriver, also where there is no driver at all, and cudaErrorNoDevice: the box is as it
should be, it has TensorRT's libraries and no GPU."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """The processor that plans are made for: device 0 of those that CUDA shows."""

    name: str
    """As CUDA calls it."""
    compute_capability: str
    """Major and minor, `8.7`."""


class Cuda:
    """The CUDA runtime. Calls raise instead of returning an error."""

    def __init__(self, cudart: Any) -> None:  # noqa: ANN401 - cuda-python has no types
        self.cudart = cudart

    def checked(self, answer: tuple[Any, ...]) -> Any:  # noqa: ANN401 - whatever the call returns
        """Return what a runtime call gave beside its error code.

        Raises:
            EngineError: The code is not success; the text has CUDA's own words.
        """
        code, *values = answer
        if code != self.cudart.cudaError_t.cudaSuccess:
            raise EngineError(
                f"{self._words_of(code)}; look at `dmesg` and the GPU, then start the daemon again"
            )
        return values[0] if len(values) == 1 else tuple(values)

    def _words_of(self, code: Any) -> str:  # noqa: ANN401 - a cudaError_t
        _, words = self.cudart.cudaGetErrorString(code)
        return f"CUDA error {int(code)}: {words.decode() if isinstance(words, bytes) else words}"

    def freed(self, answer: tuple[Any, ...]) -> None:
        """Take the answer of a call that frees something, whatever it is.

        After an error of a kernel every call answers that error, which has been raised already: it must stay
        the one that is seen, and what is left to free must still be freed.
        """

    def gpu(self) -> Gpu:
        """Return which GPU device 0 is.

        Raises:
            BackendUnavailableError: There is none, or no driver for it.
        """
        answer = self.cudart.cudaGetDeviceCount()
        if int(answer[0]) in NOTHING_HERE:
            raise BackendUnavailableError(f"no NVIDIA GPU or driver is here ({self._words_of(answer[0])})")
        try:
            count = self.checked(answer)
        except EngineError as error:
            raise BackendUnavailableError(f"no NVIDIA GPU can be used here: {error}") from error
        if count == 0:
            raise BackendUnavailableError("no NVIDIA GPU is here: CUDA counts 0 devices")
        facts = self.checked(self.cudart.cudaGetDeviceProperties(0))
        name = facts.name.decode() if isinstance(facts.name, bytes) else str(facts.name)
        return Gpu(name.rstrip("\0").strip(), f"{facts.major}.{facts.minor}")

    def open_stream(self) -> Any:  # noqa: ANN401 - a cudaStream_t
        """Return a new stream that does not wait for the default one."""
        return self.checked(self.cudart.cudaStreamCreateWithFlags(self.cudart.cudaStreamNonBlocking))


def find_cuda() -> Cuda:
    """Import cuda-python's runtime, under its new name or its old one.

    Raises:
        BackendUnavailableError: It is not installed.
    """
    reasons = []
    for name in NAMES:
        try:
            return Cuda(importlib.import_module(name))
        except UNUSABLE as error:
            reasons.append(f"{name}: {error}")
    raise BackendUnavailableError(f"cuda-python is missing ({'; '.join(reasons)}); pip install cuda-python")


class TensorBuffer:
    """One tensor's memory, on the device and pinned on the host, for the largest batch. Never moves."""

    def __init__(self, cuda: Cuda, shape: tuple[int, ...]) -> None:
        """Allocate for `shape` (batch first), float32.

        Raises:
            EngineError: There is not enough memory.
        """
        self._cuda = cuda
        nbytes = math.prod(shape) * FLOAT32_BYTES
        self.row_bytes = nbytes // shape[0]
        """Of one window."""
        self.device: int = 0
        """Address on the device; 0 after close."""
        self._pinned: int = int(cuda.checked(cuda.cudart.cudaMallocHost(nbytes)))
        try:
            self.device = int(cuda.checked(cuda.cudart.cudaMalloc(nbytes)))
        except EngineError:
            self.close()
            raise
        raw = (ctypes.c_float * math.prod(shape)).from_address(self._pinned)
        self.host: Float32 = np.ctypeslib.as_array(raw).reshape(shape)
        """The pinned memory as an array of `shape`."""

    def to_device(self, n: int, stream: Any) -> None:  # noqa: ANN401 - a cudaStream_t
        """Put the copy of the first `n` windows to the device on the stream."""
        cudart = self._cuda.cudart
        kind = cudart.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._cuda.checked(
            cudart.cudaMemcpyAsync(self.device, self._pinned, n * self.row_bytes, kind, stream)
        )

    def to_host(self, n: int, stream: Any) -> None:  # noqa: ANN401 - a cudaStream_t
        """Put the copy of the first `n` windows from the device on the stream."""
        cudart = self._cuda.cudart
        kind = cudart.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._cuda.checked(
            cudart.cudaMemcpyAsync(self._pinned, self.device, n * self.row_bytes, kind, stream)
        )

    def close(self) -> None:
        """Free both, and raise nothing; `host` must not be used afterwards."""
        if self._pinned:
            self._cuda.freed(self._cuda.cudart.cudaFreeHost(self._pinned))
        if self.device:
            self._cuda.freed(self._cuda.cudart.cudaFree(self.device))
        self._pinned = self.device = 0
