"""The torch twin of a bundle: the same net in eager mode with weights of its own, to hold engines' speed to.

A bundle holds an ONNX graph, and no torch module can be had back from it; but the manifest says which module
it was exported from. The twin is that module, freshly drawn and untrained: its answers mean nothing, its
arithmetic is the bundle's. Compare `multiply_adds` with those of the graph before believing it.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from engines.bundle import Manifest
from engines.errors import EngineError
from engines.runtime import Float32
from training.detector import Detector, Standardiser
from training.errors import TrainingError
from training.heads import HeadSound, MeanError, choose_head
from training.models import WIDTHS, ModelDesign, make_model
from training.models.design import OWN_OPTIONS
from training.models.reconstructor import Comparison, TrainingSound
from training.seeding import seed_everything

UNNAMED_HEAD = "mahalanobis"
"""The head of bundles that were made when it was the only one, and not noted."""
NOISE_WINDOWS = 24
"""The head is fitted to so many windows of noise: its size counts, not its numbers."""


class Twin:
    """A torch module in eager mode that takes and gives NumPy arrays, as an engine does."""

    def __init__(self, manifest: Manifest, *, threads: int) -> None:
        """Make it, and let torch use `threads` threads from now on, in the whole process.

        Raises:
            EngineError: The manifest does not say what the model is, or its packages are missing.
        """
        torch.set_num_threads(threads)
        self.name = f"torch {torch.__version__} eager cpu fp32"
        self.shape = (manifest.mel, manifest.frames)
        try:
            self.detector = _detector(manifest)
        except (TrainingError, TypeError, ValueError) as error:
            raise EngineError(f"no torch module can be made like {manifest.kind}: {error}") from error

    def infer(self, batch: Float32) -> tuple[Float32, Float32, Float32]:
        """Return the three outputs for a batch of shape (n, mel, frames)."""
        with torch.inference_mode():
            score, error_map, reconstruction = self.detector(torch.from_numpy(batch))
        return score.numpy(), error_map.numpy(), reconstruction.numpy()

    @property
    def multiply_adds(self) -> int:
        """Of its convolutions and matrix products, for one window."""
        # not in inference mode, in which operators do not pass by where they are counted
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            self.detector(torch.zeros(1, *self.shape))
        return int(counter.get_total_flops()) // 2


def _design(manifest: Manifest) -> ModelDesign:
    notes = manifest.training
    options = {name: notes[name] for name in OWN_OPTIONS if name in notes}
    if "patch" in options:
        options["patch"] = tuple(options["patch"])
    head = notes.get("head", {}).get("name", UNNAMED_HEAD)
    # a head that nobody chose is noted by its class
    head = {MeanError.__name__: "mean"}.get(head, head)
    return ModelDesign(manifest.kind, tuple(notes.get("widths", WIDTHS)), head=head, **options)


def _detector(manifest: Manifest) -> Detector:
    seed_everything(0)
    design = _design(manifest)
    model = make_model(design, mel=manifest.mel, frames=manifest.frames)
    mean, std = (
        torch.tensor(values, dtype=torch.float32)
        for values in (manifest.standardisation_mean, manifest.standardisation_std)
    )
    standardiser = Standardiser(mean, std)
    noise = torch.randn(NOISE_WINDOWS, manifest.mel, manifest.frames)
    model.take_in(TrainingSound(standardiser.mean, standardiser.std, noise[:12], noise[:0]))
    detector = Detector(standardiser, model, MeanError()).eval()

    def windows() -> Iterator[Tensor]:
        return iter((noise,))

    def comparisons() -> Iterator[Comparison]:
        return map(model.compare, windows())

    with torch.no_grad():
        model.settle(windows)
        detector.head = choose_head(HeadSound(comparisons, comparisons, comparisons), design.head).head
    return detector.eval()
