"""A fake of TensorRT that behaves as the real one was recorded to, and computes with ONNX Runtime on the CPU.

Recorded (of TensorRT for RTX 1.7 without a GPU, and of NVIDIA's issues): what is returned and logged for a
file that is no ONNX, a plan cut short or made elsewhere, a batch outside the profile, a builder with no GPU;
which names exist in 8.6, 10 and 11. A plan holds the ONNX, so that answers are real. Nothing here says a word
about a real GPU's speed or rounding.
"""

from __future__ import annotations

import enum
import json
import time
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import onnxruntime as ort

from engines.backend_onnx import RUNTIME_ERRORS
from engines.bundle import INPUT_NAME
from monitor.testing.tensorrt_fake_box import MAGIC, TAIL, FakeBox, FakeLogger, Severity
from monitor.testing.tensorrt_fake_engine import FakeRuntime

_LAYER = enum.IntEnum("_LAYER", {"CONVOLUTION": 0, "CONSTANT": 9})


class FakeTensorRT(FakeBox):
    """A version of TensorRT on a box with one GPU. `modules` is what `sys.modules` would hold."""

    @property
    def modules(self) -> Mapping[str, Any]:
        """Import name -> module, for monkeypatch.setitem(sys.modules, ...); others of TensorRT are absent."""
        names = ("tensorrt", "tensorrt_rtx", "tensorrt_bindings", "tensorrt_rtx_bindings")
        cuda = ("cuda.bindings.runtime", "cuda.cudart")
        absent = dict.fromkeys((*names, *cuda))
        return {**absent, self.flavour: self.module(), self.cuda_name: self.cuda.module}

    def module(self) -> SimpleNamespace:
        """Return what `import tensorrt` would give: names that this version lacks are absent."""
        builder_flags = {"TF32": 7, "REFIT": 2}
        network_flags = {"STRONGLY_TYPED": 1}
        if self.major <= 10:
            network_flags["EXPLICIT_BATCH"] = 0
            builder_flags |= {"FP16": 0, "OBEY_PRECISION_CONSTRAINTS": 11, "PREFER_PRECISION_CONSTRAINTS": 12}
        if self.major <= 8:
            del network_flags["STRONGLY_TYPED"]
        return SimpleNamespace(
            __version__=self.version,
            ILogger=FakeLogger,
            BuilderFlag=enum.IntEnum("BuilderFlag", builder_flags),
            NetworkDefinitionCreationFlag=enum.IntEnum("NetworkDefinitionCreationFlag", network_flags),
            TensorIOMode=enum.IntEnum("TensorIOMode", {"INPUT": 1, "OUTPUT": 2}),
            DataType=enum.IntEnum("DataType", {"FLOAT": 0, "HALF": 1}),
            LayerType=_LAYER,
            float32=0,
            Builder=lambda log: _Builder(self, log),
            OnnxParser=_Parser,
            Runtime=lambda log: FakeRuntime(self, log),
        )


class _Parser:
    def __init__(self, network: SimpleNamespace, log: FakeLogger) -> None:
        self._network, self._log = network, log
        self._errors: list[str] = []

    @property
    def num_errors(self) -> int:
        return len(self._errors)

    def get_error(self, index: int) -> SimpleNamespace:
        return SimpleNamespace(desc=lambda: self._errors[index])

    def parse(self, onnx: bytes) -> bool:
        try:
            ort.InferenceSession(onnx, providers=["CPUExecutionProvider"])
        except RUNTIME_ERRORS as error:
            self._errors.append(f"Failed to parse the ONNX model: {error}")
            self._log.log(
                Severity.ERROR, "(deserializeOnnxModel): MODEL_DESERIALIZE_FAILED: Assertion failed"
            )
            return False
        self._network.onnx = onnx
        return True


class _Builder:
    def __init__(self, box: FakeBox, log: FakeLogger) -> None:
        if box.cuda.missing is not None and box.flavour == "tensorrt":
            log.log(Severity.ERROR, "CUDA initialization failure with error: 35")
            raise TypeError("pybind11::init(): factory function returned nullptr")
        self._box, self._log = box, log

    def create_network(self, flags: int) -> SimpleNamespace:
        if self._box.major <= 8 and not flags & 1:
            raise RuntimeError("implicit batch is not supported by the ONNX parser")
        kinds = _LAYER
        types = [(kinds.CONVOLUTION, 0), (kinds.CONSTANT, 0), (kinds.CONVOLUTION, 1)]
        layers = [_Layer(kind, dtype) for kind, dtype in types]
        return SimpleNamespace(
            onnx=b"", flags=flags, layers=layers, num_layers=3, get_layer=layers.__getitem__
        )

    def create_builder_config(self) -> _Config:
        return _Config(self._box)

    def create_optimization_profile(self) -> _Profile:
        return _Profile()

    def build_serialized_network(self, network: SimpleNamespace, config: _Config) -> bytes | None:
        box = self._box
        box.flags = config.flags
        box.float_layers = sum(
            hasattr(layer, "precision") and layer.output_types == {0: 0} for layer in network.layers
        )
        if box.refuses_to_build:
            self._log.log(Severity.ERROR, "Error Code 10: Could not find any implementation for node Conv_0")
            return None
        time.sleep(box.build_s)
        box.builds += 1
        gpu = [box.cuda.gpu_name, *box.cuda.compute_capability]
        head = {"version": box.version, "gpu": gpu, "drift": box.drift, "profile": config.profiles[0].shapes}
        onnx: bytes = network.onnx
        return MAGIC + json.dumps(head).encode() + b"\n" + onnx + TAIL


class _Layer:
    num_outputs = 1

    def __init__(self, kind: int, dtype: int) -> None:
        self.type, self._dtype = kind, dtype
        self.output_types: dict[int, int] = {}

    def set_output_type(self, index: int, dtype: int) -> None:
        self.output_types[index] = dtype

    def get_output(self, _index: int) -> SimpleNamespace:
        return SimpleNamespace(dtype=self._dtype)


class _Profile:
    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def set_shape(self, name: str, *shapes: tuple[int, ...]) -> None:
        if name != INPUT_NAME or not shapes[0][0] <= shapes[1][0] <= shapes[2][0]:
            raise RuntimeError(f"bad profile for {name}: {shapes}")
        self.shapes = list(shapes)


class _Config:
    def __init__(self, box: FakeBox) -> None:
        self._box = box
        self.flags = {"TF32"}  # on by default
        self.profiles: list[_Profile] = []

    def set_flag(self, flag: enum.IntEnum) -> None:
        self.flags.add(flag.name)

    def clear_flag(self, flag: enum.IntEnum) -> None:
        self.flags.discard(flag.name)

    def add_optimization_profile(self, profile: _Profile) -> int:
        self.profiles.append(profile)
        return len(self.profiles) - 1

    def create_timing_cache(self, content: bytes) -> SimpleNamespace:
        self._box.timings.append(content)
        return SimpleNamespace(content=content, serialize=lambda: b"timings of " + self._box.version.encode())

    def set_timing_cache(self, cache: SimpleNamespace, _ignore_mismatch: bool) -> bool:  # noqa: FBT001 - theirs
        return not cache.content or self._box.takes_timing
