"""The torch twin of a bundle: the same net in eager mode with weights of its own, to hold engines' speed to.

The manifest says which module a bundle was exported from. The twin is that module, freshly drawn and
untrained: its answers mean nothing, its arithmetic is the bundle's. It needs no weights, so that bundles of
any age have one; training.rebuilt gives the trained module itself, where the bundle holds its weights.
Compare `multiply_adds` with those of the graph before believing it.
"""

from __future__ import annotations

import torch
from torch.utils.flop_counter import FlopCounterMode

from engines.bundle import Manifest
from engines.errors import EngineError
from engines.runtime import Float32
from training.errors import TrainingError
from training.rebuilt import module_of_manifest
from training.seeding import seed_everything


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
        seed_everything(0)
        try:
            self.detector = module_of_manifest(manifest)
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
