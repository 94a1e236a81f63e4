"""A fake of cuda-python's runtime: memory, streams, copies and graphs in this process, with CUDA's rules.

It behaves as the real one was recorded to: every call returns an error code first; a copy beyond an
allocation, or from memory that was freed, is refused; work put on a stream that is being captured is not done
but remembered.
"""

from __future__ import annotations

import ctypes
import enum
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

CudaError = enum.IntEnum(
    "CudaError",
    {
        "cudaSuccess": 0,
        "cudaErrorInvalidValue": 1,
        "cudaErrorMemoryAllocation": 2,
        "cudaErrorInsufficientDriver": 35,
        "cudaErrorNoDevice": 100,
        "cudaErrorIllegalAddress": 700,
        "cudaErrorStreamCaptureUnsupported": 900,
    },
)
"""Codes, as CUDA numbers them."""
WORDS = {
    CudaError.cudaErrorInvalidValue: b"invalid argument",
    CudaError.cudaErrorMemoryAllocation: b"out of memory",
    CudaError.cudaErrorInsufficientDriver: b"CUDA driver version is insufficient for CUDA runtime version",
    CudaError.cudaErrorNoDevice: b"no CUDA-capable device is detected",
    CudaError.cudaErrorIllegalAddress: b"an illegal memory access was encountered",
    CudaError.cudaErrorStreamCaptureUnsupported: b"operation not permitted when stream is capturing",
}
OK = CudaError.cudaSuccess


@dataclass(eq=False)
class FakeStream:
    """A stream that does its work at once, or remembers it while it is captured."""

    handle: int
    """What int() gives, as for a cudaStream_t."""
    captured: list[Callable[[], None]] | None = None
    """Work remembered so far; None: not being captured."""

    def __int__(self) -> int:
        return self.handle

    def put(self, work: Callable[[], None]) -> None:
        """Do or remember one piece of work."""
        if self.captured is None:
            work()
        else:
            self.captured.append(work)


