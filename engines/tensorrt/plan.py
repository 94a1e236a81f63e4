"""Compiles ONNX to a plan with TensorRT's parser and builder. Precision is what the ONNX file has."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.bundle import INPUT_NAME
from engines.errors import BundleDamagedError, EngineBuildError
from engines.tensorrt.library import Library, open_log, text_of_log

RECIPE = 0
"""Part of a plan's key. To be raised where `plan_from_onnx` builds otherwise: then older plans are stale."""


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What is to be compiled, and for which batches."""

    onnx: bytes
    """The file as it is."""
    precision: str
    """`fp32` or `fp16`: what the file has; of use only where the builder must be told."""
    window: tuple[int, int]
    """(mel, frames) of one window."""
    batches: tuple[int, int, int]
    """Fewest, tuned for, and most windows in one call."""
    timing: bytes = b""
    """An earlier build's timing cache; empty for a new one."""


@dataclass(frozen=True, slots=True)
class BuiltPlan:
    """What the builder made."""

    plan: bytes
    """Serialised engine."""
    timing: bytes
    """The timing cache after this build; empty where the library has none."""


def read_onnx(path: Path, sha256: str) -> bytes:
    """Return a bundle's model, if it is still the file of this digest; a build may begin after a long wait.

    Raises:
        BundleDamagedError: It is gone, or another file.
    """
    try:
        onnx = path.read_bytes()
    except OSError as error:
        raise BundleDamagedError(f"{path} cannot be read ({error.strerror}); copy it anew") from error
    if hashlib.sha256(onnx).hexdigest() != sha256:
        raise BundleDamagedError(
            f"{path} is not the file that was there when the bundle was opened; start anew"
        )
    return onnx


def plan_from_onnx(library: Library, request: PlanRequest) -> BuiltPlan:
    """Compile; takes seconds to minutes and lets other Python threads run meanwhile.

    Raises:
        EngineBuildError: The builder cannot start, the parser refuses the file, or no plan can be made.
    """
    trt = library.trt
    log = open_log(trt)
    try:
        builder = trt.Builder(log)
    except TypeError as error:  # what pybind11 makes of a factory that returned nullptr
        raise EngineBuildError(
            f"TensorRT {library.version} cannot start its builder ({error}); {text_of_log(log)}"
        ) from error
    network = builder.create_network(network_flags(trt))
    parser = trt.OnnxParser(network, log)
    if not parser.parse(request.onnx):
        found = "; ".join(str(parser.get_error(i).desc()) for i in range(parser.num_errors))
        raise EngineBuildError(
            f"TensorRT {library.version} cannot read the model: {found}; {text_of_log(log)}; "
            "export the bundle anew"
        )
    config = builder.create_builder_config()
    _tell_precision(trt, config, network, request.precision)
    profile = builder.create_optimization_profile()
    profile.set_shape(INPUT_NAME, *((n, *request.window) for n in request.batches))
    config.add_optimization_profile(profile)
    # TensorRT for RTX measures when it runs, not here: its timing cache does nothing, and warns
    timing = None if library.flavour == "tensorrt-rtx" else _attach_timing(config, request.timing)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise EngineBuildError(
            f"TensorRT {library.version} cannot make a plan of the model; {text_of_log(log)}; "
            "set engine.backend to onnxruntime and report this text"
        )
    return BuiltPlan(bytes(plan), b"" if timing is None else bytes(timing.serialize()))


def network_flags(trt: Any) -> int:  # noqa: ANN401 - the library has no types
    """Return the flags that this version needs.

    EXPLICIT_BATCH must be said in 8, means nothing in 10 and is gone in 11. STRONGLY_TYPED, there since 9,
    makes the builder keep the types of the file; 11 does nothing else.
    """
    kinds = trt.NetworkDefinitionCreationFlag
    names = ("EXPLICIT_BATCH", "STRONGLY_TYPED")
    return sum(1 << int(getattr(kinds, name)) for name in names if hasattr(kinds, name))


def _tell_precision(trt: Any, config: Any, network: Any, precision: str) -> None:  # noqa: ANN401 - the library has no types
    flags = trt.BuilderFlag
    if hasattr(flags, "TF32"):
        config.clear_flag(flags.TF32)  # on by default, with 10 bits of mantissa: fp32 shall mean fp32
    if hasattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED") or precision == "fp32":
        return
    # TensorRT 8 takes the file's types for a hint: allow half, and demand float where the file has float.
    # A mere preference may be dropped with no more than a warning; who obeys fails where it cannot be met
    config.set_flag(flags.FP16)
    config.set_flag(flags.OBEY_PRECISION_CONSTRAINTS)
    for i in range(network.num_layers):
        layer = network.get_layer(i)
        outputs = [layer.get_output(k).dtype for k in range(layer.num_outputs)]
        if layer.type != trt.LayerType.CONSTANT and outputs and all(d == trt.float32 for d in outputs):
            layer.precision = trt.float32
            for k in range(layer.num_outputs):
                layer.set_output_type(k, trt.float32)


def _attach_timing(config: Any, earlier: bytes) -> Any:  # noqa: ANN401 - the library has no types
    """Give the builder the timing cache of an earlier build, else a new one; None where it takes none."""
    for content in dict.fromkeys((earlier, b"")):
        cache = config.create_timing_cache(content)
        if cache is not None and config.set_timing_cache(cache, False):
            return cache
    return None
