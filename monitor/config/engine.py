"""The section `engine` of config.yaml: which model runs, and on what."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from monitor.config.section import Section


class EngineConfig(Section):
    """Which model runs, and on what."""

    bundle: Path | None = Field(
        default=None, description="Folder of the bundle; default: the demo bundle that is embedded."
    )
    backend: Literal["auto", "tensorrt", "onnxruntime"] = Field(
        default="auto",
        description="`auto` takes TensorRT where it works, else ONNX Runtime, and says which and why in "
        "health, status and every score. A backend that is named is used or refused.",
    )
    precision: Literal["fp32", "fp16"] = Field(
        default="fp32",
        description="Which model of the bundle runs: model.onnx or model.fp16.onnx.",
    )
    build_plans: bool = Field(
        default=True,
        description="true: a TensorRT plan that is missing is built at start, which may take minutes. "
        "false: only `wheeltapper engine build` makes plans.",
    )
    opt_batch: int = Field(
        default=8,
        ge=1,
        le=1024,
        description="Windows in one call for which a TensorRT plan is tuned: about as many as there are "
        "sources.",
    )
    threads: int = Field(default=1, ge=1, le=64, description="CPU threads of the engine.")
    max_batch: int = Field(
        default=64,
        ge=1,
        le=1024,
        description="Most windows in one turn, and in one call of a TensorRT plan. ONNX Runtime takes eight "
        "in a call: more would cost memory and save no time.",
    )
    queue_windows: int = Field(
        default=256,
        ge=1,
        le=65536,
        description="Windows that may wait for the engine. When full, the source that has had most of its "
        "time lately and waits for most loses its oldest; its alarm is then uncertain.",
    )