@dataclass
class FakeCuda:
    """One GPU with so much memory. `module` stands in for `cuda.bindings.runtime`."""

    gpu_name: str = "Orin"
    compute_capability: tuple[int, int] = (8, 7)
    memory_bytes: int = 1 << 28
    """Of the device; pinned host memory counts too, as on a Jetson."""
    missing: CudaError | None = None
    """The error that cudaGetDeviceCount answers; None: it counts `devices`."""
    devices: int = 1
    """How many GPUs are counted; all are alike."""
    sticky: CudaError | None = None
    """What waiting and freeing answer from now on, done or not, as after an error of a kernel."""
    allocations: dict[int, Any] = field(default_factory=dict)
    """Address -> memory that was not freed yet."""
    streams: dict[int, FakeStream] = field(default_factory=dict)
    """Those that were not destroyed, by handle."""
    graphs: set[int] = field(default_factory=set)
    """Graphs and executable graphs that were not destroyed."""
    launches: int = 0
    """Times that a graph was launched."""
    captures: int = 0
    """Graphs that were captured."""

    def __post_init__(self) -> None:
        self._handles = itertools.count(1)
        self._works: dict[int, list[Callable[[], None]]] = {}
        calls = {name: getattr(self, name) for name in dir(self) if name.startswith("cuda")}
        self.module = SimpleNamespace(
            cudaError_t=CudaError,
            cudaMemcpyKind=SimpleNamespace(cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2),
            cudaStreamCaptureMode=SimpleNamespace(cudaStreamCaptureModeThreadLocal=1),
            cudaStreamNonBlocking=1,
            **calls,
        )

    def bytes_at(self, address: int, count: int) -> bool:
        """Whether so many bytes lie within one allocation."""
        return any(
            start <= address and address + count <= start + len(block)
            for start, block in self.allocations.items()
        )

    def _answer(self, valid: bool) -> CudaError:  # noqa: FBT001 - the only thing that it is told
        if self.sticky is not None:
            return self.sticky
        return OK if valid else CudaError.cudaErrorInvalidValue

    def cudaGetErrorString(self, code: CudaError) -> tuple[CudaError, bytes]:  # noqa: N802, D102 - CUDA's name
        return OK, WORDS[code]

    def cudaGetDeviceCount(self) -> tuple[CudaError, int | None]:  # noqa: N802, D102
        return (OK, self.devices) if self.missing is None else (self.missing, None)

    def cudaGetDeviceProperties(self, _device: int) -> tuple[CudaError, Any]:  # noqa: N802, D102
        major, minor = self.compute_capability
        return OK, SimpleNamespace(name=self.gpu_name.encode(), major=major, minor=minor)

    def cudaMalloc(self, nbytes: int) -> tuple[CudaError, int | None]:  # noqa: N802, D102
        if nbytes + sum(len(block) for block in self.allocations.values()) > self.memory_bytes:
            return CudaError.cudaErrorMemoryAllocation, None
        block = (ctypes.c_byte * nbytes)()
        self.allocations[ctypes.addressof(block)] = block
        return OK, ctypes.addressof(block)

    cudaMallocHost = cudaMalloc  # noqa: N815

    def cudaFree(self, address: int) -> tuple[CudaError]:  # noqa: N802, D102
        known = self.allocations.pop(address, None)
        return (self._answer(known is not None),)

    cudaFreeHost = cudaFree  # noqa: N815

    def cudaMemcpyAsync(  # noqa: N802, D102
        self, target: int, source: int, count: int, _kind: int, stream: FakeStream
    ) -> tuple[CudaError]:
        if not (self.bytes_at(target, count) and self.bytes_at(source, count)):
            return (CudaError.cudaErrorInvalidValue,)

        def copy() -> None:
            ctypes.memmove(target, source, count)

        stream.put(copy)
        return (OK,)

    def cudaStreamCreateWithFlags(self, _flags: int) -> tuple[CudaError, FakeStream]:  # noqa: N802, D102
        stream = FakeStream(next(self._handles))
        self.streams[stream.handle] = stream
        return OK, stream

    def cudaStreamDestroy(self, stream: FakeStream) -> tuple[CudaError]:  # noqa: N802, D102
        known = self.streams.pop(stream.handle, None)
        return (self._answer(known is not None),)

    def cudaStreamSynchronize(self, stream: FakeStream) -> tuple[CudaError]:  # noqa: N802, D102
        if stream.captured is not None:
            return (CudaError.cudaErrorStreamCaptureUnsupported,)
        return (self._answer(valid=True),)

    def cudaStreamBeginCapture(self, stream: FakeStream, _mode: int) -> tuple[CudaError]:  # noqa: N802, D102
        stream.captured = []
        return (OK,)

    def cudaStreamEndCapture(self, stream: FakeStream) -> tuple[CudaError, int]:  # noqa: N802, D102
        work, stream.captured = stream.captured or [], None
        handle = next(self._handles)
        self._works[handle] = work
        self.graphs.add(handle)
        self.captures += 1
        return OK, handle

    def cudaGraphInstantiateWithFlags(self, graph: int, _flags: int) -> tuple[CudaError, int]:  # noqa: N802, D102
        handle = next(self._handles)
        self._works[handle] = self._works[graph]
        self.graphs.add(handle)
        return OK, handle

    def cudaGraphLaunch(self, executable: int, _stream: FakeStream) -> tuple[CudaError]:  # noqa: N802, D102
        if executable not in self.graphs:
            return (CudaError.cudaErrorInvalidValue,)
        self.launches += 1
        for work in self._works[executable]:
            work()
        return (OK,)

    def cudaGraphDestroy(self, graph: int) -> tuple[CudaError]:  # noqa: N802, D102
        self.graphs.remove(graph)
        return (self._answer(valid=True),)

    cudaGraphExecDestroy = cudaGraphDestroy  # noqa: N815
