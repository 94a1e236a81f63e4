"""Turns a torch module into a bundle, and refuses one that answers differently in ONNX Runtime.

The same weights give the same bytes, hence the same bundle_id, wherever and whenever they are exported
with the same version of torch.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import nn

from engines.backend_onnx import open_engine
from engines.build.half_check import with_half
from engines.bundle import (
    GOLDEN,
    INPUT_NAME,
    MODEL,
    OUTPUT_NAMES,
    WEIGHTS,
    Bundle,
    Manifest,
    entry_of_file,
    open_bundle,
    write_manifest,
)
from engines.golden import (
    GoldenWindows,
    compare_outputs,
    parity_for_manifest,
    require_parity,
    write_golden,
)
from engines.runtime import EngineOutput, Float32
from monitor.frontend import FrontendParameters

OPSET = 17
"""The newest that TensorRT 8.6 takes."""
RELATIVE_LIMIT = 1e-4
"""Between torch and ONNX Runtime on the machine that exports."""
GOLDEN_WINDOWS = 4


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a manifest says of a model beside what can be read off its files."""

    kind: str
    """Kind of model: `ae`, `mae`, ..."""
    frontend: FrontendParameters
    """Those that the model was trained behind."""
    standardisation_mean: Sequence[float]
    """Shape (mel,), log10 units."""
    standardisation_std: Sequence[float]
    """Shape (mel,), log10 units."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """Where the model comes from: run, seed, data, versions."""


def export_bundle(folder: Path, module: nn.Module, card: ModelCard, windows: Float32) -> Bundle:
    """Write a bundle to `folder`, in place of one that is there, and return it opened.

    `module` maps raw log-mel (n, mel, frames) to (score, error_map, reconstruction). `windows`, of the same
    shape, are normal sound that it is compared on; four of them become golden. A calibration in the old
    folder is gone: it belonged to the old model. The bundle has an fp16 file too, or the manifest says why
    not; see engines.build.half_check.

    Raises:
        EngineParityError: ONNX Runtime strays from torch; `folder` is left as it was.
    """
    staging = folder.with_name(folder.name + ".part")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    expected = output_of_module(module, windows)
    rows = np.unique(np.linspace(0, len(windows) - 1, GOLDEN_WINDOWS).astype(int))
    golden = GoldenWindows(windows[rows], _rows(expected, rows))
    try:
        write_onnx(staging / MODEL, module, windows.shape[1:])
        write_golden(staging / GOLDEN, golden)
        write_weights(staging / WEIGHTS, module)
        manifest = _manifest(staging, card, windows.shape[1:])
        parity = compare_outputs(expected, open_engine(Bundle(staging, manifest)).infer(windows))
        require_parity(parity, RELATIVE_LIMIT, f"the ONNX export of {card.kind}")
        bundle = Bundle(staging, replace(manifest, parity=parity_for_manifest(parity)))
        write_manifest(staging, with_half(bundle, windows))
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    if folder.exists():
        shutil.rmtree(folder)
    staging.replace(folder)
    return open_bundle(folder)


def add_to_bundle(bundle: Bundle, files: Mapping[str, str], metrics: Mapping[str, Any]) -> Bundle:
    """Write text files such as the calibration into a bundle, note metrics, and return it opened anew."""
    entries = dict(bundle.manifest.files)
    for name, text in files.items():
        (bundle.folder / name).write_text(text, encoding="utf-8")
        entries[name] = entry_of_file(bundle.folder / name)
    merged = {**bundle.manifest.metrics, **metrics}
    write_manifest(bundle.folder, replace(bundle.manifest, files=entries, metrics=merged))
    return open_bundle(bundle.folder)


def write_onnx(path: Path, module: nn.Module, window_shape: tuple[int, ...]) -> None:
    """Write `module` as fp32 ONNX with a dynamic batch and nothing else dynamic.

    The TorchScript exporter is used on purpose: it writes opset 17 and folds batch norm into convolutions,
    where the newer one writes opset 18 and converts down, in twenty times the time.
    """
    example = torch.zeros(2, *window_shape)
    part = path.with_name(path.name + ".part")
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore", DeprecationWarning)  # that it is the TorchScript exporter
        # that a size becomes a constant: all but the batch are, and parity on another batch would show that
        warnings.filterwarnings("ignore", "Converting a tensor to a Python")
        torch.onnx.export(
            module.eval().cpu(),
            (example,),
            str(part),
            input_names=[INPUT_NAME],
            output_names=list(OUTPUT_NAMES),
            dynamic_axes={name: {0: "n"} for name in (INPUT_NAME, *OUTPUT_NAMES)},
            opset_version=OPSET,
            dynamo=False,
        )
    path.write_bytes(_stable_bytes(onnx.load(str(part))))
    part.unlink()


def write_weights(path: Path, module: nn.Module) -> None:
    """Write the module's state as safetensors; the same weights give the same bytes."""
    save_file({name: values.contiguous() for name, values in module.state_dict().items()}, path)


def _stable_bytes(model: Any) -> bytes:  # noqa: ANN401 - onnx has no types
    """Return the model without what differs between exports of the same weights."""
    model.producer_version = ""
    model.doc_string = ""
    del model.metadata_props[:]
    for node in model.graph.node:
        node.doc_string = ""
    onnx.checker.check_model(model, full_check=True)
    stable: bytes = model.SerializeToString(deterministic=True)
    return stable


def output_of_module(module: nn.Module, windows: Float32) -> EngineOutput:
    """Return what torch answers on the CPU, shape (n, mel, frames) in."""
    with torch.inference_mode():
        score, error_map, reconstruction = module.eval().cpu()(torch.from_numpy(windows))
    return EngineOutput(score.numpy(), error_map.numpy(), reconstruction.numpy())


def _rows(output: EngineOutput, rows: NDArray[np.int64]) -> EngineOutput:
    return EngineOutput(output.score[rows], output.error_map[rows], output.reconstruction[rows])


def _manifest(folder: Path, card: ModelCard, window_shape: tuple[int, ...]) -> Manifest:
    mel, frames = window_shape
    return Manifest(
        kind=card.kind,
        frontend=asdict(card.frontend),
        frontend_digest=card.frontend.digest,
        mel=mel,
        frames=frames,
        standardisation_mean=tuple(float(x) for x in np.ravel(card.standardisation_mean)),
        standardisation_std=tuple(float(x) for x in np.ravel(card.standardisation_std)),
        files={name: entry_of_file(folder / name) for name in (MODEL, GOLDEN, WEIGHTS)},
        training=dict(card.training),
    )
