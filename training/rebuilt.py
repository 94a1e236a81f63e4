"""From a bundle back to the torch module that it was exported from.

The manifest says which module it was: kind, options, head, sizes. `weights.safetensors` has its state. What
comes back must answer the bundle's golden windows as training did, so that nothing that is said of the module
(its gradients, its faithfulness) can be about another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from engines.build.export import output_of_module
from engines.bundle import WEIGHTS, Bundle, Manifest
from engines.golden import RELATIVE_LIMITS, compare_outputs, read_golden, require_parity
from training.detector import Detector, Standardiser
from training.errors import TrainingError
from training.heads import MeanError, unfitted_head
from training.models import ENCODER, WIDTHS, ModelDesign, make_model
from training.models.design import OWN_OPTIONS
from training.models.dra import DraDetector
from training.models.reconstructor import Reconstructor

UNNAMED_HEAD = "mahalanobis"
"""The head of bundles that were made when it was the only one, and not noted."""
SEEN_HEAD = "seen_head"
"""Note of dra: whether it learned from labelled anomalies."""


def detector_of_bundle(bundle: Bundle) -> Detector:
    """Return the detector that a bundle was exported from, on the CPU: to be asked, not to be trained on.

    hfrae: the frozen encoder's weights come from the bundle, its network from the encoder's module, which
    wants its package to be installed (docs/models.md).

    Raises:
        TrainingError: The bundle has no weights, or they do not fit what its manifest says.
        EngineParityError: The golden windows are answered otherwise; the text has the numbers.
    """
    manifest = bundle.manifest
    if WEIGHTS not in manifest.files:
        raise TrainingError(
            f"{bundle.folder}: holds no {WEIGHTS}, for it was made by an older version or not by "
            "`wheeltapper train`; only its answers can be had, no gradient: train it anew"
        )
    try:
        detector = module_of_manifest(manifest)
        detector.load_state_dict(load_file(bundle.folder / WEIGHTS))
    except (RuntimeError, SafetensorError, TypeError, ValueError) as error:
        raise TrainingError(
            f"{bundle.folder / WEIGHTS}: does not fit the {manifest.kind} that the manifest describes "
            f"({error}); use the version that made the bundle, or train it anew"
        ) from error
    golden = read_golden(bundle)
    parity = compare_outputs(golden.expected, output_of_module(detector, golden.logmel))
    limit = manifest.tolerance.get("fp32", RELATIVE_LIMITS["fp32"])
    require_parity(parity, limit, f"the module rebuilt from {bundle.bundle_id}")
    return detector.requires_grad_(requires_grad=False)


def module_of_manifest(manifest: Manifest) -> Detector:
    """Return a module like the one that a manifest describes, with weights of its own that mean nothing.

    Raises:
        TrainingError: The manifest does not say what the module is, or a package of its encoder is missing.
    """
    notes = manifest.training
    model = make_model(_design(manifest.kind, notes), mel=manifest.mel, frames=manifest.frames)
    if isinstance(model, DraDetector):
        model.heads.uses_seen = bool(notes.get(SEEN_HEAD, "anomalies" in notes))
    mean, std = (
        torch.tensor(values, dtype=torch.float32)
        for values in (manifest.standardisation_mean, manifest.standardisation_std)
    )
    detector = Detector(Standardiser(mean, std), model, MeanError()).eval()
    with torch.no_grad():
        found = detector.compare(torch.zeros(1, manifest.mel, manifest.frames))
        detector.head = unfitted_head(_head_name(notes), found)
    return detector.eval()


def notes_of_design(design: ModelDesign, model: Reconstructor) -> dict[str, Any]:
    """Return what a manifest must say of a model so that it can be made again."""
    return {
        "widths": list(design.widths),
        **({"encoder": ENCODER} if design.kind == "hfrae" else {}),
        **({SEEN_HEAD: model.heads.uses_seen} if isinstance(model, DraDetector) else {}),
        **design.chosen,
    }


def _design(kind: str, notes: Mapping[str, Any]) -> ModelDesign:
    options = {name: notes[name] for name in OWN_OPTIONS if name in notes}
    if "patch" in options:
        options["patch"] = tuple(options["patch"])
    return ModelDesign(kind, tuple(notes.get("widths", WIDTHS)), **options)


def _head_name(notes: Mapping[str, Any]) -> str:
    name = str(notes.get("head", {}).get("name", UNNAMED_HEAD))
    # a head that nobody chose is noted by its class
    return {MeanError.__name__: "mean"}.get(name, name)
