"""What the fake TensorRT is like, and what was asked of it: for tests to set and to read."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from monitor.testing.cuda_fake import FakeCuda

MAGIC = b"fake TensorRT plan\n"
TAIL = b"\nend"


class Severity(enum.IntEnum):
    """As TensorRT numbers them."""

    INTERNAL_ERROR = 0
    ERROR = 1
    WARNING = 2
    INFO = 3
    VERBOSE = 4


class FakeLogger:
    """The base that loggers are derived from."""

    INTERNAL_ERROR = Severity.INTERNAL_ERROR
    ERROR = Severity.ERROR
    WARNING = Severity.WARNING
    INFO = Severity.INFO
    VERBOSE = Severity.VERBOSE

    def log(self, severity: Severity, msg: str) -> None:
        """Take a line; derived classes do."""


@dataclass
class FakeBox:
    """A version of TensorRT on a box with one GPU: how it behaves, and what was asked of it."""

    version: str = "10.3.0"
    flavour: str = "tensorrt"
    """Import name: `tensorrt` or `tensorrt_rtx`."""
    cuda: FakeCuda = field(default_factory=FakeCuda)
    cuda_name: str = "cuda.bindings.runtime"
    """Or `cuda.cudart`, where older ones have it."""
    build_s: float = 0.0
    """How long a build takes."""
    drift: float = 1.0
    """Every answer is multiplied by it: a plan that strays; NaN: one that answers no number."""
    graph_drift: float = 1.0
    """Every answer of a CUDA graph is multiplied by it besides: a call that was captured wrongly."""
    starts: bool = True
    """Whether a runtime can be made at all; not where the driver is too old."""
    capturable: bool = True
    """Whether a call can be captured in a CUDA graph."""
    late: int = 0
    """is_stream_capturable says no so many times; above 0 it exists at all, as in TensorRT for RTX."""
    refuses_to_build: bool = False
    """build_serialized_network returns None, as it does when no kernel fits."""
    refuses: frozenset[str] = frozenset()
    """Calls that log why and answer False or None: create_execution_context, set_input_shape,
    set_tensor_address, execute_async_v3; and deserialize_cuda_engine, as TensorRT for RTX 1.7 was seen to
    on a GPU that it does not support (an H100), for which it builds all the same."""
    takes_timing: bool = True
    """Whether an earlier timing cache is accepted."""
    builds: int = 0
    """Plans that were built."""
    flags: set[str] = field(default_factory=set)
    """Builder flags set at the last build."""
    float_layers: int = 0
    """Layers that were told to compute in float and to give float."""
    timings: list[bytes] = field(default_factory=list)
    """Timing caches that were offered."""
    asked_shapes: list[tuple[int, ...]] = field(default_factory=list)
    """Every shape that set_input_shape was given."""
    addresses: list[tuple[str, int]] = field(default_factory=list)
    """Every address that set_tensor_address was given."""

    @property
    def major(self) -> int:
        """The version of TensorRT whose names there are; TensorRT for RTX has those of 11."""
        return 11 if "rtx" in self.flavour else int(self.version.split(".")[0])
