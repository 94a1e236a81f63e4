"""The running half of the fake TensorRT: plans are deserialised, contexts compute with ONNX Runtime."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime as ort

from engines.bundle import INPUT_NAME, OUTPUT_NAMES
from monitor.testing.tensorrt_fake_box import MAGIC, TAIL, FakeBox, FakeLogger, Severity

DTYPES = {"tensor(float)": 0, "tensor(float16)": 1}
"""ONNX Runtime's name of a type -> TensorRT's number."""


class FakeRuntime:
    """Turns plans back into engines."""

    def __init__(self, box: FakeBox, log: FakeLogger) -> None:
        if not box.starts:
            log.log(Severity.ERROR, "CUDA initialization failure with error: 35")
            raise TypeError("pybind11::init(): factory function returned nullptr")
        self._box, self._log = box, log

    def deserialize_cuda_engine(self, plan: bytes) -> _Engine | None:
        """Return the engine, or log why not and return None."""
        box = self._box
        if "deserialize_cuda_engine" in box.refuses:
            why = (
                "IRuntime::deserializeCudaEngine: Error Code 6: API Usage Error (The engine cannot run on "
                "this GPU, which has compute capability 9.0. Supported compute capabilities: 8.0 8.6 8.9)"
            )
            self._log.log(Severity.ERROR, why)
            return None
        if not plan.startswith(MAGIC) or not plan.endswith(TAIL):
            why = "Error Code 1: Serialization (Serialization assertion plan.header.size == blobSize failed.)"
            self._log.log(Severity.ERROR, why)
            return None
        line, onnx = plan[len(MAGIC) : -len(TAIL)].split(b"\n", 1)
        head = json.loads(line)
        if head["version"] != box.version or head["gpu"] != [box.cuda.gpu_name, *box.cuda.compute_capability]:
            self._log.log(
                Severity.ERROR,
                "Error Code 1: Serialization (Serialization assertion stdVersionRead == "
                "kSERIALIZATION_VERSION failed. Version tag does not match.)",
            )
            return None
        return _Engine(box, self._log, head, onnx)


class _Engine:
    def __init__(self, box: FakeBox, log: FakeLogger, head: Mapping[str, Any], onnx: bytes) -> None:
        self.box, self.log, self.head = box, log, head
        self.session = ort.InferenceSession(onnx, providers=["CPUExecutionProvider"])
        self.given: dict[str, Any] = {tensor.name: tensor for tensor in self.session.get_inputs()}
        self.made: dict[str, Any] = {tensor.name: tensor for tensor in self.session.get_outputs()}
        self.num_io_tensors = len(self.given) + len(self.made)

    def get_tensor_name(self, index: int) -> str:
        return [*self.given, *self.made][index]

    def get_tensor_mode(self, name: str) -> int:
        return 1 if name in self.given else 2

    def get_tensor_dtype(self, name: str) -> int:
        return DTYPES[{**self.given, **self.made}[name].type]

    def refuses(self, call: str) -> bool:
        if call in self.box.refuses:
            why = f"Error Code 3: API Usage Error (in {call})"
            self.log.log(Severity.ERROR, why)
        return call in self.box.refuses

    def create_execution_context(self) -> _Context | _LateContext | None:
        if self.refuses("create_execution_context"):
            return None
        return _LateContext(self) if self.box.late else _Context(self)


class _Context:
    def __init__(self, engine: _Engine) -> None:
        self._engine = engine
        self._shape: tuple[int, ...] = ()
        self._memory: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        if self._engine.refuses("set_input_shape"):
            return False
        smallest, _, largest = self._engine.head["profile"]
        self._engine.box.asked_shapes.append(shape)
        if name != INPUT_NAME or not smallest[0] <= shape[0] <= largest[0]:
            why = (
                f"IExecutionContext::setInputShape: Error Code 3: {shape} is outside [{smallest}, {largest}]"
            )
            self._engine.log.log(Severity.ERROR, why)
            return False
        self._shape = shape
        return True

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        sizes = self._engine.made[name].shape  # a word where the model leaves it open
        return tuple(self._shape[i] if isinstance(size, str) else size for i, size in enumerate(sizes))

    def set_tensor_address(self, name: str, address: int) -> bool:
        if self._engine.refuses("set_tensor_address"):
            return False
        self._engine.box.addresses.append((name, address))
        self._memory[name] = address
        return True

    def execute_async_v3(self, stream_handle: int) -> bool:
        box = self._engine.box
        if self._engine.refuses("execute_async_v3"):
            return False
        stream = box.cuda.streams[stream_handle]
        if stream.captured is not None and not box.capturable:
            self._engine.log.log(Severity.ERROR, "Error Code 1: Cask (capture of this layer is not possible)")
            return False
        shape = self._shape
        drift = self._engine.head["drift"] * (1.0 if stream.captured is None else box.graph_drift)
        stream.put(lambda: self._compute(shape, drift))
        return True

    def _compute(self, shape: tuple[int, ...], drift: float) -> None:
        if shape != self._shape:
            raise AssertionError(
                f"a graph captured for {shape} was launched while the shape is {self._shape}"
            )
        answers = self._engine.session.run(list(OUTPUT_NAMES), {INPUT_NAME: self._view(INPUT_NAME, shape)})
        for name, answer in zip(OUTPUT_NAMES, answers, strict=True):
            self._view(name, answer.shape)[...] = answer * np.float32(drift)

    def _view(self, name: str, shape: tuple[int, ...]) -> Any:  # noqa: ANN401 - an array over device memory
        count = int(np.prod(shape))
        address = self._memory[name]
        if not self._engine.box.cuda.bytes_at(address, 4 * count):
            raise AssertionError(f"{name} {shape} does not fit the memory that it was given")
        return np.ctypeslib.as_array((ctypes.c_float * count).from_address(address)).reshape(shape)


class _LateContext(_Context):
    """One of TensorRT for RTX, which compiles kernels late and says when a stream can be captured."""

    def execute_async_v3(self, stream_handle: int) -> bool:
        box = self._engine.box
        if box.late > 0 and box.cuda.streams[stream_handle].captured is not None:
            self._engine.log.log(Severity.ERROR, "Error Code 1: kernels are compiled during a capture")
            return False
        return super().execute_async_v3(stream_handle)

    def is_stream_capturable(self, _stream_handle: int) -> bool:
        box = self._engine.box
        box.late -= 1
        return box.late <= 0
